"""How the flows of a store are, at a glance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from netsuite_connector.dashboard import airflow_runs, reconciliation
from netsuite_connector.dashboard.access import Flow, Seen, View
from netsuite_connector.dashboard.airflow_runs import DagState, RealTime
from netsuite_connector.dashboard.reconciliation import Report
from netsuite_connector.flows import highwater, history
from netsuite_connector.flows.highwater import Mark
from netsuite_connector.flows.past_runs import PastRun, past_run_keys, past_runs
from netsuite_connector.flows.rejected_pages import Sought, rejected_page
from netsuite_connector.staging.staging import Staging

_LOOKED_AT = 200
"""So many runs are looked at, at most, for one that has come to its end."""

_PATIENCE = timedelta(minutes=1)  # so long a run may take to begin


@dataclass(frozen=True, slots=True)
class FlowStatus:
    """A flow: its DAG, its high-water mark, the last run that came to its end, how many rows are on the list
    of rejected rows, and what the last reconciliation says. Each is None where there is none yet.
    """

    flow: Flow
    dag: DagState | None
    mark: Mark | None
    last: PastRun | None
    rejected: int
    reconciled: Report | None


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """A store: its flows, the progress of its latest backfill of history with the state of its DAG run, and
    its real time; ``concerns`` are sentences about what somebody should look at.
    """

    seen: Seen
    flows: tuple[FlowStatus, ...]
    progress: Mapping[str, Any] | None
    progress_state: str | None
    realtime: RealTime | None
    concerns: tuple[str, ...]


def overview(session: Session, view: View) -> list[StoreStatus]:
    """The stores that somebody may see."""
    return [store_status(session, view.staging, seen) for seen in view.stores]


def store_status(session: Session, staging: Staging, seen: Seen) -> StoreStatus:
    """How a store is."""
    dags = airflow_runs.dag_states(session, [flow.dag_id for flow in seen.flows])
    flows = tuple(flow_status(staging, flow, dags.get(flow.dag_id)) for flow in seen.flows)
    progress = history.progress(seen.store.store, staging) if seen.history else None
    state = (
        airflow_runs.run_state(session, seen.history, progress["name"]) if seen.history and progress else None
    )
    drain = (
        airflow_runs.real_time(session, seen.realtime, seen.store.netsuite.connection)
        if seen.realtime
        else None
    )
    concerns = [sentence for flow in flows for sentence in _concerns(flow)]
    if state == "failed":
        concerns.append("The latest backfill of history failed.")
    if drain is not None:
        concerns += _realtime_concerns(drain)
    return StoreStatus(seen, flows, progress, state, drain, tuple(concerns))


def flow_status(staging: Staging, flow: Flow, dag: DagState | None) -> FlowStatus:
    """How a flow is."""
    store = flow.store.store
    run = flow.run(staging)
    keys = past_run_keys(staging, store, flow.name)[:_LOOKED_AT]
    ended = (past for past in past_runs(staging, store, flow.name, keys) if past.report is not None)
    return FlowStatus(
        flow=flow,
        dag=dag,
        mark=highwater.read(run),
        last=next(ended, None),
        rejected=rejected_page([run], Sought()).total,
        reconciled=reconciliation.latest(staging, store, flow.name),
    )


def _concerns(status: FlowStatus) -> Iterator[str]:
    name = status.flow.name
    if status.dag is not None and status.dag.last is not None and status.dag.last.state == "failed":
        yield f"The last run of {name} failed: its task in Airflow says why."
    if status.last is not None and status.last.report is not None and not status.last.report["adds_up"]:
        yield f"The numbers of the last run of {name} don't add up."
    if status.reconciled is not None and not status.reconciled.agrees:
        sums = {each: status.reconciled.sum(each) for each in ("missing", "extra", "different")}
        told = ", ".join(f"{count:,} {each}" for each, count in sums.items()) + "."
        doubts = " ".join(status.reconciled.doubts)
        yield f"NetSuite and Klaviyo do not agree about {name}: {told if any(sums.values()) else doubts}"


def _realtime_concerns(drain: RealTime) -> Iterator[str]:
    if drain.dag is not None and drain.dag.paused:
        yield "Real time is switched on for the store, but its DAG is paused."
    elif drain.failures:
        yield f"Real time has failed {drain.failures} times in a row: what was saved waits in the outbox."
    elif drain.held:
        yield f"{drain.held:,} entries of the outbox wait for a flow that fails: the last drain says why."
    elif _not_begun(drain):
        yield "What was saved waits in the outbox: the DAG of real time was woken and has not begun."


def _not_begun(drain: RealTime) -> bool:
    if drain.woken is None or drain.woken > datetime.now(UTC) - _PATIENCE:
        return False
    return drain.alive is None or drain.alive < drain.woken
