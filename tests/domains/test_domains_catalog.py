"""Rows of items and matrix children to catalog items and variants."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from netsuite_connector.domains.catalog import ITEMS, VARIANTS, ItemShaper, to_update
from netsuite_connector.domains.model import Site, Source

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
    "baseprice": 199.5,
    "urlcomponent": "tent-2",
    "imageurl": "tent.jpg",
    "parent": None,
    "custitem_material": "Nylon",
}


def shaped(source: Source, **changes: Any) -> tuple[bytes, dict[str, Any]]:
    batch = pa.RecordBatch.from_pylist([ROW | changes])
    records = ItemShaper(source, SITE, batch.schema.names).feed(batch)
    return records.payload[0], json.loads(records.payload[0])


def test_an_item_holds_the_mandatory_fields() -> None:
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
    assert variant["relationships"]["item"]["data"] == {
        "type": "catalog-item",
        "id": "$custom:::$default:::12",
    }
    attributes = variant["attributes"]
    assert (attributes["sku"], attributes["title"], attributes["inventory_quantity"]) == (
        "TENT-RED",
        "TENT-RED",
        0,
    )


def test_an_update_names_the_item_and_leaves_out_what_cannot_change() -> None:
    payload, created = shaped(ITEMS)
    update = json.loads(to_update(payload))
    assert update["id"] == "$custom:::$default:::12"
    assert set(created["attributes"]) - set(update["attributes"]) == {
        "external_id",
        "integration_type",
        "catalog_type",
    }
    variant, _ = shaped(VARIANTS, parent="12")
    assert set(json.loads(to_update(variant))) == {"type", "id", "attributes"}
