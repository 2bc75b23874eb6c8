"""Real time in one process: saves in the sandbox NetSuite account, drained into the sandbox Klaviyo account,
with faults on both sides, and with drains that end in the middle of it as if killed.
"""

from __future__ import annotations

import contextlib
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from netsuite_connector.demo import expectation
from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.errors import ConnectorError
from netsuite_connector.flows import highwater
from netsuite_connector.flows.realtime import Drain
from netsuite_connector.flows.rejections import rejected
from netsuite_connector.flows.run import Run
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.limiter import Limiter, ProcessWindows
from netsuite_connector.netsuite import NetSuiteClient, OAuth2ClientCredentials
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.window import Window

pytestmark = pytest.mark.line
FLOWS = ("customers", "orders")


class KilledError(BaseException):
    """The process is gone. Nothing that handles errors handles this."""


class Life:
    """Ends with the request of this number: before it is sent, or when its answer comes."""

    def __init__(self, requests_left: int | None = None, *, after: bool = False) -> None:
        self.left = requests_left
        self.after = after

    def session(self) -> requests.Session:
        session = requests.Session()
        send = session.send

        def mortal(request: requests.PreparedRequest, **more: Any) -> requests.Response:
            if self.left is not None:
                self.left -= 1
                if self.left <= 0 and self.after:
                    send(request, **more)
                if self.left <= 0:
                    raise KilledError
            return send(request, **more)

        session.send = mortal  # type: ignore[method-assign]
        return session


class RealTime:
    """A line whose flows have run once, and the saves that are made since."""

    def __init__(self, line: Any) -> None:
        self.line = line
        self.netsuite: NetSuite = line.netsuite
        self.klaviyo: Klaviyo = line.klaviyo
        for flow in FLOWS:
            line.run(flow)
            highwater.put(self.a_run(flow), datetime.now(UTC), "test")
        self.customers = [each["internalid"] for each in self.netsuite.records("customer")]
        self.orders = [each for each in self.netsuite.records("transaction") if each["type"] == "SalesOrd"]
        self.placed: list[int] = []
        self.number = itertools.count(1)

    def a_run(self, flow: str) -> Run:
        return Run(self.line.store, DOMAINS[flow], Window(), self.line.staging)

    def drain(self, life: Life | None = None) -> Drain:
        """A drain as a process of its own would have it."""
        session = (life or Life()).session()
        mine = self.netsuite.credentials
        auth = OAuth2ClientCredentials(
            session=session,
            token_url=self.netsuite.token_url,
            client_id=mine.client_id,
            certificate_id=mine.certificate_id,
            private_key=mine.private_key,
        )
        netsuite = NetSuiteClient(session, self.netsuite.restlet_url, auth, sleep=lambda _: None)
        klaviyo = KlaviyoClient(
            session,
            base_url=self.klaviyo.url,
            api_key=self.klaviyo.key,
            limiter=Limiter(ProcessWindows(), account="line", scale=1000),
            backoff=0.01,
        )
        return Drain([self.line.store], netsuite, lambda _: klaviyo, self.line.staging)

    def waiting(self) -> int:
        """How many entries the outbox holds."""
        outbox = self.line.netsuite_client().outbox()
        return len(outbox.entries) + outbox.left

    def folders(self) -> list[str]:
        """What runs in real time have left in staging."""
        store, staging = self.line.store.store, self.line.staging
        names = (name for flow in FLOWS for name in staging.list((store, flow, "runs")))
        return [name for name in names if "realtime" in name]

    def edit(self, which: int) -> None:
        id_ = self.customers[which % len(self.customers)]
        self.netsuite.update("customer", id_, lastname=f"Edited{next(self.number)}")

    def create(self, which: int) -> None:
        number = next(self.number)
        email = f"new.{number}@inbox.example" if which % 5 else "nobody at all"
        person = {"isperson": True, "stage": "CUSTOMER", "subsidiary": "1", "isinactive": False}
        made = self.netsuite.create(
            "customer", firstname="New", lastname=f"New{number}", email=email, **person
        )
        self.customers.append(made["internalid"])

    def delete(self, which: int) -> None:
        # Orders of a customer that is gone have no address any more, and are rejected.
        buyers = {int(each["entity"]) for each in self.orders}
        gone = [id_ for id_ in self.customers if id_ not in buyers]
        if gone:
            self.customers.remove(gone[which % len(gone)])
            self.netsuite.delete("customer", gone[which % len(gone)])

    def order(self, which: int) -> None:
        old = self.orders[which % len(self.orders)]
        own = {"internalid", "tranid", "lastmodifieddate", "lineuniquekey", "lines", "status", "datecreated"}
        lines = [{k: v for k, v in line.items() if k != "lineuniquekey"} for line in old["lines"]]
        made = self.netsuite.create(
            "transaction",
            **{name: value for name, value in old.items() if name not in own},
            tranid=f"SO-{next(self.number)}",
            datecreated=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            status="SalesOrd:B",
            lines=lines,
        )
        self.placed.append(made["internalid"])

    def cancel(self, which: int) -> None:
        if self.placed:
            id_ = self.placed[which % len(self.placed)]
            self.netsuite.update("transaction", id_, status="SalesOrd:C")

    def check(self) -> None:
        """Klaviyo shows the customers as NetSuite has them, and each order's event once."""
        wanted = expectation.profiles(self.netsuite.records("customer"), self.netsuite.records("contact"))
        shown = {each["email"]: each for each in self.klaviyo.rows("profiles") if each["email"]}
        names = {email: each["last_name"] for email, each in wanted.items() if each.get("last_name")}
        assert {email: shown[email]["last_name"] for email in names} == names
        events = self.klaviyo.rows("events")
        ids = Counter((each["metric"], each["unique_id"]) for each in events)
        assert max(ids.values()) == 1
        placed = {uid for metric, uid in ids if metric == "Placed Order"}
        assert {f"netsuite-{id_}" for id_ in self.placed} <= placed
        live = [each for each in events if each["unique_id"] in {f"netsuite-{id_}" for id_ in self.placed}]
        assert not any(each["backfill"] for each in live)
        cancelled = {
            each["internalid"]
            for each in self.netsuite.records("transaction")
            if each["internalid"] in self.placed and each["status"] == "SalesOrd:C"
        }
        told = {uid for metric, uid in ids if metric == "Cancelled Order"}
        assert {f"netsuite-{id_}" for id_ in cancelled} <= told


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
    failed = real_time.folders()
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
    # Runs that went well leave nothing in staging.
    assert real_time.folders() == failed


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
