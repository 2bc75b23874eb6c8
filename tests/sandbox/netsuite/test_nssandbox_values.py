"""How the RESTlet writes a page's columns: a value that repeats is sent once where that is shorter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nssandbox import Inside, customer, inside, rows

from netsuite_connector.netsuite.page import page_of

CUSTOMERS = "customsearch_nsk_customers"
CELLS: dict[str, st.SearchStrategy[Any]] = {
    "firstname": st.none() | st.sampled_from(["Ann", "Zoë 😀", "null", '"', "long " * 9]),
    "lastname": st.none() | st.text(st.characters(categories=("L", "N"), include_characters=" "), max_size=9),
    "isperson": st.booleans(),
    "stage": st.sampled_from(["CUSTOMER", "PROSPECT", "LEAD"]),
}


@pytest.fixture(scope="module")
def shared() -> Iterator[Inside]:
    made = inside()
    yield made
    made.engine.close()


def as_plain(entry: Any) -> Any:
    """A column as a plain list of each row's value, however it was sent."""
    if isinstance(entry, list) or "at" not in entry:
        return entry
    lists = {
        name: [None if place is None else entry[name][place] for place in entry["at"]]
        for name in ("id", "text", "values")
        if name in entry
    }
    return lists.get("values", lists)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=40))
def test_what_an_account_holds_is_what_arrow_holds(shared: Inside, people: list[dict[str, Any]]) -> None:
    shared.engine.admin("clear", {"type": "customer"})
    shared.engine.load("customer", [customer(n, **values) for n, values in enumerate(people, 1)])

    (page,) = shared.pages(search=CUSTOMERS)
    batch = page_of(page, 0, CUSTOMERS).batch.to_pydict()

    assert batch["internalid"] == list(range(1, len(people) + 1))
    for name in CELLS:
        # An empty text is no value to NetSuite.
        assert batch[name] == [values[name] if values[name] != "" else None for values in people], name
    assert [row["stage__text"] for row in rows(page)] == batch["stage__text"]
    for entry in page["values"]:
        sent, plain = (
            json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in (entry, as_plain(entry))
        )
        # Of characters outside ASCII the RESTlet knows only how many bytes they take at most.
        assert len(sent) <= len(plain) or not plain.isascii()


def test_only_values_that_repeat_are_sent_once(empty: Inside) -> None:
    empty.engine.load("customer", [customer(n, firstname="Ann" if n % 2 else None) for n in range(1, 101)])

    page = empty.call("page", search=CUSTOMERS)
    entries = {column["key"]: entry for column, entry in zip(page["columns"], page["values"], strict=True)}

    assert entries["firstname"] == {"values": ["Ann"], "at": [0, None] * 50}
    assert entries["stage"]["id"] == ["CUSTOMER"]
    assert entries["stage"]["at"] == [0] * 100
    assert entries["internalid"] == list(range(1, 101))
    assert entries["entityid"] == [f"C{n}" for n in range(1, 101)]


def test_what_repeats_leaves_room_for_more_rows(empty: Inside) -> None:
    long = "ß" * 1900
    empty.engine.load("customer", [customer(n, companyname=long) for n in range(1, 3001)])

    page = empty.call("page", search=CUSTOMERS, limit=5000)

    assert (page["rows"], page["stopped"]) == (3000, "end")
    assert rows(page)[-1]["companyname"] == long
