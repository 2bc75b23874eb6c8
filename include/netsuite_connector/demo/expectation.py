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
# Klaviyo accepts events for these and then drops them.
_NO_EVENTS = ("@example.com", "@test.com")


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
    """By address. Of several records with one address a customer speaks before a prospect, a lead and a
    contact; an active one before an inactive one; then the oldest, that is, the one with the lowest
    internal id.
    """
    best: dict[str, tuple[tuple[int, bool, int], Record]] = {}
    ranked = [(_STAGES.index(record["stage"]), record) for record in customers if record["stage"] in _STAGES]
    ranked += [(len(_STAGES), record) for record in contacts]
    for stage, record in ranked:
        email = address(record["email"])
        if email is None:
            continue
        rank = (stage, bool(record["isinactive"]), record["internalid"])
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


def events(transactions: Iterable[Record], customers: Iterable[Record]) -> Holding:
    """By ``unique_id``: one *Placed Order* an order, one *Ordered Product* a line."""
    emails = {str(record["internalid"]): address(record["email"]) for record in customers}
    found: Holding = {}
    for order in transactions:
        email = emails.get(order["entity"])
        if not is_order(order) or email is None or email.endswith(_NO_EVENTS):
            continue
        lines = [line for line in order["lines"] if is_sold(line)]
        shared = {"email": email, "time": minute(order["datecreated"])}
        name = f"netsuite-{order['internalid']}"
        if lines:
            found[name] = {"metric": "Placed Order", "value": round(order["total"], 2)} | shared
        for line in lines:
            product = {"metric": "Ordered Product", "value": round(line["amount"], 2)}
            found[f"{name}-{line['lineuniquekey']}"] = product | shared
    return found


def is_order(transaction: Record) -> bool:
    """Sales orders, and invoices and cash sales that were not made from one."""
    if transaction["type"] in {"CustInvc", "CashSale"}:
        return not transaction["createdfrom"]
    return bool(transaction["type"] == "SalesOrd")


def is_sold(line: Record) -> bool:
    """A line that sells an item, rather than adding tax, shipping or the cost of goods."""
    return line["kind"] == "item" and None not in (line["item"], line["quantity"], line["amount"])


def items(records: Iterable[Record]) -> Holding:
    """Catalog items by Klaviyo's compound id: all that are sold by themselves, and matrix parents."""
    return {
        catalog_id(record["internalid"]): _catalog_fields(record)
        for record in records
        if not record["matrixchild"] and is_complete(record)
    }


def variants(records: Iterable[Record]) -> Holding:
    """Catalog variants by Klaviyo's compound id: matrix children of items that are in the catalog."""
    every = list(records)
    parents = items(every)
    return {
        catalog_id(record["internalid"]): _catalog_fields(record) | {"item": catalog_id(record["parent"])}
        for record in every
        if record["matrixchild"] and is_complete(record) and catalog_id(record["parent"]) in parents
    }


def is_complete(item: Record) -> bool:
    """An active item of a type that is sold, with name, description, base price and URL component."""
    return bool(
        not item["isinactive"]
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
