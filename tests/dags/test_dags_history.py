"""The DAG of the history backfill, and a backfill as Airflow runs it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_process import Airflow, Parsed, Ran, connections, new_home, running_airflow
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite


def test_the_backfill_is_a_dry_run_with_a_lane_of_its_own(parsed: Parsed) -> None:
    assert parsed.errors == {}
    assert parsed.heavy == []
    made = parsed.made_by("history_backfill")
    assert list(made) == ["history_backfill"]
    dag = made["history_backfill"]
    assert dag["doc"].startswith("### History backfill")
    assert dag["tags"] == sorted(["netsuite", "klaviyo", "history_backfill", "store:demo"])
    assert (dag["params"]["dry_run"]["default"], dag["runs"]) == (True, 1)
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
def airflow(
    tmp_path_factory: pytest.TempPathFactory, airflow_database: Path, accounts: tuple[NetSuite, Klaviyo]
) -> Iterator[Airflow]:
    home = new_home(tmp_path_factory.mktemp("airflow"), airflow_database, "history_backfill")
    with running_airflow(home, **connections(*accounts)) as airflow:
        yield airflow


def run(airflow: Airflow, **wishes: Any) -> Ran:
    """A backfill of the last months with these wishes."""
    usual = {"from": f"{datetime.now(UTC) - timedelta(days=120):%Y-%m-01}", "window": "quarter"}
    return airflow.run("history_backfill", usual | wishes)


@pytest.mark.line
def test_a_dry_run_then_the_real_one_as_airflow_runs_them(
    airflow: Airflow, accounts: tuple[NetSuite, Klaviyo]
) -> None:
    dry = run(airflow, flows=["orders"])
    assert dry.state == "success"
    assert dry.results["total"]["all"]["rows"] > 0
    assert accounts[1].state()["events"] == 0

    real = run(airflow, flows=["orders"], dry_run=False)
    assert real.state == "success"
    assert real.results["total"]["adds_up"]
    assert real.results["total"]["all"]["extracted"] == dry.results["total"]["all"]["rows"]
    labels = real.labels("deliver")
    assert len(labels) == real.results["total"]["windows"]["planned"] >= 2
    assert all(label is not None and label.startswith("orders 20") for label in labels)
    state = accounts[1].settled()
    assert state["events"] > 0
    assert state["flows_woken"] == 0

    again = run(airflow, flows=["orders"], dry_run=False)
    assert again.state == "success"
    assert again.results["total"]["windows"] == {"planned": 0, "ended": 0, "passed_over": len(labels)}


@pytest.mark.line
def test_wishes_that_can_not_be_end_before_anything_starts(airflow: Airflow) -> None:
    kept = run(airflow, **{"from": "2012-01-01"})
    assert kept.state == "failed"
    assert "'From' (2012-01-01) is more than 5 years ago: choose" in kept.log
    assert not [task for task, state, _ in kept.tasks if task == "deliver" and state == "success"]
