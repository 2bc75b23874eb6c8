"""Orders and what becomes of them: placed, cancelled, fulfilled and refunded, as events; and at which
storefronts their customers order, as properties of profiles.

An order is sent once however many transactions it goes through: the invoice or cash sale of a sales order is
none of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.cancellations import CANCELLATIONS, cancellations
from netsuite_connector.domains.fulfilments import FULFILMENTS, FulfilmentShaper
from netsuite_connector.domains.model import Domain, Field, Known, Records, Shaper, Site, Source
from netsuite_connector.domains.orders import ORDERS, EventShaper
from netsuite_connector.domains.refunds import REFUNDS, RefundShaper
from netsuite_connector.domains.storefronts import STOREFRONTS, storefronts_of

# Which transaction was made from which: a refund names the return or the invoice that it is of, not the
# order.
LINKS = Source(
    name="links",
    search="customsearch_nsk_order_links",
    record_type="transaction",
    fields=(
        Field("type", "Type", ColumnType.SELECT),
        Field("createdfrom", "Created From", ColumnType.SELECT, mandatory=True),
    ),
)
# NetSuite lets a search filter by whether an item is a matrix child, but not show it.
CHILDREN = Source(
    name="matrix_children",
    search="customsearch_nsk_matrix_children",
    record_type="item",
    whole=True,
    fields=(Field("itemid", "Name", mandatory=True),),
)


def _shaper(source: Source, site: Site, columns: Collection[str]) -> Shaper:
    if source is FULFILMENTS:
        return FulfilmentShaper(source, site, columns)
    if source is REFUNDS:
        return RefundShaper(source, site, columns)
    return EventShaper(source, site, columns)


def _derive(source: Source, site: Site, known: Known) -> Iterator[Records]:
    return cancellations(known) if source is CANCELLATIONS else storefronts_of(site)


DOMAIN = Domain(
    flow="orders",
    title="Orders",
    description=__doc__ or "",
    sources=(ORDERS, CANCELLATIONS, FULFILMENTS, REFUNDS, STOREFRONTS, LINKS, CHILDREN),
    shaper=_shaper,
    derive=_derive,
    book=True,
)
