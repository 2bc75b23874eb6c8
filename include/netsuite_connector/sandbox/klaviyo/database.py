"""The account's state in SQLite. One thread uses it, so nothing here locks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS profiles (
    seq INTEGER PRIMARY KEY, email TEXT UNIQUE, phone TEXT UNIQUE, external_id TEXT,
    document BLOB NOT NULL, consent BLOB NOT NULL, suppressed REAL,
    created REAL NOT NULL, updated REAL NOT NULL, last_event INTEGER
);
CREATE INDEX IF NOT EXISTS profiles_external ON profiles (external_id) WHERE external_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS metrics (
    seq INTEGER PRIMARY KEY, name TEXT NOT NULL, created REAL NOT NULL,
    integration TEXT NOT NULL DEFAULT 'API', UNIQUE (name, integration)
);
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, profile INTEGER NOT NULL, metric INTEGER NOT NULL, unique_id TEXT NOT NULL,
    at INTEGER NOT NULL, value REAL, currency TEXT, properties BLOB NOT NULL, backfill INTEGER NOT NULL,
    UNIQUE (profile, metric, unique_id)
);
CREATE INDEX IF NOT EXISTS events_metric ON events (metric, at);
CREATE INDEX IF NOT EXISTS events_at ON events (at);
CREATE TABLE IF NOT EXISTS lists (
    seq INTEGER PRIMARY KEY, name TEXT NOT NULL, opt_in TEXT NOT NULL, created REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS members (
    list INTEGER NOT NULL, profile INTEGER NOT NULL, joined REAL NOT NULL, PRIMARY KEY (list, profile)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS members_profile ON members (profile);
CREATE TABLE IF NOT EXISTS deleted (seq INTEGER PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS catalog (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, parent TEXT,
    sku TEXT, title TEXT, published INTEGER, document BLOB NOT NULL,
    created REAL NOT NULL, updated REAL NOT NULL, feed INTEGER, UNIQUE (kind, id)
);
CREATE INDEX IF NOT EXISTS catalog_parent ON catalog (parent) WHERE parent IS NOT NULL;
CREATE TABLE IF NOT EXISTS shelves (
    category TEXT NOT NULL, item TEXT NOT NULL, PRIMARY KEY (category, item)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS shelves_item ON shelves (item);
CREATE TABLE IF NOT EXISTS waiting (
    variant TEXT NOT NULL, profile INTEGER NOT NULL, channels TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (variant, profile)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alerts (
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, flow TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
    former REAL, present REAL, notified TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS feeds (
    seq INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, polled REAL, report BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS jobs (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, payload BLOB,
    created REAL NOT NULL, starts REAL NOT NULL, due REAL NOT NULL, completed REAL,
    total INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0, skipped INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS jobs_open ON jobs (due) WHERE completed IS NULL;
CREATE TABLE IF NOT EXISTS job_errors (
    seq INTEGER PRIMARY KEY, job INTEGER NOT NULL, code TEXT NOT NULL, title TEXT NOT NULL,
    detail TEXT NOT NULL, pointer TEXT NOT NULL, payload BLOB
);
CREATE INDEX IF NOT EXISTS job_errors_job ON job_errors (job);
CREATE TABLE IF NOT EXISTS job_profiles (
    job INTEGER NOT NULL, profile INTEGER NOT NULL, PRIMARY KEY (job, profile)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS consents (
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, profile INTEGER, channel TEXT NOT NULL, action TEXT NOT NULL,
    list TEXT, method TEXT NOT NULL, lifted TEXT NOT NULL, consented_at TEXT, historical INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
"""

# Columns that files of older sandboxes lack, and an index on one of them.
_LATER_INDEX: Final = "CREATE INDEX IF NOT EXISTS members_joined ON members (list, joined, profile)"
_LATER_COLUMNS: Final = (
    ("members", "joined", "REAL NOT NULL DEFAULT 0"),
    ("catalog", "feed", "INTEGER"),
    ("metrics", "integration", "TEXT NOT NULL DEFAULT 'API'"),
)

TABLES: Final = (
    "profiles", "deleted", "metrics", "events", "lists", "members", "catalog", "shelves", "waiting",
    "alerts", "feeds", "jobs", "job_errors", "job_profiles", "consents", "counters",
)  # fmt: skip


class Database:
    """A SQLite file, or memory when ``file`` is None. Must be used by one thread at a time."""

    def __init__(self, file: Path | None) -> None:
        self._connection = sqlite3.connect(
            file or ":memory:", isolation_level=None, check_same_thread=False, cached_statements=256
        )
        self._connection.row_factory = sqlite3.Row
        if file:
            # A killed sandbox loses nothing that was answered; only a power cut could, which is no concern
            # here.
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("PRAGMA cache_size = -65536")
        self._connection.executescript(_TABLES)
        for table, column, kind in _LATER_COLUMNS:
            if column not in {row["name"] for row in self.rows(f"PRAGMA table_info ({table})")}:
                self.change(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
        self.change(_LATER_INDEX)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens, or nothing does."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        row: sqlite3.Row | None = self._connection.execute(statement, values).fetchone()
        return row

    def number(self, statement: str, values: Sequence[Any] = ()) -> int:
        """The single whole number that a query gives; 0 for null."""
        row = self.row(statement, values)
        return int(row[0] or 0) if row else 0

    def change(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Runs a statement and returns how many rows it touched."""
        return self._connection.execute(statement, values).rowcount

    def insert(self, statement: str, values: Sequence[Any]) -> int:
        """Inserts a row and returns its number."""
        return self._connection.execute(statement, values).lastrowid or 0

    def change_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> int:
        """Runs a statement for many rows and returns how many rows were really touched."""
        before = self._connection.total_changes
        self._connection.executemany(statement, rows)
        return self._connection.total_changes - before

    def count(self, name: str, number: int = 1) -> None:
        """Adds to a named counter."""
        if number:
            self.change(
                "INSERT INTO counters VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET number = number + excluded.number",
                (name, number),
            )

    def empty(self) -> None:
        """Deletes everything that the account holds."""
        with self.transaction():
            for table in TABLES:
                self.change(f"DELETE FROM {table}")  # noqa: S608 - our own table names

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()


def dump(document: Any) -> bytes:
    """A document as it is stored."""
    return orjson.dumps(document)


def load(stored: bytes) -> Any:
    """A stored document."""
    return orjson.loads(stored)


def as_list(values: Iterable[Any]) -> str:
    """Values as the argument of ``IN (SELECT value FROM json_each(?))``, which knows no limit of
    variables.
    """
    return orjson.dumps(list(values)).decode()
