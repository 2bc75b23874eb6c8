"""Stock and prices of what the catalog has, quickly: partial updates on a short schedule, so that flows for
back in stock and price drops work.

*stock* reads stock by the moment that it last changed, which moves without the item's own; the other sources
read items that changed, for their prices. Their variants' stock comes along: a row of stock is rejected while
its item is offline, and what puts the item back is a save of the item. What Klaviyo has already is not sent,
and an item that it does not have yet is left to the catalog.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

import numpy as np
import pyarrow as pa

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.catalog import ID_PREFIX
from netsuite_connector.domains.catalog_rows import MATRIX_PARENTS, OFF_SALE, PRICE, STANDALONE, CatalogRows
from netsuite_connector.domains.columns import values
from netsuite_connector.domains.model import Domain, Field, Kind, Known, Records, Shaper, Site, Source
from netsuite_connector.domains.objects import encode
from netsuite_connector.domains.prices import price_source

STOCK = Source(
    name="stock",
    search="customsearch_nsk_item_stock",
    record_type="item",
    kind=Kind.VARIANT_CHANGE,
    stamp="lastquantityavailablechange",
    fields=(
        Field("itemid", "Name", mandatory=True),
        Field("quantityavailable", "Available", ColumnType.NUMBER, mandatory=True, required=True),
        Field(
            "lastquantityavailablechange",
            "Last Quantity Available Change",
            ColumnType.DATETIME,
            mandatory=True,
        ),
        *OFF_SALE,
    ),
    several=True,
    always=True,
)
_PRICED = (
    Field("quantityavailable", "Available", ColumnType.NUMBER, mandatory=True),
    Field("baseprice", "Base Price", ColumnType.NUMBER, mandatory=True),
    PRICE,
    *OFF_SALE,
)
CHANGED_ITEMS = Source(
    name="changed_items",
    search="customsearch_nsk_items",
    record_type="item",
    kind=Kind.ITEM_CHANGE,
    fields=(*_PRICED, Field(STANDALONE, "Stand-alone", ColumnType.BOOLEAN, added=True)),
    always=True,
)
CHANGED_VARIANTS = Source(
    name="changed_variants",
    search="customsearch_nsk_variants",
    record_type="item",
    kind=Kind.VARIANT_CHANGE,
    fields=_PRICED,
    always=True,
)
CHANGED_OWN_VARIANTS = Source(name="changed_own_variants", kind=Kind.VARIANT_CHANGE, always=True)

CATALOG_RUN_MINUTES = 60
"""A catalog run that read an item before its stock moved may deliver it after this flow did, and a new item
is in Klaviyo only once such a run has ended. For those that take longer see ``flows/late.py``."""


class StockShaper:
    """Rows of stock, one a location, to a variant's total stock."""

    def __init__(self, source: Source, site: Site, columns: Collection[str]) -> None:  # noqa: ARG002
        self.warnings: Counter[str] = Counter()
        self._waiting: pa.RecordBatch | None = None

    def feed(self, batch: pa.RecordBatch) -> Records:
        """A record for each item whose rows are all there."""
        batch = batch.select(["internalid", "quantityavailable"])
        if self._waiting is not None:
            pieces = pa.Table.from_batches([self._waiting, batch]).combine_chunks()
            batch = pieces.to_batches()[0]
        if not batch.num_rows:
            return Records()
        ids = batch.column("internalid").to_numpy()
        complete = int(np.searchsorted(ids, ids[-1], side="left"))
        self._waiting = batch.slice(complete)
        return _stock_of(batch.slice(0, complete))

    def finish(self) -> Records:
        """The last item's record."""
        return Records() if self._waiting is None else _stock_of(self._waiting)


def _stock_of(batch: pa.RecordBatch) -> Records:
    ids, first, rows = np.unique(batch.column("internalid").to_numpy(), return_index=True, return_counts=True)
    # Each row has the total beside its location's own.
    available = batch.column("quantityavailable").take(pa.array(first)).to_pylist()
    stock = [{"inventory_quantity": quantity} for quantity in available]
    return _changes("catalog-variant", ids.tolist(), rows.tolist(), stock)


class PriceShaper:
    """Rows of items to their prices; of variants also to their stock, which is read after the rows of stock
    and sent after them.
    """

    def __init__(self, source: Source, site: Site, columns: Collection[str]) -> None:  # noqa: ARG002
        self.warnings: Counter[str] = Counter()
        self._variants = source.kind is Kind.VARIANT_CHANGE

    def feed(self, batch: pa.RecordBatch) -> Records:
        """One record a row."""
        ids = batch.column("internalid").to_pylist()
        rows = [1] * len(ids)
        prices = [{"price": price} for price in values(batch, PRICE.name)]
        if not self._variants:
            return _changes("catalog-item", ids, rows, prices)
        # What has no stock of its own has the same here as in the catalog.
        stock = [{"inventory_quantity": quantity or 0} for quantity in values(batch, "quantityavailable")]
        both = [price | quantity for price, quantity in zip(prices, stock, strict=True)]
        return _changes("catalog-variant", ids, rows, both)

    def finish(self) -> Records:
        """Nothing waits: a row is a record."""
        return Records()


def _changes(type_: str, ids: list[int], rows: list[int], to: list[dict[str, float]]) -> Records:
    payloads = [
        encode({"type": type_, "id": f"{ID_PREFIX}{id_}", "attributes": attributes})
        for id_, attributes in zip(ids, to, strict=True)
    ]
    return Records(ids, [0] * len(ids), [str(id_) for id_ in ids], rows, payloads)


def _shaper(source: Source, site: Site, columns: Collection[str]) -> Shaper:
    kind = StockShaper if source.name == STOCK.name else PriceShaper
    return kind(source, site, columns)


def _derive(source: Source, site: Site, known: Known) -> Iterator[Records]:
    """The prices and stock of the variants that items have of their own."""
    for batch in known.valid(CHANGED_ITEMS.name):
        made = PriceShaper(source, site, ()).feed(batch.filter(batch.column(STANDALONE)))
        # Its row is accounted for by the item.
        yield Records(made.id, made.sub, made.key, [0] * len(made.id), made.payload)


def stock_domain(*, level: str | None = None, currency: str | None = None) -> Domain:
    """Stock and prices of a store's catalog; ``level`` and ``currency``: see ``catalog_domain``."""
    prices = (price_source(level, currency),) if level or currency else ()
    return Domain(
        flow="stock",
        title="Stock",
        description=__doc__ or "",
        sources=(STOCK, CHANGED_ITEMS, CHANGED_OWN_VARIANTS, CHANGED_VARIANTS, MATRIX_PARENTS, *prices),
        shaper=_shaper,
        derive=_derive,
        enrich=CatalogRows,
        overlap_minutes=CATALOG_RUN_MINUTES,
        in_order=True,
    )


DOMAIN = stock_domain()
