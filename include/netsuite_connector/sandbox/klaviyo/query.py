"""Filters, sorting, paging and sparse fields of the GET endpoints."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from netsuite_connector.sandbox.klaviyo.account import Call
from netsuite_connector.sandbox.klaviyo.clock import parse_moment
from netsuite_connector.sandbox.klaviyo.database import Database, as_list
from netsuite_connector.sandbox.klaviyo.problems import Refusal, bad_parameter

OPERATORS: Final = {
    "equals": "=",
    "greater-than": ">",
    "greater-or-equal": ">=",
    "less-than": "<",
    "less-or-equal": "<=",
}
_TOKEN: Final = re.compile(
    r"""\s*(?:([(),\[\]])|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s(),\[\]"']+))"""
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a filter, such as ``equals(email,"a@b.c")``."""

    operator: str
    field: str
    value: str | list[str]


@dataclass(frozen=True, slots=True)
class Filterable:
    """A field that may be filtered: its column and how a value is read.

    ``inside`` wraps the condition where the column is one of another table: ``{}`` stands for it.
    """

    column: str
    read: Callable[[str], Any] = str
    inside: str = "{}"


@dataclass(slots=True)
class Where:
    """The conditions of a query and their values."""

    conditions: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, condition: str, *values: Any) -> None:
        """Adds a condition that must hold too."""
        self.conditions.append(condition)
        self.values.extend(values)

    @property
    def text(self) -> str:
        """The WHERE clause."""
        return " AND ".join(["WHERE TRUE", *self.conditions])


def moment(text: str) -> float:
    """A date-time in a filter as seconds since 1970; ValueError when it is none."""
    parsed = parse_moment(text)
    if parsed is None:
        raise ValueError(text)
    return parsed.timestamp()


def boolean(text: str) -> int:
    """``true`` or ``false`` in a filter; ValueError for anything else."""
    return ("false", "true").index(text)


def where(call: Call, fields: Mapping[str, Filterable]) -> Where:
    """The conditions of a call's ``filter`` parameter; a Refusal when it can't be read or isn't offered.

    Which operators a field allows is the contract's; ``fields`` says where the values are.
    """
    result = Where()
    text = call.query.get("filter")
    offered: Mapping[str, list[str]] = call.endpoint.parameters.get("filter", {}).get("filters", {})
    for condition in parse_filter(text) if text else []:
        if condition.operator not in offered.get(condition.field, ()):
            raise _bad_filter(
                f"'{condition.operator}({condition.field}, …)' is not a filter of this endpoint."
            )
        if condition.operator == "has":
            continue  # every event has a profile and a metric
        if condition.field not in fields:
            raise _bad_filter(f"The sandbox can't filter by '{condition.field}'.")
        try:
            _add(result, condition, fields[condition.field])
        except ValueError:
            raise _bad_filter(f"The value of '{condition.field}' can't be read.") from None
    return result


def _add(result: Where, condition: Condition, known: Filterable) -> None:
    if isinstance(condition.value, list):
        values = [known.read(value) for value in condition.value]
        test, value = f"{known.column} IN (SELECT value FROM json_each(?))", as_list(values)  # noqa: S608
    elif condition.operator == "contains":
        test, value = f"instr(lower({known.column}), lower(?)) > 0", condition.value
    else:
        test, value = f"{known.column} {OPERATORS[condition.operator]} ?", known.read(condition.value)
    result.add(known.inside.format(test), value)


def parse_filter(text: str) -> list[Condition]:
    """Reads ``op(field,value)``, several of them separated by commas or inside ``and(…)``; a Refusal when it
    can't.
    """
    tokens: list[tuple[str, str]] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _bad_filter("The filter can't be read.")
        mark, double, single, bare = match.groups()
        if mark:
            tokens.append(("mark", mark))
        elif bare is not None:
            tokens.append(("word", bare))
        else:
            quoted = single if double is None else double
            tokens.append(("text", re.sub(r"\\(.)", r"\1", quoted)))
        position = match.end()
    reader = _Reader(tokens)
    conditions = reader.conditions()
    if not reader.ended:
        raise _bad_filter("The filter can't be read.")
    return conditions


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def ended(self) -> bool:
        return self._at == len(self._tokens)

    def conditions(self) -> list[Condition]:
        result = self._condition()
        while self._skip(","):
            result += self._condition()
        return result

    def _condition(self) -> list[Condition]:
        operator = self._take("word")
        self._expect("(")
        if operator == "and":
            result = self.conditions()
            self._expect(")")
            return result
        name = self._take("word")
        if operator == "has":
            self._expect(")")
            return [Condition(operator, name, "")]
        self._expect(",")
        value = self._items() if self._skip("[") else self._take("text", "word")
        self._expect(")")
        if isinstance(value, list) and operator not in ("any", "equals"):
            raise _bad_filter(f"'{operator}' takes one value.")
        return [Condition(operator, name, value)]

    def _items(self) -> list[str]:
        if self._skip("]"):
            return []
        items = [self._take("text", "word")]
        while self._skip(","):
            items.append(self._take("text", "word"))
        self._expect("]")
        return items

    def _take(self, *kinds: str) -> str:
        if self.ended or self._tokens[self._at][0] not in kinds:
            raise _bad_filter("The filter can't be read.")
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _skip(self, mark: str) -> bool:
        found = not self.ended and self._tokens[self._at] == ("mark", mark)
        self._at += found
        return found

    def _expect(self, mark: str) -> None:
        if not self._skip(mark):
            raise _bad_filter("The filter can't be read.")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of rows and the address of the next."""

    rows: list[Any]
    links: dict[str, str | None]


def page(database: Database, select: str, conditions: Where, call: Call, *, sort: str = "seq") -> Page:
    """Reads the page that a call asks for.

    ``select`` is the query up to its WHERE, ``sort`` a selected column that is never null, with a minus for
    descending. The cursor holds the last row's sort value and number, so rows that come or go between two
    pages don't shift the rest.
    """
    query, address = call.query, call.address
    size = int(query.get("page[size]", call.endpoint.default_page))
    column, backwards = sort.removeprefix("-"), sort.startswith("-")
    cursor = query.get("page[cursor]")
    if cursor:
        conditions.add(f"({column}, seq) {'<' if backwards else '>'} (?, ?)", *_read_cursor(cursor))
    order = "DESC" if backwards else "ASC"
    statement = f"{select} {conditions.text} ORDER BY {column} {order}, seq {order} LIMIT {size + 1}"
    rows = database.rows(statement, conditions.values)
    more = len(rows) > size
    rows = rows[:size]
    following = _write_cursor([rows[-1][column], rows[-1]["seq"]]) if more else None
    return Page(
        rows,
        {
            "self": f"{address}?{urlencode(query)}" if query else address,
            "next": f"{address}?{urlencode({**query, 'page[cursor]': following})}" if following else None,
            "prev": None,
        },
    )


def sparse(resource: dict[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    """Keeps only the attributes that ``fields[type]`` asks for; ``location.city`` asks for a part."""
    wanted = query.get(f"fields[{resource['type']}]")
    if wanted is None:
        return resource
    attributes = resource["attributes"]
    kept: dict[str, Any] = {}
    for name in wanted.split(","):
        head, _, rest = name.partition(".")
        if head not in attributes:
            continue
        if rest and isinstance(attributes[head], dict):
            kept.setdefault(head, {})[rest] = attributes[head].get(rest)
        else:
            kept[head] = attributes[head]
    return {**resource, "attributes": kept}


def _write_cursor(place: list[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def _read_cursor(cursor: str) -> list[Any]:
    try:
        place = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        place = None
    if not isinstance(place, list) or len(place) != 2 or not isinstance(place[1], int):
        raise Refusal(bad_parameter("Invalid cursor.", "page[cursor]"))
    return place


def _bad_filter(detail: str) -> Refusal:
    return Refusal(bad_parameter(detail, "filter"))
