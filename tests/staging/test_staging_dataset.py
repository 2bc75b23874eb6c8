"""What is written to a dataset is what is read from it, once it is committed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsuite_connector.errors import MendError
from netsuite_connector.staging.manifest import Manifest
from netsuite_connector.staging.staging import Staging

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        ("internalid", pa.int64()),
        ("name", pa.string()),
        ("parent", pa.string()),
        ("parent.type", pa.string()),
        ("amount", pa.float64()),
        ("inactive", pa.bool_()),
        ("day", pa.date32()),
        ("modified", pa.timestamp("ms", tz="UTC")),
        ("reasons", pa.list_(pa.string())),
        ("payload", pa.binary()),
    ]
)
ROW = st.tuples(
    st.integers(-(2**63), 2**63 - 1),
    st.none() | st.text(max_size=8),
    st.none() | st.text(max_size=3),
    st.none() | st.text(max_size=3),
    st.none() | st.floats(allow_nan=False),
    st.none() | st.booleans(),
    st.none() | st.dates(date(1900, 1, 1)),
    st.none() | st.integers(-(2**40), 2**40).map(lambda ms: EPOCH + timedelta(milliseconds=ms)),
    st.none() | st.lists(st.text(max_size=4), max_size=3),
    st.none() | st.binary(max_size=8),
)


def _batch(rows: list[tuple[object, ...]]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(SCHEMA)
    return pa.record_batch(
        [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )


def _ids(first: int, count: int) -> pa.RecordBatch:
    return pa.record_batch(
        {"internalid": pa.array(range(first, first + count), pa.int64()), "name": ["x"] * count}
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(st.lists(ROW, max_size=12), max_size=5),
    part_rows=st.integers(1, 20),
    batch_rows=st.integers(1, 20),
)
def test_rows_come_back_as_they_were_written(
    staging: Staging, batches: list[list[tuple[object, ...]]], part_rows: int, batch_rows: int
) -> None:
    dataset = staging.dataset("demo", "customers", "raw")
    with dataset.writer(SCHEMA, part_rows=part_rows) as writer:
        for rows in batches:
            writer.write(_batch(rows))
        manifest = writer.commit()
    written = pa.Table.from_batches([_batch(rows) for rows in batches], SCHEMA)
    read = list(dataset.batches(batch_rows=batch_rows))
    assert pa.Table.from_batches(read, SCHEMA).to_pylist() == written.to_pylist()
    assert all(0 < batch.num_rows <= batch_rows for batch in read)
    assert all(batch.schema.equals(SCHEMA) for batch in read)
    assert manifest.rows == written.num_rows == sum(part.rows for part in manifest.parts)
    assert manifest.schema.equals(SCHEMA)


def test_columns_come_in_the_order_asked_for_and_no_others(staging: Staging) -> None:
    dataset = staging.dataset("demo", "raw")
    with dataset.writer(SCHEMA) as writer:
        writer.write(_batch([(1, "a", "p", "t", 1.5, True, None, None, None, b"x")]))
        writer.commit()
    (batch,) = dataset.batches(columns=["parent", "internalid"])
    assert batch.to_pydict() == {"parent": ["p"], "internalid": [1]}
    with pytest.raises(MendError, match="no column e-mail, phone"):
        dataset.batches(columns=["e-mail", "name", "phone"])


def test_the_manifest_says_what_the_dataset_holds(staging: Staging) -> None:
    dataset = staging.dataset("demo", "raw")
    with dataset.writer() as writer:
        writer.write(_ids(0, 3))
        assert writer.rows == 3
        committed = writer.commit(search="customsearch_x", pages=1)
    manifest = dataset.require()
    assert manifest == committed
    assert manifest.columns == {"internalid": "int64", "name": "string"}
    assert manifest.facts == {"search": "customsearch_x", "pages": 1}
    assert datetime.now(UTC) - datetime.fromisoformat(manifest.created_at) < timedelta(minutes=1)
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_the_same_rows_have_the_same_id_however_they_came_in(staging: Staging) -> None:
    ids = []
    for name, cuts in (("a", [10_000]), ("b", [1, 4_999, 5_000]), ("c", [2_500] * 4)):
        with staging.dataset(name).writer() as writer:
            first = 0
            for count in cuts:
                writer.write(_ids(first, count))
                first += count
            ids.append(writer.commit(pages=len(cuts)).id)
    with staging.dataset("other").writer() as writer:
        writer.write(_ids(1, 10_000))
        other = writer.commit().id
    assert len(set(ids)) == 1
    assert other not in ids


def test_a_dataset_without_rows_is_a_dataset(staging: Staging) -> None:
    dataset = staging.dataset("demo", "raw")
    with dataset.writer(SCHEMA) as writer:
        writer.commit()
    manifest = dataset.require()
    assert (manifest.rows, manifest.schema) == (0, SCHEMA)
    assert list(dataset.batches()) == []
    assert list(dataset.batches(columns=["name"])) == []


def test_a_dataset_that_is_not_there_says_what_to_run(staging: Staging) -> None:
    dataset = staging.dataset("demo", "customers", "valid")
    assert dataset.manifest() is None
    with pytest.raises(MendError, match="Stage demo/customers/valid has not finished: run it first"):
        dataset.require()
    with pytest.raises(MendError, match="has not finished"):
        dataset.batches()


def test_columns_that_change_midway_stop_the_writer(staging: Staging) -> None:
    dataset = staging.dataset("demo", "raw")
    changed = pa.record_batch({"internalid": ["1"], "phone": ["2"]})
    told = "name is gone, phone is new, internalid was int64 and is string"
    with dataset.writer() as writer:
        writer.write(_ids(0, 3))
        with pytest.raises(MendError, match=told):
            writer.write(changed)
    assert dataset.manifest() is None


def test_large_datasets_have_large_row_groups_in_several_parts(disk: Staging, folder: Path) -> None:
    dataset = disk.dataset("raw")
    with dataset.writer() as writer:
        for page in range(56):
            writer.write(_ids(page * 5_000, 5_000))
        manifest = writer.commit()
    groups = [
        pq.ParquetFile(folder / "raw" / part.name).metadata.row_group(0).num_rows for part in manifest.parts
    ]
    assert [part.rows for part in manifest.parts] == [262_144, 17_856]
    assert groups == [131_072, 17_856]


def test_wide_rows_do_not_pile_up_in_memory(disk: Staging) -> None:
    before = pa.total_allocated_bytes()
    most = 0
    with disk.dataset("raw").writer() as writer:
        for _ in range(60):  # 240 MB
            writer.write(pa.record_batch({"text": ["x" * 40_000] * 100}))
            most = max(most, pa.total_allocated_bytes() - before)
        assert writer.commit().rows == 6_000
    assert most < 100_000_000


def test_paths_keep_apart_and_inside_whatever_they_are_called(disk: Staging, folder: Path) -> None:
    names = ["a/b", "a_b", "a%2Fb", "..", ".", "2026-11-20T10:00:00Z", "*?[x]", "Ö é", ".hidden"]
    for number, name in enumerate(names):
        with disk.dataset("demo", name).writer() as writer:
            writer.write(_ids(number, 1))
            writer.commit()
    for number, name in enumerate(names):
        (batch,) = disk.dataset("demo", name).batches()
        assert batch.column("internalid").to_pylist() == [number]
    assert len(list((folder / "demo").iterdir())) == len(names)
    assert disk.list("demo") == sorted(names)
    assert [path.name for path in folder.iterdir()] == ["demo"]
    with pytest.raises(MendError, match="empty part"):
        disk.dataset("demo", "")
    with pytest.raises(MendError, match="at least one part"):
        disk.dataset()


def test_only_columns_that_repeat_get_a_dictionary(disk: Staging, folder: Path) -> None:
    columns = {
        "internalid": range(5_000),
        "email": [f"{n}@shop.example" for n in range(5_000)],
        "stage": ["CUSTOMER", None] * 2_500,
        "memo": pa.nulls(5_000, pa.string()),
    }
    with disk.dataset("demo", "customers", "raw").writer() as writer:
        writer.write(pa.record_batch(columns))
        manifest = writer.commit()

    (part,) = manifest.parts
    group = pq.read_metadata(folder / "demo" / "customers" / "raw" / part.name).row_group(0)
    chunks = [group.column(number) for number in range(group.num_columns)]
    assert [chunk.path_in_schema for chunk in chunks if chunk.has_dictionary_page] == ["stage", "memo"]
