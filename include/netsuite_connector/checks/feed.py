"""Whether the store's catalog feed can be read where Klaviyo reads it, and is fresh."""

from __future__ import annotations

from collections.abc import Iterator

from netsuite_connector.checks.finding import Finding, Found, right, tried, warning
from netsuite_connector.flows.feed_check import check_feed
from netsuite_connector.stores.model import Store

FEED = "catalog feed"
# A feed that a nightly run writes, and half a day of trouble.
_OLD_HOURS = 36


def check(store: Store) -> Iterator[Finding]:
    """The feed's step; none where the store has no feed."""
    if store.catalog.feed is not None:
        url = store.catalog.feed.url
        yield tried(FEED, lambda: _feed(url))


def _feed(url: str) -> Found:
    feed = check_feed(url)
    count = len(feed.files)
    files = "1 file" if count == 1 else f"{count} files"
    what = (
        f"The feed of {feed.written:%Y-%m-%d %H:%M} UTC can be read: {feed.items:,} items in {files}, each "
        f"of which must be a feed in Klaviyo: {', '.join(feed.files)}"
    )
    if feed.age_hours <= _OLD_HOURS:
        return right(f"{what}.")
    return warning(
        f"{what}. It is {feed.age_hours:,.0f} hours old: look whether the catalog flow runs, and give it a "
        "schedule."
    )
