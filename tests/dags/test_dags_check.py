"""The DAG that checks a store's connections, and its task as Airflow runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_process import Airflow, Parsed, connections, klaviyo_connection, new_home, running_airflow
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite


def test_one_store_has_one_check(parsed: Parsed) -> None:
    assert parsed.errors == {}
    assert parsed.heavy == []
    made = parsed.made_by("check")
    assert list(made) == ["check"]
    dag = made["check"]
    assert dag["doc"].startswith("### Check")
    assert dag["owner"] == "netsuite-connector"
    assert dag["tags"] == sorted(["netsuite", "klaviyo", "check", "store:demo"])
    assert list(dag["tasks"]) == ["check"]
    task = dag["tasks"]["check"]
    assert (task["pool"], task["retries"], task["result"]) == ("netsuite", 0, True)


def test_two_stores_have_a_check_each(parsed_two_stores: Parsed) -> None:
    assert set(parsed_two_stores.made_by("check")) == {"check__demo", "check__outlet"}


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[NetSuite, Klaviyo]]:
    with running_netsuite(customers=10, items=20, orders=10) as netsuite, running_klaviyo() as klaviyo:
        yield netsuite, klaviyo


@pytest.fixture(scope="module")
def airflow(
    tmp_path_factory: pytest.TempPathFactory, airflow_database: Path, accounts: tuple[NetSuite, Klaviyo]
) -> Iterator[Airflow]:
    home = new_home(tmp_path_factory.mktemp("airflow"), airflow_database, "check")
    with running_airflow(home, **connections(*accounts)) as airflow:
        yield airflow


@pytest.mark.line
def test_a_check_that_finds_all_right(airflow: Airflow) -> None:
    done = airflow.run("check", {})
    assert done.state == "success"
    (findings,) = done.results.values()
    assert {each["verdict"] for each in findings} == {"right", "skipped"}
    assert "right: RESTlet: The RESTlet answers" in done.log


@pytest.mark.line
def test_a_check_that_finds_something_wrong(airflow: Airflow, accounts: tuple[NetSuite, Klaviyo]) -> None:
    wrong = klaviyo_connection(accounts[1], "pk_wrong")
    done = airflow.run("check", {}, AIRFLOW_CONN_KLAVIYO_DEMO=wrong)
    assert done.state == "failed"
    (findings,) = done.results.values()
    assert [each["step"] for each in findings if each["verdict"] == "wrong"] == ["Klaviyo key"]
    assert "wrong: Klaviyo key: Klaviyo does not accept the private API key" in done.log
    assert "Something is to be mended in Klaviyo key" in done.log
