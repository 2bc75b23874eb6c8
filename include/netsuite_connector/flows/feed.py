"""A catalog feed: files of JSON that Klaviyo fetches by itself, in place of requests to its API.

The files of a generation are written beside those of the last one, and take their places when all are
complete; the manifest comes last. Whoever fetches a file gets all of it, old or new.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson

from netsuite_connector.errors import MendError, RemoteFaultError
from netsuite_connector.flows.feed_check import MANIFEST, check_feed
from netsuite_connector.flows.run import Run
from netsuite_connector.staging import rejected
from netsuite_connector.staging.files import Files
from netsuite_connector.stores.model import FeedSettings

LARGEST_FILE = 45_000_000
"""Bytes of one file. Klaviyo advises at most 50 MB (its guide to custom catalog feeds)."""

_NEW = ".new"
_CALLED = "the feed"


@dataclass(frozen=True, slots=True)
class FeedFile:
    """A file of the feed, as the manifest names it."""

    name: str
    items: int
    bytes: int
    sha256: str


def publish(run: Run, *, largest: int = LARGEST_FILE) -> dict[str, int | float]:
    """Write the feed. Returns ``batches`` (files), ``records``, ``rows`` and ``seconds``. A dry run counts.

    Raises MendError for a feed without items, which would empty Klaviyo's catalog.
    """
    began = time.monotonic()
    tally: Counter[str] = Counter(batches=0, records=0, rows=0)
    pieces = _split(_entries(run, tally), largest)
    if run.dry_run:
        tally["batches"] = sum(1 for _ in pieces)
    else:
        settings = _settings(run)
        files = Files(settings.files, called=_CALLED)
        written = [_write(files, number, piece) for number, piece in enumerate(pieces, 1)]
        if not written:
            raise MendError(
                "No item can be sent, and a feed without items would empty Klaviyo's catalog: look at the "
                "reasons of the rejected rows. The feed stays as it was."
            )
        tally["batches"] = len(written)
        _put_in_place(files, written, run)
    return {**tally, "seconds": round(time.monotonic() - began, 3)}


def confirm(run: Run) -> dict[str, Any]:
    """Check that the feed can be read where Klaviyo reads it, as it was written. Returns what the confirm
    stage of other flows returns. Raises RemoteFaultError when it can't.
    """
    began = time.monotonic()
    tally: Counter[str] = Counter(records=0, rows=0)
    for _ in _entries(run, tally):
        pass
    [source] = run.domain.delivered
    with run.dataset("refused", source).writer(rejected.SCHEMA) as writer:
        writer.commit()
    settings = _settings(run)
    try:
        generation = orjson.loads(Files(settings.files, called=_CALLED).read(MANIFEST))["written"]
    except FileNotFoundError:
        raise MendError(f"The feed's {MANIFEST} is gone: clear the task 'push' of this run.") from None
    seen = check_feed(settings.url)
    if seen.written.strftime(_MOMENT) != generation:
        raise RemoteFaultError(
            f"{settings.url} still shows the feed of {seen.written:{_MOMENT}}, not of {generation}: "
            "check that 'catalog.feed.files' and 'catalog.feed.url' are the same place, and that no cache is "
            "in between."
        )
    return {
        "rows": {"delivered": tally["rows"], "rejected": 0},
        "records": {"delivered": tally["records"], "rejected": 0},
        "reasons": {},
        "warnings": {},
        "requests": 0,
        "read_back": {"checked": seen.items, "found": seen.items, "resent": 0, "requests": seen.requests},
        "seconds": round(time.monotonic() - began, 3),
    }


_MOMENT = "%Y-%m-%dT%H:%M:%SZ"


def _settings(run: Run) -> FeedSettings:
    feed = run.store.catalog.feed
    assert feed is not None, "a feed's domain comes with its settings"  # noqa: S101
    return feed


def _entries(run: Run, tally: Counter[str]) -> Iterator[bytes]:
    """The encoded items, counted as they pass."""
    for source in run.domain.delivered:
        records = run.dataset("records", source)
        for batch in records.batches(columns=["payload", "rows"], batch_rows=10_000):
            tally["records"] += batch.num_rows
            tally["rows"] += sum(batch.column("rows").to_pylist())
            yield from batch.column("payload").to_pylist()


def _split(entries: Iterable[bytes], largest: int) -> Iterator[bytes]:
    """The files' contents: JSON arrays of at most so many bytes. Holds one of them."""
    waiting: list[bytes] = []
    size = 2
    for entry in entries:
        if waiting and size + len(entry) + 2 > largest:
            yield _array(waiting)
            waiting, size = [], 2
        waiting.append(entry)
        size += len(entry) + 2
    if waiting:
        yield _array(waiting)


def _array(entries: list[bytes]) -> bytes:
    return b"[" + b",\n".join(entries) + b"]"


def _write(files: Files, number: int, content: bytes) -> FeedFile:
    """Write a file beside the place that it will take."""
    name = f"catalog-{number}.json"
    files.write(name + _NEW, content)
    items = len(msgspec.json.decode(content, type=list[msgspec.Raw]))
    return FeedFile(name, items, len(content), hashlib.sha256(content).hexdigest())


def _put_in_place(files: Files, written: list[FeedFile], run: Run) -> None:
    """All files to their places. A file that the last feed had beyond these becomes an empty one, since
    Klaviyo may go on fetching it.
    """
    names = {file.name for file in written}
    for file in written:
        files.move(file.name + _NEW, file.name)
    for name in files.names(""):
        if name.startswith("catalog-") and name.endswith(".json") and name not in names:
            files.write(name, b"[]")
    manifest = {
        "store": run.store.store,
        "written": datetime.now(UTC).strftime(_MOMENT),
        "items": sum(file.items for file in written),
        "files": [asdict(file) for file in written],
    }
    files.write(MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
