"""The DAGs of the replay and the housekeeping: their forms, and their tasks as Airflow runs them."""

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
import requests

from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows.extract import extract
from netsuite_connector.flows.rejections import record, rejected
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.validate import validate
from netsuite_connector.netsuite import NetSuiteClient, OAuth2ClientCredentials
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_stores
from netsuite_connector.window import Window

ROOT = Path(__file__).resolve().parents[2]
_PARSE = """
import json, sys
import airflow.sdk
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
print(json.dumps({
    "errors": {str(k): str(v) for k, v in bag.import_errors.items()},
    "dags": {
        dag.dag_id: {
            "doc": dag.doc_md, "tags": sorted(dag.tags), "scheduled": dag.schedule is not None,
            "params": {name: dag.params.get_param(name).schema | {"default": dag.params[name]}
                       for name in dag.params},
            "described": all(dag.params.get_param(name).description for name in dag.params),
            "tasks": {task.task_id: sorted(task.upstream_task_ids) for task in dag.tasks},
        }
        for dag in bag.dags.values()
    },
}))
"""
# Runs a DAG with what a person filled in the form, several times, the way `airflow dags test` does.
_RUN = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import select
dag = DagBag(sys.argv[1]).dags[sys.argv[2]]
last = dag.tasks[-1].task_id
kept = []
for asked in json.loads(sys.argv[3]):
    run = dag.test(run_conf=asked)
    with create_session() as session:
        results = session.scalars(select(XComModel.value).where(
            XComModel.run_id == run.run_id, XComModel.key == "return_value", XComModel.task_id == last)).all()
    results = [XComModel.deserialize_value(type("X", (), {"value": value})) for value in results]
    kept.append([str(run.state), results[0] if results else None])
print("kept: " + json.dumps(kept))
"""


def in_airflow(code: str, home: Path, *arguments: str, **environment: str) -> str:
    settings = {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", **environment}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | settings,
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An AIRFLOW_HOME's folder of DAG files, that has only these two."""
    dags = tmp_path_factory.mktemp("airflow") / "dags"
    dags.mkdir()
    for name in ("rejected_replay.py", "housekeeping.py"):
        shutil.copy(ROOT / "dags" / name, dags)
    return dags


@pytest.fixture(scope="module")
def parsed(folder: Path) -> Any:
    lines = in_airflow(_PARSE, folder.parent, str(folder)).splitlines()
    return json.loads(next(line for line in lines if line.startswith('{"errors"')))


def test_the_form_of_a_replay_asks_for_what_is_needed(parsed: Any) -> None:
    assert parsed["errors"] == {}
    dag = parsed["dags"]["rejected_replay"]
    assert dag["doc"].startswith("### Replay of rejected rows")
    assert not dag["scheduled"]
    assert dag["described"]
    assert set(dag["params"]) == {"flow", "all", "reason", "ids", "source", "since", "dry_run"}
    assert dag["params"]["flow"]["enum"] == list(load_stores()[0].flows)
    # Nothing is replayed by a form that nobody has filled in.
    assert dag["params"]["all"]["default"] is False
    assert list(dag["tasks"]) == ["plan", "extract", "validate", "shape", "push", "confirm", "report"]
    assert dag["tasks"]["extract"] == ["plan"]


def test_housekeeping_runs_daily_and_has_a_dry_run(parsed: Any) -> None:
    dag = parsed["dags"]["housekeeping"]
    assert dag["doc"].startswith("### Housekeeping")
    assert dag["scheduled"]
    assert dag["described"]
    assert dag["params"]["dry_run"]["default"] is False
    assert list(dag["tasks"]) == ["housekeeping"]


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[NetSuite, Klaviyo]]:
    with running_netsuite() as netsuite, running_klaviyo() as klaviyo:
        yield netsuite, klaviyo


@pytest.fixture(scope="module")
def home(folder: Path) -> Path:
    """The AIRFLOW_HOME with a database."""
    home = folder.parent
    settings = {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    for command in (["db", "migrate"], ["pools", "set", "netsuite", "2", "share"]):
        subprocess.run(
            [sys.executable, "-m", "airflow", *command],
            check=True,
            capture_output=True,
            timeout=180,
            env=os.environ | settings,
        )
    return home


def run(
    home: Path, accounts: tuple[NetSuite, Klaviyo], dag: str, *asked: dict[str, Any]
) -> tuple[list[tuple[str, Any]], str]:
    """The state of each run and its last task's result, and what was logged."""
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
    far = {
        "conn_type": "klaviyo",
        "host": klaviyo.url,
        "password": klaviyo.key,
        "extra": {"limits_scale": 100},
    }
    log = in_airflow(
        _RUN,
        home,
        str(home / "dags"),
        dag,
        json.dumps(asked),
        AIRFLOW_CONN_NETSUITE_DEMO=json.dumps(near),
        AIRFLOW_CONN_KLAVIYO_DEMO=json.dumps(far),
    )
    kept = next(line for line in log.splitlines() if line.startswith("kept: "))
    return [(state, result) for state, result in json.loads(kept.removeprefix("kept: "))], log


def rejecting_run(home: Path, netsuite: NetSuite) -> Run:
    """A run of customers that has rejected what is wrong in the account."""
    store = load_stores()[0]
    window = Window.parse(None, "2030-01-01T00:00:00Z")
    made = Run(store, DOMAINS["customers"], window, Staging(str(home / "staging")))
    session = requests.Session()
    mine = netsuite.credentials
    auth = OAuth2ClientCredentials(
        session=session,
        token_url=netsuite.token_url,
        client_id=mine.client_id,
        certificate_id=mine.certificate_id,
        private_key=mine.private_key,
    )
    extract(made, NetSuiteClient(session, netsuite.restlet_url, auth))
    validate(made)
    record(made)
    return made


@pytest.mark.line
def test_an_operator_replays_from_the_web_ui(home: Path, accounts: tuple[NetSuite, Klaviyo]) -> None:
    netsuite, klaviyo = accounts
    ids = [
        netsuite.create("customer", stage="CUSTOMER", entityid="C", email=None)["internalid"]
        for _ in range(2)
    ]
    made = rejecting_run(home, netsuite)
    assert [row.id for row in rejected(made)] == ids
    for id_ in ids:
        netsuite.update("customer", id_, email=f"c{id_}@shop.example")

    empty, chosen = {"flow": "customers"}, {"flow": "customers", "ids": [str(ids[0])]}
    ((failed, _), (state, report)), log = run(home, accounts, "rejected_replay", empty, chosen)
    assert failed == "failed"
    assert "Say which rejected rows to replay: all of them, those of a reason, or internal ids." in log
    assert state == "success"
    assert report["rows"] == {"extracted": 1, "delivered": 1, "unchanged": 0, "rejected": 0}
    assert [row.id for row in rejected(made)] == [ids[1]]
    assert [each["email"] for each in klaviyo.rows("profiles")] == [f"c{ids[0]}@shop.example"]


@pytest.mark.line
def test_housekeeping_removes_what_is_old(home: Path, accounts: tuple[NetSuite, Klaviyo]) -> None:
    staging = Staging(str(home / "staging"))
    for key in ("old", "new"):
        staging.write_json(("demo", "orders", "runs", key, "extract", "orders", "part"), {})
    moment = (datetime.now(UTC) - timedelta(days=8)).timestamp()
    old = home / "staging" / "demo" / "orders" / "runs" / "old"
    for file in old.rglob("part"):
        os.utime(file, (moment, moment))
    asked = ({"dry_run": True}, {"dry_run": False})
    (tried, done), log = run(home, accounts, "housekeeping", *asked)
    assert (tried[0], tried[1]["dry_run"], tried[1]["raw"]["pieces"]) == ("success", True, 1)
    # What a dry run shows is still there for the next run to remove.
    assert "would go: demo/orders/runs/old/extract" in log
    assert (done[0], done[1]["raw"]["pieces"]) == ("success", 1)
    assert "removed: demo/orders/runs/old/extract" in log
    assert not old.exists()
