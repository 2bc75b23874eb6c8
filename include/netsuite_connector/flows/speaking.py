"""Of the several rows that a saved search gives for a record, such as one for each of a customer's addresses,
the one that speaks for it.

Rows arrive ordered by internal id, and those of one record in any order: the choice is made by their values,
so that it is the same in every run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]


def speaking(
    batches: Iterable[pa.RecordBatch], prefer: Sequence[str]
) -> Iterator[tuple[pa.RecordBatch, Ints]]:
    """One row a record, and for how many rows each speaks.

    ``prefer``: the columns that choose the row, the first of them first; true before false, low before high,
    and anything before nothing. Where they leave it open, or the search doesn't have them, the other columns
    decide. Memory grows with a batch and the rows of a record.
    """
    waiting: pa.RecordBatch | None = None
    for batch in batches:
        if waiting is not None:
            batch = _joined(waiting, batch)  # noqa: PLW2901 - the same rows with those that waited
        if not batch.num_rows:
            continue
        ids = batch.column("internalid").to_numpy()
        complete = int(np.searchsorted(ids, ids[-1], side="left"))
        waiting = batch.slice(complete)
        if complete:
            yield _of_each(batch.slice(0, complete), prefer)
    if waiting is not None:
        yield _of_each(waiting, prefer)


def _of_each(batch: pa.RecordBatch, prefer: Sequence[str]) -> tuple[pa.RecordBatch, Ints]:
    ids = batch.column("internalid").to_numpy()
    _, first, counts = np.unique(ids, return_index=True, return_counts=True)
    if len(first) == len(ids):
        return batch, counts
    ordered = batch.take(pc.sort_indices(batch, sort_keys=_order(batch.schema, prefer)))
    return ordered.take(pa.array(first)), counts


def _order(schema: pa.Schema, prefer: Sequence[str]) -> list[tuple[str, str]]:
    chosen = [name for name in prefer if name in schema.names]
    others = [name for name in schema.names if name not in {"internalid", *chosen}]
    return [
        (name, "descending" if pa.types.is_boolean(schema.field(name).type) else "ascending")
        for name in ("internalid", *chosen, *others)
    ]


def _joined(one: pa.RecordBatch, other: pa.RecordBatch) -> pa.RecordBatch:
    return pa.Table.from_batches([one, other]).combine_chunks().to_batches()[0]
