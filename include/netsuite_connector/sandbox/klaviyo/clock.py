"""The sandbox account's own time, which tests may move forward."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Seconds since 1970 in UTC, plus whatever the sandbox was told to skip."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def now(self) -> float:
        """The account's present."""
        return time.time() + self.skipped

    def skip(self, seconds: float) -> None:
        """Moves the account's present forward, so that jobs expire and windows end without anybody
        waiting.
        """
        self.skipped += seconds


def iso(moment: float | None) -> str | None:
    """A moment as Klaviyo writes it (``2026-11-20T10:00:00+00:00``); None stays None."""
    if moment is None:
        return None
    return datetime.fromtimestamp(int(moment), UTC).isoformat()


def parse_moment(text: str) -> datetime | None:
    """An ISO 8601 moment, read as UTC when it names no zone; None when it is no moment."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
