"""Rejected rows are work: they stand on a list until they are mended, and a replay delivers them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.errors import MendError
from netsuite_connector.flows import gates, highwater
from netsuite_connector.flows.confirm import confirm
from netsuite_connector.flows.domain import domain_with
from netsuite_connector.flows.extract import extract
from netsuite_connector.flows.plan import Asked, Plan, finish
from netsuite_connector.flows.push import push
from netsuite_connector.flows.rejections import Rejected, Wanted, record, rejected
from netsuite_connector.flows.replay import replay
from netsuite_connector.flows.report import report
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.shape import shape
from netsuite_connector.flows.validate import validate
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.model import CatalogSettings, FeedSettings
from netsuite_connector.window import Window

pytestmark = pytest.mark.line
NewLine = Callable[[NetSuite, Klaviyo], Any]
# A run that reads everything ends after whatever was read before it, by the clock.
BEGINNING = datetime(2096, 3, 2, 8, 0, tzinfo=UTC)
TYPES = ("customer", "contact", "transaction", "item", "deletedrecord", "customrecord_nsk_config")
ITEM = {
    "type": "InvtPart",
    "baseprice": 10,
    "salesdescription": "Good",
    "imageurl": "https://cdn.example/1.jpg",
    "parent": None,
    "matrix": False,
    "matrixchild": False,
    "isonline": True,
    "isinactive": False,
    "quantityavailable": 5.0,
}


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[NetSuite, Klaviyo]]:
    with running_netsuite() as netsuite, running_klaviyo() as klaviyo:
        yield netsuite, klaviyo


@pytest.fixture
def line(accounts: tuple[NetSuite, Klaviyo], new_line: NewLine) -> Any:
    netsuite, klaviyo = accounts
    clear(netsuite, klaviyo)
    return new_line(netsuite, klaviyo)


def clear(netsuite: NetSuite, klaviyo: Klaviyo) -> None:
    for record_type in TYPES:
        netsuite.clear(record_type)
    klaviyo.clear_faults()
    klaviyo.reset()


def flow_run(line: Any, flow: str = "customers", start: str | None = None, end: str | None = None) -> Run:
    return Run(line.store, DOMAINS[flow], Window.parse(start, end), line.staging)


def whole_or_window(line: Any, run: Run, *, ignore_gates: bool = False) -> dict[str, Any]:
    """All stages as Airflow's tasks run them, gates and end included."""
    asked = Asked(ignore_gates=ignore_gates)
    window = run.window
    settings = run.store.model_dump(mode="json", exclude_unset=True)
    made = Plan(
        asked=asked,
        start=window.start_text,
        end=window.end_text,
        settings=settings,
        origins={},
        mark=highwater.read(run),
        switched_off=False,
    )
    extracted = extract(run, line.netsuite_client())
    validated = validate(run)
    gates.check(run, like_others=asked.moves_mark, ignored=ignore_gates)
    shaped = shape(run)
    client = line.klaviyo_client()
    pushed = push(run, client)
    confirmed = confirm(run, client)
    return finish(run, made, report(run, extracted, validated, shaped, pushed, confirmed))


def replayed(line: Any, wanted: Wanted, name: str, flow: str = "customers") -> dict[str, Any] | None:
    return replay(flow_run(line, flow), line.netsuite_client(), line.klaviyo_client(), wanted, name)


def customer(line: Any, email: str | None, **values: Any) -> int:
    made = line.netsuite.create("customer", stage="CUSTOMER", entityid="C", email=email, **values)
    return int(made["internalid"])


def three_items_and_a_bad_one(line: Any) -> int:
    for number in range(3):
        line.netsuite.create("item", itemid=f"G{number}", urlcomponent=f"g{number}", **ITEM)
    return int(line.netsuite.create("item", itemid="BAD", urlcomponent="", **ITEM)["internalid"])


def listed(line: Any, flow: str = "customers") -> list[Rejected]:
    return list(rejected(flow_run(line, flow)))


def profiles(line: Any) -> set[str]:
    return {str(each["email"]) for each in line.klaviyo.rows("profiles")}


def test_a_record_that_is_mended_is_delivered_by_a_replay_and_leaves_the_list(line: Any) -> None:
    good = customer(line, "ann@shop.example")
    bad, worse = customer(line, None), customer(line, "no address")
    whole_or_window(line, flow_run(line, end="2030-01-01T00:00:00Z"))
    before = highwater.read(flow_run(line))
    assert [(row.id, row.tries, row.stage) for row in listed(line)] == [
        (bad, 1, "validate"),
        (worse, 1, "validate"),
    ]
    assert all(row.reasons for row in listed(line))

    line.netsuite.update("customer", bad, email="ben@shop.example")
    numbers = replayed(line, Wanted(), "first")
    assert numbers is not None
    assert numbers["rows"] == {"extracted": 2, "delivered": 1, "unchanged": 0, "rejected": 1}
    assert numbers["rejected_list"] == {"came": 0, "stayed": 1, "left": 1}
    assert profiles(line) == {"ann@shop.example", "ben@shop.example"}
    (left,) = listed(line)
    assert (left.id, left.tries) == (worse, 2)
    assert left.first_seen <= left.last_seen
    assert highwater.read(flow_run(line)) == before, "a replay never moves the mark"
    assert good not in {row.id for row in listed(line)}


def test_a_replay_reads_only_what_is_wanted(line: Any) -> None:
    first, second = customer(line, None), customer(line, "no address")
    whole_or_window(line, flow_run(line, end="2030-01-01T00:00:00Z"))
    for each in (first, second):
        line.netsuite.update("customer", each, email=f"c{each}@shop.example")
    numbers = replayed(line, Wanted(ids=(second,)), "by id")
    assert numbers is not None
    assert numbers["rows"]["extracted"] == 1
    assert [row.id for row in listed(line)] == [first]
    reason = listed(line)[0].reasons[0]
    assert replayed(line, Wanted(reason="no such reason"), "none") is None
    assert replayed(line, Wanted(reason=reason.upper()), "by reason") is not None
    assert listed(line) == []


def test_what_netsuite_no_longer_gives_leaves_the_list(line: Any) -> None:
    gone = customer(line, None)
    whole_or_window(line, flow_run(line, end="2030-01-01T00:00:00Z"))
    line.netsuite.delete("customer", gone)
    numbers = replayed(line, Wanted(), "gone")
    assert numbers is not None
    assert numbers["rows"]["extracted"] == 0
    assert listed(line) == []


def test_what_klaviyo_refuses_comes_on_the_list_and_is_tried_again(line: Any) -> None:
    refused = customer(line, "ann@shop.example", firstname="x" * 300)
    customer(line, "ben@shop.example")
    whole_or_window(line, flow_run(line, end="2030-01-01T00:00:00Z"))
    (row,) = listed(line)
    assert (row.id, row.stage) == (refused, "confirm")
    assert row.reasons[0].startswith("Klaviyo on first_name")
    line.netsuite.update("customer", refused, firstname="Ann")
    replayed(line, Wanted(), "again")
    assert listed(line) == []
    assert profiles(line) == {"ann@shop.example", "ben@shop.example"}


def test_a_replay_leaves_the_rest_of_the_catalog_alone(line: Any) -> None:
    """A replay sees few items, which does not mean that the others are gone."""
    bad = three_items_and_a_bad_one(line)
    whole_or_window(line, flow_run(line, "catalog", end="2030-01-01T00:00:00Z"))
    assert len(line.klaviyo.rows("items")) == 3
    assert bad in {row.id for row in listed(line, "catalog")}
    line.netsuite.update("item", bad, urlcomponent="mended")
    replayed(line, Wanted(), "item", "catalog")
    assert [each["published"] for each in line.klaviyo.rows("items")] == [True] * 4
    assert listed(line, "catalog") == []


def test_a_replay_never_writes_a_feed_of_some_items_only(line: Any, tmp_path: Path) -> None:
    """What is not in a feed is deleted from Klaviyo's catalog."""
    folder = tmp_path / "feed"
    feed = FeedSettings(files=str(folder), url="http://127.0.0.1:9/shop")
    flows = {name: flow for name, flow in line.store.flows.items() if name != "stock"}
    catalog = CatalogSettings(feed=feed)
    line.store = line.store.model_copy(update={"flows": flows, "catalog": catalog})
    bad = three_items_and_a_bad_one(line)
    whole = flow_run(line, "catalog", end="2030-01-01T00:00:00Z")
    whole = replace(whole, domain=domain_with(line.store, whole.domain))
    extract(whole, line.netsuite_client())
    validate(whole)
    shape(whole)
    push(whole, None)
    record(whole)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    line.netsuite.update("item", bad, urlcomponent="mended")
    with pytest.raises(MendError, match=r"is a feed, .* trigger the flow 'catalog' itself"):
        replayed(line, Wanted(), "item", "catalog")
    numbers = replay(flow_run(line, "catalog"), line.netsuite_client(), None, Wanted(), "tried")
    assert numbers is not None
    assert numbers["rows"] == {"extracted": 1, "delivered": 1, "unchanged": 0, "rejected": 0}
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert [row.id for row in listed(line, "catalog")] == [bad]


@pytest.mark.parametrize("where", ["its configuration record in NetSuite", "the store's YAML file"])
def test_a_flow_that_is_switched_off_is_not_replayed(line: Any, where: str) -> None:
    bad = customer(line, None)
    whole_or_window(line, flow_run(line, end="2030-01-01T00:00:00Z"))
    line.netsuite.update("customer", bad, email="ann@shop.example")
    if "NetSuite" in where:
        off = {"custrecord_nsk_cfg_store": "demo", "custrecord_nsk_cfg_customers": False}
        line.netsuite.create("customrecord_nsk_config", name="Demo", **off)
    else:
        off_now = line.store.flows["customers"].model_copy(update={"enabled": False})
        flows = {**line.store.flows, "customers": off_now}
        line.store = line.store.model_copy(update={"flows": flows})
    for klaviyo in (line.klaviyo_client(), None):  # nor tried
        with pytest.raises(MendError, match=f"'customers' of store 'demo' is switched off in {where}"):
            replay(flow_run(line), line.netsuite_client(), klaviyo, Wanted(), "off")
    assert profiles(line) == set()
    assert [(row.id, row.tries) for row in listed(line)] == [(bad, 1)]


def test_a_run_that_a_gate_stops_sends_nothing_and_lists_what_it_rejected(line: Any) -> None:
    strict = line.store.gates.model_copy(update={"rejected_rows": 1})
    line.store = line.store.model_copy(update={"gates": strict})
    customer(line, "ann@shop.example")
    bad = [customer(line, None), customer(line, None)]
    with pytest.raises(MendError, match=r"Gate 'rejected_rows': 2 of 3 rows .*'Ignore gates'"):
        whole_or_window(line, flow_run(line, end="2030-01-01T00:00:00Z"))
    assert profiles(line) == set()
    assert [row.id for row in listed(line)] == bad
    numbers = whole_or_window(line, flow_run(line, end="2030-01-02T00:00:00Z"), ignore_gates=True)
    assert profiles(line) == {"ann@shop.example"}
    assert numbers["gates"]["ignored"]
    assert len(numbers["gates"]["shut"]) == 1


@dataclass
class Model:
    """The account and the list as they should be: which records are bad, and how often each was tried."""

    good: dict[int, bool] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)
    tries: dict[int, int] = field(default_factory=dict)

    def seen(self, ids: set[int]) -> None:
        for id_ in ids:
            if self.good.get(id_, True):
                self.tries.pop(id_, None)
            else:
                self.tries[id_] = self.tries.get(id_, 0) + 1


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.booleans()),
        st.tuples(st.just("save"), st.integers(0, 9), st.booleans()),
        st.tuples(st.just("delete"), st.integers(0, 9)),
        st.tuples(st.just("increment")),
        st.tuples(st.just("whole")),
        st.tuples(st.just("replay"), st.sets(st.integers(0, 9), max_size=3)),
    ),
    min_size=6,
    max_size=16,
)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_the_list_is_what_runs_and_mends_make_of_it(
    accounts: tuple[NetSuite, Klaviyo],
    new_line: NewLine,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[Any, ...]],
) -> None:
    netsuite, klaviyo = accounts
    clear(netsuite, klaviyo)
    line = new_line(netsuite, klaviyo)
    line.staging = Staging(str(tmp_path_factory.mktemp("staging")))
    model, now, last = Model(), BEGINNING, None

    def save(id_: int | None, *, good: bool) -> int:
        email = f"c{id_ or len(model.good)}.{now:%H%M}@shop.example" if good else None
        stamp = f"{now:%Y-%m-%dT%H:%M:%SZ}"
        if id_ is None:
            return customer(line, email, lastmodifieddate=stamp)
        netsuite.update("customer", id_, email=email, lastmodifieddate=stamp)
        return id_

    for number, (name, *details) in enumerate([*steps, ("increment",)]):
        now += timedelta(minutes=2)
        alive = sorted(model.good)
        if name == "insert" or (name == "save" and alive):
            good = details[-1]
            id_ = save(None if name == "insert" else alive[details[0] % len(alive)], good=good)
            model.good[id_] = good
            model.changed.add(id_)
        elif name == "delete" and alive:
            id_ = alive[details[0] % len(alive)]
            netsuite.delete("customer", id_, moment=f"{now:%Y-%m-%dT%H:%M:%SZ}")
            del model.good[id_]
            model.changed.add(id_)
        elif name in {"increment", "whole"}:
            start = None if name == "whole" else last
            run = flow_run(line, start=start, end=f"{now:%Y-%m-%dT%H:%M:%SZ}")
            whole_or_window(line, run, ignore_gates=True)
            model.seen({*model.good, *model.tries} if start is None else model.changed)
            model.changed.clear()
            last = f"{now:%Y-%m-%dT%H:%M:%SZ}"
        elif name == "replay":
            onlist = sorted(model.tries)
            ids = {onlist[each % len(onlist)] for each in details[0]} if onlist else set()
            wanted = Wanted(ids=tuple(ids)) if ids else Wanted()
            chosen = ids or set(onlist)
            done = replayed(line, wanted, f"{number}")
            assert (done is None) == (not chosen)
            model.seen(chosen)
        assert {row.id: row.tries for row in listed(line)} == model.tries, f"after {name}"
