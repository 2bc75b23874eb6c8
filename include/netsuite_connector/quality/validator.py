"""Runs a source's suite over its rows: every row is valid, or rejected with all its reasons.

Great Expectations comes with this module: seconds and hundreds of megabytes, so import it inside a task.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from netsuite_connector.domains.model import Source
from netsuite_connector.quality.checks import Checks
from netsuite_connector.quality.gx import VERSION
from netsuite_connector.quality.suite import build_suite, text_columns
from netsuite_connector.staging.rejected import rejected_batch

STAGE = "validate"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A chunk's rows taken apart. ``reasons`` counts rows by reason; a row that has two counts under both."""

    valid: pa.RecordBatch
    rejected: pa.RecordBatch
    reasons: Counter[str]


class Validator:
    """Checks the rows of one source. Memory grows with the chunk, not with the number of chunks."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._as_text = text_columns(source)
        self._checks: Checks | None = None
        self._rows = 0
        self._rejected = 0
        self._reasons: Counter[str] = Counter()

    def run(self, batch: pa.RecordBatch) -> Verdict:
        """Check a chunk of rows as ``normalise`` gives them; 100,000 at a time are quickest.

        All chunks have the same columns. ``rejected`` has the schema of rejected rows. Raises MendError when
        an expectation could not be checked, which says nothing about the rows.
        """
        if self._checks is None:
            self._checks = Checks(build_suite(self._source, batch.schema.names))
        failing = self._checks.failing(self._frame(batch, self._checks.columns))
        bad, reasons = _by_row(failing)
        rejected = rejected_batch(
            batch.take(pa.array(bad, pa.int64())), reasons, stage=STAGE, source=self._source.name
        )
        valid = batch
        if len(bad):
            keep = np.ones(batch.num_rows, dtype=np.bool_)
            keep[bad] = False
            valid = batch.filter(pa.array(keep))
        counts = Counter({reason: len(rows) for reason, rows in failing.items() if len(rows)})
        self._rows += batch.num_rows
        self._rejected += len(bad)
        self._reasons.update(counts)
        return Verdict(valid, rejected, counts)

    def result_document(self) -> dict[str, Any]:
        """The suite and what came of it over all chunks so far, as JSON types: counts, no values of rows."""
        checks = self._checks or Checks(build_suite(self._source, ()))
        results = checks.results()
        passed = sum(result["success"] for result in results)
        return {
            "great_expectations_version": VERSION,
            "suite": checks.suite_document(),
            "success": passed == len(results),
            "statistics": {
                "evaluated_expectations": len(results),
                "successful_expectations": passed,
                "unsuccessful_expectations": len(results) - passed,
                "rows": self._rows,
                "valid_rows": self._rows - self._rejected,
                "rejected_rows": self._rejected,
            },
            "results": results,
            "reasons": dict(self._reasons.most_common()),
        }

    def _frame(self, batch: pa.RecordBatch, columns: Collection[str]) -> pd.DataFrame:
        """The columns that have expectations, as Great Expectations checks them fastest."""
        present = [name for name in columns if name in batch.schema.names]
        arrays = [_checkable(batch.column(name), as_text=name in self._as_text) for name in present]
        # Texts become pandas' Arrow-backed str, the rest NumPy: all Arrow-backed takes four times as long.
        frame: pd.DataFrame = pa.Table.from_arrays(arrays, names=present).to_pandas(date_as_object=False)
        return frame


def _checkable(column: pa.Array, *, as_text: bool) -> pa.Array:
    return column.cast(pa.string()) if as_text and not pa.types.is_string(column.type) else column


def _by_row(failing: Mapping[str, Sequence[int]]) -> tuple[list[int], list[list[str]]]:
    """The positions of rows that fail, in order, and the reasons of each."""
    rows: dict[int, list[str]] = {}
    for reason, positions in failing.items():
        for position in positions:
            rows.setdefault(position, []).append(reason)
    bad = sorted(rows)
    return bad, [rows[position] for position in bad]
