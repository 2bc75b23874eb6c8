"""Five years of history of a large account through the steps of `history_backfill`: killed midway, gone on
with, reconciled, and at the end held against the demo's reckoning from NetSuite's raw records.

Run by `python -m bench.history`; `--orders` makes it smaller.
"""

from __future__ import annotations

import argparse
import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import requests
from rich.console import Console

from netsuite_connector.demo import expectation, expected_orders, verify
from netsuite_connector.flows import history, history_window
from netsuite_connector.flows.reconciliation import model as reconciliation
from netsuite_connector.flows.reconciliation import reconcile
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.limiter import Limiter, ProcessWindows
from netsuite_connector.netsuite import Account, NetSuiteClient, token_based
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_stores
from netsuite_connector.stores.model import Store

ORDERS = 200_000
ORDERS_A_CUSTOMER = 4
_ITEMS_AN_ORDER = 100  # orders for each item of the catalog
_YEARS = 6  # the sandbox's orders begin five years before the present or a little earlier
_KILLED_AFTER = 40.0  # seconds of delivering
_TOKEN = ("consumer_key", "consumer_secret", "token_id", "token_secret")


@dataclass(frozen=True, slots=True)
class Accounts:
    """Where a child finds everything."""

    netsuite: str
    credentials: dict[str, str]
    klaviyo: str
    key: str
    staging: str


@dataclass(frozen=True, slots=True)
class _Work:
    """What a child works with."""

    store: Store
    staging: Staging
    netsuite: NetSuiteClient
    klaviyo: KlaviyoClient
    now: datetime
    flows: tuple[str, ...] = ("customers", "orders")

    @classmethod
    def of(cls, accounts: Accounts) -> _Work:
        own = accounts.credentials
        auth = token_based(Account.of(own["account"]), **{name: own[name] for name in _TOKEN})
        limiter = Limiter(ProcessWindows(), account="bench", background=True)
        return cls(
            load_stores()[0].model_copy(update={"history_years": _YEARS}),
            Staging(accounts.staging),
            NetSuiteClient(requests.Session(), accounts.netsuite, auth),
            KlaviyoClient(
                requests.Session(), base_url=accounts.klaviyo, api_key=accounts.key, limiter=limiter
            ),
            datetime.now(UTC),
        )

    @property
    def days(self) -> dict[str, Any]:
        """All that the account has."""
        return {"flows": self.flows, "from": f"{self.now.year - _YEARS + 1}-01-01", "to": None}

    def backfill(self, name: str) -> None:
        """Plan, read and deliver as the DAG's tasks do; a line of JSON tells each window, and the end."""
        wishes = self.days | {
            "window": "month",
            "order": history.Order.OLDEST.value,
            "dry_run": False,
            "resume": True,
            "limit": None,
            "ignore_gates": False,
        }
        asked = history.ask(self.store, wishes, self.now)
        made = history.plan(self.store, self.staging, self.netsuite, asked, name)
        for piece in made.read:
            history_window.read(made.run(self.staging, piece), self.netsuite, made)
            _tell(read=piece.label)
        results = []
        for piece in made.pieces:
            run = made.run(self.staging, piece)
            report = history_window.deliver(run, self.netsuite, self.klaviyo, made)
            results.append({"flow": piece.flow, "numbers": report["rows"]})
            _tell(delivered=piece.label, rows=report["rows"]["extracted"])
        _tell(total=history.total(made, results), peak_mb=_peak())

    def reconcile(self) -> None:
        """Compare all days, as the DAG's tasks do."""
        for asked in reconciliation.ask(self.store, self.days, self.now):
            report = reconcile.reconcile(self.store, self.staging, self.netsuite, self.klaviyo, asked)
            names = ("netsuite", "rejected", "klaviyo", "missing", "extra", "different", "not_yet")
            sums = {name: sum(kind[name] for kind in report["kinds"]) for name in names}
            _tell(reconciled={"flow": asked.flow, "agrees": report["agrees"], **sums}, peak_mb=_peak())


def _peak() -> int:
    """The most megabytes that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _tell(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def _run(accounts: Accounts, name: str, kill_after: float | None = None) -> dict[str, Any]:
    """A backfill in a process of its own, killed so many seconds after the first delivery, or without a name
    a reconciliation. Returns ``windows`` (delivered), ``reconciled`` (numbers by flow), ``seconds``, and
    where it came to its end ``total`` and ``peak_mb``.
    """
    command = [sys.executable, "-m", "bench.history", "--child", json.dumps(asdict(accounts)), "--name", name]
    began = time.monotonic()
    first: float | None = None
    told: dict[str, Any] = {"windows": 0, "reconciled": []}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            said = json.loads(line)
            told["windows"] += "delivered" in said
            told["reconciled"] += [said["reconciled"]] if "reconciled" in said else []
            told |= {key: said[key] for key in ("total", "peak_mb") if key in said}
            if "delivered" in said:
                first = first or time.monotonic()
            if kill_after is not None and first is not None and time.monotonic() - first > kill_after:
                child.send_signal(signal.SIGKILL)
                break
    return told | {"seconds": round(time.monotonic() - began, 1)}


def _differences(netsuite: NetSuite, klaviyo: Klaviyo) -> list[verify.Finding]:
    """Profiles and events, as the demo's reckoning has them, beside what Klaviyo holds."""
    with requests.Session() as session:
        kinds = ("customer", "contact", "transaction")
        raw = {kind: list(verify.netsuite_records(session, netsuite.url, kind)) for kind in kinds}
        held = {kind: list(verify.dump(session, klaviyo.url, kind)) for kind in ("profiles", "events")}
    orders = raw["transaction"], raw["customer"]
    # Of a record without a name the profile keeps that of the one before: nothing is ever cleared.
    named = {
        email: {name: value for name, value in each.items() if value is not None or "name" not in name}
        for email, each in expectation.profiles(raw["customer"], raw["contact"]).items()
    }
    people = verify.with_orders(named, expected_orders.storefronts(*orders))
    return [
        verify.compare("profiles", people, verify.held_profiles(held["profiles"])),
        verify.compare("events", expected_orders.events(*orders), verify.held_events(held["events"])),
    ]


def show(console: Console, orders: int = ORDERS) -> bool:
    """Print how the backfill went and whether both accounts agree; returns that."""
    items = max(orders // _ITEMS_AN_ORDER, 50)
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        # The user's time zone as the guide advises: others repeat an hour a year.
        running_netsuite(
            "--timezone", "GMT", customers=orders // ORDERS_A_CUSTOMER, items=items, orders=orders
        ) as netsuite,
        running_klaviyo() as klaviyo,
    ):
        own = asdict(netsuite.credentials)
        credentials = {name: own[name] for name in ("account", *_TOKEN)}
        accounts = Accounts(netsuite.restlet_url, credentials, klaviyo.url, klaviyo.key, folder)
        records = netsuite.state()["records"]
        console.print(f"History: {records['customer']:,} customers, {records['transaction']:,} transactions")
        killed = _run(accounts, "first", _KILLED_AFTER)
        console.print(f"killed after {killed['windows']} windows and {killed['seconds']:,.0f} s")
        done = _run(accounts, "second")
        again = _run(accounts, "third")
        state = klaviyo.settled(600)
        total = done["total"]
        console.print(
            f"gone on with: {total['windows']['passed_over']} windows passed over, "
            f"{total['windows']['ended']} delivered, {total['all']['extracted']:,} rows in "
            f"{done['seconds']:,.0f} s, at most {done['peak_mb']:,} MB; once more: {again['windows']} windows"
        )
        console.print(
            f"{state['events']:,} events, {state['events_repeated']} of them twice, {state['flows_woken']} "
            f"flows woken, {state['consents']} consents touched"
        )
        proof = _run(accounts, "")
        for each in proof["reconciled"]:
            console.print(f"reconciliation: {each}")
        console.print(f"in {proof['seconds']:,.0f} s, at most {proof['peak_mb']:,} MB")
        findings = _differences(netsuite, klaviyo)
    for finding in findings:
        console.print(f"{finding.what}: {finding.sentence}")
        for difference in finding.differences[: verify.SHOWN]:
            console.print(f"  {difference}")
    nothing_else = state["events_repeated"] == state["flows_woken"] == state["consents"] == 0
    agree = all(each["agrees"] for each in proof["reconciled"])
    differ = any(finding.differences for finding in findings)
    return total["adds_up"] and nothing_else and agree and not differ


def main() -> None:
    """The bench alone, or one backfill of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--name", default="", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        work = _Work.of(Accounts(**json.loads(asked.child)))
        if asked.name:
            work.backfill(asked.name)
        else:
            work.reconcile()
        return
    sys.exit(0 if show(Console(width=100), asked.orders) else 1)


if __name__ == "__main__":
    main()
