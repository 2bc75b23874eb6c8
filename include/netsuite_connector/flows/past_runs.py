"""The runs that a flow has in staging, newest first, a page at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from netsuite_connector.staging.staging import Staging

FOLDER = "runs"
REPORT = "report.json"

_HISTORY = "history-"
_MOMENT = re.compile(r"\d{4}-?\d\d-?\d\dT[\d:]{4,8}")
# What each stage leaves in a run's folder, in their order.
_STAGES = ("extract", "valid", "records", "push", "refused")


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run of a flow: its folder's name, its ``report`` and when that was written. A run without a report
    is under way or was stopped; ``reached`` is then what its last stage left, None where it left nothing.
    """

    key: str
    report: Mapping[str, Any] | None
    at: datetime | None
    reached: str | None

    @property
    def dry_run(self) -> bool:
        """Whether nothing was sent."""
        return bool(self.report["dry_run"]) if self.report is not None else self.key.endswith("-dry-run")


def past_run_keys(staging: Staging, store: str, flow: str, *, history: bool = False) -> list[str]:
    """The names of the flow's runs, or of its windows of history: by the moment up to which they read, the
    latest first. Reads no run.
    """
    names = staging.list((store, flow, FOLDER))
    return sorted((name for name in names if name.startswith(_HISTORY) is history), key=_moment, reverse=True)


def past_runs(staging: Staging, store: str, flow: str, keys: Sequence[str]) -> Iterator[PastRun]:
    """The runs of these names, as far as they are still there."""
    for key in keys:
        run = past_run(staging, store, flow, key)
        if run is not None:
            yield run


def past_run(staging: Staging, store: str, flow: str, key: str) -> PastRun | None:
    """The run of that name; None when it isn't there."""
    place = (store, flow, FOLDER, key)
    report = staging.read_json((*place, REPORT))
    if report is not None:
        return PastRun(key, report, staging.written((*place, REPORT)), None)
    left = staging.list(place)
    if not left:
        return None
    return PastRun(key, None, None, next((stage for stage in reversed(_STAGES) if stage in left), None))


def _moment(key: str) -> tuple[str, str]:
    moments = _MOMENT.findall(key)
    return (re.sub(r"\D", "", moments[-1]) if moments else "", key)
