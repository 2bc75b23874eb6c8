"""The table at the end: what each flow's report says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from netsuite_connector.demo.runs import Run

_COUNTS = ("extracted", "delivered", "unchanged", "rejected")


def show(console: Console, runs: Sequence[Run]) -> None:
    """Prints the table and, beneath it, why rows were rejected and what was left out of others."""
    console.print("What the flows did, in rows of their saved searches:")
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)  # narrow enough for 80 columns
    table.add_column("flow")
    for name in (*_COUNTS, "batches", "seconds"):
        table.add_column(name, justify="right")
    table.add_column("adds up")
    for run in runs:
        if run.report is None:
            table.add_row(run.flow, *[""] * 6, "no report")
            continue
        report = run.report
        table.add_row(
            run.flow,
            *(f"{report['rows'][name]:,}" for name in _COUNTS),
            f"{report['batches']:,}",
            f"{report['seconds']:.1f}",
            "yes" if adds_up(report) else "NO",
        )
    console.print(table)
    for run in runs:
        if run.report is None:
            continue
        for title, reasons in (
            ("rejected", run.report["rejected_by_reason"]),
            ("delivered, but", run.report.get("warnings") or {}),
        ):
            for text, count in sorted(reasons.items(), key=lambda pair: -pair[1]):
                console.print(
                    f"  {run.flow:<10} {count:>8,} {title}: {text}",
                    markup=False,
                    highlight=False,
                    soft_wrap=True,
                )


def adds_up(report: Mapping[str, Any]) -> bool:
    """Whether every row is accounted for, by the report's own word and by the sum."""
    rows = report["rows"]
    return (
        bool(report["adds_up"])
        and rows["extracted"] == rows["delivered"] + rows["unchanged"] + rows["rejected"]
    )
