"""The DAGs of consents and of privacy deletions, as the dag-processor parses them and Airflow runs them."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount, running_sandbox

ROOT = Path(__file__).resolve().parents[2]
CONSENTS = """
consents:
  list: Newsletter
  consented_at: custentity_opted_in_at
  schedule: "45 4 * * *"
"""
_PARSE = """
import json, sys
import airflow.sdk
from airflow.dag_processing.dagbag import DagBag
found, errors = {}, {}
for file in sys.argv[1:]:
    bag = DagBag(file)
    errors |= {str(k): str(v) for k, v in bag.import_errors.items()}
    for dag in bag.dags.values():
        found[dag.dag_id] = {
            "doc": dag.doc_md, "runs": dag.max_active_runs, "tags": sorted(dag.tags),
            "params": {n: [dag.params.get_param(n).schema["title"], dag.params.get_param(n).value]
                       for n in dag.params},
            "tasks": {t.task_id: [sorted(t.upstream_task_ids), t.pool, t.returns_dag_result]
                      for t in dag.tasks},
        }
heavy = [n for n in ("great_expectations", "pandas", "pyarrow", "numpy") if n in sys.modules]
print(json.dumps({"dags": found, "errors": errors, "heavy": heavy}))
"""
_DELETE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import select
bag = DagBag(sys.argv[1])
run = bag.dags["privacy_deletion"].test(run_conf=json.loads(sys.argv[2]))
with create_session() as session:
    kept = session.scalars(
        select(XComModel.value).where(XComModel.run_id == run.run_id, XComModel.key == "return_value")
    ).all()
kept = [XComModel.deserialize_value(type("X", (), {"value": value})) for value in kept]
print("kept: " + json.dumps([str(run.state), kept]))
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
        timeout=180,
        env=os.environ | settings,
    )


def parse(home: Path, **environment: str) -> Any:
    files = [str(ROOT / "dags" / f"{name}.py") for name in ("consents", "privacy_deletion")]
    done = json.loads(in_airflow(_PARSE, home, *files, **environment).stdout.splitlines()[-1])
    assert (done["errors"], done["heavy"]) == ({}, [])
    return done["dags"]


def test_consents_are_off_unless_a_store_asks_for_them_and_deletions_are_always_there(tmp_path: Path) -> None:
    dags = parse(tmp_path)
    assert dags.keys() == {"privacy_deletion"}
    deletion = dags["privacy_deletion"]
    assert deletion["doc"].startswith("### Privacy deletion")
    assert deletion["params"] == {
        "emails": ["E-mail addresses", []],
        "reason": ["Reason", ""],
        "confirm": ["Confirm", ""],
    }


def test_a_store_that_asks_for_consents_has_a_dag_of_them_and_each_store_its_own(tmp_path: Path) -> None:
    demo = (ROOT / "include" / "stores" / "demo.yaml").read_text()
    (tmp_path / "a.yaml").write_text(demo + CONSENTS)
    consents = parse(tmp_path / "one", NETSUITE_CONNECTOR_STORES=str(tmp_path))["consents"]
    order = ["extract", "validate", "guard", "import", "suppress", "confirm"]
    assert {name: after for name, (after, _, _) in consents["tasks"].items()} == {
        "plan": [],
        "extract": ["plan"],
        **{after: sorted([before, "plan"]) for before, after in itertools.pairwise(order)},
        "report": sorted([*order, "plan"]),
    }
    assert {name for name, (_, pool, _) in consents["tasks"].items() if pool == "netsuite"} == {
        "plan",
        "extract",
    }
    assert [name for name, (_, _, result) in consents["tasks"].items() if result] == ["report"]
    assert consents["runs"] == 1
    assert consents["params"].keys() == {"from", "to", "full", "limit", "dry_run"}
    (tmp_path / "b.yaml").write_text(
        demo.replace("store: demo", "store: outlet") + CONSENTS + "  enabled: false\n"
    )
    assert parse(tmp_path / "two", NETSUITE_CONNECTOR_STORES=str(tmp_path)).keys() == {
        "consents__demo",
        "privacy_deletion__demo",
        "privacy_deletion__outlet",
    }


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An AIRFLOW_HOME with a database, and the deletion as its only DAG file."""
    home = tmp_path_factory.mktemp("airflow")
    (home / "dags").mkdir()
    shutil.copy(ROOT / "dags" / "privacy_deletion.py", home / "dags")
    settings = {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    subprocess.run(command, check=True, capture_output=True, timeout=180, env=os.environ | settings)
    return home


@pytest.mark.line
def test_a_deletion_runs_only_when_it_is_confirmed_and_shows_no_address(
    airflow: Path, tmp_path: Path
) -> None:
    with running_sandbox() as account:
        for name in ("ann", "bob"):
            known(account, f"{name}@shop.klaviyo-demo.com")
        asked = {"emails": ["Ann@shop.klaviyo-demo.com"], "reason": "ticket 7", "confirm": "DELETE 2"}
        refused, kept = delete(airflow, tmp_path, account, asked)
        assert (kept[0], account.settled()["deleted"]) == ("failed", 0)
        assert "type exactly 'DELETE 1'" in refused.stdout + refused.stderr
        done, kept = delete(airflow, tmp_path, account, asked | {"confirm": "DELETE 1"})
        assert kept[0] == "success"
        assert (kept[1][0]["requested"], kept[1][0]["new_in_guard"]) == (1, 1)
        assert (account.settled()["deleted"], len(account.rows("profiles"))) == (1, 1)
        task = [line for line in (done.stdout + done.stderr).splitlines() if "equested" in line]
        assert task
        assert not [line for line in [*task, json.dumps(kept)] if "ann@shop" in line.lower()]


def known(account: SandboxAccount, email: str) -> None:
    body = {"data": {"type": "profile", "attributes": {"email": email}}}
    headers = account.headers() | {"Content-Type": "application/vnd.api+json"}
    requests.post(
        f"{account.url}/api/profile-import", json=body, headers=headers, timeout=10
    ).raise_for_status()


def delete(
    home: Path, folder: Path, account: SandboxAccount, asked: dict[str, Any]
) -> tuple[subprocess.CompletedProcess[str], Any]:
    """A run of the DAG as ``airflow dags test`` runs it, and its state and results."""
    connection = json.dumps({"conn_type": "klaviyo", "host": account.url, "password": account.key})
    done = in_airflow(
        _DELETE,
        home,
        str(home / "dags"),
        json.dumps(asked),
        AIRFLOW_CONN_KLAVIYO_DEMO=connection,
        NETSUITE_CONNECTOR_STAGING=str(folder / "staging"),
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("kept: "))
    return done, json.loads(line.removeprefix("kept: "))
