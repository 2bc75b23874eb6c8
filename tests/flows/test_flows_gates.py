"""Gates: what is unlike other runs stops before anything is sent, and says why and how to go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from netsuite_connector.errors import MendError
from netsuite_connector.flows import gates, volume
from netsuite_connector.flows.rejections import rejected
from netsuite_connector.flows.run import Run
from netsuite_connector.staging import rejected as rejected_rows
from netsuite_connector.stores.operations import GateSettings
from netsuite_connector.window import Window

NewRun = Callable[..., Run]


def staged(run: Run, rows: int, bad: int = 0) -> Run:
    """The run with so many rows read from its first source, and so many of them rejected."""
    for source in run.domain.shaped:
        count, turned_down = (rows, bad) if source is run.domain.shaped[0] else (0, 0)
        with run.dataset("extract", source).writer() as writer:
            writer.write(pa.record_batch([pa.array(range(count), pa.int64())], names=["internalid"]))
            writer.commit()
        lines = [
            {
                "stage": "validate",
                "source": source.name,
                "id": id_,
                "key": None,
                "reasons": ["x"],
                "row": "{}",
            }
            for id_ in range(turned_down)
        ]
        with run.dataset("rejected", source).writer(rejected_rows.SCHEMA) as writer:
            writer.write(pa.RecordBatch.from_pylist(lines, schema=rejected_rows.SCHEMA))
            writer.commit()
    return run


def with_gates(run: Run, **changes: Any) -> Run:
    return replace(run, store=run.store.model_copy(update={"gates": GateSettings(**changes)}))


def increment(run: Run, day: int, hours: int = 1) -> Run:
    end = f"2026-11-{day:02}T{hours:02}:00:00Z"
    return replace(run, window=Window.parse(f"2026-11-{day:02}T00:00:00Z", end))


def shut(run: Run) -> list[str]:
    return [told.partition("'")[2].partition("'")[0] for told in gates.shut(run, like_others=True)]


@pytest.mark.parametrize(
    ("rows", "bad", "settings", "told"),
    [
        (100, 51, {}, ["rejected_share"]),
        (100, 50, {}, []),
        (99, 99, {}, []),
        (99, 99, {"rejected_rows": 98}, ["rejected_rows"]),
        (99, 98, {"rejected_rows": 98}, []),
        (1000, 11, {"rejected_share": 0.01}, ["rejected_share"]),
        (100, 100, {"rejected_share": None}, []),
        (10, 6, {"least_rows": 10}, ["rejected_share"]),
        (0, 0, {"rejected_rows": 0}, []),
    ],
)
def test_too_many_rejected_rows(
    new_run: NewRun, rows: int, bad: int, settings: dict[str, Any], told: list[str]
) -> None:
    assert shut(with_gates(staged(new_run("customers"), rows, bad), **settings)) == told


def test_a_run_that_stops_says_which_gate_the_numbers_and_how_to_go_on(new_run: NewRun) -> None:
    run = staged(new_run("customers"), 200, 150)
    with pytest.raises(MendError) as stopped:
        gates.check(run, like_others=True, ignored=False)
    sentence = str(stopped.value)
    assert sentence.startswith(
        "Gate 'rejected_share': 150 of 200 rows (75 %) are rejected, and at most 50 % may be. "
        "Nothing was sent."
    )
    assert "rejected list --store demo --flow customers" in sentence
    assert "'Ignore gates'" in sentence
    assert len(list(rejected(run))) == 150


def test_gates_can_be_ignored_and_dry_runs_go_on(new_run: NewRun) -> None:
    run = staged(new_run("customers"), 200, 150)
    gates.check(run, like_others=True, ignored=True)
    assert list(rejected(run)) == []
    gates.check(staged(new_run("customers", dry_run=True), 200, 150), like_others=False, ignored=False)


def remembered(new_run: NewRun, counts: list[int]) -> None:
    for day, rows in enumerate(counts, 1):
        volume.remember(staged(new_run("customers", end=f"2026-10-{day:02}"), rows))


@pytest.mark.parametrize(
    ("before", "rows", "told"),
    [
        ([1000, 1000, 1100], 499, ["drop"]),
        ([1000, 1000, 1100], 500, []),
        ([1000, 1000, 1100], 0, ["drop"]),
        ([1000, 1000, 1100], 3001, ["jump"]),
        ([1000, 1000, 1100], 3000, []),
        ([1000, 1000], 1, []),
        # What gives nothing any more shows beside a single run.
        ([1000], 0, ["drop"]),
        ([99], 0, []),
        ([10, 10, 10], 0, []),
        ([10, 10, 10], 90, []),
        ([10, 10, 10], 100, ["jump"]),
    ],
)
def test_a_sudden_drop_or_jump_of_whole_runs(
    new_run: NewRun, before: list[int], rows: int, told: list[str]
) -> None:
    remembered(new_run, before)
    assert shut(staged(new_run("customers", end="2026-11-01"), rows)) == told


def test_the_sentence_of_a_drop_has_its_numbers(new_run: NewRun) -> None:
    remembered(new_run, [1000, 1000, 1200])
    (told,) = gates.shut(staged(new_run("customers", end="2026-11-01"), 100), like_others=True)
    assert told == (
        "Gate 'drop': 100 rows were read, and 1,000 are usual (of the last 3 runs); "
        "at most 50 % fewer may be."
    )


def test_increments_are_compared_by_the_hour_and_only_with_increments(new_run: NewRun) -> None:
    remembered(new_run, [100_000] * 3)
    run = new_run("customers")
    for day in (1, 2, 3):
        volume.remember(staged(increment(run, day), 100))
    assert shut(staged(increment(run, 4), 5000)) == []
    assert shut(staged(increment(run, 5), 5001)) == ["jump"]
    # After a night without runs there are as many rows an hour as ever.
    assert shut(staged(increment(run, 6, hours=10), 5001)) == []
    assert shut(staged(increment(run, 7), 0)) == []
    strict = {"increments": {"drop": 0.9}}
    assert shut(with_gates(staged(increment(run, 8), 9), **strict)) == ["drop"]


def test_a_run_within_bounds_of_its_own_is_not_compared(new_run: NewRun) -> None:
    remembered(new_run, [1000] * 3)
    assert gates.shut(staged(new_run("customers", limit=1), 1), like_others=False) == []


def test_a_flow_may_have_gates_of_its_own(new_run: NewRun) -> None:
    run = staged(new_run("customers"), 100, 3)
    flow = run.store.flows["customers"].model_copy(update={"gates": GateSettings(rejected_rows=2)})
    own = run.store.model_copy(update={"flows": {**run.store.flows, "customers": flow}})
    assert shut(run) == []
    assert shut(replace(run, store=own)) == ["rejected_rows"]
