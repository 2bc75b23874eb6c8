"""When a refund makes its order whole: whatever exchange rates do between, and what is deleted again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows import highwater
from netsuite_connector.flows.realtime import Drain
from netsuite_connector.flows.run import Run
from netsuite_connector.window import Window

pytestmark = pytest.mark.line

CUSTOMERS = "internalid,entityid,email,lastname,isperson\n1,CUST1,jane@shop.example,Doe,T\n"
ITEMS = "internalid,itemid,displayname,salesdescription,type,baseprice\n12,POLES,Poles,Fine,InvtPart,5\n"
# Orders in euros. All of the first was refunded, and nine tenths of the second, each at another day's rate.
TRANSACTIONS = """internalid,type,status,tranid,datecreated,lastmodifieddate,entity,createdfrom,currency,\
currency_text,exchangerate,total,item,quantity,rate,amount
100,SalesOrd,G,SO100,2026-03-01T09:30:00Z,2026-03-01T09:30:00Z,1,,2,EUR,1.10,110,12,1,100,110
102,CustInvc,B,IN102,2026-03-02T10:00:00Z,2026-03-02T10:00:00Z,1,100,2,EUR,1.10,110,12,1,100,110
104,CustCred,B,CR104,2026-04-04T10:00:00Z,2026-04-04T10:00:00Z,1,102,2,EUR,1.05,-105,12,-1,100,-105
200,SalesOrd,G,SO200,2026-03-01T09:30:00Z,2026-03-01T09:30:00Z,1,,2,EUR,1.00,100,12,1,100,100
202,CustInvc,B,IN202,2026-03-02T10:00:00Z,2026-03-02T10:00:00Z,1,200,2,EUR,1.00,100,12,1,100,100
204,CustCred,B,CR204,2026-04-04T10:00:00Z,2026-04-04T10:00:00Z,1,202,2,EUR,1.12,-100.8,12,-1,90,-100.8
300,SalesOrd,G,SO300,2026-03-01T09:30:00Z,2026-03-01T09:30:00Z,1,,1,USD,1,200,12,2,100,200
302,CustInvc,B,IN302,2026-03-02T10:00:00Z,2026-03-02T10:00:00Z,1,300,1,USD,1,200,12,2,100,200
304,CustCred,B,CR304,2026-04-04T10:00:00Z,2026-04-04T10:00:00Z,1,302,1,USD,1,-100,12,-1,100,-100
"""


@pytest.fixture
def line(line_with: Callable[..., Any]) -> Any:
    return line_with(customer=CUSTOMERS, item=ITEMS, transaction=TRANSACTIONS)


def refunds(line: Any) -> dict[str, tuple[str, float, float]]:
    """By identity: the event's name, its value, and what it says was refunded so far."""
    line.klaviyo.settled()
    return {
        row["unique_id"]: (row["metric"], row["value"], row["properties"]["RefundedTotal"])
        for row in line.klaviyo.rows("events")
        if "Refunded" in row["metric"]
    }


def test_what_makes_an_order_whole_is_reckoned_at_the_orders_rate(line: Any) -> None:
    assert line.run("orders")["adds_up"]
    told = refunds(line)
    assert told["netsuite-100"] == ("Refunded Order", 110.0, 105.0)
    assert told["netsuite-204"] == ("Partially Refunded Order", 100.8, 100.8)


def test_without_rates_base_amounts_decide(line: Any) -> None:
    for record in list(line.netsuite.records("transaction")):
        line.netsuite.update("transaction", record["internalid"], exchangerate=None)
    line.run("orders")
    told = refunds(line)
    assert told["netsuite-104"][0] == "Partially Refunded Order"
    assert told["netsuite-200"] == ("Refunded Order", 100.0, 100.8)


def entered_anew(line: Any, amount: int) -> None:
    """A credit memo is deleted, and another entered in its place."""
    line.netsuite.delete("transaction", 304)
    line.netsuite.create(
        "transaction",
        internalid=305,
        type="CustCred",
        status="CustCred:B",
        tranid="CR305",
        entity="1",
        createdfrom="302",
        exchangerate=1,
        total=-amount,
        lines=[{"item": "12", "quantity": -1, "rate": amount, "amount": -amount}],
    )


@pytest.mark.parametrize("amount", [100, 200])
def test_a_refund_that_was_deleted_and_entered_again_counts_once(line: Any, amount: int) -> None:
    line.run("orders", end="2026-04-05T00:00:00Z")
    assert refunds(line)["netsuite-304"] == ("Partially Refunded Order", 100.0, 100.0)
    entered_anew(line, amount)
    assert line.run("orders", start="2026-04-05T00:00:00Z")["adds_up"]
    whole = ("Refunded Order", "netsuite-300")
    name, key = whole if amount == 200 else ("Partially Refunded Order", "netsuite-305")
    assert refunds(line)[key] == (name, float(amount), float(amount))
    # Another run over the same finds it as it was told.
    again = line.run("orders", start="2026-04-05T00:00:00Z", end="2031-01-01T00:00:00Z")
    assert again["rows"]["delivered"] == 0


def test_real_time_hears_of_a_deleted_refund_too(line: Any) -> None:
    line.run("orders", end="2026-04-05T00:00:00Z")
    highwater.put(Run(line.store, DOMAINS["orders"], Window(), line.staging), datetime.now(UTC), "test")
    line.netsuite.clear("customrecord_nsk_outbox")
    entered_anew(line, 100)
    klaviyo = line.klaviyo_client()
    Drain([line.store], line.netsuite_client(), lambda _: klaviyo, line.staging).once()
    assert refunds(line)["netsuite-305"] == ("Partially Refunded Order", 100.0, 100.0)
