"""Of a record's rows always the same one speaks, in whatever order and pieces they arrive."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from netsuite_connector.flows.speaking import speaking

SCHEMA = pa.schema(
    [
        ("internalid", pa.int64()),
        ("city", pa.string()),
        ("isdefaultbilling", pa.bool_()),
        ("addressinternalid", pa.string()),
    ]
)
PREFER = ("isdefaultbilling", "isdefaultshipping", "addressinternalid")
# A record's addresses: city, whether it is the default, its id.
BOOKS = st.lists(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.none() | st.booleans(), st.none() | st.sampled_from("123")),
        min_size=1,
        max_size=4,
    ),
    max_size=8,
)


def picked(rows: list[dict[str, Any]], size: int) -> list[tuple[dict[str, Any], int]]:
    batches = [
        pa.RecordBatch.from_pylist(rows[at : at + size], schema=SCHEMA) for at in range(0, len(rows), size)
    ]
    return [
        (row, int(count))
        for batch, counts in speaking(batches, PREFER)
        for row, count in zip(batch.to_pylist(), counts, strict=True)
    ]


@given(books=BOOKS, size=st.integers(1, 9), seed=st.integers())
def test_the_default_address_speaks_else_the_first_by_its_values(
    books: list[list[tuple[str, bool | None, str | None]]], size: int, seed: int
) -> None:
    luck = random.Random(seed)
    rows: list[dict[str, Any]] = []
    expected = []
    for number, book in enumerate(books, 1):
        mine = [dict(zip(SCHEMA.names, (number, *address), strict=True)) for address in book]
        first = min(
            mine,
            key=lambda row: (
                (row["isdefaultbilling"] is not True, row["isdefaultbilling"] is None),
                (row["addressinternalid"] is None, row["addressinternalid"] or ""),
                row["city"],
            ),
        )
        expected.append((first, len(mine)))
        rows += luck.sample(mine, len(mine))
    assert picked(rows, size) == expected
