"""Lists below a record, whose entries become rows, and columns of other records."""

from __future__ import annotations

from typing import Any

import pytest
from nssandbox import Inside, RefusedError, customer, order, rows, script

SEARCH = """
    const found = search.create(value).run().getRange({ start: 0, end: 1000 });
    const valuesOf = (result) => value.columns.map((column) => result.getValue(column));
    return { value: found.map((result) => [Number(result.id), ...valuesOf(result)]) };
"""


def run(account: Inside, search_type: str, columns: list[Any], filters: Any = ()) -> list[list[Any]]:
    """Rows as internal id and values, in the order of the ids."""
    value = {"type": search_type, "columns": columns, "filters": list(filters)}
    return sorted(script(account.engine, ["N/search"], SEARCH, value))


def joined(join: str, *names: str) -> list[dict[str, str]]:
    return [{"name": name, "join": join} for name in names]


def price(level: str, amount: float, currency: str = "1", minimum: int = 0) -> dict[str, Any]:
    return {"pricelevel": level, "currency": currency, "unitprice": amount, "minimumquantity": minimum}


@pytest.fixture
def shop(empty: Inside) -> Inside:
    empty.engine.settings(timezone="UTC")
    stock = [
        {"inventorylocation": "1", "locationquantityavailable": 4},
        {"inventorylocation": "2", "locationquantityavailable": 0},
    ]
    items = [
        {"itemid": "MUG", "quantityavailable": 4, "stock": stock},
        {"itemid": "JUG", "quantityavailable": None, "stock": [], "pricing": []},
        {"itemid": "CUP"},
    ]
    items[0]["pricing"] = [price("1", 20), price("2", 14, minimum=10), price("1", 15.75, "2")]
    items[0]["categories"] = [{"commercecategoryid": 7, "commercecategoryname": "Kitchen"}]
    usual = {
        "type": "InvtPart",
        "created": "2026-01-01T00:00:00Z",
        "lastmodifieddate": "2026-01-01T00:00:00Z",
    }
    records = [{**usual, "internalid": n, **item} for n, item in enumerate(items, start=1)]
    empty.engine.load("item", records)
    return empty


def test_an_item_has_a_row_for_each_of_its_prices(shop: Inside) -> None:
    columns = joined("pricing", "pricelevel", "currency", "unitprice", "minimumquantity")
    assert run(shop, "inventoryitem", columns) == [
        [1, "1", "1", "20.00", "0"],
        [1, "1", "2", "15.75", "0"],
        [1, "2", "1", "14.00", "10"],
        [2, "", "", "", ""],  # an item without prices has its row all the same
        [3, "", "", "", ""],
    ]


def test_a_filter_on_a_list_chooses_its_rows(shop: Inside) -> None:
    columns = joined("pricing", "unitprice")
    of_level = [["pricing.pricelevel", "anyof", "1"], "AND", ["pricing.currency", "anyof", "1"]]
    assert run(shop, "item", columns, of_level) == [[1, "20.00"]]
    # A filter multiplies rows as a column does.
    assert run(shop, "item", ["itemid"], [["pricing.minimumquantity", "lessthan", 10]]) == [
        [1, "MUG"],
        [1, "MUG"],
    ]


def test_stock_by_location_and_total(shop: Inside) -> None:
    columns = ["inventorylocation", "locationquantityavailable", "quantityavailable"]
    assert run(shop, "item", columns, [["internalid", "anyof", "1"]]) == [
        [1, "1", "4", "4"],
        [1, "2", "0", "4"],
    ]
    assert run(shop, "item", ["itemid"], [["locationquantityavailable", "greaterthan", 0]]) == [[1, "MUG"]]


def test_two_lists_give_every_combination(shop: Inside) -> None:
    columns = ["inventorylocation", "commercecategoryname", *joined("pricing", "pricelevel")]
    assert len(run(shop, "item", columns, [["internalid", "anyof", "1"]])) == 2 * 1 * 3


def test_formulas_see_lists(shop: Inside) -> None:
    columns = [{"name": "formulanumeric", "formula": "{pricing.unitprice} * 2"}]
    filters = [["formulatext: {commercecategoryname}", "is", "kitchen"]]
    assert [row[1] for row in run(shop, "item", columns, filters)] == ["28", "31.5", "40"]


def test_rows_of_one_record_have_no_order_of_their_own(shop: Inside) -> None:
    body = """
        const columns = [{ name: 'internalid', sort: 'ASC' }, { name: 'unitprice', join: 'pricing' }];
        const found = search.create({ type: 'inventoryitem', columns });
        const read = () => found.run().getRange({ start: 0, end: 9 });
        const [, price] = columns;
        const prices = (results) => results.map((each) => each.getValue(price));
        return { value: [1, 2, 3].map(() => [read().map(({ id }) => id), prices(read())]) };
    """
    found = script(shop.engine, ["N/search"], body)
    assert [ids for ids, _ in found] == [["1", "1", "1", "2", "3"]] * 3
    assert len({tuple(prices) for _, prices in found}) > 1
    assert {tuple(sorted(prices)) for _, prices in found} == {("", "", "14.00", "15.75", "20.00")}


def test_the_restlet_pages_prices_without_tearing_an_item(empty: Inside) -> None:
    prices = [price(str(level), level) for level in range(1, 8)]
    item = {"type": "InvtPart", "created": "2026-01-01T00:00:00Z", "lastmodifieddate": "2026-01-01T00:00:00Z"}
    empty.engine.load(
        "item", [{**item, "internalid": n, "itemid": f"I{n}", "pricing": prices} for n in range(1, 401)]
    )
    pages = empty.pages(search="customsearch_nsk_item_prices", limit=1000)
    found = [(row["internalid"], row["pricing.pricelevel"]) for page in pages for row in rows(page)]
    assert len(pages) > 1
    assert sorted(found) == [(n, str(level)) for n in range(1, 401) for level in range(1, 8)]
    assert all(len({row["internalid"] for row in rows(page)}) * 7 == page["rows"] for page in pages)


def test_a_customer_has_a_row_for_each_address(empty: Inside) -> None:
    book = [
        {"city": "Leeds", "isdefaultbilling": True, "isdefaultshipping": False, "addressinternalid": "1"},
        {"city": "York", "isdefaultbilling": False, "isdefaultshipping": True, "addressinternalid": "2"},
    ]
    people = [customer(1, addresses=book), customer(2, city="Bath"), customer(3, addresses=[]), customer(4)]
    empty.engine.load("customer", people)
    assert run(empty, "customer", ["city"]) == [[1, "Leeds"], [1, "York"], [2, "Bath"], [3, ""], [4, ""]]
    assert run(empty, "customer", ["city"], [["isdefaultshipping", "is", "T"]]) == [[1, "York"], [2, "Bath"]]
    assert run(empty, "customer", ["entityid"]) == [[1, "C1"], [2, "C2"], [3, "C3"], [4, "C4"]]


def test_stock_has_a_stamp_of_its_own(shop: Inside) -> None:
    before = shop.engine.admin("get", {"type": "item", "id": 1})
    assert "lastquantityavailablechange" not in before
    shop.engine.admin("update", {"type": "item", "id": 1, "values": {"quantityavailable": 9}})
    moved = shop.engine.admin("get", {"type": "item", "id": 1})
    assert moved["lastmodifieddate"] == before["lastmodifieddate"]
    assert moved["lastquantityavailablechange"] > before["lastmodifieddate"]
    assert sum(each["locationquantityavailable"] for each in moved["stock"]) == 9

    stock = [{"inventorylocation": "1", "locationquantityavailable": 2}]
    shop.engine.admin("update", {"type": "item", "id": 1, "values": {"stock": stock, "displayname": "Mug"}})
    both = shop.engine.admin("get", {"type": "item", "id": 1})
    assert both["quantityavailable"] == 2
    assert both["lastmodifieddate"] > before["lastmodifieddate"]
    assert run(
        shop, "item", ["quantityavailable"], [["lastquantityavailablechange", "onorafter", "today"]]
    ) == [[1, "2"]]


def test_columns_of_what_a_transaction_was_made_from(shop: Inside) -> None:
    line = {"line": 1, "kind": "item", "item": "1", "quantity": 2, "rate": 20, "amount": 40}
    quote = order(9, 0, type="Estimate", tranid="QU9", status="Estimate:B", title="Refit")
    sold = order(10, 0, createdfrom="9", opportunity="9") | {"lines": [{**line, "lineuniquekey": 101}]}
    shipped = order(11, 0, type="ItemShip", createdfrom="10") | {"lines": [{**line, "lineuniquekey": 111}]}
    shop.engine.load("transaction", [quote, sold, shipped])
    columns = [*joined("createdfrom", "tranid", "createdfrom"), *joined("item", "itemid")]
    columns += joined("opportunity", "title")
    assert run(shop, "transaction", columns, [["mainline", "is", "F"]]) == [
        [10, "QU9", "", "MUG", "Refit"],
        [11, "SO10", "9", "MUG", ""],
    ]
    assert run(shop, "itemfulfillment", ["tranid"], [["createdfrom.createdfrom", "anyof", "9"]]) == [
        [11, "SO11"],
        [11, "SO11"],
    ]


def test_criteria_on_another_record_follow_its_changes(shop: Inside) -> None:
    line = {"line": 1, "kind": "item", "item": "1", "quantity": 2, "rate": 20, "amount": 40}
    sold = order(10, 0) | {"lines": [{**line, "lineuniquekey": 101}]}
    shipped = order(11, 0, type="ItemShip", createdfrom="10") | {"lines": [{**line, "lineuniquekey": 111}]}
    shop.engine.load("transaction", [sold, shipped])
    sells, of_order = ["item.type", "noneof", "Discount"], ["createdfrom.type", "anyof", "SalesOrd"]
    assert run(shop, "itemfulfillment", ["tranid"], [["mainline", "is", "F"], "AND", sells, "AND", of_order])
    shop.engine.admin("update", {"type": "item", "id": 1, "values": {"type": "Discount"}})
    assert not run(shop, "itemfulfillment", ["tranid"], [["mainline", "is", "F"], "AND", sells])
    shop.engine.admin("update", {"type": "transaction", "id": 10, "values": {"type": "TrnfrOrd"}})
    assert not run(shop, "itemfulfillment", ["tranid"], [of_order])


def test_a_transaction_does_not_multiply_by_its_items_lists(shop: Inside) -> None:
    with pytest.raises(RefusedError) as refused:
        run(shop, "transaction", joined("item", "locationquantityavailable"))
    assert refused.value.code == "SANDBOX_NOT_SUPPORTED"


def test_support_cases_join_who_asked_and_what_about(shop: Inside) -> None:
    shop.engine.load("customer", [customer(5, email="ana@mail.example")])
    shop.engine.load(
        "contact", [{"internalid": 6, "entityid": "Bo", "company": "5", "email": "bo@mail.example"}]
    )
    case = {
        "internalid": 1,
        "casenumber": "77",
        "title": "Chipped",
        "company": "5",
        "contact": "6",
        "item": "1",
    }
    shop.engine.load("supportcase", [{**case, "status": "5", "createddate": "2026-02-01T10:00:00Z"}])
    columns = ["casenumber", "createddate", *joined("customer", "email"), *joined("contact", "email")]
    assert run(shop, "supportcase", [*columns, *joined("item", "itemid")], [["status", "anyof", "5"]]) == [
        [1, "77", "2/1/2026 10:00 am", "ana@mail.example", "bo@mail.example", "MUG"]
    ]
