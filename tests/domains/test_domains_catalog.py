"""Rows of items and matrix children to catalog items and variants."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from netsuite_connector.domains.catalog import (
    DOMAIN,
    ITEMS,
    OWN_VARIANTS,
    VARIANTS,
    ItemShaper,
    catalog_domain,
    to_update,
)
from netsuite_connector.domains.model import Kind, Records, Site, Source

SITE = Site(
    "demo",
    "https://shop.example",
    "{url}/{urlcomponent}",
    "{url}/img/{image}",
    "US",
    "USD",
    "2026-01-01T00:00:00Z",
)
ROW: dict[str, Any] = {
    "internalid": 12,
    "itemid": "TENT-2",
    "displayname": "Two-person tent",
    "salesdescription": "Light and dry.",
    "type": "InvtPart",
    "type__text": "Inventory Item",
    "quantityavailable": 4.0,
    "baseprice": 250.0,
    "urlcomponent": "tent-2",
    "imageurl": "tent.jpg",
    "parent": None,
    "isinactive": False,
    "isonline": True,
    "custitem_material": "Nylon",
    "price": 199.5,
    "image": "https://shop.example/img/tent.jpg",
    "categories": ["3", "8"],
    "categories__text": ["Tents", "Offers"],
    "standalone": True,
}


def records(source: Source, **changes: Any) -> Records:
    batch = pa.RecordBatch.from_pylist([ROW | changes])
    return ItemShaper(source, SITE, batch.schema.names).feed(batch)


def shaped(source: Source, **changes: Any) -> tuple[bytes, dict[str, Any]]:
    [payload] = records(source, **changes).payload
    return payload, json.loads(payload)


def test_an_item_holds_the_mandatory_fields_and_its_categories() -> None:
    assert shaped(ITEMS)[1] == {
        "type": "catalog-item",
        "attributes": {
            "external_id": "12",
            "integration_type": "$custom",
            "catalog_type": "$default",
            "title": "Two-person tent",
            "description": "Light and dry.",
            "price": 199.5,
            "url": "https://shop.example/tent-2",
            "image_full_url": "https://shop.example/img/tent.jpg",
            "custom_metadata": {
                "sku": "TENT-2",
                "type": "Inventory Item",
                "quantity_available": 4.0,
                "custitem_material": "Nylon",
            },
            "published": True,
        },
        "relationships": {
            "categories": {
                "data": [
                    {"type": "catalog-category", "id": "$custom:::$default:::3"},
                    {"type": "catalog-category", "id": "$custom:::$default:::8"},
                ]
            }
        },
    }


def test_a_matrix_child_is_a_variant_of_its_parent() -> None:
    _, variant = shaped(
        VARIANTS,
        internalid=13,
        itemid="TENT : TENT-RED",
        displayname=None,
        parent="12",
        quantityavailable=None,
    )
    assert variant["type"] == "catalog-variant"
    assert variant["relationships"] == {
        "item": {"data": {"type": "catalog-item", "id": "$custom:::$default:::12"}}
    }
    attributes = variant["attributes"]
    assert (attributes["sku"], attributes["title"], attributes["inventory_quantity"]) == (
        "TENT-RED",
        "TENT-RED",
        0,
    )


def test_an_item_that_stands_alone_is_its_own_variant() -> None:
    _, variant = shaped(OWN_VARIANTS)
    assert variant["attributes"]["external_id"] == "12"
    assert variant["relationships"]["item"]["data"]["id"] == "$custom:::$default:::12"
    assert variant["attributes"]["inventory_quantity"] == 4.0


def test_variants_are_remembered_with_their_item() -> None:
    made = records(VARIANTS, internalid=13, itemid="TENT : TENT-RED", parent="12")
    assert (made.id, made.sub) == ([13], [12])
    assert (records(OWN_VARIANTS).id, records(OWN_VARIANTS).sub) == ([12], [12])


def test_an_update_names_the_item_and_leaves_out_what_cannot_change() -> None:
    payload, created = shaped(ITEMS)
    update = json.loads(to_update(payload))
    assert update["id"] == "$custom:::$default:::12"
    assert set(created["attributes"]) - set(update["attributes"]) == {
        "external_id",
        "integration_type",
        "catalog_type",
    }
    assert update["relationships"] == created["relationships"], "an item may change its categories"
    variant, _ = shaped(VARIANTS, parent="12")
    assert set(json.loads(to_update(variant))) == {"type", "id", "attributes"}, "but no variant its item"


def test_what_leaves_goes_first_then_come_categories_items_and_variants() -> None:
    assert [(source.name, source.kind) for source in DOMAIN.delivered] == [
        ("gone_variants", Kind.VARIANT_CHANGE),
        ("gone_items", Kind.ITEM_CHANGE),
        ("categories", Kind.CATEGORY),
        ("items", Kind.ITEM),
        ("own_variants", Kind.VARIANT),
        ("variants", Kind.VARIANT),
    ]
    kinds = [source.kind for source in catalog_domain(delete=True).delivered]
    assert kinds[:2] == [Kind.VARIANT_DELETION, Kind.ITEM_DELETION]


def test_lookups_are_read_where_the_store_needs_them() -> None:
    def names(**settings: Any) -> list[str]:
        return [source.name for source in catalog_domain(**settings).extracted if source.kind is None]

    assert names() == ["matrix_parents", "item_categories"]
    assert names(level="5", folder="3") == ["matrix_parents", "item_categories", "item_prices", "images"]
    [prices] = [source for source in catalog_domain(currency="2").sources if source.name == "item_prices"]
    assert prices.only == {"pricing.pricelevel": ("1",), "pricing.currency": ("2",)}, "base prices"
