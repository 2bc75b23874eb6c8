"""``rejected``: the lists of rejected rows, a row with all that is known of it, and the replay."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson
from rich import box
from rich.console import Console
from rich.table import Table

from netsuite_connector.commands.masking import masked, masked_text
from netsuite_connector.commands.stores import check_flow, chosen, flows_of, run_of
from netsuite_connector.errors import MendError
from netsuite_connector.flows.rejections import Rejected, Wanted, rejected
from netsuite_connector.flows.run import Run

MOST = 50
"""So many rows are shown unless more are asked for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which store and flow (None: all), and which rows; ``personal``: with personal values."""

    store: str | None
    flow: str | None
    wanted: Wanted
    personal: bool = False


def show_list(console: Console, asked: Asked, most: int = MOST) -> int:
    """Print the rows that were seen last, how many there are, and by which reasons."""
    total = 0
    reasons: Counter[tuple[str, str]] = Counter()

    def counted() -> Iterator[tuple[str, str, Rejected]]:
        nonlocal total
        for run in _runs(asked):
            for row in rejected(run, asked.wanted):
                total += 1
                reasons.update((run.domain.flow, why) for why in set(row.reasons))
                yield run.store.store, run.domain.flow, row

    newest = heapq.nlargest(most, counted(), key=lambda each: each[2].last_seen)
    if not total:
        console.print("No rejected rows.")
        return 0
    table = Table(box=box.SIMPLE)
    for title in ("store", "flow", "source", "id", "key", "stage", "reasons", "first seen", "last seen"):
        table.add_column(title, overflow="fold")
    table.add_column("tries", justify="right")
    for store, flow, row in newest:
        shown = row if asked.personal else _masked(row)
        table.add_row(
            *(store, flow, row.source, str(row.id), shown.key or "", row.stage, "; ".join(shown.reasons)),
            *(row.first_seen, row.last_seen, str(row.tries)),
        )
    console.print(table, markup=False)
    summary = Table(box=box.SIMPLE)
    summary.add_column("rows", justify="right")
    summary.add_column("flow")
    summary.add_column("reason", overflow="fold")
    for (flow, why), count in reasons.most_common(20):
        summary.add_row(f"{count:,}", flow, why if asked.personal else masked_text(why))
    console.print(summary, markup=False)
    left_out = f"; the {len(newest)} that were seen last are shown" if total > len(newest) else ""
    console.print(f"{total:,} rejected rows{left_out}.", highlight=False)
    return 0


def show(console: Console, asked: Asked) -> int:
    """Print all that is known of a record's rejected rows. Raises MendError when there are none."""
    found = 0
    for run in _runs(asked):
        for row in rejected(run, asked.wanted):
            found += 1
            shown = row if asked.personal else _masked(row)
            table = Table(box=box.SIMPLE, show_header=False, title=f"{run.store.store} {run.domain.flow}")
            table.add_column(style="bold")
            table.add_column(overflow="fold")
            for name in ("source", "id", "key", "stage", "first_seen", "last_seen", "tries"):
                value = getattr(shown, name)
                table.add_row(name.replace("_", " "), "" if value is None else str(value))
            for why in shown.reasons:
                table.add_row("reason", why)
            for name, value in _content(shown.row).items():
                table.add_row(f"  {name}", _told(value))
            console.print(table, markup=False)
    if not found:
        raise MendError(
            "The lists of rejected rows have no such record: 'rejected list' shows what is there."
        )
    return 0


def replay(console: Console, asked: Asked, *, dry_run: bool) -> int:
    """Read the records anew and send them through all stages. A flow that can't be replayed is told, and the
    others go on. 1 if there is one, or if any of the rows is rejected again.
    """
    runs = [run for run in _runs(asked) if any(rejected(run, asked.wanted))]
    if not runs:
        console.print("No rejected rows to replay.")
        return 0
    # Airflow takes seconds to import, so a mistake in the command is told before.
    from netsuite_connector.airflow.check import klaviyo_client, netsuite_client, outside_of_tasks
    from netsuite_connector.flows.replay import NoReplayError
    from netsuite_connector.flows.replay import replay as all_stages

    outside_of_tasks()
    again = refused = 0
    for run in runs:
        now = datetime.now(UTC)
        klaviyo = None if dry_run else klaviyo_client(run.store)
        name = f"{run.store.store} {run.domain.flow}"
        try:
            numbers = all_stages(
                run, netsuite_client(run.store), klaviyo, asked.wanted, f"by hand {now.isoformat()}"
            )
        except NoReplayError as error:
            refused += 1
            console.print(f"{name}: {error}", markup=False, highlight=False)
            continue
        if numbers is None:
            console.print(f"{name}: its rejected rows can't be read by themselves.", highlight=False)
            continue
        rows = numbers["rows"]
        again += rows["rejected"]
        what = "would be delivered" if dry_run else "delivered"
        console.print(
            f"{name}: {rows['extracted']:,} rows read anew, {rows['delivered']:,} {what}, "
            f"{rows['unchanged']:,} unchanged, {rows['rejected']:,} rejected again; "
            f"{numbers['rejected_list']['left']:,} left the list.",
            markup=False,
            highlight=False,
        )
    return 1 if again or refused else 0


def _runs(asked: Asked) -> Iterator[Run]:
    """A run of each flow that is asked about, to look at its list with."""
    stores = chosen(asked.store)
    if asked.flow is not None and not any(asked.flow in flows_of(store) for store in stores):
        check_flow(stores[0], asked.flow)
    pairs = itertools.chain.from_iterable(((store, flow) for flow in flows_of(store)) for store in stores)
    runs = [run_of(store, flow) for store, flow in pairs if asked.flow in (None, flow)]
    source = asked.wanted.source
    known = {each.name for run in runs for each in run.domain.delivered}
    if source is not None and source not in known:
        raise MendError(f"There is no source '{source}': known are {', '.join(sorted(known))}.")
    yield from runs


def _masked(row: Rejected) -> Rejected:
    key = row.key if row.key is None or row.key.isdigit() else masked(row.key)
    content = orjson.dumps(masked(_content(row.row))).decode()
    return replace(row, key=key, reasons=tuple(map(masked_text, row.reasons)), row=content)


def _content(row: str) -> dict[str, Any]:
    content = orjson.loads(row)
    return content if isinstance(content, dict) else {"": content}


def _told(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()
