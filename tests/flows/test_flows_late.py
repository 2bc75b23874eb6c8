"""What catalog runs leave word of that deliver long after they have read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from netsuite_connector.flows import late
from netsuite_connector.flows.run import Run

NewRun = Callable[..., Run]


def ended(run: Run, monkeypatch: pytest.MonkeyPatch, hours: float) -> None:
    """The run has just delivered what it began to read so many hours ago."""
    with monkeypatch.context() as patch:
        began = int((datetime.now(UTC) - timedelta(hours=hours)).timestamp() * 1e9)
        patch.setattr(Run, "read_from", property(lambda _: began))
        late.note(run)


def starts(run: Run, hours: float) -> float:
    """How many hours ago a run reads from that would read from ``hours`` ago."""
    now = datetime.now(UTC)
    return round((now - late.start_before(run, now - timedelta(hours=hours))) / timedelta(hours=1), 1)


def test_stock_is_read_from_before_the_late_run_began(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(new_run("catalog"), monkeypatch, 6)
    assert starts(new_run("stock"), 1) == 7
    assert starts(new_run("stock"), 20) == 20, "it reads further back anyhow"
    assert starts(new_run("stock"), -1) == -1, "runs since have read it"
    assert starts(new_run("catalog"), 1) == 1


def test_runs_in_time_and_of_other_flows_leave_no_word(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(new_run("catalog"), monkeypatch, 0.5)
    ended(new_run("orders"), monkeypatch, 6)
    assert starts(new_run("stock"), 1) == 1


def test_one_late_run_does_not_hide_another(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    ended(new_run("catalog"), monkeypatch, 9)
    ended(new_run("catalog"), monkeypatch, 3)
    assert starts(new_run("stock"), 1) == 10
