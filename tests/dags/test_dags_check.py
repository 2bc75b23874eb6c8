"""The DAG that checks a store's connections, and its task as Airflow runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
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
            "name": dag.dag_display_name, "doc": dag.doc_md, "owner": dag.owner, "tags": sorted(dag.tags),
            "tasks": [[task.task_id, task.pool, task.retries, task.returns_dag_result] for task in dag.tasks],
        }
        for dag in bag.dags.values()
    },
}))
"""
# Runs the DAG's only task the way `airflow dags test` does, and prints what is kept of it.
_RUN = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import select
bag = DagBag(sys.argv[1])
run = bag.dags["check"].test()
with create_session() as session:
    kept = session.scalars(
        select(XComModel.value).where(XComModel.run_id == run.run_id, XComModel.key == "return_value")
    ).all()
print("kept: " + json.dumps([str(run.state), [XComModel.deserialize_value(type("X", (), {"value": value}))
                                              for value in kept]]))
"""


def in_airflow(code: str, home: Path, dags: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", **environment}
    return subprocess.run(
        [sys.executable, "-c", code, str(dags)],
        check=True,
        capture_output=True,
        text=True,
        timeout=180,
        env=os.environ | settings,
    )


def parse(home: Path, **environment: str) -> Any:
    file = ROOT / "dags" / "check.py"
    return json.loads(in_airflow(_PARSE, home, file, **environment).stdout.splitlines()[-1])


def test_one_store_has_one_check(tmp_path: Path) -> None:
    parsed = parse(tmp_path)
    assert parsed["errors"] == {}
    assert parsed["heavy"] == []
    (dag,) = parsed["dags"].values()
    assert list(parsed["dags"]) == ["check"]
    assert dag["doc"].startswith("### Check")
    assert dag["owner"] == "netsuite-connector"
    assert dag["tags"] == sorted(["netsuite", "klaviyo", "check", "store:demo"])
    assert dag["tasks"] == [["check", "netsuite", 0, True]]


def test_two_stores_have_a_check_each(tmp_path: Path) -> None:
    demo = (ROOT / "include" / "stores" / "demo.yaml").read_text()
    (tmp_path / "a.yaml").write_text(demo)
    (tmp_path / "b.yaml").write_text(demo.replace("store: demo", "store: outlet"))
    parsed = parse(tmp_path / "home", NETSUITE_CONNECTOR_STORES=str(tmp_path))
    assert set(parsed["dags"]) == {"check__demo", "check__outlet"}


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[NetSuite, Klaviyo]]:
    with running_netsuite(customers=10, items=20, orders=10) as netsuite, running_klaviyo() as klaviyo:
        yield netsuite, klaviyo


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An AIRFLOW_HOME with a database, and the check as its only DAG file."""
    folder = tmp_path_factory.mktemp("airflow")
    (folder / "dags").mkdir()
    shutil.copy(ROOT / "dags" / "check.py", folder / "dags")
    settings = {"AIRFLOW_HOME": str(folder), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    for command in (["db", "migrate"], ["pools", "set", "netsuite", "2", "share"]):
        subprocess.run(
            [sys.executable, "-m", "airflow", *command],
            check=True,
            capture_output=True,
            timeout=180,
            env=os.environ | settings,
        )
    return folder


def run(home: Path, accounts: tuple[NetSuite, Klaviyo], key: str) -> tuple[str, Any, str]:
    """The run's state, the findings that are kept, and what was logged."""
    netsuite, klaviyo = accounts
    mine = netsuite.credentials
    extra = {
        "account": mine.account,
        "suitetalk_url": netsuite.url,
        "client_id": mine.client_id,
        "certificate_id": mine.certificate_id,
        "private_key": mine.private_key,
    }
    far = {"conn_type": "klaviyo", "host": klaviyo.url, "password": key, "extra": {"limits_scale": 100}}
    done = in_airflow(
        _RUN,
        home,
        home / "dags",
        AIRFLOW_CONN_NETSUITE_DEMO=json.dumps(
            {"conn_type": "netsuite", "host": netsuite.url, "extra": extra}
        ),
        AIRFLOW_CONN_KLAVIYO_DEMO=json.dumps(far),
    )
    (kept,) = (line for line in done.stdout.splitlines() if line.startswith("kept: "))
    state, (findings,) = json.loads(kept.removeprefix("kept: "))
    return state, findings, done.stdout + done.stderr


@pytest.mark.line
def test_a_check_that_finds_all_right(home: Path, accounts: tuple[NetSuite, Klaviyo]) -> None:
    state, findings, log = run(home, accounts, accounts[1].key)
    assert state == "success"
    assert {each["verdict"] for each in findings} == {"right", "skipped"}
    assert "right: RESTlet: The RESTlet answers" in log


@pytest.mark.line
def test_a_check_that_finds_something_wrong(home: Path, accounts: tuple[NetSuite, Klaviyo]) -> None:
    state, findings, log = run(home, accounts, "pk_wrong")
    assert state == "failed"
    assert [each["step"] for each in findings if each["verdict"] == "wrong"] == ["Klaviyo key"]
    assert "wrong: Klaviyo key: Klaviyo does not accept the private API key" in log
    assert "Something is to be mended in Klaviyo key" in log
