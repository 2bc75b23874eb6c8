"""What real time adds to the catalog is not gone because a run that was reading all of it did not see it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from flows_staged import NewRun

from netsuite_connector.domains.model import Source
from netsuite_connector.flows import ledger
from netsuite_connector.flows.run import READ_FROM, Run
from netsuite_connector.flows.shape import shape

NOBODY = pa.RecordBatch.from_pylist([], schema=pa.schema([("internalid", pa.int64())]))


def read(run: Run, began: datetime) -> None:
    """The run has read, and found nothing."""
    for source in run.domain.extracted:
        for stage in ("extract", "valid"):
            with run.dataset(stage, source).writer() as writer:
                writer.write(NOBODY)
                facts = {READ_FROM: int(began.timestamp()) * 10**9} if stage == "extract" else {}
                writer.commit(**facts)


def deliver(run: Run, source: Source, id_: int) -> None:
    line: dict[str, Any] = {"id": id_, "sub": 0, "fingerprint": 1, "key_hash": None, "rank": None}
    ledger.update(run.ledger(source), iter([pa.RecordBatch.from_pylist([line], schema=ledger.SCHEMA)]))


@pytest.mark.parametrize(("name", "gone"), [("items", "gone_items"), ("variants", "gone_variants")])
def test_what_was_delivered_after_a_run_began_to_read_is_not_gone(
    new_run: NewRun, name: str, gone: str
) -> None:
    run = new_run("catalog")
    source = next(each for each in run.domain.sources if each.name == name)
    leaving = next(each for each in run.domain.sources if each.name == gone)
    deliver(run, source, 7)
    time.sleep(0.002)
    began = datetime.now(UTC) + timedelta(seconds=1)
    read(run, began)
    while datetime.now(UTC) < began:
        time.sleep(0.05)
    deliver(run, source, 8)
    shape(run)
    batches = run.dataset("records", leaving).batches(["id"])
    assert [id_ for batch in batches for id_ in batch.column(0).to_pylist()] == [7]
