"""An order that is saved again, or shipped in a second parcel, while it is read: its shipments and refunds
still know it, and each other.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows import highwater
from netsuite_connector.flows.realtime import Drain
from netsuite_connector.flows.run import Run
from netsuite_connector.window import Window

pytestmark = pytest.mark.line

CUSTOMERS = "internalid,entityid,email,lastname,isperson\n1,CUST1,jane@shop.example,Doe,T\n"
ITEMS = """internalid,itemid,displayname,salesdescription,type,baseprice,urlcomponent
12,POLES,Poles,Fine,InvtPart,5,poles
"""
# The orders were saved again after the run's end; of the first, so was the second of two shipments.
TRANSACTIONS = """internalid,type,status,tranid,datecreated,lastmodifieddate,entity,createdfrom,item,\
quantity,rate,amount
100,SalesOrd,G,SO100,2026-03-01T09:30:00Z,2026-03-11T08:00:00Z,1,,12,8,5,40
101,SalesOrd,G,SO101,2026-03-01T09:40:00Z,2026-03-11T08:00:00Z,1,,12,2,5,10
102,ItemShip,C,IF102,2026-03-02T10:00:00Z,2026-03-02T10:00:00Z,1,100,12,4,,0
103,ItemShip,C,IF103,2026-03-11T08:00:00Z,2026-03-11T08:00:00Z,1,100,12,4,,0
104,ItemShip,C,IF104,2026-03-02T10:00:00Z,2026-03-02T10:00:00Z,1,101,12,2,,0
105,CashRfnd,Y,CR105,2026-03-03T10:00:00Z,2026-03-03T10:00:00Z,1,101,12,-2,5,-10
106,SalesOrd,B,SO106,2026-03-01T09:50:00Z,2026-03-01T09:50:00Z,1,,12,6,5,30
"""
END = "2026-03-10T00:00:00Z"


@pytest.fixture
def line(line_with: Callable[..., Any]) -> Any:
    return line_with(customer=CUSTOMERS, item=ITEMS, transaction=TRANSACTIONS)


def shown(line: Any) -> dict[tuple[str, str], float | None]:
    """The value of each event that tells of a shipment or refund."""
    line.klaviyo.settled()
    return {
        (row["metric"], row["unique_id"]): row["value"]
        for row in line.klaviyo.rows("events")
        if "Fulfilled" in row["metric"] or "Refunded" in row["metric"]
    }


def test_shipments_and_refunds_know_an_order_that_was_saved_after_the_runs_end(line: Any) -> None:
    done = line.run("orders", end=END)
    told = {
        ("Partially Fulfilled Order", "netsuite-102"): None,
        ("Fulfilled Order", "netsuite-100-fulfilled"): 40.0,
        ("Fulfilled Order", "netsuite-101-fulfilled"): 10.0,
        ("Refunded Order", "netsuite-101"): 10.0,
    }
    assert shown(line) == told
    assert done["adds_up"]
    # The next run reads from the mark on, and finds all of it delivered.
    again = line.run("orders", start="2026-03-09T23:55:00Z", end="2026-03-12T00:00:00Z")
    assert again["rows"]["delivered"] == 0
    assert shown(line) == told


def test_a_run_that_a_person_gave_an_end_reads_nothing_after_it(line: Any) -> None:
    done = line.run("orders", end=END, bounded=True)
    assert done["rows"]["extracted"] == 4


def ship(line: Any, status: str) -> int:
    """Another parcel of the order that has none, which leaves its order in a status."""
    line.netsuite.update("transaction", 106, status=f"SalesOrd:{status}")
    return pack(line, "C")


def pack(line: Any, status: str = "B") -> int:
    """A parcel of the order that has none, which is packed unless another status is given."""
    parcel = {"type": "ItemShip", "entity": "1", "createdfrom": "106", "total": 0}
    times = dict.fromkeys(("datecreated", "lastmodifieddate"), "2026-03-12T10:00:00Z")
    goods = [{"item": "12", "quantity": 3, "amount": 0, "rate": None}]
    made = line.netsuite.create(
        "transaction", **parcel, **times, status=f"ItemShip:{status}", tranid="IF", lines=goods
    )
    return int(made["internalid"])


def test_a_parcel_that_leaves_while_real_time_reads_the_one_before_takes_no_event_from_it(line: Any) -> None:
    line.run("orders")
    flow = Run(line.store, DOMAINS["orders"], Window(), line.staging)
    highwater.put(flow, datetime.now(UTC), "test")
    first = ship(line, "D")
    parcels = [first]
    session = requests.Session()
    send = session.send

    def slowly(prepared: requests.PreparedRequest, **more: Any) -> requests.Response:
        """The second parcel is saved when the drain, which does not know of it, asks for the first."""
        asked = str(prepared.body)
        if "customsearch_nsk_fulfilments" in asked and "internalid" in asked and len(parcels) == 1:
            parcels.append(ship(line, "G"))
        return send(prepared, **more)

    session.send = slowly  # type: ignore[method-assign]
    drain = Drain([line.store], line.netsuite_client(session), lambda _: line.klaviyo_client(), line.staging)
    assert drain.once().rows["delivered"] == 2
    assert len(parcels) == 2
    both = {
        ("Partially Fulfilled Order", f"netsuite-{first}"): None,
        ("Fulfilled Order", "netsuite-106-fulfilled"): 30.0,
    }
    assert both.items() <= shown(line).items()
    # The entry of the second parcel is still there, and finds it delivered.
    assert drain.once().rows == {"extracted": 3, "delivered": 0, "unchanged": 3, "rejected": 0}
    assert drain.once().entries == 0


def test_the_parcel_that_leaves_last_completes_its_order_even_if_it_was_packed_first(line: Any) -> None:
    line.run("orders")
    first, second = pack(line), pack(line)
    for parcel, status in ((second, "D"), (first, "G")):
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        line.netsuite.update("transaction", 106, status=f"SalesOrd:{status}", lastmodifieddate=moment)
        line.netsuite.update("transaction", parcel, status="ItemShip:C", lastmodifieddate=moment)
        line.run("orders", start="2026-03-13T00:00:00Z", end=f"203{status == 'G':d}-01-01T00:00:00Z")
    both = {
        ("Partially Fulfilled Order", f"netsuite-{second}"): None,
        ("Fulfilled Order", "netsuite-106-fulfilled"): 30.0,
    }
    assert both.items() <= shown(line).items()
    # What only shows up later is one more part.
    third = ship(line, "G")
    line.run("orders", start="2026-03-12T00:00:00Z", end="2032-01-01T00:00:00Z")
    both["Partially Fulfilled Order", f"netsuite-{third}"] = None
    assert both.items() <= shown(line).items()
    assert ("Partially Fulfilled Order", f"netsuite-{first}") not in shown(line)
