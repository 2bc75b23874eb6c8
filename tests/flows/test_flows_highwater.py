"""The high-water mark: forward only, never in a backfill, kept apart, a person's word first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from netsuite_connector.flows import highwater
from netsuite_connector.flows.plan import Asked
from netsuite_connector.flows.run import Run

NewRun = Callable[..., Run]


def moment_of(run: Run) -> str | None:
    mark = highwater.read(run)
    return None if mark is None else mark.moment


def test_a_run_moves_it_to_the_end_of_its_window(new_run: NewRun) -> None:
    run = new_run("orders", end="2026-11-02")
    assert moment_of(run) is None
    highwater.advance(run, None)
    assert moment_of(run) == "2026-11-02T00:00:00Z"


def test_it_never_moves_back(new_run: NewRun) -> None:
    highwater.advance(new_run("orders", end="2026-11-02"), None)
    earlier = new_run("orders", end="2026-11-01")
    highwater.advance(earlier, highwater.read(earlier))
    assert moment_of(earlier) == "2026-11-02T00:00:00Z"


def test_what_a_person_set_while_a_run_went_on_stays(new_run: NewRun) -> None:
    run = new_run("orders", end="2026-11-02")
    highwater.advance(run, None)
    seen = highwater.read(run)
    highwater.put(run, datetime(2026, 10, 1, tzinfo=UTC), by="somebody")
    highwater.advance(new_run("orders", end="2026-11-03"), seen)
    assert moment_of(run) == "2026-10-01T00:00:00Z"


def test_it_is_kept_for_each_store_flow_and_pair_of_connections(new_run: NewRun) -> None:
    run = new_run("orders", end="2026-11-02")
    highwater.advance(run, None)
    live = run.store.klaviyo.model_copy(update={"connection": "live"})
    elsewhere = replace(run, store=run.store.model_copy(update={"klaviyo": live}))
    outlet = replace(run, store=run.store.model_copy(update={"store": "outlet"}))
    assert [moment_of(each) for each in (new_run("customers"), elsewhere, outlet)] == [None, None, None]


def test_it_lies_outside_the_runs(new_run: NewRun) -> None:
    run = new_run("orders", end="2026-11-02")
    highwater.advance(run, None)
    assert "runs" not in run.staging.list((run.store.store, run.domain.flow))


def test_another_search_or_what_narrows_it_makes_another_scope(new_run: NewRun) -> None:
    run = new_run("orders")
    flows = run.store.flows

    def scope(**changes: object) -> str:
        orders = flows["orders"].model_copy(update=changes)
        return highwater.scope(
            replace(run, store=run.store.model_copy(update={"flows": {**flows, "orders": orders}}))
        )

    own = {"orders": "customsearch_web_orders"}
    only = {"orders": {"type": ("SalesOrd", "CashSale")}}
    turned = {"orders": {"type": ("CashSale", "SalesOrd")}}
    assert len({highwater.scope(run), scope(searches=own), scope(only=only)}) == 3
    assert scope(only=only) == scope(only=turned)


@pytest.mark.parametrize(
    "changed",
    [
        {"url": "https://new.example"},
        {"item_url": "{url}/p/{urlcomponent}"},
        {"image_url": "{url}/images/{image}"},
        {"image_options": ("custitem_size",)},
    ],
)
def test_another_address_makes_another_scope_of_what_delivers_items(
    new_run: NewRun, changed: dict[str, object]
) -> None:
    def moves(flow: str) -> bool:
        run = new_run(flow)
        site = run.store.site.model_copy(update=changed)
        elsewhere = replace(run, store=run.store.model_copy(update={"site": site}))
        return highwater.scope(run) != highwater.scope(elsewhere)

    assert [flow for flow in ("catalog", "stock", "customers", "orders") if moves(flow)] == ["catalog"]


@pytest.mark.parametrize(
    "asked",
    [
        Asked(start="2026-11-01T00:00:00Z"),
        Asked(end="2026-11-01T00:00:00Z"),
        Asked(limit=10),
        Asked(dry_run=True),
    ],
)
def test_a_run_within_bounds_of_its_own_does_not_move_it(asked: Asked) -> None:
    assert not asked.moves_mark


def test_a_plain_or_full_run_moves_it() -> None:
    assert Asked().moves_mark
    assert Asked(full=True).moves_mark
