"""The ledger and the walk of ordered streams beneath it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsuite_connector.errors import MendError
from netsuite_connector.flows import ledger, segments
from netsuite_connector.flows.ledger import Ledger
from netsuite_connector.flows.sorted_merge import all_together, side_by_side
from netsuite_connector.staging.staging import Staging

Key = tuple[int, int]
LINES = st.dictionaries(st.tuples(st.integers(1, 12), st.integers(0, 3)), st.integers(0, 2), max_size=30)
SIZES = st.integers(1, 7)
PLACE = ("store", "flow", "ledger", "source")
_numbers = itertools.count()


def new_ledger(root: str | None = None) -> Ledger:
    return Ledger(Staging(root or f"memory://ledger-{next(_numbers)}"), PLACE, "a run")


def stream(lines: dict[Key, int], size: int) -> Iterator[pa.RecordBatch]:
    ordered = sorted(lines)
    for start in range(0, len(ordered), size):
        keys = ordered[start : start + size]
        yield pa.RecordBatch.from_pylist(
            [
                {"id": k[0], "sub": k[1], "fingerprint": lines[k], "key_hash": None, "rank": None}
                for k in keys
            ],
            schema=ledger.SCHEMA,
        )


def content(batches: Iterator[pa.RecordBatch]) -> dict[Key, int]:
    rows = [row for batch in batches for row in batch.to_pylist()]
    keys = [(row["id"], row["sub"]) for row in rows]
    assert keys == sorted(set(keys)), "out of order or twice"
    return {(row["id"], row["sub"]): row["fingerprint"] for row in rows}


@given(LINES, LINES, SIZES, SIZES)
def test_both_streams_come_out_whole_and_equal_keys_meet(
    old: dict[Key, int], new: dict[Key, int], old_size: int, new_size: int
) -> None:
    pairs = list(side_by_side(stream(old, old_size), stream(new, new_size)))
    assert content(left for left, _ in pairs if left is not None) == old
    assert content(right for _, right in pairs if right is not None) == new
    for left, right in pairs:
        lefts = content(iter([left])) if left is not None else {}
        for key in content(iter([right])) if right is not None else ():
            assert (key in lefts) == (key in old)


@given(st.lists(st.tuples(LINES, SIZES), max_size=5))
def test_any_number_of_streams_come_out_whole_and_no_key_is_in_two_steps(
    streams: list[tuple[dict[Key, int], int]],
) -> None:
    steps = list(all_together([stream(lines, size) for lines, size in streams]))
    seen: set[Key] = set()
    for pieces in steps:
        keys = set().union(*(content(iter([piece])) for piece in pieces))
        assert not seen & keys
        assert not seen or max(seen) < min(keys)
        seen |= keys
    assert seen == set().union(*(lines for lines, _ in streams))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(LINES, SIZES), max_size=4), LINES, SIZES)
def test_the_ledger_is_what_was_delivered_last_and_tells_what_is_unknown(
    runs: list[tuple[dict[Key, int], int]], asked: dict[Key, int], size: int
) -> None:
    mine = new_ledger()
    delivered: dict[Key, int] = {}
    for lines, part in runs:
        ledger.update(mine, stream(lines, part))
        ledger.update(mine, stream(lines, part))  # a repeat changes nothing
        delivered |= lines
    assert content(ledger.read(mine)) == delivered
    for once in (False, True):
        pieces = list(ledger.unknown(mine, stream(asked, size), once=once))
        to_send, unchanged = content(send for send, _ in pieces), content(same for _, same in pieces)
        expected = {
            key for key, value in asked.items() if (key in delivered if once else delivered.get(key) == value)
        }
        assert set(unchanged) == expected
        assert set(to_send) == set(asked) - expected


def test_a_ledger_that_is_not_there_yet_knows_nothing(tmp_path: Path) -> None:
    mine = new_ledger(str(tmp_path))
    assert not mine.exists
    ((to_send, unchanged),) = ledger.unknown(mine, stream({(1, 0): 5}, 1), once=False)
    assert (to_send.num_rows, unchanged.num_rows) == (1, 0)


def test_a_run_that_delivered_nothing_has_been_there_and_later_ones_write_nothing(tmp_path: Path) -> None:
    mine = new_ledger(str(tmp_path))
    ledger.update(mine, iter(()))
    assert mine.exists
    assert mine.most_rows == 0
    before = sorted(tmp_path.rglob("*"))
    ledger.update(mine, iter(()))
    assert sorted(tmp_path.rglob("*")) == before


def test_many_small_runs_leave_few_segments_and_do_not_write_large_ones_anew(tmp_path: Path) -> None:
    mine = new_ledger(str(tmp_path))
    everything = {(id_, 0): 1 for id_ in range(1, 2001)}
    ledger.update(mine, stream(everything, 500))
    (large,) = mine.segments.standing()
    for number in range(100):
        ledger.update(mine, stream({(number + 1, 0): 2, (3000 + number, 0): 3}, 10))
    standing = mine.segments.standing()
    assert len(standing) <= segments.MOST + 1
    assert large.name in {segment.name for segment in standing}
    folder = tmp_path.joinpath(*PLACE)
    assert {each.name for each in folder.iterdir()} == {segment.name for segment in standing}
    lines = content(ledger.read(mine))
    assert len(lines) == 2100
    assert [lines[id_, 0] for id_ in (1, 100, 101, 3000)] == [2, 2, 1, 3]


def test_a_reader_goes_on_when_what_it_reads_is_merged_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netsuite_connector.staging.writer.ROW_GROUP_ROWS", 64)
    monkeypatch.setattr("netsuite_connector.staging.writer._PART_BYTES", 1)
    monkeypatch.setattr(segments, "MOST", 2)
    mine = new_ledger(str(tmp_path))
    everything = {(id_, 0): 1 for id_ in range(1, 2001)}
    ledger.update(mine, stream(everything, 500))
    reading = ledger.read(mine)
    first = [next(reading) for _ in range(3)]
    for number in range(2):
        ledger.update(mine, stream({(1, 0): 2, (2000, 0): 2, (3000 + number, 0): 1}, 10))
    assert len(mine.segments.standing()) == 1
    assert content(itertools.chain(first, reading)) == everything | {(2000, 0): 2, (3000, 0): 1, (3001, 0): 1}


def test_a_segment_that_lost_a_part_is_told_and_not_passed_over(tmp_path: Path) -> None:
    mine = new_ledger(str(tmp_path))
    ledger.update(mine, stream({(1, 0): 1}, 1))
    next(tmp_path.rglob("*.parquet")).unlink()
    with pytest.raises(MendError, match="is missing"):
        list(ledger.read(mine))


def test_fingerprints_tell_payloads_apart_and_stay_the_same() -> None:
    first, second, third = ledger.fingerprints([b"a", b"b", b"a"])
    assert first == third != second
    # Pinned: a ledger written by an earlier release must be understood by this one.
    assert int(first) == 3405396810240292928
