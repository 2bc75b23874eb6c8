"""Airflow in processes of their own, for the tests of the DAGs, of the command line and of the dashboard.

Starting Airflow takes seconds, so a test module has one process that runs its DAGs, and a database that is a
copy of the one that the fixture ``airflow_database`` migrates once. Nothing here imports Airflow.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # The conftest of all tests imports this module.
    from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
    from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "include" / "stores" / "demo.yaml"
_SECONDS = 300
_ANSWER = "answer: "
_PARSE = """
import json, sys
import airflow.sdk
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
heavy = ("great_expectations", "pandas", "pyarrow", "numpy", "phonenumbers", "requests_oauthlib")
def asked(param):
    default = param.value if param.has_value else None
    return param.schema | {"default": default, "description": param.description}
def planned(task):
    return {
        "after": sorted(task.upstream_task_ids), "pool": task.pool, "retries": task.retries,
        "policy": type(getattr(task, "retry_policy", None)).__name__, "mapped": task.is_mapped,
        "result": not task.is_mapped and task.returns_dag_result, "weight": task.priority_weight,
    }
def assets(dag):
    return getattr(getattr(dag.timetable, "asset_condition", None), "objects", [])
dags = {
    dag.dag_id: {
        "file": dag.fileloc.rpartition("/")[2], "doc": dag.doc_md, "owner": dag.owner,
        "tags": sorted(dag.tags), "catchup": dag.catchup, "runs": dag.max_active_runs,
        "scheduled": dag.schedule is not None, "paused": dag.is_paused_upon_creation is not False,
        "params": {name: asked(dag.params.get_param(name)) for name in dag.params},
        "tasks": {task.task_id: planned(task) for task in dag.tasks},
        "assets": [asset.name for asset in assets(dag)],
        "watchers": [[type(watcher.trigger).__name__, watcher.trigger.serialize()]
                     for asset in assets(dag) for watcher in asset.watchers],
    }
    for dag in bag.dags.values()
}
errors = {str(file): str(error) for file, error in bag.import_errors.items()}
print("answer: " + json.dumps([dags, errors, [name for name in heavy if name in sys.modules]]))
"""
# Runs a DAG for each line of its input; an answer begins a line, whatever was logged before it.
_RUN = """
import json, os, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.models.taskinstance import TaskInstance as Task
from airflow.models.xcom import XComModel as Kept
from airflow.utils.session import create_session
from sqlalchemy import select
dags = DagBag(sys.argv[1]).dags
usual = dict(os.environ)
value = lambda text: Kept.deserialize_value(type("X", (), {"value": text}))
for line in sys.stdin:
    name, form, environment = json.loads(line)
    os.environ.update(usual | environment)
    run = dags[name].test(run_conf=form)
    kept = select(Kept.task_id, Kept.map_index, Kept.value).order_by(Kept.map_index).where(
        Kept.run_id == run.run_id, Kept.key == "return_value")
    tasks = select(Task.task_id, Task.state, Task.rendered_map_index).where(Task.run_id == run.run_id)
    results = {}
    with create_session() as session:
        for task, index, text in session.execute(kept):
            results[task] = value(text) if index < 0 else [*results.get(task, []), value(text)]
        tasks = [[task, str(state), label] for task, state, label in session.execute(tasks)]
    print("\\nanswer: " + json.dumps([str(run.state), results, tasks]), flush=True)
"""
_COMMANDS = """
import json, sys
from airflow.__main__ import main
for line in json.loads(sys.argv[1]):
    sys.argv = ["airflow", *line]
    main()
print("answer: null")
"""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What DAG files make: DAGs by id, import errors by file, and heavy modules that were imported."""

    dags: dict[str, Any]
    errors: dict[str, str]
    heavy: list[str]

    def made_by(self, *files: str) -> dict[str, Any]:
        """The DAGs of these files, such as ``check``."""
        return {id_: dag for id_, dag in self.dags.items() if dag["file"].removesuffix(".py") in files}


@dataclass(frozen=True, slots=True)
class Ran:
    """A run of a DAG: its state, each task's result (a list, for a mapped task), of each task instance the
    task, the state and the label by which the web UI shows it, and what was logged.
    """

    state: str
    results: dict[str, Any]
    tasks: list[tuple[str, str, str | None]]
    log: str

    def labels(self, task: str) -> list[str | None]:
        return [label for name, _, label in self.tasks if name == task]


@dataclass(frozen=True, slots=True)
class Airflow:
    """A process that runs the DAGs of its AIRFLOW_HOME."""

    home: Path
    process: subprocess.Popen[str]

    def run(self, dag: str, /, form: dict[str, Any], **environment: str) -> Ran:
        """Runs a DAG the way ``airflow dags test`` does, with what a person fills in the form. Environment
        variables with which the process was started may be others for this run.
        """
        asked, said = self.process.stdin, self.process.stdout
        assert asked is not None
        assert said is not None
        with suppress(BrokenPipeError):  # it has ended, and below is why
            asked.write(json.dumps([dag, form, environment]) + "\n")
            asked.flush()
        log = ""
        with _ended_after(self.process, _SECONDS):
            for line in said:
                if line.startswith(_ANSWER):
                    state, results, tasks = json.loads(line.removeprefix(_ANSWER))
                    return Ran(state, results, [(task, ended, label) for task, ended, label in tasks], log)
                log += line
        raise AssertionError(f"{dag} was not run to its end within {_SECONDS} s: {log[-3000:]}")


@contextmanager
def _ended_after(process: subprocess.Popen[str], seconds: float) -> Iterator[None]:
    timer = Timer(seconds, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def surroundings(home: Path, **more: str) -> dict[str, str]:
    """This process's environment without its own Airflow and stores, but with this AIRFLOW_HOME and more."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "NETSUITE"))}
    return kept | {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", **more}


def netsuite_connection(account: NetSuite) -> str:
    mine = account.credentials
    extra = {
        "account": mine.account,
        "suitetalk_url": account.url,
        "client_id": mine.client_id,
        "certificate_id": mine.certificate_id,
        "private_key": mine.private_key,
    }
    return json.dumps({"conn_type": "netsuite", "host": account.url, "extra": extra})


def klaviyo_connection(account: Klaviyo, key: str | None = None) -> str:
    extra = {"limits_scale": 100}
    return json.dumps(
        {"conn_type": "klaviyo", "host": account.url, "password": key or account.key, "extra": extra}
    )


def connections(netsuite: NetSuite, klaviyo: Klaviyo) -> dict[str, str]:
    """Both connections of the demo store as the environment variables in which Airflow finds them."""
    return {
        "AIRFLOW_CONN_NETSUITE_DEMO": netsuite_connection(netsuite),
        "AIRFLOW_CONN_KLAVIYO_DEMO": klaviyo_connection(klaviyo),
    }


def in_airflow(code: str, home: Path, *arguments: str, **environment: str) -> tuple[Any, str]:
    """What Python code prints as JSON after ``answer: ``, and all that it prints and logs."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        env=surroundings(home, **environment),
    )
    log = done.stdout + done.stderr
    assert done.returncode == 0, log[-3000:]
    (answer,) = (line for line in done.stdout.splitlines() if line.startswith(_ANSWER))
    return json.loads(answer.removeprefix(_ANSWER)), log


def airflow_commands(home: Path, *lines: list[str]) -> None:
    """Runs lines of Airflow's command line, such as ``["db", "migrate"]``, one after the other."""
    in_airflow(_COMMANDS, home, json.dumps(lines))


def migrated(home: Path) -> Path:
    """A new database, with the pools that the DAGs use. Returns its file, which may be copied."""
    pools = [["pools", "set", name, slots, "share"] for name, slots in (("netsuite", "2"), ("history", "1"))]
    airflow_commands(home, ["db", "migrate"], *pools)
    return home / "airflow.db"


def new_home(home: Path, database: Path, *files: str) -> Path:
    """Makes a folder an AIRFLOW_HOME with a copy of the database and only these DAG files, like ``check``."""
    (home / "dags").mkdir(parents=True)
    shutil.copy(database, home)
    for name in files:
        shutil.copy(ROOT / "dags" / f"{name}.py", home / "dags")
    return home


def parse(home: Path, file: str | None = None, **environment: str) -> Parsed:
    """Parses all DAG files, or one, as the dag-processor does. Needs no database."""
    place = ROOT / "dags" if file is None else ROOT / "dags" / f"{file}.py"
    answer, _ = in_airflow(_PARSE, home, str(place), **environment)
    return Parsed(*answer)


@contextmanager
def running_airflow(home: Path, **environment: str) -> Iterator[Airflow]:
    """A process that runs the DAGs of this AIRFLOW_HOME as they are now."""
    command = [sys.executable, "-c", _RUN, str(home / "dags")]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, text=True, env=surroundings(home, **environment), **pipes) as process:
        try:
            yield Airflow(home, process)
        finally:
            process.kill()


def run_command(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs ``python -m netsuite_connector`` with this AIRFLOW_HOME."""
    return subprocess.run(
        [sys.executable, "-m", "netsuite_connector", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        env=surroundings(home, **environment),
    )
