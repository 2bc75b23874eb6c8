"""Order lines to events."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from netsuite_connector.domains.model import Site
from netsuite_connector.domains.orders import ORDERS, EventShaper

SITE = Site(
    "demo",
    "https://shop.example",
    "{url}/{urlcomponent}",
    "{url}/{image}",
    "US",
    "EUR",
    "2026-01-01T00:00:00Z",
)


def line(order: int, key: int, **changes: Any) -> dict[str, Any]:
    return {
        "internalid": order,
        "lineuniquekey": key,
        "tranid": f"SO{order}",
        "type": "SalesOrd",
        "type__text": "Sales Order",
        "datecreated": datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        "total": 45.5,
        "customermain.email": "Jane@shop.example",
        "shipcountrycode": "DE",
        "item": "12",
        "item__text": "TENT : TENT-RED",
        "item.displayname": "Red tent",
        "item.parent": None,
        "item.urlcomponent": "tent",
        "quantity": 2.0,
        "rate": 20.0,
        "amount": 40.0,
        "memo": None,
        "custbody_channel": "Web",
        "custcol_gift": None,
    } | changes


def events(
    rows: list[dict[str, Any]], cuts: list[int] | None = None
) -> tuple[list[dict[str, Any]], list[tuple[int, int, int]]]:
    table = pa.Table.from_pylist(rows)
    shaper = EventShaper(ORDERS, SITE, table.schema.names)
    places = [0, *sorted(cut % (len(rows) + 1) for cut in cuts or []), len(rows)]
    pieces = [
        shaper.feed(table.slice(a, b - a).combine_chunks().to_batches(None)[0])
        for a, b in itertools.pairwise(places)
        if b > a
    ]
    pieces.append(shaper.finish())
    payloads = [json.loads(payload) for piece in pieces for payload in piece.payload]
    keys = [key for piece in pieces for key in zip(piece.id, piece.sub, piece.rows, strict=True)]
    return payloads, keys


def attributes(element: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = element["attributes"]["events"]["data"][0]["attributes"]
    return result


def test_an_order_is_one_event_and_one_a_line() -> None:
    elements, keys = events(
        [line(5, 51), line(5, 52, item="13", **{"item.parent": "9", "custcol_gift": "Happy birthday"})]
    )
    assert keys == [(5, 0, 0), (5, 51, 1), (5, 52, 1)]
    order, first, second = (attributes(element) for element in elements)
    assert [e["metric"]["data"]["attributes"]["name"] for e in (order, first, second)] == [
        "Placed Order",
        "Ordered Product",
        "Ordered Product",
    ]
    assert [e["unique_id"] for e in (order, first, second)] == [
        "netsuite-5",
        "netsuite-5-51",
        "netsuite-5-52",
    ]
    assert (order["value"], order["value_currency"], order["time"]) == (45.5, "EUR", "2026-03-01T09:30:00Z")
    assert (first["value"], first["properties"]["Quantity"]) == (40.0, 2.0)
    assert order["properties"]["ItemNames"] == ["Red tent", "Red tent"]
    assert order["properties"]["ShippingAddress"] == {"CountryCode": "DE"}
    assert order["properties"]["custbody_channel"] == "Web"
    assert (second["properties"]["ProductID"], second["properties"]["VariantID"]) == ("9", "13")
    assert second["properties"]["custcol_gift"] == "Happy birthday"
    assert first["properties"]["SKU"] == "TENT-RED"
    assert all(
        e["attributes"]["profile"]["data"]["attributes"] == {"email": "jane@shop.example"} for e in elements
    )


@given(st.lists(st.integers(1, 4), min_size=1, max_size=8), st.lists(st.integers(0, 40), max_size=5))
def test_where_batches_are_cut_changes_nothing(sizes: list[int], cuts: list[int]) -> None:
    rows = [line(order, order * 10 + n) for order, size in enumerate(sizes, 1) for n in range(size)]
    whole, keys = events(rows)
    assert events(rows, cuts) == (whole, keys)
    assert sum(count for _, _, count in keys) == len(rows)
    assert keys == sorted(keys)


def test_an_order_of_before_is_history_and_wakes_no_flow() -> None:
    old, _ = events([line(5, 51, datecreated=datetime(2025, 12, 31, 23, 59, tzinfo=UTC))])
    new, _ = events([line(6, 61)])
    assert [attributes(element).get("backfill") for element in old] == [True, True]
    assert [attributes(element).get("backfill") for element in new] == [None, None]
