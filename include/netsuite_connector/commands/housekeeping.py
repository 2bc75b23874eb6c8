"""``housekeeping``: shows what the stores need not keep any longer, and removes it when asked to."""

from __future__ import annotations

from collections import Counter

from rich import box
from rich.console import Console
from rich.table import Table

from netsuite_connector.commands.stores import chosen
from netsuite_connector.flows.retention import clean
from netsuite_connector.flows.run import open_staging


def run(console: Console, name: str | None, *, really: bool) -> int:
    """Print what goes of the store, or of all, with sizes and ages. 1 if some of it could not be removed."""
    staging = open_staging()
    table = Table(box=box.SIMPLE)
    table.add_column("kind")
    table.add_column("path in staging", overflow="fold")
    for title in ("files", "bytes", "days old"):
        table.add_column(title, justify="right")
    sums: Counter[str] = Counter()
    for store in chosen(name):
        for each in clean(staging, store, really=really):
            what = f"{each.rows:,} rows" if each.rows else f"{each.files:,}"
            more_than = "> " if each.rows else ""
            path = "/".join(each.path)
            table.add_row(each.kind, path, what, f"{each.bytes:,}", f"{more_than}{each.days:.0f}")
            sums.update(pieces=1, bytes=each.bytes, rows=each.rows, removed=each.removed)
    if not sums:
        console.print("Nothing is older than its store wants it kept.")
        return 0
    console.print(table, markup=False)
    stuck = sums["pieces"] - sums["removed"]
    sizes = f"{sums['bytes'] / 1e6:,.1f} MB and {sums['rows']:,} rejected rows"
    if not really:
        console.print(f"{sizes} would go: --remove removes them.", highlight=False)
        return 0
    console.print(f"{sizes} gone" + (f", {stuck:,} pieces could not be removed." if stuck else "."))
    return 1 if stuck else 0
