"""Catalog feeds: files that the account reads on its own, one level deep, and never beside the API."""

from __future__ import annotations

import http.server
import json
import threading
import time

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsuite_connector.sandbox.klaviyo.feed_files import MANDATORY, read_feed
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox

PREFIX = "$custom:::$default:::"


def row(number: str, **fields) -> dict:
    given = {
        "id": number,
        "title": f"Item {number}",
        "description": "A thing",
        "link": f"https://shop.example/{number}",
        "image_link": f"https://shop.example/{number}.png",
        "price": 9.5,
        "categories": ["Shoes", "Summer"],
        "inventory_quantity": 3,
        "inventory_policy": 1,
    }
    return {name: value for name, value in {**given, **fields}.items() if value is not None}


@pytest.fixture
def feed(tmp_path):
    """A feed file; calling it writes its rows."""
    file = tmp_path / "feed.json"

    def write(*rows) -> str:
        file.write_text(json.dumps(rows))
        return str(file)

    return write


def ids(account) -> list[str]:
    return sorted(one["external_id"] for one in account.rows("items"))


def test_a_feed_becomes_the_catalog(account, api, feed):
    report = account.register_feed(feed(row("1"), row("2", brand="Own", price="12.50")))
    assert (report["problem"], report["taken"], report["refused"]) == (None, 2, 0)
    second = api.get(f"catalog-items/{PREFIX}2").json()["data"]["attributes"]
    assert (second["url"], second["price"]) == ("https://shop.example/2", 12.5)
    assert second["custom_metadata"] == {"brand": "Own"}
    assert account.rows("items")[0]["inventory_quantity"] == 3
    assert account.rows("variants") == []


def test_klaviyos_own_names_may_begin_with_a_dollar(account, feed):
    account.register_feed(feed({f"${name}": value for name, value in row("1").items()}))
    assert ids(account) == ["1"]


@pytest.mark.parametrize("field", ["id", "title", "description", "link", "image_link"])
def test_an_item_without_a_mandatory_field_is_refused_with_its_reason(account, feed, field):
    rows = (row("1"), row("2", **{field: None}), row("3", **{field: " "}))
    report = account.register_feed(feed(*rows))
    assert (report["taken"], report["refused"]) == (1, 2)
    reason = f"The mandatory field {field} is missing or blank."
    assert [(one["row"], one["reasons"]) for one in report["refusals"]] == [(1, [reason]), (2, [reason])]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"size": {"EU": 40}}, "nested"),
        ({"variants": [{"id": "1-1"}]}, "nested"),
        ({"price": "cheap"}, "price is not a number"),
        ({"inventory_policy": 7}, "not 0, 1 or 2"),
        ({"link": "/relative"}, "not a web address"),
    ],
)
def test_a_feed_is_one_level_deep_and_its_values_make_sense(account, feed, fields, reason):
    report = account.register_feed(feed(row("1", **fields), row("2")))
    assert (report["taken"], report["refused"]) == (1, 1)
    assert reason in report["refusals"][0]["reasons"][0]


def test_an_id_counts_once(account, feed):
    report = account.register_feed(feed(row("1"), row("1", title="Other")))
    assert report["refusals"][0]["reasons"] == ["The id is that of an earlier item."]
    assert account.rows("items")[0]["title"] == "Item 1"


def test_what_the_feed_no_longer_has_goes_and_changes_wake_flows(account, feed):
    account.register_feed(feed(row("1", inventory_quantity=0), row("2"), row("3")))
    feed(row("1", price=8.0, inventory_quantity=0), row("2", inventory_quantity=3), row("4"))
    (report,) = account.poll_feeds()
    assert [report[name] for name in ("created", "changed", "deleted")] == [1, 1, 1]
    assert ids(account) == ["1", "2", "4"]
    feed(row("1", price=8.0, inventory_quantity=2), row("2"), row("4"))
    account.poll_feeds()
    assert [one["flow"] for one in account.rows("alerts")] == ["price_drop", "back_in_stock"]


NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.none() | st.booleans() | NUMBERS | st.text(max_size=5)
ROWS = st.lists(
    st.dictionaries(
        st.sampled_from(
            [*MANDATORY, "price", "inventory_quantity", "inventory_policy", "categories", "size"]
        ),
        VALUES | st.lists(VALUES, max_size=2) | st.dictionaries(st.text(max_size=2), VALUES, max_size=2),
    )
    | st.sampled_from([row("1"), row("2"), row("3")])
    | VALUES,
    max_size=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_every_row_of_a_feed_is_taken_or_refused_with_a_reason(tmp_path, rows):
    (tmp_path / "feed.json").write_text(json.dumps(rows))
    feed = read_feed(str(tmp_path / "feed.json"))
    assert len(feed.items) + len(feed.refusals) == feed.rows == len(rows)
    assert all(one["reasons"] for one in feed.refusals)
    good = {one["id"] for one in rows if isinstance(one, dict) and one == row(str(one.get("id")))}
    assert good <= feed.items.keys()


def test_the_page_shows_feeds_and_what_flows_noticed(account, feed):
    account.register_feed(feed(row("1"), row("2", title="")))
    feed(row("1", price=1.0), row("2", title=""))
    account.poll_feeds()
    page = requests.get(account.url, timeout=30).text
    assert "feed.json" in page
    assert "price_drop" in page


def test_several_files_make_one_catalog(account, tmp_path):
    for name, rows in {"a": [row("1"), row("2")], "b": [row("2"), row("3")]}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(rows))
    account.register_feed(str(tmp_path / "a.json"))
    report = account.register_feed(str(tmp_path / "b.json"))
    assert report["refusals"][0]["reasons"] == ["Another feed has an item with this id."]
    assert ids(account) == ["1", "2", "3"]


@pytest.mark.parametrize("content", ["[{", '{"id": "1"}'])
def test_a_broken_feed_leaves_the_catalog_as_it_was(account, feed, tmp_path, content):
    account.register_feed(feed(row("1")))
    (tmp_path / "feed.json").write_text(content)
    (report,) = account.poll_feeds()
    assert report["problem"].startswith("The feed is not")
    (tmp_path / "feed.json").unlink()
    assert "can't be read" in account.poll_feeds()[0]["problem"]
    assert ids(account) == ["1"]


def test_a_feed_of_more_than_a_hundred_megabytes_is_refused(account, tmp_path):
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(100_000_001)
    report = account.register_feed(str(tmp_path / "large.json"))
    assert "larger than 100 MB" in report["problem"]


def test_a_catalog_comes_from_a_feed_or_from_the_api_never_from_both(account, api, feed, make_item):
    api.post("catalog-items", make_item("A"))
    with pytest.raises(requests.HTTPError) as refused:
        account.register_feed(feed(row("1")))
    assert "never both" in refused.value.response.json()["error"]
    account.reset()
    account.register_feed(feed(row("1")))
    path = "catalog-item-bulk-create-jobs"
    job = {"type": path[:-1], "attributes": {"items": {"data": [make_item("A")]}}}
    change = {"type": "catalog-item", "id": f"{PREFIX}1", "attributes": {"price": 1}}
    answers = [
        api.post("catalog-items", make_item("A")),
        api.patch(f"catalog-items/{PREFIX}1", change),
        api.delete(f"catalog-items/{PREFIX}1"),
        api.post(path, job),
    ]
    assert [answer.status_code for answer in answers] == [400] * 4
    assert ids(account) == ["1"]
    requests.delete(f"{account.url}/sandbox/feeds", timeout=30).raise_for_status()
    assert api.post("catalog-items", make_item("A")).status_code == 201
    assert ids(account) == ["A"]


@pytest.mark.parametrize("url", ["https://feeds.example/feed.json", "ftp://127.0.0.1/feed.json", "feed.json"])
def test_only_this_machine_is_read(account, url):
    with pytest.raises(requests.HTTPError):
        account.register_feed(url)
    assert account.poll_feeds() == []


@pytest.fixture
def web(tmp_path):
    """A web server that shows a folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_feeds_are_read_over_http_every_six_hours(account, feed, web):
    feed(row("1"))
    assert account.register_feed(f"{web}/feed.json")["taken"] == 1
    assert account.register_feed(f"{web}/none.json")["problem"] == "The feed's server answered 404."
    feed(row("1"), row("2"))
    account.skip_time(5 * 3_600)
    assert ids(account) == ["1"]
    account.skip_time(3_601)
    until = time.monotonic() + 20
    while ids(account) != ["1", "2"]:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_feeds_are_remembered_by_a_restarted_account(tmp_path, feed):
    files = ("--database", str(tmp_path / "account.sqlite"))
    with running_sandbox(*files) as account:
        account.register_feed(feed(row("1")))
    feed(row("1"), row("2"))
    with running_sandbox(*files) as account:
        assert [one["taken"] for one in account.poll_feeds()] == [2]
