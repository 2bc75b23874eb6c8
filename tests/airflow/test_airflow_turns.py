"""Runs of a flow go one after the other, whoever started them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException

from netsuite_connector.airflow.schedule_turns import LATER, SOON, keep_turn, take_turn
from netsuite_connector.staging.staging import Staging

FLOW = ("demo", "orders")


@dataclass
class Runs:
    """The runs of a DAG as Airflow knows them: what a task may ask of the others."""

    staging: Staging
    running: dict[str, int] = field(default_factory=dict)

    def start(self, *names: str) -> None:
        """Named by their kind and the hour they stand for, as in ``backfill 3``."""
        self.running |= {name: int(name.split()[1]) for name in names}

    def end(self, name: str) -> None:
        del self.running[name]

    def look(self, name: str, what: Any = take_turn) -> float:
        """For how many seconds that run has to wait; nothing when it is its turn."""
        kind = name.partition(" ")[0]
        dag = "rejected_replay" if kind == "replay" else "orders"
        run = type("Run", (), {"dag_id": dag, "run_id": name, "run_type": kind})
        try:
            what(self.staging, FLOW, {"dag_run": run, "ti": _Task(self, name)})
        except AirflowRescheduleException as waits:
            return round((waits.reschedule_date - datetime.now(UTC)).total_seconds())
        return 0


@dataclass
class _Task:
    runs: Runs
    name: str

    def get_dr_count(self, dag_id: str, *, run_ids: list[str], states: list[str]) -> int:
        assert (dag_id, states) == ("orders", ["running"])
        return sum(each in self.runs.running for each in run_ids)

    def get_previous_dagrun(self, state: str) -> Any:
        assert state == "running"
        mine = self.runs.running[self.name]
        earlier = {name: hour for name, hour in self.runs.running.items() if hour < mine}
        last = max(earlier, key=lambda name: earlier[name], default=None)
        return None if last is None else type("Run", (), {"run_id": last})


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(Staging(str(tmp_path)))


def test_the_runs_of_a_backfill_go_by_the_moments_they_stand_for(runs: Runs) -> None:
    runs.start("backfill 3", "backfill 1", "backfill 2")
    assert runs.look("backfill 2") > 0  # the first is to come, and has not looked yet
    assert runs.look("backfill 1") == 0
    assert runs.look("backfill 1") == 0  # tried again
    assert runs.look("backfill 2") == SOON.total_seconds()
    assert runs.look("backfill 3") == LATER.total_seconds()
    runs.end("backfill 1")
    assert runs.look("backfill 3") > 0
    assert runs.look("backfill 2") == 0


def test_a_scheduled_run_goes_before_the_backfills_that_wait(runs: Runs) -> None:
    runs.start("backfill 1", "backfill 2", "scheduled 9")
    assert runs.look("backfill 1") == 0
    assert runs.look("scheduled 9") == SOON.total_seconds()
    runs.end("backfill 1")
    assert runs.look("backfill 2") > 0
    assert runs.look("scheduled 9") == 0
    assert runs.look("backfill 2") > 0
    runs.end("scheduled 9")
    assert runs.look("backfill 2") == 0


@pytest.mark.parametrize("gone", ["backfill 1", "scheduled 9"])
def test_a_run_that_failed_or_was_killed_is_in_nobodys_way(runs: Runs, gone: str) -> None:
    runs.start("backfill 1", "backfill 2", "scheduled 9")
    assert runs.look("backfill 1") == 0
    assert runs.look("scheduled 9") > 0
    runs.end(gone)
    other = ({"backfill 1", "scheduled 9"} - {gone}).pop()
    assert runs.look(other) == 0
    assert runs.look("backfill 2") > 0
    runs.end(other)
    assert runs.look("backfill 2") == 0


def test_a_run_that_is_cleared_from_a_later_task_on_waits_for_its_turn_again(runs: Runs) -> None:
    runs.start("backfill 1")
    assert runs.look("backfill 1") == 0
    runs.end("backfill 1")
    runs.start("scheduled 9")
    assert runs.look("scheduled 9") == 0
    assert runs.look("scheduled 9", keep_turn) == 0
    runs.start("backfill 1")
    assert runs.look("backfill 1", keep_turn) == SOON.total_seconds()
    runs.end("scheduled 9")
    assert runs.look("backfill 1", keep_turn) == 0
    runs.start("scheduled 10")
    assert runs.look("scheduled 10") > 0


def test_a_replay_neither_waits_nor_is_waited_for(runs: Runs) -> None:
    runs.start("replay 8", "scheduled 9")
    assert runs.look("replay 8", keep_turn) == 0
    assert runs.look("scheduled 9") == 0
    assert runs.look("replay 8", keep_turn) == 0
    assert runs.look("scheduled 9", keep_turn) == 0
