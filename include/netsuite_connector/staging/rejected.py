"""Rejected rows: what each looked like, which stage turned it down, and every reason why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import orjson
import pyarrow as pa

_ID = "internalid"
_LINE = "lineuniquekey"
_ROWS_AT_ONCE = 5_000  # as Python objects rows take ten times the room

SCHEMA = pa.schema(
    [
        ("stage", pa.string()),
        ("source", pa.string()),
        ("id", pa.int64()),
        ("key", pa.string()),
        ("reasons", pa.list_(pa.string())),
        ("row", pa.string()),
    ]
)
"""``id``: the internal id; ``key``: what tells rows of one id apart, or null; ``row``: the row as JSON."""


def rejected_batch(
    rows: pa.RecordBatch, reasons: Sequence[Sequence[str]], *, stage: str, source: str
) -> pa.RecordBatch:
    """``rows``, all of them rejected, in the schema of rejected rows; ``reasons`` holds one list a row.

    Id and key are the columns that the RESTlet always gives (docs/netsuite/restlet.md): ``internalid``, and
    ``lineuniquekey`` where a search has several rows a record. Raises KeyError without ``internalid``.
    """
    count = rows.num_rows
    lines = _LINE in rows.schema.names
    keys = rows.column(_LINE).cast(pa.string()) if lines else pa.nulls(count, pa.string())
    return pa.record_batch(
        [
            pa.repeat(pa.scalar(stage), count),
            pa.repeat(pa.scalar(source), count),
            rows.column(_ID).cast(pa.int64()),
            keys,
            pa.array(reasons, SCHEMA.field("reasons").type),
            pa.array(_as_json(rows), pa.string()),
        ],
        schema=SCHEMA,
    )


def reason_counts(rejected: pa.RecordBatch | pa.Table) -> Counter[str]:
    """How many rows each reason turned down; a row with two reasons counts under both."""
    counts: Counter[str] = Counter()
    for reasons in rejected.column("reasons").to_pylist():
        counts.update(set(reasons))
    return counts


def _as_json(rows: pa.RecordBatch) -> Iterator[str]:
    for first in range(0, rows.num_rows, _ROWS_AT_ONCE):
        for row in rows.slice(first, _ROWS_AT_ONCE).to_pylist():
            # default=str is for the types that JSON has not, such as decimals.
            yield orjson.dumps(row, default=str).decode()
