"""Filters and sorting: what Klaviyo's document offers, and nothing else."""

from __future__ import annotations

import re

import pytest

from netsuite_connector.sandbox.klaviyo.contract import Contract
from netsuite_connector.sandbox.klaviyo.server import HANDLERS

# Of these the sandbox holds nothing.
UNKNOWN = {"_kx", "push_token", "list_id", "segment_id"}
VALUES = {"any": "['1']", "contains": "'1'"}
MOMENTS = re.compile(r"created|updated|datetime|timestamp$|joined_group_at")
OFFERED = [
    (endpoint.operation, field, operator)
    for endpoint in Contract().endpoints.values()
    for field, operators in endpoint.parameters.get("filter", {}).get("filters", {}).items()
    if field not in UNKNOWN
    for operator in operators
]


def test_every_operation_of_the_contract_is_served():
    assert HANDLERS.keys() == Contract().endpoints.keys()


def _value(field: str, operator: str) -> str:
    if field == "published":
        return "true"
    if field == "timestamp":
        return "1700000000"
    return "2026-01-01T00:00:00Z" if MOMENTS.search(field) else VALUES.get(operator, "'1'")


def test_every_filter_that_klaviyo_documents_is_served(api, make_item):
    made = api.post("lists", {"type": "list", "attributes": {"name": "News"}}).json()["data"]["id"]
    api.post("catalog-items", make_item("A"))
    api.post(
        "catalog-categories",
        {"type": "catalog-category", "attributes": {"external_id": "A", "name": "A"}},
    )
    for operation, field, operator in OFFERED:
        path = Contract().endpoints[operation].path.removeprefix("/api/")
        identifier = made if path.startswith("lists") else "$custom:::$default:::A"
        text = (
            f"{operator}({field})" if operator == "has" else f"{operator}({field},{_value(field, operator)})"
        )
        answer = api.get(re.sub(r"\{\w+\}", identifier, path), filter=text)
        assert answer.status_code == 200, (operation, text, answer.text)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("events", "equals(unique_id,'SO1')"),
        ("events", "any(metric_id,['1'])"),
        ("metrics", "equals(name,'Placed Order')"),
        ("profiles", "greater-or-equal(updated,2026-01-01T00:00:00Z)"),
        ("profiles", "contains(email,'shop')"),
        ("catalog-items", "equals(external_id,'A')"),
        ("catalog-variants", "less-than(inventory_quantity,1)"),
    ],
)
def test_a_filter_that_klaviyo_does_not_document_is_refused(api, path, text):
    answer = api.get(path, filter=text)
    assert (answer.status_code, answer.json()["errors"][0]["source"]) == (400, {"parameter": "filter"})


def test_text_may_stand_in_either_quotes(api):
    api.imported({"email": "o'neil@shop.example"}, {"email": "ann@shop.example"})
    for text in ("any(email,['ann@shop.example'])", 'equals(email,"ann@shop.example")'):
        assert len(api.get("profiles", filter=text).json()["data"]) == 1
    assert len(api.get("profiles", filter='equals(email,"o\'neil@shop.example")').json()["data"]) == 1
    assert len(api.get("profiles", filter=r"equals(email,'o\'neil@shop.example')").json()["data"]) == 1


@pytest.fixture
def suppressed(api):
    """Four people, three of whom can't be written to, for reasons that came a day apart."""
    names = ("ann", "bob", "cleo", "dora")
    api.imported(*({"email": f"{name}@shop.example"} for name in names))
    for name, reason in zip(names, ("HARD_BOUNCE", "UNSUBSCRIBE", "SPAM_COMPLAINT"), strict=False):
        api.account.suppress(f"{name}@shop.example", reason)
        api.account.skip_time(86_400)
    return api


def _emails(answer) -> list[str]:
    return [one["attributes"]["email"] for one in answer.json()["data"]]


def test_the_suppressed_are_found_by_reason_and_moment(suppressed):
    field = "subscriptions.email.marketing.suppression"
    assert _emails(suppressed.get("profiles", filter=f"equals({field}.reason,'UNSUBSCRIBE')")) == [
        "bob@shop.example"
    ]
    stamps = {
        one["email"]: one["subscriptions"]["email"]["marketing"]["suppression"]
        for one in suppressed.account.rows("profiles")
    }
    moment = stamps["bob@shop.example"][0]["timestamp"]
    later = f"greater-or-equal({field}.timestamp,{moment})"
    assert _emails(suppressed.get("profiles", filter=later)) == ["bob@shop.example", "cleo@shop.example"]
    both = f"less-than({field}.timestamp,{moment}),equals({field}.reason,'HARD_BOUNCE')"
    assert _emails(suppressed.get("profiles", filter=both)) == ["ann@shop.example"]


def test_profiles_are_sorted_as_documented_and_paged_without_gaps(suppressed):
    field = "subscriptions.email.marketing.suppression.timestamp"
    assert _emails(suppressed.get("profiles", sort="-email")) == [
        f"{name}@shop.example" for name in ("dora", "cleo", "bob", "ann")
    ]
    page = suppressed.get("profiles", sort=f"-{field}", **{"page[size]": "2"})
    found = _emails(page)
    following = page.json()["links"]["next"]
    found += _emails(suppressed.session.get(following, headers=suppressed.account.headers(), timeout=30))
    assert found == [f"{name}@shop.example" for name in ("cleo", "bob", "ann", "dora")]


def test_a_page_of_metrics_has_two_hundred(api):
    events = [
        {"email": "ann@shop.example", "metric": f"M{number}", "unique_id": "1"} for number in range(201)
    ]
    api.recorded(*events)
    page = api.get("metrics").json()
    assert (len(page["data"]), page["links"]["next"] is not None) == (200, True)
