"""What Klaviyo's own Python SDK does with an account, as a program of its own.

    python klaviyo_sdk_witness.py ADDRESS KEY ACCESS_TOKEN

It runs where the package klaviyo-api is installed, sends what a shop sends, reads all of it back through the
SDK's models, and prints what it saw as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from klaviyo_api import KlaviyoAPI
from klaviyo_api.filter_builder import FilterBuilder
from openapi_client.exceptions import ApiException

PREFIX = "$custom:::$default:::"
PEOPLE = [
    {"email": "ann@shop.example", "external_id": "1", "first_name": "Ann", "location": {"city": "Lyon"}},
    {"email": "bob@shop.example", "external_id": "2", "phone_number": "+12015550123"},
    {"email": "cleo@shop.example", "external_id": "3", "properties": {"Price Level": "Gold", "Sites": [1]}},
]


def _job(kind: str, name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"data": {"type": kind, "attributes": {name: {"data": rows}}}}


def _done(read: Any, answer: Any) -> dict[str, Any]:
    """The attributes of a job once it is complete."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        attributes = read(answer.data.id).data.attributes
        if attributes.status in ("complete", "cancelled"):
            return attributes.to_dict()
        time.sleep(0.02)
    raise TimeoutError(answer.data.id)


def _until(read: Any, wanted: int) -> list[Any]:
    """What is read once there are so many: some requests start no job that could be followed."""
    until = time.monotonic() + 30
    while len(found := read()) < wanted and time.monotonic() < until:
        time.sleep(0.02)
    return found


def _refusal(call: Any, *arguments: Any) -> dict[str, Any]:
    try:
        call(*arguments)
    except ApiException as error:
        errors = json.loads(error.body)["errors"]
        return {"status": error.status, "errors": [[one["code"], one["source"]] for one in errors]}
    return {"status": 200}


def people(klaviyo: KlaviyoAPI) -> dict[str, Any]:
    api = klaviyo.Profiles
    rows = [{"type": "profile", "attributes": one} for one in PEOPLE]
    meta = {"patch_properties": {"append": {"Sites": 2}, "unset": ["Price Level"]}}
    job = _done(
        api.get_bulk_import_profiles_job,
        api.bulk_import_profiles(_job("profile-bulk-import-job", "profiles", rows)),
    )
    patch = [{"type": "profile", "attributes": {"email": "cleo@shop.example"}, "meta": meta}]
    _done(
        api.get_bulk_import_profiles_job,
        api.bulk_import_profiles(_job("profile-bulk-import-job", "profiles", patch)),
    )
    mixed = [{"type": "profile", "attributes": {"first_name": "Nobody"}}, rows[0]]
    answer = api.bulk_import_profiles(_job("profile-bulk-import-job", "profiles", mixed))
    partial = _done(api.get_bulk_import_profiles_job, answer)
    errors = api.get_errors_for_bulk_import_profiles_job(answer.data.id).data
    emails = FilterBuilder()
    emails.any("email", [one["email"] for one in PEOPLE])
    first = api.get_profiles(
        filter=emails.build(), page_size=2, additional_fields_profile=["subscriptions"], sort="email"
    )
    # The SDK takes the cursor out of links by itself, but only when they begin with https.
    cursor = parse_qs(urlsplit(first.links.next).query)["page[cursor]"][0]
    second = api.get_profiles(filter=emails.build(), page_size=2, page_cursor=cursor, sort="email")
    read = [*first.data, *second.data]
    bad = _job("profile-bulk-import-job", "profiles", [{"type": "profile", "attributes": {"email": "ann"}}])
    again = {"data": {"type": "profile", "attributes": {"email": "ann@shop.example"}}}
    return {
        "job": {name: job[name] for name in ("total_count", "completed_count", "failed_count")},
        "partial": [partial["completed_count"], partial["failed_count"]],
        "import_errors": [[one.attributes.code, one.attributes.source.pointer] for one in errors],
        "pages": [len(first.data), len(second.data)],
        "read": [
            [one.attributes.email, one.attributes.external_id, one.attributes.properties] for one in read
        ],
        "city": read[0].attributes.location.city,
        "consent": first.data[0].attributes.subscriptions.email.marketing.consent,
        "bad": _refusal(api.bulk_import_profiles, bad),
        "duplicate": _refusal(api.create_profile, again),
    }


def _group(email: str, metric: str, unique: str, value: float) -> dict[str, Any]:
    event = {
        "metric": {"data": {"type": "metric", "attributes": {"name": metric}}},
        "properties": {"OrderId": unique, "Items": [{"ProductID": "A1", "Quantity": 1}]},
        "time": "2026-05-05T10:00:00Z",
        "value": value,
        "value_currency": "EUR",
        "unique_id": unique,
    }
    person = {"type": "profile", "attributes": {"email": email}}
    attributes = {"profile": {"data": person}, "events": {"data": [{"type": "event", "attributes": event}]}}
    return {"type": "event-bulk-create", "attributes": attributes}


def events(klaviyo: KlaviyoAPI) -> dict[str, Any]:
    groups = [
        _group("ann@shop.example", "Placed Order", "SO1", 12.5),
        _group("bob@shop.example", "Placed Order", "SO2", 7.5),
        _group("ann@shop.example", "Fulfilled Order", "IF1", 12.5),
    ]
    groups[2]["attributes"]["backfill"] = True
    klaviyo.Events.bulk_create_events(_job("event-bulk-create-job", "events-bulk-create", groups))
    _until(lambda: klaviyo.Events.get_events().data, 3)
    metrics = {one.attributes.name: one.id for one in klaviyo.Metrics.get_metrics().data}
    wanted = FilterBuilder()
    wanted.equals("metric_id", metrics["Placed Order"])
    wanted.greater_than("datetime", datetime(2026, 1, 1, tzinfo=UTC))
    found = klaviyo.Events.get_events(filter=wanted.build(), include=["metric", "profile"], sort="datetime")
    return {
        "metrics": sorted(metrics),
        "values": [one.attributes.event_properties["$value"] for one in found.data],
        "orders": [one.attributes.event_properties["OrderId"] for one in found.data],
        "included": len(found.included),
    }


def _item(number: str) -> dict[str, Any]:
    attributes = {
        "external_id": number,
        "title": f"Item {number}",
        "description": "A thing",
        "url": f"https://shop.example/{number}",
        "price": 20.0,
        "image_full_url": f"https://shop.example/{number}.png",
        "custom_metadata": {"Brand": "Own"},
    }
    shelf = [{"type": "catalog-category", "id": f"{PREFIX}shoes"}]
    return {
        "type": "catalog-item",
        "attributes": attributes,
        "relationships": {"categories": {"data": shelf}},
    }


def _variant(number: str, item: str) -> dict[str, Any]:
    attributes = _item(number)["attributes"] | {"sku": number, "inventory_quantity": 0, "inventory_policy": 1}
    owner = {"data": {"type": "catalog-item", "id": f"{PREFIX}{item}"}}
    return {"type": "catalog-variant", "attributes": attributes, "relationships": {"item": owner}}


def catalog(klaviyo: KlaviyoAPI) -> dict[str, Any]:
    api = klaviyo.Catalogs
    shoes = {"type": "catalog-category", "attributes": {"external_id": "shoes", "name": "Shoes"}}
    jobs = [
        _done(
            api.get_bulk_create_categories_job,
            api.bulk_create_catalog_categories(
                _job("catalog-category-bulk-create-job", "categories", [shoes])
            ),
        ),
        _done(
            api.get_bulk_create_catalog_items_job,
            api.bulk_create_catalog_items(
                _job("catalog-item-bulk-create-job", "items", [_item("A"), _item("B"), _item("A")])
            ),
        ),
        _done(
            api.get_bulk_create_variants_job,
            api.bulk_create_catalog_variants(
                _job("catalog-variant-bulk-create-job", "variants", [_variant("A1", "A")])
            ),
        ),
    ]
    waiting = {
        "type": "back-in-stock-subscription",
        "attributes": {
            "channels": ["EMAIL"],
            "profile": {"data": {"type": "profile", "attributes": {"email": "ann@shop.example"}}},
        },
        "relationships": {"variant": {"data": {"type": "catalog-variant", "id": f"{PREFIX}A1"}}},
    }
    api.create_back_in_stock_subscription({"data": waiting})
    change = {"inventory_quantity": 4, "price": 15.0}
    rows = [{"type": "catalog-variant", "id": f"{PREFIX}A1", "attributes": change}]
    jobs.append(
        _done(
            api.get_bulk_update_variants_job,
            api.bulk_update_catalog_variants(_job("catalog-variant-bulk-update-job", "variants", rows)),
        )
    )
    both = FilterBuilder()
    both.any("ids", [f"{PREFIX}A", f"{PREFIX}B", f"{PREFIX}Z"])
    items = api.get_catalog_items(filter=both.build(), include=["variants"])
    variant = api.get_catalog_variant(f"{PREFIX}A1").data
    categories = api.get_categories_for_catalog_item(f"{PREFIX}A").data
    gone = [{"type": "catalog-item", "id": f"{PREFIX}B"}]
    jobs.append(
        _done(
            api.get_bulk_delete_catalog_items_job,
            api.bulk_delete_catalog_items(_job("catalog-item-bulk-delete-job", "items", gone)),
        )
    )
    return {
        "jobs": [[job["completed_count"], job["failed_count"]] for job in jobs],
        "items": [[one.id, one.attributes.price, one.attributes.custom_metadata] for one in items.data],
        "included": [one.id for one in items.included],
        "variant": [variant.attributes.inventory_quantity, variant.attributes.price, variant.attributes.sku],
        "categories": [one.attributes.name for one in categories],
        "left": [one.id for one in api.get_catalog_items().data],
    }


def _wish(email: str, **marketing: Any) -> dict[str, Any]:
    subscriptions = {"email": {"marketing": marketing}}
    return {"type": "profile", "attributes": {"email": email, "subscriptions": subscriptions}}


def consent(klaviyo: KlaviyoAPI) -> dict[str, Any]:
    api = klaviyo.Profiles
    news = {"type": "list", "attributes": {"name": "News", "opt_in_process": "single_opt_in"}}
    target = klaviyo.Lists.create_list({"data": news}).data.id
    body = _job(
        "profile-subscription-bulk-create-job",
        "profiles",
        [_wish(name, consent="SUBSCRIBED", consented_at="2021-01-01T00:00:00Z") for name in _EMAILS],
    )
    body["data"]["attributes"]["historical_import"] = True
    body["data"]["relationships"] = {"list": {"data": {"type": "list", "id": target}}}
    api.bulk_subscribe_profiles(body)
    members = _until(lambda: klaviyo.Lists.get_profiles_for_list(target).data, 2)
    leaving = _job(
        "profile-subscription-bulk-delete-job", "profiles", [_wish(_EMAILS[1], consent="UNSUBSCRIBED")]
    )
    leaving["data"]["relationships"] = {"list": {"data": {"type": "list", "id": target}}}
    api.bulk_unsubscribe_profiles(leaving)
    suppressed = FilterBuilder()
    suppressed.equals("subscriptions.email.marketing.list_suppressions.reason", "UNSUBSCRIBE")
    found = _until(lambda: api.get_profiles(filter=suppressed.build()).data, 1)
    rows = [{"type": "profile", "attributes": {"email": email}} for email in _EMAILS]
    job = _done(
        api.get_bulk_suppress_profiles_job,
        api.bulk_suppress_profiles(_job("profile-suppression-bulk-create-job", "profiles", rows)),
    )
    again = _done(
        api.get_bulk_suppress_profiles_job,
        api.bulk_suppress_profiles(_job("profile-suppression-bulk-create-job", "profiles", rows)),
    )
    person = {"data": {"type": "profile", "attributes": {"email": _EMAILS[0]}}}
    deletion = {"type": "data-privacy-deletion-job", "attributes": {"profile": person}}
    klaviyo.Data_Privacy.request_profile_deletion({"data": deletion})
    return {
        "members": sorted(one.attributes.email for one in members),
        "unsubscribed": [one.attributes.email for one in found],
        "suppressed": [job["completed_count"], job["skipped_count"]],
        "again": [again["completed_count"], again["skipped_count"]],
    }


_EMAILS = ("dora@shop.example", "emil@shop.example")


def main(address: str, key: str, token: str) -> None:
    klaviyo = KlaviyoAPI(key, max_delay=2, max_retries=2, test_host=address)
    app = KlaviyoAPI(None, max_delay=2, max_retries=2, test_host=address, access_token=token)
    seen = {
        "account": klaviyo.Accounts.get_accounts().data[0].attributes.preferred_currency,
        "people": people(klaviyo),
        "events": events(klaviyo),
        "catalog": catalog(klaviyo),
        "consent": consent(klaviyo),
        "app": [
            len(app.Profiles.get_profiles().data) > 0,
            _refusal(app.Events.get_events),
        ],
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
