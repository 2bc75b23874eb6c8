"""Rejected rows keep what they were and why they went."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from netsuite_connector.staging import rejected
from netsuite_connector.staging.rejected import reason_counts, rejected_batch


def test_rejected_rows_hold_ids_reasons_and_the_whole_row() -> None:
    rows = pa.record_batch(
        {
            "internalid": pa.array([7, 8], pa.int64()),
            "email": ["x@", None],
            "day": pa.array([date(2026, 11, 20), None]),
            "modified": pa.array([datetime(2026, 11, 20, 10, tzinfo=UTC)] * 2, pa.timestamp("ms", tz="UTC")),
            "amount": pa.array([Decimal("1.10"), None]),
        }
    )
    batch = rejected_batch(
        rows,
        [["Email is no address", "Day is late"], ["Email is missing"]],
        stage="validate",
        source="customers",
    )
    assert batch.schema.equals(rejected.SCHEMA)
    first, second = batch.to_pylist()
    assert json.loads(first.pop("row")) == {
        "internalid": 7,
        "email": "x@",
        "day": "2026-11-20",
        "modified": "2026-11-20T10:00:00+00:00",
        "amount": "1.10",
    }
    assert first == {
        "stage": "validate",
        "source": "customers",
        "id": 7,
        "key": None,
        "reasons": ["Email is no address", "Day is late"],
    }
    assert (second["id"], second["reasons"]) == (8, ["Email is missing"])


def test_lines_are_told_apart_by_their_key() -> None:
    rows = pa.record_batch({"internalid": [7, 7], "lineuniquekey": [70, 71]})
    batch = rejected_batch(rows, [["a"], ["a"]], stage="validate", source="orders")
    assert batch.column("key").to_pylist() == ["70", "71"]


def test_reasons_count_rows() -> None:
    rows = pa.record_batch({"internalid": [1, 2, 3]})
    batch = rejected_batch(rows, [["a", "b"], ["a"], []], stage="push", source="customers")
    assert reason_counts(batch) == {"a": 2, "b": 1}
    assert reason_counts(pa.Table.from_batches([batch, batch])) == {"a": 4, "b": 2}


def test_no_rows_are_no_rejected_rows() -> None:
    rows = pa.record_batch({"internalid": pa.array([], pa.int64())})
    assert rejected_batch(rows, [], stage="validate", source="x").num_rows == 0
    with pytest.raises(KeyError):
        rejected_batch(pa.record_batch({"email": ["x"]}), [["a"]], stage="validate", source="x")
