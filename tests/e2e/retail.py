"""The UCI Online Retail data (CC BY 4.0) as CSV files that the sandbox NetSuite account loads, and the
figures that follow from it.

Purchases become sales orders, cancellations (invoice numbers that begin with C) cash refunds. Customers get
addresses at a reserved domain; lines without a
customer belong to a guest who has none.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

GUEST = 1
REFUND_IDS = 5_000_000
ITEM_IDS = 900_000
CENT = Decimal("0.01")
Line = dict[str, str]


def read(file: Path) -> list[Line]:
    """All lines of the file."""
    with gzip.open(file, "rt", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def is_refund(line: Line) -> bool:
    return line["InvoiceNo"].startswith("C")


def is_delivered(line: Line) -> bool:
    """Whether an Ordered Product event must come of the line: a purchase by a customer who is known."""
    return not is_refund(line) and line["CustomerID"] != ""


def amount(line: Line) -> Decimal:
    exact = int(line["Quantity"]) * Decimal(line["UnitPrice"])
    return exact.quantize(CENT, ROUND_HALF_UP)


def totals(lines: list[Line]) -> dict[tuple[str, str], Decimal]:
    """What was ordered by country and month, straight from the file. An invoice counts in the month that it
    begins.
    """
    begins: dict[str, str] = {}
    for line in lines:
        begins[line["InvoiceNo"]] = min(begins.get(line["InvoiceNo"], "9"), line["InvoiceDate"])
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in filter(is_delivered, lines):
        sums[line["Country"], begins[line["InvoiceNo"]][:7]] += amount(line)
    return dict(sums)


def write_account(lines: list[Line], folder: Path) -> None:
    """Write customer.csv, item.csv and transaction.csv."""
    _write(
        folder / "customer.csv",
        ["internalid", "entityid", "email", "lastname", "isperson"],
        _customers(lines),
    )
    items = {
        code: ITEM_IDS + number for number, code in enumerate(sorted({line["StockCode"] for line in lines}))
    }
    _write(
        folder / "item.csv",
        ["internalid", "itemid", "displayname", "salesdescription", "type", "baseprice", "urlcomponent"],
        _items(lines, items),
    )
    header = ["internalid", "type", "tranid", "datecreated", "entity", "custbody_country"]
    header += ["item", "quantity", "rate", "amount", "memo"]
    _write(folder / "transaction.csv", header, _transactions(lines, items))


def _write(file: Path, header: list[str], rows: Iterator[list[object]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)


def _customers(lines: list[Line]) -> Iterator[list[object]]:
    yield [GUEST, "Guest", "", "", "T"]
    for id_ in sorted({line["CustomerID"] for line in lines} - {""}):
        yield [id_, f"CUST{id_}", f"customer{id_}@retail.example", f"Number {id_}", "T"]


def _items(lines: list[Line], ids: dict[str, int]) -> Iterator[list[object]]:
    names: dict[str, str] = {}
    prices: dict[str, Decimal] = {}
    for line in lines:
        code = line["StockCode"]
        names[code] = names.get(code) or line["Description"].strip()
        prices[code] = max(prices.get(code, Decimal(0)), Decimal(line["UnitPrice"]))
    for code, id_ in ids.items():
        yield [id_, code, names[code], names[code], "InvtPart", prices[code], f"item-{id_}"]


def _transactions(lines: list[Line], items: dict[str, int]) -> Iterator[list[object]]:
    begins: dict[str, str] = {}
    for line in lines:
        begins[line["InvoiceNo"]] = min(begins.get(line["InvoiceNo"], "9"), line["InvoiceDate"])
    for line in lines:
        number = line["InvoiceNo"]
        id_ = int(number.lstrip("C")) + (REFUND_IDS if is_refund(line) else 0)
        yield [
            id_,
            "CashRfnd" if is_refund(line) else "SalesOrd",
            number,
            datetime.fromisoformat(f"{begins[number]}+00:00").isoformat(),
            line["CustomerID"] or GUEST,
            line["Country"],
            items[line["StockCode"]],
            line["Quantity"],
            line["UnitPrice"],
            amount(line),
            line["Description"].strip(),
        ]
