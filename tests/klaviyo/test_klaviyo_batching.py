from __future__ import annotations

import itertools
from collections.abc import Iterator

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsuite_connector.klaviyo.batching import Batch, Record, Rejection, split
from netsuite_connector.klaviyo.endpoints import Bulk

# Sizes around what fills a batch or is too large for one, so that few records make many batches.
SIZES = st.lists(
    st.one_of(
        st.integers(1, 200),
        st.integers(1_000_000, 2_400_000),
        st.integers(4_599_000, 4_601_000),
    ),
    max_size=40,
)
COUNTS = st.integers(0, 250)


def records_of(sizes: list[int]) -> list[Record]:
    return [Record(f"r{number}", b"x" * size, rows=2) for number, size in enumerate(sizes)]


@settings(max_examples=60, deadline=None)
@given(sizes=SIZES, bulk=st.sampled_from(Bulk))
def test_batches_and_rejections_together_are_the_input_in_order(sizes: list[int], bulk: Bulk) -> None:
    records = records_of(sizes)
    keys = []
    for part in split(records, bulk):
        keys += [record.key for record in part.records] if isinstance(part, Batch) else [part.key]
    # a rejection comes out while a batch is still being filled, so it may overtake the records of that batch
    assert sorted(keys) == sorted(record.key for record in records)
    sent = [record for part in split(records, bulk) if isinstance(part, Batch) for record in part.records]
    assert sent == [record for record in records if len(record.payload) <= bulk.envelope.element]


@settings(max_examples=60, deadline=None)
@given(
    sizes=SIZES,
    small=COUNTS,
    bulk=st.sampled_from([Bulk.ITEM_CREATE, Bulk.VARIANT_UPDATE, Bulk.EVENT_CREATE]),
)
def test_no_batch_is_over_a_limit_and_none_could_have_taken_the_next_record(
    sizes: list[int], small: int, bulk: Bulk
) -> None:
    batches = [part for part in split(records_of(sizes + [1] * small), bulk) if isinstance(part, Batch)]
    for batch in batches:
        body = bulk.body(record.payload for record in batch.records)
        assert batch.bytes == len(body) <= bulk.envelope.body
        assert 1 <= len(batch.records) <= bulk.envelope.records
    for batch, following in itertools.pairwise(batches):
        full = len(batch.records) == bulk.envelope.records
        assert full or batch.bytes + 1 + len(following.records[0].payload) > bulk.envelope.body
    assert [batch.number for batch in batches] == list(range(1, len(batches) + 1))


def test_a_batch_ends_at_the_count_limit_of_its_kind() -> None:
    sizes = {
        bulk: [len(part.records) for part in split(records_of([2] * 10_001), bulk) if isinstance(part, Batch)]
        for bulk in Bulk
    }
    assert sizes[Bulk.PROFILE_IMPORT] == [10_000, 1]
    assert sizes[Bulk.EVENT_CREATE] == [1_000] * 10 + [1]
    assert sizes[Bulk.ITEM_CREATE] == sizes[Bulk.VARIANT_UPDATE] == [100] * 100 + [1]


def test_a_record_too_large_for_klaviyo_is_rejected_with_its_size_and_the_others_go_on() -> None:
    records = [Record("small", b"{}"), Record("large", b"x" * 100_001, rows=3), Record("other", b"{}")]
    rejection, batch = split(records, Bulk.PROFILE_IMPORT)
    assert isinstance(rejection, Rejection)
    assert (rejection.key, rejection.rows) == ("large", 3)
    assert "100,001 bytes" in rejection.reasons[0]
    assert isinstance(batch, Batch)
    assert [record.key for record in batch.records] == ["small", "other"]


def test_splitting_holds_no_more_than_a_batch() -> None:
    taken = 0

    def endless() -> Iterator[Record]:
        nonlocal taken
        while True:
            taken += 1
            yield Record(str(taken), b"{}")

    batches = split(endless(), Bulk.ITEM_CREATE)
    next(batches)
    next(batches)
    assert taken == 201


@pytest.mark.parametrize("bulk", Bulk)
def test_the_body_is_json_that_holds_the_records_where_pointers_look_for_them(bulk: Bulk) -> None:
    body = orjson.loads(bulk.body([b'{"n":0}', b'{"n":1}']))
    [(attribute, holder)] = body["data"]["attributes"].items()
    assert body["data"]["type"] == bulk.envelope.push.path.removeprefix("/api/").removesuffix("s")
    assert holder["data"] == [{"n": 0}, {"n": 1}]
    assert bulk.locate(f"/data/attributes/{attribute}/data/1/attributes/title") == (1, "title")
    assert bulk.locate(f"/data/attributes/{attribute}/data/1") == (1, "")
    assert bulk.locate(f"/data/attributes/{attribute}") is None
    assert bulk.locate("/data/attributes/other/data/1") is None
    assert bulk.locate(None) is None
