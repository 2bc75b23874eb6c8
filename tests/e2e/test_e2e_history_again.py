"""Windows of history that are tried again, or delivered beside scheduled runs: what is sent is as it is now,
and nothing is decided twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from backfills import Dying, History

from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.errors import MendError
from netsuite_connector.flows import highwater, history
from netsuite_connector.flows.run import Run
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.window import Window

pytestmark = pytest.mark.line

CUSTOMERS = """internalid,entityid,email,lastname,firstname,isperson,datecreated,lastmodifieddate
1,CUST1,jane@shop.example,Doe,Jane,T,2026-03-01T08:00:00Z,2026-03-01T08:00:00Z
2,CUST2,,Roe,Rick,T,2026-03-02T08:00:00Z,2026-03-02T08:00:00Z
"""
ITEMS = """internalid,itemid,displayname,salesdescription,type,baseprice,urlcomponent
12,POLES,Poles,Fine,InvtPart,5,poles
"""
TRANSACTIONS = """internalid,type,status,tranid,datecreated,lastmodifieddate,entity,website,website_text,\
createdfrom,item,quantity,rate,amount
100,SalesOrd,G,SO100,2026-03-01T09:30:00Z,2026-03-01T09:30:00Z,1,1,Main,,12,8,5,40
105,CashRfnd,Y,CR105,2026-03-13T10:00:00Z,2026-03-13T10:00:00Z,1,,,100,12,-4,5,-20
106,CashRfnd,Y,CR106,2026-04-13T10:00:00Z,2026-04-13T10:00:00Z,1,,,100,12,-4,5,-20
"""
DAYS = {"from": "2026-03-01", "to": "2026-05-01", "window": "month"}
LATER = "2031-01-01T00:00:00Z"


@pytest.fixture
def backfill(tmp_path: Path, new_line: Callable[..., Any]) -> Iterator[History]:
    folder = tmp_path / "account"
    folder.mkdir()
    for name, text in (("customer", CUSTOMERS), ("item", ITEMS), ("transaction", TRANSACTIONS)):
        (folder / f"{name}.csv").write_text(text)
    with running_netsuite("--csv", str(folder)) as netsuite, running_klaviyo() as klaviyo:
        yield History(new_line(netsuite, klaviyo))


def refunds(klaviyo: Klaviyo) -> set[tuple[str, str]]:
    klaviyo.settled()
    return {
        (row["metric"], row["unique_id"]) for row in klaviyo.rows("events") if "Refunded" in row["metric"]
    }


def name_of(klaviyo: Klaviyo) -> str:
    klaviyo.settled()
    return str(
        next(row["first_name"] for row in klaviyo.rows("profiles") if row["email"] == "jane@shop.example")
    )


def test_a_window_that_was_killed_after_it_had_sent_does_not_decide_anew_what_a_refund_became(
    backfill: History,
) -> None:
    made = backfill.plan("some", flows=["orders"], **DAYS)
    backfill.read(made)
    first, second = made.pieces
    with pytest.raises(KeyboardInterrupt):
        backfill.deliver_one(made, first, Dying(backfill.line.klaviyo_client(), all_sent=True))
    # The next window takes the slot while the first waits for its next try.
    backfill.deliver_one(made, second)
    assert backfill.deliver_one(made, first)["adds_up"]
    told = {("Partially Refunded Order", "netsuite-105"), ("Partially Refunded Order", "netsuite-106")}
    whole = {("Refunded Order", "netsuite-100")}
    # Whichever of the two is taken for the last one: two refunds are two events.
    assert len(refunds(backfill.line.klaviyo)) == 2
    assert refunds(backfill.line.klaviyo) <= told | whole


def test_a_window_that_a_gate_has_stopped_is_read_anew(backfill: History) -> None:
    gates = backfill.line.store.gates.model_copy(update={"rejected_rows": 0})
    backfill.line.store = backfill.line.store.model_copy(update={"gates": gates})
    made = backfill.plan("some", flows=["customers"], **DAYS)
    with pytest.raises(MendError, match="rejected_rows"):
        backfill.deliver_one(made, made.pieces[0])
    backfill.line.netsuite.update("customer", 2, email="rick@shop.example")
    assert backfill.deliver_one(made, made.pieces[0])["rows"]["rejected"] == 0


def test_a_window_that_failed_before_it_sent_anything_brings_back_nothing_old(backfill: History) -> None:
    line = backfill.line
    made = backfill.plan("some", flows=["customers"], **DAYS)
    with pytest.raises(MendError):
        backfill.deliver_one(made, made.pieces[0], line.klaviyo_client("pk_wrong"))
    line.netsuite.update("customer", 1, firstname="Joan")
    line.run("customers", end=LATER)
    assert name_of(line.klaviyo) == "Joan"
    assert backfill.deliver_one(made, made.pieces[0])["adds_up"]
    assert name_of(line.klaviyo) == "Joan"


def test_an_order_that_was_corrected_after_it_was_read_ahead_stays_so(backfill: History) -> None:
    """In the order book, which tells refunds and storefronts of it, and so in Klaviyo."""
    line = backfill.line
    made = backfill.plan("some", flows=["orders"], **DAYS)
    backfill.read(made)
    line.netsuite.update("transaction", 100, website="2", website_text="Outlet")
    line.run("orders", end=LATER)

    def website() -> Any:
        line.klaviyo.settled()
        (profile,) = line.klaviyo.rows("profiles")
        return profile["properties"]["NetSuite Original Website ID"]

    assert website() == 2
    for piece in made.pieces:
        backfill.deliver_one(made, piece)
    assert website() == 2


def test_what_scheduled_runs_have_still_to_deliver_is_theirs(backfill: History) -> None:
    line = backfill.line
    run = Run(line.store, DOMAINS["orders"], Window(), line.staging)
    highwater.put(run, Window.parse("2026-04-01T00:00:00Z", None).start, "test")  # type: ignore[arg-type]
    made = backfill.plan("some", flows=["orders"], **DAYS)
    assert [piece.end for piece in made.pieces] == ["2026-04-01T00:00:00Z"]
    assert "until 2026-04-01T00:00:00Z" in made.pieces[0].label
    with pytest.raises(MendError, match="for its scheduled runs"):
        backfill.plan("later", flows=["orders"], **DAYS | {"from": "2026-04-01"})


def test_progress_is_told_also_where_a_limit_keeps_windows_from_counting(backfill: History) -> None:
    made = backfill.plan("some", flows=["orders"], limit=1, **DAYS)
    backfill.read(made)
    backfill.deliver(made)
    told = history.progress("demo", backfill.line.staging)
    assert told is not None
    assert (told["done"], told["all"]) == (2, 2)
    again = backfill.plan("again", flows=["orders"], **DAYS)
    assert again.passed_over == 0
