"""A store's file: what it may say, and one sentence for each mistake in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from netsuite_connector.errors import MendError
from netsuite_connector.stores.load import load_store, load_stores

GOOD = """
store: outdoor
name: Outdoor Shop
site: {url: https://outdoor.example}
country: ES
currency: EUR
timezone: Europe/Madrid
flows:
  orders: {schedule: "0 * * * *", searches: {orders: customsearch_web_orders}}
"""


def written(folder: Path, text: str, name: str = "outdoor.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_store_says_what_it_needs_and_the_rest_has_defaults(tmp_path: Path) -> None:
    store = load_store(written(tmp_path, GOOD))
    assert (store.store, store.currency, store.netsuite.connection) == ("outdoor", "EUR", "netsuite_default")
    assert store.search("orders", "orders", "customsearch_nsk_orders") == "customsearch_web_orders"
    assert store.search("customers", "contacts", "customsearch_nsk_contacts") == "customsearch_nsk_contacts"


def test_a_flow_of_ones_own_and_what_narrows_a_source_are_read(tmp_path: Path) -> None:
    more = """
  cases:
    searches: {cases: customsearch_nsk_cases}
    custom: {metric: Support Case, time: startdate, mandatory: [casenumber]}
"""
    narrowed = GOOD.replace(
        "web_orders}", "web_orders}, only: {orders: {type: [SalesOrd], item.class: ['3']}}"
    )
    store = load_store(written(tmp_path, narrowed + more))
    assert store.flows["orders"].only == {"orders": {"type": ("SalesOrd",), "item.class": ("3",)}}
    custom = store.flows["cases"].custom
    assert custom is not None
    assert (custom.metric, custom.email, custom.mandatory) == ("Support Case", "email", ("casenumber",))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            ("currency: EUR", "curency: EUR"),
            "outdoor.yaml: 'curency' is not a setting; did you mean 'currency'?",
        ),
        (("schedule:", "shedule:"), "'flows.orders.shedule' is not a setting; did you mean 'schedule'?"),
        (("country: ES\n", ""), "'country' is missing"),
        (("country: ES", "country: Spain"), "'country' is 'Spain'"),
        (("country: ES", "country: 34"), "'country' is 34: input should be a valid string"),
        (("orders: {schedule", "oders: {schedule"), "'oders' is none of the usual flows (catalog, stock,"),
        (("Europe/Madrid", "Madrid"), "timezone 'Madrid' is not a known time zone"),
        (("customsearch_web_orders", "web orders"), "'flows.orders.searches.orders' is 'web orders'"),
        (("https://outdoor.example", "outdoor.example"), "'site.url' is 'outdoor.example'"),
        (
            ("customsearch_web_orders}", "customsearch_web_orders}, custom: {email: email}"),
            "can't have 'custom'",
        ),
        (
            ("flows:", "flows:\n  reviews: {custom: {metric: Case, time: startdate}}"),
            "the flow 'reviews' needs its saved search: searches: {reviews: customsearch_…}",
        ),
        (
            ("flows:", "flows:\n  reviews: {searches: {reviews: '7'}, custom: {metric: Case}}"),
            "'flows.reviews.custom': an event needs 'time', the column that says when it happened.",
        ),
        (
            ("flows:", "flows:\n  reviews: {searches: {reviews: '7'}, custom: {metrik: Case}}"),
            "'flows.reviews.custom.metrik' is not a setting; did you mean 'metric'?",
        ),
        (("name: Outdoor Shop", "name: [Outdoor"), "outdoor.yaml is not YAML:"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    assert change[0] in GOOD
    with pytest.raises(MendError) as caught:
        load_store(written(tmp_path, GOOD.replace(*change)))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(MendError, match=r"outdoor\.yaml is empty"):
        load_store(written(tmp_path, ""))


def test_two_files_of_one_store_are_told(tmp_path: Path) -> None:
    written(tmp_path, GOOD, "a.yaml")
    written(tmp_path, GOOD, "b.yaml")
    with pytest.raises(MendError, match=r"b\.yaml and a\.yaml both describe the store 'outdoor'"):
        load_stores(tmp_path)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(MendError, match="NETSUITE_CONNECTOR_STORES"):
        load_stores(tmp_path / "nowhere")


def test_the_shipped_store_is_right() -> None:
    assert [store.store for store in load_stores()] == ["demo"]
