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

import orjson
import pyarrow as pa

from netsuite_connector.domains.columns import extra_columns, extra_properties, present, texts, values
from netsuite_connector.domains.emails import EVENT_EMAIL_PATTERN
from netsuite_connector.domains.model import Domain, Field, FieldType, Kind, Records, Site, Source

PLACED_ORDER = "Placed Order"
ORDERED_PRODUCT = "Ordered Product"

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

# An order is its internal id in NetSuite, a line the same with its own key (docs/architecture.md: stable
# identities).
_ORDER_ID = "netsuite-{id}"
_LINE_ID = "netsuite-{id}-{line}"


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
        self._waiting: list[tuple[Any, ...]] = []

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

    def _rows(self, batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
        header = zip(
            values(batch, "tranid"),
            texts(batch, "type"),
            values(batch, "datecreated"),
            values(batch, "total"),
            values(batch, "customermain.email"),
            texts(batch, "statusref"),
            texts(batch, "currency"),
            values(batch, "shipcity"),
            values(batch, "shipstate"),
            values(batch, "shipzip"),
            values(batch, "shipcountrycode"),
            texts(batch, "promocode"),
            strict=True,
        )
        lines = zip(
            values(batch, "item"),
            texts(batch, "item"),
            values(batch, "item.displayname"),
            values(batch, "item.parent"),
            values(batch, "item.urlcomponent"),
            values(batch, "quantity"),
            values(batch, "rate"),
            values(batch, "amount"),
            values(batch, "memo"),
            strict=True,
        )
        return zip(
            values(batch, "internalid"),
            values(batch, "lineuniquekey"),
            header,
            lines,
            extra_properties(batch, self._order_extra),
            extra_properties(batch, self._line_extra),
            strict=True,
        )

    def _order(self, records: Records, rows: list[tuple[Any, ...]]) -> None:
        id_, _, header, _, order_extra, _ = rows[0]
        tranid, type_, created, total, email, status, currency, city, region, zipcode, country, promotion = (
            header
        )
        profile = {"data": {"type": "profile", "attributes": {"email": email.lower()}}}
        items = [self._item(line) for _, _, _, line, _, _ in rows]
        properties: dict[str, Any] = {
            "OrderId": tranid,
            "NetSuite ID": str(id_),
            "NetSuite Type": type_,
            "ItemNames": [item["ProductName"] for item in items],
            "Items": items,
        }
        address = present(
            (("City", city), ("RegionCode", region), ("Zip", zipcode), ("CountryCode", country))
        )
        properties |= present(
            (
                ("NetSuite Status", status),
                ("Currency", currency),
                ("DiscountCode", promotion),
                ("ShippingAddress", address or None),
            )
        )
        properties |= order_extra
        order_key = _ORDER_ID.format(id=id_)
        # The order's event accounts for no row of its own: each row is a line, and its line event accounts
        # for it.
        event = self._event(profile, PLACED_ORDER, order_key, properties, time=created, value=total)
        records.add(id_, 0, order_key, 0, event)
        for (_, line, _, line_values, _, line_extra), item in zip(rows, items, strict=True):
            key = _LINE_ID.format(id=id_, line=line)
            line_properties = {"OrderId": tranid, "NetSuite ID": str(id_), **item} | line_extra
            amount = line_values[7]
            event = self._event(profile, ORDERED_PRODUCT, key, line_properties, time=created, value=amount)
            records.add(id_, line, key, 1, event)

    def _item(self, line: tuple[Any, ...]) -> dict[str, Any]:
        item, sku, name, parent, urlcomponent, quantity, rate, amount, memo = line
        product: dict[str, Any] = {
            # The catalog knows a matrix child as a variant of its parent, so the product is the parent.
            "ProductID": parent or item,
            "VariantID": item,
            "SKU": (sku or item).rsplit(" : ", 1)[-1],
            "ProductName": name or memo or sku or item,
            "Quantity": quantity,
            "ItemPrice": rate,
            "RowTotal": amount,
        }
        if urlcomponent:
            product["ProductURL"] = self._site.item_link(urlcomponent)
        return product

    def _event(  # noqa: PLR0913 - an event is made of these
        self,
        profile: dict[str, Any],
        metric: str,
        key: str,
        properties: dict[str, Any],
        *,
        time: str,
        value: float,
    ) -> bytes:
        attributes = {
            "properties": properties,
            "time": time,
            "value": value,
            "value_currency": self._site.currency,
            "unique_id": key,
            "metric": {"data": {"type": "metric", "attributes": {"name": metric}}},
        }
        events = {"data": [{"type": "event", "attributes": attributes}]}
        return orjson.dumps(
            {"type": "event-bulk-create", "attributes": {"profile": profile, "events": events}}
        )


DOMAIN = Domain(
    flow="orders",
    title="Orders",
    description=__doc__ or "",
    sources=(ORDERS,),
    kinds=(Kind.EVENT,),
    shaper=EventShaper,
    once=True,
)
