"""Which differences of events a reconciliation excuses, and which it must not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from reconciled import ZONE, at, compare, fresh_line, rows, send, today

from netsuite_connector.flows import consents, privacy
from netsuite_connector.flows.domain import domain_of
from netsuite_connector.flows.run import Run
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.window import Window

pytestmark = pytest.mark.line

OPEN, CANCELLED = "SalesOrd:B", "SalesOrd:C"
PLACED, REFUNDED = "Placed Order", "Refunded Order"
KEPT = {
    "transaction": ("status", "total", "memo", "lastmodifieddate"),
    "customer": ("email", "lastmodifieddate"),
}


@dataclass
class Order:
    """An order that is open, and its person's address."""

    id: int
    customer: int
    email: str
    placed: str
    total: float

    @property
    def identity(self) -> str:
        return f"netsuite-{self.id}"


@pytest.fixture(scope="module")
def account() -> Iterator[NetSuite]:
    """An account whose transactions lie in the last days, saved ten minutes after they were created. An order
    is wholly refunded.
    """
    with running_netsuite(customers=12, items=8, orders=24) as running:
        for number, record in enumerate(list(running.records("transaction"))):
            day = today() - timedelta(days=5 - number % 3)
            moments = {"datecreated": at(day, 12), "lastmodifieddate": at(day, 12, 10)}
            running.update("transaction", record["internalid"], **moments)
        records = {record["internalid"]: record for record in running.records("transaction")}
        refund = made_from = next(each for each in records.values() if each["type"] == "CustCred")
        while made_from["type"] != "SalesOrd":
            made_from = records[int(made_from["createdfrom"])]
        moments = {"lastmodifieddate": made_from["lastmodifieddate"]}
        running.update("transaction", made_from["internalid"], total=abs(refund["total"]), **moments)
        yield running


@pytest.fixture
def netsuite(account: NetSuite) -> Iterator[NetSuite]:
    """The account, which is afterwards as it was."""
    before = {kind: list(account.records(kind)) for kind in KEPT}
    yield account
    for kind, records in before.items():
        for record in records:
            now = account.record(kind, record["internalid"])
            kept = {name: record.get(name) for name in KEPT[kind]}
            if {name: now.get(name) for name in KEPT[kind]} != kept:
                account.update(kind, record["internalid"], **kept)


@pytest.fixture
def line(netsuite: NetSuite, klaviyo: Klaviyo, new_line: Callable[..., Any]) -> Any:
    return fresh_line(netsuite, klaviyo, new_line)


def told(line: Any, report: dict[str, Any]) -> list[dict[str, Any]]:
    """The report's findings about events."""
    return [row for row in rows(line, report) if row["kind"] != "profiles"]


def held(line: Any, unique_id: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Klaviyo's events of this identity, by metric and address."""
    line.klaviyo.settled()
    events = line.klaviyo.rows("events")
    return {(row["metric"], row["email"]): row for row in events if row["unique_id"] == unique_id}


@pytest.fixture
def order(netsuite: NetSuite) -> Order:
    """The first open order of somebody whom events reach."""
    for record in netsuite.records("transaction"):
        if record["type"] == "SalesOrd" and record["status"] == OPEN and record["total"]:
            email = (netsuite.record("customer", int(record["entity"])).get("email") or "").strip().lower()
            if "@" in email and not email.endswith(("example.com", "test.com")):
                ids = record["internalid"], int(record["entity"])
                return Order(*ids, email, record["datecreated"], record["total"])
    raise AssertionError("The account has no open order.")


def short(line: Any, report: dict[str, Any]) -> set[tuple[str, str, str, bool]]:
    return {(row["kind"], row["verdict"], row["identity"], row["edited"]) for row in told(line, report)}


def moved(netsuite: NetSuite, order: Order) -> str:
    """The order's customer has another address from now on. The order itself is not saved by that."""
    netsuite.update("customer", order.customer, email="new.address@shop.example")
    return "new.address@shop.example"


def test_a_value_is_excused_by_a_change_after_it_was_sent_and_by_none_before(
    line: Any, netsuite: NetSuite, order: Order
) -> None:
    # The order was saved after it was placed, as any is that is shipped, and only then delivered.
    send(line, (PLACED, order.identity), order.email, order.placed, order.total * 100)
    line.run("orders")
    wrong = compare(line, "orders")
    assert not wrong["agrees"]
    assert short(line, wrong) == {(PLACED, "different", order.identity, False)}
    netsuite.update("transaction", order.id, total=order.total + 5)
    changed = compare(line, "orders")
    assert changed["agrees"]
    assert short(line, changed) == {(PLACED, "different", order.identity, True)}


def test_what_we_never_sent_is_extra_however_often_its_order_was_changed(
    line: Any, netsuite: NetSuite, order: Order
) -> None:
    line.run("orders")
    send(line, (REFUNDED, order.identity), order.email, order.placed, 99_999.0)
    send(line, ("Ordered Product", f"{order.identity}-987654"), order.email, order.placed, 555.0)
    netsuite.update("transaction", order.id, memo="saved after it was sent")
    report = compare(line, "orders")
    assert not report["agrees"]
    assert short(line, report) == {
        (REFUNDED, "extra", order.identity, False),
        ("Ordered Product", "extra", f"{order.identity}-987654", False),
    }


def test_an_end_that_was_taken_back_in_netsuite_after_it_was_sent_is_told_and_agrees(
    line: Any, netsuite: NetSuite, order: Order
) -> None:
    netsuite.update("transaction", order.id, status=CANCELLED, lastmodifieddate=at(today(), 0))
    line.run("orders")
    assert ("Cancelled Order", order.email) in held(line, order.identity)
    netsuite.update("transaction", order.id, status=OPEN)
    report = compare(line, "orders")
    assert report["agrees"]
    assert short(line, report) == {("Cancelled Order", "extra", order.identity, True)}


def test_an_event_that_a_second_profile_has_too_is_told(line: Any, order: Order) -> None:
    line.run("orders")
    send(line, (PLACED, order.identity), "somebody.else@shop.example", order.placed, order.total)
    report = compare(line, "orders")
    assert not report["agrees"]
    (finding,) = told(line, report)
    assert (finding["verdict"], finding["identity"], finding["edited"]) == ("extra", order.identity, False)
    assert finding["detail"].startswith("twice: ")
    (tally,) = [kind for kind in report["kinds"] if kind["extra"]]
    assert tally["klaviyo"] == tally["netsuite"] + 1


def test_an_event_of_another_person_that_we_never_sent_is_different(line: Any, order: Order) -> None:
    send(line, (PLACED, order.identity), "somebody.else@shop.example", order.placed, order.total)
    report = compare(line, "orders")
    assert not report["agrees"]
    (finding,) = [row for row in told(line, report) if row["verdict"] != "missing"]
    assert (finding["kind"], finding["verdict"], finding["edited"]) == (PLACED, "different", False)
    assert "another address" in finding["detail"]
    assert "@" not in finding["detail"]


def test_an_address_that_was_changed_after_its_order_was_sent_is_told_and_agrees_until_there_are_two(
    line: Any, netsuite: NetSuite, order: Order
) -> None:
    line.run("orders")
    before = line.klaviyo.state()["events"]
    new = moved(netsuite, order)
    report = compare(line, "orders", heal=True)
    assert report["agrees"]
    assert line.klaviyo.state()["events"] == before
    assert {verdict for _, verdict, _, _ in short(line, report)} == {"different"}
    assert all(edited for *_, edited in short(line, report))
    assert (PLACED, "different", order.identity, True) in short(line, report)
    send(line, (PLACED, order.identity), new, order.placed, order.total)
    report = compare(line, "orders")
    assert not report["agrees"]
    assert (PLACED, "extra", order.identity, False) in short(line, report)


def test_whose_deletion_was_asked_for_is_rejected_and_never_sent_again(line: Any, order: Order) -> None:
    line.run("orders")
    before = sum(kind["rejected"] for kind in compare(line, "orders")["kinds"] if kind["day"])
    lost = sum(row["email"] == order.email for row in line.klaviyo.rows("events"))
    run = Run(line.store, domain_of(line.store, "orders"), Window(), line.staging)
    privacy.request_deletions(consents.guard_of(run), line.klaviyo_client(), [order.email])
    line.klaviyo.settled()
    report = compare(line, "orders", heal=True)
    assert told(line, report) == []
    assert sum(kind["rejected"] for kind in report["kinds"] if kind["day"]) == before + lost
    assert not held(line, order.identity)


def test_an_order_that_was_cancelled_under_an_earlier_address_is_not_cancelled_twice(
    line: Any, netsuite: NetSuite, order: Order
) -> None:
    day = today() - timedelta(days=2)
    netsuite.update("transaction", order.id, status=CANCELLED, lastmodifieddate=at(day, 1))
    line.run("orders")
    moved(netsuite, order)
    netsuite.update("transaction", order.id, memo="once more", lastmodifieddate=at(today(), 0, 10))
    # The day of the last change, which is not that of the event.
    report = compare(line, "orders", days=1, heal=True)
    assert report["agrees"]
    assert told(line, report) == []
    assert {email for metric, email in held(line, order.identity) if metric == "Cancelled Order"} == {
        order.email
    }
    # On its own day it is there, with the earlier address.
    report = compare(line, "orders", days=2, last=2)
    assert report["agrees"]
    assert short(line, report) == {("Cancelled Order", "different", order.identity, True)}


def test_what_we_never_sent_is_extra_also_where_its_order_is_rejected(
    line: Any, netsuite: NetSuite, order: Order
) -> None:
    line.run("orders")
    send(line, (REFUNDED, order.identity), order.email, order.placed, 99_999.0)
    netsuite.update("customer", order.customer, email="nobody")
    report = compare(line, "orders")
    assert not report["agrees"]
    assert short(line, report) == {(REFUNDED, "extra", order.identity, False)}


def test_a_refund_that_was_sent_is_known_by_its_order_where_its_own_rows_are_rejected_now(
    line: Any, netsuite: NetSuite
) -> None:
    line.run("orders")
    (whole,) = [row for row in line.klaviyo.rows("events") if row["metric"] == REFUNDED]
    order = netsuite.record("transaction", int(whole["unique_id"].removeprefix("netsuite-")))
    netsuite.update("customer", int(order["entity"]), email="nobody")
    report = compare(line, "orders")
    assert report["agrees"]
    assert told(line, report) == []


def test_a_refund_that_made_its_order_whole_and_does_no_more_is_told_and_not_sent_again(
    line: Any, netsuite: NetSuite
) -> None:
    line.run("orders")
    (whole,) = [row for row in line.klaviyo.rows("events") if row["metric"] == REFUNDED]
    before = line.klaviyo.state()["events"]
    (memo,) = [each for each in netsuite.records("transaction") if each["type"] == "CustCred"]
    netsuite.update("transaction", memo["internalid"], total=memo["total"] / 2)
    report = compare(line, "orders", heal=True)
    assert report["agrees"]
    assert short(line, report) == {(REFUNDED, "different", whole["unique_id"], True)}
    assert line.klaviyo.state()["events"] == before


def test_an_order_that_was_deleted_after_it_was_sent_is_told_and_agrees(
    line: Any, netsuite: NetSuite, order: Order
) -> None:
    source = netsuite.record("transaction", order.id)
    values = {name: value for name, value in source.items() if name != "internalid"}
    made = netsuite.create("transaction", **values)
    netsuite.update(
        "transaction", made["internalid"], datecreated=order.placed, lastmodifieddate=order.placed
    )
    identity = f"netsuite-{made['internalid']}"
    line.run("orders")
    sent = {
        (row["metric"], "extra", row["unique_id"], True)
        for row in line.klaviyo.rows("events")
        if f"{row['unique_id']}-".startswith(f"{identity}-")
    }
    assert sent
    netsuite.delete("transaction", made["internalid"])
    report = compare(line, "orders")
    assert report["agrees"]
    assert short(line, report) == sent
    assert all("deleted" in row["detail"] for row in told(line, report))
    # Of a deleted order too, only what we sent is excused.
    send(line, ("Cancelled Order", identity), order.email, order.placed, order.total)
    report = compare(line, "orders")
    assert not report["agrees"]
    assert short(line, report) == sent | {("Cancelled Order", "extra", identity, False)}


def test_moments_of_the_account_are_in_the_days_that_are_compared(netsuite: NetSuite) -> None:
    """Otherwise the tests above would hold of nothing."""
    placed = {datetime.fromisoformat(record["datecreated"]) for record in netsuite.records("transaction")}
    days = {moment.astimezone(ZONE).date() for moment in placed}
    assert {today() - timedelta(days=number) for number in (3, 4, 5)} >= days
    assert len(days) > 1
