"""Quotes (NetSuite's estimates): a *Quote* event when one is created, and later *Quote Accepted*, *Quote
Expired* or *Quote Declined*.

An event can't be changed at Klaviyo, so what becomes of a quote is an event of its own, which flows can be
started by.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.columns import values
from netsuite_connector.domains.events import HEADER_FIELDS, ITEM_FIELDS, TAGGED, metric, named
from netsuite_connector.domains.model import Domain, Field, Kind, Source
from netsuite_connector.domains.transactions import Event, TransactionShaper, day_or

# Property -> the transaction's column.
_KNOWN = {
    "QuoteId": "tranid",
    "Title": "title",
    "NetSuite Sales Status": "entitystatus",
    "Probability": "probability",
    "ExpectedCloseDate": "expectedclosedate",
    "ExpirationDate": "duedate",
    "NetSuite Sales Rep": "salesrep",
    "NetSuite Source": "source",
}
_NAMES = named(_KNOWN)
QUOTES = Source(
    name="quotes",
    search="customsearch_nsk_quotes",
    record_type="transaction",
    kind=Kind.EVENT,
    once=True,
    deleted_types=("estimate",),
    fields=(
        *HEADER_FIELDS,
        Field("total", "Amount (Transaction Total)", ColumnType.NUMBER, mandatory=True, required=True),
        Field("title", "Title"),
        Field("entitystatus", "Sales Status", ColumnType.SELECT),
        Field("probability", "Probability", ColumnType.NUMBER),
        Field("expectedclosedate", "Expected Close", ColumnType.DATE),
        Field("duedate", "Expires", ColumnType.DATE),
        Field("item", "Item", ColumnType.SELECT, mandatory=True, required=True),
        Field("quantity", "Quantity", ColumnType.NUMBER, mandatory=True),
        Field("rate", "Item Rate", ColumnType.NUMBER, mandatory=True),
        Field("amount", "Amount", ColumnType.NUMBER, mandatory=True),
        *ITEM_FIELDS,
    ),
    tagged=TAGGED,
    properties=_NAMES.properties,
    attributes=_NAMES.attributes,
    made_of=_NAMES.made_of,
)

_CREATED = metric("Quote")
# By NetSuite's status: the event's part in the identity, and its name. A processed quote became an order.
_ENDS = {
    "processed": (1, "accepted", metric("Quote Accepted")),
    "expired": (2, "expired", metric("Quote Expired")),
    "closed": (3, "declined", metric("Quote Declined")),
}


class QuoteShaper(TransactionShaper):
    """Rows of quotes to events."""

    known = _KNOWN

    def _happened(self, firsts: pa.RecordBatch) -> Iterator[list[Event]]:
        names = ("internalid", "datecreated", "total", "statusref")
        columns: list[list[Any]] = [values(firsts, name) for name in names]
        expired = day_or(firsts, "duedate", "lastmodifieddate")
        changed = [
            one or two for one, two in zip(values(firsts, "lastmodifieddate"), columns[1], strict=True)
        ]
        for id_, created, total, status, due, last in zip(*columns, expired, changed, strict=True):
            events = [Event(0, f"netsuite-{id_}", _CREATED, created, total)]
            if status in _ENDS:
                sub, word, name = _ENDS[status]
                moment = due if status == "expired" else last
                events.append(Event(sub, f"netsuite-{id_}-{word}", name, moment, total))
            yield events


DOMAIN = Domain(
    flow="quotes",
    title="Quotes",
    description=__doc__ or "",
    sources=(QUOTES,),
    shaper=QuoteShaper,
)
