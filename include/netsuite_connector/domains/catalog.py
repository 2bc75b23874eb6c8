"""Items become catalog items, matrix children the variants of their parent.

Two saved searches keep them apart, since NetSuite lets a search filter by matrix role but not show it:
*items* has what is no matrix child, *variants* the children.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

import orjson
import pyarrow as pa

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.columns import extra_columns, known_columns, sent, texts, values
from netsuite_connector.domains.model import Domain, Field, Kind, Records, Site, Source
from netsuite_connector.domains.objects import encode, object_of

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
    Field(
        "baseprice",
        "Base Price",
        ColumnType.NUMBER,
        mandatory=True,
        required=True,
        minimum=0,
        hint="is below zero",
    ),
    Field("urlcomponent", "URL Component", mandatory=True, required=True),
    Field("imageurl", "Image URL"),
    Field("modified", "Last Modified", ColumnType.DATETIME),
)

# Kits and assemblies are sent, their components are not.
_TYPES = ("inventoryitem", "noninventoryitem", "assemblyitem", "kititem")
ITEMS = Source(
    name="items",
    search="customsearch_nsk_items",
    record_type="item",
    kind=Kind.ITEM,
    deleted_types=_TYPES,
    fields=(*_ITEM_FIELDS, Field("parent", "Parent", ColumnType.SELECT, mandatory=True)),
)
VARIANTS = Source(
    name="variants",
    search="customsearch_nsk_variants",
    record_type="item",
    kind=Kind.VARIANT,
    deleted_types=_TYPES,
    fields=(
        *_ITEM_FIELDS,
        Field("parent", "Parent", ColumnType.SELECT, mandatory=True, required=True),
        Field("parent.type", "Parent : Type", ColumnType.SELECT, mandatory=True),
    ),
)

# "modified" is left out of what is sent: a save that changes nothing else is no change of the item.
_KNOWN = known_columns((ITEMS, VARIANTS), "internalid", "created")


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


def _of_item(parent: str) -> dict[str, Any]:
    return {"item": {"data": {"type": "catalog-item", "id": f"{ID_PREFIX}{parent}"}}}


class ItemShaper:
    """Rows to elements of a catalog item or variant bulk create job."""

    def __init__(self, source: Source, site: Site, columns: Collection[str]) -> None:
        self.warnings: Counter[str] = Counter()
        self._variants = source is VARIANTS
        self._site = site
        self._extra = extra_columns(columns, _KNOWN)
        self._metadata = object_of("sku", "type", "quantity_available", *self._extra)

    def feed(self, batch: pa.RecordBatch) -> Records:
        """One record a row."""
        ids = batch.column("internalid").to_pylist()
        keys = [str(id_) for id_ in ids]
        # A child's name is written "PARENT : CHILD"; the last part is its own.
        skus = [name.rsplit(" : ", 1)[-1] for name in values(batch, "itemid")]
        available = values(batch, "quantityavailable")
        metadata = map(
            self._metadata,
            skus,
            texts(batch, "type"),
            available,
            *(sent(batch, name, self._site.as_id) for name in self._extra),
        )
        attributes = map(
            _ATTRIBUTES,
            keys,
            ["$custom"] * len(ids),
            ["$default"] * len(ids),
            [display or sku for display, sku in zip(values(batch, "displayname"), skus, strict=True)],
            values(batch, "salesdescription"),
            values(batch, "baseprice"),
            self._site.item_links(values(batch, "urlcomponent")),
            map(self._site.image_link, values(batch, "imageurl")),
            metadata,
            [True] * len(ids),
            skus if self._variants else [None] * len(ids),
            [quantity or 0 for quantity in available] if self._variants else [None] * len(ids),
        )
        if self._variants:
            elements = map(
                _ELEMENT, ["catalog-variant"] * len(ids), attributes, map(_of_item, values(batch, "parent"))
            )
        else:
            elements = map(_ELEMENT, ["catalog-item"] * len(ids), attributes)
        return Records(ids, [0] * len(ids), keys, [1] * len(ids), [encode(element) for element in elements])

    def finish(self) -> Records:
        """Nothing waits: a row is a record."""
        return Records()


def to_update(payload: bytes) -> bytes:
    """The element of a create job as one of an update job: known by its compound id; what can't change is
    left out.
    """
    element = orjson.loads(payload)
    attributes = element["attributes"]
    external_id = attributes.pop("external_id")
    del attributes["integration_type"], attributes["catalog_type"]
    return orjson.dumps(
        {"type": element["type"], "id": f"{ID_PREFIX}{external_id}", "attributes": attributes}
    )


DOMAIN = Domain(
    flow="catalog",
    title="Catalog",
    description=__doc__ or "",
    sources=(ITEMS, VARIANTS),
    shaper=ItemShaper,
    in_order=True,
    to_update=to_update,
)
