"""JSON objects made row by row."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from netsuite_connector.domains.objects import encode, object_of, rows_of

# Properties are named by us or by NetSuite field ids.
NAMES = st.text("abcXYZ 09_.é", max_size=8)
VALUES = st.one_of(
    st.none(),
    st.text(),
    st.integers(-(2**53), 2**53),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
def test_an_object_holds_what_a_dict_without_nulls_holds(pairs: list[tuple[str, object]]) -> None:
    made = object_of(*(name for name, _ in pairs))(*(value for _, value in pairs))
    expected = {name: value for name, value in dict(pairs).items() if value is not None}
    assert json.loads(encode(made)) == expected


def test_rows_of_no_columns_are_empty() -> None:
    assert rows_of([], 2) == [(), ()]
    assert rows_of([["a", "b"]], 2) == [("a",), ("b",)]
