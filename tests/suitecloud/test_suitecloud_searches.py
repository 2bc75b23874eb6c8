"""The definitions of the saved searches suit the flows that read them and NetSuite's search fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from suitecloud_project import definitions, keys

import netsuite_connector.sandbox.netsuite
from netsuite_connector.domains.model import Source
from netsuite_connector.domains.registry import DOMAINS

DOCS = Path(__file__).parents[2] / "docs" / "netsuite"
DEFINITIONS = {each["id"]: each for each in definitions()}
SOURCES = [source for domain in DOMAINS.values() for source in domain.extracted]
NAMES = (
    "customers",
    "contacts",
    "items",
    "variants",
    "matrix_parents",
    "item_prices",
    "item_stock",
    "item_categories",
    "matrix_children",
    "images",
    "orders",
    "fulfilments",
    "opportunities",
    "quotes",
    "refunds",
    "order_links",
    "cases",
    "deleted",
)
# Join -> the records it leads to.
JOINS = {
    "parent": "item",
    "item": "item",
    "pricing": "pricing",
    "customermain": "customer",
    "createdfrom": "transaction",
}


@pytest.fixture(scope="module")
def catalogue() -> dict[str, Any]:
    """NetSuite's search fields by record type, as the sandbox account keeps them."""
    folder = Path(netsuite_connector.sandbox.netsuite.__path__[0])
    records: dict[str, Any] = json.loads((folder / "catalogue.json").read_text(encoding="utf-8"))["records"]
    return records


def terms(criteria: list[Any]) -> list[list[Any]]:
    """The terms of a filter expression."""
    if criteria and isinstance(criteria[0], str) and criteria[0].upper() != "NOT":
        return [criteria]
    return [term for part in criteria if isinstance(part, list) for term in terms(part)]


def test_every_search_of_the_issue_is_there() -> None:
    assert list(DEFINITIONS) == [f"customsearch_nsk_{name}" for name in NAMES]
    assert all(len(each) <= 40 for each in DEFINITIONS)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_flows_fields_are_columns_and_its_mandatory_ones_marked(source: Source) -> None:
    search = DEFINITIONS[source.search]
    assert search["type"] == source.record_type
    mandatory = {field.name for field in source.mandatory}
    assert mandatory <= set(keys(search, mandatory=True))
    assert mandatory <= set(keys(search))


@pytest.mark.parametrize("search", DEFINITIONS.values(), ids=lambda search: search["id"])
def test_a_search_uses_fields_that_netsuite_has(search: dict[str, Any], catalogue: dict[str, Any]) -> None:
    for column in search["columns"]:
        if "formula" in column:
            continue
        table = catalogue[JOINS[column["join"]] if "join" in column else search["type"]]
        assert column["name"] in table["columns"], column
    for term in terms(search["criteria"]):
        join, _, name = term[0].rpartition(".")
        assert name in catalogue[JOINS[join] if join else search["type"]]["filters"], term


@pytest.mark.parametrize("search", DEFINITIONS.values(), ids=lambda search: search["id"])
def test_a_search_can_be_told_and_paged(search: dict[str, Any]) -> None:
    assert search["title"].startswith("Connector: ")
    assert len(set(keys(search))) == len(search["columns"]), "a column twice would get another key"
    assert all(column["label"] for column in search["columns"])
    assert keys(search, mandatory=True)
    assert not any("summary" in column for column in search["columns"])


@pytest.mark.parametrize("name", ["orders", "fulfilments", "quotes", "refunds"])
def test_searches_of_lines_leave_out_lines_that_nobody_bought(name: str) -> None:
    found = terms(DEFINITIONS[f"customsearch_nsk_{name}"]["criteria"])
    assert [[field, "is", "F"] for field in ("mainline", "taxline", "shipping", "cogs")] == found[:4]


def test_searches_leave_out_lines_that_sell_nothing_but_no_refund_of_a_mere_discount() -> None:
    texts = {"Subtotal", "Description", "Group"}
    amounts = {"Discount", "Markup", "Payment"}
    for name, left_out in (
        ("orders", texts | amounts),
        ("fulfilments", texts | amounts),
        ("refunds", texts),
    ):
        found = terms(DEFINITIONS[f"customsearch_nsk_{name}"]["criteria"])
        assert [set(term[2:]) for term in found if term[:2] == ["item.type", "noneof"]] == [left_out]


def test_the_search_of_fulfilments_leaves_out_what_goes_to_no_customer() -> None:
    found = terms(DEFINITIONS["customsearch_nsk_fulfilments"]["criteria"])
    assert ["createdfrom.type", "anyof", "SalesOrd"] in found


def test_no_search_leaves_out_inactive_or_offline_items() -> None:
    for each in DEFINITIONS.values():
        assert not {"isinactive", "isonline"} & {term[0] for term in terms(each["criteria"])}
    for name in ("items", "variants", "item_prices", "item_stock", "item_categories"):
        assert {"isinactive", "isonline"} <= set(keys(DEFINITIONS[f"customsearch_nsk_{name}"]))


def test_the_chain_of_transactions_is_kept() -> None:
    for name in ("orders", "fulfilments", "quotes", "refunds"):
        assert "createdfrom" in keys(DEFINITIONS[f"customsearch_nsk_{name}"])


def test_the_page_of_the_installer_lists_every_column() -> None:
    text = (DOCS / "installer.md").read_text(encoding="utf-8")
    for search in DEFINITIONS.values():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{search['id']}`"))
        listed = row.rstrip(" |").rpartition(" | ")[2].split(", ")
        mandatory = keys(search, mandatory=True)
        assert listed == [
            f"**{key}**" if key in mandatory else key for key in keys(search) if key != "internalid"
        ]
