"""Pages of the RESTlet: every row once, no record torn, an early end with a cursor."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nssandbox import Inside, customer, inside, order, rows

ORDERS = "customsearch_nsk_orders"
CUSTOMERS = "customsearch_nsk_customers"


@pytest.fixture(scope="module")
def shared() -> Iterator[Inside]:
    made = inside()
    yield made
    made.engine.close()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(
        st.sampled_from([0, 1, 2, 3, 40, 997, 998, 999, 1000, 1001, 2003]), min_size=0, max_size=6
    ),
    gaps=st.lists(st.integers(1, 40), min_size=6, max_size=6),
    limit=st.sampled_from([1, 3, 700, 999, 1000, 1001, 2500, 5000]),
)
def test_pages_hold_every_line_once_and_no_order_is_torn(
    shared: Inside, lines: list[int], gaps: list[int], limit: int
) -> None:
    ids = [sum(gaps[: n + 1]) for n in range(len(lines))]
    orders = [order(internalid, count) for internalid, count in zip(ids, lines, strict=True)]
    shared.engine.admin("clear", {"type": "transaction"})
    shared.engine.load("transaction", orders)

    pages = shared.pages(search=ORDERS, limit=limit)

    found = [(row["internalid"], row["lineuniquekey"]) for page in pages for row in rows(page)]
    assert found == [(each["internalid"], line["lineuniquekey"]) for each in orders for line in each["lines"]]
    whole = dict(zip(ids, lines, strict=True))
    for page in pages:
        on_page = [row["internalid"] for row in rows(page)]
        assert all(on_page.count(each) == whole[each] for each in set(on_page))
        if page["stopped"] == "limit":
            # Only the last order may run over the limit.
            assert page["rows"] >= limit
            assert page["rows"] - whole[on_page[-1]] < limit
    assert [page["done"] for page in pages] == [False] * (len(pages) - 1) + [True]


def test_one_row_a_record_keeps_to_the_limit(empty: Inside) -> None:
    empty.engine.load("customer", [customer(n) for n in range(1, 2501)])
    pages = empty.pages(search=CUSTOMERS, limit=1200)
    assert [page["rows"] for page in pages] == [1200, 1200, 100]
    assert [page["cursor"] for page in pages] == [1200, 2400, 2500]
    assert pages[-1]["stopped"] == "end"


def test_rows_that_change_between_pages_are_neither_lost_nor_doubled(empty: Inside) -> None:
    empty.engine.load("customer", [customer(n) for n in range(1, 31)])
    first = empty.call("page", search=CUSTOMERS, limit=10)
    empty.engine.admin("remove", {"type": "customer", "id": 3})
    empty.engine.admin("update", {"type": "customer", "id": 20, "values": {"lastname": "changed"}})
    empty.engine.load("customer", [customer(31)])
    second = empty.call("page", search=CUSTOMERS, after=first["cursor"])
    assert [row["internalid"] for row in rows(first)] == list(range(1, 11))
    assert [row["internalid"] for row in rows(second)] == list(range(11, 32))


def test_after_and_until_bound_the_ids(empty: Inside) -> None:
    empty.engine.load("transaction", [order(n, 2) for n in (5, 6, 7, 8)])
    page = empty.call("page", search=ORDERS, after=5, until=7)
    assert [row["internalid"] for row in rows(page)] == [6, 6, 7, 7]
    assert page["done"] is True
    bounds = empty.call("bounds", search=ORDERS, after=5, until=7)
    assert (bounds["count"], bounds["first"], bounds["last"]) == (4, 6, 7)


def test_an_empty_search_has_no_bounds(empty: Inside) -> None:
    bounds = empty.call("bounds", search=ORDERS)
    assert (bounds["count"], bounds["first"], bounds["last"]) == (0, None, None)
    page = empty.call("page", search=ORDERS)
    assert (page["rows"], page["done"], page["stopped"]) == (0, True, "empty")


def test_a_page_stops_short_of_ten_megabytes(empty: Inside) -> None:
    long = "ß" * 1900  # under the 4,000 bytes at which searches cut text
    names = ("firstname", "lastname", "companyname")
    people = [customer(n, **dict.fromkeys(names, f"{long}{n}")) for n in range(1, 1501)]
    empty.engine.load("customer", people)
    pages = []
    after = 0
    while not pages or not pages[-1]["done"]:
        request = {"action": "page", "search": CUSTOMERS, "after": after}
        answer = empty.engine.run(empty.deployment, "post", request)
        assert answer.status == 200
        assert len(answer.body.encode()) < 10_000_000
        pages.append(json.loads(answer.body))
        after = pages[-1]["cursor"]
    assert pages[0]["stopped"] == "bytes"
    assert [row["internalid"] for page in pages for row in rows(page)] == list(range(1, 1501))
    assert rows(pages[0])[0]["firstname"] == f"{long}1"


def test_a_page_stops_before_the_units_end(empty: Inside) -> None:
    empty.engine.load("customer", [customer(n) for n in range(1, 2501)])
    empty.engine.settings(units=115)
    page = empty.call("page", search=CUSTOMERS, limit=100_000)
    assert page["stopped"] == "units"
    assert page["done"] is False
    assert 0 < page["rows"] == page["cursor"] < 2500
    assert page["usage"] <= 115


def test_a_page_stops_before_the_time_ends(empty: Inside) -> None:
    empty.engine.load("customer", [customer(n) for n in range(1, 3501)])
    empty.engine.settings(searchSeconds=61)
    page = empty.call("page", search=CUSTOMERS, limit=100_000)
    assert page["stopped"] == "time"
    assert 0 < page["rows"] == page["cursor"] < 3500


def test_an_order_of_very_many_lines_is_one_page(empty: Inside) -> None:
    empty.engine.load("transaction", [order(1, 2), order(2, 4321), order(3, 1)])
    page = empty.call("page", search=ORDERS, limit=3)
    assert page["rows"] == 2 + 4321
    assert page["cursor"] == 2
    assert rows(empty.call("page", search=ORDERS, after=2))[0]["internalid"] == 3
