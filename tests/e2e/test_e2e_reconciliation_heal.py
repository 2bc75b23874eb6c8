"""Heal between both sandbox accounts: what is missing is delivered as it is now, and only that, whoever else
delivers meanwhile, and whatever is killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from reconciled import account, ask_klaviyo, at, compare, findings, forget, fresh_line, held, orders_of, today

from netsuite_connector.flows import highwater, rejections
from netsuite_connector.flows.domain import domain_of
from netsuite_connector.flows.run import Run
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.staging.staging import Staging
from netsuite_connector.window import Window

pytestmark = pytest.mark.line


@pytest.fixture(scope="module")
def netsuite() -> Iterator[NetSuite]:
    with account() as running:
        yield running


@pytest.fixture
def line(netsuite: NetSuite, klaviyo: Klaviyo, new_line: Callable[..., Any]) -> Any:
    return fresh_line(netsuite, klaviyo, new_line)


def test_heal_delivers_all_that_klaviyo_lost_as_it_was_and_nothing_twice(line: Any) -> None:
    line.run("orders")
    before = held(line)
    line.klaviyo.reset()
    lost = compare(line, "orders")
    assert len(findings(line, lost)["missing"] - {("profiles", "")}) >= len(before)
    report = compare(line, "orders", heal=True)
    assert report["agrees"]
    assert report["healed"] > 0
    assert held(line) == before
    state = line.klaviyo.settled()
    assert (state["events_repeated"], state["flows_woken"]) == (0, 0)
    # The next one agrees too, and the flow's next run sends none of it again.
    again = compare(line, "orders", heal=True)
    assert (again["agrees"], again["healed"]) == (True, 0)
    assert line.run("orders", end="2031-01-01T00:00:00Z")["records"]["delivered"] == 0
    assert held(line) == before
    assert line.klaviyo.state()["events_repeated"] == 0


def test_what_klaviyo_refuses_of_a_heal_comes_on_the_list_of_rejected_rows(
    line: Any, netsuite: NetSuite
) -> None:
    line.run("customers")
    person = {"isperson": True, "stage": "CUSTOMER", "subsidiary": "1", "isinactive": False}
    made = netsuite.create(
        "customer", firstname="x" * 300, lastname="Long", email="long@inbox.example", **person
    )
    found = compare(line, "customers")
    assert not found["agrees"]
    healed = compare(line, "customers", heal=True)
    assert (healed["agrees"], healed["healed"]) == (True, 0)
    assert sum(each["rejected"] for each in healed["kinds"]) == 1 + sum(
        each["rejected"] for each in found["kinds"]
    )
    run = Run(line.store, domain_of(line.store, "customers"), Window(), line.staging)
    (row,) = rejections.rejected(run, rejections.Wanted(ids=(made["internalid"],)))
    assert (row.stage, row.tries) == ("confirm", 1)
    netsuite.delete("customer", made["internalid"])


def test_heal_delivers_what_the_flow_has_never_read_and_later_runs_know_it(line: Any) -> None:
    """Such as the days that lie between a backfill and the first scheduled run."""
    report = compare(line, "orders", heal=True)
    assert report["agrees"]
    healed = held(line)
    done = line.run("orders")
    assert done["records"]["delivered"] == 0
    assert done["adds_up"]
    assert held(line) == healed


class _Dying:
    """A Klaviyo client whose process is killed right after a request that sends something."""

    def __init__(self, client: Any, after: int) -> None:
        self._client, self._left = client, after

    def push(self, *batch: Any, **more: Any) -> Any:
        if not self._left:
            raise KeyboardInterrupt
        self._left -= 1
        return self._client.push(*batch, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def test_a_killed_heal_goes_on_and_comes_to_the_same(line: Any) -> None:
    line.run("orders")
    before = held(line)
    line.klaviyo.reset()
    for sent in (0, 1, 2):
        with pytest.raises(KeyboardInterrupt):
            compare(line, "orders", heal=True, client=_Dying(line.klaviyo_client(), sent))
    report = compare(line, "orders", heal=True)
    assert report["agrees"]
    assert held(line) == before
    assert line.klaviyo.state()["events_repeated"] == 0


class _Meanwhile:
    """A Klaviyo client with whose first use of something another thing happens."""

    def __init__(self, client: Any, use: str, happens: Callable[[], None]) -> None:
        self._client, self._use, self._happens = client, use, happens

    def __getattr__(self, name: str) -> Any:
        if name == self._use:
            self._use = ""
            self._happens()
        return getattr(self._client, name)


@pytest.fixture
def somebody(line: Any, netsuite: NetSuite) -> Iterator[dict[str, Any]]:
    """A customer who was last changed two days ago, and is delivered."""
    customer = next(
        each
        for each in netsuite.records("customer")
        if "@" in (each["email"] or "") and not each["isinactive"]
    )
    kept = {name: customer[name] for name in ("firstname", "lastmodifieddate")}
    two_days_ago = at(today() - timedelta(days=2), 12)
    netsuite.update("customer", customer["internalid"], firstname="Old", lastmodifieddate=two_days_ago)
    line.run("customers")
    assert name_of(line, customer) == "Old"
    yield customer
    netsuite.update("customer", customer["internalid"], **kept)


def name_of(line: Any, customer: dict[str, Any]) -> str:
    line.klaviyo.settled()
    email = customer["email"].strip().lower()
    return str(next(row["first_name"] for row in line.klaviyo.rows("profiles") if row["email"] == email))


def rename(line: Any, customer: dict[str, Any], **changes: str) -> None:
    """The customer is saved under another name, and the flow delivers it."""
    line.netsuite.update("customer", customer["internalid"], firstname="New", **changes)
    line.run("customers", end="2031-01-01T00:00:00Z")
    assert name_of(line, customer) == "New"


def test_what_is_delivered_while_it_is_compared_is_no_difference_and_is_not_overwritten(
    line: Any, somebody: dict[str, Any]
) -> None:
    client = _Meanwhile(line.klaviyo_client(), "reading", lambda: rename(line, somebody))
    report = compare(line, "customers", heal=True, client=client)
    assert (report["agrees"], report["healed"]) == (True, 0)
    assert name_of(line, somebody) == "New"


def test_what_changed_between_the_last_look_and_the_heal_is_left_to_the_flow(
    line: Any, somebody: dict[str, Any]
) -> None:
    profile = next(
        row["id"]
        for row in line.klaviyo.rows("profiles")
        if row["email"] == somebody["email"].strip().lower()
    )
    body = {"type": "profile", "id": profile, "attributes": {"first_name": "Somebody"}}
    ask_klaviyo(line, "PATCH", f"/api/profiles/{profile}", {"data": body})

    def saved_again() -> None:
        line.netsuite.update("customer", somebody["internalid"], firstname="New")

    # Both looks have been made when a heal first asks what has changed since.
    counted = iter(range(100))
    client = line.klaviyo_client()
    looks = client.reading

    class _Looks:
        def __getattr__(self, name: str) -> Any:
            if name == "profiles_created" and next(counted) == 1:
                saved_again()
            return getattr(looks, name)

    client.reading = _Looks()
    report = compare(line, "customers", heal=True, client=client)
    assert report["healed"] == 0
    assert name_of(line, somebody) == "Somebody"
    rename(line, somebody)


def test_a_killed_heal_that_is_asked_for_days_later_sends_nothing_old(
    line: Any, somebody: dict[str, Any]
) -> None:
    forget(line, somebody["email"].strip().lower())
    with pytest.raises(KeyboardInterrupt):
        compare(line, "customers", heal=True, client=_Dying(line.klaviyo_client(), 0))
    rename(line, somebody, lastmodifieddate=at(today() - timedelta(days=1), 12))
    compare(line, "customers", heal=True)
    assert name_of(line, somebody) == "New"


def test_reconciliations_of_the_same_days_at_once_find_the_same(line: Any, tmp_path: Path) -> None:
    # A folder: fsspec's filesystem in memory can't be listed while another thread writes.
    line.staging = Staging(str(tmp_path / "staging"))
    line.run("orders")
    forget(line, max(orders_of(line), key=lambda each: len(orders_of(line)[each])))
    alone = findings(line, compare(line, "orders"))
    assert alone["missing"]
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(compare, line, "orders", heal=heal) for heal in (False, True, True)]
    for each in asked:
        each.result()
    report = compare(line, "orders")
    assert report["agrees"]
    place = ("demo", "reconciliation", "orders", f"{report['from']}--{report['to']}")
    assert line.staging.list(place) == ["findings", "numbers", "report.json"]
    line.klaviyo.settled()
    keys = [(row["email"], row["metric"], row["unique_id"]) for row in line.klaviyo.rows("events")]
    assert len(keys) == len(set(keys))


def test_a_heal_before_the_first_run_wakes_nobody(line: Any) -> None:
    """That run sends orders of the last days too, and people were written to about these long ago."""
    compare(line, "orders", heal=True, days=4)
    assert held(line)
    line.run("orders")
    line.klaviyo.settled()
    assert line.klaviyo.state()["flows_woken"] == 0


def test_agreement_is_in_doubt_where_most_rows_are_rejected(line: Any, netsuite: NetSuite) -> None:
    gates = line.store.gates.model_copy(update={"least_rows": 1, "rejected_share": 0.01})
    line.store = line.store.model_copy(update={"gates": gates})
    line.run("customers")
    run = Run(line.store, domain_of(line.store, "customers"), Window(), line.staging)
    assert any(rejections.rejected(run))
    highwater.put(run, datetime.now(UTC), "test")
    report = compare(line, "customers", days=3000)
    assert not report["agrees"]
    (doubt,) = report["doubts"]
    assert "rejected_share" in doubt
    assert sum(each["staged"] for each in report["sources"]) >= len(list(netsuite.records("customer")))
