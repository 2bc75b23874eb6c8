"""History with Airflow's real scheduler: a backfill while it is killed with its tasks, and Airflow's own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import pytest
import requests
from bench.stack import QUICK_RECOVERY, Stack, running_stack

pytestmark = pytest.mark.scheduler


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    dags = ("orders", "history_backfill")
    with running_stack(*dags, sizes=(60, 80), more=QUICK_RECOVERY, schedules=True) as running:
        yield running


def klaviyo(stack: Stack) -> dict[str, Any]:
    """The sandbox account's counts."""
    answer = requests.get(f"{stack.options.klaviyo_url}/sandbox/state", timeout=30)
    answer.raise_for_status()
    return dict(answer.json())


def delivered(stack: Stack, run_id: str) -> list[int]:
    """The windows that were delivered, by their place."""
    tasks = stack.api.tasks("history_backfill", run_id)
    return [each.map_index for each in tasks if each.task == "deliver" and each.state == "success"]


def test_a_backfill_goes_on_where_scheduler_and_tasks_were_killed(stack: Stack) -> None:
    today = dt.datetime.now(dt.UTC).date()
    asked = {
        "flows": ["orders"],
        "from": today.replace(year=today.year - 1, day=1).isoformat(),
        "window": "quarter",
        "dry_run": False,
    }
    stack.api.unpause("history_backfill")
    run_id = stack.api.trigger("history_backfill", asked)
    stack.wait(lambda: len(delivered(stack, run_id)) >= 1, 300)
    before = delivered(stack, run_id)
    stack.kill("scheduler")
    stack.airflow("scheduler")
    stack.wait(lambda: stack.api.run_state("history_backfill", run_id) in {"success", "failed"}, 400)
    tasks = stack.api.tasks("history_backfill", run_id)
    assert stack.api.run_state("history_backfill", run_id) == "success", tasks
    assert all(each.try_number == 1 for each in tasks if each.task == "deliver" and each.map_index in before)
    (last,) = (each for each in tasks if each.task == "total")
    total = stack.api.result("history_backfill", run_id, last)
    assert total["adds_up"]
    assert total["windows"]["ended"] == total["windows"]["planned"] >= 4
    state = klaviyo(stack)
    assert state["events"] > 50
    assert (state["events_repeated"], state["flows_woken"]) == (0, 0)


def under_way(stack: Stack, run_id: str) -> tuple[str, str]:
    """From when to when the run had its turn: its plan ends when it has it."""
    path = f"/api/v2/dags/orders/dagRuns/{quote(run_id, safe='')}/taskInstances"
    ended = {task["task_id"]: task["end_date"] for task in stack.api._call("GET", path)["task_instances"]}
    return ended["plan"], ended["report"]


def test_airflows_own_backfill_repairs_days_one_after_the_other_and_sends_nothing_twice(stack: Stack) -> None:
    stack.run_flows("orders")
    events = klaviyo(stack)["events"]
    last = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)
    dates = ((last - dt.timedelta(hours=4)).isoformat(), (last - dt.timedelta(hours=1)).isoformat())
    command = ("backfill", "create", "--dag-id=orders", f"--from-date={dates[0]}", f"--to-date={dates[1]}")
    # SQLite has one writer: whoever writes now and then would keep the command out.
    writers = ("scheduler", "triggerer", "dag-processor")
    for name in writers:
        stack.kill(name)
    stack.command("backfill", *command)
    for name in writers:
        stack.airflow(name)

    def states(kind: str = "backfill") -> dict[str, str]:
        return {each: stack.api.run_state("orders", each) for each in stack.api.runs("orders", kind)}

    # Airflow has all of them run at once; one that a person starts meanwhile need not wait for all.
    stack.wait(lambda: list(states().values()).count("running") == 3, 120)
    mine = stack.api.trigger("orders", {})
    stack.wait(lambda: set(states().values()) | {states("manual")[mine]} <= {"success", "failed"}, 400)
    backfilled = sorted(states())
    assert states() == dict.fromkeys(backfilled, "success")
    assert states("manual")[mine] == "success"
    turns = {run_id: under_way(stack, run_id) for run_id in (*backfilled, mine)}
    assert all(before[1] <= after[0] for before, after in pairwise(sorted(turns.values()))), turns
    assert sorted(backfilled, key=turns.__getitem__) == backfilled
    assert turns[mine] < turns[backfilled[-1]]
    tasks = [task for run_id in turns for task in stack.api.tasks("orders", run_id)]
    assert {task.try_number for task in tasks} == {1}  # to wait is no failure
    state = klaviyo(stack)
    assert (state["events"], state["events_repeated"]) == (events, 0)
