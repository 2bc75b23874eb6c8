"""Attempts that fail, are killed, or run side by side: a reader sees one whole dataset or none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from netsuite_connector.errors import MendError
from netsuite_connector.staging.dataset import Dataset
from netsuite_connector.staging.manifest import Manifest
from netsuite_connector.staging.staging import Staging


def _rows(first: int, count: int) -> pa.RecordBatch:
    return pa.record_batch({"internalid": pa.array(range(first, first + count), pa.int64())})


def _write(dataset: Dataset, first: int, count: int, part_rows: int = 10) -> Manifest:
    with dataset.writer(part_rows=part_rows) as writer:
        writer.write(_rows(first, count))
        return writer.commit()


def _read(dataset: Dataset) -> list[int]:
    return [value for batch in dataset.batches() for value in batch.column("internalid").to_pylist()]


def _parts(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("part-"))


def _named(manifest: Manifest) -> list[str]:
    return sorted(part.name for part in manifest.parts)


def test_an_exception_leaves_the_dataset_as_it_was(staging: Staging) -> None:
    dataset = staging.dataset("raw")
    first = _write(dataset, 0, 5)
    with suppress(KeyboardInterrupt), dataset.writer(part_rows=1) as writer:
        for _ in range(3):
            writer.write(_rows(100, 200_000))
        assert len(staging.list("raw")) > 2
        raise KeyboardInterrupt
    assert dataset.require() == first
    assert _read(dataset) == list(range(5))
    assert len(staging.list("raw")) == 2  # the manifest and its one part


def test_a_block_left_without_commit_leaves_nothing(staging: Staging) -> None:
    with staging.dataset("raw").writer(part_rows=1) as writer:
        writer.write(_rows(0, 5_000))
    assert staging.dataset("raw").manifest() is None
    assert staging.list("raw") == []


def test_the_second_commit_replaces_the_first_and_its_parts(disk: Staging, folder: Path) -> None:
    dataset = disk.dataset("raw")
    first = _write(dataset, 0, 25)
    second = _write(dataset, 50, 5)
    assert first.id != second.id
    assert _read(dataset) == list(range(50, 55))
    assert _parts(folder / "raw") == _named(second)


def test_attempts_side_by_side_do_not_mix_and_the_last_commit_stands(disk: Staging, folder: Path) -> None:
    dataset = disk.dataset("raw")
    with dataset.writer(part_rows=1) as one, dataset.writer(part_rows=1) as two:
        for batch in range(4):
            one.write(_rows(batch * 2_000, 2_000))
            two.write(_rows(100_000 + batch * 1_000, 1_000))
        one.commit()
        assert _read(dataset) == list(range(8_000))
        two.write(_rows(104_000, 1_000))
        two.commit()
    assert _read(dataset) == list(range(100_000, 105_000))
    assert _parts(folder / "raw") == _named(dataset.require())


def test_a_reader_whose_dataset_is_replaced_is_told(disk: Staging) -> None:
    dataset = disk.dataset("raw")
    with dataset.writer(part_rows=1) as writer:
        for first in range(0, 400_000, 100_000):
            writer.write(_rows(first, 100_000))
        assert len(writer.commit().parts) > 1
    batches = dataset.batches()
    next(batches)
    _write(dataset, 0, 1)
    with pytest.raises(MendError, match="replaced while it was read"):
        list(batches)


KILLED = """
import sys, time
import pyarrow as pa
from netsuite_connector.staging.staging import Staging
with Staging(sys.argv[1]).dataset("raw").writer(part_rows=1) as writer:
    for first in range(0, 300_000, 50_000):
        writer.write(pa.record_batch({"internalid": pa.array(range(first, first + 50_000), pa.int64())}))
    print("writing", flush=True)
    time.sleep(60)
"""


def _kill_midway(folder: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)


def test_a_killed_attempt_changes_nothing_and_the_next_one_cleans_up(disk: Staging, folder: Path) -> None:
    dataset = disk.dataset("raw")
    first = _write(dataset, 0, 5)
    _kill_midway(folder)
    assert len(_parts(folder / "raw")) > 1
    assert dataset.require() == first
    assert _read(dataset) == list(range(5))
    second = _write(dataset, 10, 5)
    assert _read(dataset) == list(range(10, 15))
    assert _parts(folder / "raw") == _named(second)


def test_parts_of_another_machine_stay_while_it_may_still_be_writing(disk: Staging, folder: Path) -> None:
    dataset = disk.dataset("raw")
    _write(dataset, 0, 5)
    fresh, stale = (folder / "raw" / f"part-0badcafe-1-{name}-00000.parquet" for name in ("fresh", "stale"))
    for path in (fresh, stale):
        path.write_bytes(b"half a part")
    long_ago = time.time() - 7 * 3600
    os.utime(stale, (long_ago, long_ago))
    manifest = _write(dataset, 0, 6)
    assert _parts(folder / "raw") == sorted([*_named(manifest), fresh.name])


@pytest.mark.parametrize("damage", ["missing", "short", "long", "flipped"])
def test_a_damaged_part_is_named(disk: Staging, folder: Path, damage: str) -> None:
    dataset = disk.dataset("demo", "raw")
    with dataset.writer() as writer:
        writer.write(pa.record_batch({"internalid": pa.array([n * 7919 for n in range(50_000)], pa.int64())}))
        (part,) = writer.commit().parts
    path = folder / "demo" / "raw" / part.name
    data = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    else:
        data[len(data) // 3] ^= 0x40
        path.write_bytes({"short": data[:-1], "long": data + b"x", "flipped": data}[damage])
    with pytest.raises(MendError, match=f"Part {part.name} of stage demo/raw is damaged.*run the stage"):
        list(dataset.batches())


def test_no_flipped_bit_goes_through_unseen(disk: Staging, folder: Path) -> None:
    dataset = disk.dataset("raw")
    (part,) = _write(dataset, 0, 2_000).parts
    path = folder / "raw" / part.name
    sound = path.read_bytes()
    for position in range(0, len(sound), 7):
        damaged = bytearray(sound)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with suppress(MendError):
            assert _read(dataset) == list(range(2_000)), position


def test_a_damaged_manifest_is_named_and_a_new_attempt_replaces_it(disk: Staging, folder: Path) -> None:
    dataset = disk.dataset("raw")
    _write(dataset, 0, 5)
    path = folder / "raw" / "manifest.json"
    for text in ('{"format": 1', "{}", '{"format": 99, "parts": []}', '{"format": 1, "parts": [{}]}', "[]"):
        path.write_text(text)
        with pytest.raises(MendError, match=r"manifest\.json is damaged or of another version"):
            dataset.manifest()
    _write(dataset, 7, 1)
    assert _read(dataset) == [7]


def test_manifest_is_never_half_written(disk: Staging, folder: Path) -> None:
    dataset = disk.dataset("raw")
    _write(dataset, 0, 5)
    before = (folder / "raw" / "manifest.json").stat().st_ino
    moment = datetime.fromisoformat(_write(dataset, 0, 5).created_at)
    assert (folder / "raw" / "manifest.json").stat().st_ino != before  # a new file took its name
    assert [path.name for path in (folder / "raw").iterdir() if path.name.startswith(".")] == []
    assert moment.utcoffset() == timedelta(0)
