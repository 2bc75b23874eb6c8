from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsuite_connector.errors import MendError
from netsuite_connector.window import Window, WindowError

offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=offsets)  # noqa: DTZ001


@given(moments, moments)
def test_a_window_reads_back_as_it_was_written_whatever_the_offset(one: datetime, other: datetime) -> None:
    start, end = sorted((one, other))
    if start == end:
        end += timedelta(seconds=1)

    window = Window.parse(start.isoformat(), end.isoformat())

    assert (window.start, window.end) == (start, end)
    assert window.start is not None
    assert window.start.tzinfo is UTC
    assert Window.parse(window.start_text, window.end_text) == window
    assert window.start_text is not None
    assert window.start_text.endswith("Z")


@given(moments, moments)
def test_whole_minutes_hold_the_window_and_less_than_a_minute_more_on_each_side(
    one: datetime, other: datetime
) -> None:
    start, end = sorted((one, other))
    whole = Window(start, end + timedelta(microseconds=1)).whole_minutes()

    assert whole.start is not None
    assert whole.end is not None
    assert timedelta(0) <= start - whole.start < timedelta(minutes=1)
    assert timedelta(0) <= whole.end - (end + timedelta(microseconds=1)) < timedelta(minutes=1)
    assert whole.whole_minutes() == whole


@given(st.text(st.characters(categories=["L", "P", "S"]), min_size=1, max_size=30))
def test_text_that_is_no_moment_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(WindowError, match=r"The window's start .* is no moment"):
        Window.parse(text, None)


def test_blank_text_leaves_a_side_open() -> None:
    window = Window.parse(None, " ")

    assert (window.start_text, window.end_text) == (None, None)
    assert window.whole_minutes() == window == Window()


def test_text_is_iso_with_z() -> None:
    window = Window.parse("2026-11-20T11:00:00+01:00", "2026-11-20T10:00:00.5Z")

    assert (window.start_text, window.end_text) == ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00.500000Z")


def test_a_moment_without_an_offset_is_refused_with_how_to_write_it() -> None:
    with pytest.raises(MendError, match=r"end 2026-11-20T00:00:00 .*add Z"):
        Window.parse(None, "2026-11-20")


@pytest.mark.parametrize("end", ["2026-11-20T10:00:00Z", "2026-11-20T09:59:00Z"])
def test_a_window_must_end_after_its_start(end: str) -> None:
    with pytest.raises(WindowError, match="not before its end"):
        Window.parse("2026-11-20T10:00:00Z", end)


def test_a_moment_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(WindowError, match="years 1 to 9999"):
        Window.parse("0001-01-01T00:00:00+14:00", None)


def test_the_calendars_last_minute_stays_open() -> None:
    assert Window(None, datetime.max.replace(tzinfo=UTC)).whole_minutes().end is None
