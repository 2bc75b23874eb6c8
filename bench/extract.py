"""Extraction from the sandbox account over HTTP, each call a second at least: one lane beside four.

Run by `python -m bench.extract`; `--rows` makes it shorter.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import resource
import subprocess
import sys
import time
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

from netsuite_connector.netsuite import Account, NetSuiteClient, token_based
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox
from netsuite_connector.window import Window

SEARCH = "customsearch_nsk_orders"
ROWS = 200_000
LANES = 4
CONCURRENCY = 5
CALL_SECONDS = 1.0
GOAL = 0.95
_LINES_AN_ORDER = 3.3  # of the account's generated orders, about


def _client(session: requests.Session, url: str, own: dict[str, str]) -> NetSuiteClient:
    names = ("consumer_key", "consumer_secret", "token_id", "token_secret")
    auth = token_based(Account.of(own["account"]), **{name: own[name] for name in names})
    return NetSuiteClient(session, url, auth)


def _read(url: str, own: dict[str, str], **how: Any) -> dict[str, float]:
    """Read the search in this process: rows, pages, seconds and the most megabytes that it held."""
    importlib.import_module("pandas")  # as Arrow does at its first array; a worker has it already
    rows = pages = last = 0
    with requests.Session() as session:
        client = _client(session, url, own)
        began = time.monotonic()
        for page in client.pages(SEARCH, Window(), **how):
            ids = page.batch.column("internalid")
            if page.batch.num_rows:
                assert ids[0].as_py() > last
                last = ids[-1].as_py()
            rows += page.batch.num_rows
            pages += 1
        seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows": rows, "pages": pages, "seconds": seconds, "peak_mb": peak}


def _measure(sandbox: SandboxAccount, **how: Any) -> dict[str, float]:
    """``_read`` in a process of its own, with the calls that it made."""
    before = sandbox.state()["calls"]
    asked = {"url": sandbox.url, "own": dataclasses.asdict(sandbox.credentials), **how}
    done = subprocess.run(
        [sys.executable, "-m", "bench.extract", "--read"],
        input=json.dumps(asked),
        check=True,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    return {**json.loads(done.stdout), "calls": sandbox.state()["calls"] - before}


def show(console: Console, rows: int = ROWS) -> None:
    """Print rows/s of one lane and of four beside what can't be exceeded, and memory by number of rows."""
    orders = round(rows / _LINES_AN_ORDER)
    with running_sandbox(
        "--concurrency", str(CONCURRENCY), customers=5000, items=1000, orders=orders
    ) as sandbox:
        with requests.Session() as session:
            client = _client(session, sandbox.url, dataclasses.asdict(sandbox.credentials))
            bounds = client.bounds(SEARCH, Window())
        assert bounds.first is not None
        assert bounds.last is not None
        sandbox.settings(latency=CALL_SECONDS)
        _show_rates(console, sandbox, bounds.count)
        sandbox.settings(latency=0)
        _show_memory(console, sandbox, bounds.first, bounds.last)


def _show_rates(console: Console, sandbox: SandboxAccount, rows: int) -> None:
    table = Table(
        title=f"Extraction of {rows:,} order lines, {CALL_SECONDS:.0f} s a call at least",
        title_justify="left",
    )
    for name in ("lanes", "rows a call", "calls", "seconds", "rows/s", "at most", "reached"):
        table.add_column(name, justify="right")
    for page_rows in (1000, 2000):
        for lanes in (1, LANES):
            done = _measure(sandbox, page_rows=page_rows, lanes=lanes)
            rate, most = done["rows"] / done["seconds"], lanes * page_rows / CALL_SECONDS
            table.add_row(
                str(lanes),
                f"{page_rows:,}",
                f"{done['calls']:.0f}",
                f"{done['seconds']:.1f}",
                f"{rate:,.0f}",
                f"{most:,.0f}",
                f"{rate / most:.1%}",
                style="bold" if lanes > 1 else None,
            )
    console.print(table)
    console.print(f"Goal with {LANES} lanes: {GOAL:.0%} of what {LANES} calls at a time can carry.\n")


def _show_memory(console: Console, sandbox: SandboxAccount, first: int, last: int) -> None:
    table = Table(title=f"Memory of the reading process, {LANES} lanes", title_justify="left")
    for name in ("rows", "pages", "peak MB"):
        table.add_column(name, justify="right")
    for until in (first + (last - first) // 4, last):
        done = _measure(sandbox, page_rows=1000, lanes=LANES, until=until)
        table.add_row(f"{done['rows']:,.0f}", f"{done['pages']:.0f}", f"{done['peak_mb']:.0f}")
    console.print(table)


def main() -> None:
    """Print all; or read once for ``_measure``, which asks on standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--read", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.read:
        json.dump(_read(**json.load(sys.stdin)), sys.stdout)
    else:
        show(Console(width=100), asked.rows)


if __name__ == "__main__":
    main()
