"""Records as flows make them, and ways to deliver them, for the tests of the Klaviyo client."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from netsuite_connector.klaviyo.batching import Batch, Record
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import COMPOUND, Bulk
from netsuite_connector.klaviyo.results import JobResult

IMPORTS = "POST /api/profile-bulk-import-jobs"
EVENTS = "POST /api/event-bulk-create-jobs"
QUICK = (0.03, 0.1)

Connect = Callable[..., KlaviyoClient]


def encode(key: str, element: dict[str, object], rows: int = 1) -> Record:
    return Record(key, orjson.dumps(element), rows)


def profile(number: int, **attributes: object) -> Record:
    values = {"email": f"p{number}@shop.klaviyo-demo.com", "external_id": f"x{number}", **attributes}
    values = {name: value for name, value in values.items() if value is not None}
    return encode(f"x{number}", {"type": "profile", "attributes": values})


def event(number: int, **attributes: object) -> Record:
    attributes = {
        "metric": {"data": {"type": "metric", "attributes": {"name": "Placed Order"}}},
        "properties": {"OrderId": number},
        "time": "2026-01-02T03:04:05Z",
        "value": 10.5,
        "value_currency": "EUR",
        "unique_id": f"order-{number}",
        "backfill": True,
        **attributes,
    }
    person = {"data": {"type": "profile", "attributes": {"email": f"p{number % 7}@shop.klaviyo-demo.com"}}}
    group = {"profile": person, "events": {"data": [{"type": "event", "attributes": attributes}]}}
    return encode(f"order-{number}", {"type": "event-bulk-create", "attributes": group})


def item(key: str, **attributes: object) -> Record:
    values = {"external_id": key, "title": "Mug", "description": "Blue", "url": "https://shop.test/mug"}
    return encode(key, {"type": "catalog-item", "attributes": {**values, **attributes}})


def item_update(key: str, **attributes: object) -> Record:
    return encode(key, {"type": "catalog-item", "id": COMPOUND + key, "attributes": attributes})


def variant(key: str, parent: str) -> Record:
    values = {
        "external_id": key,
        "title": "Mug, blue",
        "description": "Blue",
        "url": "https://shop.test/mug",
        "sku": f"SKU-{key}",
        "inventory_quantity": 4,
        "price": 9.9,
    }
    link = {"item": {"data": {"type": "catalog-item", "id": COMPOUND + parent}}}
    return encode(key, {"type": "catalog-variant", "attributes": values, "relationships": link})


def one_batch(*records: Record) -> Batch:
    return Batch(1, records, sum(len(record.payload) for record in records))


def deliver(client: KlaviyoClient, bulk: Bulk, *records: Record) -> JobResult:
    """Pushes one batch and follows its one job."""
    [job] = client.push(one_batch(*records), bulk).jobs
    return client.follow(bulk, job.id, job.records, pause=QUICK)


def variant_update(key: str, **attributes: object) -> Record:
    return encode(key, {"type": "catalog-variant", "id": COMPOUND + key, "attributes": attributes})


def category(key: str, name: str) -> Record:
    return encode(key, {"type": "catalog-category", "attributes": {"external_id": key, "name": name}})


def category_update(key: str, name: str) -> Record:
    return encode(key, {"type": "catalog-category", "id": COMPOUND + key, "attributes": {"name": name}})


def deletion(kind: str, key: str) -> Record:
    return encode(key, {"type": kind, "id": COMPOUND + key})


def shelved(record: Record, *categories: str) -> Record:
    """The item record with the categories that it is in."""
    document = orjson.loads(record.payload)
    links = [{"type": "catalog-category", "id": COMPOUND + name} for name in categories]
    return encode(record.key, document | {"relationships": {"categories": {"data": links}}})
