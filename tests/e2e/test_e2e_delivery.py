"""Delivery under trouble, over real HTTP from NetSuite to Klaviyo: whatever Klaviyo or the way to it does,
the run ends right, or says what to change and goes on from there.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from e2e_line import start
from proxies import proxy

from netsuite_connector.flows.readback import NOT_SHOWN
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.errors import KlaviyoFaultError, KlaviyoKeyError, KlaviyoScopeError
from netsuite_connector.klaviyo.limiter import Limiter, ProcessWindows
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.stores.model import ReadBack, Store

pytestmark = pytest.mark.line
NewLine = Callable[[NetSuite, Klaviyo], Any]
IMPORTS = "POST /api/profile-bulk-import-jobs"
EVENTS = "POST /api/event-bulk-create-jobs"
ITEMS = "POST /api/catalog-item-bulk-create-jobs"
BULK = {"customers": IMPORTS, "orders": EVENTS, "catalog": ITEMS}
TABLES = {"customers": "profiles", "orders": "events", "catalog": "items"}


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[NetSuite, Klaviyo]]:
    with running_netsuite(customers=60, items=30, orders=60) as netsuite, running_klaviyo() as klaviyo:
        yield netsuite, klaviyo


@pytest.fixture
def line(accounts: tuple[NetSuite, Klaviyo], new_line: NewLine) -> Any:
    netsuite, klaviyo = accounts
    klaviyo.clear_faults()
    klaviyo.reset()
    return new_line(netsuite, klaviyo)


@contextmanager
def changed(
    netsuite: NetSuite, record_type: str, wanted: Callable[[Any], bool], **values: Any
) -> Iterator[Any]:
    """The first of the account's records that is wanted, with other values for a while."""
    record = next(each for each in netsuite.records(record_type) if wanted(each))
    netsuite.update(record_type, record["internalid"], **values)
    try:
        yield record
    finally:
        before = {name: record.get(name) for name in values}
        netsuite.update(record_type, record["internalid"], **before)


def a_person(record: Any) -> bool:
    return "@" in (record.get("email") or "") and not record.get("isinactive")


def reading_all(store: Store) -> Store:
    """The store, which wants all that was delivered read back."""
    klaviyo = store.klaviyo.model_copy(update={"confirm": ReadBack.ALL})
    return store.model_copy(update={"klaviyo": klaviyo})


def told_once(klaviyo: Klaviyo) -> None:
    """No event is there twice."""
    klaviyo.settled()
    events = klaviyo.rows("events")
    identities = Counter((event["metric"], event["unique_id"], event["profile_id"]) for event in events)
    assert max(identities.values()) == 1


def test_a_whole_request_refused_with_pointers_loses_only_the_rows_pointed_at(line: Any) -> None:
    whole = line.run("customers", end="2029-01-01T00:00:00Z", dry_run=True)
    with changed(line.netsuite, "customer", a_person, firstname="x" * 300):
        report = line.run("customers")
    rejected = report["records"]["rejected"]
    assert rejected == 1
    [reason] = [why for why in report["rejected_by_reason"] if why.startswith("Klaviyo on first_name")]
    assert report["rejected_by_reason"][reason] == 1
    assert report["records"]["delivered"] == whole["records"]["delivered"] - 1
    assert len(line.klaviyo.rows("profiles")) == report["records"]["delivered"]
    # Customers, the rest of them at once, and contacts.
    assert line.klaviyo.state()["requests"][IMPORTS]["requests"] == 3


def test_partial_job_failures_become_rejected_rows(line: Any) -> None:
    whole = line.run("catalog", end="2029-01-01T00:00:00Z", dry_run=True)
    parents = Counter(str(record.get("parent")) for record in line.netsuite.records("item"))

    def has_children(record: Any) -> bool:
        return parents[str(record["internalid"])] > 1

    # Without a description the parent is rejected here, so its variants find no item in Klaviyo.
    with changed(line.netsuite, "item", has_children, salesdescription="") as parent:
        report = line.run("catalog")
    children = parents[str(parent["internalid"])]
    refused = sum(n for why, n in report["rejected_by_reason"].items() if why.startswith("Klaviyo"))
    assert 1 <= refused <= children
    assert report["rows"]["delivered"] == whole["rows"]["delivered"] - refused - 1
    assert report["adds_up"]


@pytest.mark.parametrize("flow", ["customers", "orders", "catalog"])
def test_403_stops_the_flow_and_names_the_scope_to_add(line: Any, flow: str) -> None:
    allowed = line.klaviyo
    line.klaviyo = replace(allowed, key=allowed.make_key("accounts:read", "catalogs:read"))
    with pytest.raises(KlaviyoScopeError, match=r"(profiles|events|catalogs):write|lists:write"):
        line.run(flow)
    assert line.klaviyo.rows(TABLES[flow]) == []
    line.klaviyo = allowed
    report = line.run(flow)
    assert report["records"]["delivered"] > 0
    assert report["read_back"]["found"] == report["read_back"]["checked"] > 0


def test_a_key_that_may_write_but_not_read_back_stops_the_flow_before_it_counts(line: Any) -> None:
    allowed = line.klaviyo
    line.klaviyo = replace(allowed, key=allowed.make_key("events:write", "profiles:write", "lists:write"))
    with pytest.raises(KlaviyoScopeError, match="metrics:read"):
        line.run("orders")
    line.klaviyo = allowed
    assert line.run("orders")["rows"]["unchanged"] == 0, "nothing was taken for delivered"
    told_once(line.klaviyo)


def test_401_stops_the_flow_and_a_mended_key_goes_on(line: Any) -> None:
    allowed = line.klaviyo
    line.klaviyo = replace(allowed, key="pk_gone")
    with pytest.raises(KlaviyoKeyError, match="key"):
        line.run("orders")
    line.klaviyo = allowed
    assert line.run("orders")["adds_up"]
    told_once(line.klaviyo)


def test_409_a_phone_of_somebody_else_costs_nobody_a_profile(line: Any) -> None:
    whole = line.run("customers", end="2029-01-01T00:00:00Z", dry_run=True)
    people = [each for each in line.netsuite.records("customer") if a_person(each)][:2]
    before = [{name: person.get(name) for name in ("phone", "mobilephone")} for person in people]
    for person in people:
        line.netsuite.update("customer", person["internalid"], phone="+1 415 555 2671", mobilephone=None)
    try:
        report = line.run("customers")
    finally:
        for person, phones in zip(people, before, strict=True):
            line.netsuite.update("customer", person["internalid"], **phones)
    assert report["records"]["delivered"] == whole["records"]["delivered"]
    numbers = [row["phone_number"] for row in line.klaviyo.rows("profiles")]
    assert numbers.count("+14155552671") == 1


def test_413_a_request_that_is_too_large_for_the_way_is_sent_in_pieces(line: Any) -> None:
    whole = line.run("orders", end="2029-01-01T00:00:00Z", dry_run=True)
    largest = 60_000
    with proxy(line.klaviyo.url, largest=largest) as traffic:
        line.klaviyo = replace(line.klaviyo, url=traffic.url)
        report = line.run("orders")
    assert report["rows"] == whole["rows"]
    assert traffic.refused
    assert min(traffic.refused) > largest


@pytest.mark.parametrize("flow", ["customers", "orders", "catalog"])
@pytest.mark.parametrize(
    "faults",
    [
        ("throttle", "html_502"),
        ("error_500", "error_502", "error_503", "error_504"),
        ("reset", "reset_after_commit"),
    ],
    ids=("429_and_html", "5xx", "cut_off"),
)
def test_429_with_nothing_to_wait_5xx_and_html_of_a_proxy_end_right(
    line: Any, flow: str, faults: tuple[str, ...]
) -> None:
    whole = line.run(flow, end="2029-01-01T00:00:00Z", dry_run=True)
    for fault in faults:
        line.klaviyo.fault(fault, endpoint=BULK[flow], retry_after=0 if fault == "throttle" else None)
    report = line.run(flow)
    assert report["rows"] == whole["rows"]
    assert report["records"]["rejected"] == whole["records"]["rejected"]
    assert report["read_back"]["resent"] == 0
    if flow == "orders":
        told_once(line.klaviyo)


@pytest.mark.parametrize("flow", ["customers", "orders", "catalog"])
def test_a_time_out_after_klaviyo_had_taken_it_delivers_nothing_twice(line: Any, flow: str) -> None:
    whole = line.run(flow, end="2029-01-01T00:00:00Z", dry_run=True)
    line.klaviyo.fault("timeout_after_commit", endpoint=BULK[flow])
    line.klaviyo_client = lambda: impatient(line.klaviyo)
    report = line.run(flow)
    assert report["rows"] == whole["rows"]
    assert report["records"]["rejected"] == 0
    if flow == "orders":
        told_once(line.klaviyo)


def test_a_firewalls_page_is_a_fault_that_the_next_try_gets_over(line: Any) -> None:
    line.klaviyo.fault("html_403", endpoint=EVENTS, times=50)
    with pytest.raises(KlaviyoFaultError):
        line.run("orders")
    line.klaviyo.clear_faults()
    assert line.run("orders")["adds_up"]
    told_once(line.klaviyo)


def test_every_event_and_profile_can_be_read_back_when_asked(line: Any) -> None:
    line.store = reading_all(line.store)
    report = line.run("orders")
    proof = report["read_back"]
    assert proof["checked"] == proof["found"] == report["records"]["delivered"]
    assert NOT_SHOWN not in report["rejected_by_reason"]


def test_a_process_killed_between_klaviyos_taking_a_batch_and_writing_it_down(
    line: Any, tmp_path: Path
) -> None:
    # Klaviyo takes the batch and does not answer: the process waits, and that is when it is killed.
    line.klaviyo.fault("timeout_after_commit", endpoint=EVENTS, times=9)
    process = start(line, "orders", tmp_path)
    try:
        until = time.monotonic() + 60
        while not line.klaviyo.state()["events"]:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    line.klaviyo.clear_faults()
    line.store = reading_all(line.store)
    report = line.run("orders")
    told_once(line.klaviyo)
    proof = report["read_back"]
    assert proof["checked"] == proof["found"] == report["records"]["delivered"] > 0


def impatient(klaviyo: Klaviyo) -> KlaviyoClient:
    """A client that takes a silence of two seconds for a time-out."""
    limiter = Limiter(ProcessWindows(), account="line", scale=1000)
    return KlaviyoClient(
        requests.Session(),
        base_url=klaviyo.url,
        api_key=klaviyo.key,
        limiter=limiter,
        timeout=(5, 2),
        backoff=0.01,
    )
