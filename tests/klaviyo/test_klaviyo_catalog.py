"""The whole life of a catalog: created, changed in parts, read back, listed and deleted."""

from __future__ import annotations

import urllib.parse

import orjson
import pytest
from klaviyo_canned import Canned, Reply
from klaviyo_records import (
    Connect,
    category,
    category_update,
    deletion,
    deliver,
    item,
    item_update,
    one_batch,
    shelved,
    variant,
    variant_update,
)

from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import COMPOUND, Bulk, CatalogKind
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount


def test_categories_are_created_renamed_found_and_deleted(connect: Connect) -> None:
    client = connect()
    created = deliver(client, Bulk.CATEGORY_CREATE, category("C1", "Mugs"), category("C2", "Cups & more"))
    assert (created.failed, created.rejected) == (0, ())
    assert client.existing_categories(["C1", "C2", "C3"]) == {"C1", "C2"}
    assert deliver(client, Bulk.CATEGORY_UPDATE, category_update("C1", "Big mugs")).failed == 0
    names = {
        found["attributes"]["external_id"]: found["attributes"]["name"]
        for found in client.catalog.read(CatalogKind.CATEGORY, ["C1", "C2"], ["name"])
    }
    assert names == {"C1": "Big mugs", "C2": "Cups & more"}
    assert deliver(client, Bulk.CATEGORY_DELETE, deletion("catalog-category", "C1")).failed == 0
    assert client.existing_categories(["C1", "C2"]) == {"C2"}


def test_a_category_that_is_there_and_one_that_is_not_are_rerouted(connect: Connect) -> None:
    client = connect()
    deliver(client, Bulk.CATEGORY_CREATE, category("C1", "Mugs"))
    created = deliver(client, Bulk.CATEGORY_CREATE, category("C1", "Mugs"), category("C2", "Cups"))
    assert (created.rerouted, created.rejected, created.unplaced) == (("C1",), (), 0)
    updated = deliver(
        client, Bulk.CATEGORY_UPDATE, category_update("C9", "Hats"), category_update("C2", "Tea cups")
    )
    assert (updated.rerouted, updated.rejected, updated.unplaced) == (("C9",), (), 0)


def test_items_are_put_into_categories_and_into_others(connect: Connect) -> None:
    client = connect()
    deliver(client, Bulk.CATEGORY_CREATE, category("C1", "Mugs"), category("C2", "Cups"))
    assert deliver(client, Bulk.ITEM_CREATE, shelved(item("I1"), "C1"), item("I2")).failed == 0
    assert in_category(client, "C1") == {"I1"}
    assert deliver(client, Bulk.ITEM_UPDATE, shelved(item_update("I1"), "C2")).failed == 0
    assert (in_category(client, "C1"), in_category(client, "C2")) == (set(), {"I1"})
    # a price alone leaves the categories as they are
    assert deliver(client, Bulk.ITEM_UPDATE, item_update("I1", price=3.5)).failed == 0
    assert in_category(client, "C2") == {"I1"}


def test_an_item_of_a_category_that_is_not_there_is_rejected(connect: Connect) -> None:
    result = deliver(connect(), Bulk.ITEM_CREATE, shelved(item("I1"), "nowhere"), item("I2"))
    assert [rejection.key for rejection in result.rejected] == ["I1"]
    assert result.rerouted == ()


def test_stock_and_prices_alone_leave_the_rest_as_it_was(connect: Connect) -> None:
    client = connect()
    deliver(client, Bulk.ITEM_CREATE, item("I1", price=10, image_full_url="https://shop.test/mug.png"))
    deliver(client, Bulk.VARIANT_CREATE, variant("V1", "I1"), variant("V2", "I1"))
    assert deliver(client, Bulk.ITEM_UPDATE, item_update("I1", price=8.5)).failed == 0
    changed = deliver(
        client,
        Bulk.VARIANT_UPDATE,
        variant_update("V1", inventory_quantity=0),
        variant_update("V2", price=7.25),
    )
    assert changed.failed == 0
    [found] = client.catalog.read(CatalogKind.ITEM, ["I1"], ["price", "title", "image_full_url"])
    assert found["attributes"] == {
        "external_id": "I1",
        "price": 8.5,
        "title": "Mug",
        "image_full_url": "https://shop.test/mug.png",
    }
    variants = {
        found["attributes"]["external_id"]: (
            found["attributes"]["inventory_quantity"],
            found["attributes"]["price"],
            found["attributes"]["sku"],
        )
        for found in client.catalog.read(
            CatalogKind.VARIANT, ["V1", "V2", "gone"], ["inventory_quantity", "price", "sku"]
        )
    }
    assert variants == {"V1": (0, 9.9, "SKU-V1"), "V2": (4, 7.25, "SKU-V2")}


def test_all_ids_of_the_catalog_are_listed_over_many_pages(connect: Connect) -> None:
    client = connect()
    keys = [f"I{number}" for number in range(230)]
    for start in range(0, len(keys), 100):
        deliver(client, Bulk.ITEM_CREATE, *(item(key) for key in keys[start : start + 100]))
    deliver(client, Bulk.VARIANT_CREATE, variant("V1", "I1"))
    assert sorted(client.catalog.ids(CatalogKind.ITEM)) == sorted(keys)
    assert list(client.catalog.ids(CatalogKind.VARIANT)) == ["V1"]
    assert list(client.catalog.ids(CatalogKind.CATEGORY)) == []


def test_what_vanished_is_deleted_variants_first(connect: Connect, sandbox: SandboxAccount) -> None:
    client = connect()
    deliver(client, Bulk.ITEM_CREATE, item("I1"), item("I2"))
    deliver(client, Bulk.VARIANT_CREATE, variant("V1", "I1"), variant("V2", "I1"), variant("V3", "I2"))
    assert deliver(client, Bulk.VARIANT_DELETE, deletion("catalog-variant", "V1")).failed == 0
    assert set(client.catalog.ids(CatalogKind.VARIANT)) == {"V2", "V3"}
    # an item takes its variants with it
    assert deliver(client, Bulk.ITEM_DELETE, deletion("catalog-item", "I1")).failed == 0
    assert set(client.catalog.ids(CatalogKind.ITEM)) == {"I2"}
    assert set(client.catalog.ids(CatalogKind.VARIANT)) == {"V3"}


@pytest.mark.parametrize("fault", ["timeout_after_commit", "reset_after_commit"])
def test_deleting_again_after_a_lost_answer_finds_nothing_left_to_do(
    connect: Connect, sandbox: SandboxAccount, fault: str
) -> None:
    client = connect(read=0.4)
    deliver(client, Bulk.ITEM_CREATE, item("I1"), item("I2"))
    sandbox.fault(fault, endpoint="POST /api/catalog-item-bulk-delete-jobs")
    batch = one_batch(deletion("catalog-item", "I1"), deletion("catalog-item", "I2"))
    [job] = client.push(batch, Bulk.ITEM_DELETE).jobs
    result = client.follow(Bulk.ITEM_DELETE, job.id, job.records, pause=(0.03, 0.1))
    assert (result.rejected, result.rerouted, result.unplaced) == ((), (), 0)
    assert result.absent == ("I1", "I2")
    assert list(client.catalog.ids(CatalogKind.ITEM)) == []


def test_a_delete_that_fails_while_the_item_stays_is_rejected(client: KlaviyoClient, canned: Canned) -> None:
    entry = {"code": "error", "title": "Error", "detail": "Busy.", "source": {}}
    entries = [
        entry | {"source": {"pointer": f"/data/attributes/items/data/{position}"}} for position in range(2)
    ]
    counts = {"total_count": 2, "completed_count": 0, "failed_count": 2}
    canned.replies = [
        Reply(200, {"data": {"id": "J1", "attributes": {"status": "complete", "errors": entries, **counts}}}),
        Reply(200, {"data": [{"id": COMPOUND + "I1", "attributes": {"external_id": "I1"}}], "links": {}}),
    ]
    records = [deletion("catalog-item", "I1"), deletion("catalog-item", "I2")]
    result = client.follow(Bulk.ITEM_DELETE, "J1", records)
    assert [(r.key, r.reasons) for r in result.rejected] == [("I1", ("Klaviyo: Busy.",))]
    assert (result.absent, result.unplaced) == (("I2",), 0)


def test_a_read_asks_only_for_the_fields_that_are_wanted(client: KlaviyoClient, canned: Canned) -> None:
    canned.replies = [Reply(200, {"data": [], "links": {}})]
    assert list(client.catalog.read(CatalogKind.ITEM, ["a", "", "a"], ["price"])) == []
    [request] = canned.requests
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)
    assert query["fields[catalog-item]"] == ["external_id,price"]
    assert query["filter"] == [f'any(ids,["{COMPOUND}a"])']


def in_category(client: KlaviyoClient, key: str) -> set[str]:
    """External ids of the items in a category."""
    condition = f"equals(category.id,{orjson.dumps(COMPOUND + key).decode()})"
    found = client.get_all(CatalogKind.ITEM.listing, {"filter": condition})
    return {str(resource["attributes"]["external_id"]) for resource in found}
