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

import pyarrow as pa

from netsuite_connector.domains.columns import extra_columns, texts, values
from netsuite_connector.domains.emails import EVENT_EMAIL_PATTERN
from netsuite_connector.domains.model import Domain, Field, FieldType, Kind, Records, Site, Source
from netsuite_connector.domains.objects import encode, object_of, rows_of

_PLACED_ORDER = {"data": {"type": "metric", "attributes": {"name": "Placed Order"}}}
_ORDERED_PRODUCT = {"data": {"type": "metric", "attributes": {"name": "Ordered Product"}}}

# The header's own columns, then the line's.
_HEADER_FIELDS = (
    Field("tranid", "Document Number", mandatory=True, required=True),
    Field("type", "Type", FieldType.SELECT, mandatory=True),
    Field("datecreated", "Date Created", FieldType.DATETIME, mandatory=True, required=True),
    Field("total", "Amount (Transaction Total)", FieldType.NUMBER, mandatory=True, required=True),
    Field(
        "customermain.email",
        "Customer : Email",
        mandatory=True,
        required=True,
        pattern=EVENT_EMAIL_PATTERN,
        hint="is not an e-mail address that Klaviyo keeps events of",
    ),
    Field("entity", "Name", FieldType.SELECT),
    Field("trandate", "Date", FieldType.DATE),
    Field("statusref", "Status", FieldType.SELECT),
    Field("currency", "Currency", FieldType.SELECT),
    Field("exchangerate", "Exchange Rate", FieldType.NUMBER),
    Field("shipcity", "Shipping City"),
    Field("shipstate", "Shipping State/Province"),
    Field("shipzip", "Shipping Zip"),
    Field("shipcountrycode", "Shipping Country Code"),
    Field("promocode", "Promotion", FieldType.SELECT),
)
_LINE_FIELDS = (
    Field("item", "Item", FieldType.SELECT, mandatory=True, required=True),
    Field("quantity", "Quantity", FieldType.NUMBER, mandatory=True, required=True),
    Field("rate", "Item Rate", FieldType.NUMBER, mandatory=True),
    Field("amount", "Amount", FieldType.NUMBER, mandatory=True, required=True),
    Field("memo", "Memo"),
    Field("item.displayname", "Item : Display Name", mandatory=True),
    Field("item.salesdescription", "Item : Description", mandatory=True),
    Field("item.type", "Item : Type", FieldType.SELECT, mandatory=True),
    Field("item.quantityavailable", "Item : Available", FieldType.NUMBER, mandatory=True),
    Field("item.parent", "Item : Parent", FieldType.SELECT, mandatory=True),
    Field("item.baseprice", "Item : Base Price", FieldType.NUMBER, mandatory=True),
    Field("item.urlcomponent", "Item : URL Component"),
)
ORDERS = Source(
    name="orders",
    search="customsearch_nsk_orders",
    record_type="transaction",
    fields=(*_HEADER_FIELDS, *_LINE_FIELDS),
)

_KNOWN = frozenset(name for field in ORDERS.fields for name in (field.name, f"{field.name}__text")) | {
    "internalid",
    "lineuniquekey",
    "line",
    "lastmodifieddate",
    "email",
    "mainname",
    "mainname__text",
}
# Columns that an administrator adds belong to the line when NetSuite keeps them there; all others describe
# the order.
_LINE_PREFIXES = ("custcol", "item.")

_ELEMENT = object_of("type", "attributes")
_EVENT_AND_PROFILE = object_of("profile", "events")
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
        self._waiting: list[Row] = []

    def feed(self, batch: pa.RecordBatch) -> Records:
        """The events of all orders but the last, which may go on in the next batch."""
        records = Records()
        lines = self._waiting
        for row in self._rows(batch):
            if lines and row[0] != lines[0][0]:
                self._order(records, lines)
                lines = []
            lines.append(row)
        self._waiting = lines
        return records

    def finish(self) -> Records:
        """The events of the last order."""
        records = Records()
        if self._waiting:
            self._order(records, self._waiting)
            self._waiting = []
        return records

    def _rows(self, batch: pa.RecordBatch) -> Iterator[Row]:
        """For each row: order id, line key, the order's fields, the line's item, and what was added to
        either.
        """
        count = batch.num_rows
        header = zip(
            values(batch, "tranid"),
            texts(batch, "type"),
            values(batch, "datecreated"),
            values(batch, "total"),
            values(batch, "customermain.email"),
            texts(batch, "statusref"),
            texts(batch, "currency"),
            texts(batch, "promocode"),
            values(batch, "shipcity"),
            values(batch, "shipstate"),
            values(batch, "shipzip"),
            values(batch, "shipcountrycode"),
            strict=True,
        )
        items = map(
            self._item,
            values(batch, "item"),
            texts(batch, "item"),
            values(batch, "item.displayname"),
            values(batch, "memo"),
            values(batch, "item.parent"),
            values(batch, "item.urlcomponent"),
            values(batch, "quantity"),
            values(batch, "rate"),
            values(batch, "amount"),
        )
        return zip(
            values(batch, "internalid"),
            values(batch, "lineuniquekey"),
            header,
            items,
            rows_of([texts(batch, name) for name in self._order_extra], count),
            rows_of([texts(batch, name) for name in self._line_extra], count),
            strict=True,
        )

    def _item(  # noqa: PLR0913, PLR0917 - the columns of a line
        self,
        item: str,
        sku: str | None,
        name: str | None,
        memo: str | None,
        parent: str | None,
        urlcomponent: str | None,
        quantity: float,
        rate: float | None,
        amount: float,
    ) -> Row:
        """The line's values in the order of ``_ITEM_NAMES``."""
        return (
            # The catalog knows a matrix child as a variant of its parent, so the product is the parent.
            parent or item,
            item,
            (sku or item).rsplit(" : ", 1)[-1],
            name or memo or sku or item,
            quantity,
            rate,
            amount,
            self._site.item_link(urlcomponent) if urlcomponent else None,
        )

    def _order(self, records: Records, rows: list[Row]) -> None:
        """Append an order's events: its own, which accounts for no row, then each line's, which accounts for
        its row.
        """
        id_, _, header, _, extra, _ = rows[0]
        tranid, type_, created, total, email, status, currency, promotion, *address = header
        profile = {"data": {"type": "profile", "attributes": {"email": email.lower()}}}
        netsuite_id = str(id_)
        items = [row[3] for row in rows]
        properties = self._order_properties(
            tranid,
            netsuite_id,
            type_,
            status,
            currency,
            promotion,
            _ADDRESS(*address) if any(address) else None,
            [item[3] for item in items],
            [_ITEM(*item) for item in items],
            *extra,
        )
        # Klaviyo records an event that it is told is history, but no flow e-mails anybody about it.
        history = True if created < self._site.live_from else None
        # The identities never change: Klaviyo knows an event that comes again by them.
        order_key = f"netsuite-{id_}"
        keys = [order_key, *(f"netsuite-{id_}-{row[1]}" for row in rows)]
        records.id += [id_] * len(keys)
        records.sub += [0, *(row[1] for row in rows)]
        records.key += keys
        records.rows += [0] + [1] * len(rows)
        records.payload.append(
            _event(
                profile,
                _EVENT(properties, created, total, self._site.currency, order_key, _PLACED_ORDER, history),
            )
        )
        for key, row, item in zip(keys[1:], rows, items, strict=True):
            line = self._line_properties(tranid, netsuite_id, *item, *row[5])
            event = _EVENT(line, created, item[6], self._site.currency, key, _ORDERED_PRODUCT, history)
            records.payload.append(_event(profile, event))


def _event(profile: dict[str, Any], attributes: Any) -> bytes:
    events = {"data": (_ELEMENT("event", attributes),)}
    return encode(_ELEMENT("event-bulk-create", _EVENT_AND_PROFILE(profile, events)))


DOMAIN = Domain(
    flow="orders",
    title="Orders",
    description=__doc__ or "",
    sources=(ORDERS,),
    kinds=(Kind.EVENT,),
    shaper=EventShaper,
    once=True,
)
