"""What is added to the rows of items before they are checked: price, image, categories, and whether an item
stands alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.column_type import TEXT_SUFFIX, ColumnType
from netsuite_connector.domains.along import Along, Ints
from netsuite_connector.domains.categories import ITEM_CATEGORIES, categories
from netsuite_connector.domains.columns import texts, values
from netsuite_connector.domains.images import Images
from netsuite_connector.domains.model import Field, Site, Source
from netsuite_connector.domains.prices import prices

PRICE = Field("price", "Price", ColumnType.NUMBER, required=True, minimum=0, hint="is below zero", added=True)
IMAGE = Field("image", "Image", required=True, added=True)
CATEGORIES_COLUMN = "categories"
STANDALONE = "standalone"
ADDED = (
    Field(CATEGORIES_COLUMN, "Categories", added=True),
    Field(STANDALONE, "Stand-alone", ColumnType.BOOLEAN, added=True),
)
# An item that nobody can buy is none of the catalog. The columns may be taken out of the search.
OFF_SALE = (
    Field(
        "isinactive",
        "Inactive",
        ColumnType.BOOLEAN,
        one_of=("false",),
        hint="is set: the item is not in the catalog",
    ),
    Field(
        "isonline",
        "Display in Web Site",
        ColumnType.BOOLEAN,
        one_of=("true",),
        hint="is not set: the item is not in the catalog",
    ),
)
MATRIX_PARENTS = Source(
    name="matrix_parents", search="customsearch_nsk_matrix_parents", record_type="item", fields=()
)


class CatalogRows:
    """Adds the columns to a source's rows. What needs a lookup that the flow does not have is left out."""

    def __init__(self, source: Source, site: Site) -> None:
        self._site = site
        self._names = {field.name for field in source.fields if field.added}
        self._prices = self._along("item_prices")
        self._categories = self._along(ITEM_CATEGORIES.name)
        self._parents = self._along(MATRIX_PARENTS.name)
        files = site.lookups.get("images") if IMAGE.name in self._names else None
        self._images = Images(files()) if files is not None else None

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with the added columns that the source has."""
        ids: Ints = batch.column("internalid").to_numpy()
        added: dict[str, pa.Array] = {}
        if PRICE.name in self._names:
            column = prices(ids, self._prices) if self._prices else batch.column("baseprice")
            added[PRICE.name] = column
        if IMAGE.name in self._names:
            added[IMAGE.name] = self._image(batch)
        if CATEGORIES_COLUMN in self._names and self._categories:
            numbers, names = categories(ids, self._categories)
            added |= {CATEGORIES_COLUMN: numbers, CATEGORIES_COLUMN + TEXT_SUFFIX: names}
        if STANDALONE in self._names and self._parents:
            parents = self._parents.rows(ids)
            known = parents["internalid"].to_numpy() if parents is not None else np.empty(0, dtype=np.int64)
            added[STANDALONE] = pa.array(~np.isin(ids, known))
        kept = [name for name in batch.schema.names if name not in added]
        arrays = [*(batch.column(name) for name in kept), *added.values()]
        return pa.RecordBatch.from_arrays(arrays, names=[*kept, *added])

    def _along(self, name: str) -> Along | None:
        lookup = self._site.lookups.get(name)
        return None if lookup is None else Along(lookup())

    def _image(self, batch: pa.RecordBatch) -> pa.Array:
        """The address of each row's image: its own, that of its display image, or what is named after it."""
        given = _text(batch, "imageurl")
        shown = pa.array(texts(batch, "storedisplayimage"), pa.string())
        if self._images is None:
            found = pc.coalesce(given, shown)
        else:
            of_id = self._images.of_ids(values(batch, "storedisplayimage"))
            found = pc.coalesce(given, of_id, self._named(batch, self._images), shown)
        links: list[Any] = [self._site.image_link(image) for image in found.to_pylist()]
        return pa.array(links, pa.string())

    def _named(self, batch: pa.RecordBatch, images: Images) -> pa.Array:
        """Images by their files' names. A matrix child shows its parent's, in its own options if there is
        one.
        """
        name = _text(batch, "itemid")
        own = pc.replace_substring_regex(name, r"^.* : ", "")
        if "parent" not in batch.schema.names or not pc.any(pc.is_valid(batch.column("parent"))).as_py():
            return images.of_names([own])
        parent = pc.replace_substring_regex(name, r" : .*$", "")
        options = [
            pa.array(texts(batch, option), pa.string())
            for option in self._site.image_options
            if option in batch.schema.names
        ]
        found = [images.of_names([own]), images.of_names([parent])]
        return pc.coalesce(images.of_names([parent, *options]), *found)


def _text(batch: pa.RecordBatch, name: str) -> pa.Array:
    return pa.array(values(batch, name), pa.string())
