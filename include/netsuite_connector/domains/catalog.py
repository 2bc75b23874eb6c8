"""Items become catalog items, matrix children the variants of their parent, and every other item has a
variant of its own, since Klaviyo keeps stock on variants. Commerce categories become categories.

Two saved searches keep items and matrix children apart, since NetSuite lets a search filter by matrix role
but not show it: *items* has what is no matrix child, *variants* the children. What is gone leaves first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from functools import partial
from typing import Any

import orjson
import pyarrow as pa

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.catalog_rows import (
    ADDED,
    CATEGORIES_COLUMN,
    IMAGE,
    MATRIX_PARENTS,
    OFF_SALE,
    PRICE,
    STANDALONE,
    CatalogRows,
)
from netsuite_connector.domains.categories import CATEGORIES, ITEM_CATEGORIES, category_records
from netsuite_connector.domains.columns import extra_columns, known_columns, sent, texts, told, values
from netsuite_connector.domains.gone import gone_items, gone_variants, leaving
from netsuite_connector.domains.images import image_source
from netsuite_connector.domains.model import Domain, Field, Kind, Known, Records, Site, Source
from netsuite_connector.domains.objects import encode, object_for, object_of
from netsuite_connector.domains.prices import price_source

# Ids of a custom catalog are written with the integration and catalog they belong to (Klaviyo's API
# reference, catalog items).
ID_PREFIX = "$custom:::$default:::"

_ITEM_FIELDS = (
    Field("itemid", "Name", mandatory=True, required=True),
    Field("displayname", "Display Name"),
    Field("salesdescription", "Description", mandatory=True, required=True),
    # NetSuite's item types are written this way, capitals included (online help, section N3188567)
    Field(
        "type",
        "Type",
        ColumnType.SELECT,
        mandatory=True,
        required=True,
        one_of=("InvtPart", "NonInvtPart", "Assembly", "Kit"),
        hint="is not one that is sold: inventory, non-inventory, assembly or kit",
    ),
    Field("quantityavailable", "Available", ColumnType.NUMBER, mandatory=True),
    Field("baseprice", "Base Price", ColumnType.NUMBER, mandatory=True),
    PRICE,
    Field("urlcomponent", "URL Component", mandatory=True, required=True),
    Field("imageurl", "Image URL"),
    Field("storedisplayimage", "Store Display Image", ColumnType.SELECT),
    IMAGE,
    *OFF_SALE,
    Field("modified", "Last Modified", ColumnType.DATETIME),
)

# Kits and assemblies are sent, their components are not.
_TYPES = ("inventoryitem", "noninventoryitem", "assemblyitem", "kititem")
_METADATA = ("sku", "type", "quantity_available")
ITEMS = Source(
    name="items",
    search="customsearch_nsk_items",
    record_type="item",
    kind=Kind.ITEM,
    deleted_types=_TYPES,
    fields=(*_ITEM_FIELDS, Field("parent", "Parent", ColumnType.SELECT, mandatory=True), *ADDED),
    properties=_METADATA,
)
VARIANTS = Source(
    name="variants",
    search="customsearch_nsk_variants",
    record_type="item",
    kind=Kind.VARIANT,
    fields=(
        *_ITEM_FIELDS,
        Field("parent", "Parent", ColumnType.SELECT, mandatory=True, required=True),
        Field("parent.type", "Parent : Type", ColumnType.SELECT, mandatory=True),
    ),
    properties=_METADATA,
)
OWN_VARIANTS = Source(name="own_variants", kind=Kind.VARIANT, ledger_of=VARIANTS.name, properties=_METADATA)

# "modified" is left out of what is sent: a save that changes nothing else is no change of the item.
KNOWN = known_columns((ITEMS, VARIANTS), "internalid", "created")

_ATTRIBUTES = object_of(
    "external_id",
    "integration_type",
    "catalog_type",
    "title",
    "description",
    "price",
    "url",
    "image_full_url",
    "custom_metadata",
    "published",
    "sku",
    "inventory_quantity",
)
_ELEMENT = object_of("type", "attributes", "relationships")


class ItemShaper:
    """Rows to elements of catalog bulk jobs: ``catalog-item``, or ``catalog-variant`` with its item."""

    def __init__(self, source: Source, site: Site, columns: Collection[str]) -> None:
        """``columns`` are those of the rows to come: what the domain doesn't know becomes custom metadata."""
        self.warnings: Counter[str] = Counter()
        self._site = site
        self._variants = source.kind is Kind.VARIANT
        self._own = source.name == OWN_VARIANTS.name
        self._extra = extra_columns(columns, KNOWN)
        self._has_metadata = bool(self._extra) or any(site.named(name) is not None for name in _METADATA)
        self._metadata = object_for(site, *_METADATA, extra=self._extra)

    def feed(self, batch: pa.RecordBatch) -> Records:
        """One record a row."""
        ids = batch.column("internalid").to_pylist()
        keys = [str(id_) for id_ in ids]
        # A child's name is written "PARENT : CHILD"; the last part is its own.
        skus = [name.rsplit(" : ", 1)[-1] for name in values(batch, "itemid")]
        displayed = values(told(batch, self._site), "displayname")
        available = values(batch, "quantityavailable")
        metadata: Iterator[Any] = map(
            self._metadata,
            skus,
            texts(batch, "type"),
            available,
            *(sent(batch, name, self._site.as_id) for name in self._extra),
        )
        if not self._has_metadata:
            metadata = iter([None] * len(ids))
        attributes = map(
            _ATTRIBUTES,
            keys,
            ["$custom"] * len(ids),
            ["$default"] * len(ids),
            [display or sku for display, sku in zip(displayed, skus, strict=True)],
            values(batch, "salesdescription"),
            values(batch, PRICE.name),
            self._site.item_links(values(batch, "urlcomponent")),
            values(batch, IMAGE.name),
            metadata,
            [True] * len(ids),
            skus if self._variants else [None] * len(ids),
            [quantity or 0 for quantity in available] if self._variants else [None] * len(ids),
        )
        subs = [0] * len(ids)
        if self._variants:
            parents = keys if self._own else values(batch, "parent")
            # Variants are remembered with their item, so that they can go when it does.
            subs = [int(parent) for parent in parents]
            elements = map(_ELEMENT, ["catalog-variant"] * len(ids), attributes, map(_of_item, parents))
        else:
            within = map(_in_categories, values(batch, CATEGORIES_COLUMN))
            elements = map(_ELEMENT, ["catalog-item"] * len(ids), attributes, within)
        return Records(ids, subs, keys, [1] * len(ids), [encode(element) for element in elements])

    def finish(self) -> Records:
        """Nothing waits: a row is a record."""
        return Records()


def _of_item(parent: str) -> dict[str, Any]:
    return {"item": {"data": {"type": "catalog-item", "id": f"{ID_PREFIX}{parent}"}}}


def _in_categories(ids: list[str] | None) -> dict[str, Any]:
    data = [{"type": "catalog-category", "id": f"{ID_PREFIX}{id_}"} for id_ in ids or ()]
    return {"categories": {"data": data}}


def to_update(payload: bytes) -> bytes:
    """The element of a create job as one of an update job: known by its compound id; what can't change is
    left out.
    """
    element = orjson.loads(payload)
    attributes = element["attributes"]
    changed = {"type": element["type"], "id": f"{ID_PREFIX}{attributes.pop('external_id')}"}
    for name in ("integration_type", "catalog_type"):
        attributes.pop(name, None)
    changed["attributes"] = attributes
    if "categories" in element.get("relationships", ()):
        changed["relationships"] = element["relationships"]
    return orjson.dumps(changed)


def catalog_domain(
    *, delete: bool = False, level: str | None = None, currency: str | None = None, folder: str | None = None
) -> Domain:
    """The catalog of a store. ``delete``: what is gone is deleted instead of unpublished; ``level`` and
    ``currency``: of the price, which is else the base price; ``folder``: of the images in the File Cabinet.
    """
    prices = (price_source(level, currency),) if level or currency else ()
    images = (image_source(folder),) if folder else ()
    leave_variants = leaving(VARIANTS, delete=delete)
    leave_items = leaving(ITEMS, delete=delete)
    return Domain(
        flow="catalog",
        title="Catalog",
        description=__doc__ or "",
        sources=(
            leave_variants,
            leave_items,
            CATEGORIES,
            ITEMS,
            OWN_VARIANTS,
            VARIANTS,
            MATRIX_PARENTS,
            ITEM_CATEGORIES,
            *prices,
            *images,
        ),
        shaper=ItemShaper,
        derive=partial(_derive, delete=delete),
        enrich=CatalogRows,
        snapshot=True,
        in_order=True,
        to_update=to_update,
    )


def _derive(source: Source, site: Site, known: Known, *, delete: bool) -> Iterator[Records]:
    if source.name == CATEGORIES.name:
        yield category_records(site.lookups[ITEM_CATEGORIES.name]())
    elif source.name == OWN_VARIANTS.name:
        yield from _own_variants(source, known)
    elif source.ledger_of == ITEMS.name:
        yield from gone_items(source, known)
    else:
        yield from gone_variants(source, known, with_items=delete)


def _own_variants(source: Source, known: Known) -> Iterator[Records]:
    """The variants of items that are no matrix parents."""
    site = known.site(ITEMS.name)
    for batch in known.valid(ITEMS.name):
        alone = batch.filter(batch.column(STANDALONE))
        made = ItemShaper(source, site, site.told(batch.schema.names)).feed(alone)
        # Its row is accounted for by the item.
        yield Records(made.id, made.sub, made.key, [0] * len(made.id), made.payload)


DOMAIN = catalog_domain()
