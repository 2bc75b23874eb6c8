"""What becomes of orders, through both sandbox accounts: each step of their life is one event at Klaviyo, and
one only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.line

CUSTOMERS = """internalid,entityid,email,lastname,isperson
1,CUST1,jane@shop.example,Doe,T
2,CUST2,bob@shop.example,Roe,T
3,CUST3,ann@shop.example,Poe,T
4,CUST4,dev@example.com,Test,T
"""
# A matrix item with a child, and a sub-item that is no matrix child.
ITEMS = """internalid,itemid,displayname,salesdescription,type,baseprice,urlcomponent,parent,matrix,\
matrixchild,imageurl,manufacturer
10,TENT,Tent,Fine,InvtPart,20,tent,,T,F,,
11,TENT : RED,Red tent,Fine,InvtPart,20,tent,10,F,T,/tent-red.jpg,Alpine
12,POLES,Poles,Fine,InvtPart,5,poles,,F,F,,
13,POLES : SPARE,Spare pole,Fine,InvtPart,5,spare-pole,12,F,F,,
"""
ORDERS = """internalid,type,status,tranid,datecreated,lastmodifieddate,entity,website,website_text,\
exchangerate,currency,currency_text,createdfrom,item,quantity,rate,amount
100,SalesOrd,B,SO100,2026-03-01T09:30:00Z,2026-03-01T09:30:00Z,1,2,Outlet,1,1,USD,,11,2,20,40
100,,,,,,,,,,,,,13,4,5,20
101,SalesOrd,B,SO101,2026-02-01T10:00:00Z,2026-02-01T10:00:00Z,2,1,Main,1,1,USD,,12,1,5,5
102,CustInvc,A,INV102,2026-03-02T10:00:00Z,2026-03-02T10:00:00Z,2,2,Outlet,1,1,USD,,12,2,5,10
103,CashSale,C,CS103,2026-01-15T10:00:00Z,2026-01-15T10:00:00Z,1,1,Main,1.25,2,GBP,,12,4,4,20
104,CustCred,A,CM104,2026-03-03T10:00:00Z,2026-03-03T10:00:00Z,3,,,1,1,USD,,12,-1,5,-5
105,SalesOrd,B,SO105,2026-03-03T11:00:00Z,2026-03-03T11:00:00Z,4,1,Main,1,1,USD,,12,1,5,5
"""
DROPPED = {"Customer : Email is at a domain whose events Klaviyo drops": 1}


@pytest.fixture
def line(line_with: Callable[..., Any]) -> Any:
    return line_with(customer=CUSTOMERS, item=ITEMS, transaction=ORDERS)


def events(line: Any, metric: str) -> dict[str, dict[str, Any]]:
    """The events of a name that Klaviyo holds, by identity."""
    line.klaviyo.settled()
    found = [event for event in line.klaviyo.rows("events") if event["metric"] == metric]
    assert len({event["unique_id"] for event in found}) == len(found)
    return {event["unique_id"]: event for event in found}


def profile(line: Any, email: str) -> dict[str, Any]:
    line.klaviyo.settled()
    rows = line.klaviyo.rows("profiles")
    properties: dict[str, Any] = next(row["properties"] for row in rows if row["email"] == email)
    return {name: value for name, value in properties.items() if "Website" in name or "Order Date" in name}


def made(line: Any, internal_id: int, kind: str, of: int | None, *sold: Any, **more: Any) -> None:
    """A transaction made from another, with one line; ``sold`` are its item and quantity."""
    item, quantity = sold
    amount = quantity * {"11": 20, "13": 5, "12": 5}[item]
    created = {"datecreated": f"2026-03-{internal_id % 90:02}T10:00:00Z"}
    line.netsuite.create(
        "transaction",
        internalid=internal_id,
        type=kind,
        tranid=f"{kind}{internal_id}",
        createdfrom=None if of is None else str(of),
        exchangerate=1,
        currency="1",
        lastmodifieddate=f"2026-04-{internal_id % 90:02}T10:00:00Z",
        **{"entity": "1", "website": None, "status": f"{kind}:B", "total": amount}
        | {"lines": [{"item": item, "quantity": quantity, "rate": 5, "amount": amount, "memo": ""}]}
        | created
        | more,
    )


def without(line: Any, name: str, field: str) -> None:
    """Makes a saved search one without the criterion of a field."""
    filters = line.netsuite.search(f"customsearch_nsk_{name}")["filters"]
    kept = [part for part in filters if part != "AND" and field not in str(part)]
    joined = [part for each in kept for part in ("AND", each)][1:]
    line.netsuite.replace_search(f"customsearch_nsk_{name}", filters=joined)


def narrowed(line: Any, **only: dict[str, tuple[str, ...]]) -> None:
    """Narrows sources of the flow, as the store's file may."""
    flow = line.store.flows["orders"].model_copy(update={"only": only})
    line.store = line.store.model_copy(update={"flows": line.store.flows | {"orders": flow}})


def test_an_order_is_sent_once_whatever_comes_of_it(line: Any) -> None:
    first = line.run("orders")
    assert first["adds_up"]
    assert first["rejected_by_reason"] == DROPPED
    placed = events(line, "Placed Order")
    assert {key: event["value"] for key, event in placed.items()} == {
        "netsuite-100": 60.0,
        "netsuite-101": 5.0,
        "netsuite-102": 10.0,
        "netsuite-103": 20.0,
    }
    # The sales order is billed: its invoice is not another order.
    made(line, 120, "CustInvc", 100, "11", 2)
    line.netsuite.update("transaction", 100, status="SalesOrd:G")
    again = line.run("orders", end="2031-01-01T00:00:00Z")
    assert again["records"]["delivered"] == 0
    assert events(line, "Placed Order").keys() == placed.keys()


def test_an_invoice_of_an_order_that_a_search_lets_through_is_rejected_with_the_reason(line: Any) -> None:
    made(line, 120, "CustInvc", 100, "11", 2)
    without(line, "orders", "createdfrom")
    narrowed(line, orders={"type": ("SalesOrd", "CustInvc", "CashSale")})
    report = line.run("orders")
    reason = "Created From says that it bills an order, which was or will be sent itself"
    assert report["rejected_by_reason"][reason] == 1
    assert "netsuite-120" not in events(line, "Placed Order")


def test_what_a_quote_is_billed_with_is_an_order_where_search_and_store_say_so(line: Any) -> None:
    """As docs/domains.md has it."""
    made(line, 116, "Estimate", None, "12", 4)
    made(line, 117, "CashSale", 116, "12", 4)
    made(line, 118, "CustInvc", 100, "11", 2)
    line.run("orders")
    assert "netsuite-117" not in events(line, "Placed Order")

    search = line.netsuite.search("customsearch_nsk_orders")
    [*lines, [sales, _, [billing, _, none]]] = search["filters"]
    quoted = [none, "OR", ["createdfrom.type", "anyof", "Estimate", "Opprtnty"]]
    line.netsuite.replace_search(
        search["id"],
        filters=[*lines, [sales, "OR", [billing, "AND", quoted]]],
        columns=[column for column in search["columns"] if column["name"] != "createdfrom"],
    )
    narrowed(line, links={"createdfrom.type": ("SalesOrd", "CustInvc", "CashSale", "RtnAuth")})
    assert line.run("orders", end="2031-01-01T00:00:00Z")["rejected_by_reason"] == DROPPED
    placed = events(line, "Placed Order")
    assert placed["netsuite-117"]["value"] == 20.0
    assert "netsuite-118" not in placed, "it bills an order"
    made(line, 119, "CashRfnd", 117, "12", -4)
    line.run("orders", end="2031-01-02T00:00:00Z")
    assert events(line, "Refunded Order")["netsuite-117"]["value"] == 20.0


def test_an_order_is_fulfilled_and_refunded_part_by_part(line: Any) -> None:
    line.run("orders")
    made(line, 110, "ItemShip", 100, "11", 2, status="ItemShip:A", trackingnumbers="")
    line.netsuite.update("transaction", 100, status="SalesOrd:D")
    assert line.run("orders", end="2031-01-01T00:00:00Z")["records"]["delivered"] == 0, "picked, not shipped"

    line.netsuite.update("transaction", 110, status="ItemShip:C", trackingnumbers="1Z1<BR>1Z2")
    line.run("orders", end="2031-01-02T00:00:00Z")
    partly = events(line, "Partially Fulfilled Order")
    assert list(partly) == ["netsuite-110"]
    told = partly["netsuite-110"]["properties"]
    assert (told["OrderId"], told["NetSuite Order ID"]) == ("SO100", "100")
    assert told["TrackingNumbers"] == ["1Z1", "1Z2"]
    assert told["Items"][0]["ProductID"] == "10"

    made(line, 111, "ItemShip", 100, "13", 4, status="ItemShip:C", trackingnumbers="1Z3")
    line.netsuite.update("transaction", 100, status="SalesOrd:F")
    line.run("orders", end="2031-01-03T00:00:00Z")
    whole = events(line, "Fulfilled Order")
    assert {key: event["value"] for key, event in whole.items()} == {"netsuite-100-fulfilled": 60.0}
    assert events(line, "Partially Fulfilled Order").keys() == partly.keys()

    # It is billed; something comes back of the invoice, and is paid back; then the rest.
    made(line, 112, "CustInvc", 100, "11", 2)
    made(line, 113, "RtnAuth", 112, "11", -1, status="RtnAuth:G")
    made(line, 114, "CustCred", 113, "11", -1, memo="Too small")
    line.run("orders", end="2031-01-04T00:00:00Z")
    refunds = events(line, "Partially Refunded Order")
    assert {key: event["value"] for key, event in refunds.items()} == {
        "netsuite-104": 5.0,
        "netsuite-114": 20.0,
    }
    told = refunds["netsuite-114"]["properties"]
    assert (told["OrderId"], told["RefundedTotal"], told["OrderTotal"]) == ("SO100", 20.0, 60.0)
    assert told["Items"][0]["Quantity"] == 1.0
    assert "OrderId" not in refunds["netsuite-104"]["properties"], "a credit of no order"

    made(line, 115, "CustCred", 100, "11", -1, total=-40)
    line.run("orders", end="2031-01-05T00:00:00Z")
    wholly = events(line, "Refunded Order")
    assert {key: event["value"] for key, event in wholly.items()} == {"netsuite-100": 60.0}
    assert events(line, "Partially Refunded Order").keys() == refunds.keys()

    again = line.run("orders", end="2031-01-06T00:00:00Z")
    assert again["adds_up"]
    assert again["records"]["delivered"] == 0, "a run over everything sends nothing twice"


@pytest.mark.parametrize("search", ["shipped", "of before", "of before, narrowed by the store"])
def test_what_is_shipped_to_no_customer_is_not_read(line: Any, search: str) -> None:
    if search != "shipped":
        without(line, "fulfilments", "createdfrom.type")
    if search.endswith("store"):
        narrowed(line, fulfilments={"website": ("2",)})
    # To another location, and back to a vendor.
    for of, kind in ((116, "TrnfrOrd"), (118, "VendAuth")):
        made(line, of, kind, None, "11", 2, entity=None)
        made(line, of + 1, "ItemShip", of, "11", 2, status="ItemShip:C", entity=None, website="2")
    made(line, 120, "ItemShip", 100, "11", 2, status="ItemShip:C", website="2")
    report = line.run("orders")
    assert report["rejected_by_reason"] == DROPPED
    assert list(events(line, "Partially Fulfilled Order")) == ["netsuite-120"]


def with_lines_that_sell_nothing(line: Any) -> None:
    """An order of which a part is shipped and paid back, each with lines of every kind that sells nothing."""
    nothing = []
    for item, kind in enumerate(("Subtotal", "Description", "Group", "Discount", "Markup", "Payment"), 20):
        line.netsuite.create("item", internalid=item, itemid=kind.upper(), type=kind)
        amount = -1 if item > 22 else None
        nothing.append({"item": str(item), "quantity": None, "rate": None, "amount": amount, "memo": ""})
    sold = {"item": "12", "quantity": 3, "rate": 5, "amount": 15, "memo": ""}
    made(line, 119, "SalesOrd", None, "12", 3, status="SalesOrd:D", total=12, lines=[sold, *nothing])
    made(line, 120, "ItemShip", 119, "12", 1, status="ItemShip:C", lines=[sold, *nothing])
    made(line, 121, "CustCred", 119, "12", 1, total=-2, lines=[sold, *nothing])


def test_lines_that_sell_nothing_are_not_read(line: Any) -> None:
    with_lines_that_sell_nothing(line)
    assert line.run("orders")["rejected_by_reason"] == DROPPED
    placed = events(line, "Placed Order")["netsuite-119"]
    assert (placed["value"], placed["properties"]["ItemNames"]) == (12.0, ["Poles"])
    parcel = events(line, "Partially Fulfilled Order")["netsuite-120"]
    assert [item["SKU"] for item in parcel["properties"]["Items"]] == ["POLES"]
    # What is paid back may be a mere markup, so such lines are read there.
    refund = events(line, "Partially Refunded Order")["netsuite-121"]["properties"]["Items"]
    assert [item["SKU"] for item in refund] == ["POLES", "DISCOUNT", "MARKUP", "PAYMENT"]


def test_lines_that_sell_nothing_are_rejected_where_a_search_has_them_and_the_rest_is_sent(
    line: Any,
) -> None:
    for search in ("orders", "fulfilments", "refunds"):
        without(line, search, "item.type")
    with_lines_that_sell_nothing(line)
    reasons = line.run("orders")["rejected_by_reason"]
    assert reasons == DROPPED | {"Quantity is missing": 12, "Amount is missing": 6}
    assert events(line, "Placed Order")["netsuite-119"]["value"] == 12.0


def test_a_cancelled_order_has_the_identity_of_the_placed_one(line: Any) -> None:
    line.run("orders")
    line.netsuite.update("transaction", 101, status="SalesOrd:C", lastmodifieddate="2026-03-05T08:00:00Z")
    line.run("orders", end="2031-01-01T00:00:00Z")
    line.run("orders", end="2031-01-02T00:00:00Z")
    (cancelled,) = events(line, "Cancelled Order").values()
    assert (cancelled["unique_id"], cancelled["value"]) == ("netsuite-101", 5.0)
    assert cancelled["datetime"].startswith("2026-03-05T08:00")
    assert cancelled["properties"]["ItemNames"] == ["Poles"]


def test_profiles_tell_where_customers_order(line: Any) -> None:
    line.run("orders")
    assert profile(line, "jane@shop.example") == {
        "NetSuite Original Website ID": 1,
        "NetSuite Original Website": "Main",
        "NetSuite Website IDs": [1, 2],
        "NetSuite First Order Date": "2026-01-15T10:00:00Z",
        "NetSuite Last Order Date": "2026-03-01T09:30:00Z",
    }
    placed = events(line, "Placed Order")["netsuite-102"]["properties"]
    assert (placed["NetSuite Website ID"], placed["NetSuite Website"]) == (2, "Outlet")


def test_amounts_are_in_the_base_currency_and_the_orders_own_beside_it(line: Any) -> None:
    line.run("orders")
    order = events(line, "Placed Order")["netsuite-103"]
    assert (order["value"], order["value_currency"]) == (20.0, "USD")
    assert (order["properties"]["Currency"], order["properties"]["NetSuite Currency Total"]) == ("GBP", 16.0)
    (item,) = order["properties"]["Items"]
    assert (item["ItemPrice"], item["RowTotal"], item["NetSuite Currency Amount"]) == (5.0, 20.0, 16.0)


def test_an_item_is_called_as_the_catalog_calls_it(line: Any) -> None:
    line.run("orders")
    matrix, sub = events(line, "Placed Order")["netsuite-100"]["properties"]["Items"]
    assert (matrix["ProductID"], matrix["VariantID"]) == ("10", "11")
    assert (matrix["ImageURL"], matrix["Brand"]) == (
        "https://shop.demo-outfitters.example/tent-red.jpg",
        "Alpine",
    )
    assert (sub["ProductID"], sub["VariantID"]) == ("13", "13"), "a sub-item, but no matrix child"
