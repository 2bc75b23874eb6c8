"""What a run derives from what was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from netsuite_connector.flows import ledger
from netsuite_connector.flows.plan import Asked, Plan
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
    run.staging.write_json(run.mark_place, {})
    assert run.site.live_from == "2026-11-13T00:00:00Z"


@pytest.mark.parametrize("side", ["netsuite", "klaviyo"])
def test_a_store_that_is_pointed_at_another_account_begins_anew(new_run: NewRun, side: str) -> None:
    run = new_run("orders")
    ledger.update(run.ledger(run.domain.sources[0]), iter(()))
    settings = getattr(run.store, side).model_copy(update={"connection": "live"})
    moved = replace(run, store=run.store.model_copy(update={side: settings}))
    assert run.ledger(run.domain.sources[0]).exists
    assert not moved.ledger(run.domain.sources[0]).exists


BOUNDS = ("2026-10-01T08:00:00Z", "2026-10-01T09:00:00Z")


@pytest.mark.parametrize("asked", [{}, {"full": True}, {"resend": True}, {"ignore_gates": True}])
def test_a_run_of_airflows_own_backfill_never_moves_the_mark(asked: dict[str, bool]) -> None:
    assert Asked(**asked).moves_mark  # type: ignore[arg-type]
    assert not Asked(**asked, backfill=True).moves_mark  # type: ignore[arg-type]


@pytest.mark.parametrize("backfill", [True, False])
def test_only_a_person_bounds_what_a_run_reads_beside_its_window(new_run: NewRun, *, backfill: bool) -> None:
    run = new_run("orders")
    settings = run.store.model_dump(mode="json", exclude_unset=True)
    asked = Asked(*BOUNDS, backfill=backfill)
    planned = Plan(asked, *BOUNDS, settings, {}, None, switched_off=False)
    assert Plan.of_json(planned.to_json()).run(run).bounded is not backfill
