"""The DAG of the history backfill, and a backfill as Airflow runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite

ROOT = Path(__file__).resolve().parents[2]
_PARSE = """
import json, sys
import airflow.sdk
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
heavy = [name for name in ("great_expectations", "pandas", "pyarrow", "numpy", "requests_oauthlib")
         if name in sys.modules]
print(json.dumps({
    "heavy": heavy,
    "errors": {str(k): str(v) for k, v in bag.import_errors.items()},
    "dags": {
        dag.dag_id: {
            "doc": dag.doc_md, "tags": sorted(dag.tags), "runs": dag.max_active_runs,
            "params": {name: dag.params.get_param(name).schema for name in dag.params},
            "dry": dag.params["dry_run"],
            "tasks": {
                task.task_id: {"pool": task.pool, "after": sorted(task.upstream_task_ids),
                               "mapped": task.is_mapped, "weight": task.priority_weight,
                               "result": task.returns_dag_result if not task.is_mapped else False}
                for task in dag.tasks
            },
        }
        for dag in bag.dags.values()
    },
}))
"""
# Runs the DAG with the wishes as `airflow dags test` does, and prints what its tasks leave.
_RUN = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import select
bag = DagBag(sys.argv[1])
run = bag.dags["history_backfill"].test(run_conf=json.loads(sys.argv[2]))
with create_session() as session:
    kept = session.execute(
        select(XComModel.task_id, XComModel.value).where(
            XComModel.run_id == run.run_id, XComModel.key == "return_value"
        )
    ).all()
    tasks = session.execute(
        select(TaskInstance.task_id, TaskInstance.state, TaskInstance.rendered_map_index).where(
            TaskInstance.run_id == run.run_id
        )
    ).all()
    value = lambda text: XComModel.deserialize_value(type("X", (), {"value": text}))
    print("kept: " + json.dumps({
        "state": str(run.state),
        "total": next((value(text) for task, text in kept if task == "total"), None),
        "tasks": [[task, str(state), label] for task, state, label in tasks],
    }))
"""


def in_airflow(
    code: str, home: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    settings = {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", **environment}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | settings,
    )


def parse(home: Path, **environment: str) -> Any:
    file = str(ROOT / "dags" / "history_backfill.py")
    return json.loads(in_airflow(_PARSE, home, file, **environment).stdout.splitlines()[-1])


def test_the_backfill_is_a_dry_run_with_a_lane_of_its_own(tmp_path: Path) -> None:
    parsed = parse(tmp_path)
    assert parsed["errors"] == {}
    assert parsed["heavy"] == []
    (dag,) = parsed["dags"].values()
    assert list(parsed["dags"]) == ["history_backfill"]
    assert dag["doc"].startswith("### History backfill")
    assert dag["tags"] == sorted(["netsuite", "klaviyo", "history_backfill", "store:demo"])
    assert (dag["dry"], dag["runs"]) == (True, 1)
    assert dag["params"]["flows"]["items"]["enum"] == ["customers", "orders"]
    assert all(schema["title"] for schema in dag["params"].values())
    tasks = dag["tasks"]
    assert {name: task["after"] for name, task in tasks.items()} == {
        "plan": [],
        "read_ahead": ["plan"],
        "read": ["read_ahead"],
        "deliver": ["plan", "read"],
        "total": ["deliver"],
    }
    for name in ("read", "deliver"):
        assert tasks[name]["mapped"]
        assert tasks[name]["pool"] == "history"
        assert tasks[name]["weight"] < tasks["plan"]["weight"]
    assert tasks["total"]["result"]


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[NetSuite, Klaviyo]]:
    with running_netsuite(customers=15, items=20, orders=40) as netsuite, running_klaviyo() as klaviyo:
        yield netsuite, klaviyo


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An AIRFLOW_HOME with a database, and the backfill as its only DAG file."""
    folder = tmp_path_factory.mktemp("airflow")
    (folder / "dags").mkdir()
    shutil.copy(ROOT / "dags" / "history_backfill.py", folder / "dags")
    settings = {"AIRFLOW_HOME": str(folder), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    for command in (
        ["db", "migrate"],
        ["pools", "set", "netsuite", "2", "share"],
        ["pools", "set", "history", "1", "share"],
    ):
        subprocess.run(
            [sys.executable, "-m", "airflow", *command],
            check=True,
            capture_output=True,
            timeout=180,
            env=os.environ | settings,
        )
    return folder


def run(home: Path, accounts: tuple[NetSuite, Klaviyo], **wishes: Any) -> tuple[Any, str]:
    """What is kept of a backfill, and what was logged."""
    netsuite, klaviyo = accounts
    mine = netsuite.credentials
    extra = {
        "account": mine.account,
        "suitetalk_url": netsuite.url,
        "client_id": mine.client_id,
        "certificate_id": mine.certificate_id,
        "private_key": mine.private_key,
    }
    far = {
        "conn_type": "klaviyo",
        "host": klaviyo.url,
        "password": klaviyo.key,
        "extra": {"limits_scale": 100},
    }
    done = in_airflow(
        _RUN,
        home,
        str(home / "dags"),
        json.dumps(
            {"from": f"{datetime.now(UTC) - timedelta(days=120):%Y-%m-01}", "window": "quarter", **wishes}
        ),
        AIRFLOW_CONN_NETSUITE_DEMO=json.dumps(
            {"conn_type": "netsuite", "host": netsuite.url, "extra": extra}
        ),
        AIRFLOW_CONN_KLAVIYO_DEMO=json.dumps(far),
    )
    (kept,) = (line for line in done.stdout.splitlines() if line.startswith("kept: "))
    return json.loads(kept.removeprefix("kept: ")), done.stdout + done.stderr


@pytest.mark.line
def test_a_dry_run_then_the_real_one_as_airflow_runs_them(
    home: Path, accounts: tuple[NetSuite, Klaviyo]
) -> None:
    dry, _ = run(home, accounts, flows=["orders"])
    assert dry["state"] == "success"
    assert dry["total"]["all"]["rows"] > 0
    assert accounts[1].state()["events"] == 0

    real, _ = run(home, accounts, flows=["orders"], dry_run=False)
    assert real["state"] == "success"
    assert real["total"]["adds_up"]
    assert real["total"]["all"]["extracted"] == dry["total"]["all"]["rows"]
    labels = [label for task, _, label in real["tasks"] if task == "deliver"]
    assert len(labels) == real["total"]["windows"]["planned"] >= 2
    assert all(label.startswith("orders 20") for label in labels)
    state = accounts[1].settled()
    assert state["events"] > 0
    assert state["flows_woken"] == 0

    again, _ = run(home, accounts, flows=["orders"], dry_run=False)
    assert again["state"] == "success"
    assert again["total"]["windows"] == {"planned": 0, "ended": 0, "passed_over": len(labels)}


@pytest.mark.line
def test_wishes_that_can_not_be_end_before_anything_starts(
    home: Path, accounts: tuple[NetSuite, Klaviyo]
) -> None:
    kept, log = run(home, accounts, **{"from": "2012-01-01"})
    assert kept["state"] == "failed"
    assert "'From' (2012-01-01) is more than 5 years ago: choose" in log
    assert not [task for task, state, _ in kept["tasks"] if task == "deliver" and state == "success"]
