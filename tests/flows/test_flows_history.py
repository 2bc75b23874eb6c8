"""What a backfill of history is asked for, its windows, and its sums."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsuite_connector.errors import MendError
from netsuite_connector.flows import history
from netsuite_connector.flows.history import Asked, Backfill, Order, Piece, Size
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_stores

STORE = load_stores()[0]
NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)  # still the 19th in New York, where the demo store is
WISHES: dict[str, Any] = {
    "flows": ["orders"],
    "from": "2024-01-15",
    "to": None,
    "window": "month",
    "order": "oldest first",
    "dry_run": True,
    "resume": True,
    "limit": None,
    "ignore_gates": False,
}
DAYS = st.dates(date(2015, 1, 1), date(2035, 1, 1))


def asked(**wishes: Any) -> Asked:
    return history.ask(STORE, WISHES | wishes, NOW)


@given(DAYS, st.integers(1, 1500), st.sampled_from(Size), st.sampled_from(Order))
def test_windows_cover_the_time_without_gap_or_overlap(
    start: date, days: int, size: Size, order: Order
) -> None:
    end = start + timedelta(days=days)
    wish = Asked(("customers", "orders"), start.isoformat(), end.isoformat(), size, order)
    pieces = list(history.pieces_of(STORE, wish))
    assert len({piece.label for piece in pieces}) == len(pieces)
    zone = ZoneInfo(STORE.timezone)
    for flow in wish.flows:
        mine = [piece for piece in pieces if piece.flow == flow]
        if order is Order.NEWEST:
            mine.reverse()
        moments = [datetime.fromisoformat(piece.start).astimezone(zone) for piece in mine]
        ends = [datetime.fromisoformat(piece.end).astimezone(zone) for piece in mine]
        assert (moments[0].date(), ends[-1].date()) == (start, end)
        assert moments[1:] == ends[:-1]
        for moment in (*moments, *ends):
            assert (moment.hour, moment.minute) == (0, 0)
        for moment in moments[1:]:
            assert size is not Size.WEEK or moment.weekday() == 0
            assert size not in {Size.MONTH, Size.QUARTER} or moment.day == 1
            assert size is not Size.QUARTER or moment.month in {1, 4, 7, 10}


def test_windows_have_names_for_people() -> None:
    months = [piece.label for piece in history.pieces_of(STORE, asked(to="2024-04-01"))]
    assert months == ["orders 2024-01-15 to 2024-01-31", "orders 2024-02", "orders 2024-03"]
    quarters = history.pieces_of(
        STORE, asked(**{"from": "2024-01-01", "to": "2024-07-01", "window": "quarter"})
    )
    assert [piece.label for piece in quarters] == ["orders 2024-Q1", "orders 2024-Q2"]


def test_without_an_end_it_ends_with_yesterday_in_the_stores_time_zone() -> None:
    assert asked().end == "2026-11-19"


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        ({"flows": []}, "'Flows' is empty: choose one or several of customers, orders"),
        ({"flows": ["catalog"]}, "'catalog' is no flow of 'demo' that has a history: choose of customers"),
        ({"from": "soon"}, r"'From' \(soon\) is no day: write it like 2024-03-31"),
        ({"to": "2026-11-20"}, r"'To' \(2026-11-20\) lies in the future: choose 2026-11-19"),
        ({"to": "2024-01-15"}, r"'From' \(2024-01-15\) is not before 'To' \(2024-01-15\)"),
        ({"from": "2021-11-18"}, "more than 5 years ago: choose 2021-11-19 or a later day, or raise"),
        ({"window": "day"}, "That makes 1,039 windows, and 1,000 are the most: choose a longer 'Window'"),
    ],
)
def test_what_can_not_be_is_told_with_what_to_change(wishes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(MendError, match=sentence):
        asked(**wishes)


def test_a_store_may_allow_more_years() -> None:
    patient = STORE.model_copy(update={"history_years": 9})
    assert history.ask(patient, WISHES | {"from": "2018-01-01"}, NOW).start == "2018-01-01"


def backfill(pieces: int, **wishes: Any) -> Backfill:
    wish = asked(dry_run=False, **wishes)
    windows = tuple(list(history.pieces_of(STORE, wish))[:pieces])
    settings = STORE.model_dump(mode="json", exclude_unset=True)
    return Backfill("manual__1", wish, settings, (), windows, 2, "2026-11-20T03:00:00.000000Z")


def test_progress_tells_what_is_done_and_left(tmp_path: Path) -> None:
    staging = Staging(str(tmp_path))
    made = backfill(4)
    assert history.write_progress("demo", staging, made)["seconds_left"] is None
    rows = {"extracted": 5, "delivered": 3, "unchanged": 1, "rejected": 1}
    for piece in made.pieces[:2]:
        history.note_delivered(made.run(staging, piece), made, {"rows": rows})
    now = history.progress("demo", staging)
    assert now is not None
    assert (now["done"], now["all"], now["passed_over"]) == (4, 6, 2)
    assert now["rows"] == {name: 2 * count for name, count in rows.items()}
    assert now["seconds_left"] > 0


def test_a_window_counts_as_delivered_while_the_searches_and_filters_are_the_same(tmp_path: Path) -> None:
    staging = Staging(str(tmp_path))
    made = backfill(1)
    run = made.run(staging, made.pieces[0])
    history.note_delivered(run, made, {"rows": {"extracted": 0}})
    assert history.delivered_by(run) == "manual__1"
    flow = STORE.flows["orders"].model_copy(update={"searches": {"orders": "customsearch_other"}})
    other = STORE.model_copy(update={"flows": {**STORE.flows, "orders": flow}})
    assert history.delivered_by(history.run_of(other, staging, made.pieces[0])) is None


def test_a_window_with_a_limit_is_not_taken_for_delivered(tmp_path: Path) -> None:
    staging = Staging(str(tmp_path))
    made = backfill(1, limit=10)
    run = made.run(staging, made.pieces[0])
    history.note_delivered(run, made, {"rows": {"extracted": 0}})
    assert history.delivered_by(run) is None


def test_totals_add_up_or_say_so() -> None:
    made = backfill(2)
    results = [
        {"flow": "orders", "numbers": {"extracted": 3, "delivered": 1, "unchanged": 1, "rejected": 1}},
        {"flow": "orders", "numbers": {"extracted": 2, "delivered": 2, "unchanged": 0, "rejected": 0}},
    ]
    done = history.total(made, results)
    assert done["adds_up"]
    assert (done["all"]["extracted"], done["windows"]) == (5, {"planned": 2, "ended": 2, "passed_over": 2})
    assert not history.total(made, results[:1])["adds_up"], "a window is missing"
    lost = {"flow": "orders", "numbers": {"extracted": 3, "delivered": 2, "unchanged": 0, "rejected": 0}}
    assert not history.total(made, [results[0], lost])["adds_up"], "a row is missing"


def test_a_run_of_history_has_a_place_of_its_own_and_wakes_nobody(tmp_path: Path) -> None:
    run = history.run_of(
        STORE,
        Staging(str(tmp_path)),
        Piece("orders", "2024-01-01T05:00:00Z", "2024-02-01T05:00:00Z", "a label"),
    )
    assert run.key == "history-2024-01-01T050000Z--2024-02-01T050000Z"
    assert run.site.live_from > "2100"
