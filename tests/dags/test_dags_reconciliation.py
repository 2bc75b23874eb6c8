"""The DAG of the reconciliation: its form, and a reconciliation as Airflow runs it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_process import DEMO, Parsed, connections, new_home, running_airflow
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite


def test_the_form_asks_for_days_and_flows_and_heals_only_if_asked(parsed: Parsed) -> None:
    assert parsed.errors == {}
    assert parsed.heavy == []
    made = parsed.made_by("reconciliation")
    assert list(made) == ["reconciliation"]
    dag = made["reconciliation"]
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


@pytest.mark.line
def test_a_flow_that_does_not_agree_fails_with_a_sentence_and_can_be_healed(
    tmp_path: Path, airflow_database: Path
) -> None:
    home = new_home(tmp_path, airflow_database, "reconciliation")
    # Nothing was ever delivered: what NetSuite has is missing, as long as it is not too young.
    (home / "stores").mkdir()
    (home / "stores" / "demo.yaml").write_text(DEMO.read_text() + "\nreconciliation: {delay_minutes: 0}\n")
    long_ago = (datetime.now(UTC) - timedelta(days=20)).date().isoformat()
    days: dict[str, Any] = {"flows": ["stock", "catalog"], "from": long_ago}
    tomorrow = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    with running_netsuite(customers=10, items=10, orders=10) as netsuite, running_klaviyo() as klaviyo:
        environment = connections(netsuite, klaviyo) | {"NETSUITE_CONNECTOR_STORES": str(home / "stores")}
        with running_airflow(home, **environment) as airflow:
            wrong = airflow.run("reconciliation", days)
            healed = airflow.run("reconciliation", days | {"heal": True})
            future = airflow.run("reconciliation", days | {"to": tomorrow})
    assert wrong.state == "failed"
    assert sorted(map(str, wrong.labels("compare"))) == ["catalog", "stock"]
    # Stock of what the catalog does not have yet is the catalog's to bring.
    assert wrong.results["total"]["flows"] == {"stock": True, "catalog": False}
    assert "NetSuite and Klaviyo don't agree about catalog: " in wrong.log
    assert "demo/reconciliation/catalog/" in wrong.log
    assert healed.state == "success"
    assert healed.results["total"]["flows"] == {"stock": True, "catalog": True}
    assert healed.results["total"]["healed"] > 0
    assert future.state == "failed"
    assert "lies in the future" in future.log
