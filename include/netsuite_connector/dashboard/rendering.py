"""Turns what is known into pages: templates, and how moments, numbers and personal values are written."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from netsuite_connector.commands.masking import masked, masked_text

# Airflow keeps here whether its user chose dark or light; without a choice the browser's own holds.
THEME_SCRIPT = (
    "try{const t=localStorage.getItem('theme');"
    "if(t==='dark'||t==='light')document.documentElement.dataset.theme=t}catch{}"
)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    f"script-src 'sha256-{base64.b64encode(hashlib.sha256(THEME_SCRIPT.encode()).digest()).decode()}'; "
    "form-action 'self'; frame-ancestors 'self'; base-uri 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
"""Nothing is loaded from anywhere, nothing but the script above runs, and nothing is kept by browsers."""

_NONE = "\N{EN DASH}"
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


@dataclass(frozen=True, slots=True)
class Paging:
    """Page ``number`` (from 1) of ``total`` lines, ``size`` a page."""

    number: int
    size: int
    total: int

    @property
    def first(self) -> int:
        """How many lines come before the page."""
        return (self.number - 1) * self.size

    @property
    def last(self) -> int:
        """How many lines there are up to its end."""
        return min(self.total, self.first + self.size)

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // self.size))


def render(template: str, **found: Any) -> str:
    """The page of a template."""
    return _environment.get_template(template).render(found)


def moment(value: datetime | str | None, zone: str = "UTC") -> str:
    """A moment by the clock of a time zone, to the minute."""
    at = _parsed(value)
    return _NONE if at is None else f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M %Z}"


def clock(value: datetime | str | None, zone: str = "UTC") -> str:
    """The same without the zone's name, where the page says it."""
    return moment(value, zone).rpartition(" ")[0] or _NONE


def days(span: str) -> str:
    """The days of a reconciliation, from the first to the last; its name has the day behind the last."""
    try:
        first, end = (date.fromisoformat(day) for day in span.split("--"))
    except ValueError:
        return span
    last = end - timedelta(days=1)
    return f"{first}" if last <= first else f"{first} to {last}"


def ago(value: datetime | str | None) -> str:
    """How long ago a moment was, or how soon it will be."""
    at = _parsed(value)
    if at is None:
        return ""
    seconds = (datetime.now(UTC) - at).total_seconds()
    told = duration(abs(seconds))
    return f"{told} ago" if seconds >= 0 else f"in {told}"


def duration(seconds: float | None) -> str:
    """So many seconds in the two largest units that matter."""
    if seconds is None:
        return _NONE
    if seconds < _MINUTE:
        return f"{seconds:.0f} s" if seconds >= 10 or seconds == int(seconds) else f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:.0f} min"
    return f"{seconds / _DAY:.0f} days"


def number(value: float | None) -> str:
    """A number with thousands separated; two decimals where it has any."""
    if value is None:
        return _NONE
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".removesuffix(".00")


def url(page: str, /, **query: Any) -> str:
    """The address of a page, relative to the others; what is None or empty is left out."""
    asked = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{page}?{urlencode(asked)}" if asked else page


def content(row: str) -> Mapping[str, str]:
    """The columns of a rejected row (JSON) as people may see them: masked."""
    found = masked(orjson.loads(row))
    columns = found if isinstance(found, dict) else {"": found}
    return {name: value if isinstance(value, str) else _told(value) for name, value in columns.items()}


def key(value: str | None) -> str:
    """What tells rows of a record apart, masked unless it is a number."""
    return value if value and value.isdigit() else str(masked(value or ""))


def _told(value: Any) -> str:
    return "" if value is None else orjson.dumps(value).decode()


def _parsed(value: datetime | str | None) -> datetime | None:
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)


_environment = Environment(
    loader=PackageLoader(__package__),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(
    moment=moment,
    clock=clock,
    days=days,
    ago=ago,
    duration=duration,
    number=number,
    masked=masked_text,
    content=content,
    key=key,
)
_environment.globals.update(url=url, theme_script=THEME_SCRIPT)
