"""Processes that are killed in the middle of anything, and how a run goes on after them."""

from __future__ import annotations

import random
import time
from functools import partial
from typing import Any

from chaos.children import Child, End, Ended
from chaos.runs import Task, Tasks
from chaos.scheduler import Scheduler

from netsuite_connector.errors import MendError, RemoteFaultError


def fail(error: Exception, _: Any = None) -> None:
    raise error


def end_of(child: Child) -> Ended:
    while (ended := child.ended()) is None:
        Child.wait([child], 1.0)
    return ended


def test_a_child_tells_its_result_and_what_kind_of_failure_it_met() -> None:
    assert end_of(Child(lambda: 7, None)) == Ended(End.DONE, 7)
    assert end_of(Child(partial(fail, RemoteFaultError("gone")), None)) == Ended(End.FAILED, "gone")
    assert end_of(Child(partial(fail, MendError("mend it")), None)) == Ended(End.MEND, "mend it")
    assert end_of(Child(partial(fail, KeyError("x")), None)).how is End.BROKEN


def test_a_child_is_killed_where_it_stands() -> None:
    assert end_of(Child(lambda: time.sleep(60), 0.05)) == Ended(End.KILLED)


def test_a_task_is_tried_again_and_a_run_fails_with_its_last_try_or_at_once_with_what_must_be_mended() -> (
    None
):
    def run(work: Any) -> Tasks:
        return (yield Task("some", work, tries=3))

    scheduler = Scheduler(lambda: None, random.Random(1))  # type: ignore[arg-type, return-value]
    queues = [
        ("good", [run(lambda _: 1), run(lambda _: 2)]),
        ("faulty", [run(partial(fail, RemoteFaultError("gone")))]),
        ("wrong", [run(partial(fail, MendError("mend it")))]),
    ]
    scheduler.run(queues, lambda: None)
    record = scheduler.record
    assert record.results == [("good", 1), ("good", 2)]
    assert record.failed == {"faulty": 1, "wrong": 1}
    assert record.retried == 2
    assert record.mends == {"mend it": 1}


def test_what_is_killed_again_and_again_fails_after_its_last_try() -> None:
    def run() -> Tasks:
        return (yield Task("slow", lambda _: time.sleep(60), tries=2))

    scheduler = Scheduler(lambda: None, random.Random(1))  # type: ignore[arg-type, return-value]
    scheduler.kill_share = 1.0
    scheduler.run([("slow", [run()])], lambda: None)
    assert scheduler.record.kills == {"slow": 2}
    assert scheduler.record.failed == {"slow": 1}
