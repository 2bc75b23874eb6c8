"""`make bench`: prints what the line can do on this machine, beside what it is compared to."""

from __future__ import annotations

import argparse
import platform

from rich.console import Console

from bench import line, parse

# What a straight script of the best parts did without Great Expectations, dlt without validation, and pandas
# with the official SDK: one core, November 2026.
COMPARED_TO = (
    "For comparison: straight script without validation 79,000 rows/s; dlt 14,000-48,000; "
    "pandas with the official SDK 5,000."
)


def main() -> None:
    """Run everything, or less rows with ``--rows``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each flow (default 1,000,000)")
    parser.add_argument(
        "--memory-rows", type=int, default=5_000_000, help="rows of the memory check; 0 leaves it out"
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


if __name__ == "__main__":
    main()
