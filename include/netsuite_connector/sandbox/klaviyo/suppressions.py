"""Suppressing e-mail addresses by hand, and lifting that again."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from netsuite_connector.sandbox.klaviyo.account import Account, Answer, Call, Handler
from netsuite_connector.sandbox.klaviyo.checks import address_problems, check_count
from netsuite_connector.sandbox.klaviyo.clock import iso
from netsuite_connector.sandbox.klaviyo.consent import Action, Entry, Reason, log, suppress
from netsuite_connector.sandbox.klaviyo.jobs import Job, Outcome, Processor, job_id
from netsuite_connector.sandbox.klaviyo.people import People, identity_of
from netsuite_connector.sandbox.klaviyo.problems import Refusal, not_found

SUPPRESS: Final = "profile-suppression-bulk-create-job"
UNSUPPRESS: Final = "profile-suppression-bulk-delete-job"
MOST_ADDRESSES: Final = 100
_ROWS: Final = "/data/attributes/profiles/data"


def _submit(account: Account, call: Call) -> Answer:
    data = call.body["data"]
    kind = data["type"]
    rows = (data["attributes"].get("profiles") or {}).get("data", [])
    check_count(rows, MOST_ADDRESSES, "profile", _ROWS)
    problems = list(address_problems(rows, _ROWS))
    if problems:
        raise Refusal(*problems)
    row = account.jobs.submit(kind, data, len(rows), queued=False)
    return Answer(202, {"data": _resource(account, row, call)})


def _get(account: Account, call: Call) -> Answer:
    kind = call.endpoint.path.split("/")[2].removesuffix("s")
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
    rows = job.body["attributes"]["profiles"]["data"]
    people = People(account.database, account.clock.now())
    people.load(identity_of(row) for row in rows)
    done = 0
    for row in rows:
        # Suppressing creates the profile, so that an address can be kept out before it is ever imported.
        profile = people.ensure(identity_of(row), create=job.kind == SUPPRESS)
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
    return Outcome(done, [], skipped=len(rows) - done)


HANDLERS: Final[dict[str, Handler]] = {
    "bulk_suppress_profiles": _submit,
    "bulk_unsuppress_profiles": _submit,
    "get_bulk_suppress_profiles_job": _get,
    "get_bulk_unsuppress_profiles_job": _get,
}
PROCESSORS: Final[dict[str, Processor]] = {SUPPRESS: _process, UNSUPPRESS: _process}
