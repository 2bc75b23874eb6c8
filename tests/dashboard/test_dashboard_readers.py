"""What the dashboard reads of staging, and how it writes moments, numbers and addresses."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from airflow_process import in_airflow
from netsuite_connector.commands.masking import masked_text
from netsuite_connector.dashboard import rendering
from netsuite_connector.dashboard.rendering import Paging
from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows.past_runs import past_run, past_run_keys, past_runs
from netsuite_connector.flows.rejected_pages import Sought, rejected_page
from netsuite_connector.flows.rejections import Wanted, record, rejected
from netsuite_connector.flows.run import Run
from netsuite_connector.staging import rejected as rejected_rows
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_stores
from netsuite_connector.window import Window

Reasons = dict[int, list[str]]


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(str(tmp_path))


def reject(staging: Staging, flow: str, bad: Reasons, day: int = 1) -> Run:
    """A run over changes of a day of November, that has put records on the list."""
    run = Run(
        load_stores()[0],
        DOMAINS[flow],
        Window.parse(f"2026-11-{day:02}T00:00:00Z", f"2026-11-{day:02}T12:00:00Z"),
        staging,
    )
    source = run.domain.shaped[0]
    with run.dataset("extract", source).writer() as writer:
        writer.write(pa.record_batch([pa.array(list(bad), pa.int64())], names=["internalid"]))
        writer.commit()
    lines = [
        {"stage": "validate", "source": source.name, "id": id_, "key": None, "reasons": why, "row": "{}"}
        for id_, why in bad.items()
    ]
    with run.dataset("rejected", source).writer(rejected_rows.SCHEMA) as writer:
        writer.write(pa.RecordBatch.from_pylist(lines, schema=rejected_rows.SCHEMA))
        writer.commit()
    manifest = run.document("extract", source.name, "manifest.json")
    moment = f"2026-11-{day:02}T12:00:00+00:00"
    staging.write_json(manifest, staging.read_json(manifest) | {"created_at": moment})
    record(run)
    return run


# ---- the lists of rejected rows ---------------------------------------------------------------------------


def test_rows_seen_last_come_first_over_all_flows(staging: Staging) -> None:
    old = reject(staging, "customers", {1: ["Email is missing"], 2: ["Email is missing"]}, day=1)
    new = reject(staging, "orders", {9: ["Total is missing"]}, day=3)
    reject(staging, "customers", {2: ["Phone is wrong"]}, day=2)
    page = rejected_page([old, new], Sought(), 0, 10)
    assert [(each.flow, each.rejected.id) for each in page.rows] == [
        ("orders", 9),
        ("customers", 2),
        ("customers", 1),
    ]
    assert page.rows[1].rejected.reasons == ("Phone is wrong",)
    assert page.total == 3
    assert page.reasons[("orders", "Total is missing")] == 1


def test_pages_hold_every_row_once(staging: Staging) -> None:
    run = reject(staging, "orders", {id_: ["Email is missing"] for id_ in range(130)})
    pages = [rejected_page([run], Sought(), first, 50) for first in (0, 50, 100, 150)]
    assert [len(page.rows) for page in pages] == [50, 50, 30, 0]
    assert [each.rejected.id for page in pages for each in page.rows] == list(range(130))
    assert {page.total for page in pages} == {130}


def test_rows_are_found_by_reason_and_moment(staging: Staging) -> None:
    both = ["Email is missing", "Email is missing", "Phone is wrong"]
    run = reject(staging, "orders", {1: both, 2: ["Phone is wrong"]}, day=1)
    reject(staging, "orders", {3: ["Email is missing"]}, day=5)
    found = rejected_page([run], Sought(reason=lambda why: "Email" in why), 0, 10)
    assert [each.rejected.id for each in found.rows] == [3, 1]
    assert found.reasons == Counter({("orders", "Email is missing"): 2, ("orders", "Phone is wrong"): 1})
    late = rejected_page([run], Sought(since="2026-11-05T00:00:00Z"), 0, 10)
    assert [each.rejected.id for each in late.rows] == [3]
    assert rejected_page([run], Sought(source="nothing")).total == 0
    assert rejected_page([run], Sought(reason=lambda _: False), 0, 10).rows == ()


def test_a_record_is_looked_up_by_its_id(staging: Staging) -> None:
    run = reject(staging, "orders", {1: ["a"], 2: ["b"], 3: ["c"]})
    assert [row.id for row in rejected(run, Wanted(ids=(2, 77)))] == [2]


def test_the_page_agrees_with_the_list(staging: Staging) -> None:
    run = reject(staging, "customers", {id_: [f"Reason {id_ % 3}"] for id_ in range(40)})
    reject(staging, "customers", {5: ["Reason 0"], 6: ["Reason 1"]}, day=2)
    page = rejected_page([run], Sought(), 0, 100)
    on_list = {(row.id, row.reasons, row.first_seen, row.last_seen, row.tries) for row in rejected(run)}
    rows = (each.rejected for each in page.rows)
    assert {(row.id, row.reasons, row.first_seen, row.last_seen, row.tries) for row in rows} == on_list


# ---- past runs --------------------------------------------------------------------------------------------


def test_runs_come_by_the_moment_up_to_which_they_read(staging: Staging) -> None:
    in_order = [
        "replay-manual__2026-11-05T10:00:00.5+00:00_x",
        "2026-11-03T000000Z--2026-11-04T000000Z-dry-run",
        "replay-realtime-20261103T100000-abcd",
        "beginning--2026-11-02T000000Z-limit-5",
    ]
    windows = [
        "history-2024-02-01T000000Z--2024-03-01T000000Z",
        "history-2024-01-01T000000Z--2024-02-01T000000Z",
    ]
    for key in [*sorted(in_order), *sorted(windows)]:
        staging.write_json(("demo", "orders", "runs", key, "report.json"), {"dry_run": "dry" in key})
    assert past_run_keys(staging, "demo", "orders") == in_order
    assert past_run_keys(staging, "demo", "orders", history=True) == windows
    runs = list(past_runs(staging, "demo", "orders", [*in_order, "gone"]))
    assert [run.key for run in runs] == in_order
    assert [run.dry_run for run in runs] == [False, True, False, False]
    assert all(run.at is not None for run in runs)


def test_a_run_without_a_report_says_how_far_it_came(staging: Staging) -> None:
    place = ("demo", "orders", "runs", "beginning--open-dry-run")
    for stage in ("extract", "quality", "valid"):
        staging.write_json((*place, stage, "x.json"), {})
    run = past_run(staging, "demo", "orders", place[-1])
    assert run is not None
    assert (run.report, run.at, run.reached, run.dry_run) == (None, None, "valid", True)
    assert past_run(staging, "demo", "orders", "nothing") is None


# ---- how things are written -------------------------------------------------------------------------------


def test_moments_are_written_by_the_stores_clock() -> None:
    assert rendering.moment("2026-07-01T02:30:00Z", "America/New_York") == "2026-06-30 22:30 EDT"
    assert rendering.clock("2026-07-01T02:30:00Z", "Asia/Kolkata") == "2026-07-01 08:00"
    assert rendering.moment(None) == rendering.clock(None) == "\N{EN DASH}"
    now = datetime.now(UTC)
    assert rendering.ago(now - timedelta(minutes=5)) == "5 min ago"
    assert rendering.ago(now + timedelta(days=3, minutes=1)) == "in 3 days"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"),
        (3.14, "3.1 s"),
        (59, "59 s"),
        (600, "10 min"),
        (8100, "2 h 15 min"),
        (400_000, "5 days"),
        (None, "\N{EN DASH}"),
    ],
)
def test_durations_are_told_in_units_that_matter(seconds: float | None, told: str) -> None:
    assert rendering.duration(seconds) == told


@pytest.mark.parametrize(
    ("span", "told"),
    [
        ("2026-11-19--2026-11-22", "2026-11-19 to 2026-11-21"),
        ("2026-11-19--2026-11-20", "2026-11-19"),
        ("whole", "whole"),
    ],
)
def test_days_of_a_reconciliation_end_with_the_last(span: str, told: str) -> None:
    assert rendering.days(span) == told


def test_addresses_are_relative_and_escaped() -> None:
    assert rendering.url("run", store="a b", run="x--y&z", page=None, flow="") == "run?store=a+b&run=x--y%26z"
    assert rendering.url("rejected", page=2) == "rejected?page=2"


@pytest.mark.parametrize(
    ("paging", "first", "last", "pages"),
    [
        (Paging(1, 50, 0), 0, 0, 1),
        (Paging(1, 50, 50), 0, 50, 1),
        (Paging(3, 50, 120), 100, 120, 3),
    ],
)
def test_a_page_knows_its_lines(paging: Paging, first: int, last: int, pages: int) -> None:
    assert (paging.first, paging.last, paging.pages) == (first, last, pages)


def test_days_are_no_phone_numbers() -> None:
    assert masked_text("sent on 2026-11-20, call 202-555-0199") == "sent on 2026-11-20, call •••99"


def test_the_plugin_is_light_as_every_process_loads_it(tmp_path: Path) -> None:
    code = (
        "import sys, airflow.sdk, airflow.plugins_manager; before = set(sys.modules);"
        "import netsuite_connector.dashboard.plugin; print('answer:', len(set(sys.modules) - before))"
    )
    loaded, _ = in_airflow(code, tmp_path)
    assert loaded <= 5
