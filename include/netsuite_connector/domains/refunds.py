"""*Refunded Order* and *Partially Refunded Order*: credit memos and cash refunds.

Klaviyo takes a refund off what a customer is worth only if it has the identity of the *Placed Order*, and
keeps one event of a name and an identity. So the refund with which an order is wholly refunded becomes its
one *Refunded Order*, with the order's identity and total; every other refund a *Partially Refunded Order* of
its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.columns import values
from netsuite_connector.domains.events import HEADER_FIELDS, ITEM_FIELDS, TAGGED, metric, named, nothing
from netsuite_connector.domains.model import Field, Kind, Site, Source
from netsuite_connector.domains.transactions import Event, TransactionShaper

# What Site.lookups calls the orders that this run's refunds are of.
REFUNDED = "refunded"

# Property -> the transaction's column.
_KNOWN = {"RefundId": "tranid", "Reason": "memomain"}
# Properties that are worked out.
_MORE = ("OrderId", "NetSuite Order ID", "RefundedTotal", "OrderTotal")
_NAMES = named(_KNOWN, *_MORE)
REFUNDS = Source(
    name="refunds",
    search="customsearch_nsk_refunds",
    record_type="transaction",
    kind=Kind.EVENT,
    once=True,
    # The search also shows return authorisations, which promise a refund but are none.
    only={"type": ("CustCred", "CashRfnd")},
    deleted_types=("creditmemo", "cashrefund"),
    fields=(
        *HEADER_FIELDS,
        Field("createdfrom", "Created From", ColumnType.SELECT, mandatory=True),
        Field("total", "Amount (Transaction Total)", ColumnType.NUMBER, mandatory=True, required=True),
        Field("memomain", "Memo (Main)"),
        Field("item", "Item", ColumnType.SELECT, mandatory=True, required=True),
        Field("quantity", "Quantity", ColumnType.NUMBER, mandatory=True),
        Field("rate", "Item Rate", ColumnType.NUMBER, mandatory=True),
        Field("amount", "Amount", ColumnType.NUMBER, mandatory=True, required=True),
        *ITEM_FIELDS,
    ),
    tagged=TAGGED,
    properties=_NAMES.properties,
    attributes=_NAMES.attributes,
    made_of=_NAMES.made_of,
)

_REFUNDED = metric("Refunded Order")
_PARTLY = metric("Partially Refunded Order")


@dataclass(frozen=True, slots=True)
class _Of:
    """The order that a refund is of: what was refunded of it so far, and whether that is all with this."""

    order: int
    number: str
    total: float
    refunded: float
    whole: bool


class RefundShaper(TransactionShaper):
    """Rows of refunds to events. Quantities and amounts are sent above zero, whatever their sign."""

    known = _KNOWN
    more = _MORE
    back = True

    def __init__(self, source: Source, site: Site, columns: Collection[str]) -> None:
        super().__init__(source, site, columns)
        self._orders = {
            row["internalid"]: _Of(row["order"], row["number"], row["total"], row["refunded"], row["whole"])
            for batch in site.lookups.get(REFUNDED, nothing)()
            for row in batch.to_pylist()
        }

    def _more(self, firsts: pa.RecordBatch) -> list[list[Any]]:
        found = [self._orders.get(id_) for id_ in firsts.column("internalid").to_pylist()]
        return [
            [each and each.number for each in found],
            [each and str(each.order) for each in found],
            [each and each.refunded for each in found],
            [each and each.total for each in found],
        ]

    def _happened(self, firsts: pa.RecordBatch) -> Iterator[list[Event]]:
        for id_, total, moment in zip(
            *(values(firsts, name) for name in ("internalid", "total", "datecreated")), strict=True
        ):
            of = self._orders.get(id_)
            if of is not None and of.whole:
                yield [Event(0, f"netsuite-{of.order}", _REFUNDED, moment, of.total)]
            else:
                yield [Event(0, f"netsuite-{id_}", _PARTLY, moment, abs(total))]
