"""Columns of one type as another. A value that can't be read as the other type becomes null."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.columns import as_json

_NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_YES, _NO = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
_DAY = len("2026-11-20")

# From which types of columns each type can be made.
_SOURCES: Mapping[ColumnType, frozenset[ColumnType]] = {
    ColumnType.TEXT: frozenset(ColumnType),
    ColumnType.SELECT: frozenset({ColumnType.TEXT, ColumnType.SELECT}),
    ColumnType.NUMBER: frozenset({ColumnType.TEXT, ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.SELECT}),
    ColumnType.BOOLEAN: frozenset(
        {ColumnType.TEXT, ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.BOOLEAN, ColumnType.SELECT}
    ),
    ColumnType.DATE: frozenset({ColumnType.TEXT, ColumnType.DATE, ColumnType.DATETIME, ColumnType.SELECT}),
    ColumnType.DATETIME: frozenset({ColumnType.DATE, ColumnType.DATETIME}),
}


def can_become(given: ColumnType, wanted: ColumnType) -> bool:
    """Whether columns of the one type can be made columns of the other at all."""
    return given in _SOURCES.get(wanted, frozenset({wanted}))


def converted(column: pa.Array, wanted: ColumnType) -> pa.Array:
    """The column as the wanted type; null for a value that can't be read as it. A date is that of the moment
    in UTC. Raises ValueError when columns of this type can't become the other.
    """
    make = _MAKERS.get(wanted)
    if make is None:
        return column
    made = make(column)
    if made is None:
        raise ValueError(f"{column.type} can't become {wanted}")
    return made


def _text(column: pa.Array) -> pa.Array:
    return pc.cast(as_json(column), pa.string())


def _number(column: pa.Array) -> pa.Array | None:
    if pa.types.is_string(column.type):
        trimmed = pc.utf8_trim_whitespace(column)
        numbers = pc.match_substring_regex(trimmed, _NUMBER)
        # Arrow does not read a sign that says nothing.
        plain = pc.replace_substring_regex(trimmed, r"^\+", "")
        return pc.cast(pc.if_else(numbers, plain, pa.scalar(None, pa.string())), pa.float64())
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return pc.cast(column, pa.float64(), safe=False)
    return None


def _boolean(column: pa.Array) -> pa.Array | None:
    if pa.types.is_boolean(column.type):
        return column
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        column = pc.cast(column, pa.string())
    if not pa.types.is_string(column.type):
        return None
    words = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    yes, no = (pc.is_in(words, pa.array(values)) for values in (_YES, _NO))
    return pc.if_else(pc.or_(yes, no), yes, pa.scalar(None, pa.bool_()))


def _date(column: pa.Array) -> pa.Array | None:
    if pa.types.is_date(column.type):
        return column
    if pa.types.is_timestamp(column.type):
        return pc.cast(pc.cast(pc.floor_temporal(column, unit="day"), pa.timestamp("s")), pa.date32())
    if not pa.types.is_string(column.type):
        return None
    days = pc.utf8_slice_codeunits(pc.utf8_trim_whitespace(column), 0, _DAY)
    read = pc.cast(pc.strptime(days, format="%Y-%m-%d", unit="s", error_is_null=True), pa.date32())
    # Arrow takes the 30th of February for the 2nd of March.
    return pc.if_else(pc.equal(pc.cast(read, pa.string()), days), read, pa.scalar(None, pa.date32()))


def _datetime(column: pa.Array) -> pa.Array | None:
    if pa.types.is_timestamp(column.type):
        return column
    return pc.cast(column, pa.timestamp("us", tz="UTC")) if pa.types.is_date(column.type) else None


def _select(column: pa.Array) -> pa.Array | None:
    return column if pa.types.is_string(column.type) else None


_MAKERS: Mapping[ColumnType, Callable[[pa.Array], pa.Array | None]] = {
    ColumnType.TEXT: _text,
    ColumnType.NUMBER: _number,
    ColumnType.BOOLEAN: _boolean,
    ColumnType.DATE: _date,
    ColumnType.DATETIME: _datetime,
    ColumnType.SELECT: _select,
}
