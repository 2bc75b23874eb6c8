"""Full disks, missing permissions and unknown places: one sentence each, and nothing half done."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import staging_disks

from netsuite_connector.errors import MendError, RemoteFaultError
from netsuite_connector.staging.staging import Staging

ROWS = pa.record_batch({"internalid": pa.array([n * 7919 % 100_003 for n in range(5_000)], pa.int64())})


def _failing(room: int, number: int) -> Staging:
    staging_disks.FailingFileSystem.store.clear()
    return Staging("failing://staging", {"room": room, "number": number})


@pytest.mark.parametrize("room", [0, 3, 100, 10_000])
def test_a_full_disk_is_told_and_leaves_nothing(room: int) -> None:
    staging = _failing(room, errno.ENOSPC)
    told = r"failing://staging/raw/part-.* the disk is full.*Free some space"
    with staging.dataset("raw").writer(part_rows=1) as writer:
        writer.write(ROWS)
        with pytest.raises(MendError, match=told):
            writer.commit()
    assert staging.dataset("raw").manifest() is None
    assert staging.list("raw") == []


LIMITED = """
import resource, sys
import pyarrow as pa
from netsuite_connector.errors import MendError
from netsuite_connector.staging.staging import Staging
dataset = Staging(sys.argv[1]).dataset("raw")
ids = pa.array([n * 7919 % 1_000_003 for n in range(200_000)], pa.int64())
with dataset.writer() as writer:
    writer.write(pa.record_batch({"internalid": ids[:10]}))
    writer.commit()
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with dataset.writer() as writer:
        writer.write(pa.record_batch({"internalid": ids}))
        writer.commit()
except MendError as error:
    print(error)
"""


def test_a_file_that_the_system_refuses_to_grow_is_told_with_the_room_left(folder: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, str(folder)], capture_output=True, text=True, timeout=60, check=True
    )
    assert "the disk is full or its quota is used up" in run.stdout
    assert "MB free" in run.stdout
    assert run.stderr == ""
    dataset = Staging(str(folder)).dataset("raw")
    assert [batch.num_rows for batch in dataset.batches()] == [10]
    assert len(list((folder / "raw").iterdir())) == 2


def test_a_document_that_finds_no_room_leaves_the_old_one(folder: Path) -> None:
    staging = _failing(30, errno.ENOSPC)
    staging.write_json("push.json", {"sent": 1})
    with pytest.raises(MendError, match="the disk is full"):
        staging.write_json("push.json", {"sent": list(range(100))})
    assert staging.read_json("push.json") == {"sent": 1}


def test_missing_permission_is_told() -> None:
    with pytest.raises(MendError, match=r"no permission to write failing://staging/report\.json"):
        _failing(0, errno.EACCES).write_json("report.json", {})


def test_a_far_filesystem_that_fails_may_be_tried_again() -> None:
    told = r"could not write failing://staging/raw/part-.*ETIMEDOUT.*try again"
    with _failing(0, errno.ETIMEDOUT).dataset("raw").writer() as writer:
        writer.write(ROWS)
        with pytest.raises(RemoteFaultError, match=told):
            writer.commit()


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MendError, match=r"can't write .*/file/report\.json \(\w+\)"):
        Staging(str(tmp_path / "file")).write_json("report.json", {})


def test_an_unknown_protocol_is_told() -> None:
    with pytest.raises(MendError, match="'nowhere://bucket/folder' is not a place that can be reached"):
        Staging("nowhere://bucket/folder")


def test_a_missing_driver_is_told_without_the_keys_in_the_url() -> None:
    with pytest.raises(MendError, match="needs a driver that is not installed") as caught:
        Staging("hf://user:secret@bucket/folder?token=secret")
    assert "secret" not in str(caught.value)
