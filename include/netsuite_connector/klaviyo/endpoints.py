"""The endpoints of Klaviyo that the product calls, with their limits and scopes, and the envelopes of its
bulk requests.

Limits, scopes, counts and sizes are those of Klaviyo's OpenAPI document, revision 2026-07-15.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass

REVISION = "2026-07-15"

COMPOUND = "$custom:::$default:::"
"""What Klaviyo puts before the external id of an item or variant of a custom catalog wherever it wants an
``id``.
"""

MAX_BODY = 4_600_000
"""Bytes of one bulk request. Klaviyo refuses more than 5 MB; the rest is room for what counts differently on
the way.
"""

MAX_PROFILE = 100_000
"""Bytes of one profile in a bulk import: Klaviyo says 100 KB, and the smaller reading of that is safe."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method and path. ``burst`` is requests a second, ``steady`` requests a minute, both per Klaviyo
    account.

    ``{id}`` in the path stands for a job's id. ``scopes`` is what a private key must have to call it.
    """

    method: str
    path: str
    burst: int
    steady: int
    scopes: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


ACCOUNTS = Endpoint("GET", "/api/accounts", 1, 15, ("accounts:read",))
PROFILES = Endpoint("GET", "/api/profiles", 75, 750, ("profiles:read",))
EVENTS = Endpoint("GET", "/api/events", 350, 3500, ("events:read",))
METRICS = Endpoint("GET", "/api/metrics", 10, 150, ("metrics:read",))
ITEMS = Endpoint("GET", "/api/catalog-items", 350, 3500, ("catalogs:read",))
VARIANTS = Endpoint("GET", "/api/catalog-variants", 350, 3500, ("catalogs:read",))
IMPORT_ERRORS = Endpoint(
    "GET", "/api/profile-bulk-import-jobs/{id}/import-errors", 10, 150, ("profiles:read",)
)


@dataclass(frozen=True, slots=True)
class Envelope:
    """How encoded records become one request: ``prefix`` + records joined by commas + ``suffix``.

    ``push`` takes the request and ``job`` tells how far Klaviyo is with it (None: Klaviyo tells nothing).
    ``records`` and ``body`` are the most that one request may hold, ``element`` the most bytes of one record.
    """

    push: Endpoint
    job: Endpoint | None
    prefix: bytes
    suffix: bytes
    records: int
    element: int
    pointer: re.Pattern[str]
    body: int = MAX_BODY


def _envelope(  # noqa: PLR0913 - a row of the table below
    path: str,
    attribute: str,
    *,
    records: int,
    limits: tuple[int, int],
    write: tuple[str, ...],
    read: tuple[str, ...] | None,
    element: int | None = None,
) -> Envelope:
    kind = path.removeprefix("/api/").removesuffix("s")
    prefix = b'{"data":{"type":"%b","attributes":{"%b":{"data":[' % (kind.encode(), attribute.encode())
    suffix = b"]}}}}"
    return Envelope(
        push=Endpoint("POST", path, *limits, write),
        job=None if read is None else Endpoint("GET", path + "/{id}", *limits, read),
        prefix=prefix,
        suffix=suffix,
        records=records,
        element=element or MAX_BODY - len(prefix) - len(suffix),
        pointer=re.compile(rf"^/data/attributes/{attribute}/data/(\d+)(?:/(.*))?$"),
    )


def field_of(pointer: str) -> str:
    """The field that a JSON pointer ends at, without JSON:API's layers: ``profile.email``, ``time``."""
    parts = pointer.strip("/").split("/")
    return ".".join(part for part in parts if part not in ("attributes", "data") and not part.isdigit())


class Bulk(enum.StrEnum):
    """The bulk requests. What one encoded record of each must look like (JSON in UTF-8, without an envelope):

    ``PROFILE_IMPORT``: up to 10,000 in a batch, 100 KB each. Creates or updates the profile with the same
    e-mail, phone or external id; null changes nothing; ``meta`` may be left out::

        {"type": "profile",
         "attributes": {
           "email": …, "phone_number": E.164, "external_id": …, "first_name": …, "last_name": …,
           "organization": …, "title": …, "locale": …, "image": …,
           "location": {"address1": …, "address2": …, "city": …, "region": …, "country": …, "zip": …,
                        "latitude": …, "longitude": …, "timezone": …, "ip": …},
           "properties": {name: value}},
         "meta": {"patch_properties": {"append": {}, "unappend": {}, "unset": []}}}

    ``EVENT_CREATE``: up to 1,000 in a batch. One profile and one event in each, so that a record is an event
    and a pointer means one. ``metric`` and ``properties`` are mandatory. A ``unique_id`` must not come twice
    for one profile and metric in a batch. Klaviyo starts no job that could be followed::

        {"type": "event-bulk-create",
         "attributes": {
           "profile": {"data": {"type": "profile", "attributes": {"email": …, "properties": {}}}},
           "events": {"data": [{"type": "event", "attributes": {
             "metric": {"data": {"type": "metric", "attributes": {"name": "Placed Order"}}},
             "properties": {name: value}, "time": ISO 8601, "value": number, "value_currency": ISO 4217,
             "unique_id": up to 255 characters, "backfill": true where no flow may start}}]}}}

    ``ITEM_CREATE``: up to 100 in a batch. The first four attributes are mandatory, ``custom_metadata`` is
    flat and at most 100 KB, ``relationships`` may be left out::

        {"type": "catalog-item",
         "attributes": {
           "external_id": …, "title": …, "description": …, "url": …, "price": number, "image_full_url": …,
           "image_thumbnail_url": …, "images": [], "custom_metadata": {}, "published": true},
         "relationships": {"categories": {"data": [{"type": "catalog-category", "id": compound id}]}}}

    ``ITEM_UPDATE``: up to 100 in a batch. The same without ``external_id``, every attribute may be left out::

        {"type": "catalog-item", "id": "$custom:::$default:::<external id>", "attributes": {…}}

    ``VARIANT_CREATE``: up to 100 in a batch. The first seven attributes and the item, which must exist, are
    mandatory::

        {"type": "catalog-variant",
         "attributes": {
           "external_id": …, "title": …, "description": …, "sku": …, "inventory_quantity": number,
           "price": number, "url": …, "inventory_policy": 0 or 1 or 2, "image_full_url": …,
           "image_thumbnail_url": …, "images": [], "custom_metadata": {}, "published": true},
         "relationships": {"item": {"data": {"type": "catalog-item",
                                             "id": "$custom:::$default:::<external id of the item>"}}}}

    ``VARIANT_UPDATE``: up to 100 in a batch. The same without ``external_id`` and ``relationships``, every
    attribute may be left out::

        {"type": "catalog-variant", "id": "$custom:::$default:::<external id>", "attributes": {…}}
    """

    PROFILE_IMPORT = "profile-import"
    EVENT_CREATE = "event-create"
    ITEM_CREATE = "item-create"
    ITEM_UPDATE = "item-update"
    VARIANT_CREATE = "variant-create"
    VARIANT_UPDATE = "variant-update"

    @property
    def envelope(self) -> Envelope:
        """The request that this kind of record travels in."""
        return _ENVELOPES[self]

    def body(self, payloads: Iterable[bytes]) -> bytes:
        """The exact body of the request that carries these encoded records."""
        envelope = _ENVELOPES[self]
        return b"".join((envelope.prefix, b",".join(payloads), envelope.suffix))

    def locate(self, pointer: str | None) -> tuple[int, str] | None:
        """The record that a JSON pointer into the request means and the field within it, or None when it
        means no single record.

        ``/data/attributes/profiles/data/7/attributes/email`` is ``(7, "email")``.
        """
        match = _ENVELOPES[self].pointer.match(pointer or "")
        if match is None:
            return None
        return int(match[1]), field_of(match[2] or "")


def _catalog(path: str, attribute: str) -> Envelope:
    return _envelope(
        path, attribute, records=100, limits=(75, 750), write=("catalogs:write",), read=("catalogs:read",)
    )


_ENVELOPES = {
    Bulk.PROFILE_IMPORT: _envelope(
        "/api/profile-bulk-import-jobs",
        "profiles",
        records=10_000,
        limits=(10, 150),
        write=("lists:write", "profiles:write"),
        read=("lists:read", "profiles:read"),
        element=MAX_PROFILE,
    ),
    Bulk.EVENT_CREATE: _envelope(
        "/api/event-bulk-create-jobs",
        "events-bulk-create",
        records=1_000,
        limits=(10, 150),
        write=("events:write",),
        read=None,
    ),
    Bulk.ITEM_CREATE: _catalog("/api/catalog-item-bulk-create-jobs", "items"),
    Bulk.ITEM_UPDATE: _catalog("/api/catalog-item-bulk-update-jobs", "items"),
    Bulk.VARIANT_CREATE: _catalog("/api/catalog-variant-bulk-create-jobs", "variants"),
    Bulk.VARIANT_UPDATE: _catalog("/api/catalog-variant-bulk-update-jobs", "variants"),
}
