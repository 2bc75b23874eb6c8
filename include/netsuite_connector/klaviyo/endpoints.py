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

    ``{id}`` in the path stands for the id of a resource or job. ``scopes`` is what a key must have to call
    it.
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
PROFILE_UPSERT = Endpoint("POST", "/api/profile-import", 75, 750, ("profiles:write",))
EVENTS = Endpoint("GET", "/api/events", 350, 3500, ("events:read",))
EVENT_CREATE = Endpoint("POST", "/api/events", 350, 3500, ("events:write",))
METRICS = Endpoint("GET", "/api/metrics", 10, 150, ("metrics:read",))
LISTS = Endpoint("GET", "/api/lists", 75, 750, ("lists:read",))
ITEMS = Endpoint("GET", "/api/catalog-items", 350, 3500, ("catalogs:read",))
VARIANTS = Endpoint("GET", "/api/catalog-variants", 350, 3500, ("catalogs:read",))
CATEGORIES = Endpoint("GET", "/api/catalog-categories", 350, 3500, ("catalogs:read",))
MEMBERS = Endpoint("GET", "/api/catalog-categories/{id}/relationships/items", 350, 3500, ("catalogs:read",))
DELETION = Endpoint("POST", "/api/data-privacy-deletion-jobs", 3, 60, ("data-privacy:write",))
SUPPRESSIONS = Endpoint("GET", "/api/profile-suppression-bulk-create-jobs", 75, 750, ("subscriptions:read",))
IMPORT_JOBS = Endpoint("GET", "/api/profile-bulk-import-jobs", 10, 150, ("lists:read", "profiles:read"))
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

    def request(self, payloads: Iterable[bytes]) -> bytes:
        """The exact body of the request that carries these encoded records."""
        return b"".join((self.prefix, b",".join(payloads), self.suffix))

    def locate(self, pointer: str | None) -> tuple[int, str] | None:
        """See :meth:`Bulk.locate`."""
        match = self.pointer.match(pointer or "")
        return None if match is None else (int(match[1]), field_of(match[2] or ""))


def envelope(  # noqa: PLR0913 - each is a column of Klaviyo's document
    path: str,
    attribute: str,
    *,
    records: int,
    limits: tuple[int, int],
    write: tuple[str, ...],
    read: tuple[str, ...] | None,
    job_limits: tuple[int, int] | None = None,
    element: int | None = None,
) -> Envelope:
    """The envelope of a bulk endpoint. ``limits`` are calls a second and a minute of the push, ``job_limits``
    those of asking for the job where they differ; ``write`` and ``read`` are the scopes of either.
    """
    kind = path.removeprefix("/api/").removesuffix("s")
    prefix = b'{"data":{"type":"%b","attributes":{"%b":{"data":[' % (kind.encode(), attribute.encode())
    suffix = b"]}}}}"
    return Envelope(
        push=Endpoint("POST", path, *limits, write),
        job=None if read is None else Endpoint("GET", path + "/{id}", *(job_limits or limits), read),
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


class CatalogKind(enum.StrEnum):
    """What a catalog consists of, by Klaviyo's name for it."""

    CATEGORY = "catalog-category"
    ITEM = "catalog-item"
    VARIANT = "catalog-variant"

    @property
    def listing(self) -> Endpoint:
        """Where all of the kind are read."""
        return {CatalogKind.CATEGORY: CATEGORIES, CatalogKind.ITEM: ITEMS, CatalogKind.VARIANT: VARIANTS}[
            self
        ]


class Action(enum.StrEnum):
    """What a bulk request does to its records."""

    IMPORT = "import"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


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

    ``CATEGORY_CREATE``: up to 100 in a batch. Categories come before the items that are in them::

        {"type": "catalog-category", "attributes": {"external_id": …, "name": …}}

    ``CATEGORY_UPDATE``: up to 100 in a batch::

        {"type": "catalog-category", "id": "$custom:::$default:::<external id>", "attributes": {"name": …}}

    ``ITEM_CREATE``: up to 100 in a batch. The first four attributes are mandatory, ``custom_metadata`` is
    flat and at most 100 KB, ``relationships`` may be left out::

        {"type": "catalog-item",
         "attributes": {
           "external_id": …, "title": …, "description": …, "url": …, "price": number, "image_full_url": …,
           "image_thumbnail_url": …, "images": [], "custom_metadata": {}, "published": true},
         "relationships": {"categories": {"data": [{"type": "catalog-category", "id": compound id}]}}}

    ``ITEM_UPDATE``: up to 100 in a batch. The same without ``external_id``. Every attribute may be left out
    and then stays as it is, so a price alone is an update; categories, where given, replace those before::

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

    ``VARIANT_UPDATE``: up to 100 in a batch. The same without ``external_id`` and ``relationships``. Every
    attribute may be left out and then stays as it is, so stock and price alone are an update::

        {"type": "catalog-variant", "id": "$custom:::$default:::<external id>", "attributes": {…}}

    ``CATEGORY_DELETE``, ``ITEM_DELETE``, ``VARIANT_DELETE``: up to 100 in a batch. An item takes its variants
    with it, so variants are deleted first::

        {"type": "catalog-item", "id": "$custom:::$default:::<external id>"}
    """

    PROFILE_IMPORT = "profile-import"
    EVENT_CREATE = "event-create"
    CATEGORY_CREATE = "category-create"
    CATEGORY_UPDATE = "category-update"
    CATEGORY_DELETE = "category-delete"
    ITEM_CREATE = "item-create"
    ITEM_UPDATE = "item-update"
    ITEM_DELETE = "item-delete"
    VARIANT_CREATE = "variant-create"
    VARIANT_UPDATE = "variant-update"
    VARIANT_DELETE = "variant-delete"

    @property
    def envelope(self) -> Envelope:
        """The request that this kind of record travels in."""
        return _ENVELOPES[self]

    @property
    def catalog(self) -> CatalogKind | None:
        """The kind of catalog record that it carries; None for profiles and events."""
        return {
            "category": CatalogKind.CATEGORY,
            "item": CatalogKind.ITEM,
            "variant": CatalogKind.VARIANT,
        }.get(self.partition("-")[0])

    @property
    def action(self) -> Action:
        """What it does to its records."""
        return Action(self.partition("-")[2])

    def body(self, payloads: Iterable[bytes]) -> bytes:
        """The exact body of the request that carries these encoded records."""
        return self.envelope.request(payloads)

    def locate(self, pointer: str | None) -> tuple[int, str] | None:
        """The record that a JSON pointer into the request means and the field within it, or None when it
        means no single record.

        ``/data/attributes/profiles/data/7/attributes/email`` is ``(7, "email")``.
        """
        return self.envelope.locate(pointer)


def _catalog(bulk: Bulk, job_limits: tuple[int, int]) -> Envelope:
    kind, action = bulk.catalog, bulk.action
    assert kind is not None  # noqa: S101 - the table below names no other
    return envelope(
        f"/api/{kind}-bulk-{action}-jobs",
        {CatalogKind.CATEGORY: "categories"}.get(kind, f"{kind.removeprefix('catalog-')}s"),
        records=100,
        limits=(75, 750),
        write=("catalogs:write",),
        read=("catalogs:read",),
        job_limits=job_limits,
    )


# How often a job may be looked at differs for no reason that is published.
_SELDOM, _OFTEN = (75, 750), (350, 3500)

_ENVELOPES = {
    Bulk.PROFILE_IMPORT: envelope(
        "/api/profile-bulk-import-jobs",
        "profiles",
        records=10_000,
        limits=(10, 150),
        write=("lists:write", "profiles:write"),
        read=("lists:read", "profiles:read"),
        element=MAX_PROFILE,
    ),
    Bulk.EVENT_CREATE: envelope(
        "/api/event-bulk-create-jobs",
        "events-bulk-create",
        records=1_000,
        limits=(10, 150),
        write=("events:write",),
        read=None,
    ),
    Bulk.CATEGORY_CREATE: _catalog(Bulk.CATEGORY_CREATE, _OFTEN),
    Bulk.CATEGORY_UPDATE: _catalog(Bulk.CATEGORY_UPDATE, _OFTEN),
    Bulk.CATEGORY_DELETE: _catalog(Bulk.CATEGORY_DELETE, _OFTEN),
    Bulk.ITEM_CREATE: _catalog(Bulk.ITEM_CREATE, _SELDOM),
    Bulk.ITEM_UPDATE: _catalog(Bulk.ITEM_UPDATE, _SELDOM),
    Bulk.ITEM_DELETE: _catalog(Bulk.ITEM_DELETE, _OFTEN),
    Bulk.VARIANT_CREATE: _catalog(Bulk.VARIANT_CREATE, _SELDOM),
    Bulk.VARIANT_UPDATE: _catalog(Bulk.VARIANT_UPDATE, _SELDOM),
    Bulk.VARIANT_DELETE: _catalog(Bulk.VARIANT_DELETE, _OFTEN),
}
