"""An order that is saved again while a run reads: its shipments and refunds still know it, and each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite

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
"""
END = "2026-03-10T00:00:00Z"


@pytest.fixture
def line(tmp_path: Path, new_line: Callable[..., Any]) -> Iterator[Any]:
    account = tmp_path / "account"
    account.mkdir()
    for name, text in (("customer", CUSTOMERS), ("item", ITEMS), ("transaction", TRANSACTIONS)):
        (account / f"{name}.csv").write_text(text)
    with running_netsuite("--csv", str(account)) as netsuite, running_klaviyo() as klaviyo:
        yield new_line(netsuite, klaviyo)


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
    assert done["rows"]["extracted"] == 3
