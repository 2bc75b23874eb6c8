"""What a run derives from what was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from netsuite_connector.flows import ledger
from netsuite_connector.flows.run import Run

NewRun = Callable[..., Run]


def test_the_same_request_has_the_same_place_and_others_have_others(new_run: NewRun) -> None:
    assert new_run("orders").place == new_run("orders").place
    runs = [
        new_run("orders"),
        new_run("orders", end="2026-11-02"),
        new_run("orders", limit=10),
        new_run("orders", dry_run=True),
        new_run("catalog"),
    ]
    assert len({run.place for run in runs}) == len(runs)


def test_everything_of_a_flows_first_run_is_history_then_only_what_is_older_than_a_week(
    new_run: NewRun,
) -> None:
    run = new_run("orders", end="2024-01-01", now=datetime(2026, 11, 20, tzinfo=UTC))
    assert run.site.live_from > "2026-11-20T00:00:00Z"
    ledger.update(run.ledger(run.domain.sources[0]), iter(()))
    assert run.site.live_from == "2026-11-13T00:00:00Z"


@pytest.mark.parametrize("side", ["netsuite", "klaviyo"])
def test_a_store_that_is_pointed_at_another_account_begins_anew(new_run: NewRun, side: str) -> None:
    run = new_run("orders")
    ledger.update(run.ledger(run.domain.sources[0]), iter(()))
    settings = getattr(run.store, side).model_copy(update={"connection": "live"})
    moved = replace(run, store=run.store.model_copy(update={side: settings}))
    assert run.ledger(run.domain.sources[0]).exists
    assert not moved.ledger(run.domain.sources[0]).exists
