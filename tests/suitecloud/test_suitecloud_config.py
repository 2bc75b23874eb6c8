"""Configuration records reach the connector as texts, lists and switches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from suitecloud_account import ask

from netsuite_connector.sandbox.netsuite.testing import SandboxAccount

CONFIG = "customrecord_nsk_config"


@pytest.fixture
def account(running: SandboxAccount) -> Iterator[SandboxAccount]:
    """The account without configuration records, before and after."""
    running.clear(CONFIG)
    yield running
    running.clear(CONFIG)


def write(account: SandboxAccount, name: str, **values: Any) -> int:
    """A configuration record, all flows on, as the form makes it."""
    usual: dict[str, Any] = {"store": "outdoor", "catalog": True, "customers": True, "orders": True}
    filled = {f"custrecord_nsk_cfg_{field}": value for field, value in {**usual, **values}.items()}
    return int(account.create(CONFIG, name=name, **filled)["internalid"])


def test_no_records_no_configuration(account: SandboxAccount) -> None:
    assert ask(account, "config")["configs"] == []


def test_everything_that_is_filled_in(account: SandboxAccount) -> None:
    id_ = write(
        account,
        "Outdoor",
        website="2",
        domain=" https://www.outdoor.example ",
        item_url="{url}/{urlcomponent}",
        image_folder="8123",
        image_options="custitem_color, custitem_size",
        ids="salesrep\nterritory,\r\ncategory",
        types="SalesOrd, CashSale",
        statuses="SalesOrd:B\nSalesOrd:F\n",
        customers=False,
    )
    assert ask(account, "config")["configs"] == [
        {
            "id": id_,
            "name": "Outdoor",
            "store": "outdoor",
            "website": "2",
            "domain": "https://www.outdoor.example",
            "item_url": "{url}/{urlcomponent}",
            "image_folder": "8123",
            "image_options": ["custitem_color", "custitem_size"],
            "ids": ["salesrep", "territory", "category"],
            "types": ["SalesOrd", "CashSale"],
            "statuses": ["SalesOrd:B", "SalesOrd:F"],
            "flows": {"catalog": True, "customers": False, "orders": True},
        }
    ]


def test_empty_fields_are_null_or_empty_lists(account: SandboxAccount) -> None:
    write(account, "Bare")
    (config,) = ask(account, "config")["configs"]
    assert {config[name] for name in ("website", "domain", "item_url", "image_folder")} == {None}
    assert [config[name] for name in ("image_options", "ids", "types", "statuses")] == [[], [], [], []]


def test_one_for_each_web_site_in_order_without_the_inactive(account: SandboxAccount) -> None:
    ids = [write(account, name, store=name) for name in ("first", "second", "third")]
    account.update(CONFIG, ids[1], isinactive=True)
    found = ask(account, "config")
    assert [(each["id"], each["store"]) for each in found["configs"]] == [
        (ids[0], "first"),
        (ids[2], "third"),
    ]
    assert found["usage"] <= 10
