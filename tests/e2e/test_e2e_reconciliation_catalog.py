"""What the reconciliation says of the catalog: where things belong, and what came or went meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from reconciled import ask_klaviyo, compare, fresh_line, rows

from netsuite_connector.flows import highwater
from netsuite_connector.flows.domain import domain_of, domain_with
from netsuite_connector.flows.reconciliation.catalog import CatalogComparison
from netsuite_connector.flows.reconciliation.model import ask
from netsuite_connector.flows.reconciliation.reading import Reader
from netsuite_connector.flows.run import Run
from netsuite_connector.klaviyo.catalog import item_of
from netsuite_connector.klaviyo.endpoints import COMPOUND, VARIANTS
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.window import Window

pytestmark = pytest.mark.line

Findings = set[tuple[str, str, str]]
LONG_AGO = "2020-01-01T00:00:00Z"
_OF_ITS_OWN = ("internalid", "created", "lastmodifieddate")
_SHOWN_ONLY = ("created", "updated")
_numbers = count()


@pytest.fixture(scope="module")
def netsuite() -> Iterator[NetSuite]:
    with running_netsuite(items=20) as running:
        yield running


@pytest.fixture
def line(netsuite: NetSuite, klaviyo: Klaviyo, new_line: Callable[..., Any]) -> Any:
    made = fresh_line(netsuite, klaviyo, new_line)
    made.run("catalog")
    klaviyo.settled()
    return made


@pytest.fixture
def item(netsuite: NetSuite, klaviyo: Klaviyo) -> Iterator[Callable[..., int]]:
    """Makes items for one test, like one that is no matrix item."""
    like = next(
        row
        for row in netsuite.records("item")
        if row["type"] == "InvtPart" and row["isonline"] and not row["matrix"] and not row["parent"]
    )
    kept = {name: value for name, value in like.items() if name not in _OF_ITS_OWN}
    made = []

    def make(**values: Any) -> int:
        number = next(_numbers)
        names = {"itemid": f"NEW-{number}", "urlcomponent": f"new-{number}"}
        made.append(netsuite.create("item", **{**kept, **names, **values})["internalid"])
        return int(made[-1])

    yield make
    left = {record["internalid"] for record in netsuite.records("item")}
    for id_ in left & set(made):
        netsuite.delete("item", id_, LONG_AGO)


def told(line: Any, report: dict[str, Any]) -> Findings:
    return {(row["verdict"], row["kind"], row["identity"]) for row in rows(line, report)}


def in_klaviyo(line: Any, method: str, kind: str, identity: str = "", **body: Any) -> None:
    """Somebody else changes a catalog record in Klaviyo."""
    path = f"/api/catalog-{kind}" + (f"/{COMPOUND}{identity}" if identity else "")
    name = {"items": "catalog-item", "variants": "catalog-variant", "categories": "catalog-category"}[kind]
    data = {"type": name, **({"id": COMPOUND + identity} if identity else {}), **body}
    ask_klaviyo(line, method, path, None if method == "DELETE" else {"data": data})


def new(identity: str, **more: Any) -> dict[str, Any]:
    named = {"title": "New", "description": "New", "url": "https://a.example"}
    return {"external_id": identity, "catalog_type": "$default", **named, **more}


def categories(*ids: str) -> dict[str, Any]:
    data = [{"type": "catalog-category", "id": COMPOUND + each} for each in ids]
    return {"categories": {"data": data}}


def held(line: Any, kind: str) -> dict[str, dict[str, Any]]:
    line.klaviyo.settled()
    return {row["external_id"]: row for row in line.klaviyo.rows(kind)}


def members(line: Any) -> dict[str, set[str]]:
    client = line.klaviyo_client()
    return {each: set(client.catalog.members(each)) for each in held(line, "categories")}


def comparison(line: Any, meanwhile: Callable[[], Any], young_from: datetime | None = None) -> Findings:
    """One look at the catalog: NetSuite is read, then ``meanwhile`` happens, then Klaviyo is looked at."""
    (asked,) = ask(line.store, {"flows": ["catalog"]}, datetime.now(UTC))
    domain = domain_with(line.store, domain_of(line.store, "catalog"))
    reader = Reader.begin(line.store, domain, line.staging, line.netsuite_client(), asked)
    look = CatalogComparison(reader, line.klaviyo_client(), young_from or reader.young_from())
    whole = reader.read("whole", Window())
    meanwhile()
    line.klaviyo.settled()
    look.compare(whole)
    return {(str(each.verdict), each.kind, each.identity) for each in look.outcome.findings}


def test_an_item_in_other_categories_is_different_and_healed(line: Any) -> None:
    assert compare(line, "catalog")["agrees"]
    before = members(line)
    (first, one), (second, other), *_ = sorted((each, ids) for each, ids in before.items() if ids)
    taken_off = min(one)
    added = min(set(held(line, "items")) - other - {taken_off})
    in_klaviyo(line, "PATCH", "items", taken_off, attributes={}, relationships=categories())
    now = {each for each, ids in before.items() if added in ids} | {second}
    in_klaviyo(line, "PATCH", "items", added, attributes={}, relationships=categories(*now))
    report = compare(line, "catalog")
    assert not report["agrees"]
    assert told(line, report) == {("different", "items", taken_off), ("different", "items", added)}
    assert {row["detail"] for row in rows(line, report)} == {"categories differ"}
    healed = compare(line, "catalog", heal=True)
    assert (healed["agrees"], healed["healed"]) == (True, 2)
    assert members(line) == before
    assert first in before


def test_all_categories_taken_off_are_found_and_a_category_of_somebody_elses_is_not_ours(line: Any) -> None:
    before = members(line)
    shelved = set().union(*before.values())
    for identity in shelved:
        in_klaviyo(line, "PATCH", "items", identity, attributes={}, relationships=categories())
    assert told(line, compare(line, "catalog")) == {("different", "items", each) for each in shelved}
    assert compare(line, "catalog", heal=True)["agrees"]
    in_klaviyo(
        line,
        "POST",
        "categories",
        attributes={"external_id": "summer", "name": "Summer", "catalog_type": "$default"},
    )
    some = min(shelved)
    now = {each for each, ids in before.items() if some in ids} | {"summer"}
    in_klaviyo(line, "PATCH", "items", some, attributes={}, relationships=categories(*now))
    report = compare(line, "catalog")
    assert (report["agrees"], told(line, report)) == (True, set())


def test_categories_cost_a_request_each_and_not_one_an_item(line: Any) -> None:
    client = line.klaviyo_client()
    (asked,) = ask(line.store, {"flows": ["catalog"]}, datetime.now(UTC))
    domain = domain_with(line.store, domain_of(line.store, "catalog"))
    reader = Reader.begin(line.store, domain, line.staging, line.netsuite_client(), asked)
    whole = reader.read("whole", Window())
    CatalogComparison(reader, client, reader.young_from()).compare(whole)
    # A page each of categories, items, the two kinds of variants, and of their ids, and one a category.
    assert client.calls == len(held(line, "categories")) + 4 + 3


def test_a_variant_of_another_item_is_told_with_what_to_do(line: Any) -> None:
    found = {each["id"]: each for each in line.klaviyo_client().get_all(VARIANTS, {})}
    row = next(each for identity, each in sorted(found.items()) if not identity.endswith(f":{item_of(each)}"))
    moved, parent = row["attributes"]["external_id"], item_of(row)
    wrong = min(set(held(line, "items")) - {parent})
    was = {name: value for name, value in row["attributes"].items() if value and name not in _SHOWN_ONLY}
    in_klaviyo(line, "DELETE", "variants", moved)
    elsewhere = {"item": {"data": {"type": "catalog-item", "id": COMPOUND + wrong}}}
    in_klaviyo(line, "POST", "variants", attributes={**was, "inventory_quantity": 1}, relationships=elsewhere)
    for heal in (False, True):
        report = compare(line, "catalog", heal=heal)
        assert (report["agrees"], report["healed"]) == (False, 0)
        assert told(line, report) == {("different", "variants", moved)}
        (row,) = rows(line, report)
        assert f"with item {wrong} instead of {parent}" in row["detail"]
    in_klaviyo(line, "DELETE", "variants", moved)
    assert compare(line, "catalog", heal=True)["agrees"]


def test_an_item_that_is_made_and_delivered_while_it_looks_is_not_extra(
    line: Any, item: Callable[..., int]
) -> None:
    def meanwhile() -> None:
        item()
        assert line.run("catalog", end="2031-01-01T00:00:00Z")["records"]["delivered"] >= 2

    assert comparison(line, meanwhile) == set()


def test_an_item_that_was_deleted_since_the_flow_ran_is_the_flows_to_remove(
    line: Any, netsuite: NetSuite, item: Callable[..., int]
) -> None:
    made = item()
    line.run("catalog", end="2031-01-01T00:00:00Z")
    assert compare(line, "catalog")["agrees"]
    run = Run(line.store, domain_of(line.store, "catalog"), Window(), line.staging)
    highwater.put(run, datetime.now(UTC) - timedelta(hours=2), "a test")
    netsuite.delete("item", made, (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    report = compare(line, "catalog")
    wanted = {("not yet", "items", str(made)), ("not yet", "variants", str(made))}
    assert (report["agrees"], told(line, report)) == (True, wanted)
    assert held(line, "items")[str(made)]["published"], "nothing is healed before its time"
    # When the flow has run since, it has missed it.
    highwater.put(run, datetime.now(UTC) + timedelta(minutes=2), "a test")
    report = compare(line, "catalog")
    assert {verdict for verdict, *_ in told(line, report)} == {"different"}
    assert compare(line, "catalog", heal=True)["agrees"]
    assert not held(line, "items")[str(made)]["published"]


def test_what_is_gone_is_extra_only_while_it_is_published(
    line: Any, netsuite: NetSuite, item: Callable[..., int]
) -> None:
    shown, hidden = item(), item()
    for id_ in (shown, hidden):
        netsuite.delete("item", id_, LONG_AGO)
        in_klaviyo(line, "POST", "items", attributes=new(str(id_), published=id_ == shown))
    in_klaviyo(line, "POST", "items", attributes=new("99999999", published=False))
    report = compare(line, "catalog")
    # What NetSuite never had was not left so by the flow.
    assert told(line, report) == {("extra", "items", str(shown)), ("extra", "items", "99999999")}
    details = {row["identity"]: row["detail"] for row in rows(line, report)}
    assert "deleted in NetSuite" in details[str(shown)]


def test_a_rejected_item_excuses_what_klaviyo_has_only_if_it_was_delivered(
    line: Any, netsuite: NetSuite, item: Callable[..., int]
) -> None:
    once, never = item(), item(salesdescription="")
    line.run("catalog", end="2031-01-01T00:00:00Z")
    netsuite.update("item", once, salesdescription="")
    in_klaviyo(line, "POST", "items", attributes=new(str(never)))
    run = Run(line.store, domain_of(line.store, "catalog"), Window(), line.staging)
    # Young: the flow may have delivered it a moment ago.
    highwater.put(run, datetime.now(UTC) - timedelta(hours=2), "a test")
    assert told(line, compare(line, "catalog")) == {("not yet", "items", str(never))}
    highwater.put(run, datetime.now(UTC) + timedelta(minutes=2), "a test")
    netsuite.update("item", never, lastmodifieddate=LONG_AGO)
    assert told(line, compare(line, "catalog")) == {("extra", "items", str(never))}
