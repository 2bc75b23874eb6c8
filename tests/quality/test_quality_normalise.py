"""Blank is missing."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from netsuite_connector.quality.normalise import normalise

TEXT = st.none() | st.text(alphabet=" \t\n\u00a0\u3000abÄ", max_size=5)


@given(values=st.lists(TEXT, max_size=10), type_=st.sampled_from([pa.string(), pa.large_string()]))
def test_texts_are_trimmed_and_empty_ones_are_null(values: list[str | None], type_: pa.DataType) -> None:
    batch = pa.record_batch({"name": pa.array(values, type_), "id": pa.array(range(len(values)), pa.int64())})
    result = normalise(batch)
    assert result.schema.equals(batch.schema)
    assert result.column("name").to_pylist() == [(value or "").strip() or None for value in values]
    assert result.column("id").equals(batch.column("id"))


def test_clean_columns_are_not_copied() -> None:
    column = pa.array(["a", None, "b c"])
    batch = pa.record_batch({"name": column, "flags": pa.array([True, None, False])})
    result = normalise(batch)
    assert result.column("name").buffers()[2].address == column.buffers()[2].address
