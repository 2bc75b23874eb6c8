"""Generated records besides customers, items and orders: what is around an order, cases, files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from nscalls import post

from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox

Record = dict[str, Any]


@pytest.fixture(scope="module")
def shop() -> Iterator[SandboxAccount]:
    with running_sandbox(customers=400, items=120, orders=1500) as account:
        yield account


@pytest.fixture(scope="module")
def transactions(shop: SandboxAccount) -> dict[str, Record]:
    return {str(each["internalid"]): each for each in shop.records("transaction")}


def of_type(transactions: dict[str, Record], kind: str) -> list[Record]:
    return [each for each in transactions.values() if each["type"] == kind]


def quantities(record: Record) -> Counter[str]:
    found: Counter[str] = Counter()
    for line in record["lines"]:
        if line["kind"] == "item":
            found[line["item"]] += line["quantity"]
    return found


def test_all_kinds_and_all_states_of_orders_are_there(transactions: dict[str, Record]) -> None:
    kinds = Counter(each["type"] for each in transactions.values())
    around = {"Estimate", "Opprtnty", "ItemShip", "RtnAuth"}
    assert set(kinds) == {"SalesOrd", "CustInvc", "CashSale", "CustCred", "CashRfnd"} | around
    states = {each["status"].split(":")[1] for each in of_type(transactions, "SalesOrd")}
    assert states == set("ABCDEFGH")
    assert min(each["internalid"] for each in of_type(transactions, "ItemShip")) > max(
        each["internalid"] for each in of_type(transactions, "SalesOrd")
    )


def test_fulfilments_ship_what_was_ordered(transactions: dict[str, Record]) -> None:
    shipped: dict[str, Counter[str]] = {}
    for each in of_type(transactions, "ItemShip"):
        shipped.setdefault(each["createdfrom"], Counter()).update(quantities(each))
        assert (each["status"] == "ItemShip:C") or not each["trackingnumbers"]
    for number, items in shipped.items():
        order = transactions[number]
        assert order["type"] == "SalesOrd"
        if order["status"] in {"SalesOrd:F", "SalesOrd:G"}:
            assert items == quantities(order)
        else:
            assert order["status"] in {"SalesOrd:D", "SalesOrd:E"}
            assert items <= quantities(order)
    tracked = [
        each["trackingnumbers"] for each in of_type(transactions, "ItemShip") if each["trackingnumbers"]
    ]
    assert all(re.fullmatch(r"1Z\d+(<BR>1Z\d+)*", each) for each in tracked)
    assert any("<BR>" in each for each in tracked)


def test_returns_lead_to_credits_with_negative_signs(transactions: dict[str, Record]) -> None:
    returns = of_type(transactions, "RtnAuth")
    assert len(returns) > 10
    sources = {transactions[each["createdfrom"]]["type"] for each in returns}
    assert sources <= {"SalesOrd", "CustInvc", "CashSale"}
    paid = [
        each
        for each in of_type(transactions, "CustCred") + of_type(transactions, "CashRfnd")
        if each["createdfrom"] is not None
    ]
    assert {transactions[each["createdfrom"]]["status"] for each in paid} == {"RtnAuth:G"}
    for each in returns + paid:
        assert each["total"] < 0
        assert all(line["quantity"] < 0 and line["amount"] < 0 for line in each["lines"])


def test_orders_come_of_quotes_and_quotes_of_opportunities(transactions: dict[str, Record]) -> None:
    ordered = [each for each in of_type(transactions, "SalesOrd") if each["createdfrom"]]
    assert len(ordered) > 20
    for each in ordered:
        quote = transactions[each["createdfrom"]]
        assert (quote["type"], quote["status"], quote["total"]) == ("Estimate", "Estimate:B", each["total"])
        assert quote["datecreated"] <= each["datecreated"]
        if quote["createdfrom"]:
            assert transactions[quote["createdfrom"]]["status"] == "Opprtnty:C"
    assert {"Estimate:A", "Estimate:X"} <= {each["status"] for each in of_type(transactions, "Estimate")}
    assert {"Opprtnty:A", "Opprtnty:D"} <= {each["status"] for each in of_type(transactions, "Opprtnty")}
    assert any(not each["lines"] for each in of_type(transactions, "Opprtnty"))


def test_items_have_prices_stock_categories_and_images(shop: SandboxAccount) -> None:
    items = [each for each in shop.records("item") if each["type"] != "ShipItem"]
    files = {str(each["internalid"]): each for each in shop.records("file")}
    names = {each["name"] for each in files.values()}
    assert len(names) == len(files)
    by_id = {str(each["internalid"]): each for each in items}
    for item in items:
        base = [each for each in item["pricing"] if (each["pricelevel"], each["currency"]) == ("1", "1")]
        assert [each["unitprice"] for each in base] == (
            [] if item["baseprice"] is None else [item["baseprice"]]
        )
        if item["quantityavailable"] is not None:
            here = sum(each["locationquantityavailable"] for each in item["stock"])
            assert here == item["quantityavailable"]
        if item["matrixchild"] and item.get("storedisplayimage"):
            parent = by_id[item["parent"]]
            name = files[item["storedisplayimage"]]["name"]
            assert re.fullmatch(rf"{re.escape(parent['itemid'])}_media-[A-Z][a-z]+-01\.jpg", name)
    assert 0.8 < sum(1 for each in items if each.get("storedisplayimage")) / len(items) < 0.98
    assert any(name.endswith("-02.jpg") for name in names)


def test_the_image_folder_can_be_searched(shop: SandboxAccount) -> None:
    found = {
        "id": "customsearch_images",
        "internalid": 9000,
        "title": "Images",
        "type": "file",
        "filters": [["folder", "anyof", "3"]],
        "columns": [{"name": "name"}, {"name": "folder"}, {"name": "url"}],
    }
    shop.replace_search("customsearch_images", **found)
    page = post(shop, {"action": "page", "search": "customsearch_images"}).json()
    keys = {column["key"]: values for column, values in zip(page["columns"], page["values"], strict=True)}
    assert page["rows"] == sum(1 for _ in shop.records("file"))
    assert set(keys["folder"]["text"]) == {"Web Site Hosting Files : Live Hosting Files : images"}
    assert all(url.startswith("/core/media/media.nl?id=") for url in keys["url"])


def test_cases_belong_to_customers(shop: SandboxAccount) -> None:
    cases = list(shop.records("supportcase"))
    customers = {str(each["internalid"]) for each in shop.records("customer")}
    contacts = {str(each["internalid"]): each for each in shop.records("contact")}
    assert len(cases) == 25
    assert {each["company"] for each in cases} <= customers
    assert all(contacts[each["contact"]]["company"] == each["company"] for each in cases if each["contact"])
    page = post(shop, {"action": "page", "search": "customsearch_nsk_cases"}).json()
    assert page["rows"] == len(cases)


def test_every_search_of_the_project_runs_over_http(shop: SandboxAccount) -> None:
    listed = post(shop, {"action": "searches"}).json()["searches"]
    kinds = {each["id"]: each["type"] for each in listed if each["type"] != "deletedrecord"}
    assert {"transaction", "item", "customer", "contact", "supportcase"} <= set(kinds.values())
    for name in kinds:
        page = post(shop, {"action": "page", "search": name, "limit": 50})
        assert page.status_code == 200, (name, page.text)
        assert page.json()["rows"] >= (5 if name == "customsearch_nsk_matrix_parents" else 20), name
