"""The DAG of real time, and the watcher that wakes it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_process import DEMO, Parsed, netsuite_connection, parse
from netsuite_connector.airflow.outbox import DRAIN, WOKEN, OutboxTrigger, due, pause_after
from netsuite_connector.airflow.realtime import _Life
from netsuite_connector.flows.realtime import Drain, LeftBehind
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite


def store(folder: Path, name: str, connection: str, more: str) -> None:
    demo = DEMO.read_text()
    text = demo.replace("store: demo", f"store: {name}").replace("netsuite_demo", connection)
    (folder / f"{name}.yaml").write_text(f"{text}{more}\n")


def test_without_real_time_there_is_no_dag(parsed: Parsed) -> None:
    assert (parsed.errors, parsed.made_by("realtime")) == ({}, {})


def test_stores_of_a_connection_share_a_dag(tmp_path: Path) -> None:
    store(tmp_path, "one", "netsuite_demo", "realtime: {enabled: true, interval_seconds: 20}")
    store(tmp_path, "two", "netsuite_demo", "realtime: {enabled: true, interval_seconds: 5}")
    store(tmp_path, "three", "netsuite_demo", "")
    parsed = parse(tmp_path / "home", "realtime", NETSUITE_CONNECTOR_STORES=str(tmp_path))
    assert (parsed.errors, parsed.heavy, list(parsed.dags)) == ({}, [], ["realtime"])
    dag = parsed.dags["realtime"]
    assert dag["tags"] == ["klaviyo", "netsuite", "realtime", "store:one", "store:two"]
    assert dag["runs"] == 1
    assert dag["assets"] == ["netsuite-outbox-netsuite_demo"]
    ((kind, (path, settings)),) = dag["watchers"]
    assert kind == "OutboxTrigger"
    assert path == "netsuite_connector.airflow.outbox.OutboxTrigger"
    assert settings == {"connection": "netsuite_demo", "interval": 5.0}
    # A drain runs for minutes, so it must not hold a slot that the scheduled flows wait for.
    assert list(dag["tasks"]) == ["drain"]
    assert (dag["tasks"]["drain"]["pool"], dag["tasks"]["drain"]["result"]) == ("default_pool", True)


def test_each_connection_has_its_own_dag(tmp_path: Path) -> None:
    store(tmp_path, "one", "netsuite_a", "realtime: {enabled: true}")
    store(tmp_path, "two", "netsuite_b", "realtime: {enabled: true}")
    parsed = parse(tmp_path / "home", "realtime", NETSUITE_CONNECTOR_STORES=str(tmp_path))
    assert set(parsed.dags) == {"realtime__netsuite_a", "realtime__netsuite_b"}


NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("woken", "drain", "wakes"),
    [
        ({}, {}, True),
        ({"at": NOW - 5}, {}, False),  # it may still begin
        ({"at": NOW - 500}, {}, True),  # it never began
        ({"at": NOW - 500}, {"at": NOW - 3, "until": NOW + 80}, False),  # it is at work
        ({"at": NOW - 500}, {"at": NOW - 100, "until": NOW - 10}, True),  # it was killed at work
        ({"at": NOW - 500}, {"at": NOW - 3, "until": 0.0, "failures": 0}, True),  # it has ended
        ({"at": NOW - 500}, {"at": NOW - 3, "until": 0.0, "failures": 1}, False),  # it has failed
        ({"at": NOW - 500}, {"at": NOW - 20, "until": 0.0, "failures": 1}, True),
        ({"at": NOW - 500}, {"at": NOW - 20, "until": 0.0, "failures": 5}, False),
    ],
)
def test_when_the_drain_is_woken(woken: dict[str, Any], drain: dict[str, Any], *, wakes: bool) -> None:
    assert due(woken, drain, NOW) is wakes


@pytest.mark.parametrize(
    ("drain", "for_all", "for_news"),
    [
        # A flow is in trouble, others are not.
        ({"at": NOW - 3, "failures": 0, "held": 4}, False, True),
        ({"at": NOW - 16, "failures": 0, "held": 4}, True, True),
        # It is in trouble for long, and nothing else has come.
        ({"at": NOW - 70, "failures": 8, "held": 4}, False, True),
        # What came did not leave either: no run follows the other at once.
        ({"at": NOW - 40, "failures": 8, "held": 4}, False, False),
        ({"at": NOW - 910, "failures": 8, "held": 4}, True, True),
        # It broke off, and nobody knows what it left.
        ({"at": NOW - 70, "failures": 8}, False, False),
        ({"at": NOW - 3, "until": NOW + 80, "failures": 0, "held": 4}, False, False),
    ],
)
def test_when_the_drain_is_woken_for_what_came_since(
    drain: dict[str, Any], *, for_all: bool, for_news: bool
) -> None:
    woken = {"at": NOW - 1000}
    assert (due(woken, drain, NOW), due(woken, drain, NOW, news=True)) == (for_all, for_news)
    # Once it is woken it may begin, whatever comes.
    assert not due({"at": NOW - 1}, drain, NOW, news=True)


def test_pauses_grow_and_have_an_end() -> None:
    assert [pause_after(failures) for failures in (0, 1, 2, 3)] == [0.0, 15.0, 30.0, 60.0]
    assert pause_after(1000) == 900.0


class State(dict[str, Any]):
    """The asset's state, as Airflow gives it to a trigger."""

    async def aget(self, key: str) -> Any:
        return self.get(key)

    async def aset(self, key: str, value: Any) -> None:
        self[key] = value


@pytest.fixture(scope="module")
def account() -> Iterator[NetSuite]:
    with running_netsuite(customers=3) as netsuite:
        yield netsuite


@pytest.fixture
def connection(account: NetSuite, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AIRFLOW_CONN_WATCHED", netsuite_connection(account))
    return "watched"


async def events(trigger: OutboxTrigger, seconds: float) -> list[Any]:
    """What the trigger fires within so many seconds."""
    fired: list[Any] = []

    async def collect() -> None:
        async for event in trigger.run():
            fired.append(event.payload)  # noqa: PERF401 - it ends by time

    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(collect(), seconds)
    return fired


@pytest.mark.line
def test_the_watcher_fires_once_for_what_waits_and_outlives_faults(
    account: NetSuite, connection: str
) -> None:
    trigger = OutboxTrigger(connection, 0.2)
    trigger.asset_state_store = State()
    assert asyncio.run(events(trigger, 1.5)) == []
    customer = next(account.records("customer"))
    account.update("customer", customer["internalid"], lastname="Awake")
    assert asyncio.run(events(trigger, 2.5)) == [{"connection": connection, "entries": 1}]
    # Another process that goes on from the same state knows that the drain was woken.
    again = OutboxTrigger(connection, 0.2)
    again.asset_state_store = trigger.asset_state_store
    assert asyncio.run(events(again, 1.5)) == []
    # The drain came and left something behind.
    at = again.asset_state_store[WOKEN]["at"] + 0.1
    again.asset_state_store[DRAIN] = {"at": at, "until": 0.0, "failures": 0}
    assert len(asyncio.run(events(again, 1.5))) == 1


@pytest.mark.line
def test_what_only_a_flow_in_trouble_waits_for_wakes_nobody_before_its_time(
    account: NetSuite, connection: str
) -> None:
    account.clear("customrecord_nsk_outbox")
    customer = next(account.records("customer"))
    account.update("customer", customer["internalid"], lastname="Held")
    now = time.time()
    state = State()
    state[WOKEN] = {"at": now - 200}
    types = ["contact", "customer", "lead", "prospect"]
    # It has failed since yesterday, and ended two minutes ago.
    state[DRAIN] = {"at": now - 120, "until": 0.0, "failures": 20, "held": 1, "types": types, "last": 10**6}

    def watched() -> list[Any]:
        trigger = OutboxTrigger(connection, 0.2)
        trigger.asset_state_store = state
        return asyncio.run(events(trigger, 1.5))

    assert watched() == []
    state[DRAIN]["last"] = 0
    account.update("customer", customer["internalid"], lastname="HeldToo")
    assert watched() == []  # two wait, and both for the flow in trouble
    state[DRAIN]["last"] = 10**6
    assert len(watched()) == 1  # one more waits, and lies before what the drain has seen
    state[WOKEN] = {"at": now - 200}
    state[DRAIN]["last"] = 0
    item = account.create("item", type="InvtPart", itemid="News", isinactive=False)
    assert item["internalid"]
    assert [each["entries"] for each in watched()] == [3]  # another flow may want it
    account.clear("customrecord_nsk_outbox")


class Kept:
    """The asset's state, as Airflow gives it to a task."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        return self.known.get(key)

    def set(self, key: str, value: Any) -> None:
        self.known[key] = value


def test_a_drain_that_let_entries_go_has_not_failed_and_tells_what_it_left() -> None:
    kept = Kept()
    life = _Life(kept)

    def ends(entries: int, left: LeftBehind | None) -> dict[str, Any]:
        drain = Drain([], None, None, None)  # type: ignore[arg-type]
        drain.total.entries, drain.left_behind = entries, left
        life.end(drain)
        return {name: value for name, value in kept.known[DRAIN].items() if name not in {"at", "until"}}

    customers = LeftBehind(7, ("customer", "lead"), 90)
    told = {"held": 7, "types": ["customer", "lead"], "last": 90}
    assert ends(3, customers) == {"failures": 0, **told}
    assert ends(0, customers) == {"failures": 1, **told}
    assert ends(0, customers) == {"failures": 2, **told}
    assert ends(0, None) == {"failures": 3}  # it broke off
    life.end(None)  # it did not even begin
    assert kept.known[DRAIN]["failures"] == 4
    assert ends(0, LeftBehind(0, (), 90)) == {"failures": 0, "held": 0, "types": [], "last": 90}


@pytest.mark.line
def test_a_watcher_that_cannot_look_looks_again(
    account: NetSuite, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netsuite_connector.airflow.outbox._FIRST_PAUSE", 0.1)
    customer = next(account.records("customer"))
    account.update("customer", customer["internalid"], lastname="Again")
    trigger = OutboxTrigger("no_such_connection", 0.1)
    trigger.asset_state_store = State()

    async def mended() -> list[Any]:
        looking = asyncio.create_task(events(trigger, 4.0))
        await asyncio.sleep(1.0)
        trigger.connection = connection
        return await looking

    assert len(asyncio.run(mended())) == 1
