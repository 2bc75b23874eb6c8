"""Great Expectations' verdict on rows, held against rules written out in plain Python."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.model import Field, Source
from netsuite_connector.errors import MendError
from netsuite_connector.quality.validator import Validator
from netsuite_connector.staging import rejected

SOURCE = Source(
    "orders",
    "customsearch_orders",
    "transaction",
    (
        Field("internalid", "Internal ID", ColumnType.INTEGER, mandatory=True, required=True),
        Field(
            "email",
            "Email",
            mandatory=True,
            required=True,
            pattern=r"(?=.{3,20}$)[^@ ]+@[^@ ]+|none",
            hint="is not an e-mail address",
        ),
        Field("status", "Status", ColumnType.SELECT, one_of=("1", "2")),
        Field("rank", "Rank", ColumnType.INTEGER, one_of=("1", "2"), hint="is not a rank"),
        Field("amount", "Amount", ColumnType.NUMBER, required=True, minimum=0),
        Field("quantity", "Quantity", ColumnType.INTEGER, minimum=1, hint="is not a quantity"),
        Field("zip", "Zip", ColumnType.INTEGER, pattern=r"\d{5}"),
        Field("day", "Day", ColumnType.DATE, required=True),
        Field("modified", "Modified", ColumnType.DATETIME, required=True),
        Field("paid", "Paid", ColumnType.BOOLEAN, required=True),
        Field("memo", "Memo"),
        Field("region.code", "Region", pattern="[A-Z]{2}"),
    ),
)
SCHEMA = pa.schema(
    [
        ("internalid", pa.int64()),
        ("lineuniquekey", pa.int64()),
        ("email", pa.string()),
        ("status", pa.string()),
        ("rank", pa.int64()),
        ("amount", pa.float64()),
        ("quantity", pa.int64()),
        ("zip", pa.int64()),
        ("day", pa.date32()),
        ("modified", pa.timestamp("ms", tz="UTC")),
        ("paid", pa.bool_()),
        ("memo", pa.string()),
        ("custcol_note", pa.string()),
    ]
)
GOOD: dict[str, Any] = {
    "internalid": 5,
    "lineuniquekey": 50,
    "email": "a@b.example",
    "status": "1",
    "rank": 2,
    "amount": 0.0,
    "quantity": 1,
    "zip": 10115,
    "day": date(2026, 11, 20),
    "modified": datetime(2026, 11, 20, tzinfo=UTC),
    "paid": False,
    "memo": None,
    "custcol_note": "gift",
}


def _plain_reasons(row: dict[str, Any]) -> list[str]:
    """The rules of SOURCE, without any of its machinery."""
    reasons = []
    if row["email"] is None:
        reasons.append("Email is missing")
    elif not re.fullmatch(r"(?=.{3,20}$)[^@ ]+@[^@ ]+|none", row["email"]):
        reasons.append("Email is not an e-mail address")
    if row["status"] not in (None, "1", "2"):
        reasons.append("Status is not one of 1, 2")
    if row["rank"] not in (None, 1, 2):
        reasons.append("Rank is not a rank")
    if row["amount"] is None:
        reasons.append("Amount is missing")
    elif row["amount"] < 0:
        reasons.append("Amount is less than 0")
    if row["quantity"] is not None and row["quantity"] < 1:
        reasons.append("Quantity is not a quantity")
    if row["zip"] is not None and len(str(row["zip"])) != 5:
        reasons.append("Zip is not in the expected form")
    reasons += [f"{name.title()} is missing" for name in ("day", "modified", "paid") if row[name] is None]
    return reasons


def _batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


ROW = st.fixed_dictionaries(
    {
        "internalid": st.integers(1, 2**40),
        "lineuniquekey": st.integers(1, 99),
        "email": st.sampled_from(
            [None, "a@b", "none", "nones", "a@b@c", "x" * 20 + "@y", "ä@ö", "@", "A b@c"]
        ),
        "status": st.sampled_from([None, "1", "2", "3", "12"]),
        "rank": st.sampled_from([None, 1, 2, 3]),
        "amount": st.none() | st.floats(-1, 1),
        "quantity": st.sampled_from([None, -1, 0, 1, 7]),
        "zip": st.sampled_from([None, 10115, 99, 100000]),
        "day": st.sampled_from([None, date(2026, 1, 1)]),
        "modified": st.sampled_from([None, datetime(2026, 1, 1, tzinfo=UTC)]),
        "paid": st.sampled_from([None, True, False]),
        "memo": st.sampled_from([None, "x"]),
        "custcol_note": st.none(),
    }
)


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator(SOURCE)


@settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(rows=st.lists(ROW, max_size=15))
def test_each_row_gets_the_reasons_that_the_rules_give_it(
    validator: Validator, rows: list[dict[str, Any]]
) -> None:
    verdict = validator.run(_batch(rows))
    expected = [_plain_reasons(row) for row in rows]
    assert verdict.valid.to_pylist() == [row for row, why in zip(rows, expected, strict=True) if not why]
    assert verdict.valid.schema.equals(SCHEMA)
    bad = [(row, why) for row, why in zip(rows, expected, strict=True) if why]
    assert verdict.rejected.schema.equals(rejected.SCHEMA)
    told = verdict.rejected.to_pylist()
    assert [(line["id"], line["key"]) for line in told] == [
        (row["internalid"], str(row["lineuniquekey"])) for row, _ in bad
    ]
    assert [line["reasons"] for line in told] == [why for _, why in bad]
    assert [json.loads(line["row"])["email"] for line in told] == [row["email"] for row, _ in bad]
    assert {(line["stage"], line["source"]) for line in told} <= {("validate", "orders")}
    assert verdict.reasons == Counter(reason for why in expected for reason in why)


def test_results_add_up_over_chunks_and_hold_no_values() -> None:
    validator = Validator(SOURCE)
    validator.run(_batch([GOOD, GOOD | {"email": "secret-address"}, GOOD | {"email": None, "amount": -5.0}]))
    validator.run(_batch([GOOD | {"email": "secret-address"}] * 4))
    document = json.loads(json.dumps(validator.result_document()))
    assert document["statistics"]["rows"] == 7
    assert document["statistics"]["valid_rows"] == 1
    assert document["statistics"]["rejected_rows"] == 6
    assert document["statistics"]["unsuccessful_expectations"] == 3
    assert document["success"] is False
    assert document["reasons"] == {
        "Email is not an e-mail address": 5,
        "Email is missing": 1,
        "Amount is less than 0": 1,
    }
    results = {result["reason"]: result for result in document["results"]}
    matching = results["Email is not an e-mail address"]
    assert matching["expectation_type"] == "expect_column_values_to_match_regex"
    assert (matching["column"], matching["checked"], matching["unexpected"]) == ("email", 6, 5)
    assert document["suite"]["name"] == "orders"
    assert len(document["suite"]["expectations"]) == document["statistics"]["evaluated_expectations"]
    assert "secret-address" not in json.dumps(document)


def test_no_rows_are_no_failure(validator: Validator) -> None:
    verdict = validator.run(_batch([]))
    assert (verdict.valid.num_rows, verdict.rejected.num_rows, verdict.reasons) == (0, 0, Counter())
    assert Validator(SOURCE).result_document()["statistics"]["rows"] == 0


def test_a_source_without_rules_takes_every_row() -> None:
    validator = Validator(Source("plain", "s", "customer", (Field("memo", "Memo", mandatory=True),)))
    batch = _batch([GOOD, GOOD | {"memo": "x"}])
    assert validator.run(batch).valid.equals(batch)
    assert validator.result_document()["success"] is True


def test_sources_do_not_get_in_each_others_way() -> None:
    strict = Validator(Source("a", "s", "customer", (Field("memo", "Memo", required=True),)))
    loose = Validator(Source("b", "s", "customer", (Field("email", "Email", required=True),)))
    batch = _batch([GOOD])
    assert strict.run(batch).reasons == {"Memo is missing": 1}
    assert loose.run(batch).reasons == {}
    assert strict.run(batch).reasons == {"Memo is missing": 1}


@pytest.mark.parametrize(
    ("field", "told"),
    [
        (Field("gone", "Gone", required=True), "expect_column_values_to_not_be_null on column gone"),
        (Field("memo", "Memo", pattern="(["), "expect_column_values_to_match_regex on column memo"),
        (Field("email", "Email", minimum=3), "expect_column_values_to_be_between on column email"),
    ],
)
def test_a_rule_that_cannot_be_checked_fails_the_run(
    field: Field, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    rows = _batch([GOOD | {"memo": "secret-memo", "email": "secret-address"}])
    with caplog.at_level(logging.DEBUG), pytest.raises(MendError, match=told) as caught:
        Validator(Source("x", "s", "customer", (field,))).run(rows)
    assert f"the rule behind “{field.label} " in str(caught.value)
    assert "Error" in str(caught.value) or "Invalid" in str(caught.value)
    assert "secret" not in str(caught.value) + caplog.text


def test_a_later_chunk_without_a_column_fails_the_run() -> None:
    validator = Validator(Source("x", "s", "customer", (Field("memo", "Memo", pattern="x+"),)))
    assert validator.run(_batch([GOOD | {"memo": "xx"}])).valid.num_rows == 1
    with pytest.raises(MendError, match="could not check"):
        validator.run(_batch([GOOD]).drop_columns(["memo"]))


OFFLINE = """
import socket, sys
def refused(*args, **kwargs):
    print("network", args, file=sys.stderr)
    raise OSError("no network")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refused
import pyarrow as pa
from netsuite_connector.domains.model import Field, Source
from netsuite_connector.quality.validator import Validator
validator = Validator(Source("x", "s", "customer", (Field("email", "Email", required=True),)))
rows = pa.record_batch({"internalid": [1, 2], "email": ["a", None]})
print(validator.run(rows).reasons["Email is missing"])
"""


def test_validation_is_silent_and_needs_no_network(tmp_path: Any) -> None:
    run = subprocess.run(
        [sys.executable, "-c", OFFLINE], capture_output=True, text=True, timeout=120, check=True, cwd=tmp_path
    )
    assert run.stdout == "1\n"
    assert run.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_checking_columns_does_not_load_great_expectations() -> None:
    code = "import sys, netsuite_connector.quality.columns; print('great_expectations' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout == "False\n"
