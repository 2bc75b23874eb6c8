"""Reads the CSV files of what items have below them: prices, and stock by location. Each row names its item
by ``internalid``; several rows may name the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from netsuite_connector.sandbox.netsuite.csv_reader import CsvError, Reader, Table

# Which of the account's lists hold the words of a list's selects.
_WORDS = {"pricelevel": "pricelevel", "currency": "currency", "inventorylocation": "location"}


@dataclass(frozen=True, slots=True)
class ItemList:
    """A list below items: its name in a stored item, its file, where the catalogue tells its columns, and
    which of them are meant.
    """

    name: str
    file: str
    record_type: str
    prefixes: tuple[str, ...]


LISTS = (
    ItemList(
        "pricing",
        "item_prices.csv",
        "pricing",
        ("pricelevel", "currency", "customer", "unitprice", "minimum", "maximum", "quantityrange"),
    ),
    ItemList("stock", "item_stock.csv", "item", ("inventorylocation", "locationquantity")),
)


def add_list(items: Table, below: ItemList, file: Path, catalogue: Mapping[str, Any], now: datetime) -> None:
    """Add the rows of ``file``, if there is one, to the items. Of an item whose stock is given by location
    the total follows, unless it was given itself.

    Raises CsvError.
    """
    if not file.is_file():
        return
    columns = catalogue[below.record_type]["columns"]
    known = {name: kind for name, kind in columns.items() if name.startswith(below.prefixes)}
    table = _ListReader(below.name, file, {"columns": known, "filters": {}}, now).read()
    items.lists.update(table.lists)
    by_id = {item["internalid"]: item for item in items.records}
    for entry in table.records:
        item = by_id.get(entry.pop("internalid"))
        if item is None:
            raise CsvError(f"{file} names an item whose internalid is not in item.csv.")
        item.setdefault(below.name, []).append(entry)
    if below.name == "stock":
        for item in items.records:
            if item.get("quantityavailable") is None and "stock" in item:
                item["quantityavailable"] = sum(
                    entry.get("locationquantityavailable") or 0 for entry in item["stock"]
                )


class _ListReader(Reader):
    """Reads rows that belong to items."""

    def _list(self, name: str) -> str:
        return _WORDS.get(name, name)

    def _singles(self, rows: Iterator[tuple[int, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
        return (values for _, values in rows)

    def _completed(self, record: dict[str, Any]) -> dict[str, Any]:
        return record
