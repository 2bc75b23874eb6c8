"""Stock and prices as partial updates."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from test_domains_catalog import SITE

from netsuite_connector.domains.model import Known, Records
from netsuite_connector.domains.stock import (
    CHANGED_ITEMS,
    CHANGED_OWN_VARIANTS,
    CHANGED_VARIANTS,
    DOMAIN,
    STOCK,
    stock_domain,
)


def batch(rows: list[tuple[int, float]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "internalid": pa.array([id_ for id_, _ in rows], pa.int64()),
            "inventorylocation": ["1"] * len(rows),
            "quantityavailable": pa.array([total for _, total in rows], pa.float64()),
        }
    )


def changes(made: Records) -> list[tuple[str, int, dict[str, Any]]]:
    """Key, rows and changed attributes of each record."""
    return [
        (key, rows, json.loads(payload)["attributes"])
        for key, rows, payload in zip(made.key, made.rows, made.payload, strict=True)
    ]


def test_the_rows_of_all_locations_are_one_change_with_the_total() -> None:
    shaper = DOMAIN.shaper(STOCK, SITE, ())
    first = shaper.feed(batch([(1, 5.0), (1, 5.0), (2, 0.0)]))
    assert changes(first) == [("1", 2, {"inventory_quantity": 5.0})]
    assert changes(shaper.finish()) == [("2", 1, {"inventory_quantity": 0.0})]


@given(st.lists(st.integers(1, 4), max_size=12), st.integers(1, 5))
def test_every_row_is_accounted_for_wherever_batches_end(locations: list[int], size: int) -> None:
    rows = [(id_, float(id_)) for id_, count in enumerate(locations, 1) for _ in range(count)]
    shaper = DOMAIN.shaper(STOCK, SITE, ())
    made = [shaper.feed(batch(rows[start : start + size])) for start in range(0, len(rows), size)]
    found = [line for records in (*made, shaper.finish()) for line in changes(records)]
    assert [(int(key), count) for key, count, _ in found] == list(enumerate(locations, 1))
    assert [attributes["inventory_quantity"] for *_, attributes in found] == [
        float(id_) for id_ in range(1, len(locations) + 1)
    ]


def test_a_price_changes_alone_and_that_of_a_variant_with_its_stock() -> None:
    rows = pa.RecordBatch.from_pydict(
        {"internalid": [7, 8], "price": [9.5, 3.0], "quantityavailable": [4.0, None]}
    )
    price, other = {"price": 9.5}, {"price": 3.0}
    for source, type_, expected in (
        (CHANGED_ITEMS, "catalog-item", [price, other]),
        (
            CHANGED_VARIANTS,
            "catalog-variant",
            [price | {"inventory_quantity": 4.0}, other | {"inventory_quantity": 0}],
        ),
    ):
        made = DOMAIN.shaper(source, SITE, ()).feed(rows)
        assert [json.loads(payload) for payload in made.payload] == [
            {"type": type_, "id": f"$custom:::$default:::{id_}", "attributes": attributes}
            for id_, attributes in zip((7, 8), expected, strict=True)
        ]


def test_stock_that_was_read_last_is_sent_last() -> None:
    names = [source.name for source in DOMAIN.sources]
    assert DOMAIN.in_order
    assert names.index(STOCK.name) < names.index(CHANGED_ITEMS.name) < names.index(CHANGED_OWN_VARIANTS.name)
    assert names.index(STOCK.name) < names.index(CHANGED_VARIANTS.name)


def test_an_item_that_stands_alone_changes_its_own_variant_too() -> None:
    rows = pa.RecordBatch.from_pydict(
        {
            "internalid": [7, 8],
            "price": [9.5, 3.0],
            "quantityavailable": [4.0, 1.0],
            "standalone": [True, False],
        }
    )
    known = Known(
        extracted=lambda *_: iter(()),
        valid=lambda _: iter([rows]),
        mapped=lambda *_: iter(()),
        deleted=lambda _: iter(()),
        ledger=lambda _: iter(()),
        site=lambda _: SITE,
        whole=False,
    )
    assert DOMAIN.derive is not None
    [made] = DOMAIN.derive(CHANGED_OWN_VARIANTS, SITE, known)
    assert changes(made) == [("7", 0, {"price": 9.5, "inventory_quantity": 4.0})]


def test_stock_is_read_by_its_own_stamp_and_the_last_hour_again() -> None:
    assert STOCK.stamp == "lastquantityavailablechange"
    assert DOMAIN.overlap_minutes == 60


def test_prices_of_a_level_need_a_lookup() -> None:
    assert "item_prices" not in [source.name for source in DOMAIN.sources]
    assert "item_prices" in [source.name for source in stock_domain(level="5").sources]
