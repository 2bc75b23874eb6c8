"""Runs as Airflow has them: which tasks follow each other, and what each hands on."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from chaos import line
from chaos.line import Counts, Line
from netsuite_connector.flows.plan import Asked

TRIES = 6
"""Of a task: the DAGs' five retries."""

DRAIN_TRIES = 4

CONSENT_STAGES = ("extract", "validate", "guard", "import", "suppress", "confirm")
STAGES = ("extract", "validate", "shape", "push", "confirm")


@dataclass(frozen=True, slots=True)
class Task:
    """One task. ``tries`` at most; ``fails_at_once``: only a killed process is started again."""

    name: str
    work: Callable[[Line], Any]
    tries: int = TRIES
    fails_at_once: bool = False


Tasks = Generator[Task, Any, Any]
"""Gives tasks, gets each one's result, and returns the run's."""


def scheduled(flow: str) -> Tasks:
    """A run of a flow's DAG."""
    planned = yield Task(f"{flow} plan", partial(line.plan, flow=flow, asked=Asked()))
    counts: list[Counts] = []
    for name in CONSENT_STAGES if flow == "consents" else STAGES:
        work = partial(line.stage, flow=flow, name=name, planned=planned)
        counts.append((yield Task(f"{flow} {name}", work)))
    tell = partial(line.tell, flow=flow, planned=planned, counts=counts)
    return (yield Task(f"{flow} report", tell, tries=1))


def backfill(form: Mapping[str, Any], name: str) -> Tasks:
    """A run of the DAG ``history_backfill``."""
    pieces = yield Task("history plan", partial(line.plan_history, form=form, name=name))
    ahead = yield Task("history read_ahead", partial(line.history_ahead, name=name))
    for piece in ahead:
        yield Task("history read", partial(line.read_window, name=name, piece=piece))
    delivered = []
    for piece in pieces:
        work = partial(line.deliver_window, name=name, piece=piece)
        delivered.append((yield Task("history deliver", work)))
    return (yield Task("history total", partial(line.total, name=name, delivered=delivered), tries=1))


def realtime(seconds: float, linger: float) -> Tasks:
    """A run of the DAG ``realtime``. What fails is not tried again, but when somebody wakes the next one."""
    work = partial(line.drain, seconds=seconds, linger=linger)
    return (yield Task("realtime drain", work, tries=DRAIN_TRIES, fails_at_once=True))
