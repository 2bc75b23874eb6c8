"""What the DAG files make, in a process of their own as the dag-processor parses them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from airflow_process import DEMO, ROOT, Parsed, parse


def test_each_file_makes_one_dag_of_its_name(parsed: Parsed) -> None:
    assert parsed.errors == {}
    assert {name: dag["file"] for name, dag in parsed.dags.items()} == {
        name: f"{name}.py"
        for name in (
            *("catalog", "check", "customers", "orders", "stock"),
            *("housekeeping", "rejected_replay", "privacy_deletion", "history_backfill", "reconciliation"),
        )
    }


def test_nothing_heavy_is_imported(parsed: Parsed) -> None:
    assert parsed.heavy == []


@pytest.mark.parametrize("flow", ["catalog", "stock", "customers", "orders"])
def test_a_flow_is_its_plan_and_six_stages(parsed: Parsed, flow: str) -> None:
    tasks = parsed.dags[flow]["tasks"]
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
def test_a_flow_explains_itself(parsed: Parsed, flow: str) -> None:
    dag = parsed.dags[flow]
    assert dag["doc"].startswith(f"### {flow.capitalize()}")
    assert dag["owner"] == "netsuite-connector"
    assert dag["tags"] == sorted(["netsuite", "klaviyo", flow, "store:demo"])
    assert (dag["catchup"], dag["runs"]) == (False, 1)
    assert set(dag["params"]) == {"from", "to", "full", "resend", "ignore_gates", "limit", "dry_run"}
    for param in dag["params"].values():
        assert param["title"]
        assert param["description"]
    assert dag["params"]["dry_run"]["default"] is False


def test_two_stores_have_dags_of_their_own(parsed_two_stores: Parsed) -> None:
    assert set(parsed_two_stores.dags) == {
        "catalog__demo",
        "check__demo",
        "consents__demo",
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


def test_a_flow_of_ones_own_has_a_dag_by_yaml_alone(parsed_with_more: Parsed) -> None:
    assert parsed_with_more.errors == {}
    assert parsed_with_more.dags["cases"]["file"] == "custom.py"
    assert "store:demo" in parsed_with_more.dags["cases"]["tags"]


def test_a_mistake_in_a_stores_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(DEMO.read_text().replace("currency:", "curency:"))
    parsed = parse(tmp_path / "home", NETSUITE_CONNECTOR_STORES=str(tmp_path))
    assert set(parsed.errors) == {str(file) for file in (ROOT / "dags").glob("*.py")}
    for error in parsed.errors.values():
        assert "a.yaml: 'curency' is not a setting; did you mean 'currency'?" in error
