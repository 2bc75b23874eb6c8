"""Real time on the whole stack: saves in the sandbox NetSuite account, until the sandbox Klaviyo shows them.

Airflow runs as it does by default here: SQLite, LocalExecutor, all on this machine. Every save has a mark by
which it is found again: a serial number in the customer's last name, or the event of the order.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version

from rich.console import Console
from rich.table import Table

from bench.stack import Stack, running_stack

RATE = 20.0  # saves a second
SECONDS = 120.0
FLOWS = ("customers", "orders")
_PATIENCE = 120.0  # seconds after the last save in which all must show
_SAVERS = 4
_AT_ONCE = 500  # addresses in a query
_SMALL = (300, 400)  # customers and orders
_LARGE = (50_000, 200_000)


@dataclass(slots=True)
class Result:
    """``seconds`` from each save to the moment at which it showed; ``lost`` saves never did; ``twice``:
    events and profiles beyond those that were called for; ``again``: events that Klaviyo was sent before.
    """

    seconds: list[float] = field(default_factory=list)
    lost: int = 0
    twice: int = 0
    again: int = 0
    rate: float = 0.0
    load: float = 0.0
    kinds: dict[str, int] = field(default_factory=dict)

    def share(self, share: float) -> float:
        """So many seconds or less took this share of the saves."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


class Saves:
    """Makes saves at a rate, and finds them again. Every save is waited for by its mark."""

    def __init__(self, stack: Stack, seed: int = 7) -> None:
        self._netsuite = stack.netsuite
        self._klaviyo = stack.klaviyo()
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._customers = [
            (each["internalid"], each["email"].lower())
            for each in self._netsuite.records("customer")
            if each["email"] and not each["isinactive"] and each["stage"] != "LEAD"
        ]
        shown = {row[0] for row in self._klaviyo.execute("SELECT email FROM profiles")}
        # Where several records share an address, another one may speak for it.
        shared = Counter(email for _, email in self._customers)
        self._customers = [each for each in self._customers if each[1] in shown and shared[each[1]] == 1]
        # An order that is rejected for its address, say, would be so again.
        told = {row[0] for row in self._klaviyo.execute("SELECT unique_id FROM events")}
        self._orders = [
            each
            for each in self._netsuite.records("transaction")
            if each["type"] == "SalesOrd" and f"netsuite-{each['internalid']}" in told
        ]
        # Of an order that was closed or billed a cancellation means something else.
        self._open = [each for each in self._orders if each["status"] in {"SalesOrd:A", "SalesOrd:B"}]
        self._first_event = self._klaviyo.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
        self._profiles = len(shown)
        self.people: dict[str, list[tuple[int, float]]] = {}
        self.events: dict[tuple[str, str], float] = {}
        self.created = 0
        self.result = Result()

    def make(self, number: int) -> None:
        """One save, of a kind by chance."""
        with self._lock:
            kind = self._random.choices(("edit", "create", "order", "cancel"), (40, 20, 30, 10))[0]
            if kind == "cancel" and not self._open:
                kind = "order"
            chosen = self._open.pop() if kind == "cancel" else self._random.choice(self._orders)
            id_, email = self._random.choice(self._customers)
            self.result.kinds[kind] = self.result.kinds.get(kind, 0) + 1
        name = f"Save{number:06}"
        if kind == "edit":
            self._netsuite.update("customer", id_, lastname=name)
            self._wait_for_person(email, number)
        elif kind == "create":
            email = f"save.{number:06}@inbox.example"
            self._netsuite.create(
                "customer", isperson=True, firstname="New", lastname=name, email=email, stage="CUSTOMER",
                subsidiary="1", isinactive=False,
            )  # fmt: skip
            with self._lock:
                self.created += 1
            self._wait_for_person(email, number)
        elif kind == "order":
            new = {k: v for k, v in chosen.items() if k not in _ITS_OWN}
            now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            lines = [{k: v for k, v in line.items() if k != "lineuniquekey"} for line in chosen["lines"]]
            made = self._netsuite.create(
                "transaction", **new, tranid=f"SO-{number}", datecreated=now, lines=lines, status="SalesOrd:B"
            )
            self._wait_for_event("Placed Order", f"netsuite-{made['internalid']}")
        else:
            self._netsuite.update("transaction", chosen["internalid"], status="SalesOrd:C")
            self._wait_for_event("Cancelled Order", f"netsuite-{chosen['internalid']}")

    def look(self) -> int:
        """Find what shows by now; how many saves are waited for still."""
        now = time.monotonic()
        fresh = self._klaviyo.execute(
            "SELECT metrics.name, unique_id FROM events JOIN metrics ON metrics.seq = metric "
            "WHERE events.seq > ?",
            (self._first_event,),
        ).fetchall()
        with self._lock:
            emails = [email for email, waiting in self.people.items() if waiting]
        names = {}
        for some in (emails[at : at + _AT_ONCE] for at in range(0, len(emails), _AT_ONCE)):
            among = ",".join("?" * len(some))
            found = self._klaviyo.execute(
                f"SELECT email, document FROM profiles WHERE email IN ({among})", some
            )
            names |= {email: json.loads(document).get("last_name") or "" for email, document in found}
        with self._lock:
            for mark in fresh:
                if (began := self.events.pop(mark, None)) is not None:
                    self.result.seconds.append(now - began)
            for email, waiting in self.people.items():
                shown = names.get(email, "")
                serial = int(shown.removeprefix("Save")) if shown.startswith("Save") else -1
                done = [began for number, began in waiting if number <= serial]
                self.result.seconds += [now - began for began in done]
                waiting[:] = [each for each in waiting if each[0] > serial]
            return len(self.events) + sum(map(len, self.people.values()))

    def finish(self) -> Result:
        """What came of it all."""
        self.result.lost = self.look()
        events = self._klaviyo.execute(
            "SELECT metrics.name, unique_id, count(*) FROM events JOIN metrics ON metrics.seq = metric "
            "WHERE events.seq > ? AND metrics.name IN ('Placed Order', 'Cancelled Order') GROUP BY 1, 2",
            (self._first_event,),
        ).fetchall()
        wanted = self.result.kinds.get("order", 0) + self.result.kinds.get("cancel", 0)
        profiles = self._klaviyo.execute("SELECT count(*) FROM profiles").fetchone()[0]
        self.result.twice = max(0, sum(count for *_, count in events) - wanted)
        self.result.twice += max(0, profiles - self._profiles - self.created)
        again = self._klaviyo.execute("SELECT number FROM counters WHERE name = 'events repeated'").fetchone()
        self.result.again = again[0] if again else 0
        return self.result

    def _wait_for_person(self, email: str, number: int) -> None:
        with self._lock:
            self.people.setdefault(email, []).append((number, time.monotonic()))

    def _wait_for_event(self, metric: str, unique_id: str) -> None:
        with self._lock:
            self.events[metric, unique_id] = time.monotonic()


_ITS_OWN = {"internalid", "tranid", "lastmodifieddate", "datecreated", "lineuniquekey", "lines", "status"}


def measure(  # noqa: PLR0913 - what a run can be asked for
    seconds: float = SECONDS,
    rate: float = RATE,
    *,
    customers: int = _SMALL[0],
    orders: int = _SMALL[1],
    disturb: Callable[[Stack], None] | None = None,
    more: Mapping[str, str] | None = None,
) -> Result:
    """Save for so long at so many a second, beginning with an idle outbox. ``disturb`` is called at once, in
    a thread of its own; ``more`` are settings of Airflow.
    """
    with running_stack(*FLOWS, "realtime", sizes=(customers, orders), more=more) as stack:
        stack.run_flows(*FLOWS)
        stack.api.unpause("realtime")
        wait_for_watcher(stack)
        return _save(stack, Saves(stack), seconds, rate, disturb)


def wait_for_watcher(stack: Stack) -> None:
    """A first save, until it has arrived and the drain has ended: everything is there, and idle."""
    customer = next(each for each in stack.netsuite.records("customer") if each["email"])
    stack.netsuite.update("customer", customer["internalid"], comments="The first save.")
    stack.wait(lambda: stack.netsuite.state()["records"].get("customrecord_nsk_outbox", 0) == 0, 240)
    stack.wait(lambda: not stack.api.unfinished("realtime"), 240)


def _save(
    stack: Stack, saves: Saves, seconds: float, rate: float, disturb: Callable[[Stack], None] | None
) -> Result:
    count = int(seconds * rate)
    began = time.monotonic()

    def save(number: int) -> None:
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        saves.make(number)

    with ThreadPoolExecutor(_SAVERS + 1) as pool:
        savers = [pool.submit(save, number) for number in range(1, count + 1)]
        others = [] if disturb is None else [pool.submit(disturb, stack)]
        load = [os.getloadavg()[0]]
        while not all(each.done() for each in savers):
            saves.look()
            load.append(os.getloadavg()[0])
            time.sleep(0.25)
        saved = time.monotonic()
        while saves.look() and time.monotonic() < saved + _PATIENCE:
            time.sleep(0.25)
        for each in (*savers, *others):
            each.result()
    result = saves.finish()
    result.rate, result.load = count / (saved - began), max(load)
    return result


def show(console: Console, seconds: float = SECONDS, *, large: bool = False) -> Result:
    """Measure, in a small account or a ``large`` one with five years of orders, and print what came of it."""
    customers, orders = _LARGE if large else _SMALL
    result = measure(seconds, customers=customers, orders=orders)
    told = Table(
        title=f"Real time: {len(result.seconds) + result.lost:,} saves at {result.rate:.0f} a second, "
        f"{customers:,} customers, {orders:,} orders,\nAirflow {version('apache-airflow')} with "
        f"LocalExecutor, {os.cpu_count()} cores, load {result.load:.1f}",
        title_justify="left",
    )
    columns = {
        "median s": f"{result.share(0.5):.1f}",
        "99 % s": f"{result.share(0.99):.1f}",
        "most s": f"{result.share(1.0):.1f}",
        "lost": str(result.lost),
        "twice": str(result.twice),
        "sent again": str(result.again),
    }
    for name in columns:
        told.add_column(name, justify="right")
    told.add_row(*columns.values())
    console.print(told)
    return result


def main() -> None:
    """The bench alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of saves (default 120)")
    parser.add_argument("--large", action="store_true", help="an account with five years of orders")
    asked = parser.parse_args()
    show(Console(width=110), asked.seconds, large=asked.large)


if __name__ == "__main__":
    main()
