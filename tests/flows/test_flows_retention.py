"""Retention: what is old goes by its kind, and nothing goes that a run may still need."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from flows_staged import line
from flows_staged import stage as shaped
from fsspec.implementations.local import LocalFileSystem

from netsuite_connector.flows import consents
from netsuite_connector.flows.addresses import BOOK as CONSENTS_BOOK
from netsuite_connector.flows.addresses import book_of
from netsuite_connector.flows.guard import Entry, Why
from netsuite_connector.flows.highwater import put
from netsuite_connector.flows.ledger import SCHEMA as LEDGER
from netsuite_connector.flows.ledger import update
from netsuite_connector.flows.retention import Kept, clean
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.watch import Watch
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.model import ConsentSettings
from netsuite_connector.stores.operations import RetentionDays

NewRun = Callable[..., Run]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVERYTHING = {
    "deleted",
    "extract",
    "ids.json",
    "push",
    "quality",
    "records",
    "refused",
    "rejected",
    "report.json",
    "valid",
}
REPORTS = {"quality", "report.json", "ids.json"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "staging"


def staged(run: Run, root: Path, days: float, *, whole: bool = False) -> Path:
    """A run that ended so many days ago, with something of every stage."""
    folder = root.joinpath(*run.place)
    for stage in EVERYTHING - {"report.json", "ids.json"}:
        run.staging.write_json(run.document(stage, "customers", "part"), {"stage": stage})
    run.staging.write_json(run.document("report.json"), {"dry_run": run.dry_run, "whole": whole})
    run.staging.write_json(run.document("ids.json"), {})
    aged(folder, days)
    return folder


def aged(folder: Path, days: float) -> None:
    moment = (NOW - timedelta(days=days)).timestamp()
    for file in folder.rglob("*"):
        if file.is_file():
            os.utime(file, (moment, moment))


def left(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()} if folder.exists() else set()


def cleaned(run: Run, *, really: bool = True) -> set[str]:
    """What goes, as run/stage."""
    done = list(clean(run.staging, run.store, really=really, now=NOW))
    assert all(each.removed == really for each in done)
    return {"/".join(each.path[-2:]) for each in done}


@pytest.mark.parametrize(
    ("days", "stay"),
    [
        (6.9, EVERYTHING),
        (7.1, EVERYTHING - {"deleted", "extract", "valid"}),
        (14.1, REPORTS),
        (399, REPORTS),
        (401, set()),
    ],
)
def test_each_kind_goes_in_its_time(new_run: NewRun, root: Path, days: float, stay: set[str]) -> None:
    staged(new_run("customers", limit=1), root, 0)
    old = staged(new_run("customers", limit=2), root, days)
    cleaned(new_run("customers"))
    assert left(old) == stay
    assert old.exists() == bool(stay)


def test_a_dry_run_shows_what_would_go_and_removes_nothing(new_run: NewRun, root: Path) -> None:
    run = new_run("customers", limit=2)
    staged(new_run("customers", limit=1), root, 0)
    old = staged(run, root, 10)
    shown = list(clean(run.staging, run.store, really=False, now=NOW))
    assert {each.path[-1] for each in shown} == {"extract", "valid", "deleted"}
    assert {each.path[:-1] for each in shown} == {run.place}
    assert {each.kind for each in shown} == {Kept.RAW}
    assert all(each.files == 1 and each.bytes > 10 and each.days == pytest.approx(10) for each in shown)
    assert left(old) == EVERYTHING
    assert cleaned(run) == {"/".join(each.path[-2:]) for each in shown}


def test_the_reports_of_the_newest_run_and_of_the_newest_whole_run_stay(new_run: NewRun, root: Path) -> None:
    newest = staged(new_run("customers", limit=1), root, 500)
    whole = staged(new_run("customers", end="2026-10-02"), root, 600, whole=True)
    before = staged(new_run("customers", end="2026-10-01"), root, 700, whole=True)
    bounded = staged(new_run("customers", end="2026-10-03"), root, 550)
    cleaned(new_run("customers"))
    assert [left(each) for each in (newest, whole, before, bounded)] == [REPORTS, REPORTS, set(), set()]


@pytest.mark.parametrize(
    ("days", "stay"),
    [(6.9, EVERYTHING), (7.1, EVERYTHING - {"deleted", "extract", "valid"}), (14.1, REPORTS)],
)
def test_no_row_outlives_its_time_though_nothing_has_run_since(
    new_run: NewRun, root: Path, days: float, stay: set[str]
) -> None:
    """A flow's first run has read all customers, and may be its only whole one, and its newest, for years."""
    only = staged(new_run("customers", end="2026-10-02"), root, days, whole=True)
    cleaned(new_run("customers"))
    assert left(only) == stay


def test_a_run_that_is_under_way_stays_however_old_its_first_stages_are(new_run: NewRun, root: Path) -> None:
    staged(new_run("customers", limit=1), root, 0)
    run = new_run("customers", limit=2)
    slow = staged(run, root, 30)
    os.utime(slow / "push" / "customers" / "part", (NOW.timestamp(), NOW.timestamp()))
    assert cleaned(run) == set()


def test_what_a_killed_write_left_is_not_told_as_gone_while_it_is_there(new_run: NewRun, root: Path) -> None:
    run = new_run("customers", limit=2)
    staged(new_run("customers", limit=1), root, 0)
    old = staged(run, root, 0)
    (old / ".report.json.0123").write_text("{}")
    aged(old, 15)
    gone = cleaned(run)
    assert gone
    assert not any(name.split("/")[1].startswith(".") for name in gone)
    assert cleaned(run) == set()
    aged(old, 401)
    cleaned(run)
    assert not old.exists()


def test_what_runs_remember_has_no_age(new_run: NewRun, root: Path) -> None:
    run = new_run("customers")
    for name in ("ledger", "highwater", "book", "others", "volumes"):
        run.staging.write_json((run.store.store, "customers", name, "x.json"), {})
    staged(new_run("customers", limit=1), root, 0)
    aged(root, 4000)
    cleaned(run)
    assert left(root / "demo" / "customers") == {"ledger", "highwater", "book", "others", "volumes", "runs"}


def test_what_must_never_be_forgotten_stays_for_good(new_run: NewRun, root: Path) -> None:
    """Who opted out, who is being watched, what was delivered, whose orders were where, how far runs and
    backfills have come: as the flows themselves write it, and untouched for ten years.
    """
    keep = RetentionDays(raw=1, records=1, rejected=1, reports=1)
    consents_settings = ConsentSettings(list="News", consented_at="custentity_opted_in_at")
    first = new_run("orders")
    store = first.store.model_copy(update={"retention_days": keep, "consents": consents_settings})
    consents_run = replace(consents.open_run(store, first.staging), window=first.window)
    guard = consents.guard_of(consents_run)
    guard.enter([Entry("ann@shop.example", Why.NETSUITE)])
    # Who is still on the watch has not been looked at since their time was up.
    Watch(consents_run).open(["bob@shop.example"], NOW - timedelta(days=3650), "list")
    with book_of(consents_run).writer(CONSENTS_BOOK) as writer:
        writer.commit(whole=True, settings={})
    for run in (replace(first, store=store), replace(new_run("orders", end="2026-10-01"), store=store)):
        shaped(run, orders=[line(1, 10)])
    lines = pa.RecordBatch.from_pylist([{"id": 1, "sub": 0, "fingerprint": 1}], schema=LEDGER)
    for run in (first, consents_run):
        put(run, NOW, "hand")
        update(run.ledger(run.domain.delivered[0]), iter([lines]))
    unfinished = (
        ("demo", "history", "plans", "a.json"),
        ("demo", "history", "windows", "x", "orders", "a.json"),
    )
    for place in unfinished:
        first.staging.write_json(place, {"began": "2016-01-01T00:00:00Z"})
    before = {file for file in root.rglob("*") if file.is_file()}
    aged(root, 3650)

    gone = list(clean(first.staging, store, really=True, now=NOW))
    left_over = {file for file in root.rglob("*") if file.is_file()}
    removed = {file.relative_to(root).as_posix() for file in before - left_over}
    assert gone
    assert removed
    assert all(name.startswith("demo/orders/runs/") for name in removed)
    kept = {"/".join(file.relative_to(root).parts[:3]) for file in left_over}
    assert {
        *("klaviyo-guard/klaviyo_demo/entries", "demo/consents/watch", "demo/consents/book"),
        *("demo/consents/highwater", "demo/consents/ledger", "demo/orders/highwater", "demo/orders/ledger"),
        *("demo/orders/book", "demo/history/plans", "demo/history/windows"),
    } <= kept
    assert guard.of(["ann@shop.example"])
    assert Watch(consents_run).emails() == {"bob@shop.example"}


def test_the_store_says_how_long(new_run: NewRun, root: Path) -> None:
    run = new_run("customers")
    keep = RetentionDays(raw=1, records=1, rejected=1, reports=1)
    store = run.store.model_copy(update={"retention_days": keep})
    staged(new_run("customers", limit=1), root, 0)
    old = staged(new_run("customers", limit=2), root, 2)
    cleaned(replace(run, store=store))
    assert not old.exists()


def test_flows_that_the_store_no_longer_has_are_cleaned_too(new_run: NewRun, root: Path) -> None:
    run = new_run("orders")
    last = staged(new_run("orders", limit=1), root, 450)
    old = staged(new_run("orders", limit=2), root, 500)
    flows = {name: flow for name, flow in run.store.flows.items() if name != "orders"}
    cleaned(replace(run, store=run.store.model_copy(update={"flows": flows})))
    assert not old.exists()
    assert left(last) == REPORTS


def test_on_a_filesystem_that_is_no_disk(new_run: NewRun) -> None:
    staging = Staging("memory://retention")
    run = replace(new_run("customers", limit=2), staging=staging)
    for each in (run, replace(run, limit=1)):
        staging.write_json(each.document("extract", "part"), {})
        staging.write_json(each.document("report.json"), {"dry_run": False})
    later = datetime.now(UTC) + timedelta(days=8)
    gone = list(clean(staging, run.store, really=True, now=later))
    assert all(each.removed for each in gone)
    assert [each.path for each in gone] == [(*each.place, "extract") for each in (replace(run, limit=1), run)]
    assert staging.list(run.place) == ["report.json"]


def test_what_cannot_be_removed_is_told_and_the_rest_goes(
    new_run: NewRun, root: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = LocalFileSystem.rm

    def forbidden(self: LocalFileSystem, path: str, **how: Any) -> None:
        if path.endswith("extract"):
            raise PermissionError(path)
        remove(self, path, **how)

    monkeypatch.setattr(LocalFileSystem, "rm", forbidden)
    run = new_run("customers")
    staged(run, root, 10)
    told = {each.path[-1]: each.removed for each in clean(run.staging, run.store, really=True, now=NOW)}
    assert told == {"deleted": True, "extract": False, "valid": True}
    assert f"{'/'.join(run.place)}/extract could not be removed" in caplog.text
