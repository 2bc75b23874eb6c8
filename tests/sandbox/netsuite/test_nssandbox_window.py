"""Windows of modification: exact to the minute in UTC, whatever the user's format and time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nssandbox import Inside, customer, inside, rows

CUSTOMERS = "customsearch_nsk_customers"
FORMATS = [
    ("UTC", "M/D/YYYY", "h:mm a"),
    ("America/Los_Angeles", "M/D/YYYY", "h:mm a"),
    ("America/Los_Angeles", "D.M.YYYY", "H:mm"),
    ("Europe/Berlin", "D.M.YYYY", "HH:mm"),
    ("Europe/London", "DD-Mon-YYYY", "hh:mm a"),
    ("Asia/Kathmandu", "YYYY-MM-DD", "H-mm"),
    ("Australia/Lord_Howe", "D MONTH, YYYY", "h-mm a"),
]
# Both ends of summer time 2026 in Los Angeles, as moments.
SPRING = datetime(2026, 3, 8, 10, 0, tzinfo=UTC)
AUTUMN = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def every(start: datetime, minutes: int, count: int) -> list[datetime]:
    return [start + timedelta(minutes=minutes * n) for n in range(count)]


def fill(account: Inside, moments: list[datetime]) -> None:
    account.engine.admin("clear", {"type": "customer"})
    account.engine.load(
        "customer", [customer(n, lastmodifieddate=iso(each)) for n, each in enumerate(moments, start=1)]
    )


def modified(account: Inside, **window: Any) -> list[str]:
    return [row["lastmodifieddate"] for row in rows(account.call("page", search=CUSTOMERS, **window))]


@pytest.mark.parametrize(("zone", "date_format", "time_format"), FORMATS)
def test_a_window_takes_its_start_and_leaves_its_end(
    empty: Inside, zone: str, date_format: str, time_format: str
) -> None:
    empty.engine.settings(timezone=zone, dateFormat=date_format, timeFormat=time_format)
    fill(empty, every(datetime(2026, 6, 30, 21, 58, tzinfo=UTC), 1, 240))
    found = modified(empty, **{"from": "2026-06-30T22:00:00Z", "to": "2026-07-01T01:00:00Z"})
    assert found[0] == "2026-06-30T22:00:00Z"
    assert found[-1] == "2026-07-01T00:59:00Z"
    assert len(found) == 180


def test_seconds_widen_the_window_to_whole_minutes(empty: Inside) -> None:
    fill(empty, every(datetime(2026, 6, 30, 12, 0, tzinfo=UTC), 1, 10))
    found = modified(empty, **{"from": "2026-06-30T12:02:30Z", "to": "2026-06-30T12:04:01Z"})
    assert found == ["2026-06-30T12:02:00Z", "2026-06-30T12:03:00Z", "2026-06-30T12:04:00Z"]


def test_offsets_are_understood(empty: Inside) -> None:
    fill(empty, every(datetime(2026, 6, 30, 12, 0, tzinfo=UTC), 1, 3))
    window = {"from": "2026-06-30T14:01:00+02:00", "to": "2026-06-30T07:02:00-05:00"}
    assert modified(empty, **window) == ["2026-06-30T12:01:00Z"]


@pytest.fixture(scope="module")
def around_the_change() -> Inside:
    """An account whose customers changed every ten minutes around both changes of the clock."""
    made = inside()
    fill(made, every(SPRING - timedelta(hours=4), 10, 48) + every(AUTUMN - timedelta(hours=4), 10, 48))
    return made


@settings(max_examples=60, deadline=None)
@given(
    change=st.sampled_from([SPRING, AUTUMN]),
    start=st.integers(-240, 230),
    minutes=st.integers(0, 400),
    form=st.sampled_from(FORMATS[1:3]),
)
def test_no_window_across_a_change_of_the_clock_loses_a_row(
    around_the_change: Inside, change: datetime, start: int, minutes: int, form: tuple[str, str, str]
) -> None:
    around_the_change.engine.settings(timezone=form[0], dateFormat=form[1], timeFormat=form[2])
    begin = change + timedelta(minutes=start)
    end = begin + timedelta(minutes=minutes)
    stored = [each["lastmodifieddate"] for each in raw(around_the_change)]
    wanted = [each for each in stored if iso(begin) <= each < iso(end)]

    page = around_the_change.call("page", search=CUSTOMERS, **{"from": iso(begin), "to": iso(end)})

    found = [stored[row["internalid"] - 1] for row in rows(page)]
    assert set(wanted) <= set(found)
    if change is SPRING:
        assert found == wanted
    else:
        # In the hour that repeats a bound moves out by an hour or two, and by no more.
        assert all(iso(begin - timedelta(hours=2)) <= each < iso(end + timedelta(hours=2)) for each in found)


def raw(account: Inside) -> list[dict[str, Any]]:
    dump = account.engine.admin("dump", {"type": "customer", "after": 0, "limit": 1000})
    return list(dump["records"])


def test_adjacent_windows_over_the_repeated_hour_hold_every_row(around_the_change: Inside) -> None:
    around_the_change.engine.settings(
        timezone="America/Los_Angeles", dateFormat="M/D/YYYY", timeFormat="h:mm a"
    )
    found: set[int] = set()
    for start in range(-240, 240, 30):
        begin = AUTUMN + timedelta(minutes=start)
        window = {"from": iso(begin), "to": iso(begin + timedelta(minutes=30))}
        page = around_the_change.call("page", search=CUSTOMERS, **window)
        found |= {row["internalid"] for row in rows(page)}
    assert found == set(range(49, 97))


def test_items_are_bounded_by_their_own_stamp(empty: Inside) -> None:
    items = [
        {
            "internalid": n,
            "itemid": f"I{n}",
            "type": "InvtPart",
            "lastmodifieddate": f"2026-01-01T00:0{n}:00Z",
        }
        for n in range(1, 5)
    ]
    empty.engine.load("item", items)
    page = empty.call(
        "page",
        search="customsearch_nsk_items",
        **{"from": "2026-01-01T00:02:00Z", "to": "2026-01-01T00:04:00Z"},
    )
    assert [row["modified"] for row in rows(page)] == ["2026-01-01T00:02:00Z", "2026-01-01T00:03:00Z"]
