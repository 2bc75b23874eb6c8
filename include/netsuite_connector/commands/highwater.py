"""``highwater``: shows and sets the moments up to which flows have delivered everything."""

from __future__ import annotations

import getpass
from datetime import datetime

from rich import box
from rich.console import Console
from rich.table import Table

from netsuite_connector.commands.stores import check_flow, chosen, flows_of, run_of
from netsuite_connector.flows import highwater
from netsuite_connector.flows.settings import settings_of


def show(console: Console, name: str | None, flow: str | None) -> int:
    """Print the marks of the store's flows, or of all stores'."""
    stores = chosen(name)
    if flow is not None and not any(flow in flows_of(store) for store in stores):
        check_flow(stores[0], flow)
    table = Table(box=box.SIMPLE)
    for title in ("store", "flow", "high-water mark", "set by", "at"):
        table.add_column(title, overflow="fold")
    for store in stores:
        for each in flows_of(store):
            if flow in (None, each):
                mark = highwater.read(run_of(store, each))
                told = (mark.moment, mark.by, mark.at) if mark else ("none: the next run reads all", "", "")
                table.add_row(store.store, each, *told)
    console.print(table, markup=False)
    return 0


def put(console: Console, name: str, flow: str, moment: datetime) -> int:
    """Set the mark of one flow.

    A mark belongs to what the flow reads, which NetSuite's configuration record has a say in, so NetSuite is
    asked for it.
    """
    (store,) = chosen(name)
    if flow not in flows_of(store):
        check_flow(store, flow)
    from netsuite_connector.airflow.check import netsuite_client, outside_of_tasks

    outside_of_tasks()
    run = run_of(settings_of(store, netsuite_client(store)).store, flow)
    before = highwater.read(run)
    mark = highwater.put(run, moment, f"hand ({getpass.getuser()})")
    was = f" (it was {before.moment})" if before else ""
    console.print(
        f"The high-water mark of {store.store} {flow} is {mark.moment}{was}: the next run reads what changed "
        "since.",
        markup=False,
        highlight=False,
    )
    return 0
