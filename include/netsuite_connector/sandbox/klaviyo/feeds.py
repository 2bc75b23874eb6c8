"""Catalog feeds: files that the account reads on its own, now and then, instead of the catalog's API.

Klaviyo reads a feed every six hours and takes a custom catalog from feeds or from the API, never from both.
An item that its feed no longer has goes from the catalog.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from typing import Any, Final

from netsuite_connector.sandbox.klaviyo.account import Account
from netsuite_connector.sandbox.klaviyo.alerts import watch
from netsuite_connector.sandbox.klaviyo.catalog import ITEM, PREFIX
from netsuite_connector.sandbox.klaviyo.clock import iso
from netsuite_connector.sandbox.klaviyo.database import Database, dump, load
from netsuite_connector.sandbox.klaviyo.feed_files import (
    FeedFile,
    FeedItem,
    FeedProblemError,
    place_of,
    read_feed,
)

SHOWN_REFUSALS: Final = 100


class Feeds:
    """The feeds of an account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._wake = asyncio.Event()

    async def register(self, url: str) -> dict[str, Any]:
        """Registers a feed, reads it at once and gives the report; a FeedProblemError when the account can't
        have it.
        """
        place_of(url)
        await self._account.run(lambda: self._insert(url))
        self._wake.set()
        return await self._poll(url)

    async def poll(self) -> list[dict[str, Any]]:
        """Reads all feeds now and gives their reports."""
        return [await self._poll(row["url"]) for row in await self._account.run(self._rows)]

    async def reports(self) -> list[dict[str, Any]]:
        """What became of each feed when it was last read."""
        return [load(row["report"]) for row in await self._account.run(self._rows)]

    async def remove(self) -> None:
        """Forgets all feeds, and all items that came from them."""
        await self._account.run(self._empty)

    def wake(self) -> None:
        """Says that the clock was moved."""
        self._wake.set()

    async def watch(self) -> None:
        """Reads feeds when they are due, for ever."""
        while True:
            self._wake.clear()
            due = await self._account.run(self._due)
            wait = None if due is None else due - self._account.clock.now()
            if wait is not None and wait <= 0:
                await self.poll()
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait)

    async def _poll(self, url: str) -> dict[str, Any]:
        try:
            feed: FeedFile | str = await asyncio.to_thread(read_feed, url)
        except FeedProblemError as problem:
            feed = str(problem)
        return await self._account.run(lambda: self._take(url, feed))

    def _rows(self) -> list[sqlite3.Row]:
        return self._account.database.rows("SELECT * FROM feeds ORDER BY seq")

    def _due(self) -> float | None:
        row = self._account.database.row("SELECT min(coalesce(polled, 0)) FROM feeds")
        return None if row is None or row[0] is None else float(row[0]) + self._account.settings.feed_seconds

    def _insert(self, url: str) -> None:
        database = self._account.database
        if database.row("SELECT 1 FROM catalog WHERE feed IS NULL") is not None:
            raise FeedProblemError(
                "The catalog has resources made by the API; a custom catalog is synced one way, never both."
            )
        database.change(
            "INSERT OR IGNORE INTO feeds (url, polled, report) VALUES (?,?,?)",
            (url, self._account.clock.now(), dump({"url": url})),
        )

    def _empty(self) -> None:
        with self._account.database.transaction():
            self._account.database.change("DELETE FROM catalog WHERE feed IS NOT NULL")
            self._account.database.change("DELETE FROM feeds")

    def _take(self, url: str, feed: FeedFile | str) -> dict[str, Any]:
        """Makes the catalog what a feed says, or leaves it when the feed has a problem, and gives the
        report.
        """
        database, now = self._account.database, self._account.clock.now()
        report: dict[str, Any] = {"url": url, "polled": iso(now)}
        with database.transaction():
            row = database.row("SELECT seq FROM feeds WHERE url = ?", (url,))
            if row is None:
                return report | {"problem": "The feed was forgotten meanwhile."}
            if isinstance(feed, str):
                report |= {"problem": feed}
            else:
                report |= {"problem": None, "bytes": feed.size, "rows": feed.rows}
                report |= _apply(database, row["seq"], feed, now)
                report |= {"refused": len(feed.refusals), "refusals": feed.refusals[:SHOWN_REFUSALS]}
            database.change("UPDATE feeds SET polled = ?, report = ? WHERE url = ?", (now, dump(report), url))
        return report


def _apply(database: Database, feed: int, content: FeedFile, now: float) -> dict[str, int]:
    """Writes the items of a feed. Adds to its refusals those whose id another feed has already."""
    owned: dict[str, sqlite3.Row] = {}
    foreign: set[str] = set()
    for row in database.rows("SELECT * FROM catalog WHERE kind = ?", (ITEM.type,)):
        identifier = row["id"].removeprefix(PREFIX)
        if row["feed"] == feed:
            owned[identifier] = row
        else:
            foreign.add(identifier)
    for identifier in content.items.keys() & foreign:
        reasons = ["Another feed has an item with this id."]
        content.refusals.append({"row": None, "id": identifier, "reasons": reasons})
    items = [item for identifier, item in content.items.items() if identifier not in foreign]
    created = [item for item in items if item.id not in owned]
    changed = [
        item for item in items if item.id in owned and dump(item.document) != owned[item.id]["document"]
    ]
    gone = owned.keys() - content.items.keys()
    database.change_many(
        "INSERT INTO catalog (kind, id, title, published, document, created, updated, feed)"
        " VALUES (?,?,?,?,?,?,?,?)",
        ((ITEM.type, PREFIX + one.id, *_columns(one), now, now, feed) for one in created),
    )
    for one in changed:
        watch(database, owned[one.id], load(owned[one.id]["document"]), one.document, now)
    database.change_many(
        "UPDATE catalog SET title = ?, published = ?, document = ?, updated = ? WHERE seq = ?",
        ((*_columns(one), now, owned[one.id]["seq"]) for one in changed),
    )
    database.change_many("DELETE FROM catalog WHERE seq = ?", ((owned[one]["seq"],) for one in gone))
    return {
        "taken": len(items),
        "created": len(created),
        "changed": len(changed),
        "deleted": len(gone),
    }


def _columns(item: FeedItem) -> tuple[str, bool, bytes]:
    return item.document["title"], item.document["published"], dump(item.document)
