"""Reads what reconciliations found: their reports, and the records that do not agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netsuite_connector.flows.reconciliation.model import FOLDER
from netsuite_connector.staging.dataset import Dataset
from netsuite_connector.staging.staging import Staging

FINDINGS = "findings"

_COLUMNS = ("kind", "day", "verdict", "identity", "internal_id", "detail", "edited")


@dataclass(frozen=True, slots=True)
class Report:
    """A reconciliation of a flow: ``span`` is its folder, from one day to another; ``healed`` is how many
    records were delivered by it; ``kinds`` has a line for each kind and day, ``sources`` one for the rows of
    each saved search; ``doubts`` are sentences about why agreement would say little.
    """

    flow: str
    span: str
    at: str
    agrees: bool
    healed: int
    kinds: tuple[Mapping[str, Any], ...]
    sources: tuple[Mapping[str, Any], ...] = ()
    doubts: tuple[str, ...] = ()

    def sum(self, name: str) -> int:
        """The sum of one of the numbers over all kinds and days."""
        return sum(int(kind.get(name) or 0) for kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Findings:
    """Some of the records that do not agree, as rows with ``kind``, ``day``, ``verdict``, ``identity``,
    ``internal_id`` and ``detail``; ``total`` is how many were asked for in all, ``verdicts`` how many there
    are of each, whatever was asked for.
    """

    rows: tuple[Mapping[str, Any], ...] = ()
    total: int = 0
    verdicts: Mapping[str, int] = field(default_factory=dict)


def spans(staging: Staging, store: str, flow: str) -> list[str]:
    """The names of a flow's reconciliations, those of the latest days first."""
    names = staging.list((store, FOLDER, flow))
    return sorted(names, key=lambda name: name.split("--")[::-1], reverse=True)


def reports(staging: Staging, store: str, flow: str, names: Sequence[str]) -> Iterator[Report]:
    """The reports of these reconciliations, as far as they have come to their end."""
    for name in names:
        report = read(staging, store, flow, name)
        if report is not None:
            yield report


def latest(staging: Staging, store: str, flow: str) -> Report | None:
    """The report of the latest days; None when nobody has reconciled the flow."""
    return next(reports(staging, store, flow, spans(staging, store, flow)), None)


def read(staging: Staging, store: str, flow: str, span: str) -> Report | None:
    """A report; None when there is none."""
    found = staging.read_json((store, FOLDER, flow, span, "report.json"))
    if found is None:
        return None
    return Report(
        flow,
        span,
        str(found["at"]),
        bool(found["agrees"]),
        int(found.get("healed") or 0),
        tuple(found["kinds"]),
        tuple(found.get("sources", ())),
        tuple(found.get("doubts", ())),
    )


def findings(  # noqa: PLR0913 - which reconciliation, and which page of what it found
    staging: Staging,
    store: str,
    report: Report,
    *,
    verdict: str | None,
    kind: str | None,
    first: int,
    count: int,
) -> Findings:
    """``count`` findings from the ``first`` on, of a verdict and a kind or of all."""
    dataset = staging.dataset(store, FOLDER, report.flow, report.span, FINDINGS)
    if dataset.manifest() is None:
        return Findings()
    total = 0
    verdicts: Counter[str] = Counter()
    rows: list[Mapping[str, Any]] = []
    for row in _rows(dataset):
        verdicts[row["verdict"]] += 1
        if verdict in (None, row["verdict"]) and kind in (None, row["kind"]):
            if first <= total < first + count:
                rows.append(row)
            total += 1
    return Findings(tuple(rows), total, verdicts)


def _rows(dataset: Dataset) -> Iterator[dict[str, Any]]:
    for batch in dataset.batches(_COLUMNS):
        yield from batch.to_pylist()
