"""The UCI Online Retail data (CC BY 4.0) as CSV files that the sandbox NetSuite account loads, and the
figures that follow from it.

Purchases become sales orders. Of the cancellations (invoice numbers that begin with C), one that takes back
the whole value of an earlier order of the customer's cancels that order; the others are cash refunds, made
from the last earlier order that has all their items, if there is one. Each country is a website. Customers
get addresses at a reserved domain; lines without a customer belong to a guest who has none.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Invoice:
    """An invoice of the file: its lines, when it begins and what it comes to."""

    number: str
    lines: list[Line]

    @property
    def begins(self) -> str:
        return min(line["InvoiceDate"] for line in self.lines)

    @property
    def total(self) -> Decimal:
        return sum(map(amount, self.lines), Decimal(0))

    @property
    def customer(self) -> str:
        return self.lines[0]["CustomerID"]

    @property
    def country(self) -> str:
        return self.lines[0]["Country"]

    @property
    def id(self) -> int:
        return int(self.number.lstrip("C")) + (REFUND_IDS if is_refund(self.lines[0]) else 0)


class Books:
    """The invoices of the file, and what its cancellations take back."""

    def __init__(self, lines: list[Line]) -> None:
        by_number: dict[str, list[Line]] = defaultdict(list)
        for line in lines:
            by_number[line["InvoiceNo"]].append(line)
        invoices = [Invoice(number, each) for number, each in by_number.items()]
        self.orders = [each for each in invoices if not is_refund(each.lines[0])]
        # Order -> the invoice that cancels it; refund -> the order that it is of.
        self.cancelled: dict[str, Invoice] = {}
        self.refunded: dict[str, Invoice | None] = {}
        self.refunds: list[Invoice] = []
        by_customer: dict[str, list[Invoice]] = defaultdict(list)
        for order in sorted(self.orders, key=lambda each: (each.begins, each.number)):
            by_customer[order.customer].append(order)
        for back in sorted((each for each in invoices if is_refund(each.lines[0])), key=lambda each: each.id):
            earlier = [each for each in by_customer[back.customer] if each.begins <= back.begins]
            whole = (
                each for each in earlier if each.total == -back.total and each.number not in self.cancelled
            )
            undone = next(whole, None) if back.customer else None
            if undone is not None:
                self.cancelled[undone.number] = back
                continue
            codes = {line["StockCode"] for line in back.lines}
            holding = [each for each in earlier if codes <= {line["StockCode"] for line in each.lines}]
            self.refunds.append(back)
            self.refunded[back.number] = holding[-1] if holding and back.customer else None

    def totals(self) -> dict[tuple[str, str], Decimal]:
        """What was ordered by country and month. An invoice counts in the month that it begins."""
        sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for order in self.orders:
            if order.customer:
                sums[order.country, order.begins[:7]] += order.total
        return dict(sums)

    def refund_events(self) -> dict[str, tuple[str, Decimal]]:
        """The events of refunds by identity: their names and values."""
        so_far: dict[str, Decimal] = defaultdict(Decimal)
        events = {}
        for refund in self.refunds:
            order = self.refunded[refund.number]
            if not refund.customer:
                continue
            events[f"netsuite-{refund.id}"] = ("Partially Refunded Order", abs(refund.total))
            if order is not None:
                before = so_far[order.number]
                so_far[order.number] += abs(refund.total)
                if before < order.total <= so_far[order.number]:
                    del events[f"netsuite-{refund.id}"]
                    events[f"netsuite-{order.id}"] = ("Refunded Order", order.total)
        return events

    def storefronts(self) -> dict[str, tuple[str, set[str], str, str]]:
        """By customer: the country of the first order, all countries, when the first and last order began."""
        found: dict[str, tuple[str, set[str], str, str]] = {}
        for order in sorted(self.orders, key=lambda each: (each.begins, each.id)):
            if order.customer:
                first = found.get(order.customer, (order.country, set(), order.begins, ""))
                found[order.customer] = (first[0], first[1] | {order.country}, first[2], order.begins)
        return found


def websites(lines: list[Line]) -> dict[str, int]:
    """The id of each country's website."""
    return {name: number for number, name in enumerate(sorted({line["Country"] for line in lines}), 1)}


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
    header = ["internalid", "type", "status", "tranid", "datecreated", "lastmodifieddate", "entity"]
    header += ["website", "website_text", "createdfrom", "item", "quantity", "rate", "amount", "memo"]
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
    books = Books(lines)
    sites = websites(lines)
    for invoice in (*books.orders, *books.refunds):
        refund = is_refund(invoice.lines[0])
        order = books.refunded.get(invoice.number)
        cancelled = books.cancelled.get(invoice.number)
        for line in invoice.lines:
            yield [
                invoice.id,
                "CashRfnd" if refund else "SalesOrd",
                "C" if cancelled else "Y" if refund else "G",
                invoice.number,
                _moment(invoice.begins),
                _moment((cancelled or invoice).begins),
                invoice.customer or GUEST,
                sites[invoice.country],
                invoice.country,
                order.id if order else "",
                items[line["StockCode"]],
                line["Quantity"],
                line["UnitPrice"],
                amount(line),
                line["Description"].strip(),
            ]


def _moment(text: str) -> str:
    return datetime.fromisoformat(f"{text}+00:00").isoformat()
