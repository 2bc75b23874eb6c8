"""What the DAG files make, in a process of their own as the dag-processor parses them."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
_PARSE = """
import json, sys
import airflow.sdk
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
heavy = [name for name in ("great_expectations", "pandas", "pyarrow", "numpy", "phonenumbers",
"requests_oauthlib") if name in sys.modules]
def described(param):
    default = param.value if param.has_value else None
    return {"title": param.schema["title"], "description": param.description, "default": default}
dags = {
    dag.dag_id: {
        "file": dag.fileloc.rpartition("/")[2],
        "doc": dag.doc_md,
        "owner": dag.owner,
        "tags": sorted(dag.tags),
        "catchup": dag.catchup,
        "runs": dag.max_active_runs,
        "params": {name: described(dag.params.get_param(name)) for name in dag.params},
        "tasks": {
            task.task_id: {
                "after": sorted(task.upstream_task_ids), "retries": task.retries, "pool": task.pool,
                "policy": type(getattr(task, "retry_policy", None)).__name__, "result":
                task.returns_dag_result,
            }
            for task in dag.tasks
        },
    }
    for dag in bag.dags.values()
}
print(json.dumps({"dags": dags, "errors": {str(k): str(v) for k, v in bag.import_errors.items()}, "heavy":
heavy}))
"""


def parse(home: Path, **environment: str) -> Any:
    """The DAGs, import errors and heavy modules after parsing all DAG files."""
    settings = {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", **environment}
    done = subprocess.run(
        [sys.executable, "-c", _PARSE, str(ROOT / "dags")],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | settings,
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return parse(tmp_path_factory.mktemp("airflow"))


def test_each_file_makes_one_dag_of_its_name(parsed: Any) -> None:
    assert parsed["errors"] == {}
    assert {name: dag["file"] for name, dag in parsed["dags"].items()} == {
        name: f"{name}.py"
        for name in (
            *("catalog", "check", "customers", "orders", "stock"),
            *("housekeeping", "rejected_replay", "privacy_deletion", "history_backfill", "reconciliation"),
        )
    }


def test_nothing_heavy_is_imported(parsed: Any) -> None:
    assert parsed["heavy"] == []


@pytest.mark.parametrize("flow", ["catalog", "stock", "customers", "orders"])
def test_a_flow_is_its_plan_and_six_stages(parsed: Any, flow: str) -> None:
    tasks = parsed["dags"][flow]["tasks"]
    order = ["extract", "validate", "shape", "push", "confirm"]
    assert {name: task["after"] for name, task in tasks.items()} == {
        "plan": [],
        "extract": ["plan"],
        **{after: sorted([before, "plan"]) for before, after in itertools.pairwise(order)},
        "report": sorted([*order, "plan"]),
    }
    assert all(tasks[name]["policy"] == "ByFault" and tasks[name]["retries"] > 0 for name in order)
    assert tasks["plan"]["pool"] == tasks["extract"]["pool"] == "netsuite"
    assert [name for name, task in tasks.items() if task["result"]] == ["report"]


@pytest.mark.parametrize("flow", ["catalog", "stock", "customers", "orders"])
def test_a_flow_explains_itself(parsed: Any, flow: str) -> None:
    dag = parsed["dags"][flow]
    assert dag["doc"].startswith(f"### {flow.capitalize()}")
    assert dag["owner"] == "netsuite-connector"
    assert dag["tags"] == sorted(["netsuite", "klaviyo", flow, "store:demo"])
    assert (dag["catchup"], dag["runs"]) == (False, 1)
    assert set(dag["params"]) == {"from", "to", "full", "resend", "ignore_gates", "limit", "dry_run"}
    for param in dag["params"].values():
        assert param["title"]
        assert param["description"]
    assert dag["params"]["dry_run"]["default"] is False


def test_two_stores_have_dags_of_their_own(tmp_path: Path) -> None:
    demo = (ROOT / "include" / "stores" / "demo.yaml").read_text()
    (tmp_path / "a.yaml").write_text(demo)
    other = demo.replace("store: demo", "store: outlet")
    (tmp_path / "b.yaml").write_text(other[: other.index("  customers:")])
    parsed = parse(tmp_path / "home", NETSUITE_CONNECTOR_STORES=str(tmp_path))
    assert set(parsed["dags"]) == {
        "catalog__demo",
        "check__demo",
        "customers__demo",
        "orders__demo",
        "history_backfill__demo",  # the other store has only a catalog, which has no past
        "stock__demo",
        "catalog__outlet",
        "check__outlet",
        "stock__outlet",
        *(
            f"{name}__{store}"
            for name in ("housekeeping", "rejected_replay", "privacy_deletion", "reconciliation")
            for store in ("demo", "outlet")
        ),
    }


def test_a_flow_of_ones_own_has_a_dag_by_yaml_alone(tmp_path: Path) -> None:
    demo = (ROOT / "include" / "stores" / "demo.yaml").read_text()
    cases = """
  cases:
    searches: {cases: customsearch_nsk_cases}
    custom: {metric: Support Case, time: startdate}
"""
    (tmp_path / "a.yaml").write_text(demo + cases)
    parsed = parse(tmp_path / "home", NETSUITE_CONNECTOR_STORES=str(tmp_path))
    assert parsed["errors"] == {}
    assert parsed["dags"]["cases"]["file"] == "custom.py"
    assert "store:demo" in parsed["dags"]["cases"]["tags"]


def test_a_mistake_in_a_stores_file_is_one_sentence(tmp_path: Path) -> None:
    demo = (ROOT / "include" / "stores" / "demo.yaml").read_text()
    (tmp_path / "a.yaml").write_text(demo.replace("currency:", "curency:"))
    parsed = parse(tmp_path / "home", NETSUITE_CONNECTOR_STORES=str(tmp_path))
    assert set(parsed["errors"]) == {str(file) for file in (ROOT / "dags").glob("*.py")}
    for error in parsed["errors"].values():
        assert "a.yaml: 'curency' is not a setting; did you mean 'currency'?" in error
