"""Subscribing and unsubscribing, which Klaviyo takes as jobs that nobody can follow."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from netsuite_connector.sandbox.klaviyo.account import Account, Answer, Call, Handler
from netsuite_connector.sandbox.klaviyo.checks import address_problems, check_count
from netsuite_connector.sandbox.klaviyo.clock import iso, parse_moment
from netsuite_connector.sandbox.klaviyo.consent import (
    LIFTED_BY_SUBSCRIBING,
    UNSUBSCRIBED_FROM_LIST,
    Action,
    Entry,
    Reason,
    log,
    record_event,
    suppress,
)
from netsuite_connector.sandbox.klaviyo.database import Database
from netsuite_connector.sandbox.klaviyo.identifiers import decode
from netsuite_connector.sandbox.klaviyo.jobs import Job, Outcome, Processor
from netsuite_connector.sandbox.klaviyo.members import join, leave
from netsuite_connector.sandbox.klaviyo.people import Identity, People, Profile, identity_of
from netsuite_connector.sandbox.klaviyo.problems import Problem, Refusal, invalid, not_found

SUBSCRIBE: Final = "profile-subscription-bulk-create-job"
UNSUBSCRIBE: Final = "profile-subscription-bulk-delete-job"
MOST_SUBSCRIBED: Final = 1_000
MOST_UNSUBSCRIBED: Final = 100
BETWEEN_SUBSCRIPTIONS: Final = 30 * 60.0  # a profile is subscribed at most once in this many seconds
ADDRESSES: Final = {"email": "email", "sms": "phone_number"}  # what each channel needs
_ROWS: Final = "/data/attributes/profiles/data"


def _submit_subscribe(account: Account, call: Call) -> Answer:
    data = call.body["data"]
    rows = data["attributes"]["profiles"]["data"]
    check_count(rows, MOST_SUBSCRIBED, "profile", _ROWS)
    problems = [*address_problems(rows, _ROWS), *_list_problems(account, data)]
    historical = bool(data["attributes"].get("historical_import"))
    for number, row in enumerate(rows):
        for channel, wish in _wishes(row):
            address = ADDRESSES[channel]
            if not (row["attributes"].get(address) or row.get("id")):
                detail = f"Subscribing to {channel} needs an {address}."
                problems.append(invalid(detail, f"{_ROWS}/{number}/attributes/{address}"))
            pointer = f"{_ROWS}/{number}/attributes/subscriptions/{channel}/marketing/consented_at"
            consented = wish.get("consented_at")
            moment = parse_moment(consented) if consented else None
            if consented and not historical:
                problems.append(invalid("Only allowed in a historical import.", pointer))
            elif historical and (moment is None or moment.timestamp() > account.clock.now()):
                problems.append(invalid("A historical import needs a moment in the past.", pointer))
    return _accept(account, SUBSCRIBE, data, rows, problems)


def _submit_unsubscribe(account: Account, call: Call) -> Answer:
    data = call.body["data"]
    rows = data["attributes"]["profiles"]["data"]
    check_count(rows, MOST_UNSUBSCRIBED, "profile", _ROWS)
    return _accept(
        account, UNSUBSCRIBE, data, rows, [*address_problems(rows, _ROWS), *_list_problems(account, data)]
    )


def _accept(account: Account, kind: str, data: Any, rows: list[Any], problems: list[Problem]) -> Answer:
    if problems:
        raise Refusal(*problems)
    account.jobs.submit(kind, data, len(rows))
    return Answer(202)


def _list_problems(account: Account, data: dict[str, Any]) -> Iterator[Problem]:
    name = _list_of(data)
    if name and account.database.row("SELECT 1 FROM lists WHERE seq = ?", (decode("L", name),)) is None:
        yield not_found("list", name)


def _list_of(data: dict[str, Any]) -> str | None:
    relation = (data.get("relationships") or {}).get("list") or {}
    identifier: str | None = relation["data"]["id"] if "data" in relation else None
    return identifier


def _wishes(row: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The marketing channels of a row and what is asked for each."""
    wanted = row["attributes"]["subscriptions"]
    for channel in ADDRESSES:
        marketing = (wanted.get(channel) or {}).get("marketing")
        if marketing:
            yield channel, marketing


def _subscribe(account: Account, job: Job) -> Outcome:
    database, attributes = account.database, job.body["attributes"]
    rows = attributes["profiles"]["data"]
    historical = bool(attributes.get("historical_import"))
    method = attributes.get("custom_source") or "API"
    name = _list_of(job.body)
    target = database.row("SELECT * FROM lists WHERE seq = ?", (decode("L", name),)) if name else None
    people = People(database, account.clock.now())
    people.load(identity_of(row) for row in rows)
    for row in rows:
        identity = identity_of(row)
        profile = people.ensure(identity, create=target is not None or historical)
        for channel, wish in _wishes(row):
            entry = Entry(Action.SUBSCRIBED, channel, method, name, (), wish.get("consented_at"), historical)
            _subscribe_one(account, people, profile, target, entry)
    people.save()
    return Outcome(len(rows), [])


def _subscribe_one(
    account: Account, people: People, profile: Profile | None, target: sqlite3.Row | None, entry: Entry
) -> None:
    database, now = account.database, people.now
    if profile is None:
        log(database, now, None, _with(entry, Action.IGNORED_UNKNOWN))
        return
    state = profile.consent.setdefault(entry.channel, {})
    if now - state.get("asked", float("-inf")) < BETWEEN_SUBSCRIPTIONS:
        log(database, now, profile.seq, _with(entry, Action.IGNORED_RECENT))
        return
    state["asked"] = now
    double = account.settings.double_opt_in if target is None else target["opt_in"] == "double_opt_in"
    if double and not entry.historical:
        state["pending"] = entry.list
        log(database, now, profile.seq, _with(entry, Action.CONFIRMATION_SENT))
    else:
        _grant(people, profile, target, entry)
    people.touch(profile)


def _grant(people: People, profile: Profile, target: sqlite3.Row | None, entry: Entry) -> None:
    """Subscribes a profile, which lifts what subscribing lifts, and adds it to the list."""
    database, now = people.database, people.now
    state = profile.consent.setdefault(entry.channel, {})
    state.pop("pending", None)
    held = state.get("suppression", [])
    lifted = tuple(one["reason"] for one in held if one["reason"] in LIFTED_BY_SUBSCRIBING)
    state.update(
        consent="SUBSCRIBED",
        consent_timestamp=entry.consented_at or iso(now),
        last_updated=iso(now),
        method=entry.method,
        double_optin=False,
        suppression=[one for one in held if one["reason"] not in LIFTED_BY_SUBSCRIBING],
        list_suppressions=[one for one in state.get("list_suppressions", []) if one["list_id"] != entry.list],
    )
    if not state["suppression"]:
        profile.suppressed = None
    if target is not None:
        join(database, target["seq"], [profile.seq], now, wakes_flows=not entry.historical)
    log(database, now, profile.seq, _with(entry, Action.SUBSCRIBED, lifted))
    people.touch(profile)


def confirm(account: Account, email: str) -> bool:
    """A person follows the link of a double opt-in; False when no confirmation was sent to them."""
    database = account.database
    people = People(database, account.clock.now())
    identity = Identity(None, email.lower(), None, None)
    people.load([identity])
    profile = people.find(identity)
    if profile is None or "pending" not in profile.consent.get("email", {}):
        return False
    name = profile.consent["email"]["pending"]
    target = database.row("SELECT * FROM lists WHERE seq = ?", (decode("L", name),)) if name else None
    entry = Entry(Action.SUBSCRIBED, "email", "person", name)
    with database.transaction():
        _grant(people, profile, target, entry)
        profile.consent["email"]["double_optin"] = True
        people.save()
    return True


def _with(entry: Entry, action: Action, lifted: tuple[str, ...] = ()) -> Entry:
    return Entry(
        action, entry.channel, entry.method, entry.list, lifted, entry.consented_at, entry.historical
    )


def _unsubscribe(account: Account, job: Job) -> Outcome:
    database, rows = account.database, job.body["attributes"]["profiles"]["data"]
    name = _list_of(job.body)
    people = People(database, account.clock.now())
    people.load(identity_of(row) for row in rows)
    for row in rows:
        profile = people.ensure(identity_of(row), create=True)
        for channel, _ in _wishes(row):
            if profile:
                _unsubscribe_one(database, people, profile, channel, name)
    people.save()
    return Outcome(len(rows), [])


def _unsubscribe_one(
    database: Database, people: People, profile: Profile, channel: str, name: str | None
) -> None:
    now = people.now
    state = profile.consent.setdefault(channel, {})
    people.touch(profile)
    state.pop("pending", None)
    if name and leave(database, decode("L", name) or 0, [profile.seq]):
        held = state.setdefault("list_suppressions", [])
        held.append({"list_id": name, "reason": Reason.UNSUBSCRIBE.value, "timestamp": iso(now)})
        log(database, now, profile.seq, Entry(Action.UNSUBSCRIBED_FROM_LIST, channel, "API", name))
        record_event(database, profile.seq, UNSUBSCRIBED_FROM_LIST, now)
    elif channel == "email":
        # Also when a list was named that the profile is not in: then it is unsubscribed from everything.
        suppress(database, profile, Reason.UNSUBSCRIBE, now, "API")
    else:
        state.update(consent="UNSUBSCRIBED", consent_timestamp=iso(now), last_updated=iso(now), method="API")
        log(database, now, profile.seq, Entry(Action.UNSUBSCRIBED, channel, "API", name))


HANDLERS: Final[dict[str, Handler]] = {
    "bulk_subscribe_profiles": _submit_subscribe,
    "bulk_unsubscribe_profiles": _submit_unsubscribe,
}
PROCESSORS: Final[dict[str, Processor]] = {SUBSCRIBE: _subscribe, UNSUBSCRIBE: _unsubscribe}
