"""Rows that repeat their record are told apart, however the rows are cut into batches."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from netsuite_connector.quality.repeats import Repeats

KEYS = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), max_size=20).map(sorted)


@given(KEYS, st.integers(1, 6), st.booleans())
def test_the_first_of_each_key_passes(keys: list[tuple[int, int]], size: int, lines: bool) -> None:  # noqa: FBT001
    repeats = Repeats()
    passed, repeated = [], []
    for start in range(0, len(keys), size):
        rows = [{"internalid": id_, "lineuniquekey": line, "n": n} for n, (id_, line) in enumerate(keys)]
        batch = pa.RecordBatch.from_pylist(rows[start : start + size])
        first, again = repeats.split(batch if lines else batch.drop_columns(["lineuniquekey"]))
        passed += first.column("n").to_pylist()
        repeated += again.column("n").to_pylist()
    names = [key if lines else key[0] for key in keys]
    assert passed == [n for n, name in enumerate(names) if names.index(name) == n]
    assert sorted(passed + repeated) == list(range(len(keys)))
