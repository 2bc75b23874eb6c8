"""Volumes: what is kept of earlier runs, and what gates make of it where runs are many, quiet or stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from netsuite_connector.errors import MendError
from netsuite_connector.flows import gates, volume
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.volume import KEPT, RunKind
from netsuite_connector.stores.operations import GateSettings
from netsuite_connector.window import Window

NewRun = Callable[..., Run]

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
CATALOG = {"items": 2000, "variants": 800, "matrix_parents": 150}


def staged(run: Run, rows: Mapping[str, int]) -> Run:
    """The run with so many rows read from its sources."""
    for source in run.domain.extracted:
        with run.dataset("extract", source).writer() as writer:
            ids = pa.array(range(rows.get(source.name, 0)), pa.int64())
            writer.write(pa.record_batch([ids], names=["internalid"]))
            writer.commit()
    return run


def increment(run: Run, start: datetime, hours: float = 1) -> Run:
    return replace(run, window=Window(start, start + timedelta(hours=hours)))


def noted(run: Run, moment: datetime, kind: str, rows: int, *, old: bool = False) -> None:
    """A document of a run's volume as it lies in staging; ``old``: as they were written at first."""
    name = f"{moment:%Y%m%dT%H%M%SZ}-{rows:08x}" + ("" if old else f"-{kind}")
    document: dict[str, Any] = {"kind": kind, "rows": rows, "rejected": 0, "hours": 1.0}
    if not old:
        document["sources"] = {"customers": rows, "contacts": 0}
    run.staging.write_json((*place(run), f"{name}.json"), document)


def place(run: Run) -> tuple[str, ...]:
    return (run.store.store, run.domain.flow, "volumes", run.between)


def told(run: Run) -> list[str]:
    return gates.shut(run, like_others=True)


def stops(run: Run) -> str:
    with pytest.raises(MendError) as stopped:
        gates.check(run, like_others=True, ignored=False)
    return str(stopped.value)


def with_gates(run: Run, **changes: Any) -> Run:
    return replace(run, store=run.store.model_copy(update={"gates": GateSettings(**changes)}))


def test_whole_runs_are_remembered_however_many_increments_follow(new_run: NewRun) -> None:
    for day in (1, 2, 3):
        volume.remember(staged(new_run("customers", end=f"2026-10-0{day}"), {"customers": 1000}))
    run = new_run("customers")
    for hour in range(KEPT + 5):
        volume.remember(staged(increment(run, NOON + timedelta(hours=hour)), {"customers": 10}))
    (why,) = told(staged(run, {}))
    assert why.startswith("Gate 'drop': 0 rows were read, and 1,000 are usual (of the last 3 runs)")


def test_documents_that_do_not_name_their_kind_are_read_and_go_in_their_time(new_run: NewRun) -> None:
    run = new_run("customers")
    for day in (1, 2, 3):
        noted(run, NOON - timedelta(days=300 + day), "whole", 1000 + day, old=True)
        noted(run, NOON - timedelta(days=9 + day), "increment", day, old=True)
    assert [each.rows for each in volume.recent(run, RunKind.WHOLE, 2)] == [1001, 1002]
    assert [each.rows for each in volume.recent(run, RunKind.INCREMENT, 9)] == [1, 2, 3]
    (why,) = told(staged(run, {}))
    assert "0 rows were read" in why
    for number in range(KEPT):
        noted(run, NOON + timedelta(days=number), "increment", number)
    volume.remember(staged(increment(run, NOON), {"customers": 10}))
    old = [name for name in run.staging.list(place(run)) if name.count("-") == 1]
    assert [name[:4] for name in old] == ["2026"] * 3
    assert len(volume.recent(run, RunKind.WHOLE, 99)) == 3
    assert len(volume.recent(run, RunKind.INCREMENT, 99)) == KEPT


def test_a_repeat_counts_once_also_under_its_old_name(new_run: NewRun) -> None:
    run = staged(new_run("customers"), {"customers": 10})
    volume.remember(run)
    volume.remember(run)
    (name,) = run.staging.list(place(run))
    document = run.staging.read_json((*place(run), name))
    old = name.replace("-whole", "")
    run.staging.write_json((*place(run), old), document)
    volume.remember(run)
    assert run.staging.list(place(run)) == [name]


def test_increments_are_taken_from_all_over_the_last_day(new_run: NewRun) -> None:
    run = new_run("customers")
    for quarter in range(3 * 96):
        noted(run, NOON - timedelta(minutes=15 * quarter), "increment", quarter)
    found = [each.rows for each in volume.recent(run, RunKind.INCREMENT, 40)]
    assert len(found) == 40
    assert found == sorted(found)
    assert (found[0], found[-1]) == (0, 117)


def test_increments_older_than_a_day_go_when_there_are_enough(new_run: NewRun) -> None:
    run = new_run("customers")
    now = datetime.now(UTC)
    for quarter in range(1, 200):
        noted(run, now - timedelta(minutes=15 * quarter), "increment", quarter)
    volume.remember(staged(increment(run, NOON), {"customers": 5}))
    assert 96 <= len(volume.recent(run, RunKind.INCREMENT, 999)) <= 98


def test_a_source_that_gives_nothing_stops_the_run_though_the_total_is_as_usual(new_run: NewRun) -> None:
    for day in (1, 2, 3):
        volume.remember(staged(new_run("catalog", end=f"2026-10-0{day}"), CATALOG))
    run = new_run("catalog")
    assert told(staged(run, CATALOG)) == []
    assert told(staged(run, CATALOG | {"variants": 400})) == []
    (why,) = told(staged(run, CATALOG | {"variants": 0}))
    assert why == (
        "Gate 'drop': 0 rows of 'variants' (saved search customsearch_nsk_variants) were read, and 800 are "
        "usual (of the last 3 runs); at most 50 % fewer may be."
    )
    (why,) = told(staged(run, CATALOG | {"variants": 399}))
    assert "399 rows of 'variants'" in why
    total, source = told(staged(run, CATALOG | {"items": 0}))
    assert "800 rows were read" in total
    assert "0 rows of 'items'" in source
    # Without its lookup every item would stand alone.
    (why,) = told(staged(run, CATALOG | {"matrix_parents": 0}))
    assert "0 rows of 'matrix_parents'" in why
    none = with_gates(staged(run, CATALOG | {"variants": 0}), whole={"drop": None})
    assert told(none) == []


def test_contacts_are_told_from_customers_and_few_of_them_say_nothing(new_run: NewRun) -> None:
    volume.remember(staged(new_run("customers", end="2026-10-01"), {"customers": 5000, "contacts": 100}))
    run = new_run("customers")
    (why,) = told(staged(run, {"customers": 5000}))
    assert "0 rows of 'contacts' (saved search customsearch_nsk_contacts) were read" in why
    assert "100 are usual (of the last run)" in why
    assert told(staged(run, {"customers": 5000, "contacts": 1})) == []
    assert told(with_gates(staged(run, {"customers": 5000}), least_rows=101)) == []


def test_runs_of_which_only_the_total_is_known_say_nothing_of_sources(new_run: NewRun) -> None:
    run = new_run("catalog")
    for day in (1, 2, 3):
        noted(run, NOON - timedelta(days=day), "whole", 2800, old=True)
    assert told(staged(run, {"items": 2000})) == []
    (why,) = told(staged(run, {"items": 1000}))
    assert "1,000 rows were read, and 2,800 are usual" in why


def test_a_morning_after_a_quiet_night_is_no_jump(new_run: NewRun) -> None:
    run = new_run("customers")
    for quarter in range(96):
        noted(run, NOON + timedelta(minutes=15 * quarter), "increment", 0)
    morning = NOON + timedelta(days=1)
    assert told(staged(increment(run, morning), {"customers": 100})) == []
    assert told(staged(increment(run, morning), {"customers": 5000})) == []
    (why,) = told(staged(increment(run, morning), {"customers": 5001}))
    assert "5,001 rows an hour were read, and 0 are usual" in why
    assert why.endswith("at most 50 times 100 may be.")
    assert told(with_gates(staged(increment(run, morning), {"customers": 501}), least_rows=10)) != []


def test_what_is_usual_is_that_of_a_day_and_not_of_the_last_hours(new_run: NewRun) -> None:
    run = new_run("customers")
    for quarter in range(96):
        noted(run, NOON + timedelta(minutes=15 * quarter), "increment", 200 if quarter < 60 else 0)
    morning = NOON + timedelta(days=1)
    assert told(staged(increment(run, morning), {"customers": 10_000})) == []
    (why,) = told(staged(increment(run, morning), {"customers": 10_001}))
    assert "and 200 are usual" in why
    assert why.endswith("at most 50 times as many may be.")


def test_rows_that_stopped_a_run_do_not_pass_by_waiting(new_run: NewRun) -> None:
    run = new_run("customers")
    for hour in range(3):
        volume.remember(staged(increment(run, NOON - timedelta(days=1, hours=hour)), {"customers": 100}))
    assert "5,001 rows an hour" in stops(staged(increment(run, NOON), {"customers": 5001}))
    # The mark stays, so later runs read the same again, and what has come since.
    stops(staged(increment(run, NOON, hours=2), {"customers": 5201}))
    later = staged(increment(run, NOON, hours=10), {"customers": 6000})
    assert "6,000 rows an hour were read" in stops(later)
    assert "counted by the hours of that run" in stops(later)
    # A saved search that was mended gives what is usual.
    assert told(staged(increment(run, NOON, hours=10), {"customers": 1000})) == []
    # Once the rows are let through, the next run is measured by its own hours again.
    later = staged(increment(run, NOON, hours=10), {"customers": 6000})
    gates.check(later, like_others=True, ignored=True)
    assert told(later) != []
    volume.remember(later)
    assert told(staged(increment(run, NOON, hours=11), {"customers": 6000})) == []


def test_a_run_that_was_stopped_for_something_else_may_read_more_later(new_run: NewRun) -> None:
    run = with_gates(new_run("customers"), increments={"drop": 0.5})
    for hour in range(3):
        volume.remember(staged(increment(run, NOON - timedelta(days=1, hours=hour)), {"customers": 100}))
    assert "Gate 'drop'" in stops(staged(increment(run, NOON), {"customers": 0}))
    assert told(staged(increment(run, NOON, hours=60), {"customers": 6000})) == []
