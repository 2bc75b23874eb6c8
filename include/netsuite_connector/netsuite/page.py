"""From a page's column-wise JSON to an Arrow record batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

import pyarrow as pa

from netsuite_connector.column_type import TEXT_SUFFIX, ColumnType
from netsuite_connector.netsuite.errors import NetSuiteColumnError, NetSuiteFaultError, NetSuiteScriptError
from netsuite_connector.netsuite.info import Column, typed

_ARROW = {
    ColumnType.TEXT: pa.string(),
    ColumnType.INTEGER: pa.int64(),
    ColumnType.NUMBER: pa.float64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.DATE: pa.date32(),
    ColumnType.DATETIME: pa.timestamp("us", tz="UTC"),
    ColumnType.SELECT: pa.string(),
    ColumnType.MULTISELECT: pa.string(),
}
# Arrow would cut 1.5 down to the integer 1 and take true for 1.0, so it is asked first what it sees.
_SEEN = {
    ColumnType.INTEGER: {pa.int64(), pa.null()},
    ColumnType.NUMBER: {pa.int64(), pa.uint64(), pa.float64(), pa.null()},
}
_FROM_TEXT = {ColumnType.DATE, ColumnType.DATETIME}
_WITH_TEXT = {ColumnType.SELECT, ColumnType.MULTISELECT}


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a saved search.

    ``batch``: one Arrow column a key; a select or multiselect has two, ``key`` (ids as text, several joined
    by commas) and ``key__text``. Each field's metadata holds ``label`` and ``type``, the type on the wire.
    ``cursor``: the internal id after which the next page starts (None for deleted records); ``done``: nothing
    is left; ``stopped``: why the page ended; ``usage``: governance units it cost; ``bytes``: its size;
    ``unreadable``: by key, how many values were not what their column's type says and so became null.
    """

    batch: pa.RecordBatch
    cursor: int | None
    done: bool
    stopped: str
    usage: int
    bytes: int
    unreadable: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Head:
    """What an answer says about its rows, beside their values."""

    columns: tuple[Column, ...]
    rows: int
    cursor: int | str | None
    done: bool
    stopped: str
    usage: int
    unreadable: dict[str, int] = field(default_factory=dict)


def page_of(answer: dict[str, Any], size: int, search: str) -> Page:
    """Build the Page from an answer of ``page`` or ``deleted`` that took ``size`` bytes.

    Raises NetSuiteFaultError when values are missing or columns differ in length, NetSuiteScriptError when
    the answer or a value in it is not of the type it should have, which no correct RESTlet sends.
    """
    head = typed(_Head, answer, f"page of {search}")
    values = answer.get("values")
    if not isinstance(values, list) or len(values) != len(head.columns):
        raise NetSuiteFaultError(
            f"A page of {search} does not hold the values of each of its {len(head.columns)} columns."
        )
    fields: list[pa.Field] = []
    arrays: list[pa.Array] = []
    for column, entry in zip(head.columns, values, strict=True):
        for name, given, at in _parts(column, entry, search):
            if not isinstance(given, list) or len(given if at is None else at) != head.rows:
                raise NetSuiteFaultError(
                    f"A page of {search} says {head.rows} rows, but its column {name} differs."
                )
            array = _array(column, given, search)
            arrays.append(array if at is None else _spread(array, at, name, search))
            fields.append(_field(name, column))
    names = [each.name for each in fields]
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise NetSuiteScriptError(
            f"The RESTlet gives columns of {search} the same key ({', '.join(twice)}): deploy the SuiteCloud "
            "project that came with this connector."
        )
    batch = pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
    cursor = head.cursor if isinstance(head.cursor, int) else None
    return Page(batch, cursor, head.done, head.stopped, head.usage, size, head.unreadable)


def same_columns(first: pa.Schema, batch: pa.RecordBatch, search: str) -> pa.RecordBatch:
    """``batch`` under the schema of the first page: labels may have changed since, columns must not.

    Raises NetSuiteColumnError, which names the columns, when someone changed the search during the extract.
    """
    if batch.schema.equals(first, check_metadata=True):
        return batch
    before, now = _types(first), _types(batch.schema)
    if list(before.items()) == list(now.items()):
        return pa.RecordBatch.from_arrays(batch.columns, schema=first)
    gone = [name for name in before if name not in now]
    new = [name for name in now if name not in before]
    other = [name for name, kind in now.items() if before.get(name, kind) != kind]
    parts = [("gone", gone), ("new", new), ("of another type", other)]
    changes = [f"{', '.join(names)} ({what})" for what, names in parts if names] or ["their order"]
    raise NetSuiteColumnError(
        f"The columns of the saved search {search} changed while it was extracted: {'; '.join(changes)}. "
        "Run the extract again once the search is as it should be.",
        search=search,
        columns=tuple(gone + new + other),
    )


def first_and_last_id(batch: pa.RecordBatch, search: str) -> tuple[int, int]:
    """The internal ids of a batch's first and last row; raises a NetSuiteError when there are none."""
    if batch.num_columns == 0 or batch.schema.names[0] != "internalid" or batch.column(0).type != pa.int64():
        raise NetSuiteScriptError(
            f"The first column of {search} is not its internal id: deploy the SuiteCloud project that came "
            "with this connector."
        )
    ids = batch.column(0)
    if ids[0].as_py() is None or ids[-1].as_py() is None:
        raise NetSuiteFaultError(f"A page of {search} has rows without an internal id.")
    return ids[0].as_py(), ids[-1].as_py()


def _parts(column: Column, entry: Any, search: str) -> Iterator[tuple[str, Any, pa.Array | None]]:
    """A column's one or two lists under their names in the batch, with the place in them of each row's value;
    None where that is the row's own.
    """
    shared = isinstance(entry, dict) and "at" in entry
    at = _places(column, entry["at"], search) if shared else None
    if column.type not in _WITH_TEXT:
        yield column.key, entry.get("values") if shared else entry, at
        return
    if not isinstance(entry, dict) or not {"id", "text"} <= entry.keys():
        raise NetSuiteFaultError(f"A page of {search} has no ids and texts for its column {column.key}.")
    yield column.key, entry["id"], at
    yield column.key + TEXT_SUFFIX, entry["text"], at


def _places(column: Column, at: Any, search: str) -> pa.Array:
    """Where each row's value stands among those of the column; null for an empty one."""
    try:
        places = pa.array(at)
    except (pa.ArrowException, TypeError, OverflowError):
        places = None
    # As with values, Arrow says what it sees: told to make integers it would cut 1.5 down to 1.
    if places is None or places.type not in _SEEN[ColumnType.INTEGER]:
        raise NetSuiteFaultError(f"A page of {search} does not say where values of {column.key} stand.")
    return places.cast(pa.int64())


def _spread(values: pa.Array, at: pa.Array, name: str, search: str) -> pa.Array:
    """The value of each row, from values that are there once and the place of each row's among them."""
    try:
        return values.take(at)
    except pa.ArrowIndexError:
        raise NetSuiteFaultError(f"A page of {search} lacks values of its column {name}.") from None


def _array(column: Column, values: list[Any], search: str) -> pa.Array:
    try:
        return _typed(column.type, values)
    except (pa.ArrowException, OverflowError):
        # Without Arrow's own words: they quote the value, which may be personal.
        raise NetSuiteScriptError(
            f"The column {column.key} of {search} holds a value that is no {column.type}: deploy the "
            "SuiteCloud project that came with this connector, or report this column."
        ) from None


def _typed(type_: ColumnType, values: list[Any]) -> pa.Array:
    if type_ in _FROM_TEXT:
        # Arrow parses ISO 8601 in bulk, a hundred times faster than Python value by value.
        return pa.array(values, pa.string()).cast(_ARROW[type_])
    try:
        if type_ in _SEEN and pa.array(values).type not in _SEEN[type_]:
            raise pa.ArrowTypeError(type_)
        return pa.array(values, _ARROW[type_])
    except (pa.ArrowInvalid, OverflowError):
        if type_ is ColumnType.NUMBER:
            return _floats(values)
        raise


def _floats(values: list[Any]) -> pa.Array:
    """Numbers as the floats that they are nearest to: Arrow refuses whole ones beyond 2^53."""
    if not set(map(type, values)) <= {int, float, NoneType}:
        raise pa.ArrowTypeError(ColumnType.NUMBER)
    return pa.array([None if value is None else float(value) for value in values], pa.float64())


def _field(name: str, column: Column) -> pa.Field:
    label = column.label or column.key
    return pa.field(name, _ARROW[column.type], metadata={"label": label, "type": column.type.value})


def _types(schema: pa.Schema) -> dict[str, bytes]:
    return {each.name: each.metadata[b"type"] for each in schema}
