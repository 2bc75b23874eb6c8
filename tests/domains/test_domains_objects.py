"""JSON objects made row by row."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from netsuite_connector.domains.objects import encode, list_of, members, object_of

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


@given(st.lists(st.dictionaries(NAMES, VALUES), min_size=1, max_size=4))
def test_a_list_made_of_members_holds_the_objects(objects: list[dict[str, object]]) -> None:
    assert json.loads(encode(list_of(members(encode(each)) for each in objects))) == objects
