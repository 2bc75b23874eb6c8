"""Rules of the reconciliation that need no account: what may be asked for, days, sums, and what differs."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.errors import MendError
from netsuite_connector.flows import ledger
from netsuite_connector.flows.reconciliation.forms import Form, Of, other
from netsuite_connector.flows.reconciliation.model import (
    Days,
    Finding,
    Outcome,
    Verdict,
    ask,
    days_of,
    sentence,
)
from netsuite_connector.flows.reconciliation.profiles import differences
from netsuite_connector.flows.reconciliation.reading import Reading, delivered_at, of_other_stores
from netsuite_connector.flows.retention import clean
from netsuite_connector.flows.run import Run
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_store, load_stores
from netsuite_connector.stores.model import FeedSettings, Store
from netsuite_connector.window import Window

NOW = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)  # still the 19th in New York


@pytest.fixture
def store() -> Store:
    return load_stores()[0]


def test_without_days_it_is_yesterday_and_those_before_it_in_the_stores_time_zone(store: Store) -> None:
    asked = ask(store, {"flows": None, "from": None, "to": None, "heal": False}, NOW)
    assert [each.flow for each in asked] == ["catalog", "stock", "customers", "orders"]
    assert {(each.start, each.end, each.heal) for each in asked} == {("2026-11-16", "2026-11-19", False)}
    far = store.model_copy(update={"timezone": "Pacific/Kiritimati"})
    assert ask(far, {}, NOW)[0].end == "2026-11-20"


@pytest.mark.parametrize(
    ("wishes", "says"),
    [
        ({"flows": ["quotes"]}, "'quotes' is no flow of 'demo' that can be compared"),
        ({"from": "yesterday"}, "'From' (yesterday) is no day"),
        ({"to": "2026-11-21"}, "lies in the future: choose 2026-11-20"),
        ({"from": "2026-11-02", "to": "2026-11-02"}, "choose an earlier day to begin with"),
    ],
)
def test_what_can_not_be_is_told_with_what_to_change(store: Store, wishes: dict[str, str], says: str) -> None:
    with pytest.raises(MendError) as raised:
        ask(store, wishes, NOW)
    assert says in str(raised.value)


def test_a_catalog_that_is_a_feed_and_flows_that_are_off_are_left_out(store: Store) -> None:
    feed = store.catalog.model_copy(update={"feed": FeedSettings(files="memory://feed", url="https://a.b")})
    flows = store.flows | {"orders": store.flows["orders"].model_copy(update={"enabled": False})}
    other_store = store.model_copy(update={"catalog": feed, "flows": flows})
    assert other_store.flows_to_reconcile == ("stock", "customers")


@given(
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.integers(1, 40),
    st.sampled_from(["Pacific/Kiritimati", "America/New_York", "Europe/Berlin", "UTC", "Pacific/Niue"]),
    st.integers(0, 40 * 24 * 60),
)
def test_each_moment_belongs_to_the_day_that_a_calendar_in_the_store_shows(
    start: date, length: int, zone: str, minutes: int
) -> None:
    days = Days(start, start + timedelta(days=length), ZoneInfo(zone))
    moment = days.since + timedelta(minutes=minutes)
    local = moment.astimezone(ZoneInfo(zone)).date()
    inside = days.since <= moment < days.until
    assert days.day_of(moment) == (local.isoformat() if inside else None)
    assert days.day_of(days.until - timedelta(seconds=1)) == (days.end - timedelta(days=1)).isoformat()
    assert next(days.each()) == start.isoformat()
    assert len(list(days.each())) == length


def test_only_what_is_wrong_and_need_not_be_makes_a_kind_disagree() -> None:
    outcome = Outcome()
    young = Finding("Placed Order", "2026-11-18", Verdict.NOT_YET, "netsuite-1", 1, "young")
    edited = Finding("Placed Order", "2026-11-18", Verdict.DIFFERENT, "netsuite-2", 2, "", edited=True)
    for finding in (young, edited):
        outcome.found(finding)
    assert outcome.agrees
    other_days = Outcome()
    other_days.found(Finding("Placed Order", "2026-11-19", Verdict.MISSING, "netsuite-3", 3, ""))
    outcome.add(other_days)
    outcome.add(other_days)
    assert [kind["agrees"] for kind in outcome.kinds()] == [True, False]
    assert not outcome.agrees
    report = {"store": "demo", "flow": "orders", "from": "2026-11-18", "to": "2026-11-20"}
    said = sentence({**report, "kinds": outcome.kinds()})
    assert "about orders on 2026-11-19: 2 Placed Order missing." in said
    assert "2026-11-18" not in said.partition("staging")[0]


def test_a_refund_may_have_been_sent_in_its_other_form_only_where_its_order_is_wholly_refunded() -> None:
    whole, part = ("Refunded Order", "netsuite-1", 10.0), ("Partially Refunded Order", "netsuite-2", 4.0)
    sent_whole, sent_part = Form(*whole[:2], NOW, 10.0), Form(*part[:2], NOW, 4.0)
    for complete in (True, False):
        assert other(Of(whole, part, complete), sent_whole) == sent_part
    assert other(Of(whole, part, complete=True), sent_part) == sent_whole
    assert other(Of(whole, part, complete=False), sent_part) is None
    assert other(None, sent_part) is None


def test_what_klaviyo_adds_to_a_profile_is_no_difference() -> None:
    sent = {
        "email": "a@b.example",
        "first_name": "Ann",
        "phone_number": "+14155552671",
        "external_id": "7",
        "location": {"city": "Lima"},
        "properties": {"NetSuite ID": "7", "NetSuite Website IDs": [1, 2]},
    }
    held = {
        "email": "A@b.example",
        "first_name": "Ann",
        # Another profile has them.
        "phone_number": None,
        "external_id": None,
        "location": {"city": "Lima", "country": None},
        "properties": {"NetSuite ID": "7", "NetSuite Website IDs": [1, 2], "Somebody's": 1},
    }
    assert differences(sent, held) == []
    changed = held | {"first_name": "Eve", "phone_number": "+14155550000", "properties": {"NetSuite ID": "8"}}
    assert differences(sent, changed) == [
        "first_name",
        "phone_number",
        "properties: NetSuite ID",
        "properties: NetSuite Website IDs",
    ]
    assert differences(sent, held | {"location": None}) == ["location: city"]
    # Klaviyo refused the new number, which is a property then; the one from before stays.
    kept = {"phone_number": "+14155550000"}
    kept["properties"] = held["properties"] | {"NetSuite Phone": sent["phone_number"]}
    assert differences(sent, held | kept) == []


def test_settings_are_the_stores_and_their_mistakes_are_told(tmp_path: Path, store: Store) -> None:
    demo = (Path(__file__).resolve().parents[2] / "include" / "stores" / "demo.yaml").read_text()
    file = tmp_path / "demo.yaml"
    file.write_text(demo + "\nreconciliation: {days: 7, delay_minutes: 90, schedule: null}\n")
    found = load_store(file).reconciliation
    assert (found.days, found.delay_minutes, found.schedule) == (7, 90, None)
    file.write_text(demo + "\nreconciliation: {dayz: 7}\n")
    with pytest.raises(MendError, match="did you mean 'days'"):
        load_store(file)
    assert "reconciliation" not in DOMAINS
    assert days_of(store, ask(store, {}, NOW)[0]).zone.key == store.timezone


def test_results_are_cleaned_like_other_reports_and_what_a_killed_one_left_like_rows(store: Store) -> None:
    staging = Staging("memory://reconciliation-retention")
    place = (store.store, "reconciliation", "orders", "2026-11-16--2026-11-19")
    kept = (("report.json",), ("numbers", "part"), ("findings", "part"))
    for name in (*kept, ("work", "created", "ids.json"), ("heal", "complete.json")):
        staging.write_json((*place, *name), {"some": "rows"})
    now = datetime.now(UTC)

    def gone(days: int) -> list[str]:
        later = now + timedelta(days=days)
        return ["/".join(each.path[4:]) for each in clean(staging, store, really=True, now=later)]

    assert gone(store.retention_days.raw - 1) == []
    assert gone(store.retention_days.raw + 1) == ["heal", "work"]
    assert staging.list(place) == ["findings", "numbers", "report.json"]
    assert gone(store.retention_days.reports + 1) == [""]
    assert not staging.exists(place)


def test_what_a_killed_one_read_goes_though_the_same_days_are_compared_again(
    store: Store, tmp_path: Path
) -> None:
    staging = Staging(str(tmp_path))
    place = (store.store, "reconciliation", "orders", "2026-11-16--2026-11-19")
    staging.write_json((*place, "work-1", "valid", "part"), {"some": "rows"})
    staging.write_json((*place, "report.json"), {})
    old = (datetime.now(UTC) - timedelta(days=store.retention_days.raw + 1)).timestamp()
    os.utime(tmp_path.joinpath(*place, "work-1", "valid", "part"), (old, old))
    assert [each.path[4:] for each in clean(staging, store, really=True)] == [("work-1",)]


def test_records_that_another_store_delivered_to_the_same_account_are_told_apart(store: Store) -> None:
    staging = Staging("memory://reconciliation-two-stores")
    outlet = store.model_copy(update={"store": "outlet"})
    elsewhere = outlet.model_copy(
        update={"klaviyo": store.klaviyo.model_copy(update={"connection": "another"}), "store": "elsewhere"}
    )
    for id_, owner in ((1, store), (2, outlet), (3, elsewhere)):
        run = Run(owner, DOMAINS["orders"], Window(), staging)
        line = {"id": id_, "sub": 0, "fingerprint": 0, "key_hash": None, "rank": None}
        lines = pa.RecordBatch.from_pylist([line], schema=ledger.SCHEMA)
        ledger.update(run.ledger(run.domain.shaped[0]), iter([lines]))
    mine = Reading(store, DOMAINS["orders"], Window(), staging, work=("demo", "work"), part="some")
    assert of_other_stores(mine, {1, 2, 3, 4}) == {2}
    assert of_other_stores(mine, set()) == set()
    assert set(delivered_at(mine, mine.domain.shaped[0], {1, 2})) == {(1, 0)}
