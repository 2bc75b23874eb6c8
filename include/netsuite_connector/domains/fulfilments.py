"""*Fulfilled Order* and *Partially Fulfilled Order*: item fulfilments that were shipped, with their tracking
numbers.

An order has one *Fulfilled Order*, once nothing of it is left to ship: of its fulfilments that were not
delivered by then the one with the highest internal id. Any other is a *Partially Fulfilled Order*.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.columns import values
from netsuite_connector.domains.events import HEADER_FIELDS, ITEM_FIELDS, TAGGED, metric, named, nothing
from netsuite_connector.domains.model import Field, Kind, Site, Source
from netsuite_connector.domains.transactions import Event, TransactionShaper

# What Site.lookups calls the fulfilment of each order that completes it, if nothing of the order is left to
# ship: its id, the order's, and the order's total.
LAST_FULFILMENTS = "last_fulfilments"

# Property -> the transaction's column.
_KNOWN = {
    "OrderId": "createdfrom.tranid",
    "NetSuite Order ID": "createdfrom",
    "FulfillmentId": "tranid",
    "ShippingCarrier": "shipcarrier",
    "ShipDate": "actualshipdate",
}
# Properties that are worked out.
_MORE = ("NetSuite Order ID", "TrackingNumbers")
_NAMES = named(_KNOWN, *_MORE)
FULFILMENTS = Source(
    name="fulfilments",
    search="customsearch_nsk_fulfilments",
    record_type="transaction",
    kind=Kind.EVENT,
    once=True,
    # A parcel that is picked or packed is not on its way yet; it comes again when it is. What leaves for
    # another location or goes back to a vendor has no customer.
    only={"status": ("ItemShip:C",), "createdfrom.type": ("SalesOrd",)},
    # Which parcel is an order's last, all of its parcels tell.
    together="createdfrom",
    several_forms=True,
    fields=(
        *HEADER_FIELDS,
        Field("createdfrom", "Created From", ColumnType.SELECT, mandatory=True, required=True),
        Field("createdfrom.tranid", "Created From : Document Number"),
        Field("createdfrom.statusref", "Created From : Status", ColumnType.SELECT, mandatory=True),
        Field("trackingnumbers", "Tracking Numbers", mandatory=True),
        Field("shipcarrier", "Shipping Carrier", ColumnType.SELECT),
        Field("shipdate", "Ship Date", ColumnType.DATE),
        Field("actualshipdate", "Actual Ship Date", ColumnType.DATE),
        Field("item", "Item", ColumnType.SELECT, mandatory=True, required=True),
        Field("quantity", "Quantity", ColumnType.NUMBER, mandatory=True, required=True),
        *ITEM_FIELDS,
    ),
    tagged=TAGGED,
    properties=_NAMES.properties,
    attributes=_NAMES.attributes,
    made_of=_NAMES.made_of,
)

_FULFILLED = metric("Fulfilled Order")
_PARTLY = metric("Partially Fulfilled Order")
# Orders of which nothing is left to ship: Pending Billing and Billed.
_SHIPPED = {"pendingBilling", "fullyBilled"}
# NetSuite writes several numbers into one text, parted by a line break of HTML; people also use these signs.
_BETWEEN = re.compile(r"<br\s*/?>|[\s,;]+", re.IGNORECASE)


def fulfilled_key(order: int | str) -> str:
    """The identity of an order's *Fulfilled Order*."""
    return f"netsuite-{order}-fulfilled"


class FulfilmentShaper(TransactionShaper):
    """Rows of fulfilments to events."""

    known = _KNOWN
    more = _MORE

    def __init__(self, source: Source, site: Site, columns: Collection[str]) -> None:
        super().__init__(source, site, columns)
        last = [np.empty(0, dtype=np.int64)]
        totals = [np.empty(0, dtype=np.float64)]
        for batch in site.lookups.get(LAST_FULFILMENTS, nothing)():
            last.append(batch.column("internalid").to_numpy())
            totals.append(batch.column("total").to_numpy(zero_copy_only=False))
        self._last, self._totals = np.concatenate(last), np.concatenate(totals)

    def _more(self, firsts: pa.RecordBatch) -> list[list[Any]]:
        numbers = [_numbers(text) for text in values(firsts, "trackingnumbers")]
        return [values(firsts, "createdfrom"), numbers]

    def _happened(self, firsts: pa.RecordBatch) -> Iterator[list[Event]]:
        ids = firsts.column("internalid").to_numpy()
        found = np.searchsorted(self._last, ids)
        columns = (values(firsts, name) for name in ("createdfrom", "createdfrom.statusref", "datecreated"))
        for id_, place, order, status, moment in zip(ids.tolist(), found.tolist(), *columns, strict=True):
            is_last = place < len(self._last) and int(self._last[place]) == id_
            if is_last and status in _SHIPPED:
                total = float(self._totals[place])
                value = None if np.isnan(total) else total
                yield [Event(0, fulfilled_key(order), _FULFILLED, moment, value)]
            else:
                yield [Event(0, f"netsuite-{id_}", _PARTLY, moment, None)]


def _numbers(text: str | None) -> list[str] | None:
    return [number for number in _BETWEEN.split(text or "") if number] or None
