"""Suppressing e-mail addresses, or everybody on a list, by hand, and lifting that again."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from netsuite_connector.sandbox.klaviyo.account import Account, Answer, Call, Handler
from netsuite_connector.sandbox.klaviyo.checks import address_problems, check_count
from netsuite_connector.sandbox.klaviyo.clock import iso
from netsuite_connector.sandbox.klaviyo.consent import Action, Entry, Reason, log, suppress
from netsuite_connector.sandbox.klaviyo.jobs import EXPIRY, Job, Outcome, Processor, job_id
from netsuite_connector.sandbox.klaviyo.lists import existing_list
from netsuite_connector.sandbox.klaviyo.people import Identity, People, identity_of
from netsuite_connector.sandbox.klaviyo.problems import Problem, Refusal, invalid, not_found
from netsuite_connector.sandbox.klaviyo.query import Filterable, page, where

SUPPRESS: Final = "profile-suppression-bulk-create-job"
UNSUPPRESS: Final = "profile-suppression-bulk-delete-job"
MOST_ADDRESSES: Final = 100
_ROWS: Final = "/data/attributes/profiles/data"


def _submit(account: Account, call: Call) -> Answer:
    data = call.body["data"]
    kind = data["type"]
    rows = _addresses(data)
    relations = data.get("relationships") or {}
    if "data" in (relations.get("segment") or {}):
        detail = "The sandbox account has no segments."
        raise Refusal(Problem(404, "not_found", "Not found.", detail, pointer="/data/relationships/segment"))
    name = _list_of(data)
    members: list[int] | None = None
    if name is not None and not rows:
        target = existing_list(account.database, name)["seq"]
        found = account.database.rows("SELECT profile FROM members WHERE list = ?", (target,))
        members = [row["profile"] for row in found]
    else:
        if name is not None:
            raise Refusal(invalid("Give either profiles or a list.", "/data/relationships/list"))
        check_count(rows, MOST_ADDRESSES, "profile", _ROWS)
        problems = list(address_problems(rows, _ROWS))
        if problems:
            raise Refusal(*problems)
    body = {**data, "members": members}
    row = account.jobs.submit(kind, body, len(rows) if members is None else len(members), queued=False)
    return Answer(202, {"data": _resource(account, row, call)})


def _addresses(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list((data["attributes"].get("profiles") or {}).get("data", []))


def _list_of(data: Mapping[str, Any]) -> str | None:
    """The id of the list whose members are meant, or None."""
    relation = (data.get("relationships") or {}).get("list") or {}
    return str(relation["data"]["id"]) if "data" in relation else None


def _list(account: Account, call: Call) -> Answer:
    status = Filterable("iif(completed IS NULL, 'processing', 'complete')")
    conditions = where(call, {"status": status})
    conditions.add("kind = ? AND created > ?", _kind(call), account.clock.now() - EXPIRY)
    sort = call.query.get("sort", "created")
    found = page(account.database, "SELECT * FROM jobs", conditions, call, sort=sort)
    return Answer(200, {"data": [_resource(account, row, call) for row in found.rows], "links": found.links})


def _kind(call: Call) -> str:
    return call.endpoint.path.split("/")[2].removesuffix("s")


def _get(account: Account, call: Call) -> Answer:
    kind = _kind(call)
    row = account.jobs.find(kind, call.id)
    if row is None:
        raise Refusal(not_found(kind, call.id))
    return Answer(200, {"data": _resource(account, row, call)})


def _resource(account: Account, row: sqlite3.Row, call: Call) -> dict[str, Any]:
    return {
        "type": row["kind"],
        "id": job_id(row),
        "attributes": {
            "status": account.jobs.status(row),
            "created_at": iso(row["created"]),
            "total_count": row["total"],
            "completed_count": row["done"],
            "completed_at": iso(row["completed"]),
            "skipped_count": row["skipped"],
        },
        "links": {"self": f"{call.base}/api/{row['kind']}s/{job_id(row)}"},
    }


def _process(account: Account, job: Job) -> Outcome:
    people = People(account.database, account.clock.now())
    identities = _identities(job)
    people.load(identities)
    done = 0
    for identity in identities:
        # Suppressing creates the profile, so that an address can be kept out before it is ever imported.
        profile = people.ensure(identity, create=job.kind == SUPPRESS)
        held = [] if profile is None else profile.consent.get("email", {}).get("suppression", [])
        suppressed = Reason.USER_SUPPRESSED in {one["reason"] for one in held}
        if profile is None or suppressed == (job.kind == SUPPRESS):
            continue
        done += 1
        people.touch(profile)
        if job.kind == SUPPRESS:
            suppress(account.database, profile, Reason.USER_SUPPRESSED, people.now, "API")
            continue
        left = [one for one in held if one["reason"] != Reason.USER_SUPPRESSED]
        profile.consent["email"].update(suppression=left, last_updated=iso(people.now))
        profile.suppressed = profile.suppressed if left else None
        entry = Entry(Action.UNSUPPRESSED, "email", "API", None, (Reason.USER_SUPPRESSED.value,))
        log(account.database, people.now, profile.seq, entry)
    people.save()
    return Outcome(done, [], skipped=len(identities) - done)


def _identities(job: Job) -> list[Identity]:
    """Whom a job means: the addresses it was sent, or those who were on its list."""
    members = job.body["members"]
    if members is None:
        return [identity_of(row) for row in _addresses(job.body)]
    return [Identity(seq, None, None, None) for seq in members]


HANDLERS: Final[dict[str, Handler]] = {
    "bulk_suppress_profiles": _submit,
    "bulk_unsuppress_profiles": _submit,
    "get_bulk_suppress_profiles_jobs": _list,
    "get_bulk_unsuppress_profiles_jobs": _list,
    "get_bulk_suppress_profiles_job": _get,
    "get_bulk_unsuppress_profiles_job": _get,
}
PROCESSORS: Final[dict[str, Processor]] = {SUPPRESS: _process, UNSUPPRESS: _process}
