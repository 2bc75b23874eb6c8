"""What Airflow's database says of DAGs: whether they run, how the last run ended, what real time did."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from airflow.models.asset import AssetModel
from airflow.models.asset_state_store import AssetStateStoreModel
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from netsuite_connector.airflow.outbox import DRAIN, WOKEN

_AT_WORK = ("queued", "running")


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run of a DAG: its id, state, and when it began and ended, as far as it has."""

    run_id: str
    state: str
    started: datetime | None
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class DagState:
    """A DAG: whether it is paused, when it runs next, how many runs are queued or running, the newest run."""

    paused: bool
    next_run: datetime | None
    at_work: int
    last: LastRun | None


@dataclass(frozen=True, slots=True)
class RealTime:
    """What is known of real time: the state of its DAG, the result of the drain that ended last and when
    that was; when the drain last showed life, how often in a row it failed, and how many entries it left to
    flows in trouble; when it was last woken.
    """

    dag: DagState | None
    result: Mapping[str, Any] | None
    result_at: datetime | None
    alive: datetime | None
    failures: int
    held: int
    woken: datetime | None


def dag_states(session: Session, dag_ids: Collection[str]) -> dict[str, DagState]:
    """The states of those of the DAGs that Airflow knows."""
    of_these = DagRun.dag_id.in_(dag_ids)
    newest = select(func.max(DagRun.id)).where(of_these).group_by(DagRun.dag_id)
    last = {
        run.dag_id: LastRun(run.run_id, str(run.state), run.start_date, run.end_date)
        for run in session.scalars(select(DagRun).where(DagRun.id.in_(newest)))
    }
    counted = select(DagRun.dag_id, func.count()).where(of_these, DagRun.state.in_(_AT_WORK))
    at_work = {row[0]: int(row[1]) for row in session.execute(counted.group_by(DagRun.dag_id))}
    known = select(DagModel).where(DagModel.dag_id.in_(dag_ids), DagModel.is_stale.is_(False))
    return {
        dag.dag_id: DagState(
            paused=bool(dag.is_paused),
            next_run=None if dag.is_paused else dag.next_dagrun_create_after,
            at_work=at_work.get(dag.dag_id, 0),
            last=last.get(dag.dag_id),
        )
        for dag in session.scalars(known)
    }


def run_state(session: Session, dag_id: str, run_id: str) -> str | None:
    """The state of a run of a DAG; None when Airflow does not know it any more."""
    state = session.scalar(select(DagRun.state).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    return None if state is None else str(state)


def real_time(session: Session, dag_id: str, connection: str) -> RealTime:
    """How real time goes on over a NetSuite connection."""
    state = _asset_state(session, f"netsuite-outbox-{connection}")
    done = session.scalar(
        select(XComModel)
        .where(XComModel.dag_id == dag_id, XComModel.task_id == "drain", XComModel.key == "return_value")
        .order_by(XComModel.timestamp.desc())
        .limit(1)
    )
    result = None if done is None else _decoded(done.value)
    return RealTime(
        dag=dag_states(session, [dag_id]).get(dag_id),
        result=result if isinstance(result, dict) else None,
        result_at=None if done is None else done.timestamp,
        alive=_moment(state.get(DRAIN, {}).get("at")),
        failures=int(state.get(DRAIN, {}).get("failures", 0)),
        held=int(state.get(DRAIN, {}).get("held", 0)),
        woken=_moment(state.get(WOKEN, {}).get("at")),
    )


def _asset_state(session: Session, asset: str) -> dict[str, dict[str, Any]]:
    rows = session.execute(
        select(AssetStateStoreModel.key, AssetStateStoreModel.value)
        .join(AssetModel, AssetModel.id == AssetStateStoreModel.asset_id)
        .where(AssetModel.name == asset)
    )
    found = {key: _decoded(value) for key, value in rows}
    return {key: value for key, value in found.items() if isinstance(value, dict)}


def _decoded(value: Any) -> Any:
    """What was stored as JSON, in a column of texts or of JSON."""
    try:
        return orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        return None


def _moment(seconds: Any) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
