"""A backfill of five years between both sandbox accounts: stopped midway, gone on with, and held against what
one run over everything delivers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from backfills import History

from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows import highwater, history, history_window
from netsuite_connector.flows.history import Order
from netsuite_connector.flows.plan import Asked, finish, plan
from netsuite_connector.flows.run import Run
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.staging.staging import Staging
from netsuite_connector.window import Window

pytestmark = pytest.mark.line

_numbers = count()


@pytest.fixture(scope="module")
def netsuite() -> Iterator[NetSuite]:
    with running_netsuite(customers=40, items=30, orders=120) as running:
        yield running


@pytest.fixture
def backfill(netsuite: NetSuite, klaviyo: Klaviyo, new_line: Callable[..., Any]) -> History:
    klaviyo.reset()
    return History(
        replace(new_line(netsuite, klaviyo), staging=Staging(f"memory://history-{next(_numbers)}"))
    )


def events(klaviyo: Klaviyo) -> dict[tuple[str, str], tuple[str, float | None]]:
    return {
        (row["metric"], row["unique_id"]): (row["datetime"], row["value"]) for row in klaviyo.rows("events")
    }


def profiles(klaviyo: Klaviyo) -> dict[str, dict[str, Any]]:
    return {row["email"]: row.get("properties", {}) for row in klaviyo.rows("profiles") if row["email"]}


_at_once: dict[str, Any] = {}


@pytest.fixture
def at_once(netsuite: NetSuite, new_line: Callable[..., Any]) -> Any:
    """What one run over everything delivers, to an account of its own: events and profiles."""
    if not _at_once:
        with running_klaviyo() as other:
            line = replace(new_line(netsuite, other), staging=Staging("memory://history-at-once"))
            line.run("orders")
            other.settled()
            _at_once.update(events=events(other), profiles=profiles(other))
    return _at_once["events"], _at_once["profiles"]


def test_five_years_stopped_midway_and_gone_on_with_deliver_what_one_run_does(
    backfill: History, klaviyo: Klaviyo, at_once: Any
) -> None:
    asked = {"flows": ["orders"], "from": f"{datetime.now(UTC).year - 6}-12-31"}
    first = backfill.plan("first", **asked)
    assert len(first.pieces) > 20
    backfill.read(first)
    with pytest.raises(KeyboardInterrupt):
        backfill.deliver(first, stop_after=len(first.pieces) * 3 // 4)
    second = backfill.plan("second", **asked)
    assert second.passed_over > 0
    assert second.passed_over + len(second.pieces) == len(first.pieces)
    backfill.read(second)
    done = backfill.deliver(second)
    assert done["adds_up"]
    state = klaviyo.settled()
    assert state["events"] > 0
    assert state["flows_woken"] == 0
    assert state["events_repeated"] == 0, "an event came twice"
    assert state["consents"] == 0
    progress = history.progress("demo", backfill.line.staging)
    assert progress is not None
    assert progress["done"] == progress["all"] == len(first.pieces)
    delivered, people = at_once
    assert events(klaviyo) == delivered
    assert profiles(klaviyo) == people


def test_newest_first_comes_to_the_same_events_and_storefronts(backfill: History, klaviyo: Klaviyo) -> None:
    outcomes = []
    for order in Order:
        klaviyo.reset()
        mine = History(replace(backfill.line, staging=Staging(f"memory://history-{next(_numbers)}")))
        done = mine.whole("some", flows=["orders"], order=order.value)
        assert done["adds_up"]
        assert klaviyo.settled()["flows_woken"] == 0
        # Which of several refunds makes an order whole is told by which is delivered last.
        lasting = {name: told for name, told in events(klaviyo).items() if "Refunded" not in name[0]}
        outcomes.append((lasting, profiles(klaviyo)))
    assert outcomes[0] == outcomes[1]
    assert any("NetSuite Original Website ID" in properties for properties in outcomes[0][1].values())


def test_what_was_delivered_is_passed_over_and_without_resume_not_sent_again(
    backfill: History, klaviyo: Klaviyo
) -> None:
    backfill.whole("first", flows=["orders"])
    klaviyo.settled()
    assert backfill.plan("second", flows=["orders"]).pieces == ()
    done = backfill.whole("third", flows=["orders"], resume=False)
    assert done["all"]["delivered"] == 0
    assert done["all"]["unchanged"] > 0
    assert klaviyo.settled()["events_repeated"] == 0


def test_one_window_can_be_done_again_alone(backfill: History) -> None:
    made = backfill.plan("first", flows=["customers"])
    backfill.deliver(made)
    piece = made.pieces[len(made.pieces) // 2]
    run = made.run(backfill.line.staging, piece)
    again = history_window.deliver(run, backfill.line.netsuite_client(), backfill.line.klaviyo_client(), made)
    assert again["rows"]["extracted"] == again["rows"]["unchanged"] + again["rows"]["rejected"]


def test_a_dry_run_counts_what_delivering_would_read_and_sends_nothing(
    backfill: History, klaviyo: Klaviyo
) -> None:
    made = backfill.plan("dry", dry_run=True)
    assert made.read == ()
    counted = 0
    for piece in made.pieces:
        numbers = history_window.count(
            made.run(backfill.line.staging, piece), backfill.line.netsuite_client()
        )
        counted += numbers["rows"]
        assert (numbers["minutes"] > 0) == (numbers["rows"] > 0)
    assert klaviyo.state()["events"] == klaviyo.state()["profiles"] == 0
    assert history.progress("demo", backfill.line.staging) is None
    assert backfill.whole("real")["all"]["extracted"] == counted


def test_marks_stay_and_a_scheduled_run_goes_on_meanwhile(backfill: History) -> None:
    line = backfill.line

    def scheduled() -> dict[str, Any]:
        run = Run(line.store, DOMAINS["customers"], Window(), line.staging)
        made = plan(run, line.netsuite_client(), Asked())
        numbers = line.run("customers", start=made.start, end=made.end)
        return finish(made.run(run), made, numbers)

    first = scheduled()
    run = Run(line.store, DOMAINS["customers"], Window(), line.staging)
    mark = highwater.read(run)
    made = backfill.plan("meanwhile", flows=["customers"])
    half = len(made.pieces) // 2
    results = []
    for number, piece in enumerate(made.pieces):
        if number == half:
            assert highwater.read(run) == mark
            scheduled()
            mark = highwater.read(run)
        done = history_window.deliver(
            made.run(line.staging, piece), line.netsuite_client(), line.klaviyo_client(), made
        )
        results.append({"flow": "customers", "numbers": done["rows"]})
    assert highwater.read(run) == mark
    total = history.total(made, results)
    assert total["adds_up"]
    assert total["all"]["delivered"] == 0, "the scheduled run had delivered all of them"
    assert first["rows"]["delivered"] > 0
