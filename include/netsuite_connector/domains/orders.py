"""Sales orders, stand-alone invoices and cash sales: one *Placed Order* event an order and one *Ordered
Product* event a line.

The saved search gives a row a line, with the order's own fields repeated on each. Identities (``unique_id``)
come from NetSuite's internal ids, so an event that
is sent again is the same event, and Klaviyo keeps the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from itertools import pairwise

import msgspec
import numpy as np
import pyarrow as pa

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.columns import extra_columns, known_columns, sent, texts, values
from netsuite_connector.domains.emails import email_field
from netsuite_connector.domains.model import Domain, Field, Kind, Records, Site, Source
from netsuite_connector.domains.objects import as_json, encode, list_of, members, object_of

_PLACED_ORDER = as_json({"data": {"type": "metric", "attributes": {"name": "Placed Order"}}})
_ORDERED_PRODUCT = as_json({"data": {"type": "metric", "attributes": {"name": "Ordered Product"}}})

# The header's own columns, then the line's.
_HEADER_FIELDS = (
    Field("tranid", "Document Number", mandatory=True, required=True),
    Field("type", "Type", ColumnType.SELECT, mandatory=True),
    Field("datecreated", "Date Created", ColumnType.DATETIME, mandatory=True, required=True),
    Field("total", "Amount (Transaction Total)", ColumnType.NUMBER, mandatory=True, required=True),
    email_field("customermain.email", "Customer : Email", events=True),
    Field("entity", "Name", ColumnType.SELECT),
    Field("trandate", "Date", ColumnType.DATE),
    Field("statusref", "Status", ColumnType.SELECT),
    Field("currency", "Currency", ColumnType.SELECT),
    Field("exchangerate", "Exchange Rate", ColumnType.NUMBER),
    Field("shipcity", "Shipping City"),
    Field("shipstate", "Shipping State/Province"),
    Field("shipzip", "Shipping Zip"),
    Field("shipcountrycode", "Shipping Country Code"),
    Field("promocode", "Promotion", ColumnType.SELECT),
)
_LINE_FIELDS = (
    Field("item", "Item", ColumnType.SELECT, mandatory=True, required=True),
    Field("quantity", "Quantity", ColumnType.NUMBER, mandatory=True, required=True),
    Field("rate", "Item Rate", ColumnType.NUMBER, mandatory=True),
    Field("amount", "Amount", ColumnType.NUMBER, mandatory=True, required=True),
    Field("memo", "Memo"),
    Field("item.displayname", "Item : Display Name", mandatory=True),
    Field("item.salesdescription", "Item : Description", mandatory=True),
    Field("item.type", "Item : Type", ColumnType.SELECT, mandatory=True),
    Field("item.quantityavailable", "Item : Available", ColumnType.NUMBER, mandatory=True),
    Field("item.parent", "Item : Parent", ColumnType.SELECT, mandatory=True),
    Field("item.baseprice", "Item : Base Price", ColumnType.NUMBER, mandatory=True),
    Field("item.urlcomponent", "Item : URL Component"),
)
ORDERS = Source(
    name="orders",
    search="customsearch_nsk_orders",
    record_type="transaction",
    kind=Kind.EVENT,
    once=True,
    deleted_types=("salesorder", "invoice", "cashsale"),
    fields=(*_HEADER_FIELDS, *_LINE_FIELDS),
)

_KNOWN = known_columns(
    (ORDERS,),
    "internalid",
    "lineuniquekey",
    "line",
    "lastmodifieddate",
    "email",
    "mainname",
    "mainname__text",
)
# Columns that an administrator adds belong to the line when NetSuite keeps them there; all others describe
# the order.
_LINE_PREFIXES = ("custcol", "item.")

# An element of an event bulk create job, around the profile's address and the event's attributes.
_BEFORE_EMAIL = (
    b'{"type":"event-bulk-create","attributes":{"profile":{"data":{"type":"profile","attributes":{"email":'
)
_BEFORE_EVENT = b'}}},"events":{"data":[{"type":"event","attributes":'
_AFTER_EVENT = b"}]}}}"
_EVENT = object_of("properties", "time", "value", "value_currency", "unique_id", "metric", "backfill")
# The event of a line in three: what all lines of its order have in common, how their properties name the
# order, and what is the line's own beside its properties.
_COMMON = object_of("time", "value_currency", "metric", "backfill")
_ORDER = object_of("OrderId", "NetSuite ID")
_OWN = object_of("value", "unique_id")
_ADDRESS = object_of("City", "RegionCode", "Zip", "CountryCode")
_ITEM_NAMES = (
    "ProductID",
    "VariantID",
    "SKU",
    "ProductName",
    "Quantity",
    "ItemPrice",
    "RowTotal",
    "ProductURL",
)
_ITEM = object_of(*_ITEM_NAMES)


class EventShaper:
    """Rows to ``event-bulk-create`` elements. An order whose lines run over the end of a batch waits for the
    next one.
    """

    def __init__(self, source: Source, site: Site, columns: Collection[str]) -> None:  # noqa: ARG002
        self.warnings: Counter[str] = Counter()
        self._site = site
        extra = extra_columns(columns, _KNOWN)
        self._line_extra = [name for name in extra if name.startswith(_LINE_PREFIXES)]
        self._order_extra = [name for name in extra if not name.startswith(_LINE_PREFIXES)]
        self._order_properties = object_of(
            "OrderId",
            "NetSuite ID",
            "NetSuite Type",
            "NetSuite Status",
            "Currency",
            "DiscountCode",
            "ShippingAddress",
            "ItemNames",
            "Items",
            *self._order_extra,
        )
        self._line_properties = object_of(*self._line_extra)
        self._waiting: pa.RecordBatch | None = None

    def feed(self, batch: pa.RecordBatch) -> Records:
        """The events of all orders but the last, which may go on in the next batch."""
        if self._waiting is not None:
            batch = pa.concat_batches([self._waiting, batch])
        if not batch.num_rows:
            return Records()
        ids = batch.column("internalid").to_numpy()
        starts = np.flatnonzero(np.diff(ids, prepend=ids[0] - 1)).tolist()
        self._waiting = batch.slice(starts[-1])
        return self._events(batch.slice(0, starts[-1]), starts[:-1])

    def finish(self) -> Records:
        """The events of the last order."""
        waiting, self._waiting = self._waiting, None
        return Records() if waiting is None else self._events(waiting, [0])

    def _events(self, batch: pa.RecordBatch, starts: list[int]) -> Records:
        """The events of whole orders, which begin at the rows ``starts``: an order's own, which accounts for
        no row, then each line's, which accounts for its.
        """
        if not starts:
            return Records()
        names, amounts, items = self._items(batch)
        spans = list(pairwise([*starts, batch.num_rows]))
        orders = self._orders(
            batch.take(pa.array(starts, pa.int64())),
            [names[start:end] for start, end in spans],
            [list_of(items[start:end]) for start, end in spans],
        )
        # The identities never change: Klaviyo knows an event that comes again by them.
        ids, lines = batch.column("internalid").to_numpy(), batch.column("lineuniquekey").to_numpy()
        line_keys = [f"netsuite-{id_}-{line}" for id_, line in zip(ids.tolist(), lines.tolist(), strict=True)]
        endings = [
            b"".join((properties, b"},", members(encode(own)), b"}", _AFTER_EVENT))
            for properties, own in zip(
                self._with_extra(batch, items), map(_OWN, amounts, line_keys), strict=True
            )
        ]
        keys, payloads = list[str](), list[bytes]()
        for (start, end), (key, event, beginning) in zip(spans, orders, strict=True):
            keys.append(key)
            keys += line_keys[start:end]
            payloads.append(event)
            payloads += [beginning + ending for ending in endings[start:end]]
        return Records(
            np.insert(ids, starts, ids[starts]).tolist(),
            np.insert(lines, starts, 0).tolist(),
            keys,
            np.insert(np.ones_like(ids), starts, 0).tolist(),
            payloads,
        )

    def _items(self, batch: pa.RecordBatch) -> tuple[list[str], list[float], list[bytes]]:
        """Each line's item: its name, its amount, and all its members as JSON, written once for the order's
        event and the line's.
        """
        ids = values(batch, "item")
        # The catalog knows a matrix child as a variant of its parent, so the product is the parent.
        products = [parent or id_ for parent, id_ in zip(values(batch, "item.parent"), ids, strict=True)]
        skus = [(sku or id_).rsplit(" : ", 1)[-1] for sku, id_ in zip(texts(batch, "item"), ids, strict=True)]
        described = zip(values(batch, "item.displayname"), values(batch, "memo"), skus, strict=True)
        names = [name or memo or sku for name, memo, sku in described]
        amounts = values(batch, "amount")
        items = map(
            _ITEM,
            products,
            ids,
            skus,
            names,
            values(batch, "quantity"),
            values(batch, "rate"),
            amounts,
            self._site.item_links(values(batch, "item.urlcomponent")),
        )
        return names, amounts, [members(encode(item)) for item in items]

    def _with_extra(self, batch: pa.RecordBatch, items: list[bytes]) -> list[bytes]:
        """The members of each line's item, and of what was added to the line."""
        if not self._line_extra:
            return items
        extra = map(
            self._line_properties, *(sent(batch, name, self._site.as_id) for name in self._line_extra)
        )
        return [
            b",".join(filter(None, (item, members(encode(more)))))
            for item, more in zip(items, extra, strict=True)
        ]

    def _orders(
        self, firsts: pa.RecordBatch, names: list[list[str]], items: list[msgspec.Raw]
    ) -> Iterator[tuple[str, bytes, bytes]]:
        """For each order, given its first row and its items: the identity and element of its event, and the
        beginning of its lines' elements, up to the properties that name the order.
        """
        ids, tranids, created = (values(firsts, name) for name in ("internalid", "tranid", "datecreated"))
        netsuite_ids = [str(id_) for id_ in ids]
        keys = [f"netsuite-{id_}" for id_ in ids]
        currency = [self._site.currency] * len(ids)
        # Klaviyo records an event that it is told is history, but no flow e-mails anybody about it.
        history = [True if moment < self._site.live_from else None for moment in created]
        address = zip(
            *(values(firsts, name) for name in ("shipcity", "shipstate", "shipzip", "shipcountrycode")),
            strict=True,
        )
        properties = map(
            self._order_properties,
            tranids,
            netsuite_ids,
            *(texts(firsts, name) for name in ("type", "statusref", "currency", "promocode")),
            [_ADDRESS(*parts) if any(parts) else None for parts in address],
            names,
            items,
            *(sent(firsts, name, self._site.as_id) for name in self._order_extra),
        )
        placed = [_PLACED_ORDER] * len(ids)
        events = map(_EVENT, properties, created, values(firsts, "total"), currency, keys, placed, history)
        common = map(_COMMON, created, currency, [_ORDERED_PRODUCT] * len(ids), history)
        orders = map(_ORDER, tranids, netsuite_ids)
        emails = values(firsts, "customermain.email")
        for key, email, event, shared, order in zip(keys, emails, events, common, orders, strict=True):
            before = b"".join((_BEFORE_EMAIL, encode(email.lower()), _BEFORE_EVENT))
            line = (b"{", members(encode(shared)), b',"properties":{', members(encode(order)), b",")
            yield key, b"".join((before, encode(event), _AFTER_EVENT)), b"".join((before, *line))


DOMAIN = Domain(
    flow="orders",
    title="Orders",
    description=__doc__ or "",
    sources=(ORDERS,),
    shaper=EventShaper,
)
