"""Reading a lookup's rows beside a source's, both ordered by internal id, with flat memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]


class Along:
    """The rows of a lookup for ids that only ever rise. Holds one batch of the lookup beside what is asked
    for.
    """

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._waiting: pa.RecordBatch | None = None

    def rows(self, ids: Ints) -> pa.Table | None:
        """The lookup's rows whose internal id is one of ``ids`` (ascending, above those of earlier calls);
        None where the lookup has none.
        """
        if not len(ids):
            return None
        found = []
        while True:
            batch = self._waiting if self._waiting is not None else next(self._batches, None)
            if batch is None:
                break
            here = batch.column("internalid").to_numpy()
            count = int(np.searchsorted(here, ids[-1], side="right"))
            wanted = np.isin(here[:count], ids)
            if wanted.any():
                found.append(batch.slice(0, count).filter(pa.array(wanted)))
            self._waiting = batch.slice(count) if count < batch.num_rows else None
            if self._waiting is not None:
                break
        return pa.Table.from_batches(found) if found else None
