"""What becomes of orders, quotes and opportunities: rows to events."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from netsuite_connector.domains.cancellations import cancellations
from netsuite_connector.domains.fulfilments import FULFILMENTS, LAST_FULFILMENTS, FulfilmentShaper
from netsuite_connector.domains.model import Known, Shaper, Site, Source
from netsuite_connector.domains.opportunities import OPPORTUNITIES, OpportunityShaper
from netsuite_connector.domains.orders import ORDERS, EventShaper
from netsuite_connector.domains.quotes import QUOTES, QuoteShaper
from netsuite_connector.domains.refunds import REFUNDED, REFUNDS, RefundShaper
from netsuite_connector.domains.sold_items import MATRIX_CHILDREN
from netsuite_connector.domains.storefronts import STOREFRONT_LOOKUP, storefronts_of

SITE = Site(
    store="demo",
    url="https://shop.example",
    item_url="{url}/{urlcomponent}",
    image_url="{url}/{image}",
    country="US",
    currency="USD",
    live_from="2026-01-01T00:00:00Z",
)
Row = dict[str, Any]
Make = Callable[[Source, Site, list[str]], Shaper]


def row(id_: int, kind: str, **changes: Any) -> Row:
    return {
        "internalid": id_,
        "lineuniquekey": id_ * 10,
        "line": 1,
        "lastmodifieddate": datetime(2026, 4, 1, 8, 0, tzinfo=UTC),
        "tranid": f"{kind}{id_}",
        "type": kind,
        "type__text": kind,
        "datecreated": datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        "customermain.email": "Jane@shop.example",
        "statusref": "open",
        "statusref__text": "Open",
        "total": 45.5,
        "website": None,
        "subsidiary": "3",
        "subsidiary__text": "Iberia",
        "item": "12",
        "item__text": "TENT : TENT-RED",
        "item.displayname": "Red tent",
        "quantity": 2.0,
        "rate": 20.0,
        "amount": 40.0,
    } | changes


def made(make: Make, source: Source, rows: list[Row], **lookups: list[Row]) -> list[tuple[int, str, Row]]:
    """The records of these rows: how many rows each accounts for, the metric and the event."""
    table = pa.Table.from_pylist(rows)
    found = {name: _lookup(lines) for name, lines in lookups.items()}
    shaper = make(source, replace(SITE, lookups=found), table.schema.names)
    pieces = [shaper.feed(batch) for batch in table.to_batches()] + [shaper.finish()]
    events = []
    for piece in pieces:
        for count, payload in zip(piece.rows, piece.payload, strict=True):
            event = json.loads(payload)["attributes"]["events"]["data"][0]["attributes"]
            events.append((count, event["metric"]["data"]["attributes"]["name"], event))
    return events


def _lookup(rows: list[Row]) -> Callable[[], Iterator[pa.RecordBatch]]:
    return lambda: iter(pa.Table.from_pylist(rows).to_batches()) if rows else iter(())


def placed(*rows: Row, **lookups: list[Row]) -> Row:
    """The properties of the Placed Order of these rows."""
    (_, _, event), *_ = made(EventShaper, ORDERS, list(rows), **lookups)
    properties: Row = event["properties"]
    return properties


# ---- orders -----------------------------------------------------------------------------------------------


def test_the_event_of_an_order_has_the_name_that_the_store_gives_it() -> None:
    table = pa.Table.from_pylist([row(1, "SalesOrd")])
    shaper = EventShaper(ORDERS, replace(SITE, placed_order="Order Completed"), table.schema.names)
    shaper.feed(table.to_batches()[0])
    order, line = (json.loads(payload) for payload in shaper.finish().payload)
    names = [
        each["attributes"]["events"]["data"][0]["attributes"]["metric"]["data"]["attributes"]["name"]
        for each in (order, line)
    ]
    assert names == ["Order Completed", "Ordered Product"]


def test_the_website_is_a_number_and_a_name_and_else_the_subsidiary() -> None:
    formula = {"website": "Outlet", "formulatext": None, "formulatext_1": "NSK website 2"}
    found = placed(row(1, "SalesOrd", **formula))
    assert (found["NetSuite Website ID"], found["NetSuite Website"]) == (2, "Outlet")
    assert "NetSuite Subsidiary" not in found
    assert "formulatext_1" not in found
    select = placed(row(1, "SalesOrd", website="2", website__text="Outlet"))
    assert (select["NetSuite Website ID"], select["NetSuite Website"]) == (2, "Outlet")
    none = placed(row(1, "SalesOrd", formulatext="NSK website "))
    assert (none["NetSuite Subsidiary ID"], none["NetSuite Subsidiary"]) == (3, "Iberia")
    assert "NetSuite Website ID" not in none


def test_the_lines_name_the_website_too() -> None:
    _, (_, _, line) = made(EventShaper, ORDERS, [row(1, "SalesOrd", website="2", website__text="Outlet")])
    assert line["properties"]["NetSuite Website ID"] == 2


@pytest.mark.parametrize(("children", "product"), [([12], "9"), ([], "12"), (None, "9")])
def test_only_a_matrix_child_is_a_variant_of_its_parent(children: list[int] | None, product: str) -> None:
    lookups = {} if children is None else {MATRIX_CHILDREN: [{"internalid": id_} for id_ in children]}
    (item,) = placed(row(1, "SalesOrd", **{"item.parent": "9"}), **lookups)["Items"]
    assert (item["ProductID"], item["VariantID"]) == (product, "12")


def test_items_have_image_brand_and_categories_where_the_search_has() -> None:
    more = {"item.imageurl": "red.jpg", "item.manufacturer": "Alpine", "item.category": "Tents"}
    found = placed(row(1, "SalesOrd", **more), row(1, "SalesOrd", lineuniquekey=11, **more))
    assert found["Items"][0]["ImageURL"] == "https://shop.example/red.jpg"
    assert (found["Brands"], found["Categories"]) == (["Alpine"], ["Tents"])
    _, (_, _, line), _ = made(
        EventShaper, ORDERS, [row(1, "SalesOrd", **more), row(1, "SalesOrd", lineuniquekey=11)]
    )
    assert (line["properties"]["ProductBrand"], line["properties"]["Categories"]) == ("Alpine", ["Tents"])


def test_addresses_discounts_and_more_have_klaviyos_names() -> None:
    found = placed(
        row(
            1,
            "SalesOrd",
            shipaddressee="Ann Van Poe",
            shipaddress1="Main St 1",
            shipcity="Ghent",
            billcountrycode="BE",
            promocode="7",
            promocode__text="SPRING",
            discountamount=-5.0,
            taxtotal=1.5,
            shippingamount=4.0,
        )
    )
    shipping = {"FirstName": "Ann", "LastName": "Van Poe", "Address1": "Main St 1", "City": "Ghent"}
    assert found["ShippingAddress"] == shipping
    assert found["BillingAddress"] == {"CountryCode": "BE"}
    assert (found["DiscountCode"], found["DiscountValue"]) == ("SPRING", 5.0)
    assert (found["Tax"], found["Shipping"]) == (1.5, 4.0)


def test_what_means_nothing_to_a_marketer_is_left_out_and_added_columns_flow_through() -> None:
    nothing = {"createdfrom": "5", "createdfrom__text": "Quote #5", "closed": False, "otherrefnum": "PO1"}
    added = {"custbody_channel": "Web", "custcol_gift": "Hi", "options": "Size: L", "location": "1"}
    order, line = (
        event["properties"]
        for _, _, event in made(
            EventShaper, ORDERS, [row(1, "SalesOrd", **nothing, **added, quantityshiprecv=1)]
        )
    )
    assert not {*nothing, "line", "lastmodifieddate", "location", "quantityshiprecv"} & (
        set(order) | set(line)
    )
    assert order["custbody_channel"] == "Web"
    assert (line["custcol_gift"], line["options"]) == ("Hi", "Size: L")
    assert "options" not in order


def test_amounts_in_another_currency_stand_beside_those_in_the_base_currency() -> None:
    foreign = {"exchangerate": 1.25, "fxamount": 32.0, "rate": 16.0}
    found = placed(row(1, "SalesOrd", **foreign))
    assert found["NetSuite Currency Total"] == 36.4
    item = found["Items"][0]
    assert (item["ItemPrice"], item["RowTotal"], item["NetSuite Currency Amount"]) == (20.0, 40.0, 32.0)
    plain = placed(row(1, "SalesOrd", exchangerate=1.0, fxamount=40.0))
    assert "NetSuite Currency Total" not in plain
    assert "NetSuite Currency Amount" not in plain["Items"][0]


def test_a_price_in_the_base_currency_does_not_depend_on_what_stands_beside_it() -> None:
    rows = [
        row(1, "SalesOrd", rate=0.00345, exchangerate=1.0),
        row(2, "SalesOrd", rate=0.00345, exchangerate=None),
        row(3, "SalesOrd", rate=0.00345, exchangerate=1.5),
        row(4, "SalesOrd", rate=None, exchangerate=1.0),
    ]
    lines = [event for _, name, event in made(EventShaper, ORDERS, rows) if name == "Ordered Product"]
    prices = [line["properties"].get("ItemPrice") for line in lines]
    assert prices == [0.00345, 0.00345, 0.0052, None]


def test_a_store_gives_properties_other_names_or_leaves_them_out() -> None:
    table = pa.Table.from_pylist([row(1, "SalesOrd", salesrep="4", salesrep__text="Kim")])
    names = {"NetSuite Sales Rep": "Rep", "ItemNames": None}
    shaper = EventShaper(ORDERS, replace(SITE, names=names), table.schema.names)
    shaper.feed(table.to_batches()[0])
    order = json.loads(shaper.finish().payload[0])
    properties = order["attributes"]["events"]["data"][0]["attributes"]["properties"]
    assert properties["Rep"] == "Kim"
    assert not {"NetSuite Sales Rep", "ItemNames"} & set(properties)


# ---- cancellations ----------------------------------------------------------------------------------------


def cancelled(rows: list[Row], cut: int, rejected: Collection[int] = ()) -> dict[str, Row]:
    """The events of these rows, of which those with the line keys ``rejected`` are no valid ones."""
    table = pa.Table.from_pylist(rows)

    def read(_: str, columns: Collection[str]) -> Iterator[pa.RecordBatch]:
        there = [name for name in columns if name in table.schema.names]
        return iter(table.select(there).to_batches(max_chunksize=cut))

    def valid(_: str) -> Iterator[pa.RecordBatch]:
        turned_down = pc.is_in(table["lineuniquekey"], pa.array(rejected, pa.int64()))
        return iter(table.filter(pc.invert(turned_down)).to_batches(max_chunksize=cut))

    def nothing(_: str) -> Iterator[pa.RecordBatch]:
        return iter(())

    known = Known(
        extracted=read,
        valid=valid,
        mapped=read,
        deleted=nothing,
        ledger=nothing,
        site=lambda _: SITE,
        whole=False,
    )
    payloads = [payload for made in cancellations(known) for payload in made.payload]
    events = [json.loads(payload)["attributes"]["events"]["data"][0]["attributes"] for payload in payloads]
    return {event["unique_id"]: event for event in events}


@pytest.mark.parametrize("cut", [1, 2, 3, 100])
def test_an_order_is_cancelled_if_nothing_of_it_was_shipped(cut: int) -> None:
    rows = [
        row(1, "SalesOrd", statusref="pendingFulfillment", quantityshiprecv=0.0),
        row(2, "SalesOrd", statusref="cancelled", quantityshiprecv=0.0),
        row(3, "SalesOrd", statusref="closed", quantityshiprecv=0.0),
        row(3, "SalesOrd", statusref="closed", quantityshiprecv=1.0, lineuniquekey=31),
        row(4, "SalesOrd", statusref="closed", quantityshiprecv=0.0),
        row(4, "SalesOrd", statusref="closed", quantityshiprecv=0.0, lineuniquekey=41),
    ]
    found = cancelled(rows, cut)
    assert set(found) == {"netsuite-2", "netsuite-4"}
    event = found["netsuite-4"]
    assert (event["value"], event["time"], len(event["properties"]["Items"])) == (
        45.5,
        "2026-04-01T08:00:00Z",
        2,
    )


@pytest.mark.parametrize("cut", [1, 100])
def test_what_was_shipped_is_told_by_rejected_lines_too(cut: int) -> None:
    rows = [
        row(1, "SalesOrd", statusref="closed", quantityshiprecv=0.0),
        row(1, "SalesOrd", statusref="closed", quantityshiprecv=1.0, amount=None, lineuniquekey=11),
        row(2, "SalesOrd", statusref="closed", quantityshiprecv=0.0),
        row(2, "SalesOrd", statusref="closed", quantityshiprecv=None, amount=None, lineuniquekey=21),
        row(3, "SalesOrd", statusref="cancelled", quantityshiprecv=0.0),
        row(3, "SalesOrd", statusref="cancelled", quantityshiprecv=1.0, amount=None, lineuniquekey=31),
    ]
    assert set(cancelled(rows, cut, rejected=[11, 21, 31])) == {"netsuite-2", "netsuite-3"}


def test_without_a_column_that_tells_a_closed_order_may_have_been_shipped() -> None:
    assert set(
        cancelled([row(1, "SalesOrd", statusref="closed"), row(2, "SalesOrd", statusref="cancelled")], 9)
    ) == {"netsuite-2"}


# ---- fulfilments and refunds ------------------------------------------------------------------------------


def test_the_last_fulfilment_of_a_shipped_order_is_the_fulfilled_order() -> None:
    parcel = {"createdfrom": "1", "createdfrom.tranid": "SO1", "createdfrom.statusref": "fullyBilled"}
    rows = [
        row(5, "ItemShip", trackingnumbers="1Z1<BR>1Z2", **parcel),
        row(6, "ItemShip", trackingnumbers=None, **parcel),
        row(6, "ItemShip", trackingnumbers=None, lineuniquekey=61, **parcel),
        row(
            7,
            "ItemShip",
            trackingnumbers="1Z3",
            **parcel | {"createdfrom": "2", "createdfrom.statusref": "pendingFulfillment"},
        ),
    ]
    last = [{"internalid": 6, "total": 60.0}, {"internalid": 7, "total": 10.0}]
    found = made(FulfilmentShaper, FULFILMENTS, rows, **{LAST_FULFILMENTS: last})
    assert [(count, name, event["unique_id"], event.get("value")) for count, name, event in found] == [
        (1, "Partially Fulfilled Order", "netsuite-5", None),
        (2, "Fulfilled Order", "netsuite-1-fulfilled", 60.0),
        (1, "Partially Fulfilled Order", "netsuite-7", None),
    ]
    first = found[0][2]["properties"]
    assert (first["OrderId"], first["NetSuite Order ID"]) == ("SO1", "1")
    assert first["TrackingNumbers"] == ["1Z1", "1Z2"]
    assert "TrackingNumbers" not in found[1][2]["properties"]
    assert len(found[1][2]["properties"]["Items"]) == 2


def test_a_refund_is_counted_up_and_told_with_its_order() -> None:
    back = {"total": -40.0, "quantity": -2.0, "amount": -40.0, "createdfrom": "1", "memomain": "Too small"}
    lookup = [
        {"internalid": 5, "order": 1, "number": "SO1", "total": 100.0, "refunded": 40.0, "whole": False},
        {"internalid": 6, "order": 1, "number": "SO1", "total": 100.0, "refunded": 100.0, "whole": True},
    ]
    rows = [row(id_, "CustCred", **back) for id_ in (5, 6, 7)]
    found = made(RefundShaper, REFUNDS, rows, **{REFUNDED: lookup})
    assert [(name, event["unique_id"], event["value"]) for _, name, event in found] == [
        ("Partially Refunded Order", "netsuite-5", 40.0),
        ("Refunded Order", "netsuite-1", 100.0),
        ("Partially Refunded Order", "netsuite-7", 40.0),
    ]
    told = found[0][2]["properties"]
    assert (told["OrderId"], told["RefundedTotal"], told["OrderTotal"]) == ("SO1", 40.0, 100.0)
    assert (told["Reason"], told["RefundId"]) == ("Too small", "CustCred5")
    assert (told["Items"][0]["Quantity"], told["Items"][0]["RowTotal"]) == (2.0, 40.0)
    assert not {"OrderId", "RefundedTotal", "OrderTotal"} & set(found[2][2]["properties"])


# ---- opportunities and quotes -----------------------------------------------------------------------------


def test_an_opportunity_is_an_event_and_its_end_another() -> None:
    header = {
        "item": None,
        "item__text": None,
        "quantity": None,
        "rate": None,
        "amount": 90.0,
        "mainline": "*",
    }
    deal = {"projectedamount": 90.0, "probability": 60.0, "closedate": None, "title": "Fleet"}
    won = {"statusref": "closedWon", "closedate": date(2026, 5, 2)}
    rows = [
        row(1, "Opprtnty", **deal, **header),
        row(2, "Opprtnty", **deal | won | header),
        row(2, "Opprtnty", lineuniquekey=21, **deal | won, mainline=None),
        row(3, "Opprtnty", **deal | {"statusref": "closedLost"} | header),
    ]
    found = made(OpportunityShaper, OPPORTUNITIES, rows)
    assert [(count, name, event["unique_id"], event["time"]) for count, name, event in found] == [
        (1, "Opportunity", "netsuite-1", "2026-03-01T09:30:00Z"),
        (2, "Opportunity", "netsuite-2", "2026-03-01T09:30:00Z"),
        (0, "Opportunity Won", "netsuite-2-won", "2026-05-02T12:00:00Z"),
        (1, "Opportunity", "netsuite-3", "2026-03-01T09:30:00Z"),
        (0, "Opportunity Lost", "netsuite-3-lost", "2026-04-01T08:00:00Z"),
    ]
    assert found[0][2]["value"] == 90.0
    assert not {"Items", "ItemNames", "mainline"} & set(found[0][2]["properties"])
    assert found[2][2]["properties"]["ItemNames"] == ["Red tent"]


def test_a_quote_is_an_event_and_its_end_another() -> None:
    due = {"duedate": date(2026, 3, 31), "title": "Fleet"}
    rows = [
        row(id_, "Estimate", **due, statusref=status)
        for id_, status in enumerate(("open", "processed", "expired", "closed", "voided"), 1)
    ]
    ends: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for _, name, event in made(QuoteShaper, QUOTES, rows):
        assert event["value"] == 45.5
        ends[name].append((event["unique_id"], event["time"]))
    assert len(ends.pop("Quote")) == 5
    assert dict(ends) == {
        "Quote Accepted": [("netsuite-2-accepted", "2026-04-01T08:00:00Z")],
        "Quote Expired": [("netsuite-3-expired", "2026-03-31T12:00:00Z")],
        "Quote Declined": [("netsuite-4-declined", "2026-04-01T08:00:00Z")],
    }


# ---- storefronts ------------------------------------------------------------------------------------------


def storefront_rows() -> pa.RecordBatch:
    moment = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
    return pa.RecordBatch.from_arrays(
        [
            pa.array([7, 8], pa.int64()),
            pa.array(["a@x.example", "b@x.example"]),
            pa.array([1, None], pa.int64()),
            pa.array(['The "Main" shop', None]),
            pa.array([[1, 2], []], pa.list_(pa.int64())),
            *(pa.array([moment, moment], pa.timestamp("s", tz="UTC")) for _ in range(2)),
        ],
        names=["address", "email", "original_id", "original", "websites", "first", "last"],
    )


def storefronts(names: Mapping[str, str | None]) -> list[Row]:
    site = replace(SITE, lookups={STOREFRONT_LOOKUP: lambda: iter([storefront_rows()])}, names=names)
    (records,) = storefronts_of(site)
    assert (records.id, records.rows, records.key) == ([7, 8], [0, 0], ["a@x.example", "b@x.example"])
    return [json.loads(payload)["attributes"]["properties"] for payload in records.payload]


def test_a_profile_tells_its_websites_and_what_is_not_known_is_left_unset() -> None:
    first, second = storefronts({})
    dates = {f"NetSuite {name} Order Date": "2026-01-15T10:00:00Z" for name in ("First", "Last")}
    assert first == dates | {
        "NetSuite Original Website ID": 1,
        "NetSuite Original Website": 'The "Main" shop',
        "NetSuite Website IDs": [1, 2],
    }
    assert second == dates


def test_a_store_may_leave_out_any_of_a_profiles_properties() -> None:
    dates = {f"NetSuite {name} Order Date": None for name in ("First", "Last")}
    first, second = storefronts(dates | {"NetSuite Original Website": "Shop"})
    assert first == {
        "NetSuite Original Website ID": 1,
        "Shop": 'The "Main" shop',
        "NetSuite Website IDs": [1, 2],
    }
    assert second == {}
    every = ("NetSuite Original Website ID", "NetSuite Original Website", "NetSuite Website IDs")
    assert storefronts(dates | dict.fromkeys(every)) == [{}, {}]
