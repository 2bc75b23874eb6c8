"""The check of a catalog feed, by the address that Klaviyo reads it from."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from netsuite_connector.checks.feed import FEED, check
from netsuite_connector.checks.finding import Finding, Verdict
from netsuite_connector.stores.load import load_stores
from netsuite_connector.stores.model import CatalogSettings, FeedSettings


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A web server that shows a folder and says nothing."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base class
        """Say nothing."""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    handler = partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def write(folder: Path, hours_ago: float = 1) -> None:
    content = b'[{"id":"1"},{"id":"2"}]'
    (folder / "catalog-1.json").write_bytes(content)
    file = {
        "name": "catalog-1.json",
        "items": 2,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    written = (datetime.now(UTC) - timedelta(hours=hours_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    manifest = {"store": "demo", "written": written, "items": 2, "files": [file]}
    (folder / "feed.json").write_text(json.dumps(manifest))


def found(url: str) -> Finding:
    settings = CatalogSettings(feed=FeedSettings(files="/srv/feed", url=url))
    [finding] = check(load_stores()[0].model_copy(update={"catalog": settings}))
    assert finding.step == FEED
    return finding


def test_a_store_without_a_feed_has_no_step() -> None:
    assert list(check(load_stores()[0])) == []


def test_a_feed_that_can_be_read_is_right_and_its_files_are_named(url: str, tmp_path: Path) -> None:
    write(tmp_path)
    finding = found(url)
    assert finding.verdict is Verdict.RIGHT
    assert "2 items in 1 file" in finding.sentence
    assert f"{url}/catalog-1.json" in finding.sentence


def test_an_old_feed_is_a_warning(url: str, tmp_path: Path) -> None:
    write(tmp_path, hours_ago=50)
    finding = found(url)
    assert finding.verdict is Verdict.WARNING
    assert "It is 50 hours old" in finding.sentence


def test_a_feed_that_is_not_there_or_no_feed_is_wrong(url: str, tmp_path: Path) -> None:
    assert found(url).verdict is Verdict.WRONG
    assert "answers 404" in found(url).sentence
    (tmp_path / "feed.json").write_text("<html>")
    assert "is no manifest of a feed" in found(url).sentence
    assert "can't be reached" in found("http://127.0.0.1:9").sentence


def test_a_file_that_differs_from_the_manifest_is_wrong(url: str, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "catalog-1.json").write_bytes(b"[]")
    assert "is not the file that the feed's manifest names" in found(url).sentence
