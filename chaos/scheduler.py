"""Runs several runs' tasks at once, each in a process of its own, kills some, and tries again what may be."""

from __future__ import annotations

import logging
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from chaos.children import Child, End
from chaos.line import Line
from chaos.runs import Task, Tasks

log = logging.getLogger(__name__)

_AT_ONCE = 3  # processes
_LOOK = 0.02  # seconds between two looks at them
_GUESS = 0.4  # seconds that a task takes of which nothing is known yet


@dataclass(slots=True)
class Record:
    """What happened: kills by task, runs that ended and failed by name, what failed and why; ``results`` are
    those of the runs, by name.
    """

    kills: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    retried: int = 0
    surprises: list[str] = field(default_factory=list)
    mends: Counter[str] = field(default_factory=Counter)
    results: list[tuple[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class _Going:
    """A run that goes on: its current task, and which try of it."""

    name: str
    tasks: Tasks
    task: Task
    tries: int = 0
    child: Child | None = None


class Scheduler:
    """``line`` gives the line as a new process finds it; ``kill_share``: of the processes that are killed."""

    def __init__(self, line: Callable[[], Line], luck: random.Random) -> None:
        self._line = line
        self._luck = luck
        self._usual: dict[str, float] = {}
        self.kill_share = 0.0
        self.record = Record()

    def run(self, queues: Iterable[tuple[str, Iterable[Tasks]]], meanwhile: Callable[[], None]) -> None:
        """Run each queue's runs one after the other, and all queues at once, until all are done.
        ``meanwhile`` is called again and again.
        """
        waiting = [(name, deque(runs)) for name, runs in queues]
        going: dict[str, _Going] = {}
        try:
            while waiting or going:
                for name, runs in list(waiting):
                    if name in going:
                        continue
                    if runs:
                        tasks = runs.popleft()
                        going[name] = _Going(name, tasks, next(tasks))
                    else:
                        waiting.remove((name, runs))
                self._start(list(going.values()))
                Child.wait([each.child for each in going.values() if each.child], _LOOK)
                meanwhile()
                for each in list(going.values()):
                    if each.child is not None and not self._look(each):
                        del going[each.name]
        finally:
            for each in going.values():
                if each.child is not None:
                    each.child.kill()

    def _start(self, going: list[_Going]) -> None:
        room = _AT_ONCE - sum(each.child is not None for each in going)
        idle = [each for each in going if each.child is None]
        self._luck.shuffle(idle)
        for each in idle[: max(0, room)]:
            each.tries += 1
            kill_after = None
            if self._luck.random() < self.kill_share:
                # Anywhere in the time that it usually takes; whoever is quicker lives.
                kill_after = self._luck.uniform(0, 1.2) * self._usual.get(each.task.name, _GUESS)
            each.child = Child(partial(each.task.work, self._line()), kill_after)

    def _look(self, each: _Going) -> bool:
        """Whether the run goes on."""
        assert each.child is not None  # noqa: S101 - asked before
        ended = each.child.ended()
        if ended is None:
            return True
        seconds, each.child = each.child.seconds, None
        task, record = each.task, self.record
        log.info("%s try %d: %s %s", task.name, each.tries, ended.how, ended.value)
        if ended.how is End.DONE:
            self._usual[task.name] = (self._usual.get(task.name, seconds) + seconds) / 2
            try:
                each.task, each.tries = each.tasks.send(ended.value), 0
            except StopIteration as stop:
                record.ended[each.name] += 1
                record.results.append((each.name, stop.value))
                return False
            return True
        if ended.how is End.KILLED:
            record.kills[task.name] += 1
        elif ended.how is End.MEND:
            record.mends[str(ended.value)] += 1
        elif ended.how is End.BROKEN:
            record.surprises.append(f"{task.name}: {ended.value}")
        hopeless = ended.how is End.MEND or (task.fails_at_once and ended.how is not End.KILLED)
        if hopeless or each.tries >= task.tries:
            record.failed[each.name] += 1
            each.tasks.close()
            return False
        record.retried += 1
        # The usual pauses are for a person's patience, and nothing that matters here changes meanwhile.
        time.sleep(0.01)
        return True
