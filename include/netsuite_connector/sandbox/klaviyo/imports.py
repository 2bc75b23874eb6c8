"""Bulk profile imports: checked as a whole at once, merged row by row a little later."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from netsuite_connector.sandbox.klaviyo.account import Account, Answer, Call, Handler
from netsuite_connector.sandbox.klaviyo.checks import LARGEST_PROFILE, check_count, profile_problems
from netsuite_connector.sandbox.klaviyo.clock import iso
from netsuite_connector.sandbox.klaviyo.contract import MOST_PROBLEMS
from netsuite_connector.sandbox.klaviyo.database import load
from netsuite_connector.sandbox.klaviyo.identifiers import decode
from netsuite_connector.sandbox.klaviyo.jobs import (
    EXPIRY,
    Job,
    Outcome,
    Processor,
    RowError,
    error_id,
    job_id,
)
from netsuite_connector.sandbox.klaviyo.members import join
from netsuite_connector.sandbox.klaviyo.people import (
    Identity,
    IdentityConflictError,
    People,
    identity_of,
    merge,
    patch_properties,
    profile_from,
)
from netsuite_connector.sandbox.klaviyo.problems import Problem, Refusal, not_found
from netsuite_connector.sandbox.klaviyo.profiles import profile_resource
from netsuite_connector.sandbox.klaviyo.query import Filterable, Where, page, sparse, where

KIND: Final = "profile-bulk-import-job"
MOST_PROFILES: Final = 10_000
_ROWS: Final = "/data/attributes/profiles/data"


def _submit(account: Account, call: Call) -> Answer:
    data = call.body["data"]
    rows = data["attributes"]["profiles"]["data"]
    check_count(rows, MOST_PROFILES, "profile", _ROWS)
    largest = LARGEST_PROFILE if len(call.raw) > LARGEST_PROFILE else None
    problems: list[Problem] = []
    for number, row in enumerate(rows):
        problems.extend(profile_problems(row, f"{_ROWS}/{number}", largest=largest))
        if len(problems) >= MOST_PROBLEMS:
            break
    known = {row["seq"] for row in account.database.rows("SELECT seq FROM lists")}
    problems.extend(not_found("list", name) for name in _lists_of(data) if decode("L", name) not in known)
    if problems:
        raise Refusal(*problems)
    return Answer(202, {"data": _resource(account, account.jobs.submit(KIND, data, len(rows)), call)})


def _lists_of(data: dict[str, Any]) -> list[str]:
    """The ids of the lists that the profiles of a request are to be added to."""
    return [entry["id"] for entry in data.get("relationships", {}).get("lists", {}).get("data", [])]


def _process(account: Account, job: Job) -> Outcome:
    rows = job.body["attributes"]["profiles"]["data"]
    lists = [seq for name in _lists_of(job.body) if (seq := decode("L", name)) is not None]
    people = People(account.database, account.clock.now())
    identities = [identity_of(row) for row in rows]
    people.load(identities)
    errors: list[RowError] = []
    written: set[int] = set()
    for number, (row, identity) in enumerate(zip(rows, identities, strict=True)):
        error = _import(account, people, row, identity, number)
        if isinstance(error, RowError):
            errors.append(error)
        else:
            written.add(error)
    people.save()
    for entry in lists:
        join(account.database, entry, written, people.now)
    return Outcome(len(rows) - len(errors), errors, profiles=frozenset(written))


def _import(
    account: Account, people: People, row: dict[str, Any], identity: Identity, number: int
) -> RowError | int:
    """Merges one row and returns the number of its profile, or says why it can't be merged. A null is
    ignored.
    """
    pointer = f"{_ROWS}/{number}"
    profile = people.find(identity)
    if identity.empty:
        detail = "One of email, phone_number, external_id or id is required."
        return RowError("required", "Missing required field.", detail, f"{pointer}/attributes", row)
    if profile is None and identity.seq is not None:
        return RowError("not_found", "Not found.", "No profile has this id.", f"{pointer}/id", row)
    if profile is None and not identity.email and identity.phone and not account.settings.sms:
        detail = "A profile with only a phone number needs an account that has SMS set up."
        return RowError("invalid", "Invalid input.", detail, f"{pointer}/attributes/phone_number", row)
    try:
        people.check(profile, identity)
    except IdentityConflictError:
        detail = "A profile already exists with one of these identifiers."
        return RowError("duplicate_profile", "Conflict.", detail, f"{pointer}/attributes", row)
    profile = profile or people.create()
    people.identify(profile, identity)
    merge(profile.document, row["attributes"], null_clears=False)
    patch_properties(profile.document, row.get("meta"))
    people.touch(profile)
    return profile.seq


def _list(account: Account, call: Call) -> Answer:
    status = "iif(completed IS NOT NULL, 'complete', iif(starts <= {now}, 'processing', 'queued'))"
    column = status.format(now=account.clock.now())
    conditions = where(call, {"status": Filterable(column)})
    conditions.add("kind = ? AND created > ?", KIND, account.clock.now() - EXPIRY)
    found = page(account.database, "SELECT * FROM jobs", conditions, call)
    return Answer(200, {"data": [_resource(account, row, call) for row in found.rows], "links": found.links})


def _get(account: Account, call: Call) -> Answer:
    return Answer(200, {"data": _resource(account, _existing(account, call), call)})


def _errors(account: Account, call: Call) -> Answer:
    conditions = Where()
    conditions.add("job = ?", _existing(account, call)["seq"])
    found = page(account.database, "SELECT * FROM job_errors", conditions, call)
    return Answer(
        200, {"data": [sparse(_error(row), call.query) for row in found.rows], "links": found.links}
    )


def _profiles(account: Account, call: Call) -> Answer:
    conditions = Where()
    conditions.add("seq IN (SELECT profile FROM job_profiles WHERE job = ?)", _existing(account, call)["seq"])
    found = page(account.database, "SELECT * FROM profiles", conditions, call)
    data = [profile_resource(profile_from(row), call.query, call.base) for row in found.rows]
    return Answer(200, {"data": data, "links": found.links})


def _existing(account: Account, call: Call) -> sqlite3.Row:
    row = account.jobs.find(KIND, call.id)
    if row is None:
        raise Refusal(not_found(KIND, call.id))
    return row


def _error(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "type": "import-error",
        "id": error_id(row),
        "attributes": {
            "code": row["code"],
            "title": row["title"],
            "detail": row["detail"],
            "source": {"pointer": row["pointer"]},
            "original_payload": load(row["payload"]),
        },
    }


def _resource(account: Account, row: sqlite3.Row, call: Call) -> dict[str, Any]:
    identifier = job_id(row)
    address = f"{call.base}/api/profile-bulk-import-jobs/{identifier}"
    status = account.jobs.status(row)
    resource = {
        "type": KIND,
        "id": identifier,
        "attributes": {
            "status": status,
            "created_at": iso(row["created"]),
            "total_count": row["total"],
            "completed_count": row["done"],
            "failed_count": row["failed"],
            "completed_at": iso(row["completed"]),
            "expires_at": iso(row["created"] + EXPIRY),
            "started_at": iso(row["starts"]) if status != "queued" else None,
        },
        "relationships": {
            "profiles": {
                "links": {"self": f"{address}/relationships/profiles", "related": f"{address}/profiles"}
            },
            "import-errors": {"links": {"related": f"{address}/import-errors"}},
        },
        "links": {"self": address},
    }
    return sparse(resource, call.query)


HANDLERS: Final[dict[str, Handler]] = {
    "bulk_import_profiles": _submit,
    "get_bulk_import_profiles_jobs": _list,
    "get_bulk_import_profiles_job": _get,
    "get_errors_for_bulk_import_profiles_job": _errors,
    "get_profiles_for_bulk_import_profiles_job": _profiles,
}
PROCESSORS: Final[dict[str, Processor]] = {KIND: _process}
