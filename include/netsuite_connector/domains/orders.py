"""Sales orders, stand-alone invoices and cash sales: one *Placed Order* event an order and one *Ordered
Product* event a line.

The saved search gives a row a line, with the order's own fields repeated on each. Identities (``unique_id``)
come from NetSuite's internal ids, so an event that
is sent again is the same event, and Klaviyo keeps the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.columns import extra_columns, known_columns, texts, values
from netsuite_connector.domains.emails import email_field
from netsuite_connector.domains.model import Domain, Field, Kind, Records, Site, Source
from netsuite_connector.domains.objects import as_json, encode, object_of, rows_of

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

# An element of an event bulk create job, around the profile and the event's attributes.
_BEFORE_PROFILE = b'{"type":"event-bulk-create","attributes":{"profile":'
_BEFORE_EVENT = b',"events":{"data":[{"type":"event","attributes":'
_AFTER_EVENT = b"}]}}}"
_EVENT = object_of("properties", "time", "value", "value_currency", "unique_id", "metric", "backfill")
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

Row = tuple[Any, ...]


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
        self._line_properties = object_of("OrderId", "NetSuite ID", *_ITEM_NAMES, *self._line_extra)
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
        """The events of whole orders, which begin at the rows ``starts``."""
        records = Records()
        if not starts:
            return records
        headers = self._headers(batch.take(pa.array(starts, pa.int64())))
        lines = values(batch, "lineuniquekey")
        items = list(self._items(batch))
        extra = rows_of([texts(batch, name) for name in self._line_extra], batch.num_rows)
        for start, end, header in zip(starts, [*starts[1:], batch.num_rows], headers, strict=True):
            self._order(records, header, lines[start:end], items[start:end], extra[start:end])
        return records

    def _headers(self, firsts: pa.RecordBatch) -> Iterator[Row]:
        """For each order, given its first rows: id, its own fields, and what was added to it."""
        return zip(
            values(firsts, "internalid"),
            values(firsts, "tranid"),
            values(firsts, "datecreated"),
            values(firsts, "total"),
            values(firsts, "customermain.email"),
            zip(
                texts(firsts, "type"),
                texts(firsts, "statusref"),
                texts(firsts, "currency"),
                texts(firsts, "promocode"),
                strict=True,
            ),
            zip(
                values(firsts, "shipcity"),
                values(firsts, "shipstate"),
                values(firsts, "shipzip"),
                values(firsts, "shipcountrycode"),
                strict=True,
            ),
            rows_of([texts(firsts, name) for name in self._order_extra], firsts.num_rows),
            strict=True,
        )

    def _items(self, batch: pa.RecordBatch) -> Iterator[Row]:
        """Each line's item, in the order of ``_ITEM_NAMES``."""
        items = values(batch, "item")
        skus = [
            (sku or item).rsplit(" : ", 1)[-1] for sku, item in zip(texts(batch, "item"), items, strict=True)
        ]
        names = zip(values(batch, "item.displayname"), values(batch, "memo"), skus, strict=True)
        parents = zip(values(batch, "item.parent"), items, strict=True)
        return zip(
            # The catalog knows a matrix child as a variant of its parent, so the product is the parent.
            [parent or item for parent, item in parents],
            items,
            skus,
            [name or memo or sku for name, memo, sku in names],
            values(batch, "quantity"),
            values(batch, "rate"),
            values(batch, "amount"),
            self._site.item_links(values(batch, "item.urlcomponent")),
            strict=True,
        )

    def _order(
        self, records: Records, header: Row, lines: list[int], items: list[Row], extra: list[Row]
    ) -> None:
        """Append an order's events: its own, which accounts for no row, then each line's, which accounts for
        its.
        """
        id_, tranid, created, total, email, described, address, order_extra = header
        profile = encode({"data": {"type": "profile", "attributes": {"email": email.lower()}}})
        currency, netsuite_id = self._site.currency, str(id_)
        # Klaviyo records an event that it is told is history, but no flow e-mails anybody about it.
        history = True if created < self._site.live_from else None
        # The identities never change: Klaviyo knows an event that comes again by them.
        order_key = f"netsuite-{id_}"
        keys = [f"{order_key}-{line}" for line in lines]
        records.id += [id_] * (len(lines) + 1)
        records.sub += [0, *lines]
        records.key += [order_key, *keys]
        records.rows += [0] + [1] * len(lines)
        properties = self._order_properties(
            tranid,
            netsuite_id,
            *described,
            _ADDRESS(*address) if any(address) else None,
            [item[3] for item in items],
            [_ITEM(*item) for item in items],
            *order_extra,
        )
        event = _EVENT(properties, created, total, currency, order_key, _PLACED_ORDER, history)
        records.payload.append(_element(profile, event))
        for key, item, line_extra in zip(keys, items, extra, strict=True):
            properties = self._line_properties(tranid, netsuite_id, *item, *line_extra)
            event = _EVENT(properties, created, item[6], currency, key, _ORDERED_PRODUCT, history)
            records.payload.append(_element(profile, event))


def _element(profile: bytes, attributes: Any) -> bytes:
    """One event of one profile, both known already in part as JSON."""
    return b"".join((_BEFORE_PROFILE, profile, _BEFORE_EVENT, encode(attributes), _AFTER_EVENT))


DOMAIN = Domain(
    flow="orders",
    title="Orders",
    description=__doc__ or "",
    sources=(ORDERS,),
    kinds=(Kind.EVENT,),
    shaper=EventShaper,
    once=True,
)
