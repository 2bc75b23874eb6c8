"""The catalog and its stock where several runs meet: what comes later than what it belongs to, and stock that
moved while an item was away.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import test_e2e_catalog
from test_e2e_catalog import (
    ALL,
    BLUE,
    LATER,
    RED,
    SHIRT,
    TENT,
    catalog,
    change,
    held,
    published,
    stock,
    with_catalog,
    with_site,
    without,
)

from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows.confirm import confirm
from netsuite_connector.flows.domain import domain_with
from netsuite_connector.flows.extract import extract
from netsuite_connector.flows.plan import Asked, Plan, finish, plan
from netsuite_connector.flows.push import push
from netsuite_connector.flows.recent import Memory, RecentClient
from netsuite_connector.flows.reconciliation.model import ask
from netsuite_connector.flows.reconciliation.reconcile import reconcile
from netsuite_connector.flows.report import report
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.shape import shape
from netsuite_connector.flows.validate import validate
from netsuite_connector.stores.operations import ReconciliationSettings
from netsuite_connector.window import Window

pytestmark = pytest.mark.line

accounts, line, feed = test_e2e_catalog.accounts, test_e2e_catalog.line, test_e2e_catalog.feed


def ago(hours: float) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def begin(line: Any, flow: str, **asked: Any) -> tuple[Run, Plan]:
    """A run as it is planned, before anything is read."""
    run = Run(line.store, domain_with(line.store, DOMAINS[flow]), Window(), line.staging)
    made = plan(run, line.netsuite_client(), Asked(**asked))
    return made.run(run), made


def planned(line: Any, flow: str = "catalog", **asked: Any) -> tuple[Plan, dict[str, Any]]:
    """A run as Airflow makes it, from its plan to its high-water mark."""
    run, made = begin(line, flow, **asked)
    done = [extract(run, line.netsuite_client()), validate(run), shape(run)]
    done += [push(run, line.klaviyo_client()), confirm(run, line.klaviyo_client())]
    finished = finish(run, made, report(run, *done))
    assert finished["adds_up"]
    return made, finished


def without_lag(line: Any) -> None:
    netsuite = line.store.netsuite.model_copy(update={"lag_minutes": 0})
    line.store = line.store.model_copy(update={"netsuite": netsuite})


def compared(line: Any) -> dict[str, Any]:
    store = line.store.model_copy(update={"reconciliation": ReconciliationSettings(delay_minutes=0)})
    (asked,) = ask(store, {"flows": ["catalog"]}, datetime.now(UTC))
    return reconcile(store, line.staging, line.netsuite_client(), line.klaviyo_client(), asked)


# ---- children and their parents -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values", [{"isonline": False}, {"salesdescription": ""}], ids=["offline", "rejected"]
)
def test_children_come_when_their_parent_does(line: Any, values: dict[str, Any]) -> None:
    without_lag(line)
    with_catalog(line, price_level="5", currency="2")
    line.netsuite.update("item", SHIRT, **values, lastmodifieddate=ago(5))
    planned(line)
    assert published(line) == without(SHIRT, RED, BLUE), "they are refused: there is no such item"
    assert compared(line)["agrees"]
    back = {"isonline": True, "salesdescription": "Made to last.", "lastmodifieddate": ago(0.03)}
    line.netsuite.update("item", SHIRT, **back)
    _, finished = planned(line)
    assert published(line) == ALL
    assert finished["rows"]["extracted"] == 3, "prices of the children are looked up, and not counted"
    assert finished["rejected_list"]["left"] >= 2
    assert compared(line)["agrees"]


def test_children_come_in_real_time_with_their_parent(line: Any) -> None:
    with_catalog(line, price_level="5", currency="2")
    line.netsuite.update("item", SHIRT, isonline=False, lastmodifieddate=ago(5))
    planned(line)
    line.netsuite.update("item", SHIRT, isonline=True, lastmodifieddate=ago(0.03))
    run, _ = begin(line, "catalog", start=ago(1), replay="saved")
    line.staging.write_json(run.document("ids.json"), {"items": [SHIRT], "variants": []})
    extract(run, RecentClient(line.netsuite_client(), Memory(), ()))
    validate(run)
    shape(run)
    push(run, line.klaviyo_client())
    confirm(run, line.klaviyo_client())
    assert published(line) == ALL


def test_children_that_their_parent_left_behind_are_missing(line: Any) -> None:
    without_lag(line)
    line.netsuite.update("item", SHIRT, isonline=False, lastmodifieddate=ago(5))
    planned(line)
    line.netsuite.update("item", SHIRT, isonline=True, lastmodifieddate=ago(0.03))
    # A run that leaves the children out, as an older connector did.
    narrowed = line.store.flows["catalog"].model_copy(update={"only": {"variants": {"parent": ("1",)}}})
    store = line.store
    line.store = store.model_copy(update={"flows": {**store.flows, "catalog": narrowed}})
    change(line)
    line.store = store
    assert published(line) == without(RED, BLUE)
    done = compared(line)
    assert not done["agrees"]


def test_children_of_what_klaviyo_has_are_not_read_again(line: Any) -> None:
    catalog(line)
    line.netsuite.update("item", SHIRT, displayname="Shirt")
    line.netsuite.update("item", TENT, displayname="Big tent")
    assert change(line)["rows"]["extracted"] == 2
    assert catalog(line, start="2026-02-01T00:00:00Z", end=LATER)["rows"]["delivered"] == 0


# ---- stock ----------------------------------------------------------------------------------------------


def test_stock_that_moved_while_an_item_was_offline_comes_with_the_save_that_puts_it_back(line: Any) -> None:
    moved = {"stock": stock(0), "quantityavailable": 0}
    line.netsuite.update("item", TENT, **moved, lastmodifieddate=ago(9), lastquantityavailablechange=ago(9))
    catalog(line, end=ago(6))
    line.netsuite.update(
        "item",
        TENT,
        stock=stock(10),
        quantityavailable=10,
        lastmodifieddate=ago(9),
        lastquantityavailablechange=ago(5),
    )
    line.run("stock", start=ago(6), end=ago(4.8))
    assert held(line, "variants")[TENT]["inventory_quantity"] == 10
    offline = {"isonline": False, "lastmodifieddate": ago(4), "lastquantityavailablechange": ago(3.9)}
    line.netsuite.update("item", TENT, **moved, **offline)
    line.run("stock", start=ago(5.8), end=ago(3.5))
    assert held(line, "variants")[TENT]["inventory_quantity"] == 10, "the row is rejected"
    back = {"isonline": True, "lastmodifieddate": ago(2), "lastquantityavailablechange": ago(3.9)}
    line.netsuite.update("item", TENT, **back)
    report = line.run("stock", start=ago(3), end=ago(1.9))
    assert report["adds_up"]
    assert held(line, "variants")[TENT]["inventory_quantity"] == 0


def test_stock_is_read_again_after_a_catalog_run_that_was_gone_on_with_hours_later(
    line: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned(line)
    planned(line, "stock")
    line.netsuite.update("item", TENT, displayname="Big tent")
    line.netsuite.update("item", TENT, lastmodifieddate=ago(10))
    run, _ = begin(line, "catalog", full=True)
    extract(run, line.netsuite_client())
    validate(run)
    shape(run)
    moved = {"stock": stock(0), "quantityavailable": 0, "lastquantityavailablechange": ago(5)}
    line.netsuite.update("item", TENT, **moved, lastmodifieddate=ago(10))
    line.run("stock", start=ago(6), end=ago(4))
    assert held(line, "variants")[TENT]["inventory_quantity"] == 0
    push(run, line.klaviyo_client())
    confirm(run, line.klaviyo_client())
    with monkeypatch.context() as hours_ago:
        began = int((datetime.now(UTC) - timedelta(hours=6)).timestamp()) * 10**9
        hours_ago.setattr(Run, "read_from", property(lambda _: began))
        confirm(run, line.klaviyo_client())
    assert held(line, "variants")[TENT]["inventory_quantity"] == 5
    planned(line, "stock")
    assert held(line, "variants")[TENT]["inventory_quantity"] == 0


def test_a_matrix_item_without_a_child_on_sale_has_no_stock_in_the_feed(feed: tuple[Any, Path, str]) -> None:
    line, folder, _ = feed
    line.netsuite.update("item", RED, isonline=False)
    line.netsuite.update("item", BLUE, isinactive=True)
    catalog(line)
    entries = {entry["id"]: entry for entry in json.loads((folder / "catalog-1.json").read_text())}
    assert entries[str(SHIRT)]["inventory_quantity"] == 0


# ---- addresses ------------------------------------------------------------------------------------------


def test_another_address_of_the_site_reaches_every_item(line: Any) -> None:
    planned(line)
    with_site(line, url="https://new.example")
    made, _ = planned(line)
    assert made.start is None
    assert all(row["url"].startswith("https://new.example/") for row in held(line, "items").values())
    made, _ = planned(line)
    assert made.start is not None, "once"
