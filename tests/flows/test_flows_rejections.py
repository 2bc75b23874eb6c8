"""The list of rejected rows: who comes, stays and leaves, whatever ends when, and nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsuite_connector.domains.model import Source
from netsuite_connector.errors import MendError
from netsuite_connector.flows import rejections
from netsuite_connector.flows.rejections import Rejected, Wanted, record, rejected, wanted_rows
from netsuite_connector.flows.run import READ_FROM, Run
from netsuite_connector.staging import rejected as rejected_rows
from netsuite_connector.staging.staging import Staging
from netsuite_connector.window import Window

NewRun = Callable[..., Run]
Reasons = dict[int, list[str]]


def source_of(run: Run) -> Source:
    return run.domain.shaped[0]


def staged(run: Run, read: list[int], bad: Reasons, refused: Reasons | None = None, at: int = 0) -> Run:
    """The run with rows that it read, of which some are rejected, and others refused by Klaviyo."""
    source = source_of(run)
    with run.dataset("extract", source).writer() as writer:
        writer.write(pa.record_batch([pa.array(read, pa.int64())], names=["internalid"]))
        writer.commit()
    for stage, name, why in (("validate", "rejected", bad), ("confirm", "refused", refused or {})):
        lines = [
            {
                "stage": stage,
                "source": source.name,
                "id": id_,
                "key": f"k{id_}",
                "reasons": reasons,
                "row": "{}",
            }
            for id_, reasons in why.items()
        ]
        with run.dataset(name, source).writer(rejected_rows.SCHEMA) as writer:
            writer.write(pa.RecordBatch.from_pylist(lines, schema=rejected_rows.SCHEMA))
            writer.commit()
    manifest = run.document("extract", source.name, "manifest.json")
    moment = f"2026-11-01T00:00:{at:02}+00:00"
    run.staging.write_json(manifest, run.staging.read_json(manifest) | {"created_at": moment})
    return run


def on_list(run: Run) -> dict[int, tuple[int, tuple[str, ...]]]:
    return {row.id: (row.tries, row.reasons) for row in rejected(run)}


def test_what_is_rejected_comes_and_what_passes_leaves(new_run: NewRun) -> None:
    first = staged(new_run("customers"), [1, 2, 3, 4], {2: ["Email is missing"]}, {3: ["Klaviyo: no"]})
    assert record(first) == {"came": 2, "stayed": 0, "left": 0}
    assert on_list(first) == {2: (1, ("Email is missing",)), 3: (1, ("Klaviyo: no",))}
    window = Window.parse("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z")
    second = staged(replace(first, window=window), [2, 3], {3: ["Phone is wrong"]}, at=5)
    assert record(second) == {"came": 1, "stayed": 0, "left": 2}
    assert on_list(first) == {3: (1, ("Phone is wrong",))}


def test_a_row_that_is_rejected_again_keeps_when_it_was_first_seen(new_run: NewRun) -> None:
    run = new_run("customers")
    for day in range(3):
        window = Window.parse(f"2026-11-0{day + 1}T00:00:00Z", f"2026-11-0{day + 2}T00:00:00Z")
        record(staged(replace(run, window=window), [7], {7: [f"Reason {day}"]}, at=day))
    (row,) = rejected(run)
    assert (row.tries, row.reasons) == (3, ("Reason 2",))
    assert (row.first_seen, row.last_seen) == ("2026-11-01T00:00:00Z", "2026-11-01T00:00:02Z")


def test_a_run_that_reports_again_changes_nothing_and_says_the_same(new_run: NewRun) -> None:
    run = staged(new_run("customers"), [1, 2], {2: ["Email is missing"]})
    record(run)
    before = list(rejected(run))
    assert record(run) == {"came": 1, "stayed": 0, "left": 0}
    assert list(rejected(run)) == before
    again = staged(replace(run, limit=9), [2], {2: ["Email is missing"]}, at=5)
    # Once when its rows are checked, once when it ends.
    assert record(again, ended=False) == record(again) == {"came": 0, "stayed": 1, "left": 0}
    assert on_list(run) == {2: (2, ("Email is missing",))}


def test_a_dry_run_leaves_the_list_alone(new_run: NewRun) -> None:
    run = staged(new_run("customers", dry_run=True), [1], {1: ["Email is missing"]})
    assert record(run) == {"came": 0, "stayed": 0, "left": 0}
    assert on_list(run) == {}


def test_a_run_over_everything_takes_off_what_is_not_there_any_more(new_run: NewRun) -> None:
    record(staged(new_run("customers"), [1, 2], {1: ["a"], 2: ["b"]}))
    record(staged(new_run("customers", end="2026-11-02"), [2], {2: ["b"]}, at=5))
    assert set(on_list(new_run("customers"))) == {2}
    # A run that was asked to stop early has not seen everything.
    record(staged(new_run("customers", end="2026-11-03", limit=1), [3], {}, at=9))
    assert set(on_list(new_run("customers"))) == {2}


def test_what_was_read_later_counts_whichever_run_ends_last(new_run: NewRun) -> None:
    window = Window.parse("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z")
    slow = staged(replace(new_run("customers"), window=window), [1, 2], {1: ["old"]}, at=1)
    quick = staged(new_run("customers", limit=9), [1, 2], {1: ["new"], 2: ["bad"]}, at=2)
    record(quick)
    record(slow)
    assert on_list(quick) == {1: (1, ("new",)), 2: (1, ("bad",))}


@pytest.mark.parametrize("slow_rejects", [True, False])
def test_what_was_read_later_counts_if_it_is_written_while_another_run_is_about_to_write(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, *, slow_rejects: bool
) -> None:
    record(staged(new_run("customers", limit=1), [1], {1: ["long ago"]}))
    why: list[Reasons] = [{1: ["slow"]} if slow_rejects else {}, {} if slow_rejects else {1: ["quick"]}]
    slow = staged(new_run("customers", limit=2), [1], why[0], at=1)
    quick = staged(new_run("customers", limit=3), [1], why[1], at=2)
    write = rejections._add

    def meanwhile(*what: Any, **more: Any) -> None:
        monkeypatch.setattr(rejections, "_add", write)
        record(quick)
        write(*what, **more)

    monkeypatch.setattr(rejections, "_add", meanwhile)
    record(slow)
    assert on_list(slow) == ({} if slow_rejects else {1: (2, ("quick",))})


def test_housekeeping_takes_nothing_off_that_is_rejected_meanwhile(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = staged(new_run("customers", limit=1), [1], {1: ["old"]})
    record(run)
    write = rejections._add

    def meanwhile(*what: Any, **more: Any) -> None:
        monkeypatch.setattr(rejections, "_add", write)
        record(staged(new_run("customers", limit=2), [1], {1: ["fresh"]}, at=50))
        write(*what, **more)

    monkeypatch.setattr(rejections, "_add", meanwhile)
    rejections.expire(run.staging, run.store.store, "customers", "2026-11-01T00:00:30Z", really=True)
    assert on_list(run) == {1: (2, ("fresh",))}


def test_a_run_has_read_its_rows_when_it_began_to(new_run: NewRun) -> None:
    """What another run rejects while this one is reading may be newer than what this one saw."""
    slow = staged(new_run("customers", limit=1), [1], {}, at=30)
    place = slow.document("extract", source_of(slow).name, "manifest.json")
    manifest = slow.staging.read_json(place)
    began = {READ_FROM: 1_793_491_200 * 10**9}
    slow.staging.write_json(place, manifest | {"facts": manifest["facts"] | began})
    record(staged(new_run("customers", limit=2), [1], {1: ["edited meanwhile"]}, at=15))
    record(slow)
    assert on_list(slow) == {1: (1, ("edited meanwhile",))}


def test_a_run_that_stopped_lists_what_it_rejected_and_takes_nothing_off(new_run: NewRun) -> None:
    record(staged(new_run("customers", limit=1), [1, 2], {1: ["a"], 2: ["b"]}))
    stopped = staged(new_run("customers", limit=2), [1, 3], {3: ["c"]}, {1: ["left by an earlier try"]}, at=5)
    record(stopped, ended=False)
    assert on_list(stopped) == {1: (1, ("a",)), 2: (1, ("b",)), 3: (1, ("c",))}


def test_runs_that_end_at_once_lose_nothing(new_run: NewRun, tmp_path: Path) -> None:
    runs = [
        staged(
            replace(new_run("customers", limit=number + 1), staging=Staging(str(tmp_path / "staging"))),
            [number],
            {number: [f"reason {number}"]},
        )
        for number in range(24)
    ]
    failed: list[BaseException] = []

    def end(run: Run) -> None:
        try:
            record(run)
        except BaseException as error:  # noqa: BLE001 - told by the test
            failed.append(error)

    threads = [threading.Thread(target=end, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert on_list(runs[0]) == {number: (1, (f"reason {number}",)) for number in range(24)}


def test_the_list_is_kept_for_each_pair_of_connections(new_run: NewRun) -> None:
    run = staged(new_run("customers"), [1], {1: ["a"]})
    record(run)
    live = run.store.klaviyo.model_copy(update={"connection": "live"})
    elsewhere = replace(run, store=run.store.model_copy(update={"klaviyo": live}))
    assert on_list(elsewhere) == {}
    assert on_list(new_run("orders")) == {}


def test_on_a_filesystem_that_is_no_disk(new_run: NewRun) -> None:
    staging = Staging("memory://rejections")
    run = staged(replace(new_run("customers"), staging=staging), [1, 2], {1: ["a"]})
    record(run)
    record(staged(replace(run, limit=5), [1], {}, at=5))
    assert on_list(run) == {}


def test_what_expires_is_gone_from_the_disk_too(new_run: NewRun, tmp_path: Path) -> None:
    old = staged(new_run("customers", limit=1), [1, 2], {1: ["secret"], 2: ["secret"]})
    record(old)
    record(staged(new_run("customers", limit=2), [2], {2: ["fresh"]}, at=30))
    place = (old.staging, old.store.store, "customers", "2026-11-01T00:00:10Z")
    assert rejections.expire(*place, really=False) == 1
    assert set(on_list(old)) == {1, 2}
    assert rejections.expire(*place, really=True) == 1
    assert on_list(old) == {2: (2, ("fresh",))}
    folder = tmp_path / "staging" / old.store.store / "customers" / rejections.FOLDER
    kept = [str(pq.read_table(part).to_pylist()) for part in folder.rglob("*.parquet")]
    assert kept
    assert not any("secret" in part for part in kept)


RUNS = st.lists(
    st.tuples(
        st.sets(st.integers(1, 12), max_size=8),
        st.sets(st.integers(1, 12), max_size=5),
        st.sets(st.integers(1, 12), max_size=3),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=RUNS, rows=st.integers(1, 4))
def test_the_list_equals_the_model(
    new_run: NewRun,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    runs: list[tuple[set[int], set[int], set[int], bool]],
    rows: int,
) -> None:
    """However many rows are held at once."""
    monkeypatch.setattr(rejections, "ROUND_ROWS", rows)
    staging = Staging(str(tmp_path_factory.mktemp("staging")))
    model: dict[int, dict[str, int]] = {}
    for number, (read, bad, refused, whole) in enumerate(runs):
        all_bad = read & (bad | refused)
        run = replace(new_run("customers"), staging=staging, limit=None if whole else number + 1)
        if whole:
            run = replace(run, window=Window.parse(None, f"2026-11-{number + 2:02}T00:00:00Z"))
        invalid = {id_: ["invalid"] for id_ in sorted(read & bad)}
        turned_down = {id_: ["refused"] for id_ in sorted((read & refused) - bad)}
        record(staged(run, sorted(read), invalid, turned_down, at=number))
        for id_ in set(model) if whole else set(model) & read:
            if id_ not in all_bad:
                del model[id_]
        for id_ in all_bad:
            stage = "validate" if id_ in bad else "confirm"
            model[id_] = {stage: model.get(id_, {}).get(stage, 0) + 1}
        found: dict[int, dict[str, int]] = {}
        for row in rejected(run):
            found.setdefault(row.id, {})[row.stage] = row.tries
        assert found == model


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Wanted(), {1, 2}),
        (Wanted(ids=(2, 3)), {2}),
        (Wanted(reason="EMAIL"), {1}),
        (Wanted(source="contacts"), set()),
        (Wanted(since="2026-11-01T00:00:01Z"), set()),
    ],
)
def test_rows_are_found_by_what_is_known_of_them(new_run: NewRun, wanted: Wanted, ids: set[int]) -> None:
    run = staged(new_run("customers"), [1, 2], {1: ["Email is missing"], 2: ["Name is missing"]})
    record(run)
    assert {row.id for row in rejected(run, wanted)} == ids


def test_an_empty_wish_is_not_taken_for_all() -> None:
    nothing: dict[str, Any] = {"source": None, "ids": [], "reason": "", "since": None}
    with pytest.raises(MendError, match="Say which rejected rows to replay"):
        wanted_rows(**nothing, everything=False)
    assert wanted_rows(**nothing, everything=True) == Wanted()
    since = wanted_rows(**nothing | {"since": "2026-11-01T01:00:00+01:00"}, everything=True)
    assert since == Wanted(since="2026-11-01T00:00:00Z")
    moment = "2026-11-01T00:00:00Z"
    row = Rejected("customers", 1, "validate", None, ("a",), "{}", moment, moment, 1)
    assert since.matches(row)
