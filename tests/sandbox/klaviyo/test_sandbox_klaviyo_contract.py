"""The sandbox against Klaviyo's official document, where a developer has it at hand."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import jsonschema_rs
import pytest

ROOT = Path(__file__).parents[3]
DOCUMENTS = sorted((ROOT.parent / "shared" / "contracts").glob("klaviyo-openapi-*.json"))
TOOL = ROOT / "tools/klaviyo_contract.py"
CONTRACT = ROOT / "include/netsuite_connector/sandbox/klaviyo/contract.json"

needs_document = pytest.mark.skipif(
    not DOCUMENTS, reason="needs Klaviyo's OpenAPI document in ../shared/contracts"
)


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("klaviyo_contract", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def document():
    return json.loads(DOCUMENTS[-1].read_text(encoding="utf-8"))


@needs_document
def test_the_contract_is_what_the_tool_derives(tool, document):
    assert json.loads(CONTRACT.read_text(encoding="utf-8")) == tool.derive(document)


def test_the_contract_says_whose_it_is():
    assert "MIT" in json.loads(CONTRACT.read_text(encoding="utf-8"))["licence"]


@pytest.fixture
def check(tool, document):
    """Holds an answer to the schema that the document gives for it."""
    deriver = tool.Deriver(document, strict=False)

    def check(path: str, answer) -> None:
        responses = document["paths"][path][answer.request.method.lower()]["responses"]
        content = responses[str(answer.status_code)]["content"]["application/vnd.api+json"]
        validator = jsonschema_rs.validator_for(deriver.schema(content["schema"]))
        body = answer.json()
        # Recorded answers say null where there is no other page; the document knows strings only.
        if "links" in body:
            body["links"] = {name: link for name, link in body["links"].items() if link is not None}
        problems = [(error.instance_path, error.message) for error in validator.iter_errors(body)]
        assert problems == [], path

    return check


@needs_document
def test_answers_about_people_have_the_form_that_klaviyo_documents(check, account, api):
    person = {"email": "ann@shop.example", "phone_number": "+12015550123", "location": {"latitude": 1.5}}
    profile = api.post("profiles", {"type": "profile", "attributes": person})
    check("/api/profiles", profile)
    check("/api/profile-import", api.post("profile-import", {"type": "profile", "attributes": person}))
    account.suppress("ann@shop.example")
    check("/api/profiles", api.get("profiles", **{"additional-fields[profile]": "subscriptions"}))
    job = api.imported(person, {"first_name": "Nobody"})
    check("/api/profile-bulk-import-jobs", api.import_profiles(person))
    check("/api/profile-bulk-import-jobs", api.get("profile-bulk-import-jobs"))
    check("/api/profile-bulk-import-jobs/{job_id}", api.get(f"profile-bulk-import-jobs/{job['id']}"))
    errors = api.get(f"profile-bulk-import-jobs/{job['id']}/import-errors")
    assert errors.json()["data"]
    check("/api/profile-bulk-import-jobs/{id}/import-errors", errors)
    api.recorded({"email": "ann@shop.example", "unique_id": "1", "value": 1})
    check("/api/events", api.get("events", include="metric,profile"))
    check("/api/metrics", api.get("metrics"))
    check("/api/accounts", api.get("accounts"))
    check("/api/lists", api.post("lists", {"type": "list", "attributes": {"name": "News"}}))
    check("/api/lists", api.get("lists"))
    rows = {"profiles": {"data": [{"type": "profile", "attributes": {"email": "bob@shop.example"}}]}}
    kind = "profile-suppression-bulk-create-job"
    check(f"/api/{kind}s", api.post(f"{kind}s", {"type": kind, "attributes": rows}))


@needs_document
def test_answers_about_the_catalog_have_the_form_that_klaviyo_documents(check, api, make_item, make_variant):
    check("/api/catalog-items", api.post("catalog-items", make_item("A")))
    check("/api/catalog-variants", api.post("catalog-variants", make_variant("A1", "A")))
    check("/api/catalog-items", api.get("catalog-items", include="variants"))
    check("/api/catalog-variants", api.get("catalog-variants"))
    failed = api.catalog_job("create", "items", make_item("A"))
    path = "/api/catalog-item-bulk-create-jobs/{job_id}"
    check(path, api.get(f"catalog-item-bulk-create-jobs/{failed['id']}"))


@needs_document
def test_answers_about_categories_and_lists_have_the_form_that_klaviyo_documents(check, api, make_item):
    prefix = "$custom:::$default:::"
    shelf = {"type": "catalog-category", "attributes": {"external_id": "X", "name": "Shoes"}}
    check("/api/catalog-categories", api.post("catalog-categories", shelf))
    api.post("catalog-items", make_item("A"))
    item = [{"type": "catalog-item", "id": f"{prefix}A"}]
    api.post(f"catalog-categories/{prefix}X/relationships/items", item)
    ways = {"catalog-categories": ("X", "items"), "catalog-items": ("A", "categories")}
    for path, (one, others) in ways.items():
        check(f"/api/{path}/{{id}}/{others}", api.get(f"{path}/{prefix}{one}/{others}"))
        ids = api.get(f"{path}/{prefix}{one}/relationships/{others}")
        check(f"/api/{path}/{{id}}/relationships/{others}", ids)
    kind = "catalog-category-bulk-create-job"
    failed = api.post(f"{kind}s", {"type": kind, "attributes": {"categories": {"data": [shelf]}}})
    check(f"/api/{kind}s", failed)
    api.account.settled()
    check(f"/api/{kind}s/{{job_id}}", api.get(f"{kind}s/{failed.json()['data']['id']}"))
    check(f"/api/{kind}s", api.get(f"{kind}s"))
    api.imported({"email": "ann@shop.example"})
    (ann,) = (one["id"] for one in api.account.rows("profiles"))
    made = api.post("lists", {"type": "list", "attributes": {"name": "News"}}).json()["data"]["id"]
    api.post(f"lists/{made}/relationships/profiles", [{"type": "profile", "id": ann}])
    check("/api/lists/{id}", api.get(f"lists/{made}", **{"additional-fields[list]": "profile_count"}))
    members = api.get(f"lists/{made}/profiles", **{"additional-fields[profile]": "subscriptions"})
    check("/api/lists/{id}/profiles", members)
    check("/api/lists/{id}/relationships/profiles", api.get(f"lists/{made}/relationships/profiles"))
    check("/api/profiles/{id}/lists", api.get(f"profiles/{ann}/lists"))
    check("/api/profiles/{id}/relationships/lists", api.get(f"profiles/{ann}/relationships/lists"))
    kind = "profile-suppression-bulk-create-job"
    check(f"/api/{kind}s", api.get(f"{kind}s"))
