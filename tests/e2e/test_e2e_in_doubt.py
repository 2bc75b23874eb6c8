"""A run that is killed after Klaviyo has got its records, and is never gone on with: what they became in
NetSuite meanwhile is what Klaviyo comes to have.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows import raced
from netsuite_connector.flows.confirm import confirm
from netsuite_connector.flows.domain import domain_with
from netsuite_connector.flows.extract import extract
from netsuite_connector.flows.push import push
from netsuite_connector.flows.raced import prune
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.shape import shape
from netsuite_connector.flows.underway import Underway
from netsuite_connector.flows.validate import validate
from netsuite_connector.flows.volume import volume_of
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.stores.model import CatalogSettings, Gone
from netsuite_connector.window import Window

pytestmark = pytest.mark.line

BEGINNING, LONG_AGO = "2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z"
NEXT, THEN, LATER = "2031-01-01T00:00:00Z", "2032-01-01T00:00:00Z", "2033-01-01T00:00:00Z"
QUIET = "2029-01-01T00:00:00Z"
LAMP, TENT, SHIRT, RED = 1001, 1002, 1003, 1004
ITEM = {
    "salesdescription": "Made to last.",
    "type": "InvtPart",
    "baseprice": 20.0,
    "imageurl": "https://cdn.example/it.jpg",
    "parent": None,
    "matrix": False,
    "matrixchild": False,
    "isonline": True,
    "isinactive": False,
    "quantityavailable": 5.0,
    "created": LONG_AGO,
    "lastmodifieddate": LONG_AGO,
}


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[NetSuite, Klaviyo]]:
    with running_netsuite(customers=5, items=5, orders=0) as netsuite, running_klaviyo() as klaviyo:
        yield netsuite, klaviyo


@pytest.fixture
def line(accounts: tuple[NetSuite, Klaviyo], new_line: Callable[..., Any]) -> Any:
    """A line between an account of one item and two people, and an empty Klaviyo account."""
    netsuite, klaviyo = accounts
    klaviyo.reset()
    for kind in ("item", "customer", "contact", "deletedrecord"):
        netsuite.clear(kind)
    netsuite.load("item", [item(LAMP)])
    return new_line(netsuite, klaviyo)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent has arrived, and nobody waits for it."""
    monkeypatch.setattr(raced, "ARRIVES_WITHIN", 0)


def item(id_: int, **values: Any) -> dict[str, Any]:
    return ITEM | {"internalid": id_, "itemid": f"SKU-{id_}", "urlcomponent": f"thing-{id_}"} | values


def somebody(line: Any, name: str, email: str, **values: Any) -> int:
    usual = {"isperson": True, "lastname": "Doe", "subsidiary": "1", "isinactive": False, "stage": "CUSTOMER"}
    made = line.netsuite.create("customer", **usual | values, firstname=name, email=email)
    return int(made["internalid"])


def begun(line: Any, flow: str, *, end: str = NEXT, start: str | None = None, **asked: Any) -> Run:
    """A run that has its records ready."""
    domain = domain_with(line.store, DOMAINS[flow])
    run = Run(line.store, domain, Window.parse(start, end), line.staging, **asked)
    extract(run, line.netsuite_client())
    validate(run)
    shape(run)
    return run


def killed(line: Any, flow: str, **asked: Any) -> Run:
    """A run that ends right after Klaviyo has got all of it, for good."""
    run = begun(line, flow, **asked)
    push(run, line.klaviyo_client())
    line.klaviyo.settled()
    return run


def goes_on(run: Run, *names: str) -> None:
    """Something of these sources was sent before: what has been overtaken since is not left out any more."""
    for source in run.domain.sources:
        if source.name in names:
            folder = run.document("push", source.name, run.dataset("records", source).require().id)
            run.staging.write_json((*folder, "sent"), {})


def next_run(line: Any, flow: str, end: str = LATER, start: str = BEGINNING) -> dict[str, Any]:
    """The next run on a schedule: the one before it moved no mark."""
    report: dict[str, Any] = line.run(flow, start=start, end=end)
    assert report["adds_up"]
    prune(Run(line.store, domain_with(line.store, DOMAINS[flow]), Window.parse(start, end), line.staging))
    return report


def quiet_run(line: Any, flow: str, end: str = LATER) -> dict[str, Any]:
    """A run on a schedule in whose window nothing has changed."""
    return next_run(line, flow, end, QUIET)


def notes(line: Any, flow: str) -> list[str]:
    place = (line.store.store, flow, "underway")
    return [held.path[-1] for held in line.staging.held(place) if held.path[-1].startswith("part-")]


def published(line: Any) -> tuple[set[int], set[int]]:
    line.klaviyo.settled()
    items, variants = (
        {int(row["external_id"]) for row in line.klaviyo.rows(table) if row["published"]}
        for table in ("items", "variants")
    )
    return items, variants


def names(line: Any) -> dict[str, str]:
    line.klaviyo.settled()
    return {row["email"]: row["first_name"] for row in line.klaviyo.rows("profiles")}


@pytest.mark.parametrize("gone", list(Gone))
def test_an_item_that_was_hidden_after_the_first_run_had_sent_it_leaves(line: Any, gone: Gone) -> None:
    line.store = line.store.model_copy(update={"catalog": CatalogSettings(gone=gone)})
    killed(line, "catalog")
    assert published(line) == ({LAMP}, {LAMP})
    line.netsuite.update("item", LAMP, isinactive=True)
    assert line.run("catalog", end=LATER)["adds_up"]
    assert published(line) == (set(), set())


@pytest.mark.parametrize("how", ["hidden", "deleted"])
def test_a_new_item_that_left_before_the_next_run_leaves(line: Any, how: str) -> None:
    line.run("catalog")
    line.netsuite.load("item", [item(TENT, lastmodifieddate=BEGINNING)])
    killed(line, "catalog", start=BEGINNING)
    assert published(line) == ({LAMP, TENT}, {LAMP, TENT})
    if how == "hidden":
        line.netsuite.update("item", TENT, isinactive=True)
    else:
        line.netsuite.delete("item", TENT)
    next_run(line, "catalog")
    assert published(line) == ({LAMP}, {LAMP})


def test_what_is_still_on_its_way_is_taken_away_by_a_later_run(line: Any) -> None:
    line.run("catalog")
    line.netsuite.load("item", [item(TENT, lastmodifieddate=BEGINNING)])
    slow = begun(line, "catalog", start=BEGINNING)
    for source in slow.domain.delivered:
        Underway(slow, source).begin()
    line.netsuite.delete("item", TENT)
    report = next_run(line, "catalog", THEN)
    assert report["rejected_by_reason"] == {}, "what is not there needs not be taken away"
    # Only now Klaviyo does what it was asked before.
    goes_on(slow, "items", "own_variants")
    push(slow, line.klaviyo_client())
    assert published(line) == ({LAMP, TENT}, {LAMP, TENT})
    next_run(line, "catalog")
    assert published(line) == ({LAMP}, {LAMP})


def test_a_profile_that_is_again_as_it_was_before_is_sent_again(line: Any) -> None:
    id_ = somebody(line, "Before", "one@shop.example")
    line.run("customers")
    line.netsuite.update("customer", id_, firstname="Between")
    killed(line, "customers", start=BEGINNING)
    assert names(line) == {"one@shop.example": "Between"}
    line.netsuite.update("customer", id_, firstname="Before")
    assert next_run(line, "customers")["rows"]["delivered"] == 1
    assert names(line) == {"one@shop.example": "Before"}


@pytest.mark.parametrize("how", ["moved", "deleted"])
def test_whoever_speaks_for_an_address_again_is_sent_again_though_nothing_of_them_changed(
    line: Any, how: str
) -> None:
    somebody(line, "First", "both@shop.example", isinactive=True, lastmodifieddate=LONG_AGO)
    other = somebody(line, "Second", "own@shop.example", lastmodifieddate=LONG_AGO)
    line.run("customers")
    assert names(line) == {"both@shop.example": "First", "own@shop.example": "Second"}
    # The better record has the address for a while.
    line.netsuite.update("customer", other, email="both@shop.example")
    killed(line, "customers", start=BEGINNING)
    assert names(line)["both@shop.example"] == "Second"
    if how == "moved":
        line.netsuite.update("customer", other, email="own@shop.example")
    else:
        line.netsuite.delete("customer", other)
    next_run(line, "customers")
    assert names(line) == {"both@shop.example": "First", "own@shop.example": "Second"}


@pytest.mark.parametrize("end", ["confirmed", "killed"])
def test_an_older_version_that_was_sent_after_a_newer_one_is_put_right(
    line: Any, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    id_ = somebody(line, "Zero", "one@shop.example")
    line.run("customers")
    line.netsuite.update("customer", id_, firstname="Old")
    slow = begun(line, "customers", start=BEGINNING)
    client = line.klaviyo_client()
    send = client.push

    def waits(batch: Any, bulk: Any) -> Any:
        line.netsuite.update("customer", id_, firstname="New")
        next_run(line, "customers", THEN)
        assert names(line) == {"one@shop.example": "New"}
        return send(batch, bulk)

    monkeypatch.setattr(client, "push", waits)
    push(slow, client)
    if end == "confirmed":
        confirm(slow, line.klaviyo_client())
    assert names(line) == {"one@shop.example": "Old"}
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + raced.ARRIVES_WITHIN)
    assert quiet_run(line, "customers")["rows"]["delivered"] == 1
    assert names(line) == {"one@shop.example": "New"}
    quiet = Run(line.store, slow.domain, Window.parse(QUIET, LATER), line.staging)
    assert volume_of(quiet).rows == 0, "that it was read again says nothing of how much has changed"
    assert quiet_run(line, "customers", "2034-01-01T00:00:00Z")["rows"]["extracted"] == 0


def test_of_two_runs_of_which_the_newer_sends_first_and_ends_last_the_newer_counts(
    line: Any, at_once: None
) -> None:
    id_ = somebody(line, "Zero", "one@shop.example")
    line.run("customers")
    line.netsuite.update("customer", id_, firstname="Old")
    older = begun(line, "customers", start=BEGINNING)
    line.netsuite.update("customer", id_, firstname="New")
    newer = begun(line, "customers", start=BEGINNING, end=THEN)
    for run in (newer, older):
        push(run, line.klaviyo_client())
        line.klaviyo.settled()
    for run in (older, newer):
        confirm(run, line.klaviyo_client())
    assert names(line) == {"one@shop.example": "Old"}
    quiet_run(line, "customers")
    assert names(line) == {"one@shop.example": "New"}


@pytest.mark.parametrize("end", ["confirmed", "killed"])
def test_who_got_the_address_while_another_was_sent_under_it_has_it(
    line: Any, at_once: None, end: str
) -> None:
    somebody(line, "Worse", "both@shop.example", isinactive=True, lastmodifieddate=BEGINNING)
    slow = begun(line, "customers", start=BEGINNING)
    somebody(line, "Better", "both@shop.example")
    next_run(line, "customers", THEN, "2026-03-01T00:00:00Z")
    push(slow, line.klaviyo_client())
    if end == "confirmed":
        confirm(slow, line.klaviyo_client())
    assert names(line) == {"both@shop.example": "Worse"}
    quiet_run(line, "customers")
    assert names(line) == {"both@shop.example": "Better"}


@pytest.mark.parametrize("end", ["confirmed", "killed"])
@pytest.mark.parametrize("gone", list(Gone))
@pytest.mark.parametrize("how", ["hidden", "deleted"])
def test_an_item_that_left_while_an_older_version_was_sent_leaves_again(
    line: Any, at_once: None, end: str, gone: Gone, how: str
) -> None:
    line.store = line.store.model_copy(update={"catalog": CatalogSettings(gone=gone)})
    line.netsuite.load("item", [item(TENT)])
    line.run("catalog")
    slow = begun(line, "catalog", resend=True)
    if how == "hidden":
        line.netsuite.update("item", TENT, isinactive=True)
    else:
        line.netsuite.delete("item", TENT)
    next_run(line, "catalog", THEN)
    assert published(line) == ({LAMP}, {LAMP})
    goes_on(slow, "items", "own_variants")
    push(slow, line.klaviyo_client())
    if end == "confirmed":
        confirm(slow, line.klaviyo_client())
    assert published(line) == ({LAMP, TENT}, {LAMP, TENT})
    # What was raced is read again a few minutes later, after the deletion's own window.
    next_run(line, "catalog", LATER, (datetime.now(UTC) + timedelta(minutes=1)).isoformat())
    assert published(line) == ({LAMP}, {LAMP})


@pytest.mark.parametrize("end", ["confirmed", "killed"])
def test_a_category_of_which_the_older_name_was_sent_last_is_put_right_when_it_comes_up(
    line: Any, at_once: None, end: str
) -> None:
    def shelf(name: str) -> dict[str, Any]:
        category = {"commercecategoryid": 1, "commercecategoryname": name, "commercecategoryisprimary": True}
        return {"categories": [category]}

    def held() -> list[str]:
        line.klaviyo.settled()
        return [row["name"] for row in line.klaviyo.rows("categories")]

    line.netsuite.load("item", [item(LAMP, **shelf("Camping")), item(TENT, **shelf("Camping"))])
    line.run("catalog")
    line.netsuite.update("item", LAMP, salesdescription="New", lastmodifieddate=BEGINNING)
    slow = begun(line, "catalog", start=BEGINNING, resend=True)
    line.netsuite.update("item", LAMP, **shelf("Outdoor"), lastmodifieddate=LONG_AGO)
    line.netsuite.update("item", TENT, **shelf("Outdoor"))
    next_run(line, "catalog", THEN)
    goes_on(slow, "categories", "items", "own_variants")
    push(slow, line.klaviyo_client())
    if end == "confirmed":
        confirm(slow, line.klaviyo_client())
    assert held() == ["Camping"]
    quiet_run(line, "catalog")
    line.netsuite.update("item", TENT, salesdescription="Changed")
    next_run(line, "catalog", "2034-01-01T00:00:00Z")
    assert held() == ["Outdoor"]


def test_what_is_read_again_has_its_categories_and_its_matrix(line: Any, at_once: None) -> None:
    parent = {"itemid": "SHIRT", "matrix": True, "quantityavailable": None}
    child = {"itemid": "SHIRT : RED", "matrixchild": True, "parent": str(SHIRT)}
    shelf = {"commercecategoryid": 1, "commercecategoryname": "Camping", "commercecategoryisprimary": True}
    line.netsuite.load(
        "item",
        [item(LAMP, categories=[shelf]), item(SHIRT, **parent), item(RED, **child, salesdescription="A")],
    )
    line.run("catalog")

    def held() -> Any:
        line.klaviyo.settled()
        items = {row["external_id"]: row["categories"] for row in line.klaviyo.rows("items")}
        return items, {row["external_id"]: row["item"] for row in line.klaviyo.rows("variants")}

    before = held()
    slow = begun(line, "catalog", resend=True)
    line.netsuite.update("item", LAMP, salesdescription="New")
    line.netsuite.update("item", SHIRT, salesdescription="New")
    next_run(line, "catalog", THEN)
    goes_on(slow, "items", "own_variants", "variants")
    push(slow, line.klaviyo_client())
    line.klaviyo.settled()
    report = quiet_run(line, "catalog")
    assert report["rows"]["extracted"] == 2
    assert held() == before
    assert {row["description"] for row in line.klaviyo.rows("items")} == {"New"}


def test_a_run_beside_one_that_is_sending_reads_nothing_again(line: Any) -> None:
    somebody(line, "One", "one@shop.example")
    line.run("customers", start=QUIET)
    killed(line, "customers")
    assert quiet_run(line, "customers")["rows"]["extracted"] == 0


def test_doubts_end_with_a_run_that_reads_long_enough_afterwards(
    line: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    somebody(line, "One", "one@shop.example")
    line.run("customers", start=QUIET)
    killed(line, "customers")
    next_run(line, "customers", THEN)
    assert notes(line, "customers"), "it may still be on its way"
    monkeypatch.setattr(raced, "ARRIVES_WITHIN", 0)
    next_run(line, "customers")
    assert not notes(line, "customers")


def test_nothing_is_in_doubt_once_a_run_has_its_answers(line: Any) -> None:
    somebody(line, "One", "one@shop.example")
    run = killed(line, "customers")
    assert notes(line, "customers")
    confirm(run, line.klaviyo_client())
    assert not notes(line, "customers")
