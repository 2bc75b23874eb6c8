"""``reconcile``: compares what NetSuite has with what Klaviyo holds, and delivers what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from netsuite_connector.commands.stores import chosen
from netsuite_connector.errors import MendError
from netsuite_connector.flows.reconciliation.model import ask, place_of, sentence
from netsuite_connector.flows.run import open_staging
from netsuite_connector.staging.staging import Staging

MOST = 50
"""So many records that don't agree are shown of each flow unless more are asked for."""

_NUMBERS = ("netsuite", "rejected", "ledger", "klaviyo", "not_yet", "missing", "extra", "different")


def run(console: Console, name: str | None, wishes: Mapping[str, Any], most: int = MOST) -> int:
    """Compare, and print the numbers of what does not agree with its first records. 1 if anything does not.

    Raises MendError for what can't be compared, before anything is.
    """
    stores = chosen(name)
    if wishes.get("flows") and len(stores) > 1:
        raise MendError("There are several stores, so say of which one the flow is: add --store.")
    everything = [(store, ask(store, wishes, datetime.now(UTC))) for store in stores]
    # Airflow takes seconds to import, and checking rows too; a mistake in the command is told before.
    from netsuite_connector.airflow.check import klaviyo_client, netsuite_client, outside_of_tasks
    from netsuite_connector.flows.reconciliation.reconcile import reconcile

    outside_of_tasks()
    staging = open_staging()
    disagree = False
    for store, flows in everything:
        for asked in flows:
            klaviyo = klaviyo_client(store, background=True)
            report = reconcile(store, staging, netsuite_client(store), klaviyo, asked)
            disagree |= not report["agrees"]
            name = f"{store.store} {asked.flow} {asked.start} to {asked.end}"
            _tell(console, name, report)
            place = place_of(store.store, asked.flow, asked.span)
            _list(console, islice(_findings(staging, place), most))
    return 1 if disagree else 0


def _tell(console: Console, name: str, report: Mapping[str, Any]) -> None:
    healed = f", {report['healed']:,} records delivered" if report["healed"] else ""
    if report["agrees"]:
        compared, rejected = (
            sum(kind[number] for kind in report["kinds"]) for number in ("netsuite", "rejected")
        )
        turned_down = f", {rejected:,} rejected" if rejected else ""
        numbers = f"{compared:,} records{turned_down}{healed}"
        console.print(f"{name}: agrees ({numbers}).", markup=False, highlight=False)
    else:
        console.print(f"{name}: {sentence(report)}{healed}", markup=False, highlight=False)
    told = [kind for kind in report["kinds"] if not kind["agrees"] or kind["not_yet"] or kind["edited"]]
    if not told:
        return
    table = Table(box=box.SIMPLE)
    for title in ("kind", "day"):
        table.add_column(title)
    for title in _NUMBERS:
        table.add_column(title.replace("_", " "), justify="right")
    for kind in told:
        table.add_row(kind["kind"], kind["day"] or "", *(f"{kind[number]:,}" for number in _NUMBERS))
    console.print(table, markup=False)


def _list(console: Console, findings: Iterable[Mapping[str, Any]]) -> None:
    records = Table(box=box.SIMPLE)
    for title in ("kind", "day", "verdict", "identity", "internal id", "detail"):
        records.add_column(title, overflow="fold")
    for row in findings:
        id_ = "" if row["internal_id"] is None else str(row["internal_id"])
        records.add_row(row["kind"], row["day"] or "", row["verdict"], row["identity"], id_, row["detail"])
    if records.row_count:
        console.print(records, markup=False)


def _findings(staging: Staging, place: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for batch in staging.dataset(*place, "findings").batches(batch_rows=1_000):
        yield from batch.to_pylist()
