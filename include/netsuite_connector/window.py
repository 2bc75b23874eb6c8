"""The window of modification times that an extract asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from netsuite_connector.errors import MendError

_MINUTE = timedelta(minutes=1)


class WindowError(MendError, ValueError):
    """A window that cannot be: a bound that is no moment, or an end that is not after the start."""


@dataclass(frozen=True, slots=True)
class Window:
    """``start`` (inclusive) to ``end`` (exclusive), both in UTC; None leaves that side open.

    Moments with another offset are turned into UTC. Raises WindowError for a moment without an offset, and
    unless start < end.
    """

    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            moment = getattr(self, name)
            if moment is not None:
                object.__setattr__(self, name, _in_utc(moment, name))
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise WindowError(
                f"The window's start {self.start_text} is not before its end {self.end_text}: choose a later "
                "end."
            )

    @classmethod
    def parse(cls, start: str | None, end: str | None) -> Window:
        """Read two moments in ISO 8601, such as ``2026-11-20T10:00:00Z``; None and blank text are open.

        Raises WindowError for text that is no moment or doesn't name its offset.
        """
        return cls(_moment(start, "start"), _moment(end, "end"))

    @property
    def start_text(self) -> str | None:
        """The start as ISO 8601 text that ends in Z, or None."""
        return _text(self.start)

    @property
    def end_text(self) -> str | None:
        """The end as ISO 8601 text that ends in Z, or None."""
        return _text(self.end)

    def whole_minutes(self) -> Window:
        """The smallest window of whole minutes around this one; NetSuite keeps changes to the minute."""
        return Window(_minute_down(self.start), _minute_up(self.end))


def _moment(text: str | None, name: str) -> datetime | None:
    if text is None or not text.strip():
        return None
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise WindowError(
            f"The window's {name} {text!r} is no moment: write it in UTC, such as 2026-11-20T10:00:00Z."
        ) from None


def _in_utc(moment: datetime, name: str) -> datetime:
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise WindowError(
            f"The window's {name} {moment.isoformat()} doesn't say its time zone: "
            f"add Z for UTC, such as {moment.isoformat()}Z."
        )
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise WindowError(
            f"The window's {name} {moment.isoformat()} is outside the years 1 to 9999."
        ) from None


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.replace(tzinfo=None).isoformat() + "Z"


def _minute_down(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(second=0, microsecond=0)


def _minute_up(moment: datetime | None) -> datetime | None:
    down = _minute_down(moment)
    if down is None or down == moment:
        return down
    try:
        return down + _MINUTE
    except OverflowError:  # the calendar's last minute: nothing lies beyond it
        return None
