"""The demo's own reckoning: what it expects of Klaviyo, and that it notices what is not so."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from rich.console import Console

from netsuite_connector.demo import expectation, expected_orders, outcome, verify
from netsuite_connector.demo.runs import Run, describe, error_sentence


def customer(id_: int, email: str, **more: Any) -> dict[str, Any]:
    person = {"stage": "CUSTOMER", "isinactive": False, "firstname": "Ada", "lastname": ""}
    return {"internalid": id_, "email": email} | person | more


def order(id_: int, entity: int, **more: Any) -> dict[str, Any]:
    sold = {"kind": "item", "item": "7", "quantity": 2, "amount": 20.0, "lineuniquekey": id_ * 10}
    tax = {"kind": "tax", "item": None, "quantity": None, "amount": 1.6, "lineuniquekey": id_ * 10 + 1}
    header = {"type": "SalesOrd", "createdfrom": None, "total": 21.6, "datecreated": "2026-05-01T12:00:00Z"}
    header |= {"status": "SalesOrd:B", "website": None}
    return {"internalid": id_, "entity": str(entity), "lines": [sold, tax]} | header | more


def item(id_: int, **more: Any) -> dict[str, Any]:
    usual = {"itemid": f"SKU-{id_}", "displayname": "", "type": "InvtPart", "salesdescription": "Fine"}
    usual |= {
        "baseprice": 5,
        "urlcomponent": "fine",
        "isinactive": False,
        "isonline": True,
        "imageurl": "https://cdn.example/1.jpg",
        "matrix": False,
        "matrixchild": False,
        "parent": None,
        "quantityavailable": 3,
        "categories": [],
    }
    return {"internalid": id_} | usual | more


@pytest.mark.parametrize("text", ["a@b.co", "O'Neil.x+y@Mail-1.Example.com"])
def test_addresses_that_are_some(text: str) -> None:
    assert expectation.is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "ada", "ada@", "@b.co", "a@b", "a b@c.de", "a@@b.co", "a@b..co", "a@.co", ".a@b.co"),
        *("a..b@c.de", "a@b.co;c@d.ef", "a@b.c0", "ä@b.co", "a@-b.co", "a" * 95 + "@bc.de"),
    ],
)
def test_addresses_that_are_none(text: str | None) -> None:
    assert not expectation.is_address(text)


def test_one_record_speaks_for_an_address() -> None:
    lead = customer(1, "x@y.example", stage="LEAD")
    gone = customer(2, "X@y.example ", isinactive=True)
    old, new = customer(3, "x@Y.example"), customer(4, "x@y.example")
    contact = customer(0, "x@y.example")
    for customers, speaker in (([lead], 1), ([lead, gone], 1), ([new, gone, lead, old], 3), ([gone], 0)):
        found = expectation.profiles(customers, [contact])
        assert found == {"x@y.example": {"NetSuite ID": str(speaker), "first name": "Ada", "last name": None}}
    assert expectation.profiles([], [contact])["x@y.example"]["NetSuite ID"] == "0"


def held(*transactions: dict[str, Any], email: str = "x@y.example") -> dict[str, tuple[Any, Any]]:
    """The events of customer 5 by identity: their values and moments."""
    found = expected_orders.events(transactions, [customer(5, email)])
    return {key: (event["value"], event["time"]) for key, event in found.items()}


NOON = "2026-05-01 12:00"


def test_an_order_is_one_event_and_one_a_line_sold() -> None:
    assert held(order(1, 5)) == {
        "Placed Order netsuite-1": (21.6, NOON),
        "Ordered Product netsuite-1-10": (20.0, NOON),
    }


def test_what_is_no_order_has_no_events() -> None:
    assert held(order(1, 5, type="CustInvc", createdfrom="9"), order(2, 6), order(8, 5, lines=[])) == {}
    assert held(order(1, 5), email="x@example.com") == {}
    assert len(held(order(1, 5, type="CustInvc"), order(2, 5, type="CashSale"))) == 4


def test_a_cancelled_order_is_one_that_was_never_shipped() -> None:
    later = {"lastmodifieddate": "2026-06-01T12:00:00Z"}
    shipped = [
        {
            "kind": "item",
            "item": "7",
            "quantity": 2,
            "amount": 20.0,
            "lineuniquekey": 9,
            "quantityshiprecv": 1,
        }
    ]
    found = held(
        order(1, 5, status="SalesOrd:C", **later),
        order(2, 5, status="SalesOrd:H", **later),
        order(3, 5, status="SalesOrd:H", lines=shipped, **later),
    )
    cancelled = {key: event for key, event in found.items() if key.startswith("Cancelled")}
    assert cancelled == {
        "Cancelled Order netsuite-1": (21.6, "2026-06-01 12:00"),
        "Cancelled Order netsuite-2": (21.6, "2026-06-01 12:00"),
    }


def test_the_last_fulfilment_of_an_order_that_is_shipped_is_the_whole_ones() -> None:
    parcels = [
        order(id_, 5, type="ItemShip", status=f"ItemShip:{state}", createdfrom="1")
        for id_, state in ((2, "C"), (3, "C"), (4, "B"))
    ]
    for status, whole in (("SalesOrd:D", set()), ("SalesOrd:F", {"Fulfilled Order netsuite-1-fulfilled"})):
        found = held(order(1, 5, status=status), *parcels)
        assert {key for key in found if key.startswith("Fulfilled")} == whole
        assert "Partially Fulfilled Order netsuite-2" in found
        assert not any("netsuite-4" in key for key in found)


def test_the_refund_that_makes_an_order_whole_has_the_orders_identity() -> None:
    found = held(
        order(1, 5, total=30.0),
        order(2, 5, type="CustInvc", createdfrom="1"),
        order(3, 5, type="RtnAuth", createdfrom="2"),
        order(4, 5, type="CustCred", createdfrom="3", total=-10.0),
        order(6, 5, type="CashRfnd", createdfrom="1", total=20.0),
        order(7, 5, type="CustCred", createdfrom=None, total=-5.0),
    )
    refunds = {key: value for key, (value, _) in found.items() if "Refunded" in key}
    assert refunds == {
        "Partially Refunded Order netsuite-4": 10.0,
        "Refunded Order netsuite-1": 30.0,
        "Partially Refunded Order netsuite-7": 5.0,
    }


def test_a_profile_tells_the_website_of_its_first_order() -> None:
    orders = [
        order(1, 5, website="2", datecreated="2026-05-02T12:00:00Z"),
        order(2, 5, website=None, datecreated="2026-05-01T12:00:00Z"),
        order(3, 5, website="1", datecreated="2026-05-03T12:00:00Z"),
    ]
    assert expected_orders.storefronts(orders, [customer(5, "x@y.example")]) == {
        "x@y.example": {
            "original website": 2,
            "websites": [1, 2],
            "first order": "2026-05-01 12:00",
            "last order": "2026-05-03 12:00",
        }
    }


def test_times_are_compared_to_the_minute_whatever_their_offset() -> None:
    assert expectation.minute("2021-11-07T08:06:00Z") == expectation.minute("2021-11-07T01:06:30-07:00")
    assert expectation.minute("2021-11-07T08:06:00Z") != expectation.minute("2021-11-07T09:06:00Z")


def test_a_child_needs_its_parent() -> None:
    records = [
        item(1, matrix=True),
        item(2, parent="1", matrixchild=True, itemid="SKU-1 : RED"),
        item(3, baseprice=None),
        item(4, parent="3", matrixchild=True),
        item(5, type="Service"),
        item(6, isinactive=True),
        item(7, urlcomponent=""),
        item(8, salesdescription=""),
        item(9, isonline=False),
        item(10, imageurl="", storedisplayimage=None),
    ]
    assert list(expectation.items(records)) == ["$custom:::$default:::1"]
    assert expectation.variants(records) == {
        "$custom:::$default:::2": {
            "title": "RED",
            "description": "Fine",
            "price": 5,
            "stock": 3,
            "item": "$custom:::$default:::1",
        }
    }


def test_an_item_that_stands_alone_is_its_own_variant() -> None:
    [key] = expectation.items([item(1, quantityavailable=None)])
    assert expectation.variants([item(1, quantityavailable=None)])[key]["item"] == key
    assert expectation.variants([item(1, matrix=True)]) == {}


def test_categories_are_those_that_items_are_in() -> None:
    shown = {"commercecategoryid": 4, "commercecategoryname": "Hats", "commercecategoryisinactive": False}
    hidden = shown | {"commercecategoryid": 5, "commercecategoryisinactive": True}
    found = expectation.categories([item(1, categories=[shown, hidden]), item(2, categories=[shown])])
    assert found == {"$custom:::$default:::4": {"name": "Hats"}}


def test_a_difference_is_named_without_the_address() -> None:
    wanted = expectation.profiles([customer(id_, f"p{id_}@y.example") for id_ in (1, 2)], [])
    found = {
        "p1@y.example": wanted["p1@y.example"] | {"first name": "Eve"},
        "p3@y.example": {"NetSuite ID": None, "first name": None, "last name": None},
    }
    finding = verify.compare("profiles", wanted, found)
    assert finding.differences == [
        "the profile of NetSuite record 2 is missing",
        "a profile of no NetSuite record should not be there",
        "the profile of NetSuite record 1 differs in first name",
    ]
    assert finding.sentence == "2: 3 of them differ"
    assert verify.compare("profiles", wanted, dict(wanted)).sentence == "2: agrees"


def report(**more: Any) -> dict[str, Any]:
    rows = {"extracted": 1200, "delivered": 1100, "unchanged": 50, "rejected": 50}
    usual = {"rows": rows, "rejected_by_reason": {"Email is missing": 50}, "warnings": {"Phone left out": 3}}
    return usual | {"batches": 2, "seconds": 1.25, "adds_up": True} | more


def test_numbers_must_add_up_by_the_sum_too() -> None:
    assert outcome.adds_up(report())
    assert not outcome.adds_up(report(adds_up=False))
    lost = {"extracted": 1200, "delivered": 1100, "unchanged": 50, "rejected": 49}
    assert not outcome.adds_up(report(rows=lost))


def test_the_table_tells_everything() -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    outcome.show(console, [Run("customers", "1", report=report()), Run("orders", "2")])
    told = console.export_text()
    assert re.search(r"customers +1,200 +1,100 +50 +50 +2 +1\.2 +yes", told)
    assert "no report" in told
    assert "50 rejected: Email is missing" in told
    assert "3 delivered, but: Phone left out" in told


def test_the_error_of_a_task_is_told_in_its_own_words() -> None:
    log = [
        {"event": "starting", "level": "info"},
        {
            "event": "Task failed with exception",
            "level": "error",
            "error_detail": [{"exc_value": "No such search"}],
        },
        {"event": "bye", "level": "info"},
    ]
    assert error_sentence(log) == "No such search"
    short = {
        "event": "x",
        "level": "error",
        "error_detail": [{"exc_type": "KeyError", "exc_value": "'name'"}],
    }
    assert error_sentence([short]) == "KeyError: 'name'"
    assert error_sentence([{"event": "killed", "level": "critical"}]) == "killed"
    assert error_sentence(["plain line"]) is None


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ({"rows": 2200, "pages": 2, "seconds": 0.5}, "2,200 rows, 2 pages"),
        ({"rows": {"shaped": 3}, "records": {"shaped": 3, "to_send": 1}}, "records: 3 shaped, 1 to send"),
        (None, ""),
    ],
)
def test_what_a_task_returns_becomes_a_line(result: object, told: str) -> None:
    assert describe(result) == told


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A small NetSuite account, and a Klaviyo account that holds nothing; their addresses."""
    commands = {
        "netsuite": ["--port=0", "--customers=30", "--items=20", "--orders=20"],
        "klaviyo": ["--port=0"],
    }
    running = []
    urls = []
    try:
        for name, options in commands.items():
            command = [sys.executable, "-m", f"netsuite_connector.sandbox.{name}", *options]
            running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        for process in running:
            assert process.stdout
            urls.append(process.stdout.readline().split()[-1])
        yield urls[0], urls[1]
    finally:
        for process in running:
            process.terminate()
            process.wait(10)
            assert process.stdout
            process.stdout.close()


@pytest.mark.line
def test_an_empty_klaviyo_account_is_noticed(accounts: tuple[str, str]) -> None:
    findings = {finding.what: finding for finding in verify.verify(*accounts)}
    records = requests.get(f"{accounts[0]}/sandbox/records/customer", timeout=30).json()
    assert records["count"] == 30
    catalog = {"categories", "catalog items", "variants"}
    events = {"Cancelled Order", "Fulfilled Order", "Ordered Product", "Partially Fulfilled Order"}
    assert set(findings) == {"profiles", "Placed Order"} | catalog | events
    assert 20 < len(findings["profiles"].differences) <= 33
    assert all(text.endswith("is missing") for finding in findings.values() for text in finding.differences)
    assert all(finding.differences for finding in findings.values())
