"""Generated records: the same for the same seed, plausible, and with the promised share of dirt."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from netsuite_connector.sandbox.netsuite.engine import Engine
from netsuite_connector.sandbox.netsuite.suitecloud import DEFAULT_PROJECT, read_project

GOOD_EMAIL = re.compile(r"[a-z0-9.]+@(shopper|mail|post|inbox)\.example")
SOLD = {"SalesOrd", "CashSale", "CustInvc"}
Records = dict[str, list[dict[str, Any]]]


def generated(**sizes: Any) -> Records:
    engine = Engine(read_project(DEFAULT_PROJECT))
    try:
        wish = {
            "seed": 7,
            "customers": 3000,
            "items": 600,
            "orders": 3000,
            "now": "2026-11-01T00:00:00Z",
            **sizes,
        }
        engine.admin("generate", wish)
        dumps = {
            name: engine.admin("dump", {"type": name, "after": 0, "limit": 100_000})["records"]
            for name in ("customer", "contact", "item", "transaction", "supportcase", "file", "folder")
        }
    finally:
        engine.close()
    return dumps


@pytest.fixture(scope="module")
def data() -> Iterator[Records]:
    return generated()


def share(records: list[dict[str, Any]], holds: Any) -> float:
    return sum(1 for each in records if holds(each)) / len(records)


def test_the_same_seed_gives_the_same_account() -> None:
    sizes = {"customers": 40, "items": 20, "orders": 30}
    assert generated(**sizes) == generated(**sizes)
    assert generated(**sizes)["customer"] != generated(**sizes, seed=8)["customer"]


def test_more_orders_leave_items_and_people_as_they_are() -> None:
    few, many = generated(customers=40, items=20, orders=0), generated(customers=40, items=20, orders=50)
    assert few["item"] == many["item"]
    same = ("internalid", "email", "phone", "lastmodifieddate")
    assert [[each[key] for key in same] for each in few["customer"]] == [
        [each[key] for key in same] for each in many["customer"]
    ]


def test_customers(data: Records) -> None:
    people = data["customer"]
    assert len(people) == 3000
    stages = Counter(each["stage"] for each in people)
    assert 0.66 < stages["CUSTOMER"] / 3000 < 0.74
    assert 0.12 < stages["LEAD"] / 3000 < 0.18
    assert 0.76 < share(people, lambda each: each["isperson"]) < 0.84
    assert 0.02 < share(people, lambda each: not each["email"]) < 0.04
    assert (
        0.008 < share(people, lambda each: each["email"] and not GOOD_EMAIL.fullmatch(each["email"])) < 0.025
    )
    addresses = Counter(each["email"] for each in people if GOOD_EMAIL.fullmatch(each["email"]))
    assert 0.02 < sum(count - 1 for count in addresses.values()) / 3000 < 0.06
    assert {each["globalsubscriptionstatus"] for each in people} == {"1", "2", "3", "4"}
    assert {each["country"] for each in people} == {"US", "GB", "DE", "ES", "FR", "AR"}
    assert all(each["firstorderdate"] is None for each in people if each["stage"] != "CUSTOMER")


def test_contacts_belong_to_companies_and_share_their_ids(data: Records) -> None:
    companies = {str(each["internalid"]): each for each in data["customer"] if not each["isperson"]}
    contacts = data["contact"]
    assert len(contacts) == 300
    assert {each["company"] for each in contacts} <= companies.keys()
    assert not {each["internalid"] for each in contacts} & {each["internalid"] for each in data["customer"]}
    assert 0.1 < share(contacts, lambda each: each["email"] == companies[each["company"]]["email"]) < 0.3


def test_items(data: Records) -> None:
    items = [each for each in data["item"] if each["type"] != "ShipItem"]
    assert len(items) == 600
    parents = {str(each["internalid"]): each for each in items if each["matrix"]}
    children = [each for each in items if each["matrixchild"]]
    assert 0.4 < (len(parents) + len(children)) / 600 < 0.6
    assert {each["parent"] for each in children} == parents.keys()
    assert all(each["custitem_size"] and each["custitem_color"] for each in children)
    assert 0.005 < share(items, lambda each: not each["salesdescription"]) < 0.04
    assert 0.005 < share(items, lambda each: each["baseprice"] is None) < 0.04
    assert share(items, lambda each: not each["urlcomponent"]) < 0.03
    assert len({each["itemid"] for each in items}) == 600


def test_orders(data: Records) -> None:
    every = data["transaction"]
    asked_for = [each for each in every if each["type"] in SOLD or each["tranid"].startswith(("CM0", "CR0"))]
    orders = [each for each in asked_for if each["type"] == "SalesOrd" or each["createdfrom"] is None]
    made = Counter(each["type"] for each in orders)
    assert sum(made.values()) == 3000
    assert 0.76 < made["SalesOrd"] / 3000 < 0.84
    assert 0.03 < made["CustInvc"] / 3000 < 0.07
    assert {"CashSale", "CashRfnd", "CustCred"} <= made.keys()
    by_id = {str(each["internalid"]): each for each in orders}
    billed = [each for each in every if each["type"] == "CustInvc" and each["createdfrom"] is not None]
    assert len(billed) > 300
    assert all(by_id[each["createdfrom"]]["type"] == "SalesOrd" for each in billed)
    customers = {str(each["internalid"]) for each in data["customer"] if each["stage"] == "CUSTOMER"}
    assert {each["entity"] for each in orders} <= customers
    assert share(orders, lambda each: not each["email"]) < 0.03


def test_lines_add_up(data: Records) -> None:
    items = {str(each["internalid"]) for each in data["item"]}
    keys = [line["lineuniquekey"] for each in data["transaction"] for line in (each, *each["lines"])]
    assert len(keys) == len(set(keys))
    for each in data["transaction"]:
        assert each["total"] == pytest.approx(sum(line["amount"] for line in each["lines"]), abs=0.005)
        bought = [line for line in each["lines"] if line["kind"] == "item"]
        assert (0 if each["type"] == "Opprtnty" else 1) <= len(bought) <= 6
        assert {line["item"] for line in bought} <= items
        assert [line["line"] for line in each["lines"]] == list(range(1, len(each["lines"]) + 1))
        negative = each["type"] in {"CashRfnd", "CustCred", "RtnAuth"}
        assert all((line["quantity"] < 0) is negative for line in bought)


def test_stamps_are_minutes_of_five_years(data: Records) -> None:
    for name in data.keys() - {"folder"}:
        for each in data[name]:
            created = each.get("datecreated") or each.get("created") or each["createddate"]
            assert "2021-10-01" < created <= each["lastmodifieddate"] <= "2026-11-01T00:00:00Z"
            assert created.endswith(":00Z")
    minutes = Counter(each["datecreated"] for each in data["transaction"])
    assert sum(1 for count in minutes.values() if count > 1) > 50
