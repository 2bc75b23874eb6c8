"""A catalog feed as files: split, put in place at once, and never empty."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsuite_connector.domains.catalog_feed import feed_domain
from netsuite_connector.errors import MendError
from netsuite_connector.flows import feed
from netsuite_connector.flows.feed import publish
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.shape import SCHEMA
from netsuite_connector.staging.files import Files
from netsuite_connector.stores.load import load_stores
from netsuite_connector.stores.model import CatalogSettings, FeedSettings, Store

URL = "https://feeds.example/shop"


@pytest.fixture
def ready(new_run: Callable[..., Run], tmp_path: Path) -> Callable[..., Run]:
    """Makes a run whose records are this many items, each of about 200 bytes."""

    def make(count: int, files: str | None = None) -> Run:
        run = new_run("catalog")
        settings = CatalogSettings(feed=FeedSettings(files=files or str(tmp_path / "feed"), url=URL))
        run = replace(run, store=run.store.model_copy(update={"catalog": settings}), domain=feed_domain())
        payloads = [orjson.dumps({"id": str(id_), "title": "x" * 180}) for id_ in range(count)]
        values: dict[str, list[Any]] = {
            "id": list(range(count)),
            "sub": [0] * count,
            "key": [str(id_) for id_ in range(count)],
            "rows": [1] * count,
            "payload": payloads,
        }
        arrays = [pa.array(values.get(field.name, [None] * count), field.type) for field in SCHEMA]
        [source] = run.domain.delivered
        with run.dataset("records", source).writer(SCHEMA) as writer:
            writer.write(pa.table(arrays, schema=SCHEMA))
            writer.commit()
        return run

    return make


def items(folder: Path) -> list[str]:
    """The ids in the files that the manifest names."""
    manifest = json.loads((folder / "feed.json").read_text())
    return [
        entry["id"] for file in manifest["files"] for entry in json.loads((folder / file["name"]).read_text())
    ]


@given(sizes=st.lists(st.integers(1, 60), max_size=40), largest=st.integers(20, 120))
def test_files_hold_everything_in_order_and_none_is_too_large(sizes: list[int], largest: int) -> None:
    entries = [b'"%s"' % (b"x" * size) for size in sizes]
    files = list(feed._split(entries, largest))
    assert [entry.encode() for file in files for entry in json.loads(file)] == [
        each[1:-1] for each in entries
    ]
    for file in files:
        assert len(file) <= largest or len(json.loads(file)) == 1


def test_the_feed_is_split_and_the_manifest_names_its_files(
    ready: Callable[..., Run], tmp_path: Path
) -> None:
    told = publish(ready(50), largest=4_000)
    folder = tmp_path / "feed"
    assert (told["batches"], told["records"], told["rows"]) == (3, 50, 50)
    assert items(folder) == [str(id_) for id_ in range(50)]
    assert sorted(path.name for path in folder.iterdir()) == [
        *("catalog-1.json", "catalog-2.json", "catalog-3.json", "feed.json")
    ]


def test_a_file_that_is_no_longer_needed_becomes_empty(ready: Callable[..., Run], tmp_path: Path) -> None:
    publish(ready(50), largest=4_000)
    publish(ready(20), largest=4_000)
    folder = tmp_path / "feed"
    assert len(items(folder)) == 20
    assert (folder / "catalog-3.json").read_bytes() == b"[]"


def test_the_old_feed_stands_until_the_new_one_is_complete(
    ready: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(ready(50), largest=4_000)
    write = Files.write

    def full(self: Files, path: str, data: bytes) -> None:
        if path == "catalog-2.json.new":
            raise MendError("The disk is full.")
        write(self, path, data)

    monkeypatch.setattr(Files, "write", full)
    with pytest.raises(MendError):
        publish(ready(60), largest=4_000)
    monkeypatch.undo()
    assert len(items(tmp_path / "feed")) == 50
    publish(ready(60), largest=4_000)
    assert len(items(tmp_path / "feed")) == 60
    assert not list((tmp_path / "feed").glob("*.new"))


def test_a_feed_goes_to_any_filesystem(ready: Callable[..., Run]) -> None:
    publish(ready(3, "memory://shop/feed"))
    written = Files("memory://shop/feed")
    assert len(json.loads(written.read("catalog-1.json"))) == 3
    assert json.loads(written.read("feed.json"))["items"] == 3


def test_a_dry_run_counts_and_writes_nothing(ready: Callable[..., Run], tmp_path: Path) -> None:
    run = ready(50)
    dry = replace(run, dry_run=True)
    [source] = dry.domain.delivered
    with dry.dataset("records", source).writer(SCHEMA) as writer:
        for batch in run.dataset("records", source).batches():
            writer.write(batch)
        writer.commit()
    assert publish(dry, largest=4_000)["batches"] == 3
    assert not (tmp_path / "feed").exists()


def test_a_feed_without_items_is_refused(ready: Callable[..., Run], tmp_path: Path) -> None:
    with pytest.raises(MendError, match="would empty Klaviyo's catalog"):
        publish(ready(0))
    assert not (tmp_path / "feed" / "feed.json").exists()


def test_a_store_has_a_feed_or_the_stock_flow() -> None:
    document = load_stores()[0].model_dump(mode="json", exclude_unset=True)
    document["catalog"] = {"feed": {"files": "/srv/feed", "url": URL}}
    with pytest.raises(ValueError, match="take the flow 'stock' out"):
        Store.model_validate(document)
    document["flows"]["stock"] = {"enabled": False}
    assert Store.model_validate(document).catalog.feed is not None
