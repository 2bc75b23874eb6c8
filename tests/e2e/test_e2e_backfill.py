"""What the runs of Airflow's own backfill read and send: the same as the runs that were missed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from netsuite_connector.airflow.schedule import asked_window
from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.errors import MendError
from netsuite_connector.flows import highwater
from netsuite_connector.flows.confirm import confirm
from netsuite_connector.flows.domain import domain_with
from netsuite_connector.flows.extract import extract
from netsuite_connector.flows.plan import Asked, finish, plan
from netsuite_connector.flows.push import push
from netsuite_connector.flows.report import report
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.shape import shape
from netsuite_connector.flows.validate import validate
from netsuite_connector.stores.model import FeedSettings
from netsuite_connector.window import Window

pytestmark = pytest.mark.line

CUSTOMERS = "internalid,entityid,email,lastname,isperson\n1,CUST1,jane@shop.example,Doe,T\n"
ITEMS = "internalid,itemid,displayname,salesdescription,type,baseprice\n12,POLES,Poles,Fine,InvtPart,5\n"
# All on the day that was missed: the order, and two parcels that saved it again.
TRANSACTIONS = """internalid,type,status,tranid,datecreated,lastmodifieddate,entity,createdfrom,item,\
quantity,rate,amount
100,SalesOrd,G,SO100,2026-03-10T07:30:00Z,2026-03-10T11:20:00Z,1,,12,8,5,40
102,ItemShip,C,IF102,2026-03-10T09:20:00Z,2026-03-10T09:20:00Z,1,100,12,4,,0
103,ItemShip,C,IF103,2026-03-10T11:20:00Z,2026-03-10T11:20:00Z,1,100,12,4,,0
"""


@pytest.fixture
def line(line_with: Callable[..., Any]) -> Any:
    return line_with(customer=CUSTOMERS, item=ITEMS, transaction=TRANSACTIONS)


def asked_of(line: Any, hour: int, **said: Any) -> Asked:
    """What the backfill's run of that hour is asked for."""
    tick = datetime(2026, 3, 10, hour, 30, tzinfo=UTC)
    run = SimpleNamespace(run_type="backfill", data_interval_end=tick, run_after=tick)
    form = {"from": None, "to": None, "full": False, "resend": False} | said
    start, end, backfill = asked_window({"dag_run": run}, form, "30 * * * *", line.store.timezone)
    return Asked(start, end, full=form["full"], backfill=backfill)


def run_planned(line: Any, flow: str, asked: Asked) -> dict[str, Any]:
    """A run from its plan to its end. Returns its report."""
    run = Run(line.store, domain_with(line.store, DOMAINS[flow]), Window(), line.staging)
    made = plan(run, line.netsuite_client(), asked)
    run = made.run(run)
    counts = [extract(run, line.netsuite_client()), validate(run), shape(run)]
    counts += [push(run, line.klaviyo_client()), confirm(run, line.klaviyo_client(), patience=1.0)]
    return finish(run, made, report(run, *counts))


def test_the_hours_of_a_backfill_tell_of_shipments_what_one_run_tells(line: Any) -> None:
    for hour in range(8, 13):
        assert run_planned(line, "orders", asked_of(line, hour))["adds_up"]
    state = line.klaviyo.settled()
    told = {
        (row["metric"], row["unique_id"], row["value"], row["datetime"])
        for row in line.klaviyo.rows("events")
        if "Fulfilled" in row["metric"]
    }
    assert told == {
        ("Partially Fulfilled Order", "netsuite-102", None, "2026-03-10T09:20:00+00:00"),
        ("Fulfilled Order", "netsuite-100-fulfilled", 40.0, "2026-03-10T11:20:00+00:00"),
    }
    assert state["events_repeated"] == 0


def test_a_backfill_leaves_the_mark_and_does_not_read_everything(line: Any) -> None:
    run = Run(line.store, DOMAINS["orders"], Window(), line.staging)
    run_planned(line, "orders", asked_of(line, 12))
    assert highwater.read(run) is None
    with pytest.raises(MendError, match="It can't read 'Everything again'"):
        run_planned(line, "orders", asked_of(line, 12, full=True))
    assert highwater.read(run) is None


def test_a_feed_says_that_it_has_nothing_to_backfill(line: Any, tmp_path: Path) -> None:
    settings = FeedSettings(files=str(tmp_path), url="https://feeds.shop.example")
    catalog = line.store.catalog.model_copy(update={"feed": settings})
    flows = {name: flow for name, flow in line.store.flows.items() if name != "stock"}
    line.store = line.store.model_copy(update={"catalog": catalog, "flows": flows})
    with pytest.raises(MendError, match="whole catalog, so there is nothing to backfill"):
        run_planned(line, "catalog", asked_of(line, 12))
