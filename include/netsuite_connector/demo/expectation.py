"""What Klaviyo must hold, worked out from NetSuite's raw records in the plainest way.

This is the demo's own reckoning. It shares no code with the flows, so that it does not share their
mistakes; the rules are those of the DAGs' descriptions. Everything is a mapping from an identity at Klaviyo
to the fields that are compared.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Any

Record = Mapping[str, Any]
Holding = dict[str, dict[str, Any]]

SOLD_TYPES = {"InvtPart", "NonInvtPart", "Assembly", "Kit"}
_STAGES = ("CUSTOMER", "PROSPECT", "LEAD")


def is_address(text: str | None) -> bool:
    """Whether mail could be sent there: local@domain.tld without blanks, at most 100 characters (Klaviyo's
    limit).
    """
    if not text or len(text) > 100 or text.count("@") != 1:
        return False
    local, domain = text.split("@")
    labels = domain.split(".")
    return (
        all(re.fullmatch(r"[\w!#$%&'*+/=?^`{|}~-]+", atom, re.ASCII) for atom in local.split("."))
        and len(labels) > 1
        and all(re.fullmatch(r"[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?", label) for label in labels)
        and re.fullmatch(r"[a-zA-Z]{2,}", labels[-1]) is not None
    )


def address(text: str | None) -> str | None:
    """The address as Klaviyo keeps it, or None when it is none."""
    trimmed = (text or "").strip()
    return trimmed.lower() if is_address(trimmed) else None


def profiles(customers: Iterable[Record], contacts: Iterable[Record]) -> Holding:
    """By address. Of several records with one address an active one speaks before an inactive one; then a
    customer before a prospect, a lead and a contact; then the oldest, that is, the one with the lowest
    internal id.
    """
    best: dict[str, tuple[tuple[bool, int, int], Record]] = {}
    ranked = [(_STAGES.index(record["stage"]), record) for record in customers if record["stage"] in _STAGES]
    ranked += [(len(_STAGES), record) for record in contacts]
    for stage, record in ranked:
        email = address(record["email"])
        if email is None:
            continue
        rank = (bool(record["isinactive"]), stage, record["internalid"])
        if email not in best or rank < best[email][0]:
            best[email] = (rank, record)
    return {
        email: {
            "NetSuite ID": str(record["internalid"]),
            "first name": record["firstname"] or None,
            "last name": record["lastname"] or None,
        }
        for email, (_, record) in best.items()
    }


def items(records: Iterable[Record]) -> Holding:
    """Catalog items by Klaviyo's compound id: all that are sold by themselves, and matrix parents."""
    return {
        catalog_id(record["internalid"]): _catalog_fields(record)
        for record in records
        if not record["matrixchild"] and is_complete(record)
    }


def variants(records: Iterable[Record]) -> Holding:
    """Catalog variants by Klaviyo's compound id: matrix children of items that are in the catalog, and of
    every item that is no matrix parent the item itself.
    """
    every = list(records)
    there = items(every)
    found: Holding = {}
    for record in every:
        item = catalog_id(record["parent"] if record["matrixchild"] else record["internalid"])
        if is_complete(record) and item in there and not record["matrix"]:
            quantity = {"stock": record["quantityavailable"] or 0, "item": item}
            found[catalog_id(record["internalid"])] = _catalog_fields(record) | quantity
    return found


def categories(records: Iterable[Record]) -> Holding:
    """Catalog categories by Klaviyo's compound id: all commerce categories that an item is in."""
    return {
        catalog_id(category["commercecategoryid"]): {"name": category["commercecategoryname"]}
        for record in records
        if record["type"] in SOLD_TYPES
        for category in record["categories"]
        if not category["commercecategoryisinactive"]
    }


def is_complete(item: Record) -> bool:
    """An active item of a type that is sold, shown in the web store, with name, description, base price, URL
    component and an image.
    """
    return bool(
        not item["isinactive"]
        and item["isonline"]
        and (item["imageurl"] or item.get("storedisplayimage"))
        and item["type"] in SOLD_TYPES
        and item["itemid"]
        and item["salesdescription"]
        and item["baseprice"] is not None
        and item["baseprice"] >= 0
        and item["urlcomponent"]
    )


def _catalog_fields(item: Record) -> dict[str, Any]:
    return {
        "title": item["displayname"] or item["itemid"].split(" : ")[-1],
        "description": item["salesdescription"],
        "price": round(item["baseprice"], 2),
    }


def catalog_id(internal_id: int | str) -> str:
    """The id of a record of a custom catalog at Klaviyo."""
    return f"$custom:::$default:::{internal_id}"


def minute(moment: str) -> str:
    """A moment in UTC, to the minute, which is all that NetSuite keeps."""
    return dt.datetime.fromisoformat(moment).astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M")
