from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netsuite_far_side import column, page

from netsuite_connector.netsuite import (
    ColumnType,
    NetSuiteColumnError,
    NetSuiteFaultError,
    NetSuiteScriptError,
)
from netsuite_connector.netsuite.answer import loads
from netsuite_connector.netsuite.page import Page, page_of, same_columns

text = st.text(max_size=20)
VALUES: dict[ColumnType, st.SearchStrategy[Any]] = {
    ColumnType.TEXT: text,
    ColumnType.INTEGER: st.integers(-(2**63), 2**63 - 1),
    ColumnType.NUMBER: st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**64 - 1),
    ColumnType.BOOLEAN: st.booleans(),
    ColumnType.DATE: st.dates(),
    ColumnType.DATETIME: st.datetimes(timezones=st.just(UTC)),
    ColumnType.SELECT: text,
    ColumnType.MULTISELECT: text,
}
PAIRS = {ColumnType.SELECT, ColumnType.MULTISELECT}


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, list[tuple[str, ColumnType, Any]]]:
    rows = draw(st.integers(0, 6))
    keys = draw(
        st.lists(st.from_regex(r"[a-z][a-z0-9]{0,8}(\.[a-z]{1,5})?", fullmatch=True), unique=True, max_size=6)
    )
    table = []
    for key in keys:
        kind = draw(st.sampled_from(list(ColumnType)))
        cells = st.lists(st.none() | VALUES[kind], min_size=rows, max_size=rows)
        table.append((key, kind, (draw(cells), draw(cells)) if kind in PAIRS else draw(cells)))
    return rows, table


def wire(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat() + "Z"
    return value.isoformat() if isinstance(value, date) else value


def decode(columns: list[dict[str, Any]], values: list[Any], rows: int) -> Page:
    content = {"columns": columns, "values": values, "rows": rows}
    state = {"format": 1, "usage": 15, "cursor": 7, "done": False, "stopped": "limit"}
    body = orjson.dumps({**state, **content})
    return page_of(loads(body), len(body), "customsearch_x")


def as_floats(cells: list[Any]) -> list[float | None]:
    """Numbers as JSON means them."""
    return [None if cell is None else float(cell) for cell in cells]


def each_once(rows: list[Any], empty: Any) -> tuple[list[Any], list[int | None]]:
    """The values in the order in which they first come, and the place of each row's."""
    values: list[Any] = []
    for row in rows:
        if row != empty and row not in values:
            values.append(row)
    return values, [None if row == empty else values.index(row) for row in rows]


@settings(deadline=None)
@given(tables(), st.data())
def test_what_the_wire_carries_is_what_arrow_holds(
    given_table: tuple[int, list[tuple[str, ColumnType, Any]]], data: st.DataObject
) -> None:
    rows, table = given_table
    values: list[Any] = []
    expected: dict[str, list[Any]] = {}
    for key, kind, cells in table:
        once = data.draw(st.booleans(), label=f"{key}: values that repeat are sent once")
        if kind in PAIRS:
            expected |= {key: cells[0], key + "__text": cells[1]}
            pairs, at = each_once(list(zip(*cells, strict=True)), (None, None))
            lists = {"id": [id_ for id_, _ in pairs], "text": [text for _, text in pairs], "at": at}
            values.append(lists if once else {"id": cells[0], "text": cells[1]})
        else:
            expected[key] = as_floats(cells) if kind is ColumnType.NUMBER else cells
            single, at = each_once([wire(cell) for cell in cells], None)
            values.append({"values": single, "at": at} if once else [wire(cell) for cell in cells])

    result = decode([column(key, kind) for key, kind, _ in table], values, rows)

    assert result.batch.to_pydict() == expected
    assert result.batch.num_rows == (rows if table else 0)


def test_each_type_has_its_arrow_type_and_keeps_label_and_wire_type() -> None:
    columns = [column(kind.value, kind.value, f"The {kind}") for kind in ColumnType]
    values = [{"id": [], "text": []} if kind in PAIRS else [] for kind in ColumnType]

    schema = decode(columns, values, 0).batch.schema

    assert [(each.name, each.type) for each in schema] == [
        ("text", pa.string()),
        ("integer", pa.int64()),
        ("number", pa.float64()),
        ("boolean", pa.bool_()),
        ("date", pa.date32()),
        ("datetime", pa.timestamp("us", tz="UTC")),
        ("select", pa.string()),
        ("select__text", pa.string()),
        ("multiselect", pa.string()),
        ("multiselect__text", pa.string()),
    ]
    assert schema.field("select__text").metadata == {b"label": b"The select", b"type": b"select"}


def test_a_column_without_a_label_is_called_by_its_key() -> None:
    schema = decode([{**column("email", "text"), "label": None}], [[]], 0).batch.schema

    assert schema.field("email").metadata[b"label"] == b"email"


def test_a_page_says_how_much_it_holds_and_cost() -> None:
    result = decode([column("internalid", "integer")], [[3, 7]], 2)

    assert (result.cursor, result.done, result.stopped, result.usage) == (7, False, "limit", 15)
    assert result.bytes > 100


def test_values_that_netsuite_could_not_read_are_counted() -> None:
    reply = page([1, 2], unreadable={"custentity_born": 2})

    assert page_of(loads(reply.body), 0, "s").unreadable == {"custentity_born": 2}


def test_half_a_surrogate_pair_becomes_a_replacement_character_and_whole_ones_stay() -> None:
    body = page([1]).body.replace(b"email 1", b"cut \\ud83d and \\ud83d\\ude00 \\u00e9")

    assert page_of(loads(body), len(body), "s").batch.column("email").to_pylist() == ["cut \ufffd and 😀 é"]


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        ("text", 5),
        ("integer", 1.5),
        ("integer", "12"),
        ("integer", True),
        ("integer", 2**63),
        ("number", "1.5"),
        ("number", True),
        ("boolean", "T"),
        ("date", "11/20/2026"),
        ("date", 5),
        ("datetime", "2026-11-20 10:00 am"),
        ("datetime", "2026-11-20T10:00:00"),
        ("text", ["a"]),
    ],
)
def test_a_value_of_another_type_is_refused_by_its_columns_name_without_showing_it(
    kind: str, bad: Any
) -> None:
    with pytest.raises(NetSuiteScriptError, match="column phone of customsearch_x") as caught:
        decode([column("phone", kind)], [[None, bad]], 2)

    assert repr(bad) not in str(caught.value)


@pytest.mark.parametrize(
    "numbers", [[2**53 + 1], [90071992547409931, 1.5], [1, -(2**63)], [2**63], [None, 2**64 - 1, -1]]
)
def test_a_whole_number_beyond_2_to_the_53_is_the_float_that_it_is_nearest_to(numbers: list[Any]) -> None:
    found = decode([column("amount", "number")], [numbers], len(numbers)).batch.column("amount")

    assert (found.type, found.to_pylist()) == (pa.float64(), as_floats(numbers))


@pytest.mark.parametrize("other", [True, "1.5"])
def test_beside_such_a_number_too_a_value_of_another_type_is_refused(other: Any) -> None:
    with pytest.raises(NetSuiteScriptError, match="column amount of customsearch_x"):
        decode([column("amount", "number")], [[2**53 + 1, other]], 2)


@pytest.mark.parametrize(
    "values",
    [
        [[1, 2], ["a"]],
        [[1], ["a", "b"]],
        [[1, 2]],
        [[1, 2], None],
        [[1, 2], {"id": ["a", "b"], "text": ["a", "b"]}],
        None,
    ],
)
def test_ragged_columns_are_a_fault_and_never_data(values: Any) -> None:
    with pytest.raises(NetSuiteFaultError):
        decode([column("internalid", "integer"), column("email", "text")], values, 2)


@pytest.mark.parametrize("values", [[{"id": ["1"], "text": []}], [{"id": ["1"]}], [["1"]]])
def test_a_select_must_have_ids_and_texts(values: Any) -> None:
    with pytest.raises(NetSuiteFaultError, match="stage"):
        decode([column("stage", "select")], values, 1)


@pytest.mark.parametrize("at", [[0, 2], [0, -1], [0], [0, 0, 0], [0, 0.5], [0, True], ["0", "1"], None, 0])
def test_places_that_no_value_stands_at_are_a_fault(at: Any) -> None:
    with pytest.raises(NetSuiteFaultError, match="stage"):
        decode([column("stage", "text")], [{"values": ["a", "b"], "at": at}], 2)
    with pytest.raises(NetSuiteFaultError, match="stage"):
        decode([column("stage", "select")], [{"id": ["1", "2"], "text": ["a", "b"], "at": at}], 2)


@pytest.mark.parametrize("entry", [{"at": [0]}, {"values": "a", "at": [0]}, {"values": ["a"]}, {}])
def test_places_without_values_and_values_without_places_are_a_fault(entry: Any) -> None:
    with pytest.raises(NetSuiteFaultError, match="stage"):
        decode([column("stage", "text")], [entry], 1)


def test_a_value_of_another_type_is_refused_when_it_is_sent_once_too() -> None:
    with pytest.raises(NetSuiteScriptError, match="column amount of customsearch_x"):
        decode([column("amount", "integer")], [{"values": [1.5], "at": [0, 0]}], 2)


@pytest.mark.parametrize("missing", ["columns", "rows", "cursor", "done", "stopped", "usage"])
def test_an_answer_without_one_of_its_parts_is_refused_by_name(missing: str) -> None:
    content = loads(page([1]).body)
    del content[missing]

    with pytest.raises(NetSuiteScriptError, match=missing):
        page_of(content, 0, "s")


def test_two_columns_of_one_key_are_refused() -> None:
    with pytest.raises(NetSuiteScriptError, match="same key \\(email\\)"):
        decode([column("email", "text"), column("email", "text")], [[], []], 0)


FIRST = [column("internalid", "integer"), column("email", "text"), column("stage", "text")]


def batch(columns: list[dict[str, Any]]) -> pa.RecordBatch:
    return decode(columns, [{"id": [], "text": []} if c["type"] in PAIRS else [] for c in columns], 0).batch


def test_a_renamed_label_keeps_the_first_pages_schema() -> None:
    first = batch(FIRST)
    renamed = batch([FIRST[0], column("email", "text", "Electronic Mail"), FIRST[2]])

    assert same_columns(first.schema, renamed, "s").schema.equals(first.schema, check_metadata=True)


@pytest.mark.parametrize(
    ("now", "named"),
    [
        ([FIRST[0], FIRST[1]], "stage (gone)"),
        ([*FIRST, column("phone", "text")], "phone (new)"),
        ([FIRST[0], FIRST[1], column("stage", "date")], "stage (of another type)"),
        ([FIRST[0], FIRST[1], column("phone", "integer")], "stage (gone); phone (new)"),
        ([FIRST[0], FIRST[2], FIRST[1]], "their order"),
    ],
)
def test_columns_that_change_during_an_extract_are_named(now: list[dict[str, Any]], named: str) -> None:
    with pytest.raises(NetSuiteColumnError) as caught:
        same_columns(batch(FIRST).schema, batch(now), "customsearch_x")

    assert named in str(caught.value)
    assert "customsearch_x" in str(caught.value)
