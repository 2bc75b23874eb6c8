"""Rows of each domain as their saved searches give them, shaped and ready to be pushed to the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pyarrow as pa
import requests

from netsuite_connector.domains.model import Kind, Source
from netsuite_connector.flows.lookups import site_of
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.shape import SCHEMA, shape
from netsuite_connector.klaviyo.batching import Record
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.limiter import Limiter, ProcessWindows
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount

NewRun = Callable[..., Run]
ITEM = {
    "salesdescription": "A thing",
    "type": "InvtPart",
    "quantityavailable": 3.0,
    "baseprice": 10.0,
    "parent": None,
}


def new_client(sandbox: SandboxAccount, key: str | None = None) -> KlaviyoClient:
    limiter = Limiter(ProcessWindows(), account="test", scale=100)
    return KlaviyoClient(
        requests.Session(), base_url=sandbox.url, api_key=key or sandbox.key, limiter=limiter, backoff=0.01
    )


def stage(run: Run, **rows: list[dict[str, Any]]) -> Run:
    """Write rows, all of them valid, by source, none for the sources that are not named, and shape them."""
    columns = {"internalid"} | {name for some in rows.values() for row in some for name in row}
    assert set(rows) <= {source.name for source in run.domain.extracted}
    # Lookups first, as the other rows are completed from them.
    for source in sorted(run.domain.extracted, key=lambda each: each.kind is not None):
        some = rows.get(source.name, [])
        batch = pa.RecordBatch.from_pylist(
            [dict.fromkeys(columns) | row for row in some or [{"internalid": 0}]]
        )
        write(run, "extract", source, batch.slice(0, len(some)))
        if source.kind is not None:
            enrich = run.domain.enrich
            batch = batch if enrich is None else enrich(source, site_of(run))(batch)
            write(run, "valid", source, batch.slice(0, len(some)))
    shape(run)
    return run


def write(run: Run, stage: str, source: Source, batch: pa.RecordBatch) -> None:
    with run.dataset(stage, source).writer() as writer:
        writer.write(batch)
        writer.commit()


def ready(run: Run, kind: Kind, records: list[Record]) -> Run:
    """The run with these records ready to be pushed and nothing else: one source of one kind."""
    source = Source("these", kind=kind, once=True)
    count = range(len(records))
    columns: dict[str, Any] = {
        "id": [number + 1 for number in count],
        "sub": [0 for _ in count],
        "key": [record.key for record in records],
        "rows": [record.rows for record in records],
        "payload": [record.payload for record in records],
    }
    arrays = [pa.array(columns.get(field.name, [None] * len(records)), field.type) for field in SCHEMA]
    run = replace(run, domain=replace(run.domain, sources=(source,), merge=None))
    with run.dataset("records", source).writer(SCHEMA) as writer:
        writer.write(pa.table(arrays, schema=SCHEMA))
        writer.commit()
    return run


def event(number: int, domain: str = "shop.example", time: str = "") -> Record:
    """An order's event, of a day in 2026 unless a time is given."""
    attributes = {
        "metric": {"data": {"type": "metric", "attributes": {"name": "Placed Order"}}},
        "properties": {"OrderId": f"SO{number}"},
        "time": time
        or f"2026-{number % 9 + 1:02}-{number % 28 + 1:02}T{number % 24:02}:{number % 60:02}:07Z",
        "value": 12.0,
        "unique_id": f"netsuite-{number}",
    }
    person = {"data": {"type": "profile", "attributes": {"email": f"c{number}@{domain}"}}}
    group = {"profile": person, "events": {"data": [{"type": "event", "attributes": attributes}]}}
    element = {"type": "event-bulk-create", "attributes": group}
    return Record(f"netsuite-{number}", orjson.dumps(element))


def profile(number: int) -> Record:
    """Somebody's profile."""
    element = {"type": "profile", "attributes": {"email": f"c{number}@shop.example"}}
    return Record(f"c{number}@shop.example", orjson.dumps(element))


def catalog_item(number: int) -> Record:
    """An item of the catalog that is published."""
    attributes = {
        "external_id": str(number),
        "title": f"Thing {number}",
        "description": "A thing",
        "url": f"https://shop.example/{number}",
        "price": 10.0,
        "published": True,
    }
    return Record(str(number), orjson.dumps({"type": "catalog-item", "attributes": attributes}))


def source_of(run: Run, name: str) -> Source:
    """The flow's source of this name."""
    return next(source for source in run.domain.sources if source.name == name)


def item(id_: int, **changes: Any) -> dict[str, Any]:
    return ITEM | {"internalid": id_, "itemid": f"SKU-{id_}", "urlcomponent": f"thing-{id_}"} | changes


def customer(id_: int, **changes: Any) -> dict[str, Any]:
    return {"internalid": id_, "email": f"c{id_}@shop.example", "isinactive": False} | changes


def line(order: int, key: int) -> dict[str, Any]:
    return {
        "internalid": order,
        "lineuniquekey": key,
        "tranid": f"SO{order}",
        "datecreated": "2026-03-01T09:30:00Z",
        "total": 12.0,
        "customermain.email": f"c{order}@shop.example",
        "item": "1",
        "quantity": 1.0,
        "rate": 12.0,
        "amount": 12.0,
    }
