"""What Airflow's own backfill is allowed, asked for as a person asks for it: ``airflow backfill create``."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
import yaml

from airflow_process import DEMO, in_airflow, new_home

# Answers, by DAG, in which words the command refused; nothing when it made runs.
_CREATE = """
import json, sys
from airflow.__main__ import main
dags, *dates = json.loads(sys.argv[1])
def said(*line):
    sys.argv = ["airflow", *line]
    try:
        main()
    except BaseException as error:
        return str(error)
said("dags", "reserialize")
answers = {dag: said("backfill", "create", "--dag-id", dag, *dates) for dag in dags}
print("answer: " + json.dumps(answers))
"""


@pytest.fixture
def stores(tmp_path: Path) -> Path:
    """A store with consents and a catalog that is a feed, and one whose catalog goes by the API."""
    folder = tmp_path / "stores"
    folder.mkdir()
    store = yaml.safe_load(DEMO.read_text())
    (folder / "demo.yaml").write_text(yaml.safe_dump(store))
    del store["flows"]["stock"]
    feed = {"files": str(tmp_path / "feed"), "url": "https://feeds.shop.example"}
    consents = {"list": "Newsletter", "consented_at": "custentity_opted_in_at", "schedule": "45 4 * * *"}
    store |= {"store": "outlet", "catalog": {"feed": feed}, "consents": consents}
    (folder / "outlet.yaml").write_text(yaml.safe_dump(store))
    return folder


def test_consents_and_a_feed_refuse_a_backfill_and_the_other_flows_take_it(
    tmp_path: Path, airflow_database: Path, stores: Path
) -> None:
    home = new_home(tmp_path / "home", airflow_database, "catalog", "consents", "orders")
    last = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    dates = ["--from-date", (last - dt.timedelta(days=1)).isoformat(), "--to-date", last.isoformat()]
    dags = ["consents__outlet", "catalog__outlet", "catalog__demo", "orders__demo", "orders__outlet"]
    asked = json.dumps([dags, *dates])
    answers, _ = in_airflow(_CREATE, home, asked, NETSUITE_CONNECTOR_STORES=str(stores))
    assert answers == {
        "consents__outlet": "Dag with dag_id: 'consents__outlet' does not allow backfill runs",
        "catalog__outlet": "Dag with dag_id: 'catalog__outlet' does not allow backfill runs",
        **dict.fromkeys(dags[2:]),
    }
