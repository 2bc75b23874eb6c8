"""Categories of the catalog, which items are in them, and where the account's catalog is strict."""

from __future__ import annotations

import time

import pytest

from netsuite_connector.sandbox.klaviyo.testing import running_sandbox

PREFIX = "$custom:::$default:::"


def category(number: str, *items: str) -> dict:
    resource: dict = {
        "type": "catalog-category",
        "attributes": {"external_id": number, "name": f"Shelf {number}"},
    }
    if items:
        data = [{"type": "catalog-item", "id": f"{PREFIX}{item}"} for item in items]
        resource["relationships"] = {"items": {"data": data}}
    return resource


def refs(kind: str, *numbers: str) -> list[dict]:
    return [{"type": f"catalog-{kind}", "id": f"{PREFIX}{number}"} for number in numbers]


def names(answer) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["id"].removeprefix(PREFIX) for one in answer.json()["data"]]


@pytest.fixture
def shop(api, make_item):
    """Three items, two categories."""
    for number in "ABC":
        api.post("catalog-items", make_item(number))
    for number in "XY":
        assert api.post("catalog-categories", category(number)).status_code == 201
    return api


def job_of_categories(api, action: str, *rows: dict) -> dict:
    path = f"catalog-category-bulk-{action}-jobs"
    answer = api.post(path, {"type": path[:-1], "attributes": {"categories": {"data": rows}}})
    assert answer.status_code == 202, answer.text
    api.account.settled()
    return api.get(f"{path}/{answer.json()['data']['id']}").json()["data"]["attributes"]


def test_category_jobs_create_update_and_delete_and_fail_only_what_they_must(shop):
    made = job_of_categories(shop, "create", category("Z", "A", "B"), category("X"), category("W", "None"))
    assert (made["completed_count"], made["failed_count"]) == (1, 2)
    assert [(error["code"], error["source"]["pointer"]) for error in made["errors"]] == [
        ("duplicate_result", "/data/attributes/categories/data/1/attributes/external_id"),
        ("not_found", "/data/attributes/categories/data/2/relationships/items/data"),
    ]
    assert names(shop.get(f"catalog-categories/{PREFIX}Z/items")) == ["A", "B"]
    renamed = {"type": "catalog-category", "id": f"{PREFIX}Z", "attributes": {"name": "New"}}
    missing = renamed | {"id": f"{PREFIX}none"}
    changed = job_of_categories(shop, "update", renamed, missing)
    assert (changed["completed_count"], changed["errors"][0]["code"]) == (1, "not_found")
    read = shop.get(f"catalog-categories/{PREFIX}Z").json()["data"]
    assert (read["attributes"]["name"], read["attributes"]["external_id"]) == ("New", "Z")
    gone = job_of_categories(shop, "delete", {"type": "catalog-category", "id": f"{PREFIX}Z"})
    assert gone["completed_count"] == 1
    assert shop.get(f"catalog-categories/{PREFIX}Z").status_code == 404


def test_a_category_is_renamed_and_deleted_and_its_items_stay(shop):
    path = f"catalog-categories/{PREFIX}X"
    shop.post(f"{path}/relationships/items", refs("item", "A"))
    renamed = {"type": "catalog-category", "id": f"{PREFIX}X", "attributes": {"name": "New"}}
    assert shop.patch(path, renamed).json()["data"]["attributes"]["name"] == "New"
    assert shop.delete(path).status_code == 204
    assert shop.account.state()["items"] == 3
    assert names(shop.get(f"catalog-items/{PREFIX}A/categories")) == []


def test_items_are_put_into_categories_from_either_side(shop):
    shelf, item = f"catalog-categories/{PREFIX}X", f"catalog-items/{PREFIX}A"
    assert shop.post(f"{shelf}/relationships/items", refs("item", "A", "B")).status_code == 204
    assert shop.post(f"{item}/relationships/categories", refs("category", "Y")).status_code == 204
    assert names(shop.get(f"{shelf}/items")) == names(shop.get(f"{shelf}/relationships/items")) == ["A", "B"]
    assert names(shop.get(f"{item}/categories")) == ["X", "Y"]
    assert names(shop.get("catalog-items", filter=f'equals(category.id,"{PREFIX}X")')) == ["A", "B"]
    assert names(shop.get("catalog-categories", filter=f'equals(item.id,"{PREFIX}A")')) == ["X", "Y"]
    assert shop.patch(f"{shelf}/relationships/items", refs("item", "C")).status_code == 204
    assert names(shop.get(f"{shelf}/items")) == ["C"]
    removed = shop.call("DELETE", f"{item}/relationships/categories", json={"data": refs("category", "Y")})
    assert removed.status_code == 204
    assert names(shop.get(f"{item}/categories")) == []


def test_an_item_job_moves_items_between_categories(shop):
    def row(*shelves: str) -> dict:
        relation = {"categories": {"data": refs("category", *shelves)}}
        return {"type": "catalog-item", "id": f"{PREFIX}A", "attributes": {}, "relationships": relation}

    shop.catalog_job("update", "items", row("X", "Y"))
    assert names(shop.get(f"catalog-items/{PREFIX}A/categories")) == ["X", "Y"]
    shop.catalog_job("update", "items", row("Y"))
    assert names(shop.get(f"catalog-items/{PREFIX}A/categories")) == ["Y"]
    unsaid = {"type": "catalog-item", "id": f"{PREFIX}A", "attributes": {"title": "New"}}
    shop.catalog_job("update", "items", unsaid)
    assert [one["categories"] for one in shop.account.rows("items")] == [[f"{PREFIX}Y"], [], []]


def test_what_is_not_there_is_no_relation(shop, pointers):
    answer = shop.post(f"catalog-categories/{PREFIX}X/relationships/items", refs("item", "A", "None"))
    assert (answer.status_code, pointers(answer)) == (404, ["/data/1/id"])
    assert shop.post(f"catalog-categories/{PREFIX}None/relationships/items", []).status_code == 404
    assert names(shop.get(f"catalog-categories/{PREFIX}X/items")) == []


def test_an_item_knows_its_variants(shop, make_variant):
    shop.post("catalog-variants", make_variant("A1", "A"))
    shop.post("catalog-variants", make_variant("B1", "B"))
    path = f"catalog-items/{PREFIX}A"
    assert names(shop.get(f"{path}/variants")) == names(shop.get(f"{path}/relationships/variants")) == ["A1"]


def test_deleting_items_in_a_job_takes_their_variants_along(shop, make_variant):
    shop.catalog_job("create", "variants", make_variant("A1", "A"), make_variant("B1", "B"))
    gone = shop.catalog_job("delete", "items", *refs("item", "A", "None"))["attributes"]
    assert (gone["completed_count"], gone["errors"][0]["code"]) == (1, "not_found")
    assert [one["external_id"] for one in shop.account.rows("variants")] == ["B1"]


@pytest.mark.parametrize("field", ["title", "description", "url"])
def test_mandatory_attributes_must_not_be_blank(shop, make_item, pointers, field):
    made = shop.post("catalog-items", make_item("D", **{field: "  "}))
    assert (made.status_code, pointers(made)) == (400, [f"/data/attributes/{field}"])
    change = {"type": "catalog-item", "id": f"{PREFIX}A", "attributes": {field: ""}}
    assert shop.catalog_job("update", "items", change)["attributes"]["failed_count"] == 1


def test_a_partial_update_of_price_and_stock_changes_nothing_else(shop, make_variant):
    shop.post("catalog-variants", make_variant("A1", "A", image_full_url="https://shop.example/a.png"))
    (before,) = shop.account.rows("variants")
    change = {"inventory_quantity": 8, "price": 11.5}
    shop.catalog_job(
        "update", "variants", {"type": "catalog-variant", "id": f"{PREFIX}A1", "attributes": change}
    )
    (after,) = shop.account.rows("variants")
    assert after | {"updated": before["updated"]} == before | change


def test_a_job_may_say_processing_for_long_after_it_is_done(api, make_item):
    path = "catalog-item-bulk-create-jobs"
    with running_sandbox("--catalog-lag", "60", job_seconds=0.0) as account:
        calls = type(api)(account)
        body = {"type": path[:-1], "attributes": {"items": {"data": [make_item("A")]}}}
        job = calls.post(path, body).json()["data"]["id"]
        account.settled()
        assert names(calls.get("catalog-items")) == ["A"]
        assert calls.get(f"{path}/{job}").json()["data"]["attributes"]["status"] == "processing"
        assert len(calls.get(path, filter='equals(status,"processing")').json()["data"]) == 1
        account.skip_time(61)
        assert calls.get(f"{path}/{job}").json()["data"]["attributes"]["status"] == "complete"


def test_a_catalog_of_ten_thousand_is_read_and_searched_quickly(api, make_item):
    for start in range(0, 10_000, 100):
        body = {"items": {"data": [make_item(f"{start + number:05}") for number in range(100)]}}
        path = "catalog-item-bulk-create-jobs"
        assert api.post(path, {"type": path[:-1], "attributes": body}).status_code == 202
    api.account.settled()
    began = time.monotonic()
    for start in range(0, 2_000, 100):
        wanted = ",".join(f'"{PREFIX}{start + number:05}"' for number in range(50))
        assert len(api.get("catalog-items", filter=f"any(ids,[{wanted}])").json()["data"]) == 50
    assert time.monotonic() - began < 15
