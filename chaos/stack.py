"""The same under the real Airflow: its scheduler, its triggerer and its tasks' processes are killed, again
and again, while it delivers history, increments and real-time saves.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from bench.stack import QUICK_RECOVERY, Stack

from chaos.line import Line
from chaos.reckoning import Accounts
from chaos.seed import Outcome
from chaos.weather import Weather
from chaos.world import Clock, World
from netsuite_connector.demo import pids
from netsuite_connector.demo.options import DemoError
from netsuite_connector.demo.processes import Signals, Supervisor
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.stores.load import load_stores

FLOWS = ("customers", "orders")
_DAGS = (*FLOWS, "realtime", "history_backfill")
_PARTS = ("scheduler", "triggerer")
_TASK = "task process"
_NO_LONGER_NEW = 125.0  # seconds after which a run reads what was saved, by the minute and the store's lag
_PATIENCE = 900.0
_LONGER = 240.0
_FAULTS = 8  # at least


class _Stack(Stack):
    """A stack whose store has no gates: nothing is usual here."""

    def _stores(self) -> Path:
        folder = super()._stores()
        file = folder / "demo.yaml"
        store = yaml.safe_load(file.read_text())
        file.write_text(yaml.safe_dump(store | {"gates": {"least_rows": 1_000_000}}))
        return folder


def run(seed: int, folder: Path, seconds: float = 90.0) -> Outcome:
    """Run one seed under Airflow, with bad weather and kills for so many seconds."""
    began = time.monotonic()
    luck = random.Random(seed)  # noqa: S311 - no secret
    outcome = Outcome(seed)
    supervisor = Supervisor(folder / "processes.json", Signals())
    try:
        stack = _Stack(
            folder, supervisor, (luck.randint(20, 40), luck.randint(30, 60)), _DAGS, QUICK_RECOVERY
        )
        stack.start()
        stack.run_flows(*FLOWS)
        _Storm(outcome, stack, luck).run(seconds)
    finally:
        supervisor.end_all()
    outcome.seconds = time.monotonic() - began
    return outcome


class _Storm:
    """What happens to a stack whose flows have run once."""

    def __init__(self, outcome: Outcome, stack: Stack, luck: random.Random) -> None:
        self._outcome = outcome
        self._stack = stack
        self._luck = luck
        self._klaviyo = Klaviyo(stack.options.klaviyo_url, "", 0)
        self._world = World(stack.netsuite, self._klaviyo, luck, Clock())
        self._weather = Weather(stack.netsuite, self._klaviyo, luck)

    def run(self, seconds: float) -> None:
        """Bad weather and kills, then good weather until all is there."""
        stack = self._stack
        for dag in ("realtime", "history_backfill"):
            stack.api.unpause(dag)
        self._weather.begin()
        self._trigger("history_backfill", {"from": _a_year_ago(), "window": "quarter", "dry_run": False})
        until = time.monotonic() + seconds
        # A busy machine takes longer to meet the faults that wait for it.
        at_last = until + _LONGER
        next_kill = time.monotonic() + self._luck.uniform(3, 10)
        next_runs = time.monotonic()
        while time.monotonic() < until or (time.monotonic() < at_last and self._is_fair()):
            self._world.save()
            self._weather.worsen()
            if time.monotonic() >= next_runs:
                for flow in FLOWS:
                    self._trigger(flow, {})
                next_runs = time.monotonic() + 30
            if time.monotonic() >= next_kill:
                self._kill()
                next_kill = time.monotonic() + self._luck.uniform(5, 15)
            time.sleep(self._luck.uniform(0.3, 1.5))
        saved = time.monotonic()
        self._outcome.faults = self._weather.struck()
        self._outcome.saves = self._world.kinds
        self._weather.end()
        stack.wait(lambda: not self._going(), _PATIENCE)
        time.sleep(max(0.0, saved + _NO_LONGER_NEW - time.monotonic()))
        last = {flow: stack.api.trigger(flow, {}) for flow in FLOWS}
        again = stack.api.trigger(
            "history_backfill", {"from": _a_year_ago(), "window": "quarter", "dry_run": False}
        )
        last["history_backfill"] = again
        stack.wait(lambda: not self._going(), _PATIENCE)
        stack.wait(lambda: not stack.netsuite.state()["records"]["customrecord_nsk_outbox"], _PATIENCE)
        self._reckon(last)

    def _is_fair(self) -> bool:
        """Whether too little has gone wrong so far."""
        return self._weather.struck().total() < _FAULTS or not self._outcome.record.kills

    def _trigger(self, dag: str, conf: Mapping[str, Any]) -> None:
        """A run, unless Airflow can't be reached just now."""
        with contextlib.suppress(DemoError):
            self._stack.api.trigger(dag, conf)

    def _going(self) -> bool:
        return any(self._stack.api.unfinished(dag) for dag in (*FLOWS, "history_backfill"))

    def _kill(self) -> None:
        what = self._luck.choice((*_PARTS, _TASK, _TASK))
        if what in _PARTS:
            self._stack.kill(what)
            self._stack.airflow(what)
        elif not self._kill_task():
            return
        self._outcome.record.kills[what] += 1

    def _kill_task(self) -> bool:
        """Kill the process that runs a task's own code; whether there was one."""
        leader = self._stack.running["scheduler"].process.pid
        tasks = [each.pid for each in pids.in_sessions({leader}) if _runs_a_task(each.pid)]
        if not tasks:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._luck.choice(tasks), signal.SIGKILL)
        return True

    def _reckon(self, last: Mapping[str, str]) -> None:
        stack, outcome = self._stack, self._outcome
        for dag, run_id in last.items():
            if (state := stack.api.run_state(dag, run_id)) != "success":
                outcome.problems.append(f"the last run of {dag} is {state} in good weather")
        for dag in _DAGS:
            for kind in ("manual", "asset_triggered"):
                for run_id in stack.api.runs(dag, kind):
                    state = stack.api.run_state(dag, run_id)
                    (outcome.record.ended if state == "success" else outcome.record.failed)[dag] += 1
        store = load_stores(stack.places.state / "stores")[0]
        line = Line(store, stack.netsuite, self._klaviyo, stack.places.state)
        world = self._world
        accounts = Accounts(line, world.addresses, world.said_no, world.said_yes)
        outcome.problems += accounts.problems(FLOWS)
        outcome.again = self._klaviyo.state()["events_repeated"]


def _runs_a_task(pid: int) -> bool:
    """The process that runs a task's code is the one that its supervisor has started."""
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return title.startswith(b"airflow worker -- ") and b"LocalExecutor" not in title


def _a_year_ago() -> str:
    now = time.gmtime()
    return f"{now.tm_year - 1}-{now.tm_mon:02}-01"
