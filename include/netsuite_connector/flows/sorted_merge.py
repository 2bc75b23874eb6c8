"""Walking streams of record batches side by side, all ordered by (id, sub), with flat memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa


def side_by_side(
    old: Iterator[pa.RecordBatch], new: Iterator[pa.RecordBatch]
) -> Iterator[tuple[pa.RecordBatch | None, pa.RecordBatch | None]]:
    """Pieces of both streams that cover the same range of (id, sub); None where a stream has nothing there.

    Together the pieces are both streams, whole and in order. A key that is in both streams is in both pieces
    of one pair.
    """
    left, right = _next(old), _next(new)
    while left is not None or right is not None:
        if left is None or right is None:
            yield left, right
            left, right = _next(old), _next(new)
            continue
        bound = min(key_at(left, -1), key_at(right, -1))
        left_count, right_count = up_to(left, bound), up_to(right, bound)
        yield (
            left.slice(0, left_count) if left_count else None,
            right.slice(0, right_count) if right_count else None,
        )
        left = left.slice(left_count) if left_count < left.num_rows else _next(old)
        right = right.slice(right_count) if right_count < right.num_rows else _next(new)


def all_together(streams: Iterable[Iterator[pa.RecordBatch]]) -> Iterator[list[pa.RecordBatch]]:
    """Pieces of all streams that cover the same range of (id, sub), in the order of the streams; a stream
    that has nothing there gives none. A key is in one list of pieces only.
    """
    ends = [(batch, stream) for stream in streams if (batch := _next(stream)) is not None]
    while len(ends) > 1:
        bound = min(key_at(batch, -1) for batch, _ in ends)
        pieces, left = [], []
        for batch, stream in ends:
            count = up_to(batch, bound)
            if count:
                pieces.append(batch.slice(0, count))
            rest = batch.slice(count) if count < batch.num_rows else _next(stream)
            if rest is not None:
                left.append((rest, stream))
        yield pieces
        ends = left
    for batch, stream in ends:
        yield [batch]
        yield from ([each] for each in stream)


def either(*streams: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """What is in any of the streams of (id, sub), once each."""
    for pieces in all_together(streams):
        if len(pieces) == 1:
            yield pieces[0]
            continue
        both = pa.Table.from_batches(pieces).group_by(["id", "sub"]).aggregate([])
        yield from both.sort_by([("id", "ascending"), ("sub", "ascending")]).combine_chunks().to_batches()


def _next(stream: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
    return next((batch for batch in stream if batch.num_rows), None)


def key_at(batch: pa.RecordBatch, row: int) -> tuple[int, int]:
    """The (id, sub) of a row; of the last one for -1."""
    row %= batch.num_rows
    return batch.column("id")[row].as_py(), batch.column("sub")[row].as_py()


def up_to(batch: pa.RecordBatch, bound: tuple[int, int]) -> int:
    """How many rows at the start of ``batch`` have a key of at most ``bound``."""
    ids, subs = batch.column("id").to_numpy(), batch.column("sub").to_numpy()
    first = int(np.searchsorted(ids, bound[0], side="left"))
    last = int(np.searchsorted(ids, bound[0], side="right"))
    return first + int(np.searchsorted(subs[first:last], bound[1], side="right"))
