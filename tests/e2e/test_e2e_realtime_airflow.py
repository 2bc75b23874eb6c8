"""Real time with Airflow's real scheduler and triggerer, and with both killed."""

from __future__ import annotations

import time

import pytest
from bench.realtime import measure, wait_for_watcher
from bench.stack import QUICK_RECOVERY, Stack, running_stack

pytestmark = pytest.mark.scheduler


def test_saves_arrive_within_seconds() -> None:
    result = measure(10.0, 20.0, customers=60, orders=80)
    assert (result.lost, result.twice) == (0, 0)
    assert sum(result.kinds.values()) == 200
    assert len(result.seconds) == 200
    # Far more than it takes on an idle machine: half of it is Airflow's and Great Expectations' start.
    assert result.share(1.0) < 120


def test_triggerer_and_scheduler_may_be_killed() -> None:
    def kill(stack: Stack) -> None:
        for name, pause in (("triggerer", 4), ("scheduler", 25)):
            time.sleep(pause)
            stack.kill(name)
            stack.airflow(name)

    result = measure(40.0, 5.0, customers=60, orders=80, disturb=kill, more=QUICK_RECOVERY)
    assert (result.lost, result.twice) == (0, 0)
    assert len(result.seconds) == 200


def test_somebody_else_may_wake_the_drain_between_two_looks_of_the_watcher() -> None:
    with running_stack("customers", "realtime", sizes=(20, 5), interval=3600) as stack:
        stack.run_flows("customers")
        stack.api.unpause("realtime")
        wait_for_watcher(stack)
        customer = next(each for each in stack.netsuite.records("customer") if each["email"])
        stack.netsuite.update("customer", customer["internalid"], comments="Saved just now.")
        found = stack.api._call("GET", "/api/v2/assets?name_pattern=netsuite-outbox-netsuite_demo")
        wake_up = {"asset_id": found["assets"][0]["id"], "extra": {}}
        stack.api._call("POST", "/api/v2/assets/events", wake_up)
        stack.wait(lambda: stack.netsuite.state()["records"].get("customrecord_nsk_outbox", 0) == 0, 240)
