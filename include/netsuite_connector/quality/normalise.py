"""Blank is missing: texts lose the white space around them, and what is empty then becomes null."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def normalise(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with its texts trimmed, and null for empty ones. Columns that need nothing stay the same."""
    columns = [_trimmed(column) if _is_text(column.type) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _trimmed(column: pa.Array) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(column)
    empty = pc.equal(pc.binary_length(trimmed), 0)
    if pc.any(empty).as_py():
        return pc.if_else(empty, pa.scalar(None, column.type), trimmed)
    return column if trimmed.equals(column) else trimmed


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))
