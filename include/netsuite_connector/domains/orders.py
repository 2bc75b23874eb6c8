"""Sales orders, stand-alone invoices and cash sales: a *Placed Order* event an order and an *Ordered Product*
event a line; then what becomes of orders, *Cancelled*, *Fulfilled*, *Refunded Order*; and for each customer
the storefronts they ordered at.

The saved search gives a row a line, with the order's own fields repeated on each. Identities (``unique_id``)
come from NetSuite's internal ids, so an event that
is sent again is the same event, and Klaviyo keeps the first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.columns import sent, values
from netsuite_connector.domains.events import (
    AFTER_EVENT,
    BEFORE_EMAIL,
    BEFORE_EVENT,
    HEADER_FIELDS,
    ITEM_FIELDS,
    STOREFRONT,
    TAGGED,
    Addresses,
    Properties,
    extra_of,
    extra_values,
    metric,
    named,
    storefronts,
)
from netsuite_connector.domains.model import Field, Kind, Records, Site, Source
from netsuite_connector.domains.objects import Pieces, encode, list_of, members, object_for, object_of
from netsuite_connector.domains.sold_items import Items, Lines, foreign_totals
from netsuite_connector.domains.transactions import Grouped

_MANDATORY_OF_ITEMS = {
    *("item.displayname", "item.salesdescription", "item.type", "item.quantityavailable", "item.parent"),
    "item.baseprice",
}
# The header's own columns, then the line's.
_FIELDS = (
    *HEADER_FIELDS,
    Field("total", "Amount (Transaction Total)", ColumnType.NUMBER, mandatory=True, required=True),
    Field("promocode", "Promotion", ColumnType.SELECT),
    Field("taxtotal", "Amount (Tax Total)", ColumnType.NUMBER),
    Field("shippingamount", "Amount (Shipping)", ColumnType.NUMBER),
    Field("discountamount", "Amount (Discount)", ColumnType.NUMBER),
    # A chain of transactions is one order: what a sales order is billed with is not another.
    Field(
        "createdfrom",
        "Created From",
        ColumnType.SELECT,
        empty_for=("type", ("CustInvc", "CashSale")),
        hint="says that it bills an order, which was or will be sent itself",
    ),
    Field("item", "Item", ColumnType.SELECT, mandatory=True, required=True),
    Field("quantity", "Quantity", ColumnType.NUMBER, mandatory=True, required=True),
    Field("rate", "Item Rate", ColumnType.NUMBER, mandatory=True),
    Field("amount", "Amount", ColumnType.NUMBER, mandatory=True, required=True),
    # Tells of a closed order whether anything of it was shipped.
    Field("quantityshiprecv", "Quantity Fulfilled/Received", ColumnType.NUMBER),
    *(
        Field(field.name, field.label, field.type, mandatory=field.name in _MANDATORY_OF_ITEMS)
        for field in ITEM_FIELDS
    ),
)
# Property -> the order's column.
_KNOWN = {
    "DiscountCode": "promocode",
    "Tax": "taxtotal",
    "Shipping": "shippingamount",
    "NetSuite Source": "source",
    "NetSuite Sales Rep": "salesrep",
    "NetSuite Ship Via": "shipmethod",
}
NAMES = named(_KNOWN, "OrderId", "DiscountValue", "NetSuite Currency Total", "ProductBrand")
ORDERS = Source(
    name="orders",
    search="customsearch_nsk_orders",
    record_type="transaction",
    kind=Kind.EVENT,
    once=True,
    deleted_types=("salesorder", "invoice", "cashsale"),
    fields=_FIELDS,
    tagged=TAGGED,
    properties=NAMES.properties,
    attributes=NAMES.attributes,
    made_of=NAMES.made_of,
)

_EVENT = object_of("properties", "time", "value", "value_currency", "unique_id", "metric", "backfill")
_OWN = object_of("value", "unique_id")
_ORDERED_PRODUCT = metric("Ordered Product")


class EventShaper(Grouped):
    """Rows to ``event-bulk-create`` elements: an order's own, which accounts for no row, then each line's,
    which accounts for its.

    ``name`` is the metric of the order's event and ``moment`` the column that says when it happened.
    """

    def __init__(
        self,
        source: Source,
        site: Site,
        columns: Collection[str],
        *,
        name: str | None = None,
        moment: str = "datecreated",
    ) -> None:
        super().__init__()
        self._site = site
        self._metric = metric(name or site.placed_order)
        self._moment = moment
        self._items = Items(site, columns)
        self._extra = extra_of(source, site, columns)
        self._known = Properties.of(_KNOWN, columns)
        self._addresses = {
            name: address
            for name, place in (("BillingAddress", "bill"), ("ShippingAddress", "ship"))
            if (address := Addresses(place, columns)).there
        }
        self._storefront = bool({"website", "subsidiary"} & set(columns))
        self._discount = "discountamount" in columns
        self._order_properties = object_for(
            site,
            *("OrderId", "NetSuite ID", "NetSuite Type", "NetSuite Status", "Currency"),
            *(STOREFRONT if self._storefront else ()),
            *self._known.names,
            *(("DiscountValue",) if self._discount else ()),
            "NetSuite Currency Total",
            *self._addresses,
            *("ItemNames", "Brands", "Categories", "Items"),
            extra=self._extra.header,
        )
        self._brand = "item.manufacturer" in columns
        brand = ("ProductBrand",) if self._brand else ()
        self._line_properties = object_for(site, *brand, extra=self._extra.line)
        # How a line's event names its order.
        self._order = object_for(site, "OrderId", "NetSuite ID", *(STOREFRONT if self._storefront else ()))

    def _events(self, batch: pa.RecordBatch, starts: list[int]) -> Records:
        if not starts:
            return Records()
        lines = self._items.of(batch)
        spans = list(pairwise([*starts, batch.num_rows]))
        orders = self._orders(batch.take(pa.array(starts, pa.int64())), lines, spans)
        # The identities never change: Klaviyo knows an event that comes again by them.
        ids, keys_of_lines = batch.column("internalid").to_numpy(), batch.column("lineuniquekey").to_numpy()
        named = [pc.cast(batch.column(name), pa.string()) for name in ("internalid", "lineuniquekey")]
        unique = pc.binary_join_element_wise("netsuite", *named, "-")
        line_keys = unique.to_pylist()
        items, endings = self._with_extra(batch, lines), _endings(batch, unique)
        keys, pieces = list[str](), list[bytes]()
        for (start, end), (key, event, beginning) in zip(spans, orders, strict=True):
            keys.append(key)
            keys += line_keys[start:end]
            pieces.append(event)
            of_lines = [beginning] * (3 * (end - start))
            of_lines[1::3] = items[start:end]
            of_lines[2::3] = endings[start:end]
            pieces += of_lines
        return Records(
            np.insert(ids, starts, ids[starts]).tolist(),
            np.insert(keys_of_lines, starts, 0).tolist(),
            keys,
            np.insert(np.ones_like(ids), starts, 0).tolist(),
            Pieces(pieces, np.insert(np.full(len(ids), 3), starts, 1)),
        )

    def _with_extra(self, batch: pa.RecordBatch, lines: Lines) -> list[bytes]:
        """The members of each line's item, and of what was added to the line."""
        if not self._extra.line and not self._brand:
            return lines.members
        brands = [lines.brands] if self._brand else []
        extra = map(self._line_properties, *brands, *extra_values(batch, self._extra.line, self._site))
        return [
            b",".join(filter(None, (item, members(encode(more)))))
            for item, more in zip(lines.members, extra, strict=True)
        ]

    def _orders(
        self, firsts: pa.RecordBatch, lines: Lines, spans: list[tuple[int, int]]
    ) -> Iterator[tuple[str, bytes, bytes]]:
        """For each order, given its first row and its items: the identity and element of its event, and the
        beginning of its lines' elements, up to the properties that name the order.
        """
        site = self._site
        ids, tranids, moments = (values(firsts, name) for name in ("internalid", "tranid", self._moment))
        netsuite_ids = [str(id_) for id_ in ids]
        keys = [f"netsuite-{id_}" for id_ in ids]
        totals = values(firsts, "total")
        currency = [site.currency] * len(ids)
        # Klaviyo records an event that it is told is history, but no flow e-mails anybody about it.
        history = [True if moment < site.live_from else None for moment in moments]
        storefront = storefronts(firsts) if self._storefront else []
        properties = map(
            self._order_properties,
            tranids,
            netsuite_ids,
            *(sent(firsts, name, site.as_id) for name in ("type", "statusref", "currency")),
            *storefront,
            *self._known.values(firsts, site),
            *self._discounts(firsts),
            foreign_totals(firsts, totals),
            *(address.of(firsts) for address in self._addresses.values()),
            *self._listed(lines, spans),
            *extra_values(firsts, self._extra.header, site),
        )
        metrics = [self._metric] * len(ids)
        events = map(_EVENT, properties, moments, totals, currency, keys, metrics, history)
        orders = map(self._order, tranids, netsuite_ids, *storefront)
        befores = _before(firsts)
        for key, before, event, shared, order in zip(
            keys, befores, events, self._shared(moments, history), orders, strict=True
        ):
            named = members(encode(order))
            line = b"".join((before, shared, named, b"," if named else b""))
            yield key, b"".join((before, encode(event), AFTER_EVENT)), line

    def _shared(self, moments: list[str], history: list[bool | None]) -> list[bytes]:
        """What the events of an order's lines begin with: all that they share, up to their properties."""
        currency = encode(self._site.currency)
        middle = b'","value_currency":%b,"metric":%b' % (currency, encode(_ORDERED_PRODUCT))
        ends = {True: middle + b',"backfill":true,"properties":{', None: middle + b',"properties":{'}
        return [
            b'{"time":"' + moment.encode() + ends[old] for moment, old in zip(moments, history, strict=True)
        ]

    def _discounts(self, firsts: pa.RecordBatch) -> list[list[Any]]:
        """What was taken off, which NetSuite counts below zero."""
        if not self._discount:
            return []
        return [[abs(amount) if amount else None for amount in values(firsts, "discountamount")]]

    def _listed(self, lines: Lines, spans: list[tuple[int, int]]) -> list[list[Any]]:
        """What orders list of their items: names, brands, categories and the items themselves."""
        nothing: list[Any] = [None] * len(spans)
        items: list[msgspec.Raw] = [list_of(lines.members[start:end]) for start, end in spans]
        names = [lines.names[start:end] for start, end in spans]
        return [
            names,
            [_distinct(lines.brands[a:b]) for a, b in spans] if self._brand else nothing,
            [_distinct(one for some in lines.categories[a:b] for one in some or ()) for a, b in spans]
            if any(lines.categories)
            else nothing,
            items,
        ]


def _before(firsts: pa.RecordBatch) -> list[bytes]:
    """The elements of each order's events up to the event. An address has no character that JSON writes in
    another way: those that have were rejected.
    """
    emails = pc.utf8_lower(firsts.column("customermain.email"))
    before = pc.binary_join_element_wise(BEFORE_EMAIL.decode() + '"', emails, '"' + BEFORE_EVENT.decode(), "")
    befores: list[bytes] = before.cast(pa.binary()).to_pylist()
    return befores


def _endings(batch: pa.RecordBatch, unique: pa.Array) -> list[bytes]:
    """What of each line's event follows its properties, a column at a time: its value and its identity."""
    value = pc.binary_join_element_wise('"value":', pc.cast(batch.column("amount"), pa.string()), ",", "")
    whole = pc.binary_join_element_wise(
        "},", pc.coalesce(value, ""), '"unique_id":"', unique, '"}' + AFTER_EVENT.decode(), ""
    )
    endings: list[bytes] = whole.cast(pa.binary()).to_pylist()
    return endings


def _distinct(names: Any) -> list[str] | None:
    return list(dict.fromkeys(filter(None, names))) or None


class CancelledShaper(EventShaper):
    """Rows of cancelled orders to *Cancelled Order* events, which tell of the same as *Placed Order* does and
    have its identity, as Klaviyo wants it.
    """

    def __init__(self, source: Source, site: Site, columns: Collection[str]) -> None:
        super().__init__(source, site, columns, name="Cancelled Order", moment="lastmodifieddate")

    def _events(self, batch: pa.RecordBatch, starts: list[int]) -> Records:
        if not starts:
            return Records()
        spans = list(pairwise([*starts, batch.num_rows]))
        firsts = batch.take(pa.array(starts, pa.int64()))
        orders = list(self._orders(firsts, self._items.of(batch), spans))
        ids = firsts.column("internalid").to_pylist()
        zeros = [0] * len(ids)
        return Records(
            ids, zeros, [key for key, _, _ in orders], list(zeros), [event for _, event, _ in orders]
        )
