"""``check``: tries stores' connections and prints the findings as they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from netsuite_connector.checks.finding import Finding, Verdict
from netsuite_connector.commands.stores import chosen
from netsuite_connector.stores.model import Store

_STYLES = {
    Verdict.RIGHT: "green",
    Verdict.WRONG: "bold red",
    Verdict.WARNING: "yellow",
    Verdict.SKIPPED: "dim",
}
_VERDICT = max(len(verdict) for verdict in Verdict)
_STEP = 26


def run(console: Console, name: str | None) -> int:
    """Check the store of that name, or all. 1 if anything is wrong. Raises MendError for an unknown name."""
    stores = chosen(name)
    # Airflow takes seconds to import, so a mistake in the command is told before.
    from netsuite_connector.airflow.check import check, outside_of_tasks

    outside_of_tasks()
    count: Counter[Verdict] = Counter()
    for store in stores:
        count.update(_shown(console, store, check(store)))
    console.print(f"\n{', '.join(f'{count[verdict]} {verdict}' for verdict in Verdict)}", highlight=False)
    return 1 if count[Verdict.WRONG] else 0


def _shown(console: Console, store: Store, findings: Iterable[Finding]) -> list[Verdict]:
    """Print each finding once it is known: a whole table at the end would leave people waiting."""
    console.print(f"\n{store.name} ({store.store})", style="bold", markup=False, highlight=False)
    verdicts = []
    with console.status("trying …"):
        for found in findings:
            row = Table.grid(padding=(0, 2))
            row.add_column(width=_VERDICT)
            row.add_column(width=_STEP)
            row.add_column(ratio=1)
            row.add_row(Text(found.verdict, _STYLES[found.verdict]), Text(found.step), Text(found.sentence))
            console.print(row)
            verdicts.append(found.verdict)
    return verdicts
