"""Asynchronous jobs: taken at once, done a little later, remembered for seven days."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from netsuite_connector.sandbox.klaviyo.clock import Clock
from netsuite_connector.sandbox.klaviyo.database import Database, dump, load
from netsuite_connector.sandbox.klaviyo.identifiers import decode, encode

if TYPE_CHECKING:
    from netsuite_connector.sandbox.klaviyo.account import Account

EXPIRY: Final = 7 * 86_400.0
MOST_IN_PROGRESS: Final = 500  # catalog jobs of one kind, from the specification

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RowError:
    """Why one row of a job failed. ``payload`` is the row as it was sent."""

    code: str
    title: str
    detail: str
    pointer: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job's rows. ``profiles`` are the numbers of those it wrote."""

    done: int
    errors: list[RowError]
    skipped: int = 0
    profiles: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Job:
    """A job to be done: its request's body and the revision it was sent with."""

    seq: int
    kind: str
    body: Any
    created: float


Processor = Callable[["Account", Job], Outcome]


class Jobs:
    """The account's jobs. A job waits, is processing from halfway of its time, and is complete at the end of
    it.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        seconds: float,
        processors: Mapping[str, Processor],
        *,
        catalog_lag: float = 0.0,
    ) -> None:
        self._database = database
        self._clock = clock
        self._seconds = seconds
        self._processors = processors
        self._lag = catalog_lag

    def submit(self, kind: str, body: Any, total: int, *, queued: bool = True) -> sqlite3.Row:
        """Takes a job and returns its row. Without ``queued`` it counts as processing at once."""
        now = self._clock.now()
        seq = self._database.insert(
            "INSERT INTO jobs (kind, payload, created, starts, due, total) VALUES (?,?,?,?,?,?)",
            (kind, dump(body), now, now + self._seconds / 2 if queued else now, now + self._seconds, total),
        )
        return self._row(seq)

    def find(self, kind: str, identifier: str) -> sqlite3.Row | None:
        """A job by kind and id, unless it has expired."""
        seq = decode("JOB", identifier)
        return self._database.row(
            "SELECT * FROM jobs WHERE seq = ? AND kind = ? AND created > ?",
            (seq, kind, self._clock.now() - EXPIRY),
        )

    def in_progress(self, kind: str) -> int:
        """How many jobs of a kind don't say that they are complete."""
        return self._database.number(
            "SELECT count(*) FROM jobs WHERE kind = ? AND (completed IS NULL OR completed > ?)",
            (kind, self.said_by(kind)),
        )

    def said_by(self, kind: str) -> float:
        """Jobs of a kind that were complete by this moment say so now."""
        return self._clock.now() - (self._lag if kind.startswith("catalog-") else 0.0)

    def next_due(self) -> float | None:
        """When the next job is due, or None when there is none."""
        row = self._database.row("SELECT min(due) FROM jobs WHERE completed IS NULL")
        return None if row is None or row[0] is None else float(row[0])

    def process_next(self, account: Account) -> None:
        """Does the next job, whole or not at all. One that fails by a fault of the sandbox ends as
        cancelled.
        """
        row = self._database.row("SELECT * FROM jobs WHERE completed IS NULL ORDER BY due, seq LIMIT 1")
        if row is None:
            return
        job = Job(row["seq"], row["kind"], load(row["payload"]), row["created"])
        try:
            with self._database.transaction():
                self._complete(job, self._processors[job.kind](account, job))
        except Exception:  # noqa: BLE001 - the account must live on, and the trace is logged
            _log.exception("The sandbox could not process job %s (%s).", job.seq, job.kind)
            self._database.change(
                "UPDATE jobs SET completed = ?, payload = NULL WHERE seq = ?", (self._clock.now(), job.seq)
            )

    def status(self, row: sqlite3.Row) -> str:
        """``queued``, ``processing``, ``complete`` or ``cancelled``."""
        if row["completed"] is not None and row["completed"] <= self.said_by(row["kind"]):
            whole = row["done"] + row["failed"] + row["skipped"] >= row["total"]
            return "complete" if whole else "cancelled"
        return "queued" if self._clock.now() < row["starts"] else "processing"

    def errors(self, row: sqlite3.Row) -> list[sqlite3.Row]:
        """The errors of a job, in the order of its rows."""
        return self._database.rows("SELECT * FROM job_errors WHERE job = ? ORDER BY seq", (row["seq"],))

    def _complete(self, job: Job, outcome: Outcome) -> None:
        self._database.change_many(
            "INSERT INTO job_errors (job, code, title, detail, pointer, payload) VALUES (?,?,?,?,?,?)",
            (
                (job.seq, error.code, error.title, error.detail, error.pointer, dump(error.payload))
                for error in outcome.errors
            ),
        )
        self._note_profiles(job.seq, outcome.profiles)
        self._database.change(
            "UPDATE jobs SET completed = ?, done = ?, failed = ?, skipped = ?, payload = NULL WHERE seq = ?",
            (self._clock.now(), outcome.done, len(outcome.errors), outcome.skipped, job.seq),
        )

    def _note_profiles(self, seq: int, profiles: Iterable[int]) -> None:
        self._database.change_many(
            "INSERT INTO job_profiles VALUES (?,?)", ((seq, profile) for profile in sorted(profiles))
        )

    def _row(self, seq: int) -> sqlite3.Row:
        row = self._database.row("SELECT * FROM jobs WHERE seq = ?", (seq,))
        if row is None:
            raise LookupError(seq)
        return row


def job_id(row: sqlite3.Row) -> str:
    """The id of a job that callers see."""
    return encode("JOB", row["seq"], 16)


def error_id(row: sqlite3.Row) -> str:
    """The id of a job's error."""
    return encode("ERR", row["seq"], 16)
