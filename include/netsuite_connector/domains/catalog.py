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

from netsuite_connector.domains.columns import extra_columns, extra_properties, texts, values
from netsuite_connector.domains.model import Domain, Field, FieldType, Kind, Records, Site, Source

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
        FieldType.SELECT,
        mandatory=True,
        required=True,
        one_of=("InvtPart", "NonInvtPart", "Assembly", "Kit"),
        hint="is not one that is sold: inventory, non-inventory, assembly or kit",
    ),
    Field("quantityavailable", "Available", FieldType.NUMBER, mandatory=True),
    Field(
        "baseprice",
        "Base Price",
        FieldType.NUMBER,
        mandatory=True,
        required=True,
        minimum=0,
        hint="is below zero",
    ),
    Field("urlcomponent", "URL Component", mandatory=True, required=True),
    Field("imageurl", "Image URL"),
    Field("modified", "Last Modified", FieldType.DATETIME),
)

ITEMS = Source(
    name="items",
    search="customsearch_nsk_items",
    record_type="item",
    fields=(*_ITEM_FIELDS, Field("parent", "Parent", FieldType.SELECT, mandatory=True)),
)
VARIANTS = Source(
    name="variants",
    search="customsearch_nsk_variants",
    record_type="item",
    fields=(
        *_ITEM_FIELDS,
        Field("parent", "Parent", FieldType.SELECT, mandatory=True, required=True),
        Field("parent.type", "Parent : Type", FieldType.SELECT, mandatory=True),
    ),
)

# "modified" is left out of what is sent: a save that changes nothing else is no change of the item.
_KNOWN = frozenset(
    name
    for source in (ITEMS, VARIANTS)
    for field in source.fields
    for name in (field.name, f"{field.name}__text")
) | {"internalid", "created"}


class ItemShaper:
    """Rows to elements of a catalog item or variant bulk create job."""

    def __init__(self, source: Source, site: Site, columns: Collection[str]) -> None:
        self.warnings: Counter[str] = Counter()
        self._variants = source is VARIANTS
        self._site = site
        self._extra = extra_columns(columns, _KNOWN)

    def feed(self, batch: pa.RecordBatch) -> Records:
        """One record a row."""
        records = Records()
        columns = zip(
            values(batch, "internalid"),
            values(batch, "itemid"),
            values(batch, "displayname"),
            values(batch, "salesdescription"),
            values(batch, "baseprice"),
            values(batch, "urlcomponent"),
            values(batch, "imageurl"),
            texts(batch, "type"),
            values(batch, "quantityavailable"),
            values(batch, "parent"),
            extra_properties(batch, self._extra),
            strict=True,
        )
        for (
            id_,
            itemid,
            display,
            description,
            price,
            urlcomponent,
            image,
            type_,
            available,
            parent,
            extra,
        ) in columns:
            # A child's name is written "PARENT : CHILD"; the last part is its own.
            sku = itemid.rsplit(" : ", 1)[-1]
            attributes: dict[str, Any] = {
                "external_id": str(id_),
                "integration_type": "$custom",
                "catalog_type": "$default",
                "title": display or sku,
                "description": description,
                "url": self._site.item_link(urlcomponent),
                "price": price,
                "custom_metadata": {"sku": sku, "type": type_} | extra,
                "published": True,
            }
            link = self._site.image_link(image)
            if link:
                attributes["image_full_url"] = link
            element: dict[str, Any] = {"type": "catalog-item", "attributes": attributes}
            if self._variants:
                element["type"] = "catalog-variant"
                attributes["sku"] = sku
                attributes["inventory_quantity"] = available or 0
                element["relationships"] = {
                    "item": {"data": {"type": "catalog-item", "id": f"{ID_PREFIX}{parent}"}}
                }
            elif available is not None:
                attributes["custom_metadata"]["quantity_available"] = available
            records.add(id_, 0, str(id_), 1, orjson.dumps(element))
        return records

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
    kinds=(Kind.ITEM, Kind.VARIANT),
    shaper=ItemShaper,
    in_order=True,
    to_update=to_update,
)
