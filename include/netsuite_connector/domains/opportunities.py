"""Opportunities: an *Opportunity* event when one is created, and later *Opportunity Won* or *Opportunity
Lost*.

An event can't be changed at Klaviyo, so what becomes of an opportunity is an event of its own, which flows
can be started by.
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
    "OpportunityId": "tranid",
    "Title": "title",
    "NetSuite Opportunity Status": "entitystatus",
    "Probability": "probability",
    "ExpectedCloseDate": "expectedclosedate",
    "CloseDate": "closedate",
    "NetSuite Lead Source": "leadsource",
    "NetSuite Sales Rep": "salesrep",
    "NetSuite Source": "source",
}
_NAMES = named(_KNOWN)
# A row for the opportunity itself and one for each line: many opportunities have no lines.
OPPORTUNITIES = Source(
    name="opportunities",
    search="customsearch_nsk_opportunities",
    record_type="transaction",
    kind=Kind.EVENT,
    once=True,
    deleted_types=("opportunity",),
    fields=(
        *HEADER_FIELDS,
        Field("projectedamount", "Projected Amount", ColumnType.NUMBER, mandatory=True),
        Field("entitystatus", "Opportunity Status", ColumnType.SELECT, mandatory=True),
        Field("probability", "Probability", ColumnType.NUMBER, mandatory=True),
        Field("expectedclosedate", "Expected Close", ColumnType.DATE, mandatory=True),
        Field("closedate", "Close Date", ColumnType.DATE),
        Field("title", "Title"),
        Field("leadsource", "Lead Source", ColumnType.SELECT),
        Field("item", "Item", ColumnType.SELECT),
        Field("quantity", "Quantity", ColumnType.NUMBER),
        Field("rate", "Item Rate", ColumnType.NUMBER),
        Field("amount", "Amount", ColumnType.NUMBER),
        *ITEM_FIELDS,
    ),
    tagged=TAGGED,
    properties=_NAMES.properties,
    attributes=_NAMES.attributes,
    made_of=_NAMES.made_of,
)

_CREATED = metric("Opportunity")
# By NetSuite's status: the event's part in the identity, and its name.
_ENDS = {
    "closedWon": (1, "won", metric("Opportunity Won")),
    "closedLost": (2, "lost", metric("Opportunity Lost")),
}


class OpportunityShaper(TransactionShaper):
    """Rows of opportunities to events."""

    known = _KNOWN

    def _happened(self, firsts: pa.RecordBatch) -> Iterator[list[Event]]:
        names = ("internalid", "datecreated", "projectedamount", "statusref")
        columns: list[list[Any]] = [values(firsts, name) for name in names]
        closed = day_or(firsts, "closedate", "lastmodifieddate")
        for id_, created, amount, status, ended in zip(*columns, closed, strict=True):
            events = [Event(0, f"netsuite-{id_}", _CREATED, created, amount)]
            if status in _ENDS:
                sub, word, name = _ENDS[status]
                events.append(Event(sub, f"netsuite-{id_}-{word}", name, ended, amount))
            yield events


DOMAIN = Domain(
    flow="opportunities",
    title="Opportunities",
    description=__doc__ or "",
    sources=(OPPORTUNITIES,),
    shaper=OpportunityShaper,
)
