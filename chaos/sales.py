"""Orders that are placed, cancelled, shipped, refunded and merely touched."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from netsuite_connector.demo import expectation, expected_orders
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite

Record = dict[str, Any]

_ITS_OWN = {"internalid", "tranid", "lastmodifieddate", "datecreated", "lineuniquekey", "lines", "status"}
_NO_EVENTS = ("@example.com", "@test.com")


class Sales:
    """``stamp`` tells NetSuite's time. Each method does one thing, and tells whether there was anything to do
    it to.
    """

    def __init__(
        self,
        netsuite: NetSuite,
        luck: random.Random,
        stamp: Callable[[], str],
        transactions: Sequence[Record],
        customers: Sequence[Record],
    ) -> None:
        self._netsuite = netsuite
        self._luck = luck
        self._stamp = stamp
        self._number = 0
        reached = {
            str(each["internalid"])
            for each in customers
            if (address := expectation.address(each["email"])) and not address.endswith(_NO_EVENTS)
        }
        of_known = [each for each in transactions if each["entity"] in reached]
        self._old = [
            each
            for each in of_known
            if each["type"] == "SalesOrd" and any(map(expected_orders.is_sold, each["lines"]))
        ]
        followed = {each["createdfrom"] for each in transactions}
        # What was neither shipped nor billed can be cancelled.
        self._open = [
            each["internalid"]
            for each in self._old
            if each["status"] in {"SalesOrd:A", "SalesOrd:B"} and str(each["internalid"]) not in followed
        ]
        self._partly: list[int] = []
        self._refundable = [
            each["internalid"]
            for each in self._old
            if each["status"] == "SalesOrd:G" and each["total"] > 1 and not _given_back(each, transactions)
        ]
        self._refunded: dict[int, float] = {}
        self._quiet = [each["internalid"] for each in self._old if each["status"] == "SalesOrd:F"]

    def order(self) -> bool:
        """Somebody orders what was ordered before."""
        if not self._old:
            return False
        old = self._luck.choice(self._old)
        self._number += 1
        made = self._netsuite.create(
            "transaction",
            **{name: value for name, value in old.items() if name not in _ITS_OWN},
            tranid=f"SO-{self._number}",
            datecreated=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:00Z"),
            lastmodifieddate=self._stamp(),
            status="SalesOrd:B",
            lines=[_bare(line) for line in old["lines"]],
        )
        self._open.append(made["internalid"])
        return True

    def cancel(self) -> bool:
        """An order of which nothing has left is cancelled, and never touched again."""
        if not self._open:
            return False
        id_ = self._open.pop(self._luck.randrange(len(self._open)))
        self._netsuite.update("transaction", id_, status="SalesOrd:C", lastmodifieddate=self._stamp())
        return True

    def ship(self) -> bool:
        """An order is shipped, in one parcel or two."""
        if self._partly and self._luck.random() < 0.6:
            id_, rest = self._partly.pop(), True
        elif self._open:
            id_ = self._open.pop(self._luck.randrange(len(self._open)))
            rest = self._luck.random() < 0.5
        else:
            return False
        self._ship(id_, "SalesOrd:G" if rest else "SalesOrd:D")
        (self._refundable if rest else self._partly).append(id_)
        return True

    def refund(self) -> bool:
        """An order is refunded: all of it, or one half and later the other."""
        if not self._refundable:
            return False
        id_ = self._luck.choice(self._refundable)
        order = self._netsuite.record("transaction", id_)
        left = round(order["total"] - self._refunded.get(id_, 0.0), 2)
        half = id_ not in self._refunded and self._luck.random() < 0.6
        amount = round(left / 2, 2) if half else left
        self._refunded[id_] = round(self._refunded.get(id_, 0.0) + amount, 2)
        if not half:
            self._refundable.remove(id_)
        asked = self._refund_part("RtnAuth", "RtnAuth:G", order, id_, amount)
        self._refund_part("CustCred", "CustCred:B", order, asked["internalid"], amount)
        return True

    def touch(self) -> bool:
        """Somebody saves an order without changing what matters."""
        if not self._quiet:
            return False
        self._number += 1
        self._netsuite.update(
            "transaction",
            self._luck.choice(self._quiet),
            memo=f"Looked at {self._number}",
            lastmodifieddate=self._stamp(),
        )
        return True

    def _ship(self, id_: int, status: str) -> None:
        """In NetSuite an order and its parcel are saved at once, and nobody sees one without the other: so
        they are put there together, and then saved again, for the scripts that run when something is saved.
        """
        order = self._netsuite.record("transaction", id_)
        kept = ("entity", "currency", "exchangerate", "email", "website", "subsidiary", "shipcountrycode")
        self._number += 1
        packed = self._netsuite.create(
            "transaction",
            **{name: order[name] for name in kept if name in order},
            type="ItemShip",
            status="ItemShip:B",
            tranid=f"IF-{self._number}",
            createdfrom=str(id_),
            total=0,
            datecreated=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:00Z"),
            lastmodifieddate=self._stamp(),
            lines=[_bare(line) | {"amount": 0, "rate": None} for line in _goods(order)],
        )
        stamp = self._stamp()
        changed = [order | {"status": status, "lastmodifieddate": stamp}]
        changed.append(packed | {"status": "ItemShip:C", "lastmodifieddate": stamp})
        self._netsuite.load("transaction", changed)
        for each in changed:
            self._netsuite.update("transaction", each["internalid"], lastmodifieddate=stamp)

    def _refund_part(self, kind: str, status: str, order: Record, of: int, amount: float) -> Record:
        kept = ("entity", "currency", "exchangerate", "email", "website", "subsidiary", "shipcountrycode")
        self._number += 1
        lines = [
            _bare(line) | {"quantity": -line["quantity"], "amount": -line["amount"]} for line in _goods(order)
        ]
        return self._netsuite.create(
            "transaction",
            **{name: order[name] for name in kept if name in order},
            type=kind,
            status=status,
            tranid=f"{kind}-{self._number}",
            createdfrom=str(of),
            total=-amount,
            datecreated=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:00Z"),
            lastmodifieddate=self._stamp(),
            lines=lines,
        )


def _goods(order: Record) -> list[Record]:
    return [line for line in order["lines"] if expected_orders.is_sold(line)]


def _bare(line: Record) -> Record:
    return {name: value for name, value in line.items() if name not in {"lineuniquekey", "line"}}


def _given_back(order: Record, transactions: Sequence[Record]) -> bool:
    """Whether something of the order, or of its invoice, was returned or refunded."""
    own = {str(order["internalid"])}
    for each in transactions:  # what was made from something has a higher id, but not always
        if each["createdfrom"] in own and each["type"] == "CustInvc":
            own.add(str(each["internalid"]))
    return any(
        each["createdfrom"] in own and each["type"] in {"RtnAuth", "CustCred", "CashRfnd"}
        for each in transactions
    )
