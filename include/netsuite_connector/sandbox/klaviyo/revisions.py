"""The ``revision`` header: which version of the API answers.

A revision is stable for a year and deprecated for another. One that is older, or that was never published,
falls forward to a living one unless the caller opts out. Revisions come out on the 15th of January, April,
July and October.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

from netsuite_connector.sandbox.klaviyo.problems import Problem, Refusal, bad_parameter

OPT_OUT = "x-klaviyo-revision-fall-forward-opt-out"
_FORM = re.compile(r"(\d{4}-\d{2}-\d{2})(\.\w+)?")


@dataclass(frozen=True, slots=True)
class Revision:
    """The revision that answers, and when it ends."""

    name: str
    retires: str

    @property
    def headers(self) -> dict[str, str]:
        """What every answer says of it."""
        return {"X-Klaviyo-Api-Revision": self.name, "X-Klaviyo-Api-Retirement-Date": self.retires}


def resolve(asked: str | None, *, now: float, opted_out: bool) -> Revision:
    """The revision that answers a call which asks for ``asked``; a Refusal with 400 or 410 when none does."""
    match = _FORM.fullmatch(asked or "")
    try:
        day = date.fromisoformat(match.group(1)) if match else None
    except ValueError:
        day = None
    if day is None:
        raise Refusal(bad_parameter("A revision header of the form YYYY-MM-DD is required.", "revision"))
    today = datetime.fromtimestamp(now, UTC).date()
    oldest = _years_later(today, -2)
    if oldest < day <= today and (day.month % 3, day.day) == (1, 15):
        return Revision(asked or "", _years_later(day, 2).isoformat())
    if opted_out:
        detail = "This API revision is retired or was never published."
        raise Refusal(Problem(410, "gone", "Gone.", detail, parameter="revision"))
    newest = _quarter(today, back=True)
    living = newest if day > newest else _quarter(max(day, oldest), back=False)
    return Revision(living.isoformat(), _years_later(living, 2).isoformat())


def _years_later(day: date, years: int) -> date:
    return day.replace(year=day.year + years, day=min(day.day, 28))


def _quarter(day: date, *, back: bool) -> date:
    """The quarterly revision at or before ``day`` with ``back``, else the first one after it."""
    published = [date(day.year + year, month, 15) for year in (-1, 0, 1) for month in (1, 4, 7, 10)]
    if back:
        return max(candidate for candidate in published if candidate <= day)
    return min(candidate for candidate in published if candidate > day)
