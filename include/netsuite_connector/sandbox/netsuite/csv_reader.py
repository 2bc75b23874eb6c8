"""Reads one CSV file of an account's records; the format is docs/netsuite/sandbox-account.md."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TYPES = ("customer", "contact", "item", "transaction", "supportcase")
_CUSTOM = {
    "customer": re.compile(r"custentity\w+"),
    "contact": re.compile(r"custentity\w+"),
    "item": re.compile(r"custitem\w+"),
    "transaction": re.compile(r"cust(body|col)\w+"),
    "supportcase": re.compile(r"custevent\w+"),
}
_CREATED = {"item": "created", "supportcase": "createddate"}
_CUSTOM_TYPES = (
    "text",
    "integer",
    "float",
    "currency",
    "percent",
    "checkbox",
    "date",
    "datetime",
    "select",
    "multiselect",
)
# Fields of a transaction that belong to a line; everything else belongs to the whole transaction.
_LINE_FIELDS = {"line", "lineuniquekey", "item", "quantity", "rate", "amount", "memo"}
# Fields that searches filter by and that say what a row is.
_LINE_KINDS = {"taxline": "tax", "shipping": "shipping", "cogs": "cogs"}
_ALIASES = {("item", "modified"): "lastmodifieddate", ("transaction", "mainname"): "entity"}
# What searches work out from other fields, so that giving it would have no effect.
_WORKED_OUT = {
    "transaction": {
        "statusref",
        "recordtype",
        "netamount",
        "grossamount",
        "signedamount",
        "fxamount",
        "transactionlinetype",
    },
    "customer": {"altname"},
}
_NUMBERS = {"integer", "float", "currency", "currency2", "percent"}
_YES, _NO = {"t", "true", "yes", "y", "1", "*"}, {"f", "false", "no", "n", "0", ""}


class CsvError(Exception):
    """A CSV folder that can't be loaded; one sentence that names file, row and column."""


@dataclass(slots=True)
class Table:
    """The records of one file, as the account stores them, with the words of its selects and its custom
    fields.
    """

    type: str
    records: list[dict[str, Any]] = field(default_factory=list)
    lists: dict[str, dict[str, str]] = field(default_factory=dict)
    field_lists: dict[str, str] = field(default_factory=dict)
    custom_fields: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Column:
    header: str
    name: str
    kind: str  # a field type, or "words" for a column <field>_text


class Reader:
    """Reads one file of records."""

    def __init__(self, record_type: str, file: Path, catalogue: Mapping[str, Any], now: datetime) -> None:
        self._type = record_type
        self._file = file
        self._known: dict[str, str] = {**catalogue["filters"], **catalogue["columns"]}
        if record_type == "transaction":
            self._known |= {"mainline": "checkbox", "status": "text"}
        self._now = _iso(now)
        self._table = Table(record_type)

    def read(self) -> Table:
        """The file's records. Raises CsvError."""
        try:
            with self._file.open(encoding="utf-8-sig", newline="") as stream:
                rows = csv.reader(stream, strict=True)
                columns = self._columns(next(rows, []))
                values = self._values(rows, columns)
                records = (
                    _transactions(values, self._fail)
                    if self._type == "transaction"
                    else self._singles(values)
                )
                self._table.records.extend(self._completed(record) for record in records)
        except UnicodeDecodeError as error:
            raise CsvError(f"{self._file} is not encoded as UTF-8.") from error
        except csv.Error as error:
            raise CsvError(f"{self._file}, row {rows.line_num}: {error}.") from error
        return self._table

    def _fail(self, row: int, message: str) -> CsvError:
        return CsvError(f"{self._file}, row {row}: {message}.")

    # ---- headers -------------------------------------------------------------------------------------------

    def _columns(self, headers: list[str]) -> list[_Column]:
        columns = [self._column(header.strip()) for header in headers]
        unknown = [header for header, column in zip(headers, columns, strict=True) if column is None]
        if unknown:
            raise CsvError(
                f"{self._file} has headers that are no fields of a NetSuite {self._type}: "
                f"{', '.join(unknown)}; see docs/netsuite/sandbox-account.md for what may stand there."
            )
        known = [column for column in columns if column is not None]
        names = [(column.name, column.kind == "words") for column in known]
        twice = sorted({name for name, words in names if names.count((name, words)) > 1})
        if twice:
            raise CsvError(f"{self._file} gives {', '.join(twice)} more than once.")
        if ("internalid", False) not in names:
            raise CsvError(f"{self._file} has no column internalid.")
        self._describe(known)
        return known

    def _column(self, header: str) -> _Column | None:
        name, _, kind = header.partition(":")
        if header.endswith("_text") and name == header and self._kind(name.removesuffix("_text")):
            return _Column(
                header,
                _ALIASES.get((self._type, name.removesuffix("_text")), name.removesuffix("_text")),
                "words",
            )
        found = self._kind(name)
        if found is None or (kind and (kind not in _CUSTOM_TYPES or not self._is_custom(name))):
            return None
        return _Column(header, _ALIASES.get((self._type, name), name), kind or found)

    def _is_custom(self, name: str) -> bool:
        pattern = _CUSTOM.get(self._type)
        return pattern is not None and pattern.fullmatch(name) is not None

    def _kind(self, name: str) -> str | None:
        if name in _WORKED_OUT.get(self._type, ()) or name.startswith("formula"):
            return None
        if name == "internalid":
            return "integer"
        if self._is_custom(name):
            return "text"
        return self._known.get(name)

    def _list(self, name: str) -> str:
        """The list that holds the words of a select of this file."""
        return f"{self._type}.{name}"

    def _describe(self, columns: list[_Column]) -> None:
        """Tell the account which lists selects read, and which custom fields there are."""
        for column in columns:
            if column.kind == "words":
                name = self._list(column.name)
                self._table.lists[name] = {}
                self._table.field_lists[column.name] = name
        for column in columns:
            if column.kind != "words" and self._is_custom(column.name):
                spoken = column.name in self._table.field_lists
                kind = "select" if spoken and column.kind == "text" else column.kind
                described = {"type": kind}
                if spoken:
                    described["list"] = self._table.field_lists[column.name]
                self._table.custom_fields[column.name] = described

    # ---- rows ----------------------------------------------------------------------------------------------

    def _values(
        self, rows: Iterator[list[str]], columns: list[_Column]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Row number and values of each row; the words of selects go to the lists."""
        number = 1
        for number, row in enumerate(rows, start=2):
            if not any(row):
                continue
            if len(row) != len(columns):
                raise self._fail(number, f"{len(row)} values for {len(columns)} columns")
            values: dict[str, Any] = {}
            words: dict[str, str] = {}
            for column, text in zip(columns, row, strict=True):
                if column.kind == "words":
                    words[column.name] = text
                else:
                    values[column.name] = self._value(column, text, number)
            if values["internalid"] is None or values["internalid"] <= 0:
                raise self._fail(number, "internalid must be a whole number above zero")
            for name, text in words.items():
                if values.get(name) is not None:
                    self._table.lists[self._table.field_lists[name]][str(values[name])] = text
            yield number, values

    def _value(self, column: _Column, text: str, row: int) -> Any:
        try:
            return _convert(column.kind, text)
        except ValueError as error:
            wanted = "a whole number" if column.kind == "integer" else f"a {column.kind}"
            raise self._fail(
                row, f"the value in {column.header} is not {wanted} as this format writes it"
            ) from error

    def _singles(self, rows: Iterator[tuple[int, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
        seen: dict[int, int] = {}
        for number, values in rows:
            first = seen.setdefault(values["internalid"], number)
            if first != number:
                raise self._fail(
                    number, f"internalid {values['internalid']} was given in row {first} already"
                )
            yield values

    def _completed(self, record: dict[str, Any]) -> dict[str, Any]:
        """A record with what the account needs of every one."""
        created = _CREATED.get(self._type, "datecreated")
        day = record.get("trandate")
        record[created] = record.get(created) or (f"{day}T00:00:00Z" if day else self._now)
        record["lastmodifieddate"] = record.get("lastmodifieddate") or record[created]
        record["isinactive"] = bool(record.get("isinactive"))
        if self._type == "customer":
            record["stage"] = record.get("stage") or "CUSTOMER"
        if self._type == "item":
            record["matrix"] = bool(record.get("matrix"))
            if record.get("matrixchild") is None:
                record["matrixchild"] = record.get("parent") is not None
        return record


def _transactions(
    rows: Iterator[tuple[int, dict[str, Any]]], fail: Callable[[int, str], CsvError]
) -> Iterator[dict[str, Any]]:
    """Transactions from rows of lines. The first row of an internal id sets the fields of the whole; later
    ones may repeat them.
    """
    found: dict[int, dict[str, Any]] = {}
    for number, values in rows:
        line = {
            name: value
            for name, value in values.items()
            if name in _LINE_FIELDS or name.startswith("custcol")
        }
        kinds = [kind for name, kind in _LINE_KINDS.items() if values.get(name)]
        header = {
            name: value
            for name, value in values.items()
            if name not in line and name not in _LINE_KINDS and name != "mainline"
        }
        if "memomain" in header:
            header["memo"] = header.pop("memomain")
        whole = found.setdefault(values["internalid"], {**header, "lines": []})
        for name, value in header.items():
            if value is not None and whole.get(name) is None:
                whole[name] = value
            elif value is not None and whole[name] != value:
                raise fail(number, f"{name} differs from an earlier row of internalid {values['internalid']}")
        if values.get("mainline"):
            whole["lineuniquekey"] = line.get("lineuniquekey")
            whole["total"] = (
                line["amount"] if whole.get("total") is None and "amount" in line else whole.get("total")
            )
        else:
            whole["lines"].append({**line, "kind": kinds[0] if kinds else "item"})
    yield from _numbered(list(found.values()))


def _numbered(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    given = [line.get("lineuniquekey") for whole in found for line in (whole, *whole["lines"])]
    key = max((each for each in given if each is not None), default=0)
    for whole in found:
        whole["type"] = whole.get("type") or "SalesOrd"
        status = whole.get("status") or "B"
        whole["status"] = status if ":" in status else f"{whole['type']}:{status}"
        whole["exchangerate"] = whole.get("exchangerate") or 1
        if whole.get("total") is None:
            whole["total"] = round(sum(line.get("amount") or 0 for line in whole["lines"]), 2)
        if whole.get("lineuniquekey") is None:
            whole["lineuniquekey"] = key = key + 1
        for position, line in enumerate(whole["lines"], start=1):
            line["line"] = position if line.get("line") is None else line["line"]
            if line.get("lineuniquekey") is None:
                line["lineuniquekey"] = key = key + 1
        yield whole


def _convert(kind: str, text: str) -> Any:  # noqa: PLR0911 - a way out for each kind
    """A value as the account stores it. ValueError for text that is none of its kind."""
    if kind == "checkbox":
        word = text.strip().lower()
        if word not in _YES | _NO:
            raise ValueError
        return None if word == "" else word in _YES
    if text == "":
        return None
    if kind == "integer":
        return int(text)
    if kind in _NUMBERS:
        number = float(text.rstrip("%"))
        if number != number or number in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN is unlike itself
            raise ValueError
        return number
    if kind == "date":
        return datetime.strptime(text, "%Y-%m-%d").date().isoformat()  # noqa: DTZ007 - a date has no zone
    if kind in {"datetime", "datetimetz"}:
        moment = datetime.fromisoformat(text)
        return _iso(moment.astimezone(UTC) if moment.tzinfo else moment)
    if kind == "multiselect":
        return [each.strip() for each in text.split("|")]
    return text


def _iso(moment: datetime) -> str:
    """A moment as the account keeps it: to the minute, in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:00Z")
