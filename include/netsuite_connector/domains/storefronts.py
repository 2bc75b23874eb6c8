"""Where customers order: properties of their profiles, worked out from all orders that were ever read.

The *original* website is that of the earliest order that has one, whatever the order in which orders were
read. Each property has one type for ever, as Klaviyo's segments compare by it: ids are numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.domains.columns import as_json
from netsuite_connector.domains.events import nothing
from netsuite_connector.domains.model import Kind, Records, Site, Source
from netsuite_connector.domains.objects import encode

# What Site.lookups calls the addresses of this run's orders with what is known of all their orders.
STOREFRONT_LOOKUP = "storefronts"

ORIGINAL_WEBSITE_ID = "NetSuite Original Website ID"
ORIGINAL_WEBSITE = "NetSuite Original Website"
WEBSITE_IDS = "NetSuite Website IDs"
FIRST_ORDER = "NetSuite First Order Date"
LAST_ORDER = "NetSuite Last Order Date"
_NAMES = (FIRST_ORDER, LAST_ORDER, ORIGINAL_WEBSITE_ID, ORIGINAL_WEBSITE, WEBSITE_IDS)
STOREFRONTS = Source(name="storefronts", kind=Kind.PROFILE, properties=_NAMES)


def storefronts_of(site: Site) -> Iterator[Records]:
    """The properties of every profile whose orders this run has read, ordered by the hash of its address."""
    for batch in site.lookups.get(STOREFRONT_LOOKUP, nothing)():
        emails = batch.column("email").to_pylist()
        zeros = [0] * batch.num_rows
        addresses = batch.column("address").to_pylist()
        yield Records(addresses, zeros, emails, list(zeros), _payloads(batch, site))


def _payloads(batch: pa.RecordBatch, site: Site) -> list[bytes]:
    """The profiles' elements, a column at a time: a fifth of the time that an object each takes."""
    listed = pc.binary_join(batch.column("websites").cast(pa.list_(pa.string())), ",")
    values = (
        *(_joined('"', as_json(batch.column(name)), '"') for name in ("first", "last")),
        batch.column("original_id").cast(pa.string()),
        _as_texts(batch.column("original")),
        pc.if_else(pc.equal(listed, ""), pa.scalar(None, pa.string()), _joined("[", listed, "]")),
    )
    members: list[str | pa.Array] = []
    for name, json in zip(_NAMES, values, strict=True):
        called = site.named(name)
        if called is not None and json.null_count < len(json):
            # Dates are always there and come first, so what follows can bring its comma along.
            comma = "," if members or json.null_count else ""
            member = _joined(f"{comma}{encode(called).decode()}:", json)
            members.append(pc.coalesce(member, "") if json.null_count else member)
    element = _joined(
        '{"type":"profile","attributes":{"email":"',
        # An address has no character that JSON writes in another way: those that have were rejected.
        batch.column("email"),
        '","properties":{',
        *members,
        "}}}",
    )
    if site.named(FIRST_ORDER) is None and site.named(LAST_ORDER) is None:
        element = pc.replace_substring(element, '"properties":{,', '"properties":{', max_replacements=1)
    payloads: list[bytes] = element.cast(pa.binary()).to_pylist()
    return payloads


def _joined(*pieces: str | pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(*pieces, "")


def _as_texts(texts: pa.Array) -> pa.Array:
    """Texts as JSON. Few hold what must be written in another way there."""
    if pc.any(pc.match_substring_regex(texts, r'[\x00-\x1f"\\]')).as_py():
        return pa.array([None if text is None else encode(text).decode() for text in texts.to_pylist()])
    return _joined('"', texts, '"')
