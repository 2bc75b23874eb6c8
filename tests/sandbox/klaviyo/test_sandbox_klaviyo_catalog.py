"""The catalog: items, variants and categories, one at a time and in jobs."""

from __future__ import annotations

from urllib.parse import quote

import requests

from netsuite_connector.sandbox.klaviyo.testing import running_sandbox

ITEM_A = "$custom:::$default:::A"
VARIANT_A1 = "$custom:::$default:::A1"


def _ids(answer) -> list[str]:
    return [one["id"] for one in answer.json()["data"]]


def test_an_item_has_a_compound_id_that_a_path_may_hold_as_it_is(api, make_item):
    created = api.post("catalog-items", make_item("A", price=9.5, custom_metadata={"Colour": "red"}))
    assert created.status_code == 201
    assert created.json()["data"]["id"] == ITEM_A
    plain, encoded = api.get(f"catalog-items/{ITEM_A}"), api.get(f"catalog-items/{quote(ITEM_A, safe='')}")
    assert plain.json()["data"] == encoded.json()["data"]
    attributes = plain.json()["data"]["attributes"]
    assert (attributes["price"], attributes["published"], attributes["custom_metadata"]) == (
        9.5,
        True,
        {"Colour": "red"},
    )


def test_an_external_id_may_hold_a_slash(api, make_item):
    api.post("catalog-items", make_item("10/20"))
    path = quote("$custom:::$default:::10/20", safe="")
    assert api.get(f"catalog-items/{path}").json()["data"]["attributes"]["external_id"] == "10/20"


def test_items_are_created_updated_and_deleted_one_at_a_time(api, make_item):
    api.post("catalog-items", make_item("A"))
    assert api.post("catalog-items", make_item("A")).status_code == 409
    change = {"type": "catalog-item", "id": ITEM_A, "attributes": {"title": "New", "price": 3}}
    changed = api.patch(f"catalog-items/{ITEM_A}", change).json()["data"]["attributes"]
    assert (changed["title"], changed["price"], changed["description"]) == ("New", 3, "-")
    assert api.delete(f"catalog-items/{ITEM_A}").status_code == 204
    assert api.get(f"catalog-items/{ITEM_A}").status_code == 404
    assert api.patch(f"catalog-items/{ITEM_A}", change).status_code == 404
    assert api.delete(f"catalog-items/{ITEM_A}").status_code == 404


def test_an_external_id_never_changes(api, make_item, pointers):
    api.post("catalog-items", make_item("A"))
    change = {"type": "catalog-item", "id": ITEM_A, "attributes": {"external_id": "B"}}
    assert pointers(api.patch(f"catalog-items/{ITEM_A}", change)) == ["/data/attributes/external_id"]


def test_an_item_needs_its_mandatory_attributes(api, make_item, pointers):
    bad = make_item("A")
    del bad["attributes"]["title"], bad["attributes"]["url"]
    answer = api.post("catalog-items", bad)
    assert pointers(answer) == ["/data/attributes/title", "/data/attributes/url"]
    nested = make_item("B", custom_metadata={"Size": {"EU": 40}})
    assert pointers(api.post("catalog-items", nested)) == ["/data/attributes/custom_metadata"]


def test_a_variant_needs_its_item_and_goes_with_it(account, api, make_item, make_variant):
    assert api.post("catalog-variants", make_variant("A1", "A")).status_code == 404
    api.post("catalog-items", make_item("A"))
    assert api.post("catalog-variants", make_variant("A1", "A", inventory_policy=1)).status_code == 201
    read = api.get(f"catalog-variants/{VARIANT_A1}").json()["data"]
    assert read["relationships"]["item"]["data"]["id"] == ITEM_A
    assert read["attributes"]["inventory_policy"] == 1
    api.delete(f"catalog-items/{ITEM_A}")
    assert account.state()["variants"] == 0


def test_ids_can_be_looked_up_many_at_a_time(api, make_item, make_variant):
    for name in "ABC":
        api.post("catalog-items", make_item(name))
        api.post("catalog-variants", make_variant(f"{name}1", name))
    wanted = [ITEM_A, "$custom:::$default:::C", "$custom:::$default:::Z"]
    text = ",".join(f'"{one}"' for one in wanted)
    assert _ids(api.get("catalog-items", filter=f"any(ids,[{text}])")) == wanted[:2]
    assert _ids(api.get("catalog-variants", filter=f'equals(item.id,"{ITEM_A}")')) == [VARIANT_A1]
    assert _ids(api.get("catalog-variants", filter=f'any(ids,["{VARIANT_A1}"])')) == [VARIANT_A1]
    included = api.get("catalog-items", filter=f'any(ids,["{ITEM_A}"])', include="variants").json()[
        "included"
    ]
    assert [one["id"] for one in included] == [VARIANT_A1]


def test_the_whole_catalog_is_read_in_pages(api, make_item):
    for start in (0, 100):
        api.catalog_job("create", "items", *(make_item(f"{start + number:03}") for number in range(100)))
    first = api.get("catalog-items", **{"fields[catalog-item]": "external_id"}).json()
    second = api.session.get(first["links"]["next"], headers=api.account.headers(), timeout=30).json()
    found = [one["attributes"]["external_id"] for one in first["data"] + second["data"]]
    assert found == [f"{number:03}" for number in range(200)]


def test_categories_come_before_the_items_in_them(api, make_item):
    category = {"type": "catalog-category", "attributes": {"external_id": "C", "name": "Shoes"}}
    sorted_item = make_item("A") | {
        "relationships": {
            "categories": {"data": [{"type": "catalog-category", "id": "$custom:::$default:::C"}]}
        }
    }
    assert api.post("catalog-items", sorted_item).status_code == 404
    assert api.post("catalog-categories", category).status_code == 201
    assert api.post("catalog-items", sorted_item).status_code == 201
    assert [one["attributes"]["name"] for one in api.get("catalog-categories").json()["data"]] == ["Shoes"]


def test_a_job_is_processing_at_once_and_fails_only_what_it_must(account, api, make_item):
    api.post("catalog-items", make_item("A"))
    body = {"items": {"data": [make_item("A"), make_item("B")]}}
    path = "catalog-item-bulk-create-jobs"
    taken = api.post(path, {"type": path[:-1], "attributes": body}).json()["data"]
    assert taken["attributes"]["status"] == "processing"
    account.settled()
    done = api.get(f"{path}/{taken['id']}").json()["data"]["attributes"]
    assert (done["status"], done["completed_count"], done["failed_count"]) == ("complete", 1, 1)
    (error,) = done["errors"]
    assert error["code"] == "duplicate_result"
    assert error["source"]["pointer"] == "/data/attributes/items/data/0/attributes/external_id"
    assert account.state()["items"] == 2


def test_an_update_job_fails_what_is_missing(api, make_item):
    api.post("catalog-items", make_item("A"))
    rows = [
        {"type": "catalog-item", "id": f"$custom:::$default:::{name}", "attributes": {"title": "New"}}
        for name in "ZA"
    ]
    done = api.catalog_job("update", "items", *rows)["attributes"]
    assert (done["completed_count"], done["failed_count"]) == (1, 1)
    assert done["errors"][0]["code"] == "not_found"
    assert done["errors"][0]["source"]["pointer"] == "/data/attributes/items/data/0/id"
    assert api.get(f"catalog-items/{ITEM_A}").json()["data"]["attributes"]["title"] == "New"


def test_variant_jobs_create_update_and_delete(account, api, make_item, make_variant):
    api.post("catalog-items", make_item("A"))
    made = api.catalog_job("create", "variants", make_variant("A1", "A"), make_variant("X1", "X"))[
        "attributes"
    ]
    assert (made["completed_count"], made["failed_count"]) == (1, 1)
    assert (
        made["errors"][0]["source"]["pointer"]
        == "/data/attributes/variants/data/1/relationships/item/data/id"
    )
    change = {"type": "catalog-variant", "id": VARIANT_A1, "attributes": {"inventory_quantity": 0}}
    api.catalog_job("update", "variants", change)
    assert account.rows("variants")[0]["inventory_quantity"] == 0
    gone = api.catalog_job("delete", "variants", {"type": "catalog-variant", "id": VARIANT_A1})
    assert gone["attributes"]["completed_count"] == 1
    assert account.state()["variants"] == 0


def test_a_job_holds_at_most_a_hundred(api, make_item, pointers):
    body = {"items": {"data": [make_item(str(number)) for number in range(101)]}}
    answer = api.post(
        "catalog-item-bulk-create-jobs", {"type": "catalog-item-bulk-create-job", "attributes": body}
    )
    assert pointers(answer) == ["/data/attributes/items/data"]


def test_at_most_five_hundred_jobs_are_in_progress(api, make_item):
    path = "catalog-item-bulk-create-jobs"
    with running_sandbox(job_seconds=600) as slow, requests.Session() as session:
        calls = type(api)(slow, session)
        for number in range(501):
            body = {"items": {"data": [make_item(str(number))]}}
            answer = calls.post(path, {"type": path[:-1], "attributes": body})
            assert answer.status_code == (202 if number < 500 else 400)
        assert answer.json()["errors"][0]["code"] == "too_many_jobs"


def test_a_job_with_a_row_that_breaks_the_schema_is_refused(account, api, make_item, pointers):
    bad = make_item("B", price="9.50")
    path = "catalog-item-bulk-create-jobs"
    answer = api.post(path, {"type": path[:-1], "attributes": {"items": {"data": [make_item("A"), bad]}}})
    assert pointers(answer) == ["/data/attributes/items/data/1/attributes/price"]
    assert account.settled()["items"] == 0


def test_jobs_are_listed_by_status_and_forgotten_after_seven_days(account, api, make_item):
    job = api.catalog_job("create", "items", make_item("A"))
    path = "catalog-item-bulk-create-jobs"
    assert _ids(api.get(path, filter='equals(status,"complete")')) == [job["id"]]
    assert _ids(api.get(path, filter='equals(status,"processing")')) == []
    account.skip_time(7 * 86_400 + 1)
    assert _ids(api.get(path)) == []
