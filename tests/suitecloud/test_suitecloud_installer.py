"""The installer creates what is missing, adds mandatory columns that lack, and leaves all else alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from suitecloud_account import INSTALLER, ask, installer
from suitecloud_project import PROJECT, definitions, keys

from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox

ITEMS = "customsearch_nsk_items"
ORDERS = "customsearch_nsk_orders"


@pytest.fixture(scope="module")
def bare() -> Iterator[SandboxAccount]:
    """An account as it is before the installer was ever opened."""
    with running_sandbox("--bare", customers=5, items=5, orders=5) as account:
        yield account


@pytest.fixture
def installed(bare: SandboxAccount) -> SandboxAccount:
    """The account with its searches as the installer makes them."""
    for name in ("items", "orders", "contacts"):
        definition = next(each for each in definitions() if each["id"].endswith(f"_{name}"))
        if any(each["id"] == definition["id"] for each in ask(bare, "searches")["searches"]):
            bare.replace_search(
                definition["id"],
                title=definition["title"],
                type=definition["type"],
                filters=definition["criteria"],
                columns=[{**column, "mandatory": None} for column in definition["columns"]],
            )
    installer(bare, install=True)
    return bare


def columns_of(account: SandboxAccount, search: str) -> list[dict[str, Any]]:
    """A search's columns without what is not set."""
    return [
        {name: value for name, value in column.items() if value not in (None, "NONE")}
        for column in account.search(search)["columns"]
    ]


def states(found: dict[str, dict[str, Any]]) -> set[str]:
    return {each["state"] for each in found.values()}


def test_looking_changes_nothing_and_installing_creates_every_search(bare: SandboxAccount) -> None:
    if not ask(bare, "searches")["searches"]:
        found = installer(bare)
        assert states(found) == {"missing"}
        assert found["items"]["lacking"] == keys(definitions()[2], mandatory=True)
        assert ask(bare, "searches")["searches"] == []
        assert states(installer(bare, install=True)) == {"created"}
    made = {each["id"]: each for each in ask(bare, "searches")["searches"]}
    assert sorted(made) == sorted(each["id"] for each in definitions())


def test_installing_again_changes_nothing(installed: SandboxAccount) -> None:
    before = [installed.search(each["id"]) for each in definitions()]
    found = installer(installed, install=True)
    assert states(found) == {"kept"}
    assert not any(each["added"] or each["lacking"] for each in found.values())
    assert [installed.search(each["id"]) for each in definitions()] == before


def test_every_created_search_can_be_described(installed: SandboxAccount) -> None:
    for definition in definitions():
        if definition["type"] != "deletedrecord":  # that list has no ids; the RESTlet reads it by itself
            described = ask(installed, "describe", search=definition["id"])
            assert set(keys(definition)) <= {column["key"] for column in described["columns"]}


def test_what_an_administrator_changed_stays(installed: SandboxAccount) -> None:
    columns = [each for each in installed.search(ITEMS)["columns"] if each["name"] != "imageurl"]
    columns[1]["label"] = "Article"
    columns.insert(2, {"name": "formulatext", "label": "Own", "formula": "{itemid} || '!'"})
    narrowed = [["type", "anyof", "InvtPart"], "AND", ["isonline", "is", "T"]]
    installed.replace_search(ITEMS, title="Ours", filters=narrowed, columns=columns)
    before = installed.search(ITEMS)

    found = installer(installed, install=True)["items"]
    assert (found["state"], found["title"]) == ("kept", "Ours")
    assert installed.search(ITEMS) == before


def test_lacking_mandatory_columns_are_named_then_added_behind_the_others(installed: SandboxAccount) -> None:
    installed.remove_column(ORDERS, "total")
    installed.remove_column(ORDERS, "email", join="customermain")
    installed.remove_column(ORDERS, "promocode")
    left = columns_of(installed, ORDERS)

    found = installer(installed)
    assert found["orders"]["state"] == "incomplete"
    assert found["orders"]["lacking"] == ["total", "customermain.email"]
    assert columns_of(installed, ORDERS) == left

    found = installer(installed, install=True)
    assert (found["orders"]["state"], found["orders"]["added"]) == (
        "completed",
        ["total", "customermain.email"],
    )
    assert states({name: each for name, each in found.items() if name != "orders"}) == {"kept"}
    columns = columns_of(installed, ORDERS)
    assert columns[: len(left)] == left
    assert [(each["name"], each.get("join")) for each in columns[len(left) :]] == [
        ("total", None),
        ("email", "customermain"),
    ]
    assert installer(installed)["orders"]["state"] == "kept"


def test_a_mandatory_column_that_is_summed_up_does_not_count(installed: SandboxAccount) -> None:
    columns = installed.search(ITEMS)["columns"]
    for each in columns:
        if each["name"] == "itemid":
            each["summary"] = "GROUP"
    installed.replace_search(ITEMS, columns=columns)
    assert installer(installed)["items"]["lacking"] == ["itemid"]


def test_a_search_of_another_type_under_the_id_is_left_alone(installed: SandboxAccount) -> None:
    columns = [{"name": "email", "label": "Email"}]
    installed.replace_search("customsearch_nsk_contacts", type="customer", columns=columns)
    found = installer(installed, install=True)["contacts"]
    assert found["state"] == "incomplete"
    assert "customer" in found["reason"]
    assert [each["name"] for each in installed.search("customsearch_nsk_contacts")["columns"]] == ["email"]


def test_the_page_shows_the_states_and_a_button(installed: SandboxAccount) -> None:
    installed.remove_column(ITEMS, "baseprice")
    installed.replace_search(ITEMS, title="<b>Items</b>")
    shown = requests.get(installed.url + INSTALLER, timeout=30)
    assert shown.headers["Content-Type"].startswith("text/html")
    assert '<form method="post"><button type="submit">Install</button></form>' in shown.text
    assert "lacks: baseprice" in shown.text
    assert "<b>" not in shown.text  # titles are other people's text

    done = requests.post(installed.url + INSTALLER, timeout=30)
    assert "added: baseprice" in done.text


def test_units_stay_far_below_those_of_a_suitelet(installed: SandboxAccount) -> None:
    assert 0 < installed.installer()["usage"] <= 300


def changed_project(folder: Path, search: str, **column: Any) -> Path:
    """A copy of the project in which a search has a column more, which the account does not know."""
    copy = folder / "suitecloud"
    shutil.copytree(PROJECT, copy / "src")
    file = copy / "src" / "FileCabinet" / "SuiteScripts" / "nsk" / "searches.json"
    found = definitions()
    for each in found:
        if each["id"] == search:
            each["columns"].insert(3, {"label": "New", **column})
    file.write_text(json.dumps(found), encoding="utf-8")
    return copy


def test_optional_columns_that_the_account_does_not_know_are_left_out(tmp_path: Path) -> None:
    project = changed_project(tmp_path, "customsearch_nsk_contacts", name="nosuchfield")
    with running_sandbox("--bare", "--suitecloud", str(project)) as account:
        found = installer(account, install=True)
        assert states(found) == {"created"}
        assert found["contacts"]["left_out"] == ["nosuchfield"]
        assert "email" in found["contacts"]["added"]
        assert installer(account)["contacts"]["state"] == "kept"


def test_a_search_that_can_not_be_made_is_explained_and_the_others_are_made(tmp_path: Path) -> None:
    project = changed_project(tmp_path, "customsearch_nsk_contacts", name="nosuchfield", mandatory=True)
    with running_sandbox("--bare", "--suitecloud", str(project)) as account:
        found = installer(account, install=True)
        assert found["contacts"]["state"] == "missing"
        assert "nosuchfield" in found["contacts"]["reason"]
        assert states({name: each for name, each in found.items() if name != "contacts"}) == {"created"}
