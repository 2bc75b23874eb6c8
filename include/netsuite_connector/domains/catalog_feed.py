"""The catalog as a feed: a JSON object an item, one level deep, for Klaviyo to fetch.

A feed knows no variants, so a matrix item is one entry whose stock is that of its children. A feed is the
catalog as it is now: what is not in it leaves Klaviyo, so that every run reads all there is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.column_type import TEXT_SUFFIX
from netsuite_connector.domains.catalog import ITEMS, KNOWN, VARIANTS
from netsuite_connector.domains.catalog_rows import CATEGORIES_COLUMN, IMAGE, PRICE, CatalogRows
from netsuite_connector.domains.categories import ITEM_CATEGORIES
from netsuite_connector.domains.columns import extra_columns, sent, texts, told, values
from netsuite_connector.domains.gone import off_sale
from netsuite_connector.domains.images import image_source
from netsuite_connector.domains.model import Domain, Kind, Records, Site, Source
from netsuite_connector.domains.objects import encode, object_for
from netsuite_connector.domains.prices import price_source

# What Klaviyo wants of a feed, and what it knows beside that.
_KLAVIYOS = ("id", "title", "link", "description", "price", "image_link")
_OPTIONAL = ("categories", "inventory_quantity")
_OWN = ("sku", "type")
FEED_ITEMS = replace(
    ITEMS,
    kind=Kind.FEED_ITEM,
    deleted_types=(),
    always=True,
    properties=_OWN,
    attributes=_OPTIONAL,
    needed=_KLAVIYOS,
)
_CHILDREN = replace(VARIANTS, kind=None)


class FeedShaper:
    """Rows of items to entries of the feed."""

    def __init__(self, source: Source, site: Site, columns: Collection[str]) -> None:  # noqa: ARG002
        self.warnings: Counter[str] = Counter()
        self._site = site
        self._extra = extra_columns(columns, KNOWN)
        self._entry = object_for(site, *_KLAVIYOS, *_OPTIONAL, *_OWN, extra=self._extra)
        self._parents, self._stock = _stock_of_children(site)

    def feed(self, batch: pa.RecordBatch) -> Records:
        """One entry a row."""
        ids = batch.column("internalid").to_pylist()
        keys = [str(id_) for id_ in ids]
        skus = values(batch, "itemid")
        displayed = values(told(batch, self._site), "displayname")
        entries = map(
            self._entry,
            keys,
            [display or sku for display, sku in zip(displayed, skus, strict=True)],
            self._site.item_links(values(batch, "urlcomponent")),
            values(batch, "salesdescription"),
            values(batch, PRICE.name),
            values(batch, IMAGE.name),
            [names or None for names in values(batch, CATEGORIES_COLUMN + TEXT_SUFFIX)],
            self._available(batch),
            skus,
            texts(batch, "type"),
            *(sent(batch, name, self._site.as_id) for name in self._extra),
        )
        payloads = [encode(entry) for entry in entries]
        return Records(ids, [0] * len(ids), keys, [1] * len(ids), payloads)

    def finish(self) -> Records:
        """Nothing waits: a row is an entry."""
        return Records()

    def _available(self, batch: pa.RecordBatch) -> list[float | None]:
        """An item's own stock, or that of its children."""
        own = values(batch, "quantityavailable")
        if not len(self._parents):
            return own
        ids = batch.column("internalid").to_numpy()
        at = np.minimum(np.searchsorted(self._parents, ids), len(self._parents) - 1)
        has = self._parents[at] == ids
        sums = self._stock[at]
        return [float(sums[row]) if has[row] else quantity for row, quantity in enumerate(own)]


def _stock_of_children(site: Site) -> tuple[np.ndarray, np.ndarray]:
    """Ids of matrix parents, in order, and what their children that are on sale have together: nothing where
    none of them is.
    """
    parents, quantities = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.float64)]
    for batch in site.lookups[VARIANTS.name]():
        rows = batch.filter(pc.is_valid(batch.column("parent")))
        available = pc.fill_null(rows.column("quantityavailable"), 0.0)
        parents.append(rows.column("parent").cast(pa.int64()).to_numpy())
        quantities.append(pc.if_else(off_sale(rows), 0.0, available).to_numpy())
    ids, place = np.unique(np.concatenate(parents), return_inverse=True)
    return ids, np.bincount(place, weights=np.concatenate(quantities), minlength=len(ids))


def feed_domain(
    *, level: str | None = None, currency: str | None = None, folder: str | None = None
) -> Domain:
    """The catalog of a store as a feed; the settings are those of ``catalog_domain``."""
    prices = (price_source(level, currency),) if level or currency else ()
    images = (image_source(folder),) if folder else ()
    return Domain(
        flow="catalog",
        title="Catalog",
        description=__doc__ or "",
        sources=(FEED_ITEMS, _CHILDREN, ITEM_CATEGORIES, *prices, *images),
        shaper=FeedShaper,
        enrich=CatalogRows,
        snapshot=True,
        feed=True,
    )
