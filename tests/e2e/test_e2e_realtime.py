"""Real time in one process: saves in the sandbox NetSuite account, drained into the sandbox Klaviyo account,
with faults on both sides, and with drains that end in the middle of it as if killed.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from realtime_line import FLOWS, KilledError, Life, RealTime

from netsuite_connector.errors import ConnectorError
from netsuite_connector.flows import highwater
from netsuite_connector.flows.rejections import rejected
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite

pytestmark = pytest.mark.line


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[NetSuite, Klaviyo]]:
    with running_netsuite(customers=30, items=20, orders=40) as netsuite, running_klaviyo() as klaviyo:
        yield netsuite, klaviyo


@pytest.fixture
def real_time(accounts: tuple[NetSuite, Klaviyo], new_line: Callable[..., Any]) -> RealTime:
    return RealTime(new_line(*accounts))


def test_what_is_saved_is_delivered_and_only_then_leaves_the_outbox(real_time: RealTime) -> None:
    marks = [highwater.read(real_time.a_run(flow)) for flow in FLOWS]
    for which in range(4):
        real_time.edit(which)
        real_time.order(which)
    real_time.create(1)
    real_time.create(0)  # without an address
    real_time.cancel(0)
    real_time.delete(3)
    # Klaviyo is down: nothing leaves.
    real_time.klaviyo.fault("error_500", times=1000)
    before = real_time.waiting()
    with pytest.raises(ConnectorError):
        real_time.drain().run(seconds=5, linger=0)
    assert real_time.waiting() == before
    real_time.klaviyo.clear_faults()
    # A try that failed leaves nothing in staging either: the next one begins anew.
    assert real_time.folders() == []
    drained = real_time.drain().run(seconds=60, linger=0)
    assert drained.entries == before
    assert real_time.waiting() == 0
    assert drained.rows["rejected"] >= 1
    assert len(drained.ages) == before
    real_time.check()
    # What can't be delivered is on the list of rejected rows, and the record's next save takes it off.
    nobody = real_time.customers[-1]
    assert [row.id for row in rejected(real_time.a_run("customers")) if row.id == nobody] == [nobody]
    real_time.netsuite.update("customer", nobody, email="somebody.now@inbox.example")
    real_time.drain().run(seconds=60, linger=0)
    assert [row for row in rejected(real_time.a_run("customers")) if row.id == nobody] == []
    real_time.check()
    assert [highwater.read(real_time.a_run(flow)) for flow in FLOWS] == marks
    assert real_time.folders() == []


def test_a_flow_that_fails_holds_back_no_other(real_time: RealTime) -> None:
    real_time.edit(0)
    real_time.order(0)
    search = "customsearch_nsk_customers"
    column = next(each for each in real_time.netsuite.search(search)["columns"] if each["name"] == "email")
    real_time.netsuite.remove_column(search, "email")
    with pytest.raises(ConnectorError, match="email"):
        real_time.drain().run(seconds=30, linger=0)
    entries = real_time.line.netsuite_client().outbox().entries
    assert {each.type for each in entries} <= {"customer", "lead", "prospect"}
    assert entries
    columns = real_time.netsuite.search(search)["columns"]
    real_time.netsuite.replace_search(search, columns=[*columns, column])
    real_time.drain().run(seconds=30, linger=0)
    assert real_time.waiting() == 0
    real_time.check()


def test_entries_that_concern_no_flow_leave(real_time: RealTime) -> None:
    item = next(each for each in real_time.netsuite.records("item") if each["type"] == "InvtPart")
    real_time.netsuite.update("item", item["internalid"], salesdescription="Other words.")
    assert real_time.waiting() == 1
    calls = real_time.klaviyo.state()["requests"]
    assert real_time.drain().once().entries == 1
    assert real_time.waiting() == 0
    assert real_time.klaviyo.state()["requests"] == calls


def test_a_flow_that_has_not_run_yet_leaves_the_first_run_to_its_schedule(
    real_time: RealTime, new_line: Callable[..., Any], accounts: tuple[NetSuite, Klaviyo]
) -> None:
    real_time.order(0)
    fresh = new_line(*accounts)
    fresh.staging = type(fresh.staging)("memory://never-run")
    real_time.line = fresh
    assert real_time.drain().once().rows == {}
    assert real_time.waiting() == 0


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(("edit", "edit", "create", "order", "order", "cancel", "delete", "drain", "kill")),
        st.integers(1, 60),
    ),
    min_size=5,
    max_size=25,
)


def test_whatever_breaks_down_nothing_is_lost_and_nothing_comes_twice(real_time: RealTime) -> None:
    @settings(
        max_examples=8,
        # What fails is long enough as it is: looking for something shorter would take many minutes.
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(steps=_STEPS, seed=st.integers(0, 1000))
    def saves_and_kills(steps: list[tuple[str, int]], seed: int) -> None:
        faults = random.Random(seed)
        real_time.netsuite.random_faults(
            "error_503", "reset", "truncated", "empty_search", probability=0.05, seed=seed
        )
        try:
            for step, number in steps:
                if step == "drain":
                    real_time.klaviyo.fault(
                        faults.choice(("error_503", "reset", "reset_after_commit", "throttle")),
                        skip=number % 5,
                        retry_after=0,
                    )
                    try_to_drain(real_time, Life())
                elif step == "kill":
                    try_to_drain(real_time, Life(number, after=bool(number % 2)))
                else:
                    getattr(real_time, step)(number)
        finally:
            real_time.netsuite.clear_faults()
            real_time.klaviyo.clear_faults()
        real_time.drain().run(seconds=60, linger=0)
        assert real_time.waiting() == 0
        real_time.check()

    saves_and_kills()


def try_to_drain(real_time: RealTime, life: Life) -> None:
    with contextlib.suppress(KilledError, ConnectorError):
        real_time.drain(life).run(seconds=10, linger=0)
