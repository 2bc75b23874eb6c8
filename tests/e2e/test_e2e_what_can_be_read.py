"""What can be read: each saved search that the installer makes, against the account's raw records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from netsuite_connector.netsuite import NetSuiteClient, OAuth2ClientCredentials
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox
from netsuite_connector.window import Window

pytestmark = pytest.mark.line

SOLD = ("InvtPart", "NonInvtPart", "Assembly", "Kit")
Rows = list[dict[str, Any]]


class Reader:
    """Reads saved searches through the RESTlet, and the account's raw records beside it."""

    def __init__(self, account: SandboxAccount, client: NetSuiteClient) -> None:
        self.account = account
        self._client = client
        self._raw: dict[str, Rows] = {}

    def rows(self, search: str) -> Rows:
        pages = self._client.pages(f"customsearch_nsk_{search}", Window(), lanes=2, page_rows=500)
        return [row for page in pages for row in page.batch.to_pylist()]

    def raw(self, record_type: str, *types: str) -> Rows:
        if record_type not in self._raw:
            self._raw[record_type] = list(self.account.records(record_type))
        return [row for row in self._raw[record_type] if not types or row["type"] in types]

    def deleted(self, *types: str) -> set[tuple[str, int]]:
        pages = self._client.deleted(types, Window())
        return {(row["recordtype"], row["internalid"]) for page in pages for row in page.batch.to_pylist()}


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with running_sandbox(customers=150, items=120, orders=400) as account, requests.Session() as session:
        credentials = account.credentials
        auth = OAuth2ClientCredentials(
            session=session,
            token_url=account.token_url,
            client_id=credentials.client_id,
            certificate_id=credentials.certificate_id,
            private_key=credentials.private_key,
        )
        yield Reader(account, NetSuiteClient(session, account.restlet_url, auth))


def ids(rows: Rows, key: str = "internalid") -> set[int]:
    return {int(row[key]) for row in rows}


def lines_of(records: Rows) -> set[tuple[int, int]]:
    """Item lines as (transaction, line key)."""
    return {
        (record["internalid"], line["lineuniquekey"])
        for record in records
        for line in record["lines"]
        if line["kind"] == "item"
    }


def keys(rows: Rows) -> set[tuple[int, int]]:
    return {(row["internalid"], row["lineuniquekey"]) for row in rows}


# ---- items


def test_items_of_all_sold_types_without_services_and_components(reader: Reader) -> None:
    rows = reader.rows("items") + reader.rows("variants")
    assert {row["type"] for row in rows} == set(SOLD)
    assert ids(rows) <= ids(reader.raw("item", *SOLD))
    assert len(rows) == len(ids(rows)), "an item is read once; a kit's components are not listed with it"


def test_matrix_parents_and_their_children_with_options(reader: Reader) -> None:
    items, variants = reader.rows("items"), reader.rows("variants")
    children = {row["internalid"]: row for row in reader.raw("item") if row["matrixchild"]}
    assert ids(variants) <= children.keys()
    assert not ids(items) & children.keys()
    for row in variants:
        raw = children[row["internalid"]]
        assert (row["parent"], row["custitem_size"]) == (raw["parent"], raw["custitem_size"])
        assert row["custitem_color__text"]


def test_base_price_and_price_levels_by_currency(reader: Reader) -> None:
    read = {
        (
            row["internalid"],
            row["pricing.pricelevel"],
            row["pricing.currency"],
            row["pricing.minimumquantity"],
        )
        for row in reader.rows("item_prices")
        if row["pricing.pricelevel"]  # an item without prices has a row without one
    }
    raw = {
        (item["internalid"], price["pricelevel"], price["currency"], price["minimumquantity"])
        for item in reader.raw("item", *SOLD)
        for price in item["pricing"]
    }
    assert read == raw
    assert len({currency for _, _, currency, _ in read}) > 1
    base = {row["internalid"]: row["baseprice"] for row in reader.rows("items")}
    raw_base = {row["internalid"]: row["baseprice"] for row in reader.raw("item")}
    assert base == {id_: raw_base[id_] for id_ in base}


def test_stock_by_location_and_in_total(reader: Reader) -> None:
    rows = reader.rows("item_stock")
    by_item: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        by_item.setdefault(row["internalid"], []).append(row)
    assert any(len(places) > 1 for places in by_item.values())
    for places in by_item.values():
        available = [place["locationquantityavailable"] for place in places]
        if None not in available:
            assert sum(available) == places[0]["quantityavailable"]
    assert all(row["lastquantityavailablechange"] for row in rows if row["quantityavailable"] is not None)


def test_urls_and_images_of_the_image_folder(reader: Reader) -> None:
    components = {row["internalid"]: row["urlcomponent"] for row in reader.raw("item")}
    rows = reader.rows("items")
    assert any(row["urlcomponent"] for row in rows)
    assert all((row["urlcomponent"] or "") == components[row["internalid"]] for row in rows)
    files = {file["name"] for file in reader.raw("file")}
    shown = {row["storedisplayimage__text"] for row in rows if row["storedisplayimage"]}
    assert shown
    assert shown <= files


def test_categories_of_items(reader: Reader) -> None:
    named = {row["commercecategoryname"] for row in reader.rows("item_categories")} - {None}
    assert named


def test_inactive_offline_and_deleted_items(reader: Reader) -> None:
    online = {row["isonline"] for row in reader.rows("items")}
    assert online == {True, False}
    made = reader.account.create("item", itemid="GONE", type="InvtPart", matrixchild=False)
    reader.account.delete("item", made["internalid"])
    assert ("inventoryitem", made["internalid"]) in reader.deleted("inventoryitem")


# ---- customers


def test_customers_leads_and_prospects_individuals_and_companies(reader: Reader) -> None:
    rows = reader.rows("customers")
    assert ids(rows) == ids(reader.raw("customer"))
    assert {row["stage"] for row in rows} == {"CUSTOMER", "PROSPECT", "LEAD"}
    assert {row["isperson"] for row in rows} == {True, False}


def test_all_fields_of_a_customer_that_the_flows_need(reader: Reader) -> None:
    rows = reader.rows("customers")
    for column in (
        "email",
        "phone",
        "mobilephone",
        "globalsubscriptionstatus",
        "pricelevel",
        "salesrep",
        "territory",
        "category",
        "subsidiary",
        "city",
        "zipcode",
        "countrycode",
        "firstorderdate",
        "lastorderdate",
    ):
        assert any(row[column] is not None for row in rows), column


def test_contacts_with_their_company(reader: Reader) -> None:
    rows = reader.rows("contacts")
    assert ids(rows) == ids(reader.raw("contact"))
    assert all(row["company__text"] for row in rows)


def test_merged_and_deleted_customers(reader: Reader) -> None:
    first, second, third = (
        reader.account.create("customer", entityid=name, lastname=name, stage="CUSTOMER")["internalid"]
        for name in ("A", "B", "C")
    )
    reader.account.merge("customer", second, first)
    reader.account.delete("customer", third)
    gone = reader.deleted("customer", "lead", "prospect")
    assert {("customer", second), ("customer", third)} <= gone
    assert ("customer", first) not in gone


# ---- transactions


def test_orders_invoices_and_cash_sales_of_their_own_with_their_lines(reader: Reader) -> None:
    rows = reader.rows("orders")
    raw = reader.raw("transaction", "SalesOrd") + [
        record for record in reader.raw("transaction", "CustInvc", "CashSale") if not record["createdfrom"]
    ]
    assert keys(rows) == lines_of(raw)
    assert {row["statusref"] for row in rows} >= {"cancelled", "closed", "partiallyFulfilled"}


@pytest.mark.parametrize(
    ("search", "types"),
    [
        ("fulfilments", ("ItemShip",)),
        ("quotes", ("Estimate",)),
        ("refunds", ("RtnAuth", "CustCred", "CashRfnd")),
    ],
)
def test_all_lines_of_other_transactions(reader: Reader, search: str, types: tuple[str, ...]) -> None:
    assert keys(reader.rows(search)) == lines_of(reader.raw("transaction", *types))


def test_opportunities_with_and_without_items(reader: Reader) -> None:
    raw = reader.raw("transaction", "Opprtnty")
    rows = reader.rows("opportunities")
    heads = {row["internalid"] for row in rows if row["mainline"] == "*"}
    assert heads == ids(raw)
    assert lines_of(raw) <= keys(rows)


def test_fulfilments_with_tracking_and_their_order(reader: Reader) -> None:
    raw = {record["internalid"]: record for record in reader.raw("transaction", "ItemShip")}
    rows = reader.rows("fulfilments")
    assert any(row["trackingnumbers"] for row in rows)
    assert all(row["createdfrom"] == raw[row["internalid"]]["createdfrom"] for row in rows)


def test_chains_are_kept(reader: Reader) -> None:
    raw = {record["internalid"]: record for record in reader.raw("transaction")}
    rows = [row for row in reader.rows("refunds") if row["createdfrom"]]
    assert rows
    assert all(raw[int(row["createdfrom"])]["type"] != "CustCred" for row in rows)


def test_currencies_rates_and_signs(reader: Reader) -> None:
    orders, refunds = reader.rows("orders"), reader.rows("refunds")
    foreign = [row for row in orders if row["currency"] != "1"]
    assert foreign
    for row in foreign:
        assert row["amount"] == pytest.approx(row["fxamount"] * row["exchangerate"], abs=0.02)
    assert all(row["amount"] >= 0 for row in orders)
    assert all(row["amount"] <= 0 for row in refunds)


def test_the_website_that_an_order_came_from(reader: Reader) -> None:
    raw = {record["internalid"]: record["website"] for record in reader.raw("transaction")}
    rows = reader.rows("orders")
    assert any(row["website"] for row in rows)
    assert all(bool(row["website"]) == bool(raw[row["internalid"]]) for row in rows)


def test_support_cases(reader: Reader) -> None:
    assert ids(reader.rows("cases")) == ids(reader.raw("supportcase"))
