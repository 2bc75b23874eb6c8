"""Deletion requests: the profile goes, and everything that belongs to it."""

from __future__ import annotations

from typing import Final

from netsuite_connector.sandbox.klaviyo.account import Account, Answer, Call, Handler
from netsuite_connector.sandbox.klaviyo.checks import profile_problems
from netsuite_connector.sandbox.klaviyo.consent import Action, Entry, log
from netsuite_connector.sandbox.klaviyo.database import Database
from netsuite_connector.sandbox.klaviyo.jobs import Job, Outcome, Processor
from netsuite_connector.sandbox.klaviyo.people import People, identity_of
from netsuite_connector.sandbox.klaviyo.problems import Refusal, invalid

KIND: Final = "data-privacy-deletion-job"
_PROFILE: Final = "/data/attributes/profile/data"


def _submit(account: Account, call: Call) -> Answer:
    profile = call.body["data"]["attributes"]["profile"]["data"]
    given = [profile.get("id"), *(profile["attributes"].get(name) for name in ("email", "phone_number"))]
    if sum(value is not None for value in given) != 1:
        raise Refusal(invalid("Exactly one of id, email and phone_number is required.", _PROFILE))
    problems = list(profile_problems(profile, _PROFILE, largest=None))
    if problems:
        raise Refusal(*problems)
    account.jobs.submit(KIND, call.body["data"], 1)
    return Answer(202)


def _process(account: Account, job: Job) -> Outcome:
    identity = identity_of(job.body["attributes"]["profile"]["data"])
    people = People(account.database, account.clock.now())
    people.load([identity])
    profile = people.find(identity)
    if profile is not None:
        _delete(account.database, profile.seq, people.now)
    return Outcome(int(profile is not None), [], skipped=int(profile is None))


def _delete(database: Database, seq: int, now: float) -> None:
    """Deletes a profile. What is left of it is its number, and when it went."""
    for table in ("events", "members", "job_profiles", "waiting"):
        database.change(f"DELETE FROM {table} WHERE profile = ?", (seq,))  # noqa: S608 - our own table names
    database.change("DELETE FROM profiles WHERE seq = ?", (seq,))
    database.insert("INSERT INTO deleted VALUES (?,?)", (seq, now))
    log(database, now, seq, Entry(Action.DELETED, "all", "data privacy"))


HANDLERS: Final[dict[str, Handler]] = {"request_profile_deletion": _submit}
PROCESSORS: Final[dict[str, Processor]] = {KIND: _process}
