"""Rows that share an e-mail address become one record, by one rule over any number of rounds and runs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsuite_connector.flows import ledger, merge
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.shape import shape
from netsuite_connector.staging.staging import Staging
from netsuite_connector.window import Window

ROWS = st.lists(
    st.tuples(
        st.integers(0, 1), st.sampled_from("abcdefgh"), st.sampled_from(["CUSTOMER", "LEAD"]), st.booleans()
    ),
    max_size=25,
)
NewRun = Callable[..., Run]
SCHEMA = pa.schema(
    [("internalid", pa.int64()), ("email", pa.string()), ("stage", pa.string()), ("isinactive", pa.bool_())]
)


def stage_rows(run: Run, rows: list[tuple[int, str, str, bool]], first_id: int = 1) -> list[dict[str, Any]]:
    """Write the rows as valid ones of both sources; returns them with their ids."""
    staged = [
        {
            "source": source,
            "internalid": number,
            "email": f"{name}@shop.example",
            "stage": stage,
            "isinactive": gone,
        }
        for number, (source, name, stage, gone) in enumerate(rows, first_id)
    ]
    for index, source in enumerate(run.domain.sources):
        mine = [row for row in staged if row["source"] == index]
        for stage in ("extract", "valid"):
            with run.dataset(stage, source).writer(SCHEMA) as writer:
                writer.write(pa.RecordBatch.from_pylist(mine, schema=SCHEMA))
                writer.commit()
    return staged


def speaks(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The plain rule: active ones; of those customers, then leads, then contacts; then the lowest id."""
    best: dict[str, dict[str, Any]] = {}
    for row in rows:
        rank = (
            row["isinactive"],
            3 if row["source"] else ("CUSTOMER", "PROSPECT", "LEAD").index(row["stage"]),
            row["internalid"],
        )
        if row["email"] not in best or rank < best[row["email"]]["rank"]:
            best[row["email"]] = row | {"rank": rank}
    return best


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.integers(1, 40))
def test_the_rule_holds_over_any_number_of_rounds(
    new_run: NewRun, rows: list[tuple[int, str, str, bool]], size: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge, "ROUND_ROWS", size)
        run = replace(new_run("customers"), staging=Staging(folder))
        staged = stage_rows(run, rows)
        outcomes, before = merge.merge(run)
        assert before == 0
        best = speaks(staged)
        for index, outcome in enumerate(outcomes):
            mine = [row for row in staged if row["source"] == index]
            winners = [row["internalid"] for row in best.values() if row["source"] == index]
            assert sorted(set(outcome.absorbed.tolist()) | set(winners)) == [
                row["internalid"] for row in mine
            ]
            for id_ in winners:
                email = next(row["email"] for row in mine if row["internalid"] == id_)
                same = sum(row["email"] == email for row in staged)
                assert outcome.rows(np.array([id_]))[0] == same


def test_a_later_run_over_a_lesser_record_does_not_overrule_the_better_one(new_run: NewRun) -> None:
    first = new_run("customers", end="2026-11-01")
    stage_rows(first, [(0, "ann", "CUSTOMER", False)])
    counts = shape(first)
    assert counts["records"] == {"shaped": 1, "to_send": 1, "unchanged": 0}
    for source in first.domain.sources:
        ledger.update(
            first.ledger(source), first.dataset("records", source).batches(columns=ledger.SCHEMA.names)
        )

    second = replace(
        new_run("customers"), window=Window.parse("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z")
    )
    staged = stage_rows(second, [(0, "bob", "LEAD", False), (1, "ann", "LEAD", False)], first_id=11)
    assert staged[1]["email"] == "ann@shop.example"
    counts = shape(second)
    assert counts["records"]["to_send"] == 1, (
        "only bob is new; ann's contact is spoken for by the customer of before"
    )
    assert counts["rows"] == {"shaped": 2, "to_send": 1, "unchanged": 1}
