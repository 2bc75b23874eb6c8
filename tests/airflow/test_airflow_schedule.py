"""The runs of Airflow's own backfill read what changed since the run before, and leave no gap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter  # type: ignore[import-untyped]

from netsuite_connector.airflow.schedule import asked_window

NOTHING: dict[str, Any] = {"from": None, "to": None, "full": False, "resend": False}
ZONE = "America/New_York"


def asked(end: datetime, cron: str | None = "0 3 * * *", kind: str = "backfill", **said: Any) -> Any:
    run = SimpleNamespace(run_type=kind, data_interval_end=end, run_after=end)
    return asked_window({"dag_run": run}, NOTHING | said, cron, ZONE)


@pytest.mark.parametrize(
    "cron", ["15 * * * *", "*/20 * * * *", "0 3 * * *", "0 8,17 * * *", "0 9-17 * * 1-5", "0 3 1 * *"]
)
def test_each_run_of_a_backfill_goes_on_where_the_one_before_ends(cron: str) -> None:
    # Clocks change on 1 November.
    moments = croniter(cron, datetime(2026, 10, 25, 12, tzinfo=ZoneInfo(ZONE)))
    ticks = [
        moments.get_next(datetime).astimezone(UTC) for _ in range(400 if cron.endswith("* * * *") else 30)
    ]
    for before, tick in pairwise(ticks):
        start, end = map(datetime.fromisoformat, asked(tick, cron)[:2])
        assert end == tick
        assert tick - before <= end - start <= tick - before + timedelta(hours=2)


@pytest.mark.parametrize("kind", ["scheduled", "manual", "asset_triggered"])
def test_other_runs_go_on_from_the_mark(kind: str) -> None:
    assert asked(datetime(2026, 11, 12, 8, tzinfo=UTC), kind=kind) == (None, None, False)


def test_what_a_person_says_counts_in_a_backfill_too() -> None:
    end = datetime(2026, 11, 12, 8, tzinfo=UTC)
    assert asked(end, **{"from": "2026-01-01T00:00:00Z"}) == ("2026-01-01T00:00:00Z", None, False)
    assert asked(end, full=True) == (None, None, True)
    assert asked(end, cron=None) == (None, None, True)
    assert asked(end, resend=True) == asked(end)
    assert asked(end)[2]
