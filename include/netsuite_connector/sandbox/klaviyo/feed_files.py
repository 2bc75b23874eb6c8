"""A catalog feed file: where it may lie, how it is fetched, and what of it can be taken."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import orjson
import requests

LARGEST_FEED: Final = 100_000_000  # bytes; "should not exceed 100 MB"
LONGEST_FETCH: Final = (5.0, 60.0)  # seconds to connect, and between two bytes
NEAR_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})

MANDATORY: Final = ("id", "title", "description", "link", "image_link")
NUMBERS: Final = ("price", "inventory_quantity")
ADDRESSES: Final = ("link", "image_link")
POLICIES: Final = frozenset({0, 1, 2})

# The catalog's own words for the fields of a feed; every other field is custom metadata.
_ATTRIBUTES: Final = {
    "title": "title",
    "description": "description",
    "link": "url",
    "image_link": "image_full_url",
    "price": "price",
    "inventory_quantity": "inventory_quantity",
    "inventory_policy": "inventory_policy",
    "categories": "categories",
}


class FeedProblemError(Exception):
    """A feed that can't be read at all, in a sentence."""


@dataclass(frozen=True, slots=True)
class FeedItem:
    """An item of a feed: its external id and the catalog's document of it."""

    id: str
    document: dict[str, Any]


@dataclass(slots=True)
class FeedFile:
    """What a feed file holds: its items by id, and the rows that were refused with their reasons."""

    size: int
    rows: int
    items: dict[str, FeedItem] = field(default_factory=dict)
    refusals: list[dict[str, Any]] = field(default_factory=list)


def place_of(url: str) -> str | Path:
    """Where a feed lies: an address on this machine, or a file. A FeedProblemError for any other place."""
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and parts.hostname in NEAR_HOSTS:
        return url
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    if not parts.scheme and Path(url).is_absolute():
        return Path(url)
    raise FeedProblemError(
        "The sandbox reads feeds by http from this machine, or from an absolute file path."
    )


def read_feed(url: str) -> FeedFile:
    """Fetches a feed and looks at every row. Blocks; a FeedProblemError when there is nothing to look at."""
    place = place_of(url)
    raw = _from_file(place) if isinstance(place, Path) else _from_server(place)
    try:
        rows = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise FeedProblemError("The feed is not valid JSON.") from None
    if not isinstance(rows, list):
        raise FeedProblemError("The feed is not a JSON array of items.")
    feed = FeedFile(len(raw), len(rows))
    for number, row in enumerate(rows):
        reasons = list(_reasons(row))
        known = _plain(row) if isinstance(row, dict) else {}
        identifier = str(known.get("id", ""))
        if not reasons and identifier in feed.items:
            reasons = ["The id is that of an earlier item."]
        if reasons:
            feed.refusals.append({"row": number, "id": identifier or None, "reasons": reasons})
        else:
            feed.items[identifier] = FeedItem(identifier, _document(known))
    return feed


def _from_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return _whole(iter(lambda: file.read(1 << 20), b""))
    except OSError as error:
        raise FeedProblemError(f"The feed file can't be read: {error.strerror}.") from None


def _from_server(url: str) -> bytes:
    try:
        with requests.get(url, stream=True, timeout=LONGEST_FETCH, allow_redirects=False) as answer:
            if answer.status_code != 200:
                raise FeedProblemError(f"The feed's server answered {answer.status_code}.")
            return _whole(answer.iter_content(1 << 20))
    except requests.RequestException as error:
        raise FeedProblemError(f"The feed can't be fetched ({type(error).__name__}).") from None


def _whole(parts: Iterator[bytes]) -> bytes:
    content = bytearray()
    for part in parts:
        content += part
        if len(content) > LARGEST_FEED:
            raise FeedProblemError("The feed is larger than 100 MB; split it into several files.")
    return bytes(content)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of a row without the ``$`` that Klaviyo's own names may begin with."""
    return {name.removeprefix("$"): value for name, value in row.items()}


def _reasons(row: Any) -> Iterator[str]:
    """Why a row can't be taken."""
    if not isinstance(row, dict):
        yield "The item is not an object."
        return
    known = _plain(row)
    for name in MANDATORY:
        if not _filled(known.get(name), number=name == "id"):
            yield f"The mandatory field {name} is missing or blank."
    for name, value in known.items():
        if _nested(value):
            yield f"The field {name} is nested; a feed is one level deep."
        elif value is not None and name in NUMBERS and _number(value) is None:
            yield f"The field {name} is not a number."
        elif name in ADDRESSES and _filled(value) and urlsplit(value).scheme not in ("http", "https"):
            yield f"The field {name} is not a web address."
    policy = known.get("inventory_policy")
    if policy is not None and _number(policy) not in POLICIES:
        yield "The field inventory_policy is not 0, 1 or 2."


def _filled(value: Any, *, number: bool = False) -> bool:
    """Whether a field says something; ``number`` allows whole numbers too."""
    if isinstance(value, str):
        return bool(value.strip())
    return number and isinstance(value, int) and not isinstance(value, bool)


def _nested(value: Any) -> bool:
    """Whether a value is more than plain values, or an array of them."""
    if isinstance(value, list):
        return any(isinstance(entry, dict | list) for entry in value)
    return isinstance(value, dict)


def _number(value: Any) -> float | int | None:
    """A number, also one written as text; None when it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number


def _document(known: dict[str, Any]) -> dict[str, Any]:
    """The catalog's document of an item."""
    document: dict[str, Any] = {"external_id": str(known["id"]), "published": True}
    metadata: dict[str, Any] = {}
    for name, value in known.items():
        if name == "id" or value is None:
            continue
        if name in NUMBERS or name == "inventory_policy":
            value = _number(value)  # noqa: PLW2901 - the same value, as a number
        (document if name in _ATTRIBUTES else metadata)[_ATTRIBUTES.get(name, name)] = value
    return document | ({"custom_metadata": metadata} if metadata else {})
