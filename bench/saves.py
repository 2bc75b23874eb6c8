"""What the connector's user event costs whoever saves a record in NetSuite, as far as the sandbox can tell:
governance units, how many of a save's milliseconds pass inside the script, and how long a save takes in an
account without it.

Run by `python -m bench.saves`.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from netsuite_connector.sandbox.netsuite.suitecloud import DEFAULT_PROJECT
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox

SAVES = 1_000
ROUNDS = 5
UNITS_ALLOWED = 1000  # of a user event's run (NetSuite's governance)
_SCRIPT = Path("src", "Objects", "customscript_nsk_user_event.xml")


def _without_user_events(folder: str) -> Path:
    """A copy of the SuiteCloud project that deploys no user event."""
    copy = Path(folder, "suitecloud")
    shutil.copytree(DEFAULT_PROJECT, copy)
    (copy / _SCRIPT).unlink()
    return copy


def _saves(account: SandboxAccount, internal_id: int, count: int) -> list[float]:
    """Milliseconds of each of so many saves of a customer."""
    took = []
    for number in range(count):
        began = time.perf_counter()
        account.update("customer", internal_id, comments=f"Note {number}")
        took.append(1000 * (time.perf_counter() - began))
    return took


def show(console: Console, saves: int = SAVES) -> None:
    """Print units and milliseconds of a save, with the script and without, in turns."""
    with ExitStack() as stack:
        copy = _without_user_events(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        accounts = {
            "with the user event": stack.enter_context(running_sandbox()),
            "without": stack.enter_context(running_sandbox("--suitecloud", str(copy))),
        }
        ids = {
            name: int(account.create("customer", entityid="Somebody", stage="CUSTOMER")["internalid"])
            for name, account in accounts.items()
        }
        took: dict[str, list[float]] = {name: [] for name in accounts}
        before: dict[str, Any] = {}
        for part in range(ROUNDS + 1):
            for name, account in accounts.items():
                some = _saves(account, ids[name], saves // ROUNDS)
                if part:  # the first round warms up
                    took[name] += some
            if not part:
                before = accounts["with the user event"].user_events()
        runs = {name: account.user_events() for name, account in accounts.items()}
    table = Table(title=f"{saves:,} saves of a customer over HTTP", title_justify="left")
    for column in ("", "ms, median", "ms, 95th of 100", "most units", "runs that failed"):
        table.add_column(column, justify="right" if column else "left")
    for name, each in took.items():
        table.add_row(
            name,
            f"{statistics.median(each):.2f}",
            f"{statistics.quantiles(each, n=20)[-1]:.2f}",
            str(runs[name]["most_units"]),
            str(runs[name]["failed"]),
        )
    console.print(table)
    with_it, without = (statistics.median(each) for each in took.values())
    after = runs["with the user event"]
    # The sandbox's clock ticks in milliseconds: right on the average of many runs.
    inside = 1000 * (after["seconds"] - before["seconds"]) / (after["runs"] - before["runs"])
    save = statistics.fmean(took["with the user event"])
    console.print(
        f"Of a save's {save:.2f} ms {inside:.2f} pass inside the script, which takes {after['most_units']} "
        f"of {UNITS_ALLOWED:,} units. Side by side with an account without it, a save takes "
        f"{with_it / without:.2f} times as long.\n"
    )


if __name__ == "__main__":
    show(Console(width=100))
