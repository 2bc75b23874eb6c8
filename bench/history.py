"""Five years of history of a large account through the steps of `history_backfill`: killed midway and gone on
with; then rejected rows are mended and replayed, what Klaviyo lost is found and healed, staging is cleaned,
and at the end all is held against the demo's reckoning from NetSuite's raw records.

Run by `python -m bench.history`; `--orders` makes it smaller.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import asdict
from typing import Any

import requests
from rich.console import Console

from bench.history_steps import TOKEN, Accounts, Work
from netsuite_connector.demo import expectation, expected_orders, verify
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.limiter import Limiter, ProcessWindows
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite

ORDERS = 200_000
ORDERS_A_CUSTOMER = 4
_ITEMS_AN_ORDER = 100  # orders for each item of the catalog
_KILLED_AFTER = 40.0  # seconds of delivering
_MENDED, _LOST = 50, 20  # customers and people


def _run(accounts: Accounts, step: str, name: str = "", kill_after: float | None = None) -> dict[str, Any]:
    """A step in a process of its own, killed so many seconds after it delivered its first window. Returns
    ``windows`` (delivered), ``reconciled`` (numbers by flow), ``seconds``, and what else it told.
    """
    about = json.dumps(asdict(accounts))
    command = [sys.executable, "-m", "bench.history", "--child", about, "--step", step, "--name", name]
    began = time.monotonic()
    first: float | None = None
    told: dict[str, Any] = {"windows": 0, "reconciled": []}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            said = json.loads(line)
            told["windows"] += "delivered" in said
            told["reconciled"] += [said["reconciled"]] if "reconciled" in said else []
            told |= {key: value for key, value in said.items() if key not in ("reconciled", "read")}
            if "delivered" in said:
                first = first or time.monotonic()
            if kill_after is not None and first is not None and time.monotonic() - first > kill_after:
                child.send_signal(signal.SIGKILL)
                break
    return told | {"seconds": round(time.monotonic() - began, 1)}


def _mend(netsuite: NetSuite, ids: list[int]) -> int:
    """Somebody gives some of the customers an address."""
    for id_ in ids[:_MENDED]:
        netsuite.update("customer", id_, email=f"mended.{id_}@inbox.example")
    return len(ids[:_MENDED])


def _lose(klaviyo: Klaviyo) -> tuple[int, int]:
    """Somebody deletes some people in Klaviyo who ordered within one month. Returns how many people and
    events are gone.
    """
    with requests.Session() as session:
        months: defaultdict[str, set[str]] = defaultdict(set)
        counts: Counter[str] = Counter()
        for event in verify.dump(session, klaviyo.url, "events"):
            months[event["email"]].add(event["datetime"][:7])
            counts[event["email"]] += 1
        short = [email for email, some in months.items() if len(some) == 1]
        month = Counter(next(iter(months[email])) for email in short).most_common(1)[0][0]
        lost = [email for email in short if months[email] == {month}][:_LOST]
        limiter = Limiter(ProcessWindows(), account="somebody")
        client = KlaviyoClient(session, base_url=klaviyo.url, api_key=klaviyo.key, limiter=limiter)
        for email in lost:
            client.privacy.request_deletion(email=email)
    klaviyo.settled(120)
    return len(lost), sum(counts[email] for email in lost)


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
        credentials = {name: own[name] for name in ("account", *TOKEN)}
        accounts = Accounts(netsuite.restlet_url, credentials, klaviyo.url, klaviyo.key, folder)
        records = netsuite.state()["records"]
        console.print(f"History: {records['customer']:,} customers, {records['transaction']:,} transactions")
        killed = _run(accounts, "backfill", "first", _KILLED_AFTER)
        console.print(f"killed after {killed['windows']} windows and {killed['seconds']:,.0f} s")
        done = _run(accounts, "backfill", "second")
        state = klaviyo.settled(600)
        total = done["total"]
        console.print(
            f"gone on with: {total['windows']['passed_over']} windows passed over, "
            f"{total['windows']['ended']} delivered, {total['all']['extracted']:,} rows in "
            f"{done['seconds']:,.0f} s, at most {done['peak_mb']:,} MB"
        )
        console.print(
            f"{state['events']:,} events, {state['events_repeated']} of them twice, {state['flows_woken']} "
            f"flows woken, {state['consents']} consents touched"
        )
        rejected = _run(accounts, "rejected")
        console.print(f"rejected rows: {rejected['listed']}, listed in {rejected['took']} s")
        mended = _mend(netsuite, rejected["ids"])
        again = _run(accounts, "replay")
        console.print(
            f"{mended} mended and all without an address replayed: {again['replayed']} in {again['took']} s"
        )
        people, events = _lose(klaviyo)
        console.print(f"lost in Klaviyo: {people} people, {events} events")
        proof = _run(accounts, "reconcile")
        for each in proof["reconciled"]:
            console.print(f"reconciliation with heal: {each}")
        console.print(f"in {proof['seconds']:,.0f} s, at most {proof['peak_mb']:,} MB")
        cleaned = _run(accounts, "housekeeping")
        console.print(f"housekeeping: {cleaned['housekeeping']} in {cleaned['took']} s")
        third = _run(accounts, "backfill", "third")
        console.print(f"the same backfill once more: {third['windows']} windows in {third['seconds']:,.0f} s")
        woken = klaviyo.settled(120)["flows_woken"]
        findings = _differences(netsuite, klaviyo)
    for finding in findings:
        console.print(f"{finding.what}: {finding.sentence}")
        for difference in finding.differences[: verify.SHOWN]:
            console.print(f"  {difference}")
    nothing_else = state["events_repeated"] == state["flows_woken"] == state["consents"] == woken == 0
    agree = all(each["agrees"] for each in proof["reconciled"])
    healed = sum(each["healed"] for each in proof["reconciled"]) >= people + events
    mended_all = again["replayed"]["customers"]["left_the_list"] == mended
    differ = any(finding.differences for finding in findings)
    as_shown = cleaned["housekeeping"]["shown"] == cleaned["housekeeping"]["removed"]
    fine = (nothing_else, agree, healed, mended_all, as_shown, not third["windows"], not differ)
    return bool(total["adds_up"]) and all(fine)


def main() -> None:
    """The bench alone, or one backfill of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--name", default="", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        step = getattr(Work.of(Accounts(**json.loads(asked.child))), asked.step)
        step(asked.name) if asked.name else step()
        return
    sys.exit(0 if show(Console(width=100), asked.orders) else 1)


if __name__ == "__main__":
    main()
