"""Which changes a run of Airflow's own backfill stands for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

_BACKFILL = "backfill"
# Where clocks are put forward or back between two runs, cron's arithmetic may be an hour off; what is read
# twice is not sent twice.
_CLOCKS = timedelta(hours=1)


def is_backfill(context: Mapping[str, Any]) -> bool:
    """Whether the run is one of Airflow's own backfill."""
    return bool(context["dag_run"].run_type == _BACKFILL)


def asked_window(
    context: Mapping[str, Any], params: Mapping[str, Any], cron: str | None, timezone: str
) -> tuple[str | None, str | None, bool]:
    """The bounds of last changes that a run is asked for: what a person says, or in Airflow's own backfill
    (``airflow backfill create``, or its form) what changed since the run before, so that the runs of a
    backfill leave no gap. (None, None) for all other runs, and where there are no such bounds. The third
    value: whether it is a backfill's run without bounds that a person said.
    """
    run = context["dag_run"]
    said = params["from"], params["to"]
    if not is_backfill(context) or any(said):
        return *said, False
    if cron is None or params["full"]:
        return None, None, True
    from croniter import croniter  # type: ignore[import-untyped]

    end = run.data_interval_end or run.run_after
    before = croniter(cron, end.astimezone(ZoneInfo(timezone))).get_prev(datetime)
    return _text(before - _CLOCKS), _text(end), True


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
