"""Both sandbox accounts and Airflow with its real scheduler, for what must be seen on the whole stack.

Airflow runs as it does by default here: SQLite, LocalExecutor, all on this machine.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import signal
import socket
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from netsuite_connector.demo import environment, pids, runs, secrets
from netsuite_connector.demo.airflow_api import AirflowApi
from netsuite_connector.demo.options import DemoError, Options, Places, parse
from netsuite_connector.demo.processes import Child, Signals, Supervisor, python
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount

POOLS = {"netsuite": 2, "history": 1}

QUICK_RECOVERY = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
}
"""Settings of Airflow: how soon a scheduler takes a killed one's tasks for dead, running or waiting. By
default that takes five minutes."""


class Stack:
    """Both sandbox accounts and Airflow, with the DAG files ``dags`` and the demo's store: without schedules
    unless there are to be ``schedules``, and with real time where that is one of the DAGs (the watcher looks
    every ``interval`` seconds). ``sizes``: customers and orders of the NetSuite account; ``more``: settings
    of Airflow.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a stack is made of
        self,
        folder: Path,
        supervisor: Supervisor,
        sizes: tuple[int, int],
        dags: tuple[str, ...],
        more: Mapping[str, str],
        schedules: bool = False,  # noqa: FBT001, FBT002
        interval: int = 10,
    ) -> None:
        ports = dict(zip(("--ui-port", "--netsuite-port", "--klaviyo-port"), _free_ports(3), strict=True))
        asked = [
            f"--customers={sizes[0]}",
            f"--items={_items(sizes[1])}",
            f"--orders={sizes[1]}",
            f"--state={folder}",
        ]
        self.options: Options = parse([*(f"{name}={port}" for name, port in ports.items()), *asked])
        self.places = Places(Path(__file__).resolve().parents[1], folder)
        self.supervisor = supervisor
        self.dags = dags
        self.more = more
        self.schedules = schedules
        self.interval = interval
        self.settings: dict[str, str] = {}
        self.running: dict[str, Child] = {}
        self.api: AirflowApi

    def start(self) -> None:
        """All processes, and what Airflow must know."""
        self.places.logs.mkdir(parents=True, exist_ok=True)
        self.places.airflow.mkdir(parents=True, exist_ok=True)
        kept = secrets.load(self.places)
        self._accounts()
        self.settings = environment.airflow(self.places, self.options, kept) | {
            "NETSUITE_CONNECTOR_STORES": str(self._stores()),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self._dags()),
            # Without its schedule Airflow starts no runs for assets either.
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "True",
            **self.more,
        }
        self.command("migrate", "db", "migrate")
        self.settings |= environment.connections(self.options, self.places)
        self.api = AirflowApi(self.options.ui_url, secrets.USER, kept.password)
        since = dt.datetime.now(dt.UTC).isoformat().replace("+00:00", "Z")
        for name in ("api-server", "dag-processor", "scheduler", "triggerer"):
            self.airflow(name)
        self.wait(lambda: not self.api.unhealthy(), 180)
        self.api.log_in()
        for pool, slots in POOLS.items():
            self.api.make_pool(pool, slots, "")
        runs.wait_for_dags(self.api, self.dags, since, self.supervisor.check)

    def run_flows(self, *flows: str) -> None:
        """A first run of flows, over all that there is."""
        going = runs.start(self.api, flows)
        for _ in runs.follow(self.api, going, self.supervisor.check):
            pass
        failed = [run.failure for run in going if run.state != "success"]
        if failed:
            raise RuntimeError(f"the first runs failed: {failed}")

    def airflow(self, name: str) -> None:
        """Start one of Airflow's processes."""
        more = ["--skip-serve-logs"] if name in {"scheduler", "triggerer"} else []
        command = python("-m", "airflow", name, *more)
        log = self.places.logs / f"{name}-{time.time():.0f}.log"
        self.running[name] = self.supervisor.start(f"airflow {name}", command, self.settings, log)

    def kill(self, name: str) -> None:
        """End one of Airflow's processes and all that it has started, as a power cut would."""
        child = self.running.pop(name)
        for found in pids.in_sessions({child.process.pid}):
            os.kill(found.pid, signal.SIGKILL)
        with contextlib.suppress(DemoError):  # it did not end well, as was meant
            self.supervisor.finish(child)

    def wait(self, ready: Callable[[], bool], seconds: float) -> None:
        """Until something is ready."""
        until = time.monotonic() + seconds
        while not ready():
            self.supervisor.check()
            if time.monotonic() > until:
                raise TimeoutError(f"not ready within {seconds:.0f} s; see {self.places.logs}")
            time.sleep(0.2)

    @property
    def netsuite(self) -> SandboxAccount:
        """The sandbox NetSuite account, to save in."""
        return SandboxAccount(self.options.netsuite_url, None, 0)  # type: ignore[arg-type]

    def klaviyo(self) -> sqlite3.Connection:
        """What the sandbox Klaviyo account holds, to look at without taking its time."""
        address = f"file:{self.places.klaviyo_database}?mode=ro"
        return sqlite3.connect(address, uri=True, check_same_thread=False)

    def _accounts(self) -> None:
        surroundings = environment.base(self.places)
        numbers = [f"--{name}={number}" for name, number in self.options.account.items()]
        self.supervisor.start(
            "sandbox-netsuite",
            python(
                *("-m", "netsuite_connector.sandbox.netsuite", f"--port={self.options.netsuite_port}"),
                *(*numbers, f"--credentials={self.places.netsuite_credentials}", "--timezone=GMT"),
            ),
            surroundings,
            self.places.logs / "sandbox-netsuite.log",
        )
        self.supervisor.start(
            "sandbox-klaviyo",
            python(
                *("-m", "netsuite_connector.sandbox.klaviyo", f"--port={self.options.klaviyo_port}"),
                *(f"--database={self.places.klaviyo_database}", f"--keys={self.places.klaviyo_keys}"),
                f"--limits-scale={environment.LIMITS_SCALE}",
            ),
            surroundings,
            self.places.logs / "sandbox-klaviyo.log",
        )
        # To generate a large account takes minutes.
        self.wait(
            lambda: self.places.netsuite_credentials.exists() and self.places.klaviyo_keys.exists(), 600
        )
        self.wait(lambda: all(map(_open, (self.options.netsuite_port, self.options.klaviyo_port))), 600)

    def _stores(self) -> Path:
        """The demo's store, as this stack is to have it."""
        store = yaml.safe_load((self.places.root / "include/stores/demo.yaml").read_text())
        store["realtime"] = {"enabled": "realtime" in self.dags, "interval_seconds": self.interval}
        for flow in () if self.schedules else store["flows"].values():
            flow.pop("schedule", None)
        folder = self.places.state / "stores"
        folder.mkdir(exist_ok=True)
        (folder / "demo.yaml").write_text(yaml.safe_dump(store))
        return folder

    def _dags(self) -> Path:
        """A DAGs folder with these DAGs only."""
        folder = self.places.state / "dags"
        folder.mkdir(exist_ok=True)
        for name in self.dags:
            shutil.copy(self.places.root / "dags" / f"{name}.py", folder)
        return folder

    def command(self, name: str, *command: str) -> None:
        """Run an Airflow command to its end, as a person would."""
        child = self.supervisor.start(
            name, python("-m", "airflow", *command), self.settings, self.places.logs / f"{name}.log"
        )
        self.supervisor.finish(child)


def _items(orders: int) -> int:
    """How many items an account with so many orders has."""
    return max(40, orders // 100)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in servers]


def _open(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


@contextlib.contextmanager
def running_stack(*dags: str, sizes: tuple[int, int], **rest: Any) -> Iterator[Stack]:
    """A stack that has started, and ends with all its processes; see :class:`Stack`. What it leaves is kept
    in the folder that ``BENCH_KEEP`` names.
    """
    with tempfile.TemporaryDirectory(prefix="stack-") as folder:
        supervisor = Supervisor(Path(folder, "processes.json"), Signals())
        try:
            stack = Stack(Path(folder), supervisor, sizes, dags, rest.pop("more", None) or {}, **rest)
            stack.start()
            yield stack
        finally:
            supervisor.end_all()
            if kept := os.environ.get("BENCH_KEEP"):
                shutil.copytree(folder, kept, dirs_exist_ok=True)
