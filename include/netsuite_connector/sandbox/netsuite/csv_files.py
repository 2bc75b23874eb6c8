"""Reads an account's records from a folder of CSV files; the format is docs/netsuite/sandbox-account.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from netsuite_connector.sandbox.netsuite.csv_lists import LISTS, add_list
from netsuite_connector.sandbox.netsuite.csv_reader import TYPES, CsvError, Reader, Table

__all__ = ["CsvError", "Table", "read_folder"]


def read_folder(folder: Path, catalogue: Mapping[str, Any]) -> Iterator[Table]:
    """The tables of ``folder``'s files, one after the other. ``catalogue``: record type -> columns and
    filters with their types.

    Raises CsvError.
    """
    if not folder.is_dir():
        raise CsvError(
            f"{folder} is no folder: give one that holds customer.csv, contact.csv, item.csv, "
            "transaction.csv or supportcase.csv."
        )
    files = [(record_type, folder / f"{record_type}.csv") for record_type in TYPES]
    present = [(record_type, file) for record_type, file in files if file.is_file()]
    if not present:
        raise CsvError(f"{folder} holds none of {', '.join(file.name for _, file in files)}.")
    below = [file for each in LISTS if (file := folder / each.file).is_file()]
    if below and "item" not in dict(present):
        raise CsvError(f"{below[0]} needs the items that it belongs to: add item.csv to the folder.")
    now = datetime.now(UTC)
    for record_type, file in present:
        table = Reader(record_type, file, catalogue[record_type], now).read()
        if record_type == "item":
            for each in LISTS:
                add_list(table, each, folder / each.file, catalogue, now)
        yield table
