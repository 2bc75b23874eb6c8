"""The DAGs of the replay and the housekeeping: their forms, and their tasks as Airflow runs them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import yaml

from airflow_process import DEMO, Airflow, Parsed, connections, new_home, parse, running_airflow
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

# Nothing is forbidden to root, as whom the tests may run: a file beside the DAGs of Airflow makes it so.
STUCK = """
from fsspec.implementations.local import LocalFileSystem
remove = LocalFileSystem.rm
def forbidden(self, path, **how):
    if "stuck" in str(path):
        raise PermissionError(path)
    remove(self, path, **how)
LocalFileSystem.rm = forbidden
# airflow reads a file that has the word dag in it
"""


def test_the_form_of_a_replay_asks_for_what_is_needed(parsed: Parsed) -> None:
    assert parsed.errors == {}
    dag = parsed.dags["rejected_replay"]
    assert dag["doc"].startswith("### Replay of rejected rows")
    assert not dag["scheduled"]
    assert all(param["description"] for param in dag["params"].values())
    assert set(dag["params"]) == {"flow", "all", "reason", "ids", "source", "since", "dry_run"}
    assert dag["params"]["flow"]["enum"] == list(load_stores()[0].flows)
    # Nothing is replayed by a form that nobody has filled in.
    assert dag["params"]["all"]["default"] is False
    assert list(dag["tasks"]) == ["plan", "extract", "validate", "shape", "push", "confirm", "report"]
    assert dag["tasks"]["extract"]["after"] == ["plan"]


def test_a_catalog_that_is_a_feed_is_not_on_the_form_of_a_replay(tmp_path: Path) -> None:
    """A part of a feed is none: what is not in it leaves Klaviyo."""
    store = yaml.safe_load(DEMO.read_text())
    store["catalog"] = {"feed": {"files": str(tmp_path / "feed"), "url": "http://127.0.0.1:9/shop"}}
    del store["flows"]["stock"]
    alone = {**store, "store": "alone", "flows": {"catalog": store["flows"]["catalog"]}}
    for each in (store, alone):
        (tmp_path / f"{each['store']}.yaml").write_text(yaml.safe_dump(each))
    found = parse(tmp_path / "home", "rejected_replay", NETSUITE_CONNECTOR_STORES=str(tmp_path))
    assert found.errors == {}
    assert list(found.dags) == ["rejected_replay__demo"]
    assert found.dags["rejected_replay__demo"]["params"]["flow"]["enum"] == ["customers", "orders"]


def test_housekeeping_runs_daily_and_has_a_dry_run(parsed: Parsed) -> None:
    dag = parsed.dags["housekeeping"]
    assert dag["doc"].startswith("### Housekeeping")
    assert dag["scheduled"]
    assert all(param["description"] for param in dag["params"].values())
    assert dag["params"]["dry_run"]["default"] is False
    assert list(dag["tasks"]) == ["housekeeping"]


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[NetSuite, Klaviyo]]:
    with running_netsuite() as netsuite, running_klaviyo() as klaviyo:
        yield netsuite, klaviyo


@pytest.fixture(scope="module")
def airflow(
    tmp_path_factory: pytest.TempPathFactory, airflow_database: Path, accounts: tuple[NetSuite, Klaviyo]
) -> Iterator[Airflow]:
    home = new_home(tmp_path_factory.mktemp("airflow"), airflow_database, "rejected_replay", "housekeeping")
    (home / "dags" / "stuck.py").write_text(STUCK)
    with running_airflow(home, **connections(*accounts)) as airflow:
        yield airflow


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
def test_an_operator_replays_from_the_web_ui(airflow: Airflow, accounts: tuple[NetSuite, Klaviyo]) -> None:
    netsuite, klaviyo = accounts
    ids = [
        netsuite.create("customer", stage="CUSTOMER", entityid="C", email=None)["internalid"]
        for _ in range(2)
    ]
    made = rejecting_run(airflow.home, netsuite)
    assert [row.id for row in rejected(made)] == ids
    for id_ in ids:
        netsuite.update("customer", id_, email=f"c{id_}@shop.example")

    failed = airflow.run("rejected_replay", {"flow": "customers"})
    assert failed.state == "failed"
    sentence = "Say which rejected rows to replay: all of them, those of a reason, or internal ids."
    assert sentence in failed.log
    done = airflow.run("rejected_replay", {"flow": "customers", "ids": [str(ids[0])]})
    assert done.state == "success"
    assert done.results["report"]["rows"] == {"extracted": 1, "delivered": 1, "unchanged": 0, "rejected": 0}
    assert [row.id for row in rejected(made)] == [ids[1]]
    assert [each["email"] for each in klaviyo.rows("profiles")] == [f"c{ids[0]}@shop.example"]


@pytest.mark.line
def test_what_is_switched_off_in_netsuite_is_not_replayed(
    airflow: Airflow, accounts: tuple[NetSuite, Klaviyo]
) -> None:
    netsuite, klaviyo = accounts
    klaviyo.reset()
    id_ = netsuite.create("customer", stage="CUSTOMER", entityid="C", email=None)["internalid"]
    rejecting_run(airflow.home, netsuite)
    netsuite.update("customer", id_, email="off@shop.example")
    switches = {"custrecord_nsk_cfg_store": "demo", "custrecord_nsk_cfg_customers": False}
    netsuite.create("customrecord_nsk_config", name="Demo", **switches)
    try:
        refused = airflow.run("rejected_replay", {"flow": "customers", "all": True})
    finally:
        netsuite.clear("customrecord_nsk_config")
    assert refused.state == "failed"
    assert "'customers' of store 'demo' is switched off in its configuration record" in refused.log
    assert klaviyo.rows("profiles") == []


@pytest.mark.line
def test_housekeeping_removes_what_is_old(airflow: Airflow) -> None:
    staging = Staging(str(airflow.home / "staging"))
    for key in ("old", "new"):
        staging.write_json(("demo", "orders", "runs", key, "extract", "orders", "part"), {})
    moment = (datetime.now(UTC) - timedelta(days=8)).timestamp()
    old = airflow.home / "staging" / "demo" / "orders" / "runs" / "old"
    for file in old.rglob("part"):
        os.utime(file, (moment, moment))
    tried = airflow.run("housekeeping", {"dry_run": True})
    (told,) = tried.results.values()
    assert (tried.state, told["dry_run"], told["raw"]["pieces"]) == ("success", True, 1)
    # What a dry run shows is still there for the next run to remove.
    assert "would go: demo/orders/runs/old/extract" in tried.log
    done = airflow.run("housekeeping", {"dry_run": False})
    (told,) = done.results.values()
    assert (done.state, told["raw"]["pieces"]) == ("success", 1)
    assert "removed: demo/orders/runs/old/extract" in done.log
    assert not old.exists()


@pytest.mark.line
def test_housekeeping_fails_where_something_stays_that_should_be_gone(airflow: Airflow) -> None:
    staging = Staging(str(airflow.home / "staging"))
    runs = airflow.home / "staging" / "demo" / "orders" / "runs"
    moment = (datetime.now(UTC) - timedelta(days=8)).timestamp()
    for key in ("free", "stuck-1", "stuck-2", "stuck-3", "stuck-4"):
        staging.write_json(("demo", "orders", "runs", key, "extract", "part"), {})
        os.utime(runs / key / "extract" / "part", (moment, moment))
    assert airflow.run("housekeeping", {"dry_run": True}).state == "success"
    done = airflow.run("housekeeping", {"dry_run": False})
    assert done.state == "failed"
    assert "4 pieces could not be removed from staging: demo/orders/runs/stuck-" in done.log
    assert ", …. Look at their permissions" in done.log
    for number in (1, 2, 3, 4):
        assert f"not removed: demo/orders/runs/stuck-{number}/extract" in done.log
    assert not (runs / "free").exists()
