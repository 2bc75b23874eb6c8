"""A ledger that many runs read, add to and merge at once, each killed wherever it may be."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random

import pyarrow as pa
import pytest
from flows_turns import Killed, Turns, TurnsFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsuite_connector.flows import ledger, segments
from netsuite_connector.flows.ledger import Ledger
from netsuite_connector.staging.staging import Staging

PLACE = ("store", "flow", "ledger", "source")
KEYS = st.sets(st.integers(1, 6), max_size=4)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), KEYS),
        st.tuples(st.just("add"), KEYS),
        st.tuples(st.just("read"), st.none()),
        st.tuples(st.just("merge"), st.none()),
    ),
    min_size=1,
    max_size=6,
)


@dataclass
class Added:
    """Lines that were added, or may have been where whoever did it was killed."""

    keys: set[int]
    began: int
    ended: int | None = None
    surely: bool = False


@dataclass
class World:
    """The ledger, and what is known of it without looking."""

    turns: Turns
    ledger: Ledger
    added: list[Added] = field(default_factory=list)

    def act(self, steps: list[tuple[str, set[int] | None]]) -> None:
        """One run after another; one that is killed is tried again."""
        for name, keys in steps:
            done = False
            while not done:
                try:
                    {"add": self.add, "read": self.read, "merge": self.merge}[name](keys or set())
                    done = True
                except Killed:
                    self.turns.revive()

    def add(self, keys: set[int]) -> None:
        value = len(self.added)
        mine = Added(keys, self.turns.moment)
        self.added.append(mine)
        try:
            ledger.update(self.ledger, lines(keys, value))
            mine.surely = True
        finally:
            mine.ended = self.turns.moment

    def merge(self, _: set[int]) -> None:
        self.ledger.segments.compact()

    def read(self, _: set[int]) -> None:
        began = self.turns.moment
        rows = [row for batch in ledger.read(self.ledger) for row in batch.to_pylist()]
        ids = [row["id"] for row in rows]
        assert ids == sorted(set(ids)), "out of order or twice"
        seen = {row["id"]: row["fingerprint"] for row in rows}
        for key in range(1, 7):
            before = [
                each
                for each in self.added
                if key in each.keys and each.surely and each.ended is not None and each.ended <= began
            ]
            if key not in seen:
                assert not before, f"{key} is lost"
                continue
            found = self.added[seen[key]]
            assert key in found.keys
            for newer in before:
                assert found.ended is None or newer.began <= found.ended, f"{key} is an old one"


def lines(keys: set[int], value: int) -> Iterator[pa.RecordBatch]:
    for key in sorted(keys):
        line = {"id": key, "sub": 0, "fingerprint": value, "key_hash": None, "rank": None}
        yield pa.RecordBatch.from_pylist([line], schema=ledger.SCHEMA)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments are merged when there are two, and every row is a part of its own."""
    monkeypatch.setattr(segments, "MOST", 2)
    monkeypatch.setattr(segments, "_AT_LEAST", 2)
    monkeypatch.setattr("netsuite_connector.staging.writer._SAMPLE_ROWS", 1)
    monkeypatch.setattr("netsuite_connector.staging.writer.ROW_GROUP_ROWS", 1)
    monkeypatch.setattr("netsuite_connector.staging.writer._PART_BYTES", 1)


@pytest.mark.usefixtures("few")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(STEPS, min_size=2, max_size=4),
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.02, 0.08]),
    st.lists(st.integers(-3, 3), min_size=1),
)
def test_what_was_added_is_read_whatever_happens_at_once_and_whoever_is_killed(
    actors: list[list[tuple[str, set[int] | None]]], seed: int, deadly: float, clock: list[int]
) -> None:
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]
    world = World(TurnsFileSystem.turns, Ledger(Staging("turns://ledger"), PLACE, "a run"))
    ticks = itertools.cycle(clock)
    with pytest.MonkeyPatch.context() as patch:
        # A clock that stands still and jumps a little, as those of several machines do.
        patch.setattr("netsuite_connector.flows.segments.time.time_ns", lambda: 10**18 + next(ticks))
        world.turns.run([partial(world.act, steps) for steps in actors], Random(seed), deadly)
        world.read(set())
        for _ in range(3):
            world.merge(set())
        world.read(set())
        assert len(world.ledger.segments.standing()) <= segments.MOST


@pytest.mark.usefixtures("few")
def test_what_killed_writers_left_goes_after_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]
    world = World(TurnsFileSystem.turns, Ledger(Staging("turns://ledger"), PLACE, "a run"))
    world.add({1, 2})
    # A writer that was killed before its manifest leaves what this leaves.
    (manifest,) = (path for path in MemoryFileSystem.store if path.endswith("manifest.json"))
    del MemoryFileSystem.store[manifest]
    world.added.clear()
    world.add({3})
    left = len(MemoryFileSystem.store)
    world.merge(set())
    assert len(MemoryFileSystem.store) == left
    now = segments.time.time_ns()
    monkeypatch.setattr("netsuite_connector.flows.segments.time.time_ns", lambda: now + 2 * 86_400 * 10**9)
    world.merge(set())
    assert len(MemoryFileSystem.store) < left
    world.read(set())
