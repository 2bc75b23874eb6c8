"""`make bench`: prints what the line can do on this machine, beside what it is compared to."""

from __future__ import annotations

import argparse
import platform

from rich.console import Console

from bench import deliver, extract, history, line, parse, realtime, saves

# Measured apart from this run, on a machine of this kind in November 2026, over customers without phones: an
# order of magnitude to
# read the tables by, not a result of this run.
COMPARED_TO = (
    "Measured elsewhere, for an order of magnitude: straight script without validation 79,000 rows/s; "
    "the same with Great Expectations 50,000; dlt without validation 14,000-48,000; "
    "pandas with the official SDK 5,000."
)


def main() -> None:
    """Run everything, or less with the options: 0 leaves a part out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each flow (default 1,000,000)")
    parser.add_argument(
        "--memory-rows", type=int, default=5_000_000, help="rows of the memory check; 0 leaves it out"
    )
    parser.add_argument(
        "--extract-rows", type=int, default=extract.ROWS, help="rows read from the sandbox NetSuite"
    )
    parser.add_argument("--saves", type=int, default=saves.SAVES, help="saves of a record in NetSuite")
    parser.add_argument(
        "--deliver-seconds",
        type=int,
        default=deliver.SECONDS,
        help="of each kind of delivery to the sandbox Klaviyo, in its real windows (about 17 minutes in all)",
    )
    parser.add_argument(
        "--realtime-seconds", type=float, default=realtime.SECONDS, help="of saves that real time must follow"
    )
    parser.add_argument(
        "--realtime-large-seconds",
        type=float,
        default=realtime.SECONDS,
        help="the same in an account with five years of orders, which takes half an hour to deliver before",
    )
    parser.add_argument(
        "--history-orders", type=int, default=history.ORDERS, help="orders of the account with a history"
    )
    asked = parser.parse_args()
    console = Console(width=100)
    console.print(f"Python {platform.python_version()} on {platform.machine()}\n")
    parse.show(console)
    console.print()
    customers = line.measure("customers", asked.rows)
    line.show(console, "Customers with phones", asked.rows, customers)
    line.show(
        console, "Customers without phones", asked.rows, line.measure("customers", asked.rows, phones=False)
    )
    line.show(console, "Order lines", asked.rows, line.measure("orders", asked.rows))
    console.print(COMPARED_TO + "\n")
    if asked.memory_rows:
        large = line.measure("customers", asked.memory_rows, phones=False)
        line.show(console, "Memory: customers without phones", asked.memory_rows, large)
    if asked.extract_rows:
        extract.show(console, asked.extract_rows)
    if asked.saves:
        saves.show(console, asked.saves)
    if asked.deliver_seconds:
        deliver.show(console, asked.deliver_seconds)
    if asked.realtime_seconds:
        realtime.show(console, asked.realtime_seconds)
    if asked.realtime_large_seconds:
        realtime.show(console, asked.realtime_large_seconds, large=True)
    if asked.history_orders:
        history.show(console, asked.history_orders)


if __name__ == "__main__":
    main()
