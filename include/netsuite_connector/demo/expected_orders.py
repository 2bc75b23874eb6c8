"""What becomes of transactions at Klaviyo, worked out from NetSuite's raw records in the plainest way: the
other half of the demo's own reckoning (``expectation.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from netsuite_connector.demo.expectation import Holding, Record, address, minute

# Klaviyo accepts events for these and then drops them.
_NO_EVENTS = ("@example.com", "@test.com")
# Of such sales orders nothing is left to ship.
_SHIPPED = {"SalesOrd:F", "SalesOrd:G"}
_REFUNDS = {"CustCred", "CashRfnd"}
_CENT = 0.005
_PART = "Partially Fulfilled Order"


def events(
    transactions: Iterable[Record], customers: Iterable[Record], held: Collection[str] = ()
) -> Holding:
    """By metric and ``unique_id``, as ``Placed Order netsuite-1``.

    ``held``: the names of those that Klaviyo holds. Parcels of an order may leave in any order, and an event
    of a part can't be taken back: so of an order that is shipped in full it is the last of the other parcels
    that completed it, and there must be one.
    """
    account = _Account(list(transactions), _emails(customers), held)
    return {
        f"{metric} {name}": {
            "metric": metric,
            "value": None if value is None else round(value, 2),
            "email": account.emails[record["entity"]],
            "time": minute(moment),
            "website": _website(record),
        }
        for record in account.told
        for metric, name, value, moment in _events(record, account)
    }


def storefronts(transactions: Iterable[Record], customers: Iterable[Record]) -> Holding:
    """What profiles tell of their orders, by address."""
    emails = _emails(customers)
    orders = [record for record in transactions if is_order(record) and _lines(record, emails)]
    found: Holding = {}
    for order in sorted(orders, key=lambda record: (record["datecreated"], record["internalid"])):
        told = found.setdefault(
            emails[order["entity"]],
            {"original website": None, "websites": [], "first order": minute(order["datecreated"])},
        )
        told["last order"] = minute(order["datecreated"])
        website = _website(order)
        if website is not None:
            told["original website"] = told["original website"] or website
            told["websites"] = sorted({*told["websites"], website})
    return found


def is_order(transaction: Record) -> bool:
    """Sales orders, and invoices and cash sales that were not made from one."""
    if transaction["type"] in {"CustInvc", "CashSale"}:
        return not transaction["createdfrom"]
    return bool(transaction["type"] == "SalesOrd")


def is_sold(line: Record) -> bool:
    """A line of an item, rather than of tax, shipping or the cost of goods."""
    return line["kind"] == "item" and None not in (line["item"], line["quantity"], line["amount"])


def _emails(customers: Iterable[Record]) -> dict[str, str]:
    """By customer the address whose events Klaviyo keeps."""
    found = {str(record["internalid"]): address(record["email"]) for record in customers}
    return {id_: email for id_, email in found.items() if email and not email.endswith(_NO_EVENTS)}


def _lines(record: Record, emails: dict[str, str]) -> list[Record]:
    """The lines that events tell of; none where there is nobody to tell them of."""
    return [line for line in record["lines"] if is_sold(line)] if record["entity"] in emails else []


def _website(record: Record) -> int | None:
    return int(record["website"]) if record["website"] else None


class _Account:
    """The transactions that events can tell of, and how they hang together."""

    def __init__(self, transactions: list[Record], emails: dict[str, str], held: Collection[str]) -> None:
        self.emails = emails
        self.every = {record["internalid"]: record for record in transactions}
        self.told = [record for record in transactions if _lines(record, emails)]
        self.orders = {record["internalid"]: record for record in self.told if is_order(record)}
        shipped: dict[str, list[int]] = {}
        self.refunds: dict[int, list[Record]] = {}
        for record in self.told:
            if record["status"] == "ItemShip:C":
                shipped.setdefault(record["createdfrom"], []).append(record["internalid"])
            if record["type"] in _REFUNDS and (order := self.order_of(record)) is not None:
                self.refunds.setdefault(order["internalid"], []).append(record)
        self.last_shipped = {
            order: max([id_ for id_ in ids if f"{_PART} netsuite-{id_}" not in held] or ids)
            for order, ids in shipped.items()
        }

    def order_of(self, record: Record) -> Record | None:
        """The order at the beginning of the chain: a refund may be of a return, or of an invoice, of one."""
        while record["createdfrom"] and int(record["createdfrom"]) in self.every:
            record = self.every[int(record["createdfrom"])]
            if is_order(record):
                return self.orders.get(record["internalid"])
        return None


def _events(record: Record, account: _Account) -> Iterator[tuple[str, str, float | None, str]]:
    """The metric, identity, value and moment of each event of a transaction."""
    id_, created = record["internalid"], record["datecreated"]
    name = f"netsuite-{id_}"
    if id_ in account.orders:
        yield "Placed Order", name, record["total"], created
        for line in _lines(record, account.emails):
            yield "Ordered Product", f"{name}-{line['lineuniquekey']}", line["amount"], created
        if _is_cancelled(record):
            yield "Cancelled Order", name, record["total"], record["lastmodifieddate"]
    elif record["status"] == "ItemShip:C":
        order = account.every.get(int(record["createdfrom"]))
        if order and order["status"] in _SHIPPED and account.last_shipped[record["createdfrom"]] == id_:
            total = order["total"] if order["internalid"] in account.orders else None
            yield "Fulfilled Order", f"netsuite-{order['internalid']}-fulfilled", total, created
        else:
            yield _PART, name, None, created
    elif record["type"] in _REFUNDS:
        order = account.order_of(record)
        if order and _makes_whole(record, order, account.refunds[order["internalid"]]):
            yield "Refunded Order", f"netsuite-{order['internalid']}", order["total"], created
        else:
            yield "Partially Refunded Order", name, abs(record["total"]), created


def _is_cancelled(order: Record) -> bool:
    """Cancelled, or closed before anything of it was shipped."""
    shipped = any(line.get("quantityshiprecv") for line in order["lines"])
    return order["status"] == "SalesOrd:C" or (order["status"] == "SalesOrd:H" and not shipped)


def _makes_whole(refund: Record, order: Record, refunds: list[Record]) -> bool:
    """Whether the order is wholly refunded with this refund, and was not before."""
    before = sum(abs(each["total"]) for each in refunds if each["internalid"] < refund["internalid"])
    total: float = order["total"]
    return total > 0 and before <= total - _CENT < before + abs(refund["total"])
