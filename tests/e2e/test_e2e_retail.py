"""A year of a real web shop through the whole line, with its cancellations, refunds and customers of several
stores: every line of the file is accounted for, and the totals are those of the file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import retail

from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "online_retail_40k.csv.gz"

pytestmark = [
    pytest.mark.line,
    pytest.mark.skipif(not DATA.is_file(), reason="the Online Retail data is not beside this checkout"),
]


def test_every_line_is_accounted_for_and_the_totals_are_those_of_the_file(
    tmp_path: Path, new_line: Callable[..., Any]
) -> None:
    lines = retail.read(DATA)
    assert len(lines) == 40_000
    account = tmp_path / "account"
    account.mkdir()
    retail.write_account(lines, account)
    with running_netsuite("--csv", str(account)) as netsuite, running_klaviyo() as klaviyo:
        line = new_line(netsuite, klaviyo)
        report = line.run("orders")
        klaviyo.settled()
        events = klaviyo.rows("events")
        profiles = klaviyo.rows("profiles")
        again = line.run("orders", end="2031-01-01T00:00:00Z")

    books = retail.Books(lines)
    cancelling = sum(len(invoice.lines) for invoice in books.cancelled.values())
    known = sum(line["CustomerID"] != "" for line in lines)
    assert report["adds_up"]
    assert report["rows"]["extracted"] + cancelling == len(lines)
    assert report["rows"]["delivered"] + cancelling == known
    assert report["rejected_by_reason"] == {"Customer : Email is missing": len(lines) - known}

    by_metric: dict[str, dict[str, Any]] = defaultdict(dict)
    for event in events:
        by_metric[event["metric"]][event["unique_id"]] = event
    assert sum(map(len, by_metric.values())) == len(events), "each event has an identity of its own"
    assert len(by_metric["Ordered Product"]) == sum(map(retail.is_delivered, lines))
    assert len(by_metric["Placed Order"]) == sum(order.customer != "" for order in books.orders)
    assert _totals(by_metric["Placed Order"].values()) == books.totals()

    totals = {order.number: order.total for order in books.orders}
    assert len(books.cancelled) > 10
    assert {
        event["properties"]["OrderId"]: _cents(event) for event in by_metric["Cancelled Order"].values()
    } == {number: totals[number] for number in books.cancelled}
    refunds = books.refund_events()
    found = {
        key: (metric, _cents(event))
        for metric in ("Partially Refunded Order", "Refunded Order")
        for key, event in by_metric[metric].items()
    }
    assert found == refunds
    told = {event["properties"].get("OrderId") for event in by_metric["Partially Refunded Order"].values()}
    assert told - {None} == {
        order.number
        for refund, order in books.refunded.items()
        if order is not None and f"netsuite-{order.id}" not in refunds
    }

    sites = retail.websites(lines)
    expected: dict[str, dict[str, Any]] = {
        f"customer{customer}@retail.example": {
            "NetSuite Original Website ID": sites[original],
            "NetSuite Original Website": original,
            "NetSuite Website IDs": sorted(sites[country] for country in countries),
            "NetSuite First Order Date": _minute(first),
            "NetSuite Last Order Date": _minute(last),
        }
        for customer, (original, countries, first, last) in books.storefronts().items()
    }
    assert sum(len(told["NetSuite Website IDs"]) > 1 for told in expected.values()) > 3
    assert {
        profile["email"]: profile["properties"] for profile in profiles if profile.get("properties")
    } == expected

    assert again["rows"]["delivered"] == again["records"]["delivered"] == 0, (
        "a second run sends nothing twice"
    )
    assert again["rows"]["unchanged"] == report["rows"]["delivered"]


def _cents(event: dict[str, Any]) -> Decimal:
    return Decimal(str(event["value"])).quantize(retail.CENT)


def _minute(moment: str) -> str:
    return f"{moment[:10]}T{moment[11:16]}:00Z"


def _totals(placed: Iterable[dict[str, Any]]) -> dict[tuple[str, str], Decimal]:
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for event in placed:
        key = event["properties"]["NetSuite Website"], event["datetime"][:7]
        sums[key] += _cents(event)
    return dict(sums)
