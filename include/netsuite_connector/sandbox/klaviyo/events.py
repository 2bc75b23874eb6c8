"""Events: sent one at a time or in bulk, recorded once per profile, metric and unique id."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from netsuite_connector.sandbox.klaviyo.account import Account, Answer, Call, Handler
from netsuite_connector.sandbox.klaviyo.checks import (
    LARGEST_EVENT_PROFILE,
    all_small,
    check_count,
    event_problems,
    profile_problems,
)
from netsuite_connector.sandbox.klaviyo.clock import iso, parse_moment
from netsuite_connector.sandbox.klaviyo.contract import MOST_PROBLEMS
from netsuite_connector.sandbox.klaviyo.database import as_list, dump, load
from netsuite_connector.sandbox.klaviyo.identifiers import (
    PROFILE_PREFIX,
    decode,
    encode,
    is_test_domain,
    profile_id,
)
from netsuite_connector.sandbox.klaviyo.jobs import Job, Outcome, Processor
from netsuite_connector.sandbox.klaviyo.metrics import API, metric_id, metric_resource
from netsuite_connector.sandbox.klaviyo.people import (
    Identity,
    IdentityConflictError,
    People,
    Profile,
    identity_of,
    merge,
    patch_properties,
    profile_from,
)
from netsuite_connector.sandbox.klaviyo.problems import Problem, Refusal, invalid, not_found
from netsuite_connector.sandbox.klaviyo.profiles import profile_resource
from netsuite_connector.sandbox.klaviyo.query import Filterable, moment, page, sparse, where

KIND: Final = "event-bulk-create-job"
MOST_EVENTS: Final = 1_000
BACKFILL_SINCE: Final = "2026-07-15"  # the revision that brought `backfill`

FILTERS: Final = {
    "metric_id": Filterable("metric", lambda identifier: decode("MTR", identifier) or 0),
    "profile_id": Filterable("profile", lambda identifier: decode(PROFILE_PREFIX, identifier) or 0),
    "datetime": Filterable("at", moment),
    "timestamp": Filterable("at", int),
}


@dataclass(frozen=True, slots=True)
class Sent:
    """One event as it was sent: its profile, its attributes, and where it stands in the request."""

    profile: Mapping[str, Any]
    attributes: Mapping[str, Any]
    backfill: bool
    pointer: str


def _submit(account: Account, call: Call) -> Answer:
    groups = call.body["data"]["attributes"]["events-bulk-create"]["data"]
    events = list(_events(groups))
    check_count(events, MOST_EVENTS, "event", "/data/attributes/events-bulk-create/data")
    problems: list[Problem] = []
    for number, group in enumerate(groups):
        pointer = f"/data/attributes/events-bulk-create/data/{number}/attributes/profile/data"
        problems.extend(_profile_problems(group["attributes"]["profile"]["data"], pointer, call))
    problems.extend(_problems(account, call, events))
    if not account.settings.discard_repeats:
        problems.extend(_repeats(events))
    if problems:
        raise Refusal(*problems[:MOST_PROBLEMS])
    account.jobs.submit(KIND, call.body["data"], len(events))
    return Answer(202)


def _submit_one(account: Account, call: Call) -> Answer:
    group = _as_group(call.body["data"])
    pointer = "/data/attributes/profile/data"
    profile = group["attributes"]["profile"]["data"]
    sent = Sent(profile, call.body["data"]["attributes"], backfill=False, pointer="/data")
    problems = [*_profile_problems(profile, pointer, call), *_problems(account, call, [sent])]
    if problems:
        raise Refusal(*problems)
    body = {"attributes": {"events-bulk-create": {"data": [group]}}}
    account.jobs.submit(KIND, body, 1)
    return Answer(202)


def _as_group(resource: dict[str, Any]) -> dict[str, Any]:
    """A single event in the shape of a bulk request, where the profile's meta isn't among its attributes."""
    profile = resource["attributes"]["profile"]["data"]
    attributes = {name: value for name, value in profile["attributes"].items() if name != "meta"}
    event = {name: value for name, value in resource["attributes"].items() if name != "profile"}
    return {
        "attributes": {
            "profile": {
                "data": {**profile, "attributes": attributes, "meta": profile["attributes"].get("meta")}
            },
            "events": {"data": [{"type": "event", "attributes": event}]},
        }
    }


def _events(groups: list[dict[str, Any]]) -> Iterator[Sent]:
    for number, group in enumerate(groups):
        attributes = group["attributes"]
        backfill = bool(attributes.get("backfill"))
        pointer = f"/data/attributes/events-bulk-create/data/{number}/attributes/events/data"
        for place, event in enumerate(attributes["events"]["data"]):
            own = event["attributes"].get("backfill")
            yield Sent(
                attributes["profile"]["data"],
                event["attributes"],
                backfill if own is None else bool(own) or backfill,
                f"{pointer}/{place}",
            )


def _problems(account: Account, call: Call, events: list[Sent]) -> Iterator[Problem]:
    now = account.clock.now()
    small = all_small([sent.attributes["properties"] for sent in events])
    for sent in events:
        yield from event_problems(sent.attributes, f"{sent.pointer}/attributes", now, small=small)
        if call.revision < BACKFILL_SINCE and (sent.backfill or "backfill" in sent.attributes):
            yield invalid(
                "'backfill' is not a valid field for the resource 'event'.",
                f"{sent.pointer}/attributes/backfill",
            )


def _profile_problems(profile: dict[str, Any], pointer: str, call: Call) -> Iterator[Problem]:
    largest = LARGEST_EVENT_PROFILE if len(call.raw) > LARGEST_EVENT_PROFILE else None
    yield from profile_problems(profile, pointer, largest=largest)
    known = profile["attributes"]
    if identity_of(profile).empty and not (known.get("anonymous_id") or known.get("_kx")):
        yield invalid("At least one identifier of the profile is required.", f"{pointer}/attributes")


def _repeats(events: list[Sent]) -> Iterator[Problem]:
    """Events whose unique id another one of the same request has, for the same profile and metric."""
    seen: set[tuple[Identity, str, str]] = set()
    for sent in events:
        unique = sent.attributes.get("unique_id")
        if unique is None:
            continue
        key = (identity_of(sent.profile), sent.attributes["metric"]["data"]["attributes"]["name"], unique)
        if key in seen:
            detail = "This unique_id is repeated for the same profile and metric."
            yield invalid(detail, f"{sent.pointer}/attributes/unique_id")
        seen.add(key)


def _process(account: Account, job: Job) -> Outcome:
    database = account.database
    groups = job.body["attributes"]["events-bulk-create"]["data"]
    people = People(database, account.clock.now())
    identities = [identity_of(group["attributes"]["profile"]["data"]) for group in groups]
    people.load(identities)
    metrics = _metrics(account, groups)
    rows: list[tuple[Any, ...]] = []
    dropped = total = 0
    for group, identity in zip(groups, identities, strict=True):
        events = list(_events([group]))
        total += len(events)
        profile = (
            None
            if is_test_domain(identity.email)
            else _person(people, group["attributes"]["profile"]["data"], identity)
        )
        if profile is None:
            dropped += len(events)
            continue
        for sent in events:
            row = _row(profile, metrics, sent, job.created)
            rows.append(row)
            profile.last_event = max(profile.last_event or 0, row[3])
    people.save()
    recorded = database.change_many(
        "INSERT OR IGNORE INTO events (profile, metric, unique_id, at, value, currency, properties, backfill)"
        " VALUES (?,?,?,?,?,?,?,?)",
        rows,
    )
    database.count("events dropped", dropped)
    database.count("events repeated", len(rows) - recorded)
    return Outcome(total, [])


def _person(people: People, resource: dict[str, Any], identity: Identity) -> Profile | None:
    """The profile of a group of events, made or updated from what came with them; None when nobody is meant.

    A phone number of somebody else doesn't lose the events: they are recorded for the one the e-mail address
    means.
    """
    profile = people.find(identity)
    try:
        people.check(profile, identity)
    except IdentityConflictError:
        identity = Identity(identity.seq, identity.email, None, identity.external_id)
        profile = people.find(identity)
    if profile is None and (identity.empty or identity.seq is not None):
        return None
    profile = profile or people.create()
    people.identify(profile, identity)
    merge(profile.document, resource["attributes"], null_clears=False)
    patch_properties(profile.document, resource.get("meta"))
    people.touch(profile)
    return profile


def _metrics(account: Account, groups: list[dict[str, Any]]) -> dict[str, int]:
    """The numbers of all metrics of a request by name, made where they are new."""
    database = account.database
    names = {sent.attributes["metric"]["data"]["attributes"]["name"] for sent in _events(groups)}
    now = account.clock.now()
    database.change_many(
        "INSERT OR IGNORE INTO metrics (name, created) VALUES (?,?)", ((name, now) for name in sorted(names))
    )
    rows = database.rows(
        "SELECT name, seq FROM metrics WHERE name IN (SELECT value FROM json_each(?)) AND integration = ?",
        (as_list(names), API),
    )
    return {row["name"]: row["seq"] for row in rows}


def _row(profile: Profile, metrics: Mapping[str, int], sent: Sent, received: float) -> tuple[Any, ...]:
    attributes = sent.attributes
    moment_of = parse_moment(attributes["time"]) if attributes.get("time") else None
    at = int(moment_of.timestamp() if moment_of else received)
    return (
        profile.seq,
        metrics[attributes["metric"]["data"]["attributes"]["name"]],
        attributes.get("unique_id") or str(at),
        at,
        attributes.get("value"),
        attributes.get("value_currency"),
        dump(attributes["properties"]),
        sent.backfill,
    )


def event_id(seq: int) -> str:
    """The id of an event that callers see."""
    return encode("EVT", seq, 14)


def _list(account: Account, call: Call) -> Answer:
    sort = call.query.get("sort", "datetime")
    found = page(
        account.database,
        "SELECT * FROM events",
        where(call, FILTERS),
        call,
        sort="-at" if sort.startswith("-") else "at",
    )
    document: dict[str, Any] = {"data": [_resource(row, call) for row in found.rows], "links": found.links}
    _include(account, call, found.rows, document)
    return Answer(200, document)


def _get(account: Account, call: Call) -> Answer:
    row = account.database.row("SELECT * FROM events WHERE seq = ?", (decode("EVT", call.id),))
    if row is None:
        raise Refusal(not_found("event", call.id))
    document: dict[str, Any] = {"data": _resource(row, call)}
    _include(account, call, [row], document)
    return Answer(200, document)


def _include(account: Account, call: Call, rows: list[sqlite3.Row], document: dict[str, Any]) -> None:
    """Adds the profiles and metrics of the events where ``include`` asks for them."""
    wanted = call.query.get("include", "").split(",")
    included: list[dict[str, Any]] = []
    if "profile" in wanted:
        seqs = as_list({row["profile"] for row in rows})
        found = account.database.rows(
            "SELECT * FROM profiles WHERE seq IN (SELECT value FROM json_each(?))", (seqs,)
        )
        included += [profile_resource(profile_from(row), call.query, call.base) for row in found]
    if "metric" in wanted:
        seqs = as_list({row["metric"] for row in rows})
        found = account.database.rows(
            "SELECT * FROM metrics WHERE seq IN (SELECT value FROM json_each(?))", (seqs,)
        )
        included += [metric_resource(row, call) for row in found]
    if "include" in call.query:
        document["included"] = included


def _resource(row: sqlite3.Row, call: Call) -> dict[str, Any]:
    identifier = event_id(row["seq"])
    address = f"{call.base}/api/events/{identifier}"
    properties = {**load(row["properties"]), "$event_id": row["unique_id"]}
    if row["value"] is not None:
        properties["$value"] = row["value"]
    if row["currency"] is not None:
        properties["$currency_code"] = row["currency"]
    resource = {
        "type": "event",
        "id": identifier,
        "attributes": {
            "timestamp": row["at"],
            "event_properties": properties,
            "datetime": iso(row["at"]),
            "uuid": f"00000000-0000-4000-8000-{row['seq']:012x}",
        },
        "relationships": {
            "profile": {"data": {"type": "profile", "id": profile_id(row["profile"])}},
            "metric": {"data": {"type": "metric", "id": metric_id(row["metric"])}},
        },
        "links": {"self": address},
    }
    return sparse(resource, call.query)


HANDLERS: Final[dict[str, Handler]] = {
    "bulk_create_events": _submit,
    "create_event": _submit_one,
    "get_events": _list,
    "get_event": _get,
}
PROCESSORS: Final[dict[str, Processor]] = {KIND: _process}
