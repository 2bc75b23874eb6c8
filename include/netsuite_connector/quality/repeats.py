"""A record's rows that say again what its first one said.

A saved search gives a record several times when a column of it comes from a list below the record, such as a
customer's addresses. Rows arrive ordered by internal
id and line, so a repeat stands right behind the row that it repeats, whatever the number of rows.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

REASON = "Row repeats its record: the saved search gives several rows for one internal id"
_KEY = ("internalid", "lineuniquekey")


class Repeats:
    """Takes repeated rows out of one source's batches, which come in order."""

    def __init__(self) -> None:
        self._last: tuple[int, ...] | None = None

    def split(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """The rows that are the first of their key, and those that repeat one."""
        if not batch.num_rows:
            return batch, batch
        columns = [batch.column(name).to_numpy() for name in _KEY if name in batch.schema.names]
        repeated = np.ones(batch.num_rows, dtype=np.bool_)
        repeated[0] = self._last == tuple(int(column[0]) for column in columns)
        for column in columns:
            repeated[1:] &= column[1:] == column[:-1]
        self._last = tuple(int(column[-1]) for column in columns)
        if not repeated.any():
            return batch, batch.slice(0, 0)
        return batch.filter(pa.array(~repeated)), batch.filter(pa.array(repeated))
