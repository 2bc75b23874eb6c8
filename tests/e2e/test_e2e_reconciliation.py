"""Reconciliation between both sandbox accounts: agreement is held against the demo's own reckoning, and what
was tampered with is found by its identity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from reconciled import (
    ZONE,
    account,
    ask_klaviyo,
    at,
    compare,
    findings,
    forget,
    fresh_line,
    held,
    orders_of,
    place_order,
    sums,
    today,
)

from netsuite_connector.demo.expectation import profiles
from netsuite_connector.demo.expected_orders import events as expected_events
from netsuite_connector.flows import consents, highwater, rejections
from netsuite_connector.flows.domain import domain_of
from netsuite_connector.flows.extract import extract
from netsuite_connector.flows.guard import Entry, Why
from netsuite_connector.flows.plan import Asked
from netsuite_connector.flows.readback import NOT_SHOWN
from netsuite_connector.flows.reconciliation.model import sentence
from netsuite_connector.flows.reconciliation.reconcile import shortened
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.validate import validate
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.staging.rejected import SCHEMA
from netsuite_connector.stores.model import ConsentSettings, FlowSettings
from netsuite_connector.stores.operations import ReconciliationSettings
from netsuite_connector.window import Window

pytestmark = pytest.mark.line


@pytest.fixture(scope="module")
def netsuite() -> Iterator[NetSuite]:
    with account() as running:
        yield running


@pytest.fixture
def line(netsuite: NetSuite, klaviyo: Klaviyo, new_line: Callable[..., Any]) -> Any:
    return fresh_line(netsuite, klaviyo, new_line)


def test_after_usual_runs_events_agree_day_by_day_with_an_independent_reckoning(
    line: Any, netsuite: NetSuite
) -> None:
    line.run("orders")
    report = compare(line, "orders")
    counts: Counter[tuple[str, str]] = Counter()
    values: Counter[tuple[str, str]] = Counter()
    for event in expected_events(netsuite.records("transaction"), netsuite.records("customer")).values():
        moment = datetime.fromisoformat(event["time"]).replace(tzinfo=UTC)
        key = event["metric"], moment.astimezone(ZONE).date().isoformat()
        counts[key] += 1
        values[key] += event["value"] or 0
    # There are days of the store that are others in UTC, and all that can become of orders.
    assert {metric for metric, _ in counts} >= {"Placed Order", "Cancelled Order", "Fulfilled Order"}
    assert {metric for metric, _ in counts} & {"Refunded Order", "Partially Refunded Order"}
    assert len({day for _, day in counts}) > 2
    assert report["agrees"]
    assert all(kind["agrees"] for kind in report["kinds"])
    for side in ("netsuite", "klaviyo", "ledger"):
        found = sums(report, side)
        assert {key: number for key, number in found.items() if key[1]} == dict(counts), side
    for side in ("value_netsuite", "value_klaviyo"):
        assert sums(report, side) == pytest.approx({key: value for key, value in values.items() if value})
    assert findings(line, report) == {}


@pytest.mark.parametrize("flow", ["customers", "catalog", "stock"])
def test_after_usual_runs_profiles_catalog_and_stock_agree(line: Any, netsuite: NetSuite, flow: str) -> None:
    for each in ("catalog", flow):
        line.run(each)
    report = compare(line, flow, days=3000)
    assert report["agrees"]
    assert findings(line, report) == {}
    if flow == "customers":
        people = profiles(netsuite.records("customer"), netsuite.records("contact"))
        assert sum(sums(report, "klaviyo").values()) == len(people)


def test_an_event_that_is_missing_extra_or_different_is_found_by_its_identity(
    line: Any, netsuite: NetSuite
) -> None:
    events = expected_events(netsuite.records("transaction"), netsuite.records("customer"))
    name, other = next((name, each) for name, each in events.items() if each["metric"] == "Placed Order")
    changed = name.removeprefix("Placed Order ")
    moment = other["time"].replace(" ", "T") + ":00Z"
    # Klaviyo keeps the first event of an identity: this one has another value than ours.
    place_order(line, changed, other["email"], moment, 1.5)
    line.run("orders")
    gone = next(
        email
        for email, names in sorted(orders_of(line).items())
        if email != other["email"] and any(metric == "Placed Order" for metric, _ in names)
    )
    lost = orders_of(line)[gone]
    forget(line, gone)
    place_order(line, "netsuite-99999999", "eve@shop.example", moment, 7.0)
    place_order(line, "another-shop-1", "eve@shop.example", moment, 8.0)
    report = compare(line, "orders")
    found = findings(line, report)
    assert {each for each in found["missing"] if each[0] != "profiles"} == lost
    assert found["extra"] == {("Placed Order", "netsuite-99999999")}
    assert found["different"] == {("Placed Order", changed)}
    assert not report["agrees"]
    told = sentence(shortened(report))
    assert "1 Placed Order extra" in told
    assert f"reconciliation/orders/{report['from']}" in told


def test_a_profile_that_is_missing_extra_or_different_is_found(line: Any, netsuite: NetSuite) -> None:
    line.run("customers")
    people = {row["email"]: row for row in line.klaviyo.rows("profiles")}
    (gone, changed), own = sorted(people)[:2], "NetSuite ID"
    forget(line, gone)
    body = {"type": "profile", "id": people[changed]["id"], "attributes": {"first_name": "Somebody"}}
    ask_klaviyo(line, "PATCH", f"/api/profiles/{people[changed]['id']}", {"data": body})
    stranger = {"email": "eve@shop.example", "properties": {own: "99999999"}}
    ask_klaviyo(line, "POST", "/api/profiles", {"data": {"type": "profile", "attributes": stranger}})
    ask_klaviyo(
        line,
        "POST",
        "/api/profiles",
        {"data": {"type": "profile", "attributes": {"email": "own@shop.example"}}},
    )
    line.klaviyo.settled()
    report = compare(line, "customers", days=3000)
    found = findings(line, report)
    by_id = {record["internalid"] for kind in ("customer", "contact") for record in netsuite.records(kind)}
    for verdict, email in (("missing", gone), ("different", changed)):
        (told,) = found[verdict]
        assert told[1].split()[-1] == people[email]["properties"][own]
        assert int(told[1].split()[-1]) in by_id
    strange = next(row["id"] for row in line.klaviyo.rows("profiles") if row["email"] == "eve@shop.example")
    assert found["extra"] == {("profiles", f"profile {strange}")}
    healed = compare(line, "customers", heal=True, days=3000)
    assert healed["healed"] == 2
    assert set(findings(line, healed)) == {"extra"}
    assert {row["email"] for row in line.klaviyo.rows("profiles")} >= people.keys()


def test_an_item_that_is_missing_extra_or_different_is_found_and_healed(line: Any) -> None:
    line.run("catalog")
    items = {row["external_id"]: row for row in line.klaviyo.rows("items")}
    gone, changed = sorted(items)[:2]
    path, prefix = "/api/catalog-items", "$custom:::$default:::"
    ask_klaviyo(line, "DELETE", f"{path}/{prefix}{gone}")
    body = {"type": "catalog-item", "id": f"{prefix}{changed}", "attributes": {"title": "Another"}}
    ask_klaviyo(line, "PATCH", f"{path}/{prefix}{changed}", {"data": body})
    for identity in ("99999999", "gift-card"):
        new = {"external_id": identity, "title": "New", "description": "New", "url": "https://a.example"}
        body = {"type": "catalog-item", "attributes": new | {"catalog_type": "$default"}}
        ask_klaviyo(line, "POST", path, {"data": body})
    found = findings(line, compare(line, "catalog"))
    assert {each for each in found["missing"] if each[0] == "items"} == {("items", gone)}
    assert any(kind == "variants" for kind, _ in found["missing"]), "the item's variants went with it"
    assert found["different"] == {("items", changed)}
    assert found["extra"] == {("items", "99999999")}
    report = compare(line, "catalog", heal=True)
    assert report["healed"] == len(found["missing"]) + 1
    assert findings(line, report) == {"extra": {("items", "99999999")}}
    now = {row["external_id"]: row for row in line.klaviyo.rows("items")}
    assert now[changed]["title"] == items[changed]["title"]
    assert gone in now


def test_a_reconciliation_says_the_same_again_and_leaves_nothing_but_its_result(line: Any) -> None:
    line.run("orders")
    email = max(orders_of(line), key=lambda each: len(orders_of(line)[each]))
    forget(line, email)
    first = compare(line, "orders")
    told = findings(line, first)
    second = compare(line, "orders")
    assert {**first, "at": ""} == {**second, "at": ""}
    assert findings(line, second) == told
    place = ("demo", "reconciliation", "orders", f"{first['from']}--{first['to']}")
    assert line.staging.list(place) == ["findings", "numbers", "report.json"]
    assert line.staging.read_json((*place, "report.json")) == second


def test_rejected_rows_are_counted_and_not_called_missing(line: Any, netsuite: NetSuite) -> None:
    placed = next(record for record in netsuite.records("transaction") if record["type"] == "SalesOrd")
    customer = netsuite.record("customer", int(placed["entity"]))
    line.run("orders")
    sent = held(line)
    try:
        netsuite.update(
            "customer", customer["internalid"], email="nobody", lastmodifieddate=customer["lastmodifieddate"]
        )
        report = compare(line, "orders")
        # Klaviyo keeps what was sent when the address was right.
        assert report["agrees"]
        assert sum(sums(report, "rejected").values()) > 0
        assert held(line) == sent
        line.klaviyo.reset()
        missing = {identity for _, identity in findings(line, compare(line, "orders"))["missing"]}
        assert f"netsuite-{placed['internalid']}" not in missing
        assert missing
    finally:
        netsuite.update(
            "customer",
            customer["internalid"],
            email=customer["email"],
            lastmodifieddate=customer["lastmodifieddate"],
        )


@pytest.mark.parametrize("reason", ["Klaviyo: the value is no number", NOT_SHOWN])
def test_what_klaviyo_refused_is_counted_as_rejected_and_what_it_lost_is_missing(
    line: Any, reason: str
) -> None:
    line.run("orders")
    email = max(orders_of(line), key=lambda each: len(orders_of(line)[each]))
    lost = orders_of(line)[email]
    forget(line, email)
    run = Run(line.store, domain_of(line.store, "orders"), Window(), line.staging)
    with_reason = {
        (metric, identity) for metric, identity in lost if metric in ("Placed Order", "Ordered Product")
    }
    refused = [
        {
            "stage": "confirm",
            "source": "orders",
            "id": int(identity.split("-")[1]),
            "key": identity,
            "reasons": [reason],
            "row": "{}",
        }
        for _, identity in sorted(with_reason)
    ]
    checked = sum(sums(compare(line, "orders"), "rejected").values())
    _put_on_the_list(run, refused)
    assert any(rejections.rejected(run))
    report = compare(line, "orders")
    missing = {each for each in findings(line, report).get("missing", set()) if each[0] != "profiles"}
    excused = set() if reason == NOT_SHOWN else with_reason
    assert missing == lost - excused
    assert sum(sums(report, "rejected").values()) == checked + len(excused)


def _put_on_the_list(run: Run, rows: list[dict[str, Any]]) -> None:
    """What a run leaves whose records Klaviyo has refused."""
    source = run.domain.shaped[0]
    ids = sorted({row["id"] for row in rows})
    with run.dataset("extract", source).writer() as writer:
        writer.write(pa.record_batch([pa.array(ids)], names=["internalid"]))
        writer.commit()
    with run.dataset("refused", source).writer(SCHEMA) as writer:
        writer.write(pa.RecordBatch.from_pylist(rows, schema=SCHEMA))
        writer.commit()
    rejections.record(run)


def test_what_is_too_young_is_not_yet_there_and_neither_missing_nor_healed(
    line: Any, netsuite: NetSuite
) -> None:
    line.run("orders")
    order = next(record for record in netsuite.records("transaction") if record["type"] == "SalesOrd")
    email = netsuite.record("customer", int(order["entity"]))["email"].strip().lower()
    lost = orders_of(line)[email]
    forget(line, email)
    hour = ReconciliationSettings(delay_minutes=60)
    line.store = line.store.model_copy(update={"reconciliation": hour})
    # Saved a moment ago; NetSuite keeps the minute.
    unchanged = {name: order[name] for name in ("lastmodifieddate",)}
    netsuite.update("transaction", order["internalid"], memo="changed")
    try:
        report = compare(line, "orders", heal=True)
        ours = ("Placed Order", "Ordered Product", "Cancelled Order")
        own = f"netsuite-{order['internalid']}"
        mine = {each for each in lost if each[0] in ours and f"{each[1]}-".startswith(f"{own}-")}
        assert {each for each in findings(line, report)["not yet"] if each[0] != "profiles"} == mine
        assert report["agrees"]
        assert not mine & orders_of(line).get(email, set())
        # Until the flow has run again: then its mark says that the change was read.
        line.store = line.store.model_copy(update={"reconciliation": ReconciliationSettings(delay_minutes=0)})
        run = Run(line.store, domain_of(line.store, "orders"), Window(), line.staging)
        highwater.put(run, datetime.now(UTC) - timedelta(hours=3), "a test")
        assert set(findings(line, compare(line, "orders"))["not yet"]) >= mine
        highwater.put(run, datetime.now(UTC), "a test")
        assert not compare(line, "orders")["agrees"]
        # A flow that stands still for days excuses nothing.
        highwater.put(run, datetime.now(UTC) - timedelta(days=9), "a test")
        netsuite.update(
            "transaction", order["internalid"], lastmodifieddate=at(today() - timedelta(days=3), 1)
        )
        assert not compare(line, "orders")["agrees"]
    finally:
        netsuite.update("transaction", order["internalid"], **unchanged)


def test_an_order_that_was_changed_after_it_was_sent_is_told_and_no_disagreement(
    line: Any, netsuite: NetSuite
) -> None:
    line.run("orders")
    order = next(
        record
        for record in netsuite.records("transaction")
        if record["type"] == "SalesOrd" and record["status"] == "SalesOrd:B"
    )
    kept = {name: order[name] for name in ("total", "lastmodifieddate")}
    netsuite.update("transaction", order["internalid"], total=order["total"] + 5)
    try:
        report = compare(line, "orders")
        assert report["agrees"]
        assert sum(sums(report, "edited").values()) == 1
        identity = ("Placed Order", f"netsuite-{order['internalid']}")
        assert findings(line, report)["different"] == {identity}
    finally:
        netsuite.update("transaction", order["internalid"], **kept)


@pytest.mark.parametrize("flow", ["opportunities", "quotes"])
def test_opportunities_and_quotes_agree_with_what_became_of_them(line: Any, flow: str) -> None:
    line.store = line.store.model_copy(update={"flows": {flow: FlowSettings()}})
    line.run(flow)
    report = compare(line, flow, days=2500)
    assert report["agrees"]
    assert findings(line, report) == {}
    shown = sums(report, "klaviyo")
    assert sum(shown.values()) == len(held(line)) > 0
    # Every metric that the flow has sent is one that is looked at.
    assert {metric for metric, _ in shown} == {metric for metric, _ in held(line)}
    assert len({metric for metric, _ in shown}) > 1


def test_consents_agree_until_somebody_is_subscribed_against_the_guard_or_not_at_all(line: Any) -> None:
    ask_klaviyo(line, "POST", "/api/lists", {"data": {"type": "list", "attributes": {"name": "Newsletter"}}})
    settings = ConsentSettings(list="Newsletter", consented_at="datecreated")
    line.store = line.store.model_copy(update={"consents": settings})
    before = compare(line, "consents")
    imported = findings(line, before)["missing"]
    run = consents.open_run(line.store, line.staging)
    made = consents.plan_run(run, line.netsuite_client(), Asked())
    run = made.run(run)
    client = line.klaviyo_client()
    extract(run, line.netsuite_client())
    validate(run)
    consents.guard(run, client)
    consents.import_(run, client)
    consents.confirm(run, client, patience=20, grace=0.5, pauses=(0.02, 0.2))
    after = compare(line, "consents")
    assert after["agrees"]
    assert sum(sums(after, "klaviyo").values()) == len(imported) > 1
    # Somebody opts out: that is their right, and no disagreement.
    emails = sorted(
        row["email"]
        for row in line.klaviyo.rows("profiles")
        if row["subscriptions"]["email"]["marketing"]["consent"] == "SUBSCRIBED"
    )
    line.klaviyo.suppress(emails[0])
    assert compare(line, "consents")["agrees"]
    # Whose address bounces gets no mail, though Klaviyo calls them subscribed; the guard knows that too.
    line.klaviyo.suppress(emails[2], "HARD_BOUNCE")
    consents.guard_of(run).enter([Entry(emails[2], "HARD_BOUNCE", datetime.now(UTC))])
    assert compare(line, "consents")["agrees"]
    # Another has opted out before and is subscribed all the same.
    consents.guard_of(run).enter([Entry(emails[1], Why.UNSUBSCRIBED, datetime.now(UTC))])
    wrong = compare(line, "consents", heal=True)
    assert [len(names) for names in findings(line, wrong).values()] == [1]
    assert set(findings(line, wrong)) == {"different"}
    assert wrong["healed"] == 0
    assert "heal" not in sentence(wrong)
