"""Which window a run reads, and with which settings, decided against the account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.errors import MendError
from netsuite_connector.flows import highwater
from netsuite_connector.flows.extract import extract
from netsuite_connector.flows.plan import Asked, Plan, finish, plan
from netsuite_connector.flows.run import Run
from netsuite_connector.netsuite import NetSuiteClient
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox
from netsuite_connector.staging.staging import Staging
from netsuite_connector.window import Window

pytestmark = pytest.mark.line


@pytest.fixture(scope="module")
def account() -> Iterator[SandboxAccount]:
    with running_sandbox(customers=20, orders=40, items=20) as running:
        yield running


@pytest.fixture
def line(account: SandboxAccount, new_line: Callable[..., Any]) -> Any:
    account.clear("customrecord_nsk_config")
    return new_line(account, None)


@pytest.fixture
def client(line: Any) -> NetSuiteClient:
    made: NetSuiteClient = line.netsuite_client()
    return made


@pytest.fixture
def run(line: Any) -> Run:
    staging: Staging = line.staging
    return Run(line.store, DOMAINS["orders"], Window(), staging)


def test_the_first_run_reads_everything_up_to_a_minute_before_netsuites_clock(
    run: Run, client: NetSuiteClient
) -> None:
    made = plan(run, client, Asked())
    assert made.start is None
    behind = client.about().now - made.window.end  # type: ignore[operator]
    assert timedelta(minutes=1) <= behind < timedelta(minutes=2, seconds=10)


def test_the_next_run_goes_on_from_the_mark_with_an_overlap(run: Run, client: NetSuiteClient) -> None:
    first = plan(run, client, Asked())
    finish(first.run(run), first, {})
    second = plan(run, client, Asked())
    assert second.window.start == first.window.end - timedelta(minutes=5)  # type: ignore[operator]
    assert second.mark is not None


def test_everything_again_reads_everything_and_moves_the_mark(run: Run, client: NetSuiteClient) -> None:
    highwater.put(run, datetime(2026, 1, 1, tzinfo=UTC), by="somebody")
    made = plan(run, client, Asked(full=True))
    assert made.start is None
    report = finish(made.run(run), made, {})
    assert report["high_water_mark"] == made.end


def test_a_backfill_reads_its_own_window_and_leaves_the_mark_alone(run: Run, client: NetSuiteClient) -> None:
    before = highwater.put(run, datetime(2026, 1, 1, tzinfo=UTC), by="somebody")
    made = plan(run, client, Asked("2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z"))
    assert (made.start, made.end) == ("2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z")
    finish(made.run(run), made, {})
    assert highwater.read(run) == before


def test_after_a_narrower_filter_everything_is_read_once(run: Run, client: NetSuiteClient) -> None:
    first = plan(run, client, Asked())
    finish(first.run(run), first, {})
    flows = run.store.flows
    only = {"orders": {"type": ("SalesOrd",)}}
    orders = flows["orders"].model_copy(update={"only": only})
    narrowed = replace(run, store=run.store.model_copy(update={"flows": {**flows, "orders": orders}}))
    made = plan(narrowed, client, Asked())
    assert made.start is None
    finish(made.run(narrowed), made, {})
    assert plan(narrowed, client, Asked()).start is not None


def test_a_plan_travels_as_json(run: Run, client: NetSuiteClient) -> None:
    highwater.put(run, datetime(2026, 1, 1, tzinfo=UTC), by="somebody")
    made = plan(run, client, Asked(limit=5))
    assert Plan.of_json(made.to_json()) == made
    assert Plan.of_json(made.to_json()).run(run) == made.run(run)


def test_everything_again_has_no_bounds(run: Run, client: NetSuiteClient) -> None:
    with pytest.raises(MendError, match="leave one of them out"):
        plan(run, client, Asked(start="2025-01-01T00:00:00Z", full=True))


def test_the_configuration_record_narrows_what_is_read_and_says_so(
    run: Run, client: NetSuiteClient, account: SandboxAccount
) -> None:
    account.create(
        "customrecord_nsk_config",
        name="Demo",
        custrecord_nsk_cfg_store="demo",
        custrecord_nsk_cfg_types="CashSale",
        custrecord_nsk_cfg_item_url="{url}/p/{urlcomponent}",
        custrecord_nsk_cfg_orders=True,
    )
    made = plan(run, client, Asked())
    planned = made.run(run)
    assert planned.site.item_url == "{url}/{urlcomponent}"  # which the YAML file says
    extract(planned, client)
    types = {
        kind
        for batch in planned.dataset("extract", planned.domain.sources[0]).batches()
        for kind in batch.column("type").to_pylist()
    }
    assert types == {"CashSale"}
    report = finish(planned, made, {})
    assert report["settings_from"]["flows.orders.only.orders.type"] == "NetSuite"
    assert report["settings_from"]["site.item_url"] == "YAML"


def test_a_flow_that_is_switched_off_in_netsuite_does_not_run(
    run: Run, client: NetSuiteClient, account: SandboxAccount
) -> None:
    account.create(
        "customrecord_nsk_config",
        name="Demo",
        custrecord_nsk_cfg_store="demo",
        custrecord_nsk_cfg_orders=False,
    )
    assert plan(run, client, Asked()).switched_off
