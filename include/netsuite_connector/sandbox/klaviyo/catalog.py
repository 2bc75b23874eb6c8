"""The catalog: items, their variants and categories, one at a time.

Ids are compound: ``$custom:::$default:::`` and the external id. A variant belongs to an item and goes when
the item goes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from netsuite_connector.sandbox.klaviyo.account import Account, Answer, Call, Handler
from netsuite_connector.sandbox.klaviyo.alerts import watch
from netsuite_connector.sandbox.klaviyo.clock import iso
from netsuite_connector.sandbox.klaviyo.database import Database, as_list, dump, load
from netsuite_connector.sandbox.klaviyo.problems import Problem, Refusal, invalid, not_found
from netsuite_connector.sandbox.klaviyo.query import Filterable, Where, boolean, page, sparse, where

PREFIX: Final = "$custom:::$default:::"
LARGEST_METADATA: Final = 100_000  # bytes

_IN_CATEGORY: Final = "id IN (SELECT item FROM shelves WHERE {})"
_OF_ITEM: Final = "id IN (SELECT category FROM shelves WHERE {})"
_COMMON_FILTERS: Final = {
    "ids": Filterable("id"),
    "title": Filterable("title"),
    "published": Filterable("published", boolean),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of catalog resource: its JSON:API type, path, attributes and filters.

    The attributes of ``filled`` must not be blank.
    """

    type: str
    path: str
    attributes: tuple[str, ...]
    filled: tuple[str, ...]
    filters: Mapping[str, Filterable]


_SHOWN: Final = (
    "title", "description", "price", "url", "image_full_url", "image_thumbnail_url", "images",
    "custom_metadata", "published",
)  # fmt: skip
ITEM: Final = Kind(
    "catalog-item",
    "catalog-items",
    _SHOWN,
    ("title", "description", "url"),
    {**_COMMON_FILTERS, "category.id": Filterable("category", inside=_IN_CATEGORY)},
)
VARIANT: Final = Kind(
    "catalog-variant",
    "catalog-variants",
    (*_SHOWN, "sku", "inventory_policy", "inventory_quantity"),
    ("title", "description", "url", "sku"),
    {**_COMMON_FILTERS, "item.id": Filterable("parent"), "sku": Filterable("sku")},
)
CATEGORY: Final = Kind(
    "catalog-category",
    "catalog-categories",
    ("name",),
    ("name",),
    {
        "ids": Filterable("id"),
        "name": Filterable("title"),
        "item.id": Filterable("item", inside=_OF_ITEM),
    },
)
KINDS: Final = {kind.type: kind for kind in (ITEM, VARIANT, CATEGORY)}
_DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    ITEM.type: {"published": True},
    VARIANT.type: {"published": True, "inventory_policy": 0},
    CATEGORY.type: {},
}


def create(database: Database, resource: Mapping[str, Any], now: float) -> str:
    """Creates a resource and returns its id; a Refusal with 409 when it exists, 404 when its parent,
    category or item doesn't.
    """
    kind, attributes = KINDS[resource["type"]], resource["attributes"]
    identifier: str = PREFIX + attributes["external_id"]
    _check(kind, attributes)
    if not attributes["external_id"]:
        raise Refusal(invalid("The external_id must not be empty.", "/data/attributes/external_id"))
    if find(database, kind, identifier) is not None:
        detail = f"A {kind.type} with this external_id already exists."
        raise Refusal(
            Problem(409, "duplicate_result", "Conflict.", detail, pointer="/data/attributes/external_id")
        )
    relations = resource.get("relationships") or {}
    parent = relations["item"]["data"]["id"] if kind is VARIANT else None
    if parent is not None and find(database, ITEM, parent) is None:
        raise Refusal(missing(ITEM, parent, "/data/relationships/item/data/id"))
    others = _others(database, kind, relations)
    given = {name: attributes[name] for name in kind.attributes if attributes.get(name) is not None}
    document = {**_DEFAULTS[kind.type], **given, "external_id": attributes["external_id"]}
    database.insert(
        "INSERT INTO catalog (kind, id, parent, sku, title, published, document, created, updated)"
        " VALUES (?,?,?,?,?,?,?,?,?)",
        (kind.type, identifier, parent, *_indexed(document), dump(document), now, now),
    )
    shelve(database, kind, identifier, others)
    return identifier


def update(database: Database, resource: Mapping[str, Any], now: float) -> str:
    """Changes the attributes that were sent (null clears) and returns the id; a Refusal with 404 when there
    is none. Flows notice stock that comes back and prices that fall.
    """
    kind, identifier, attributes = KINDS[resource["type"]], resource["id"], resource["attributes"]
    _check(kind, attributes)
    row = find(database, kind, identifier)
    if row is None:
        raise Refusal(missing(kind, identifier, "/data/id"))
    others = _others(database, kind, resource.get("relationships") or {})
    former = load(row["document"])
    document = {**former, **attributes}
    document = {name: value for name, value in document.items() if value is not None}
    database.change(
        "UPDATE catalog SET sku = ?, title = ?, published = ?, document = ?, updated = ? WHERE seq = ?",
        (*_indexed(document), dump(document), now, row["seq"]),
    )
    shelve(database, kind, identifier, others)
    watch(database, row, former, document, now)
    return str(identifier)


def delete(database: Database, kind: Kind, identifier: str) -> str:
    """Deletes a resource and returns the id; a Refusal with 404 when there is none.

    An item takes its variants with it; a category leaves its items where they are.
    """
    if not database.change("DELETE FROM catalog WHERE kind = ? AND id = ?", (kind.type, identifier)):
        raise Refusal(missing(kind, identifier, "/data/id"))
    if kind is ITEM:
        gone = "SELECT id FROM catalog WHERE kind = ? AND parent = ?"
        values = (VARIANT.type, identifier)
        database.change(f"DELETE FROM waiting WHERE variant IN ({gone})", values)  # noqa: S608
        database.change("DELETE FROM catalog WHERE kind = ? AND parent = ?", values)
    if kind is VARIANT:
        database.change("DELETE FROM waiting WHERE variant = ?", (identifier,))
    else:
        shelve(database, kind, identifier, [])
    return identifier


def refuse_beside_feed(database: Database) -> None:
    """A Refusal when the catalog comes from a feed: Klaviyo takes one way or the other, never both."""
    if database.row("SELECT 1 FROM feeds") is not None:
        detail = "This account's custom catalog is synced from a feed, so it can't be changed by the API."
        raise Refusal(invalid(detail, "/data"))


def shelve(database: Database, kind: Kind, identifier: str, others: list[str] | None) -> None:
    """Puts an item into categories, or items into a category, which replace those known so far; None leaves
    everything where it is.
    """
    if others is None:
        return
    own, other = ("item", "category") if kind is ITEM else ("category", "item")
    database.change(f"DELETE FROM shelves WHERE {own} = ?", (identifier,))  # noqa: S608
    database.change_many(
        f"INSERT OR IGNORE INTO shelves ({own}, {other}) VALUES (?,?)",  # noqa: S608
        ((identifier, one) for one in others),
    )


def find(database: Database, kind: Kind, identifier: str) -> sqlite3.Row | None:
    """The row of a resource, or None."""
    return database.row("SELECT * FROM catalog WHERE kind = ? AND id = ?", (kind.type, identifier))


def resource_of(row: sqlite3.Row, query: Mapping[str, str], base: str) -> dict[str, Any]:
    """A catalog resource as callers see it."""
    kind, document = KINDS[row["kind"]], load(row["document"])
    shown = ("external_id", *kind.attributes)
    attributes: dict[str, Any] = {name: document.get(name) for name in shown}
    if kind is not CATEGORY:
        attributes["images"] = document.get("images", [])
        attributes["custom_metadata"] = document.get("custom_metadata", {})
        attributes["created"] = iso(row["created"])
    attributes["updated"] = iso(row["updated"])
    resource = {
        "type": kind.type,
        "id": row["id"],
        "attributes": attributes,
        "links": {"self": f"{base}/api/{kind.path}/{row['id']}"},
    }
    if kind is VARIANT:
        resource["relationships"] = {"item": {"data": {"type": ITEM.type, "id": row["parent"]}}}
    return sparse(resource, query)


def listed(account: Account, call: Call, kind: Kind, conditions: Where) -> Answer:
    """A page of resources of a kind that meet the conditions."""
    conditions.add("kind = ?", kind.type)
    sort = call.query.get("sort", "seq")
    found = page(account.database, "SELECT * FROM catalog", conditions, call, sort=sort)
    document = {"data": [resource_of(row, call.query, call.base) for row in found.rows], "links": found.links}
    _include(account, call, [row["id"] for row in found.rows], document)
    return Answer(200, document)


def _list(account: Account, call: Call) -> Answer:
    kind = _kind(call)
    return listed(account, call, kind, where(call, kind.filters))


def _get(account: Account, call: Call) -> Answer:
    return Answer(200, _document(account, call, call.id))


def _create(account: Account, call: Call) -> Answer:
    refuse_beside_feed(account.database)
    identifier = create(account.database, call.body["data"], account.clock.now())
    return Answer(201, _document(account, call, identifier))


def _update(account: Account, call: Call) -> Answer:
    if call.body["data"]["id"] != call.id:
        raise Refusal(invalid("The id must be the one of the path.", "/data/id"))
    refuse_beside_feed(account.database)
    update(account.database, call.body["data"], account.clock.now())
    return _get(account, call)


def _delete(account: Account, call: Call) -> Answer:
    refuse_beside_feed(account.database)
    delete(account.database, _kind(call), call.id)
    return Answer(204)


def _kind(call: Call) -> Kind:
    name = call.endpoint.path.split("/")[2]
    return next(kind for kind in KINDS.values() if kind.path == name)


def _document(account: Account, call: Call, identifier: str) -> dict[str, Any]:
    kind = _kind(call)
    row = find(account.database, kind, identifier)
    if row is None:
        raise Refusal(missing(kind, identifier, "/data/id"))
    document: dict[str, Any] = {"data": resource_of(row, call.query, call.base)}
    _include(account, call, [identifier], document)
    return document


def _include(account: Account, call: Call, identifiers: list[str], document: dict[str, Any]) -> None:
    if call.query.get("include") == "variants":
        rows = account.database.rows(
            "SELECT * FROM catalog WHERE kind = ? AND parent IN (SELECT value FROM json_each(?))"
            " ORDER BY seq",
            (VARIANT.type, as_list(identifiers)),
        )
        document["included"] = [resource_of(row, call.query, call.base) for row in rows]


def _check(kind: Kind, attributes: Mapping[str, Any]) -> None:
    blank = [name for name in kind.filled if not (attributes.get(name, "-") or "").strip()]
    if blank:
        problems = [invalid(f"The {name} must not be blank.", f"/data/attributes/{name}") for name in blank]
        raise Refusal(*problems)
    metadata = attributes.get("custom_metadata")
    if not metadata:
        return
    if any(isinstance(value, dict | list) for value in metadata.values()):
        raise Refusal(invalid("The custom_metadata must be flat.", "/data/attributes/custom_metadata"))
    if len(dump(metadata)) > LARGEST_METADATA:
        raise Refusal(
            invalid("The custom_metadata must be at most 100 KB.", "/data/attributes/custom_metadata")
        )


def _indexed(document: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    return document.get("sku"), document.get("title") or document.get("name"), document.get("published")


def _others(database: Database, kind: Kind, relations: Mapping[str, Any]) -> list[str] | None:
    """The categories that an item is to be in, or the items of a category, all of which must exist; None when
    nothing is said of them.
    """
    name, other = ("categories", CATEGORY) if kind is ITEM else ("items", ITEM)
    if kind is VARIANT or "data" not in (relations.get(name) or {}):
        return None
    others = [entry["id"] for entry in relations[name]["data"]]
    for one in others:
        if find(database, other, one) is None:
            raise Refusal(missing(other, one, f"/data/relationships/{name}/data"))
    return others


def missing(kind: Kind, identifier: str, pointer: str) -> Problem:
    """A resource that the account doesn't hold, and where it was named."""
    problem = not_found(kind.type, identifier)
    return Problem(problem.status, problem.code, problem.title, problem.detail, pointer=pointer)


HANDLERS: Final[dict[str, Handler]] = {
    "get_catalog_items": _list,
    "get_catalog_item": _get,
    "create_catalog_item": _create,
    "update_catalog_item": _update,
    "delete_catalog_item": _delete,
    "get_catalog_variants": _list,
    "get_catalog_variant": _get,
    "create_catalog_variant": _create,
    "update_catalog_variant": _update,
    "delete_catalog_variant": _delete,
    "get_catalog_categories": _list,
    "get_catalog_category": _get,
    "create_catalog_category": _create,
    "update_catalog_category": _update,
    "delete_catalog_category": _delete,
}
