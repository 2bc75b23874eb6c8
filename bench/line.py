"""The line without network: RESTlet bytes → staged Parquet → Great Expectations → encoded Klaviyo batches,
each stage in a process on one core.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

STAGES = ("extract", "validate", "shape", "encode")


def _one_core() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def measure(flow: str, rows: int, *, phones: bool = True) -> dict[str, dict[str, Any]]:
    """Seconds and peak megabytes of each stage."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        results = {}
        for stage in STAGES:
            command = [sys.executable, "-m", "bench.stage", stage, flow, str(folder), "--rows", str(rows)]
            command += [] if phones else ["--no-phones"]
            done = subprocess.run(
                command,
                check=True,
                capture_output=True,
                text=True,
                preexec_fn=_one_core,
                timeout=1800,
            )
            results[stage] = json.loads(done.stdout)
        return results
    finally:
        shutil.rmtree(folder)


def show(console: Console, title: str, rows: int, results: dict[str, dict[str, Any]]) -> None:
    """A table of what each stage took, and the whole line's rate."""
    table = Table(title=f"{title}, {rows:,} rows, one core", title_justify="left")
    for name in ("stage", "seconds", "rows/s", "peak MB"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    total = 0.0
    for stage, result in results.items():
        total += result["seconds"]
        rate = rows / result["seconds"]
        table.add_row(stage, f"{result['seconds']:.2f}", f"{rate:,.0f}", f"{result['peak_mb']:,.0f}")
    peak = max(result["peak_mb"] for result in results.values())
    table.add_row("whole line", f"{total:.2f}", f"{rows / total:,.0f}", f"{peak:,.0f}", style="bold")
    console.print(table)
