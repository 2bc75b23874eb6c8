"""A store's YAML and its configuration record in NetSuite: YAML wins, and where a value is from is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netsuite_connector.errors import MendError
from netsuite_connector.stores.configuration import Record, configured
from netsuite_connector.stores.load import load_store
from netsuite_connector.stores.model import Store

YAML = """
store: outdoor
name: Outdoor Shop
country: ES
currency: EUR
netsuite: {website: "2"}
flows:
  catalog: {}
  customers: {enabled: true}
  orders: {only: {orders: {status: ["SalesOrd:F"]}}}
"""
RECORD: dict[str, Any] = {
    "store": "outdoor",
    "domain": "shop.outdoor.example",
    "item_url": "{url}/p/{urlcomponent}",
    "image_folder": "77",
    "image_options": ("custitem_color",),
    "ids": ("salesrep",),
    "types": ("SalesOrd", "CashSale"),
    "statuses": ("SalesOrd:B",),
    "flows": {"catalog": False, "customers": False, "orders": True},
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return written(tmp_path, YAML)


def written(folder: Path, text: str) -> Store:
    path = folder / "outdoor.yaml"
    path.write_text(text, encoding="utf-8")
    return load_store(path)


def test_the_record_fills_in_what_yaml_leaves_out(store: Store) -> None:
    found = configured(store, [Record(1, **RECORD)])
    site = found.store.site
    assert (site.url, site.item_url) == ("https://shop.outdoor.example", "{url}/p/{urlcomponent}")
    assert (site.image_folder, site.image_options) == ("77", ("custitem_color",))
    assert found.store.as_id == ("salesrep",)
    assert found.store.flows["orders"].only["orders"]["type"] == ("SalesOrd", "CashSale")
    assert found.store.flows["catalog"].enabled is False
    assert found.origins["site.url"] == found.origins["flows.catalog.enabled"] == "NetSuite"


def test_yaml_wins_setting_by_setting(store: Store) -> None:
    found = configured(store, [Record(1, **RECORD)])
    assert found.store.flows["customers"].enabled is True
    assert found.store.flows["orders"].only["orders"]["status"] == ("SalesOrd:F",)
    assert found.origins["flows.customers.enabled"] == "YAML"
    assert found.origins["flows.orders.only.orders.status"] == "YAML"


def test_the_switch_of_the_catalog_is_that_of_its_stock_too(tmp_path: Path) -> None:
    store = written(tmp_path, YAML.replace("  catalog: {}\n", "  catalog: {}\n  stock: {}\n"))
    assert configured(store, [Record(1, **RECORD)]).store.flows["stock"].enabled is False


def test_what_neither_side_says_is_the_default(tmp_path: Path) -> None:
    store = written(tmp_path, YAML + "site: {url: https://a.example}\n")
    found = configured(store, [])
    assert found.store.site.item_url == "{url}/{urlcomponent}"
    assert (found.origins["site.url"], found.origins["site.item_url"]) == ("YAML", "default")
    assert found.store.flows["catalog"].enabled is True


def test_the_record_is_found_by_the_stores_name_before_its_website(store: Store) -> None:
    by_website = Record(1, website="2", domain="website.example")
    by_name = Record(2, store="outdoor", domain="name.example")
    other = Record(3, store="outlet", website="9", domain="other.example")
    assert configured(store, [other, by_website]).store.site.url == "https://website.example"
    assert configured(store, [other, by_website, by_name]).store.site.url == "https://name.example"


def test_two_records_of_a_store_are_told(store: Store) -> None:
    with pytest.raises(MendError, match=r"several configuration records of store 'outdoor' \(4 and 5\)"):
        configured(store, [Record(4, store="outdoor"), Record(5, store="outdoor")])


def test_a_store_without_an_address_is_told(store: Store) -> None:
    with pytest.raises(MendError, match=r"no address: set 'site.url' in its YAML file, or 'Domain'"):
        configured(store, [Record(1, store="outdoor")])


@pytest.mark.parametrize(
    ("change", "setting"),
    [
        ({"item_url": "{url}/p"}, "site.item_url"),
        ({"image_folder": "Images"}, "site.image_folder"),
        ({"ids": ("Sales Rep",)}, "as_id.0"),
    ],
)
def test_a_value_that_cannot_be_names_the_record_and_the_setting(
    store: Store, change: dict[str, Any], setting: str
) -> None:
    with pytest.raises(MendError, match=f"Configuration record 6 in NetSuite has a value for '{setting}'"):
        configured(store, [Record(6, **RECORD | change)])
