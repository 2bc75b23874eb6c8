"""One suite, run over chunk after chunk, and what came of each expectation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pandas as pd
from great_expectations import ExpectationSuite, ValidationDefinition
from great_expectations.core import ExpectationValidationResult
from great_expectations.expectations.expectation import Expectation

from netsuite_connector.errors import MendError
from netsuite_connector.quality.gx import quiet_context

# Positions of the failing rows and nothing else: values may be personal, a query over positions costs time.
_RESULT_FORMAT = {
    "result_format": "COMPLETE",
    "return_unexpected_index_query": False,
    "include_unexpected_rows": False,
    "exclude_unexpected_values": True,
    "partial_unexpected_count": 0,
}
_ERROR_NAME = re.compile(r"^(?:\w+\.)*(\w*(?:Error|Exception|Invalid)\w*)", re.MULTILINE)


class Checks:
    """A suite ready to run. One validation definition serves all chunks; none of its results is kept."""

    def __init__(self, suite: ExpectationSuite) -> None:
        self._context = quiet_context()
        data = self._context.data_sources.add_pandas("staging").add_dataframe_asset("rows")
        chunk = data.add_batch_definition_whole_dataframe("chunk")
        self._suite = self._context.suites.add(suite)
        self._definition = self._context.validation_definitions.add(
            ValidationDefinition(name=suite.name, data=chunk, suite=self._suite)
        )
        # By id, for results come in another order than their expectations.
        self._tallies = {expectation.id: _tally(expectation) for expectation in self._suite.expectations}

    @property
    def columns(self) -> list[str]:
        """The columns that have expectations."""
        columns = ((tally.column, tally.beside) for tally in self._tallies.values())
        return list(dict.fromkeys(column for pair in columns for column in pair if column is not None))

    def failing(self, frame: pd.DataFrame) -> dict[str, list[int]]:
        """The positions of rows that fail, by reason, in the suite's order. ``frame`` has an index from 0.

        Raises MendError when an expectation could not be checked.
        """
        if not self._tallies:
            return {}
        outcome = self._definition.run(batch_parameters={"dataframe": frame}, result_format=_RESULT_FORMAT)
        # Left alone, the context keeps every result for as long as it lives.
        store = self._context.validation_results_store
        for key in store.list_keys():
            store.remove_key(key)  # type: ignore[no-untyped-call]
        results = {
            result.expectation_config.id: result for result in outcome.results if result.expectation_config
        }
        failing: dict[str, set[int]] = {}
        for id_, tally in self._tallies.items():
            failing.setdefault(tally.reason, set()).update(tally.take(results.get(id_), len(frame)))
        return {reason: sorted(positions) for reason, positions in failing.items()}

    def results(self) -> list[dict[str, Any]]:
        """For each expectation what it is, how many values were checked and how many were unexpected."""
        return [tally.document() for tally in self._tallies.values()]

    def suite_document(self) -> dict[str, Any]:
        """The suite as Great Expectations writes it."""
        document: dict[str, Any] = self._suite.to_json_dict()
        return document


@dataclass(slots=True)
class _Tally:
    """One expectation over all chunks; ``checked`` counts the values that were there to check. ``beside`` is
    the column that says which rows it looks at, if it does not look at all.
    """

    type: str
    column: str
    reason: str
    beside: str | None = None
    checked: int = 0
    unexpected: int = 0

    def take(self, result: ExpectationValidationResult | None, rows: int) -> list[int]:
        """Count a chunk's result in and give the rows that fail. Raises MendError when it is no result."""
        error = "no result" if result is None else _error(result.exception_info)
        outcome = {} if result is None else result.result
        positions: list[int] = outcome.get("unexpected_index_list") or []
        counts = outcome.get("element_count"), outcome.get("unexpected_count")
        looked_at = rows if self.beside is None else counts[0]
        if error is None and counts != (looked_at, len(positions)):
            error = "an incomplete result"
        if error is not None:
            raise MendError(
                f"Great Expectations could not check {self.type} on column {self.column} ({error}), so no "
                f"row was judged: mend the rule behind “{self.reason}”, or the column in the saved search."
            )
        self.checked += rows - (outcome.get("missing_count") or 0)
        self.unexpected += len(positions)
        return positions

    def document(self) -> dict[str, Any]:
        """The counts as JSON types."""
        return {
            "expectation_type": self.type,
            "column": self.column,
            "reason": self.reason,
            "checked": self.checked,
            "unexpected": self.unexpected,
            "unexpected_percent": 100 * self.unexpected / self.checked if self.checked else 0.0,
            "success": self.unexpected == 0,
        }


def _tally(expectation: Expectation) -> _Tally:
    meta = expectation.meta or {}
    return _Tally(expectation.expectation_type, meta["field"], meta["reason"], meta["beside"])


def _error(info: dict[str, Any] | None) -> str | None:
    """The name of the error that an expectation met, not its message, which may quote values; or None."""
    if not info:
        return None
    # One record, or one for each metric that failed.
    records = (
        [info] if "raised_exception" in info else [one for one in info.values() if isinstance(one, dict)]
    )
    for record in records:
        if record.get("raised_exception"):
            name = _ERROR_NAME.search(record.get("exception_traceback") or "")
            return name.group(1) if name else "an unknown error"
    return None
