"""The catalog between the two sandbox accounts: what comes, what changes, what leaves, and its stock."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.errors import MendError, RemoteFaultError
from netsuite_connector.flows.feed_check import check_feed
from netsuite_connector.flows.plan import Asked, plan
from netsuite_connector.flows.run import Run
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.model import CatalogSettings, FeedSettings, Gone
from netsuite_connector.window import Window

pytestmark = pytest.mark.line

COMPOUND = "$custom:::$default:::"
NOT_THERE = "Klaviyo's catalog does not have it yet"
TENT, SHIRT, RED, BLUE, LAMP = 1001, 1002, 1003, 1004, 1005
LATER = "2031-01-01T00:00:00Z"


def item(id_: int, **values: Any) -> dict[str, Any]:
    """A stand-alone item that can be sold, in two categories."""
    name = f"SKU-{id_}"
    usual = {
        "internalid": id_,
        "itemid": name,
        "displayname": f"Item {id_}",
        "salesdescription": "Made to last.",
        "type": "InvtPart",
        "baseprice": 20.0,
        "urlcomponent": f"item-{id_}",
        "imageurl": f"https://cdn.example/{id_}.jpg",
        "parent": None,
        "matrix": False,
        "matrixchild": False,
        "isonline": True,
        "isinactive": False,
        "quantityavailable": 5.0,
        "stock": stock(2, 3),
        "pricing": pricing(20.0),
        "categories": [category(1, "Camping"), category(5, "Offers")],
        "created": "2026-01-01T00:00:00Z",
        "lastmodifieddate": "2026-01-01T00:00:00Z",
        "lastquantityavailablechange": "2026-01-01T00:00:00Z",
    }
    return usual | values


def stock(*quantities: float) -> list[dict[str, Any]]:
    return [
        {"inventorylocation": str(place), "locationquantityavailable": quantity}
        for place, quantity in enumerate(quantities, 1)
    ]


def pricing(price: float) -> list[dict[str, Any]]:
    """Prices of the base level and level 5 in two currencies; level 5 has a break and a customer's own."""

    def entry(level: str, currency: str, share: float, quantity: int = 0, customer: str | None = None) -> Any:
        return {
            "pricelevel": level,
            "currency": currency,
            "unitprice": round(price * share, 2),
            "minimumquantity": quantity,
            "customer": customer,
        }

    return [
        entry("1", "1", 1),
        entry("1", "2", 0.8),
        entry("5", "2", 0.4, 10),
        entry("5", "2", 0.5),
        entry("5", "2", 0.1, 0, "7"),
        entry("5", "1", 0.6),
    ]


def category(id_: int, name: str) -> dict[str, Any]:
    return {
        "commercecategoryid": id_,
        "commercecategoryname": name,
        "commercecategoryisprimary": True,
        "commercecategoryisinactive": False,
    }


def shirts() -> list[dict[str, Any]]:
    """A matrix item with two children."""
    child = {"matrixchild": True, "parent": str(SHIRT), "categories": []}
    return [
        item(SHIRT, itemid="SHIRT", matrix=True, quantityavailable=None, stock=[]),
        item(RED, itemid="SHIRT : SHIRT-RED", custitem_color="1", **child),
        item(
            BLUE,
            itemid="SHIRT : SHIRT-BLUE",
            custitem_color="2",
            **child,
            quantityavailable=0,
            stock=stock(0),
        ),
    ]


def images() -> list[dict[str, Any]]:
    def file(id_: int, name: str) -> dict[str, Any]:
        return {"internalid": id_, "name": name, "folder": "3", "url": f"/core/media/media.nl?id={id_}"}

    return [
        file(9001, "SHIRT_media-Blue-02.jpg"),
        file(9002, "SHIRT_media-Blue-01.jpg"),
        file(9003, "SHIRT_media-01.jpg"),
        file(9004, "SKU-1005_media-01.jpg"),
    ]


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[NetSuite, Klaviyo]]:
    with running_netsuite(customers=5, items=20, orders=5) as netsuite, running_klaviyo() as klaviyo:
        yield netsuite, klaviyo


@pytest.fixture
def line(accounts: tuple[NetSuite, Klaviyo], new_line: Callable[..., Any]) -> Any:
    """A line between an account of five items and an empty Klaviyo account."""
    netsuite, klaviyo = accounts
    klaviyo.reset()
    netsuite.clear("item")
    netsuite.clear("deletedrecord")
    netsuite.load(
        "item", [item(TENT), *shirts(), item(LAMP, type="NonInvtPart", quantityavailable=None, stock=[])]
    )
    return new_line(netsuite, klaviyo)


def catalog(line: Any, **asked: Any) -> dict[str, Any]:
    report: dict[str, Any] = line.run("catalog", **asked)
    assert report["adds_up"]
    return report


def change(line: Any, **asked: Any) -> dict[str, Any]:
    """A run over what changed since 2026-02-01."""
    return catalog(line, start="2026-02-01T00:00:00Z", **asked)


def held(line: Any, table: str) -> dict[int, dict[str, Any]]:
    line.klaviyo.settled()
    return {int(row["external_id"]): row for row in line.klaviyo.rows(table)}


def published(line: Any) -> dict[str, set[int]]:
    return {
        table: {id_ for id_, row in held(line, table).items() if row["published"]}
        for table in ("items", "variants")
    }


def with_catalog(line: Any, **settings: Any) -> None:
    line.store = line.store.model_copy(update={"catalog": CatalogSettings(**settings)})


def with_site(line: Any, **settings: Any) -> None:
    line.store = line.store.model_copy(update={"site": line.store.site.model_copy(update=settings)})


ALL = {"items": {TENT, SHIRT, LAMP}, "variants": {TENT, RED, BLUE, LAMP}}


def without(*ids: int) -> dict[str, set[int]]:
    return {table: all_ - set(ids) for table, all_ in ALL.items()}


def test_items_variants_and_categories_come_in_that_order(line: Any) -> None:
    report = catalog(line)
    assert report["rows"] == {"extracted": 5, "delivered": 5, "unchanged": 0, "rejected": 0}
    assert published(line) == ALL
    names = {row["external_id"]: row["name"] for row in line.klaviyo.rows("categories")}
    assert names == {"1": "Camping", "5": "Offers"}
    items, variants = held(line, "items"), held(line, "variants")
    assert items[TENT]["categories"] == [f"{COMPOUND}1", f"{COMPOUND}5"]
    assert variants[RED]["item"] == variants[BLUE]["item"] == f"{COMPOUND}{SHIRT}"


def test_an_item_that_stands_alone_has_a_variant_of_its_own_and_a_matrix_parent_has_none(line: Any) -> None:
    catalog(line)
    variants = held(line, "variants")
    assert (variants[TENT]["item"], variants[TENT]["inventory_quantity"]) == (f"{COMPOUND}{TENT}", 5)
    assert SHIRT not in variants


def test_a_second_run_changes_nothing(line: Any) -> None:
    catalog(line)
    before = line.klaviyo.settled()["requests"]
    report = catalog(line, end=LATER)
    assert report["rows"] == {"extracted": 5, "delivered": 0, "unchanged": 5, "rejected": 0}
    assert report["batches"] == 0
    assert line.klaviyo.settled()["requests"] == before


def test_a_change_is_an_update_and_moves_an_item_out_of_a_category(line: Any) -> None:
    catalog(line)
    line.netsuite.update("item", TENT, displayname="Big tent", categories=[category(5, "Offers")])
    report = change(line)
    # The item, and the variant that is its own.
    assert (report["rows"]["delivered"], report["records"]["delivered"]) == (1, 2)
    tent = held(line, "items")[TENT]
    assert (tent["title"], tent["categories"]) == ("Big tent", [f"{COMPOUND}5"])


def test_an_item_without_image_price_url_or_description_is_rejected_with_that_reason(line: Any) -> None:
    line.netsuite.update("item", TENT, imageurl="")
    line.netsuite.update("item", LAMP, baseprice=None, urlcomponent="", salesdescription=" ")
    report = catalog(line)
    assert report["rejected_by_reason"] == {
        "Image is missing": 1,
        "Price is missing": 1,
        "URL Component is missing": 1,
        "Description is missing": 1,
    }
    assert published(line) == without(TENT, LAMP)


def test_prices_are_of_the_configured_level_and_currency(line: Any) -> None:
    with_catalog(line, price_level="5", currency="2")
    catalog(line)
    assert {row["price"] for row in held(line, "items").values()} == {10.0}
    assert {row["price"] for row in held(line, "variants").values()} == {10.0}


def test_a_level_in_several_currencies_needs_one_of_them(line: Any) -> None:
    with_catalog(line, price_level="5")
    with pytest.raises(MendError, match=r"set 'catalog\.currency'"):
        catalog(line)


def test_images_come_from_the_folder_by_their_names_and_a_childs_by_its_option(line: Any) -> None:
    line.netsuite.load("file", images())
    for id_ in (SHIRT, RED, BLUE, LAMP):
        line.netsuite.update("item", id_, imageurl="")
    with_site(line, image_folder="3", image_options=("custitem_color",))
    catalog(line)
    at = f"{line.store.site.url}/core/media/media.nl?id="
    items, variants = held(line, "items"), held(line, "variants")
    assert items[TENT]["image_full_url"] == "https://cdn.example/1001.jpg"
    assert items[SHIRT]["image_full_url"] == f"{at}9003"
    assert items[LAMP]["image_full_url"] == variants[LAMP]["image_full_url"] == f"{at}9004"
    assert variants[RED]["image_full_url"] == f"{at}9003", (
        "no image has its colour, so the parent's stands in"
    )
    assert variants[BLUE]["image_full_url"] == f"{at}9002"


@pytest.mark.parametrize("values", [{"isinactive": True}, {"isonline": False}], ids=["inactive", "offline"])
@pytest.mark.parametrize("gone", list(Gone))
def test_an_item_that_nobody_can_buy_leaves_and_comes_back(
    line: Any, gone: Gone, values: dict[str, bool]
) -> None:
    with_catalog(line, gone=gone)
    catalog(line)
    line.netsuite.update("item", TENT, **values)
    line.netsuite.update("item", RED, **values)
    report = change(line)
    assert report["rows"]["rejected"] == 2
    assert published(line) == without(TENT, RED)
    assert (TENT in held(line, "items")) is (gone is Gone.UNPUBLISH)

    again = change(line, end=LATER)
    assert again["records"]["delivered"] == 0, "it leaves once"

    back = {name: not value for name, value in values.items()}
    line.netsuite.update("item", TENT, **back)
    line.netsuite.update("item", RED, **back)
    change(line, end="2032-01-01T00:00:00Z")
    assert published(line) == ALL


@pytest.mark.parametrize("gone", list(Gone))
def test_an_item_that_is_deleted_in_netsuite_leaves(line: Any, gone: Gone) -> None:
    with_catalog(line, gone=gone)
    catalog(line)
    line.netsuite.delete("item", TENT)
    line.netsuite.delete("item", BLUE)
    change(line)
    assert published(line) == without(TENT, BLUE)
    assert (BLUE in held(line, "variants")) is (gone is Gone.UNPUBLISH)


def test_an_item_that_the_search_does_not_find_any_more_leaves_on_a_whole_run_only(line: Any) -> None:
    catalog(line)
    line.netsuite.update("item", TENT, type="Service", lastmodifieddate="2026-01-01T00:00:00Z")
    change(line)
    assert published(line) == ALL
    catalog(line, limit=2)
    assert published(line) == ALL, "a run that reads a part of them can't tell"
    catalog(line, end=LATER)
    assert published(line) == without(TENT)
    line.netsuite.update("item", TENT, type="InvtPart")
    change(line)
    assert published(line) == ALL


def test_deletes_take_variants_first_and_children_return_with_their_parent(line: Any) -> None:
    with_catalog(line, gone=Gone.DELETE)
    catalog(line)
    line.netsuite.update("item", SHIRT, isinactive=True)
    change(line)
    assert published(line) == without(SHIRT, RED, BLUE)
    jobs = [job["kind"] for job in line.klaviyo.state()["latest_jobs"] if "delete" in job["kind"]]
    assert jobs == ["catalog-item-bulk-delete-job", "catalog-variant-bulk-delete-job"], "latest first"
    line.netsuite.update("item", SHIRT, isinactive=False)
    change(line, end=LATER)
    assert published(line) == ALL


def test_what_klaviyo_has_not_any_more_is_created_and_what_it_has_already_is_changed(
    line: Any, tmp_path: Path
) -> None:
    catalog(line)
    headers = {"Authorization": f"Klaviyo-API-Key {line.klaviyo.key}", "revision": "2026-07-15"}
    gone = f"{line.klaviyo.url}/api/catalog-items/{COMPOUND}{TENT}"
    assert requests.delete(gone, headers=headers, timeout=10).status_code == 204
    # What another connector delivered is not in the ledger.
    line.staging = Staging(str(tmp_path / "another"))
    report = catalog(line)
    assert report["rows"]["delivered"] == 5
    assert published(line) == ALL


def test_stock_that_comes_back_wakes_back_in_stock_and_a_lower_price_price_drop(line: Any) -> None:
    catalog(line)
    line.netsuite.update("item", BLUE, stock=stock(4, 3))
    line.netsuite.update("item", TENT, baseprice=15.0)
    report = line.run("stock", start="2026-02-01T00:00:00Z")
    assert report["adds_up"]
    state = line.klaviyo.settled()
    assert state["flows"]["back_in_stock"] == 1
    assert state["flows"]["price_drop"] == 2, "the item and its variant"
    variants = held(line, "variants")
    assert (variants[BLUE]["inventory_quantity"], variants[TENT]["price"]) == (7, 15.0)
    assert held(line, "items")[TENT]["price"] == 15.0
    assert variants[BLUE]["title"] == "Item 1004", "nothing else changed"


def test_stock_has_a_row_a_location_and_is_one_change_an_item(line: Any) -> None:
    catalog(line)
    report = line.run("stock")
    assert report["adds_up"]
    rows = 5 + sum(len(line.netsuite.record("item", id_)["stock"]) for id_ in (TENT, RED, BLUE))
    assert report["rows"]["extracted"] == rows
    assert report["rows"]["rejected"] == 0


def test_stock_that_klaviyo_has_already_is_not_sent(line: Any) -> None:
    catalog(line)
    line.run("stock")
    assert not [name for name in line.klaviyo.settled()["jobs"] if "update" in name]


def test_items_that_klaviyo_does_not_have_are_left_to_the_catalog_flow(line: Any) -> None:
    report = line.run("stock")
    assert report["adds_up"]
    # Three with stock, and the prices of five; stand-alone items have a variant beside.
    assert report["rejected_by_reason"] == {NOT_THERE: 3 + 5 + 2}
    assert report["rows"]["delivered"] == 0


def test_stock_of_an_inactive_item_waits_until_it_is_back(line: Any) -> None:
    line.netsuite.update("item", BLUE, isonline=True)
    catalog(line)
    line.netsuite.update("item", BLUE, isonline=False, stock=stock(6))
    change(line)
    line.run("stock", start="2026-02-01T00:00:00Z")
    assert line.klaviyo.settled()["flows"]["back_in_stock"] == 0
    line.netsuite.update("item", BLUE, isonline=True)
    change(line, end=LATER)
    assert line.klaviyo.settled()["flows"]["back_in_stock"] == 1
    assert held(line, "variants")[BLUE]["inventory_quantity"] == 6


# ---- the feed -----------------------------------------------------------------------------------------


@contextmanager
def shown(folder: Path) -> Iterator[str]:
    """The folder on a web server, as a shop would show it."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base class
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def feed(line: Any, tmp_path: Path) -> Iterator[tuple[Any, Path, str]]:
    """The line with a feed instead of the API, its folder and its address."""
    folder = tmp_path / "feed"
    folder.mkdir()
    with shown(folder) as url:
        with_catalog(line, feed=FeedSettings(files=str(folder), url=url))
        yield line, folder, url


def test_the_feed_is_taken_by_klaviyo_and_nothing_is_sent(feed: tuple[Any, Path, str]) -> None:
    line, _, url = feed
    report = catalog(line)
    assert report["rows"] == {"extracted": 3, "delivered": 3, "unchanged": 0, "rejected": 0}
    assert line.klaviyo.state()["requests"] == {}
    taken = line.klaviyo.register_feed(f"{url}/catalog-1.json")
    assert (taken["taken"], taken["refused"]) == (3, 0)
    items = held(line, "items")
    assert set(items) == ALL["items"]
    assert items[TENT]["categories"] == ["Camping", "Offers"]
    assert (items[TENT]["inventory_quantity"], items[SHIRT]["inventory_quantity"]) == (5, 5)


def test_a_feed_is_whole_whatever_changed_and_what_is_gone_leaves_it(feed: tuple[Any, Path, str]) -> None:
    line, _, url = feed
    catalog(line)
    line.klaviyo.register_feed(f"{url}/catalog-1.json")
    line.netsuite.update("item", LAMP, isinactive=True)
    line.netsuite.update("item", TENT, displayname="Big tent")
    catalog(line, end=LATER)
    [polled] = line.klaviyo.poll_feeds()
    assert (polled["changed"], polled["deleted"], polled["taken"]) == (1, 1, 2)


def test_a_part_of_a_feed_is_no_feed(feed: tuple[Any, Path, str]) -> None:
    line, _, _ = feed
    flows = {name: flow for name, flow in line.store.flows.items() if name != "stock"}
    store = line.store.model_copy(update={"flows": flows})
    run = Run(store, DOMAINS["catalog"], Window(), line.staging)
    client = line.netsuite_client()
    for asked in (Asked(limit=5), Asked(start="2026-01-01T00:00:00Z"), Asked(end="2026-01-01T00:00:00Z")):
        with pytest.raises(MendError, match="go with a dry run only"):
            plan(run, client, asked)
    planned = plan(run, client, Asked(limit=5, dry_run=True))
    assert planned.run(run).domain.feed, "the plan knows the store's settings"
    assert planned.start is None


def test_a_feed_that_cannot_be_read_or_is_another_is_told(feed: tuple[Any, Path, str]) -> None:
    line, folder, url = feed
    catalog(line)
    assert check_feed(url).items == 3
    (folder / "catalog-1.json").write_bytes(b"[]")
    with pytest.raises(RemoteFaultError, match="is not the file that the feed's manifest names"):
        check_feed(url)
    (folder / "catalog-1.json").unlink()
    with pytest.raises(RemoteFaultError, match="answers 404"):
        check_feed(url)


def test_the_run_of_a_feed_that_nobody_can_read_fails(line: Any, tmp_path: Path) -> None:
    with shown(tmp_path) as url:
        with_catalog(line, feed=FeedSettings(files=str(tmp_path / "elsewhere"), url=url))
        with pytest.raises(RemoteFaultError, match="The feed can't be read"):
            catalog(line)


def test_a_feed_without_items_is_not_written(feed: tuple[Any, Path, str]) -> None:
    line, folder, _ = feed
    catalog(line)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    line.netsuite.clear("item")
    with pytest.raises(MendError, match="a feed without items would empty Klaviyo's catalog"):
        catalog(line, end=LATER)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_klaviyo_takes_a_feed_or_the_api_and_never_both(feed: tuple[Any, Path, str]) -> None:
    line, _, url = feed
    catalog(line)
    line.klaviyo.register_feed(f"{url}/catalog-1.json")
    with_catalog(line)
    with pytest.raises(Exception, match="synced from a feed"):
        catalog(line, end=LATER)
    line.klaviyo.reset()
    catalog(line, end="2032-01-01T00:00:00Z")
    with pytest.raises(requests.HTTPError):
        line.klaviyo.register_feed(f"{url}/catalog-1.json")
