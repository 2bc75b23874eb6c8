"""The DAG of the reconciliation: its form, and a reconciliation as Airflow runs it."""

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
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
heavy = [name for name in ("great_expectations", "pandas", "pyarrow", "numpy") if name in sys.modules]
print(json.dumps({
    "heavy": heavy,
    "errors": {str(k): str(v) for k, v in bag.import_errors.items()},
    "dags": {
        dag.dag_id: {
            "doc": dag.doc_md, "tags": sorted(dag.tags), "runs": dag.max_active_runs,
            "scheduled": dag.schedule is not None,
            "paused": dag.is_paused_upon_creation is not False,
            "params": {name: dag.params.get_param(name).schema | {"default": dag.params[name]}
                       for name in dag.params},
            "tasks": {
                task.task_id: {"pool": task.pool, "after": sorted(task.upstream_task_ids),
                               "mapped": task.is_mapped, "weight": task.priority_weight}
                for task in dag.tasks
            },
        }
        for dag in bag.dags.values()
    },
}))
"""
# Runs the DAG with each of the wishes as `airflow dags test` does, and prints what its tasks leave.
_RUN = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import select
dag = DagBag(sys.argv[1]).dags["reconciliation"]
kept = []
for asked in json.loads(sys.argv[2]):
    run = dag.test(run_conf=asked)
    with create_session() as session:
        results = session.execute(select(XComModel.task_id, XComModel.value).where(
            XComModel.run_id == run.run_id, XComModel.key == "return_value")).all()
        tasks = session.execute(select(TaskInstance.task_id, TaskInstance.rendered_map_index).where(
            TaskInstance.run_id == run.run_id)).all()
    value = lambda text: XComModel.deserialize_value(type("X", (), {"value": text}))
    kept.append({
        "state": str(run.state),
        "results": {task: value(text) for task, text in results},
        "labels": sorted(label for task, label in tasks if task == "compare"),
    })
print("kept: " + json.dumps(kept))
"""


def in_airflow(code: str, home: Path, *arguments: str, **environment: str) -> str:
    settings = {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", **environment}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | settings,
    )
    return done.stdout + done.stderr


def test_the_form_asks_for_days_and_flows_and_heals_only_if_asked(tmp_path: Path) -> None:
    file = str(ROOT / "dags" / "reconciliation.py")
    lines = in_airflow(_PARSE, tmp_path, file).splitlines()
    parsed = json.loads(next(line for line in lines if line.startswith('{"heavy"')))
    assert parsed["errors"] == {}
    assert parsed["heavy"] == []
    (dag,) = parsed["dags"].values()
    assert list(parsed["dags"]) == ["reconciliation"]
    assert dag["doc"].startswith("### Reconciliation")
    assert dag["tags"] == sorted(["netsuite", "klaviyo", "reconciliation", "store:demo"])
    assert (dag["scheduled"], dag["paused"], dag["runs"]) == (True, True, 1)
    params = dag["params"]
    assert set(params) == {"flows", "from", "to", "heal"}
    assert params["flows"]["default"] == ["catalog", "stock", "customers", "orders"]
    assert [params[name]["default"] for name in ("from", "to", "heal")] == [None, None, False]
    assert all(schema["title"] for schema in params.values())
    tasks = dag["tasks"]
    assert {name: task["after"] for name, task in tasks.items()} == {
        "plan": [],
        "compare": ["plan"],
        "total": ["compare", "plan"],
    }
    assert tasks["compare"]["mapped"]
    assert tasks["compare"]["pool"] == "history"
    assert tasks["compare"]["weight"] < tasks["plan"]["weight"]


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[NetSuite, Klaviyo]]:
    with running_netsuite(customers=10, items=10, orders=10) as netsuite, running_klaviyo() as klaviyo:
        yield netsuite, klaviyo


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An AIRFLOW_HOME with a database, and the reconciliation as its only DAG file."""
    folder = tmp_path_factory.mktemp("airflow")
    (folder / "dags").mkdir()
    shutil.copy(ROOT / "dags" / "reconciliation.py", folder / "dags")
    settings = {"AIRFLOW_HOME": str(folder), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    for command in (["db", "migrate"], ["pools", "set", "history", "1", "share"]):
        subprocess.run(
            [sys.executable, "-m", "airflow", *command],
            check=True,
            capture_output=True,
            timeout=180,
            env=os.environ | settings,
        )
    return folder


@pytest.mark.line
def test_a_flow_that_does_not_agree_fails_with_a_sentence_and_can_be_healed(
    home: Path, accounts: tuple[NetSuite, Klaviyo]
) -> None:
    netsuite, klaviyo = accounts
    mine = netsuite.credentials
    extra = {
        "account": mine.account,
        "suitetalk_url": netsuite.url,
        "client_id": mine.client_id,
        "certificate_id": mine.certificate_id,
        "private_key": mine.private_key,
    }
    near = {"conn_type": "netsuite", "host": netsuite.url, "extra": extra}
    far = {"conn_type": "klaviyo", "host": klaviyo.url, "password": klaviyo.key}
    far["extra"] = json.dumps({"limits_scale": 1000})
    # Nothing was ever delivered: what NetSuite has is missing, as long as it is not too young.
    store = (ROOT / "include" / "stores" / "demo.yaml").read_text()
    (home / "stores").mkdir(exist_ok=True)
    (home / "stores" / "demo.yaml").write_text(store + "\nreconciliation: {delay_minutes: 0}\n")
    long_ago = (datetime.now(UTC) - timedelta(days=20)).date().isoformat()
    days: dict[str, Any] = {"flows": ["stock", "catalog"], "from": long_ago}
    tomorrow = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    wishes = [days, days | {"heal": True}, days | {"to": tomorrow}]
    said = in_airflow(
        _RUN,
        home,
        str(home / "dags"),
        json.dumps(wishes),
        NETSUITE_CONNECTOR_STORES=str(home / "stores"),
        AIRFLOW_CONN_NETSUITE_DEMO=json.dumps(near),
        AIRFLOW_CONN_KLAVIYO_DEMO=json.dumps(far),
    )
    wrong, healed, future = json.loads(said.partition("kept: ")[2].splitlines()[0])
    assert wrong["state"] == "failed"
    assert wrong["labels"] == ["catalog", "stock"]
    # Stock of what the catalog does not have yet is the catalog's to bring.
    assert wrong["results"]["total"]["flows"] == {"stock": True, "catalog": False}
    assert "NetSuite and Klaviyo don't agree about catalog: " in said
    assert "demo/reconciliation/catalog/" in said
    assert healed["state"] == "success"
    assert healed["results"]["total"]["flows"] == {"stock": True, "catalog": True}
    assert healed["results"]["total"]["healed"] > 0
    assert future["state"] == "failed"
    assert "lies in the future" in said
