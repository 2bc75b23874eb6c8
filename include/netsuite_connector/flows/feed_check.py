"""Looks at a published catalog feed as Klaviyo does: by its address."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import requests

from netsuite_connector.errors import RemoteFaultError

MANIFEST = "feed.json"
_TIMEOUT = (10.0, 60.0)
_PIECE = 1 << 20


class _File(msgspec.Struct):
    name: str
    items: int
    bytes: int
    sha256: str


class _Manifest(msgspec.Struct):
    written: datetime
    items: int
    files: list[_File]


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed that can be read: when it was written, what is in it, where its files are, and how many requests
    it took to see that.
    """

    written: datetime
    items: int
    files: tuple[str, ...]
    requests: int

    @property
    def age_hours(self) -> float:
        """How long ago it was written."""
        return (datetime.now(UTC) - self.written).total_seconds() / 3600


def check_feed(url: str) -> Feed:
    """Fetch the feed's manifest and every file that it names, and compare them.

    Raises RemoteFaultError, which says what is wrong, when one can't be fetched or is another than the
    manifest says.
    """
    root = url.rstrip("/")
    with requests.Session() as session:
        # Klaviyo comes from outside, so what a proxy of ours would see proves nothing.
        session.trust_env = False
        with _fetched(session, f"{root}/{MANIFEST}") as answer:
            try:
                manifest = msgspec.json.decode(answer.content, type=_Manifest)
            except msgspec.MsgspecError:
                raise RemoteFaultError(
                    f"{root}/{MANIFEST} is no manifest of a feed: check that 'catalog.feed.url' is the "
                    "address of the folder that 'catalog.feed.files' names, and that the flow has run."
                ) from None
        for file in manifest.files:
            digest, size = hashlib.sha256(), 0
            with _fetched(session, f"{root}/{file.name}") as answer:
                for piece in answer.iter_content(_PIECE):
                    digest.update(piece)
                    size += len(piece)
            if (size, digest.hexdigest()) != (file.bytes, file.sha256):
                raise RemoteFaultError(
                    f"{root}/{file.name} is not the file that the feed's manifest names: if a new feed is "
                    "being written, or a cache holds an old one, this mends itself."
                )
    names = tuple(f"{root}/{file.name}" for file in manifest.files)
    return Feed(manifest.written.astimezone(UTC), manifest.items, names, len(names) + 1)


@contextmanager
def _fetched(session: requests.Session, address: str) -> Iterator[requests.Response]:
    try:
        with session.get(address, stream=True, timeout=_TIMEOUT) as answer:
            if answer.status_code != requests.codes.ok:
                raise RemoteFaultError(
                    f"The feed can't be read: {address} answers {answer.status_code}. Check that the folder "
                    "of 'catalog.feed.files' is shown there to everybody."
                )
            yield answer
    except requests.RequestException as error:
        raise RemoteFaultError(
            f"The feed can't be read: {address} can't be reached ({type(error).__name__})."
        ) from error
