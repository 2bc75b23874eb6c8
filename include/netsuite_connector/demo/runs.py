"""Runs the flows in Airflow and tells how they go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from netsuite_connector.demo.airflow_api import AirflowApi, TaskState
from netsuite_connector.demo.options import DemoError

# After so many seconds without any change the demo gives up.
PATIENCE = 900.0
_ENDED = {"success", "failed", "skipped", "upstream_failed", "removed"}


@dataclass(slots=True)
class Run:
    """A run of a flow's DAG; ``told`` are the states that have been printed."""

    flow: str
    run_id: str
    state: str = "queued"
    told: set[tuple[str, int, int, str | None]] = field(default_factory=set)
    report: Mapping[str, Any] | None = None
    failure: str | None = None


def wait_for_dags(api: AirflowApi, flows: tuple[str, ...], since: str, check: Callable[[], None]) -> None:
    """Waits until Airflow has read the flows' DAGs after ``since`` (ISO 8601): it may still know what an
    earlier demo had. Raises DemoError when a DAG file cannot be read, or no such DAG turns up.
    """
    until = time.monotonic() + 120
    while True:
        check()
        broken = [error for error in api.import_errors() if error["timestamp"] >= since]
        if broken:
            last = broken[0]["stack_trace"].strip().splitlines()[-1]
            raise DemoError(f"The DAG file {broken[0]['filename']} cannot be read: {last}")
        known = {flow: api.dag(flow) for flow in flows}
        missing = [flow for flow, dag in known.items() if not dag or (dag["last_parsed_time"] or "") < since]
        if not missing:
            return
        if time.monotonic() > until:
            raise DemoError(
                f"Airflow did not find the DAGs {', '.join(missing)} in the dags folder. "
                "Its side of the story is in .demo/logs/dag-processor.log"
            )
        time.sleep(0.5)


def start(api: AirflowApi, flows: tuple[str, ...]) -> list[Run]:
    """Ends what an interrupted demo left unfinished, and starts a run of each flow."""
    for flow in flows:
        for run_id in api.unfinished(flow):
            api.fail_run(flow, run_id, "The demo was stopped while this run was going on.")
        api.unpause(flow)
    return [Run(flow, api.trigger(flow, {"full": True})) for flow in flows]


def follow(api: AirflowApi, runs: list[Run], check: Callable[[], None]) -> Iterator[str]:
    """Yields a line for each task that ends or waits, until all runs have ended; fills in their state,
    report and failure.
    """
    last_change = time.monotonic()
    while any(run.state not in {"success", "failed"} for run in runs):
        check()
        time.sleep(0.5)
        for run in runs:
            if run.state in {"success", "failed"}:
                continue
            # First the run, then its tasks: so that the tasks of an ended run are all in their last state.
            state = api.run_state(run.flow, run.run_id)
            for line in _news(api, run):
                last_change = time.monotonic()
                yield line
            run.state = state
        if time.monotonic() - last_change > PATIENCE:
            waiting = ", ".join(run.flow for run in runs if run.state not in {"success", "failed"})
            raise DemoError(
                f"Nothing has moved for {PATIENCE / 60:.0f} minutes in {waiting}. "
                "See .demo/logs/scheduler.log"
            )


def _news(api: AirflowApi, run: Run) -> Iterator[str]:
    for task in api.tasks(run.flow, run.run_id):
        mark = (task.task, task.map_index, task.try_number, task.state)
        if mark in run.told or task.state not in _ENDED | {"up_for_retry"}:
            continue
        run.told.add(mark)
        name = task.task if task.map_index < 0 else f"{task.task} {task.map_index + 1}"
        if task.state == "success":
            result = api.result(run.flow, run.run_id, task)
            if task.task == "report" and isinstance(result, dict):
                run.report = result
            yield _line(run.flow, name, f"{task.seconds or 0:5.1f} s", describe(result))
        elif task.state == "up_for_retry":
            yield _line(run.flow, name, "waits", why(api, run, task))
        elif task.state == "failed":
            run.failure = run.failure or f"{name}: {why(api, run, task)}"
            yield _line(run.flow, name, "FAILED", why(api, run, task))


def _line(flow: str, task: str, what: str, more: str) -> str:
    return f"{flow:<10} {task:<12} {what:>8}  {more}".rstrip()


def describe(result: object) -> str:
    """The counts that a task returned, such as "2,000 rows, 1,950 valid, 50 rejected"."""
    if not isinstance(result, Mapping):
        return ""
    records = result.get("records")
    counts = records if isinstance(records, Mapping) else result
    told = ", ".join(
        f"{value:,} {name.replace('_', ' ')}"
        for name, value in counts.items()
        if isinstance(value, int) and not isinstance(value, bool)
    )
    return f"records: {told}" if counts is records else told


def why(api: AirflowApi, run: Run, task: TaskState) -> str:
    """The sentence that the task's error says, out of its log."""
    return (
        error_sentence(api.log(run.flow, run.run_id, task)) or "It says nothing; see its log in the web UI."
    )


def error_sentence(log: list[Any]) -> str | None:
    """The last error in a task's log: the message of the exception where there is one, else the line
    itself.
    """
    for message in reversed(log):
        if not isinstance(message, Mapping) or message.get("level") not in {"error", "critical"}:
            continue
        details = message.get("error_detail")
        if details:
            kind, value = details[0].get("exc_type"), str(details[0].get("exc_value") or "")
            # Our own errors are sentences; of others the message alone may say little.
            return value if len(value.split()) > 2 else f"{kind}: {value}"
        if message.get("event"):
            return str(message["event"])
    return None
