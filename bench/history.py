"""Five years of history of a large account through the steps of `history_backfill`: killed midway, gone on
with, and at the end held against the demo's reckoning from NetSuite's raw records.

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
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.limiter import Limiter, ProcessWindows
from netsuite_connector.netsuite import Account, NetSuiteClient, token_based
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_stores

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


def _backfill(accounts: Accounts, name: str) -> None:
    """Plan, read and deliver as the DAG's tasks do; a line of JSON tells each window, and the end."""
    store = load_stores()[0].model_copy(update={"history_years": _YEARS})
    staging = Staging(accounts.staging)
    own = accounts.credentials
    auth = token_based(Account.of(own["account"]), **{name: own[name] for name in _TOKEN})
    netsuite = NetSuiteClient(requests.Session(), accounts.netsuite, auth)
    limiter = Limiter(ProcessWindows(), account="bench", background=True)
    klaviyo = KlaviyoClient(
        requests.Session(), base_url=accounts.klaviyo, api_key=accounts.key, limiter=limiter
    )
    now = datetime.now(UTC)
    wishes = {
        "flows": ["customers", "orders"],
        "from": f"{now.year - _YEARS + 1}-01-01",
        "to": None,
        "window": "month",
        "order": history.Order.OLDEST.value,
        "dry_run": False,
        "resume": True,
        "limit": None,
        "ignore_gates": False,
    }
    made = history.plan(store, staging, netsuite, history.ask(store, wishes, now), name)
    for piece in made.read:
        history_window.read(made.run(staging, piece), netsuite, made)
        _tell(read=piece.label)
    results = []
    for piece in made.pieces:
        report = history_window.deliver(made.run(staging, piece), netsuite, klaviyo, made)
        results.append({"flow": piece.flow, "numbers": report["rows"]})
        _tell(delivered=piece.label, rows=report["rows"]["extracted"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    _tell(total=history.total(made, results), peak_mb=round(peak))


def _tell(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def _run(accounts: Accounts, name: str, kill_after: float | None = None) -> dict[str, Any]:
    """A backfill in a process of its own, killed so many seconds after the first delivery. Returns
    ``windows`` (delivered), ``seconds``, and where it came to its end ``total`` and ``peak_mb``.
    """
    command = [sys.executable, "-m", "bench.history", "--child", json.dumps(asdict(accounts)), "--name", name]
    began = time.monotonic()
    first: float | None = None
    told: dict[str, Any] = {"windows": 0}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            said = json.loads(line)
            told["windows"] += "delivered" in said
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
    people = verify.with_orders(
        expectation.profiles(raw["customer"], raw["contact"]), expected_orders.storefronts(*orders)
    )
    return [
        verify.compare("profiles", people, verify.held_profiles(held["profiles"])),
        verify.compare("events", expected_orders.events(*orders), verify.held_events(held["events"])),
    ]


def show(console: Console, orders: int = ORDERS) -> bool:
    """Print how the backfill went and whether both accounts agree; returns that."""
    items = max(orders // _ITEMS_AN_ORDER, 50)
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        running_netsuite(customers=orders // ORDERS_A_CUSTOMER, items=items, orders=orders) as netsuite,
        running_klaviyo() as klaviyo,
    ):
        own = asdict(netsuite.credentials)
        credentials = {name: own[name] for name in ("account", *_TOKEN)}
        accounts = Accounts(netsuite.restlet_url, credentials, klaviyo.url, klaviyo.key, folder)
        records = netsuite.state()["records"]
        console.print(f"History: {records['customer']:,} customers, {records['transaction']:,} transactions")
        killed = _run(accounts, "first", _KILLED_AFTER)
        console.print(
            f"killed after {killed['windows']} windows and {killed['seconds']:,.0f} s; gone on with:"
        )
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
        findings = _differences(netsuite, klaviyo)
    for finding in findings:
        console.print(f"{finding.what}: {finding.sentence}")
        for difference in finding.differences[: verify.SHOWN]:
            console.print(f"  {difference}")
    nothing_else = state["events_repeated"] == state["flows_woken"] == state["consents"] == 0
    return total["adds_up"] and nothing_else and not any(finding.differences for finding in findings)


def main() -> None:
    """The bench alone, or one backfill of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--name", default="bench", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        _backfill(Accounts(**json.loads(asked.child)), asked.name)
        return
    sys.exit(0 if show(Console(width=100), asked.orders) else 1)


if __name__ == "__main__":
    main()
