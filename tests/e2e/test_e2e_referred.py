"""Orders that no run has read and that shipments or refunds refer to: they are read by their ids."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows import highwater
from netsuite_connector.flows.confirm import confirm
from netsuite_connector.flows.extract import extract
from netsuite_connector.flows.lookups import inform_book
from netsuite_connector.flows.push import push
from netsuite_connector.flows.realtime import Drain
from netsuite_connector.flows.report import report
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.shape import shape
from netsuite_connector.flows.validate import validate
from netsuite_connector.window import Window

pytestmark = pytest.mark.line

CUSTOMERS = "internalid,entityid,email,lastname,isperson\n1,CUST1,jane@shop.example,Doe,T\n"
ITEMS = """internalid,itemid,displayname,salesdescription,type,baseprice,urlcomponent
12,POLES,Poles,Fine,InvtPart,5,poles
"""
# An order of long ago was shipped and billed in April, its invoice returned, and the return refunded.
TRANSACTIONS = """internalid,type,status,tranid,datecreated,lastmodifieddate,entity,createdfrom,website,\
website_text,item,quantity,rate,amount
100,SalesOrd,G,SO100,2026-03-01T09:30:00Z,2026-03-01T09:30:00Z,1,,1,Main,12,8,5,40
101,ItemShip,C,IF101,2026-04-02T10:00:00Z,2026-04-02T10:00:00Z,1,100,1,Main,12,8,,0
102,CustInvc,B,IN102,2026-03-02T10:00:00Z,2026-03-02T10:00:00Z,1,100,1,Main,12,8,5,40
103,RtnAuth,G,RA103,2026-03-03T10:00:00Z,2026-03-03T10:00:00Z,1,102,1,Main,12,-8,5,-40
104,CustCred,B,CR104,2026-04-04T10:00:00Z,2026-04-04T10:00:00Z,1,103,1,Main,12,-8,5,-40
105,SalesOrd,B,SO105,2026-04-05T10:00:00Z,2026-04-05T10:00:00Z,1,,2,Outlet,12,1,5,5
"""
WHOLE = {
    ("Fulfilled Order", "netsuite-100-fulfilled"): 40.0,
    ("Refunded Order", "netsuite-100"): 40.0,
}
APRIL = ("2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z")


@pytest.fixture
def line(line_with: Callable[..., Any]) -> Any:
    return line_with(customer=CUSTOMERS, item=ITEMS, transaction=TRANSACTIONS)


def shown(line: Any) -> dict[tuple[str, str], float | None]:
    """The value of each event of an order, and of what became of it."""
    line.klaviyo.settled()
    return {
        (row["metric"], row["unique_id"]): row["value"]
        for row in line.klaviyo.rows("events")
        if row["metric"] != "Ordered Product"
    }


def became(line: Any) -> dict[tuple[str, str], float | None]:
    """What became of orders."""
    return {name: value for name, value in shown(line).items() if "Placed" not in name[0]}


def start_of_real_time(line: Any) -> None:
    flow = Run(line.store, DOMAINS["orders"], Window(), line.staging)
    highwater.put(flow, datetime.now(UTC), "test")
    line.netsuite.clear("customrecord_nsk_outbox")


def drained(line: Any, session: requests.Session | None = None) -> dict[str, int]:
    klaviyo = line.klaviyo_client()
    done = Drain([line.store], line.netsuite_client(session), lambda _: klaviyo, line.staging).once()
    rows: dict[str, int] = done.rows
    return rows


class Asked(requests.Session):
    """Remembers which searches were asked for records by id, and for which."""

    def __init__(self) -> None:
        super().__init__()
        self.by_id: list[tuple[str, tuple[str, ...]]] = []

    def send(self, request: requests.PreparedRequest, **more: Any) -> requests.Response:
        body = request.body or b""
        asked = json.loads(body) if body[:1] == b"{" else {}
        ids = (asked.get("only") or {}).get("internalid")
        # That nothing was found is made sure of by counting.
        if ids and asked["action"] == "page":
            self.by_id.append((asked["search"], tuple(ids)))
        return super().send(request, **more)


def saved(line: Any, type_: str, status: str, of: int, hours: float = 0.0, **more: Any) -> int:
    """A transaction that was made from another so many hours ago."""
    moment = (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
    created = line.netsuite.create(
        "transaction",
        **{"type": type_, "status": f"{type_}:{status}", "entity": "1", "createdfrom": str(of), "total": 0}
        | {"datecreated": moment, "lastmodifieddate": moment, "tranid": f"{type_}-{of}"}
        | {"lines": [{"item": "12", "quantity": 1, "amount": 0, "rate": None}]}
        | more,
    )
    return int(created["internalid"])


def test_real_time_finds_the_order_of_a_refund_through_a_return_of_hours_ago(line: Any) -> None:
    line.run("orders")
    back = saved(line, "RtnAuth", "G", of=105, hours=3)
    start_of_real_time(line)
    lines = [{"item": "12", "quantity": -1, "rate": 5, "amount": -5}]
    saved(line, "CustCred", "B", of=back, total=-5, lines=lines)
    session = Asked()
    assert drained(line, session)["delivered"] == 1
    assert shown(line)["Refunded Order", "netsuite-105"] == 5.0
    asked = [each for each in session.by_id if "refunds" not in each[0]]
    assert asked == [("customsearch_nsk_order_links", (str(back),))]


def test_real_time_delivers_an_order_that_was_saved_unnoticed_with_its_shipment(line: Any) -> None:
    line.run("orders", end="2026-04-03T00:00:00Z")
    start_of_real_time(line)
    moment = (datetime.now(UTC) - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    old = line.netsuite.record("transaction", 105)
    imported = {"internalid": 9001, "tranid": "IMP", "status": "SalesOrd:F", "total": 5.0}
    times = dict.fromkeys(("datecreated", "lastmodifieddate"), moment)
    goods = [{**old["lines"][0], "lineuniquekey": 90011}]
    line.netsuite.load("transaction", [old | imported | times | {"lines": goods}])
    saved(line, "ItemShip", "C", of=9001)
    assert drained(line) == {"extracted": 2, "delivered": 2, "unchanged": 0, "rejected": 0}
    assert shown(line)["Placed Order", "netsuite-9001"] == 5.0
    assert shown(line)["Fulfilled Order", "netsuite-9001-fulfilled"] == 5.0


def test_what_is_not_there_is_asked_for_once_and_what_is_known_never(line: Any) -> None:
    line.run("orders")
    start_of_real_time(line)
    saved(line, "ItemShip", "C", of=100)
    parcels = "customsearch_nsk_fulfilments"
    session = Asked()
    assert drained(line, session)["delivered"] == 1
    assert {search for search, _ in session.by_id} == {parcels}, "its order is in the book"
    # Two parcels of what the search of orders does not show.
    other = saved(line, "SalesOrd", "F", of=100, lines=[])
    line.netsuite.clear("customrecord_nsk_outbox")
    for _ in range(2):
        saved(line, "ItemShip", "C", of=other)
    session = Asked()
    assert drained(line, session)["delivered"] == 2
    asked = [each for each in session.by_id if each[0] != parcels]
    assert asked == [("customsearch_nsk_orders", (str(other),))]


def test_real_time_leaves_what_is_shipped_to_another_location_alone(line: Any) -> None:
    line.run("orders")
    start_of_real_time(line)
    transfer = saved(line, "TrnfrOrd", "F", of=100, entity=None)
    saved(line, "ItemShip", "C", of=transfer, entity=None)
    session = Asked()
    assert drained(line, session) == {"extracted": 0, "delivered": 0, "unchanged": 0, "rejected": 0}
    assert {search for search, _ in session.by_id} == {"customsearch_nsk_fulfilments"}


def test_an_increment_delivers_the_order_that_no_run_has_read(line: Any) -> None:
    done = line.run("orders", start="2026-04-01T00:00:00Z")
    assert done["rows"]["extracted"] == 4
    assert became(line) == WHOLE
    assert shown(line)["Placed Order", "netsuite-100"] == 40.0


@pytest.mark.parametrize("asked", [{"bounded": True}, {"limit": 10}])
def test_a_run_that_a_person_bounded_knows_the_order_and_leaves_it_to_others(line: Any, asked: Any) -> None:
    done = line.run("orders", start=APRIL[0], **asked)
    assert done["rows"]["extracted"] == 3
    assert became(line) == WHOLE
    assert ("Placed Order", "netsuite-100") not in shown(line)
    line.run("orders", start="2026-02-28T00:00:00Z")
    assert shown(line)["Placed Order", "netsuite-100"] == 40.0


def test_a_dry_run_tells_of_the_order_and_leaves_nothing_behind(line: Any) -> None:
    done = line.run("orders", start="2026-04-01T00:00:00Z", dry_run=True)
    assert done["rows"]["delivered"] == 4
    assert not line.staging.list(("demo", "orders", "book"))


def sites(line: Any) -> list[int]:
    line.klaviyo.settled()
    [person] = line.klaviyo.rows("profiles")
    found: list[int] = person["properties"]["NetSuite Website IDs"]
    return found


def test_history_that_begins_between_an_order_and_its_shipment_knows_the_order(line: Any) -> None:
    run = Run(line.store, DOMAINS["orders"], Window.parse(*APRIL), line.staging, history=True)
    extracted, validated = extract(run, line.netsuite_client()), validate(run)
    session = Asked()
    inform_book(run, line.netsuite_client(session))
    links = "customsearch_nsk_order_links"
    assert session.by_id == [(links, ("103",)), (links, ("102",)), ("customsearch_nsk_orders", ("100",))]
    shaped = shape(run)
    klaviyo = line.klaviyo_client()
    done = report(run, extracted, validated, shaped, push(run, klaviyo), confirm(run, klaviyo))
    assert done["rows"]["extracted"] == done["rows"]["delivered"] == 3
    assert became(line) == WHOLE
    assert ("Placed Order", "netsuite-100") not in shown(line), "it belongs to a window of its own"
    assert sites(line) == [2], "its storefront does too"
    line.run("orders", start="2026-02-28T00:00:00Z")
    assert became(line) == WHOLE
    assert sites(line) == [1, 2]
    again = Asked()
    inform_book(run, line.netsuite_client(again))
    assert not again.by_id
