"""Personal values as people may see them by default: what kind of value it is, but not whose."""

from __future__ import annotations

import re
from typing import Any

from netsuite_connector.column_type import TEXT_SUFFIX

HIDDEN = "•••"

_EMAIL = re.compile(r"[^\s@<>,;:\"'()]+@[^\s@<>,;:\"'()]+")
_PHONE = re.compile(r"(?<![\w.-])(?!\d{4}-\d\d-\d\d(?!\d))\+?\d[\d ().-]{6,}\d(?![\w-])")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ][\d:.+Z-]+)?")
# Columns whose texts say nothing of a person: codes, kinds, states and the words of the catalog.
_HARMLESS = re.compile(
    r"(^|[._])(type|recordtype|status|stage|statusref|currency|isinactive|internalid|lineuniquekey|itemid"
    r"|item|sku|tranid|taxitem|website|subsidiary|pricelevel|units?|class|department|location|id|metric"
    r"|displayname|storedisplayname|urlcomponent|itemtype|globalsubscriptionstatus|name_of_metric"
    r"|productname|producturl|imageurl|itemnames|categories|brands?|orderid|subscriptionstatus(id)?)$"
)


def masked_text(text: str) -> str:
    """A sentence without the addresses and phone numbers in it."""
    return _PHONE.sub(_masked_phone, _EMAIL.sub(_masked_email, text))


def masked(value: Any, name: str = "") -> Any:
    """A row's value without what is personal in it. Numbers, dates, yes and no stay, and so do texts of
    columns that say nothing of a person; of any other text its first letter and its length remain.
    """
    if isinstance(value, dict):
        return {
            # What an event is called says nothing of whose it is.
            key: each if key == "metric" else masked(each, key if key not in {"text", "id"} else name)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [masked(each, name) for each in value]
    if not isinstance(value, str) or not value or _MOMENT.fullmatch(value):
        return value
    if _HARMLESS.search(_column(name)):
        return masked_text(value)
    if _EMAIL.fullmatch(value):
        return _EMAIL.sub(_masked_email, value)
    return f"{value[0]}{HIDDEN} ({len(value)} characters)"


def _column(name: str) -> str:
    """The column behind a property, or behind a select's text: *NetSuite Price Level* is pricelevel."""
    return name.removesuffix(TEXT_SUFFIX).lower().removeprefix("netsuite ").replace(" ", "")


def _masked_email(match: re.Match[str]) -> str:
    return f"{match.group()[0]}{HIDDEN}@{HIDDEN}"


def _masked_phone(match: re.Match[str]) -> str:
    # Eight digits may be a date or an id; with a plus or separators between them they are a phone number.
    return f"{HIDDEN}{match.group()[-2:]}"
