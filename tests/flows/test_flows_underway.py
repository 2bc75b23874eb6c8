"""Whatever order runs read, send, deliver and die in: after the next run on a schedule, Klaviyo has what
NetSuite has.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pytest
from flows_staged import source_of
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netsuite_connector.domains.model import Source
from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows import ledger, raced, underway
from netsuite_connector.flows.ledger import unknown
from netsuite_connector.flows.overtaken import newer_than, without
from netsuite_connector.flows.raced import note_raced, prune, raced_ids
from netsuite_connector.flows.run import READ_FROM, Run
from netsuite_connector.flows.underway import Underway, in_doubt
from netsuite_connector.staging.dataset import Dataset
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_stores
from netsuite_connector.window import Window

STORE = load_stores()[0]
ITEMS = (1, 2)
RUNS = st.integers(0, 1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["save", "revert"]), st.sampled_from(ITEMS)),
        st.tuples(st.sampled_from(["read", "send", "send", "deliver", "die"]), RUNS),
        st.tuples(st.just("scheduled"), st.just(0)),
    ),
    min_size=6,
    max_size=16,
)
DIES_HAVING_SENT = [("save", 1), ("read", 0), ("send", 0), ("revert", 1), ("die", 0)]
CONFIRMS_LATE = [("save", 1), ("read", 0), ("save", 1), ("read", 1), ("send", 1), ("send", 0)]
SENDS_LATE = [("save", 1), ("read", 0), ("send", 0), ("save", 1), ("scheduled", 0), ("send", 0)]
_numbers = itertools.count()


@dataclass
class Reader:
    """A run; the versions that it has read and has to send, and whether it has begun to."""

    run: Run
    to_send: dict[int, int] | None = None
    sends: bool = False
    read: int = 0


@dataclass
class World:
    """NetSuite's and Klaviyo's versions of two items. The last of the runs is the one on a schedule, which
    reads what was saved since it did so the last time."""

    runs: list[Reader]
    netsuite: dict[int, int] = field(default_factory=lambda: dict.fromkeys(ITEMS, 0))
    klaviyo: dict[int, int] = field(default_factory=dict)
    saved: dict[int, int] = field(default_factory=lambda: dict.fromkeys(ITEMS, 1))
    mark: int = 0
    versions: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def save(self, item: int) -> None:
        self.netsuite[item] = next(self.versions)
        self.saved[item] = tick()

    def revert(self, item: int) -> None:
        """The item is as the ledger has it, but not before all who have read it have told that they send."""
        if all(each.to_send is None or each.sends for each in self.runs):
            self.netsuite[item] = self.ledger().get(item, self.netsuite[item])
            self.saved[item] = tick()

    def ledger(self) -> dict[int, int]:
        run = self.runs[0].run
        batches = ledger.read(run.ledger(items(run)), ["id", "fingerprint"])
        return {row["id"]: row["fingerprint"] for batch in batches for row in batch.to_pylist()}

    def reads(self, number: int) -> None:
        each = self.runs[number]
        if each.to_send is not None:
            return
        each.read = tick()
        with each.run.dataset("extract", items(each.run)).writer() as writer:
            writer.commit(**{READ_FROM: each.read})
        wanted = set(ITEMS)
        if number == len(self.runs) - 1:
            wanted = {item for item, at in self.saved.items() if at >= self.mark}
            wanted |= set(raced_ids(each.run).tolist())
        read = {item: self.netsuite[item] for item in wanted}
        known = in_doubt(each.run, items(each.run)).among
        split = unknown(each.run.ledger(items(each.run)), lines(read), once=False, doubted=known)
        each.to_send = {row["id"]: row["fingerprint"] for to_send, _ in split for row in to_send.to_pylist()}
        each.sends = False

    def sends(self, number: int) -> None:
        each = self.runs[number]
        if each.to_send is None:
            return
        if not each.sends:
            gone = set(newer_than(each.run, items(each.run))["id"].tolist())
            each.to_send = {item: version for item, version in each.to_send.items() if item not in gone}
        with each.run.dataset("records", items(each.run)).writer(ledger.SCHEMA) as writer:
            for batch in lines(each.to_send):
                writer.write(batch)
            writer.commit()
        each.sends = True
        Underway(each.run, items(each.run)).begin()
        self.klaviyo |= each.to_send
        tick()

    def delivers(self, number: int) -> None:
        each = self.runs[number]
        if each.to_send is None or not each.sends:
            return
        source = items(each.run)
        for _ in range(2):  # the first try is killed before it ends
            note_raced(each.run, source)
            newer = newer_than(each.run, source)
            ledger.update(each.run.ledger(source), without(newer, lines(each.to_send)), each.read)
        Underway(each.run, source).end()
        if number == len(self.runs) - 1:
            prune(each.run)
            self.mark = each.read
        each.to_send = None

    def scheduled(self) -> None:
        last = len(self.runs) - 1
        self.runs[last].to_send = None
        self.reads(last)
        self.sends(last)
        self.delivers(last)


def tick() -> int:
    """A moment of its own."""
    time.sleep(0.000_001)
    return time.time_ns()


def items(run: Run) -> Source:
    return source_of(run, "items")


def lines(versions: dict[int, int]) -> Iterator[pa.RecordBatch]:
    usual: dict[str, Any] = dict.fromkeys(ledger.SCHEMA.names)
    rows = [usual | {"id": id_, "sub": 0, "fingerprint": versions[id_]} for id_ in sorted(versions)]
    return iter(pa.Table.from_pylist(rows, schema=ledger.SCHEMA).to_batches())


def new_runs(count: int, place: str = "") -> list[Run]:
    staging = Staging(place or f"memory://underway-{next(_numbers)}")
    ends = (f"2026-11-{day:02}T00:00:00Z" for day in range(1, count + 1))
    return [Run(STORE, DOMAINS["catalog"], Window.parse(None, end), staging) for end in ends]


def note_of(run: Run, *ids: int) -> Underway:
    """What a run notes that is about to send these."""
    with run.dataset("records", items(run)).writer(ledger.SCHEMA) as writer:
        for batch in lines(dict.fromkeys(ids, 1)):
            writer.write(batch)
        writer.commit()
    noted = Underway(run, items(run))
    noted.begin()
    return noted


@settings(deadline=None, max_examples=100)
@given(STEPS)
@example(DIES_HAVING_SENT)
@example([*SENDS_LATE, ("die", 0)])
@example([*SENDS_LATE, ("deliver", 0)])
@example([*CONFIRMS_LATE, ("deliver", 0), ("deliver", 1)])
@example([*CONFIRMS_LATE, ("deliver", 1), ("deliver", 0)])
@example([*CONFIRMS_LATE, ("die", 0), ("deliver", 1)])
def test_after_the_next_run_on_a_schedule_klaviyo_has_what_netsuite_has(
    steps: list[tuple[str, int]],
) -> None:
    with mock.patch.object(raced, "ARRIVES_WITHIN", 0):
        all_is_well_after(steps)


def all_is_well_after(steps: list[tuple[str, int]]) -> None:
    world = World([Reader(run) for run in new_runs(3)])
    world.scheduled()
    assert world.klaviyo == world.netsuite
    for what, which in steps:
        match what:
            case "save":
                world.save(which)
            case "revert":
                world.revert(which)
            case "read":
                world.reads(which)
            case "send":
                world.sends(which)
            case "deliver":
                world.delivers(which)
            case "scheduled":
                world.scheduled()
            case _:
                world.runs[which].to_send = None
    world.scheduled()
    assert world.klaviyo == world.netsuite
    # It began to read after all others had sent, so the one after it ends all doubts.
    world.scheduled()
    run = world.runs[0].run
    assert not raced_ids(run).size


def test_what_no_run_has_settled_in_a_month_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = new_runs(1)
    note_of(run, 1)
    assert in_doubt(run, items(run)).ids.tolist() == [1]
    now = time.time_ns()
    monkeypatch.setattr(underway.time, "time_ns", lambda: now + 31 * 86_400 * 10**9)
    assert not in_doubt(run, items(run)).ids.size
    prune(run)
    assert not run.staging.list(folder(run))


def test_of_what_some_is_settled_the_rest_stays_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    dead, later = new_runs(2)
    note_of(dead, 1, 2)
    monkeypatch.setattr(raced, "ARRIVES_WITHIN", 0)
    ledger.update(later.ledger(items(later)), lines({1: 5}), tick())
    prune(later)
    assert in_doubt(dead, items(dead)).ids.tolist() == [2]


def test_what_is_still_being_sent_is_not_settled_by_who_read_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow, quick, later = new_runs(3)
    noted = note_of(slow, 1)
    ledger.update(quick.ledger(items(quick)), lines({1: 5}), tick())
    noted.go_on()
    monkeypatch.setattr(raced, "ARRIVES_WITHIN", 0)
    prune(quick)
    assert in_doubt(slow, items(slow)).ids.tolist() == [1]
    with later.dataset("extract", items(later)).writer() as writer:
        writer.commit(**{READ_FROM: tick()})
    assert raced_ids(later).tolist() == [1]
    prune(later)
    assert not in_doubt(slow, items(slow)).ids.size


def test_a_note_that_is_written_anew_while_it_is_read_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = new_runs(1)
    note_of(run, 1, 2)
    read, again = Dataset.manifest, iter([True])

    def meanwhile(dataset: Dataset) -> Any:
        manifest = read(dataset)
        if "underway" in dataset.name and next(again, False):
            note_of(run, 2)
        return manifest

    monkeypatch.setattr(Dataset, "manifest", meanwhile)
    assert in_doubt(run, items(run)).ids.tolist() == [2]


def test_what_is_sent_again_after_its_note_was_settled_is_noted_again() -> None:
    (run,) = new_runs(1)
    noted = note_of(run, 1)
    noted.end()
    assert not in_doubt(run, items(run)).ids.size
    noted.go_on()
    assert in_doubt(run, items(run)).ids.tolist() == [1]


@pytest.mark.parametrize("left", ["last.json", "part-1-2-3-00000.parquet"])
def test_what_a_killed_process_left_of_a_note_is_cleared_away(left: str, tmp_path: Path) -> None:
    (run,) = new_runs(1, str(tmp_path))
    for name in ("dead", "living"):
        run.staging.write_json((*folder(run), name, left), 1)
    (dead,) = tmp_path.rglob(f"dead/{left}")
    yesterday = time.time() - 2 * 86_400
    os.utime(dead, (yesterday, yesterday))
    prune(run)
    assert run.staging.list(folder(run)) == ["living"]


def test_a_note_that_is_damaged_stops_nobody() -> None:
    (run,) = new_runs(1)
    note_of(run, 1)
    (name,) = run.staging.list(folder(run))
    run.staging.write_json((*folder(run), name, "last.json"), None)
    for held in run.staging.held((*folder(run), name)):
        if held.path[-1].startswith("part-"):
            run.staging.remove((*folder(run), name, held.path[-1]))
    assert not in_doubt(run, items(run)).ids.size


def folder(run: Run) -> tuple[str, ...]:
    return (run.store.store, run.domain.flow, "underway", run.between, "items")


@pytest.mark.parametrize("name", ["cancellations", "orders"])
def test_an_event_is_in_no_doubt_as_it_is_the_same_however_often_it_is_sent(name: str) -> None:
    (run,) = new_runs(1)
    run = Run(run.store, DOMAINS["orders"], run.window, run.staging)
    source = source_of(run, name)
    with run.dataset("records", source).writer(ledger.SCHEMA) as writer:
        for batch in lines({1: 1}):
            writer.write(batch)
        writer.commit()
    Underway(run, source).begin()
    assert not in_doubt(run, source).ids.size
    assert not run.staging.list(("demo", "orders", "underway"))
