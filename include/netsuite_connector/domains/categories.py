"""Commerce categories: which an item is in, and what they are called."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.along import Along, Ints
from netsuite_connector.domains.model import Field, Kind, Records, Source
from netsuite_connector.domains.objects import encode

ITEM_CATEGORIES = Source(
    name="item_categories",
    search="customsearch_nsk_item_categories",
    record_type="item",
    fields=(
        Field("commercecategoryid", "Commerce Category ID", mandatory=True),
        Field("commercecategoryname", "Commerce Category Name", mandatory=True),
        Field("commercecategoryisinactive", "Commerce Category Inactive", ColumnType.BOOLEAN),
    ),
)
CATEGORIES = Source(name="categories", kind=Kind.CATEGORY)

_LISTS = pa.list_(pa.string())


def categories(ids: Ints, lookup: Along) -> tuple[pa.Array, pa.Array]:
    """The ids and the names of each item's categories, as lists in the order of the ids."""
    table = lookup.rows(ids)
    rows = None if table is None else _active(table)
    if rows is None or not rows.num_rows:
        return (pa.array([[]] * len(ids), _LISTS),) * 2
    owner = rows["internalid"].to_numpy()
    number = rows["commercecategoryid"].to_numpy()
    order = np.lexsort((number, owner))
    owner, number = owner[order], number[order]
    # An item that is in a category of two commerce catalogs has it twice.
    first = np.ones(len(owner), dtype=np.bool_)
    first[1:] = (owner[1:] != owner[:-1]) | (number[1:] != number[:-1])
    starts = np.append(np.searchsorted(owner[first], ids, side="left"), int(first.sum()))
    offsets = pa.array(starts, pa.int32())
    names = rows["commercecategoryname"].combine_chunks().take(pa.array(order[first]))
    numbers = pa.array(number[first]).cast(pa.string())
    return (
        pa.ListArray.from_arrays(offsets, numbers, type=_LISTS),
        pa.ListArray.from_arrays(offsets, names, type=_LISTS),
    )


def category_records(batches: Iterator[pa.RecordBatch]) -> Records:
    """A record for each category that an item is in."""
    names: dict[int, str] = {}
    for batch in batches:
        rows = _active(pa.Table.from_batches([batch]))
        for number, name in zip(
            rows["commercecategoryid"].to_pylist(), rows["commercecategoryname"].to_pylist(), strict=True
        ):
            names.setdefault(number, name)
    ids = sorted(names)
    keys = [str(number) for number in ids]
    payloads = [
        encode(
            {
                "type": "catalog-category",
                "attributes": {
                    "external_id": str(number),
                    "name": names[number],
                    "integration_type": "$custom",
                    "catalog_type": "$default",
                },
            }
        )
        for number in ids
    ]
    return Records(ids, [0] * len(ids), keys, [0] * len(ids), payloads)


def _active(table: pa.Table) -> pa.Table:
    """The rows of categories that are shown, with their ids as numbers and a name."""
    if "commercecategoryisinactive" in table.column_names:
        hidden = pc.fill_null(table["commercecategoryisinactive"], False)  # noqa: FBT003 - a value
        table = table.filter(pc.invert(hidden))
    place = table.column_names.index("commercecategoryid")
    number = pc.cast(table["commercecategoryid"], pa.int64())
    table = table.set_column(place, "commercecategoryid", number)
    place = table.column_names.index("commercecategoryname")
    name = pc.utf8_trim_whitespace(table["commercecategoryname"])
    table = table.set_column(place, "commercecategoryname", name)
    named = pc.greater(pc.binary_length(pc.fill_null(name, "")), 0)
    return table.filter(pc.and_(pc.is_valid(number), named))
