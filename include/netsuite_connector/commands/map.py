"""``map``: shows what the mapping makes of a few records, side by side with their rows."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from netsuite_connector.commands.masking import masked, masked_text
from netsuite_connector.commands.stores import check_flow, chosen
from netsuite_connector.domains.model import Kind
from netsuite_connector.errors import MendError
from netsuite_connector.flows.domain import domain_of
from netsuite_connector.flows.preview import Shown, preview
from netsuite_connector.flows.run import Run, check_searches
from netsuite_connector.flows.settings import settings_of
from netsuite_connector.staging.staging import Staging
from netsuite_connector.window import Window

_OF_PEOPLE = (Kind.PROFILE, Kind.EVENT)


def run(  # noqa: PLR0913 - the command's options
    console: Console,
    name: str,
    flow: str,
    *,
    rows: int,
    ids: Sequence[int],
    source: str | None,
    personal: bool,
) -> int:
    """Show the first rows, or the records with these ids, as they would be delivered. Nothing is kept or
    sent. Raises MendError for what can't be.
    """
    (store,) = chosen(name)
    check_flow(store, flow)
    domain = domain_of(store, flow)
    check_searches(store, domain)
    known = [each.name for each in domain.shaped]
    if source is not None and source not in known:
        raise MendError(
            f"The flow '{flow}' has no source '{source}' whose rows are shown: it has {', '.join(known)}."
        )
    from netsuite_connector.airflow.check import netsuite_client, outside_of_tasks

    outside_of_tasks()
    client = netsuite_client(store)
    settings = settings_of(store, client).store
    with tempfile.TemporaryDirectory(prefix="netsuite-connector-map-") as folder:
        trial = Run(settings, domain, Window(), Staging(folder), limit=rows, dry_run=True)
        with console.status("reading …"):
            found = preview(trial, client, rows=rows, ids=ids, only=source)
    # A catalog is of nobody.
    as_it_is = personal or not any(each.kind in _OF_PEOPLE for each in domain.delivered)
    for each in found.shown:
        _show(console, each if as_it_is else _masked(each))
    missing = sorted(set(ids) - {each.id for each in found.shown})
    if missing:
        console.print(f"No saved search of the flow gives {', '.join(map(str, missing))}.", highlight=False)
    elif not found.shown:
        console.print("The saved searches give no rows.", highlight=False)
    for text, count in found.warnings.items():
        console.print(f"{text} ({count})", style="yellow", markup=False, highlight=False)
    return 0


def _show(console: Console, shown: Shown) -> None:
    table = Table(box=box.SIMPLE_HEAD, expand=True, title_justify="left")
    table.title = Text(f"{shown.source} {shown.id}", "bold")
    for title in ("row", "payload", "reasons"):
        table.add_column(title, ratio=3 if title == "payload" else 2, overflow="fold")
    rows = Text("\n\n".join(_listed(row) for row in shown.rows))
    payloads = Text(
        "\n\n".join(
            f"{key}\n{json.dumps(payload, indent=2, ensure_ascii=False)}" for key, payload in shown.payloads
        )
    )
    table.add_row(rows, payloads, Text("\n".join(shown.reasons), "red"))
    console.print(table)


def _listed(row: dict[str, Any]) -> str:
    return "\n".join(f"{name}: {_readable(value)}" for name, value in row.items() if value is not None)


def _readable(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _masked(shown: Shown) -> Shown:
    return Shown(
        shown.source,
        shown.id,
        tuple(masked(row) for row in shown.rows),
        tuple((masked_text(key), masked(payload)) for key, payload in shown.payloads),
        tuple(map(masked_text, shown.reasons)),
    )
