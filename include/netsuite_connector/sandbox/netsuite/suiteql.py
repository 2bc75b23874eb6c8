"""SuiteQL over the account's records: SQLite tables made of them, and one SELECT at a time.

A table is remade when a query names it and its records have changed since. Columns are fields by their ids in
lower case, ``id`` being the internal id; check boxes are ``T`` or ``F``, dates ``YYYY-MM-DD``, moments
``YYYY-MM-DD HH:MM:SS`` in UTC.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from netsuite_connector.sandbox.netsuite.engine import Engine

MAX_ROWS = 100_000
_PAGE = 5000
_STEPS = 20_000  # of SQLite's virtual machine between two looks at the clock
_NAME = re.compile(r"[a-z_][a-z0-9_]*", re.IGNORECASE)
# Text, quoted names, comments, then words.
_TOKEN = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|[A-Za-z_][A-Za-z0-9_]*", re.DOTALL
)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_LINES = "transactionline"
# Fields of a line that SuiteQL knows by another name.
_RENAMED = ("line", "lineuniquekey", "kind", "amount")
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}

Row = dict[str, Any]


class QueryRefusedError(Exception):
    """A query that can't be run; the message says why."""


@dataclass(frozen=True, slots=True)
class Found:
    """One page of rows, each without its empty columns, and how many there are in all (at most 100,000)."""

    rows: list[dict[str, str]]
    total: int


class SuiteQL:
    """The queries of one account. May be called from any thread; one query runs at a time."""

    def __init__(self, engine: Engine, *, seconds: float = 60.0) -> None:
        self._engine = engine
        self._seconds = seconds
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._database.create_function("nvl", 2, lambda value, other: other if value is None else value)
        self._versions: dict[str, int] = {}

    def close(self) -> None:
        """Give back the memory of the tables."""
        with self._lock:
            self._database.close()

    def run(self, text: str, limit: int, offset: int, hidden: Collection[str] = ()) -> Found:
        """The rows ``offset`` to ``offset + limit`` of a query. ``hidden`` tables can't be read.

        Raises QueryRefusedError.
        """
        query, words = _prepared(text)
        with self._lock:
            self._bring_up_to_date(words)
            deadline = time.monotonic() + self._seconds
            self._database.set_authorizer(lambda *action: _authorise(hidden, *action))
            self._database.set_progress_handler(lambda: int(time.monotonic() > deadline), _STEPS)
            try:
                return _page(self._database.execute(query), limit, offset)
            except (sqlite3.Error, sqlite3.Warning) as error:
                raise QueryRefusedError(f"Invalid or unsupported search: {error}") from error
            finally:
                self._database.set_progress_handler(None, _STEPS)
                self._database.set_authorizer(None)

    def _bring_up_to_date(self, words: set[str]) -> None:
        versions: dict[str, int] = self._engine.admin("versions")
        for table in sorted(words & (versions.keys() | {_LINES})):
            source = "transaction" if table == _LINES else table
            if self._versions.get(table) == versions[source]:
                continue
            records = self._records(source)
            self._remake(table, _lines(records) if table == _LINES else map(_row, records))
            self._versions[table] = versions[source]

    def _records(self, record_type: str) -> Iterator[Row]:
        after = 0
        while after is not None:
            page = self._engine.admin("dump", {"type": record_type, "after": after, "limit": _PAGE})
            yield from page["records"]
            after = page["next"]

    def _remake(self, table: str, rows: Iterable[Row]) -> None:
        kept = list(rows)
        columns = {"id": None, **{name: None for row in kept for name in row}}
        names = ", ".join(f'"{name}"' for name in columns)
        marks = ", ".join("?" for _ in columns)
        self._database.execute(f'DROP TABLE IF EXISTS "{table}"')
        self._database.execute(f'CREATE TABLE "{table}" ({names})')
        self._database.execute("BEGIN")
        self._database.executemany(
            f'INSERT INTO "{table}" VALUES ({marks})',  # noqa: S608 - the names of our own tables
            ([row.get(name) for name in columns] for row in kept),
        )
        self._database.execute("COMMIT")


def _prepared(text: str) -> tuple[str, set[str]]:
    """A query as SQLite reads it, and its words in lower case. Raises QueryRefusedError."""
    words: set[str] = set()

    def token(found: re.Match[str]) -> str:
        piece = found[0]
        if piece[0] in "'\"-/":
            return piece
        words.add(piece.lower())
        # A word of SQLite's that is a table here.
        return '"transaction"' if piece.lower() == "transaction" else piece

    query = _TOKEN.sub(token, text)
    if "limit" in words or "offset" in words:
        raise QueryRefusedError(
            "Invalid or unsupported search: SuiteQL has no LIMIT; give limit and offset in the URL"
        )
    return query, words


def _authorise(hidden: Collection[str], action: int, table: str | None, *_: str | None) -> int:
    if action not in _ALLOWED or (action == sqlite3.SQLITE_READ and table in {*hidden, "sqlite_master"}):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _page(cursor: sqlite3.Cursor, limit: int, offset: int) -> Found:
    if cursor.description is None:
        raise QueryRefusedError("Invalid or unsupported search: only SELECT is read")
    names = [
        name.lower() if _NAME.fullmatch(name) else f"expr{position}"
        for position, (name, *_) in enumerate(cursor.description, start=1)
    ]
    rows: list[dict[str, str]] = []
    total = 0
    for row in cursor:
        if total == MAX_ROWS:
            break
        if offset <= total < offset + limit:
            rows.append(
                {name: str(value) for name, value in zip(names, row, strict=True) if value is not None}
            )
        total += 1
    return Found(rows, total)


def _row(record: Row) -> Row:
    """A record as a row of its table."""
    row = _cells(record)
    row["id"] = row.pop("internalid")
    if ":" in str(row.get("status", "")):
        row["status"] = str(row["status"]).partition(":")[2]
    return row


def _lines(records: Iterable[Row]) -> Iterator[Row]:
    """The lines of transactions, the header's own first."""
    for record in records:
        shared = {"transaction": record["internalid"]}
        yield {
            "id": 0,
            "uniquekey": record.get("lineuniquekey"),
            "mainline": "T",
            "taxline": "F",
            "netamount": record.get("total"),
            "memo": record.get("memo"),
            **shared,
        }
        for line in record["lines"]:
            yield {
                **_cells({name: value for name, value in line.items() if name not in _RENAMED}),
                "id": line.get("line"),
                "uniquekey": line["lineuniquekey"],
                "mainline": "F",
                "taxline": "T" if line.get("kind") == "tax" else "F",
                "netamount": line.get("amount"),
                **shared,
            }


def _cells(record: Row) -> Row:
    """Fields of one value each; what holds several has no column."""
    return {
        name.lower(): _value(value) for name, value in record.items() if not isinstance(value, list | dict)
    }


def _value(value: Any) -> Any:
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return f"{value[:10]} {value[11:19]}"
    return value if value != "" else None
