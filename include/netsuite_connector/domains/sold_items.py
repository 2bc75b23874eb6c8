"""The items of transactions' lines, as events list them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.domains.columns import sent, texts, told, values
from netsuite_connector.domains.events import SOLD_NAMES
from netsuite_connector.domains.model import Site
from netsuite_connector.domains.objects import encode, list_of, members, object_for

# What Site.lookups calls the internal ids of matrix children.
MATRIX_CHILDREN = "matrix_children"

# Columns that other values of a line hang on.
_HELPERS = ("exchangerate", "item.parent")


@dataclass(frozen=True, slots=True)
class Lines:
    """The items of a batch's lines: their names, amounts, brands and categories, and all members of each as
    JSON. ``sold`` tells rows that are lines with an item from others.
    """

    names: list[str | None]
    amounts: list[float | None]
    brands: list[str | None]
    categories: list[list[str] | None]
    members: list[bytes]

    def of(self, start: int, end: int) -> dict[str, Any]:
        """The properties that list the items of the rows from ``start`` to ``end``."""
        items = [each for each in self.members[start:end] if each]
        return {
            "ItemNames": [name for name in self.names[start:end] if name] or None,
            "Brands": list(dict.fromkeys(filter(None, self.brands[start:end]))) or None,
            "Categories": list(
                dict.fromkeys(name for some in self.categories[start:end] if some for name in some)
            )
            or None,
            "Items": list_of(items) if items else None,
        }


class Items:
    """Makes the items of lines. ``back``: they come back, so quantities and amounts are counted up again."""

    def __init__(self, site: Site, columns: Collection[str], *, back: bool = False) -> None:
        self._site = site
        self._back = back
        self._children = matrix_children(site)
        self._image = next(
            (name for name in ("item.imageurl", "item.storedisplayimage") if name in columns), None
        )
        self._brand = "item.manufacturer" if "item.manufacturer" in columns else None
        self._category = "item.category" if "item.category" in columns else None
        optional = {
            "ImageURL": self._image,
            "Brand": self._brand,
            "Categories": self._category,
            "NetSuite Currency Amount": "fxamount" if "fxamount" in columns else None,
            "NetSuite Price Level": "pricelevel" if "pricelevel" in columns else None,
        }
        self._optional = [name for name, column in optional.items() if column]
        self._item = object_for(site, *SOLD_NAMES, *self._optional)

    def of(self, batch: pa.RecordBatch) -> Lines:
        """The items of all rows; a row without an item has no name and no members."""
        batch = told(batch, self._site, *_HELPERS)
        ids = values(batch, "item")
        skus = [
            None if id_ is None else (sku or id_).rsplit(" : ", 1)[-1]
            for sku, id_ in zip(texts(batch, "item"), ids, strict=True)
        ]
        described = zip(values(batch, "item.displayname"), values(batch, "memo"), skus, strict=True)
        names = [sku and (name or memo or sku) for name, memo, sku in described]
        amounts = self._numbers(batch, "amount")
        nothing: list[Any] = [None] * len(ids)
        brands = values(batch, self._brand) if self._brand else nothing
        categories = (
            [name and [name] for name in values(batch, self._category)] if self._category else nothing
        )
        optional = {"Brand": brands, "Categories": categories}
        if self._image:
            optional["ImageURL"] = [self._site.image_link(image) for image in texts(batch, self._image)]
        if "NetSuite Currency Amount" in self._optional:
            optional["NetSuite Currency Amount"] = self._foreign(batch)
        if "NetSuite Price Level" in self._optional:
            optional["NetSuite Price Level"] = sent(batch, "pricelevel", self._site.as_id)
        items = map(
            self._item,
            self._products(batch, ids),
            ids,
            skus,
            names,
            self._numbers(batch, "quantity"),
            self._prices(batch),
            amounts,
            self._site.item_links(values(batch, "item.urlcomponent")),
            *(optional[name] for name in self._optional),
        )
        encoded = [members(encode(item)) for item in items]
        if None in skus:
            encoded = [each if sku else b"" for each, sku in zip(encoded, skus, strict=True)]
            amounts = [amount if sku else None for amount, sku in zip(amounts, skus, strict=True)]
        return Lines(names, amounts, brands, categories, encoded)

    def _products(self, batch: pa.RecordBatch, ids: list[str | None]) -> list[str | None]:
        """What the catalog calls each item: a matrix child is a variant of its parent, so the product is the
        parent; a sub-item that is none is a product of its own.
        """
        parents = values(batch, "item.parent")
        if self._children is not None and any(parents):
            numbers = np.array([int(id_) if id_ else 0 for id_ in ids], dtype=np.int64)
            child = np.isin(numbers, self._children).tolist()
            parents = [parent if its else None for parent, its in zip(parents, child, strict=True)]
        return [parent or id_ for parent, id_ in zip(parents, ids, strict=True)]

    def _numbers(self, batch: pa.RecordBatch, name: str) -> list[Any]:
        if self._back and name in batch.schema.names:
            counted: list[Any] = pc.abs(batch.column(name)).to_pylist()
            return counted
        return values(batch, name)

    def _prices(self, batch: pa.RecordBatch) -> list[Any]:
        """The price of one in the base currency: NetSuite keeps it in the transaction's."""
        if "rate" not in batch.schema.names or not in_several_currencies(batch):
            return values(batch, "rate")
        rates = batch.column("rate")
        exchange = pc.coalesce(batch.column("exchangerate"), pa.scalar(1.0))
        base = pc.round(pc.multiply(rates, exchange), 4)
        # What is in the base currency stays as it is, whatever stands beside it.
        prices: list[Any] = pc.if_else(pc.equal(exchange, 1.0), rates, base).to_pylist()
        return prices

    def _foreign(self, batch: pa.RecordBatch) -> list[Any]:
        """The amounts in the transaction's currency, of transactions in another than the base currency."""
        if not in_several_currencies(batch):
            return [None] * batch.num_rows
        amounts = zip(self._numbers(batch, "fxamount"), values(batch, "exchangerate"), strict=True)
        return [amount if rate not in {None, 1.0} else None for amount, rate in amounts]


def in_several_currencies(batch: pa.RecordBatch) -> bool:
    """Whether any row is in another currency than the account's base currency."""
    if "exchangerate" not in batch.schema.names or not batch.num_rows:
        return False
    return bool(pc.any(pc.not_equal(batch.column("exchangerate"), 1.0)).as_py())


def foreign_totals(batch: pa.RecordBatch, totals: list[float | None]) -> list[float | None]:
    """Totals in the transaction's currency, of transactions in another than the base currency."""
    if not in_several_currencies(batch):
        return [None] * batch.num_rows
    return [
        None if total is None or rate in {None, 0.0, 1.0} else round(total / rate, 2)
        for total, rate in zip(totals, values(batch, "exchangerate"), strict=True)
    ]


def matrix_children(site: Site) -> npt.NDArray[np.int64] | None:
    """The internal ids of all matrix children, ordered; None where nobody knows."""
    lookup = site.lookups.get(MATRIX_CHILDREN)
    if lookup is None:
        return None
    pieces = [np.empty(0, dtype=np.int64), *(batch.column("internalid").to_numpy() for batch in lookup())]
    return np.unique(np.concatenate(pieces))
