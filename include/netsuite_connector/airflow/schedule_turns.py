"""Runs of a flow, one after the other: what one enters into the order book another must see.

Airflow starts one scheduled or manual run of a DAG at a time (``max_active_runs``), but the runs of its own
backfill beside it, ten at once unless told otherwise. So a run has the turn, from its plan to its end, and
the others wait. Who has it stands in staging; the turn ends with the run, whatever became of it, so a run
that failed or was killed is in nobody's way.

A task that waits is rescheduled: it takes a worker's slot for as long as it looks. (A deferred one would
count against the ``max_active_tis_per_dag`` by which only one plan at a time looks and takes.)
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk.exceptions import AirflowRescheduleException

from netsuite_connector.airflow.schedule import is_backfill

if TYPE_CHECKING:
    from netsuite_connector.staging.staging import Staging

log = logging.getLogger(__name__)

SOON = timedelta(seconds=10)
"""How often the run looks that is next; the task starts anew for it."""

LATER = timedelta(seconds=60)
"""How often those look that are behind it."""

_RUNNING = ["running"]


def take_turn(staging: Staging, flow: tuple[str, str], context: Mapping[str, Any]) -> None:
    """Note that it is the current run's turn, once it is. Raises AirflowRescheduleException until then.

    A backfill's run lets a scheduled or manual one that waits go first, and those of its DAG that stand for
    earlier moments. ``flow``: store and flow.
    """
    me, place = context["dag_run"], (*flow, "turn.json")
    noted: dict[str, Any] = staging.read_json(place) or {}
    mine = _note(me)
    if noted.get("run") == mine:
        return
    if _runs(context, noted.get("run")):
        if not is_backfill(context):
            # A backfill of a thousand runs must not keep it waiting for more than the one that is under way.
            staging.write_json(place, noted | {"next": mine})
            _wait(noted["run"], SOON)
        before = _earlier(context)
        _wait(noted["run"], SOON if before in {None, noted["run"]["run_id"]} else LATER)
    if is_backfill(context):
        if _runs(context, noted.get("next")):
            _wait(noted["next"], LATER)
        if (before := _earlier(context)) is not None:
            _wait({"run_id": before}, LATER)
    staging.write_json(place, {"run": mine})


def keep_turn(staging: Staging, flow: tuple[str, str], context: Mapping[str, Any]) -> None:
    """The same for what comes after the plan: a run that was cleared from a later task on has lost its turn,
    and takes it again as soon as nobody has it. A replay has no turn: it is a run of another DAG, which may
    be paused while it runs and must not keep the flow's waiting then.
    """
    place = (*flow, "turn.json")
    noted: dict[str, Any] = staging.read_json(place) or {}
    mine, taken = _note(context["dag_run"]), noted.get("run")
    if taken is None or taken == mine or taken["dag_id"] != mine["dag_id"]:
        return
    if _runs(context, taken):
        _wait(taken, SOON)
    staging.write_json(place, noted | {"run": mine})


def _note(run: Any) -> dict[str, str]:
    return {"dag_id": run.dag_id, "run_id": run.run_id}


def _runs(context: Mapping[str, Any], noted: Mapping[str, str] | None) -> bool:
    """Whether that run is still running. One that is queued is not: after it was cleared it may have to wait
    for those that would wait for it.
    """
    if noted is None:
        return False
    return bool(context["ti"].get_dr_count(noted["dag_id"], run_ids=[noted["run_id"]], states=_RUNNING))


def _earlier(context: Mapping[str, Any]) -> str | None:
    """The run of the DAG that stands for the moment before this one's, of those that run."""
    run = context["ti"].get_previous_dagrun(state=_RUNNING[0])
    return None if run is None else str(run.run_id)


def _wait(other: Mapping[str, str], pause: timedelta) -> NoReturn:
    log.info("Runs of a flow go one after the other: this one waits until %s has ended.", other["run_id"])
    raise AirflowRescheduleException(datetime.now(UTC) + pause)  # type: ignore[no-untyped-call]
