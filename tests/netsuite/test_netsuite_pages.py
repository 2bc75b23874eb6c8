from __future__ import annotations

from typing import Any

import pytest
from netsuite_far_side import FarSide, Reply, about, answer, bounds, column, page, refused

from netsuite_connector.errors import MendError
from netsuite_connector.netsuite import (
    ColumnType,
    NetSuiteClient,
    NetSuiteColumnError,
    NetSuiteFaultError,
    NetSuiteScriptError,
)
from netsuite_connector.window import Window

WINDOW = Window.parse("2026-11-20T10:00:00Z", "2026-11-21T10:00:00Z")
KEYS = [column("internalid", "integer"), column("email", "text")]


def read(client: NetSuiteClient, **bounded: Any) -> list[list[int]]:
    return [
        each.batch.column("internalid").to_pylist()
        for each in client.pages("customsearch_x", WINDOW, **bounded)
    ]


def test_pages_follow_the_cursor_to_the_end(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [page([3, 5], done=False), page([8], done=False, cursor=9), page([12]), about()]

    assert read(client, until=40, page_rows=2) == [[3, 5], [8], [12]]

    common = {
        "search": "customsearch_x",
        "until": 40,
        "from": "2026-11-20T10:00:00Z",
        "to": "2026-11-21T10:00:00Z",
    }
    assert [call.asked for call in far.calls] == [
        {"action": "page", "after": 0, "limit": 2, **common},
        {"action": "page", "after": 5, "limit": 2, **common},
        {"action": "page", "after": 9, "limit": 2, **common},
        {"action": "about"},
    ]


def test_another_stamp_and_lists_of_ids_narrow_pages_and_count(far: FarSide, client: NetSuiteClient) -> None:
    narrowed: Any = {
        "stamp": "lastquantityavailablechange",
        "only": {"type": ("SalesOrd",), "website": ["2"]},
    }
    far.replies = [page([]), bounds(0), bounds(7)]

    list(client.pages("customsearch_x", WINDOW, **narrowed))
    assert client.bounds("customsearch_x", WINDOW, **narrowed).count == 7

    asked = [(each.asked["stamp"], each.asked["only"]) for each in far.calls]
    assert asked == [("lastquantityavailablechange", {"type": ["SalesOrd"], "website": ["2"]})] * 3


def test_the_end_is_believed_of_a_restlet_that_would_say_empty_if_unsure(
    far: FarSide, client: NetSuiteClient
) -> None:
    far.replies = [page([3]), about("1.1.0"), page([3]), bounds(9)]

    assert [read(client), read(client)] == [[[3]], [[3]]]
    assert [call.asked["action"] for call in far.calls] == ["page", "about", "page"]


def test_an_end_that_a_search_without_rows_suggests_is_counted(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [page([3], stopped="empty"), bounds(1), page([7]), about()]

    assert read(client) == [[3], [7]]


@pytest.mark.parametrize("version", ["1.0.0", "0.9", "dev"])
def test_every_end_of_an_older_restlet_is_counted(far: FarSide, client: NetSuiteClient, version: str) -> None:
    far.replies = [page([3]), about(version), bounds(1), page([7]), bounds(0)]

    assert read(client) == [[3], [7]]


def test_a_search_without_rows_gives_one_page_with_its_columns(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [page([]), bounds(0)]

    (only,) = client.pages("customsearch_x", WINDOW, after=20)

    assert (only.batch.num_rows, only.batch.schema.names) == (0, ["internalid", "email"])
    assert (only.cursor, only.done) == (20, True)


def test_an_empty_page_although_rows_are_left_is_tried_again(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [page([3], done=False), page([], stopped="empty"), bounds(1), page([7]), about()]

    assert read(client) == [[3], [7]]


def test_an_empty_page_that_stays_is_a_fault_and_not_the_end(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [page([]), bounds(9)] * 6
    pages = client.pages("customsearch_x", WINDOW)

    with pytest.raises(NetSuiteFaultError, match="yet counts 9"):
        next(pages)

    assert len(far.calls) == 10


def test_a_page_that_says_done_too_early_is_followed_by_the_rest(
    far: FarSide, client: NetSuiteClient
) -> None:
    far.replies = [page([3], stopped="empty"), bounds(1), page([7]), about()]

    pages = list(client.pages("customsearch_x", WINDOW))

    assert [(each.cursor, each.done) for each in pages] == [(3, False), (7, True)]


@pytest.mark.parametrize(
    "bad",
    [
        page([3, 7], done=False, cursor=5),
        page([3, 7], done=False, cursor=None),
        page([2, 7], done=False),
        page([7, 3], done=False),
        page([3, 41], done=False),
    ],
)
def test_rows_that_do_not_lie_between_the_bounds_and_the_cursor_are_a_fault(
    far: FarSide, client: NetSuiteClient, bad: Reply
) -> None:
    far.replies = [bad, page([3, 7]), about()]

    assert read(client, after=2, until=40) == [[3, 7]]

    far.replies = [bad]
    with pytest.raises(NetSuiteFaultError, match="not those asked for"):
        read(client, after=2, until=40)


def test_a_fault_in_the_middle_loses_and_repeats_nothing(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [
        page([3], done=False),
        Reply(page([5], done=False).body[:40], missing=100),
        refused(400, "SSS_REQUEST_LIMIT_EXCEEDED"),
        page([5], done=False),
        Reply(b"<html>", 500),
        page([9]),
        Reply(reset=True),
        about(),
    ]

    assert read(client) == [[3], [5], [9]]


@pytest.mark.parametrize(("limit", "asked"), [(2, [2]), (3, [2, 1]), (5, [2, 2, 1])])
def test_a_limit_ends_the_extract(far: FarSide, client: NetSuiteClient, limit: int, asked: list[int]) -> None:
    far.replies = [page([1, 2], done=False), page([3, 4], done=False), page([5, 6], done=False)]

    pages = list(client.pages("customsearch_x", WINDOW, limit=limit, page_rows=2))

    assert [call.asked["limit"] for call in far.calls] == asked
    assert not pages[-1].done


def test_a_column_that_vanishes_during_the_extract_stops_it(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [
        page([1], done=False, columns=[*KEYS, column("phone", "text")]),
        page([2], columns=KEYS),
        about(),
    ]

    with pytest.raises(NetSuiteColumnError, match="phone") as caught:
        read(client)

    assert caught.value.columns == ("phone",)
    assert isinstance(caught.value, MendError)


def test_a_label_renamed_during_the_extract_changes_nothing(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [
        page([1], done=False, columns=KEYS),
        page([2], columns=[KEYS[0], column("email", "text", "Mail")]),
        about(),
    ]

    one, two = client.pages("customsearch_x", WINDOW)

    assert two.batch.schema.equals(one.batch.schema, check_metadata=True)


def test_rows_without_an_id_column_are_refused(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [page([1], columns=[column("internalid", "number")])]

    with pytest.raises(NetSuiteScriptError, match="internal id"):
        read(client)


def test_deleted_records_are_read_by_the_restlets_own_cursor(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [page([4], done=False, cursor="customer@2026-11-20T10:01:00Z"), page([2], cursor="item@x")]

    pages = list(client.deleted(["customer", "item"], WINDOW, page_rows=100))

    assert [each.batch.column("internalid").to_pylist() for each in pages] == [[4], [2]]
    first, second = (call.asked for call in far.calls)
    assert (first["types"], first["limit"], "cursor" in first) == (["customer", "item"], 100, False)
    assert second["cursor"] == "customer@2026-11-20T10:01:00Z"


def test_of_deleted_records_nothing_is_kept_but_which_and_when(far: FarSide, client: NetSuiteClient) -> None:
    """RESTlets before 1.2.1 also tell whose record it was and who deleted it."""
    far.replies = [page([4], columns=[column("internalid", "integer"), column("name", "text")])]

    (found,) = client.deleted(["customer"], WINDOW)

    assert found.batch.schema.names == ["internalid"]


def test_deleted_records_that_lead_nowhere_are_a_fault(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [page([4], done=False, cursor="customer@2026-11-20T10:01:00Z")]

    with pytest.raises(NetSuiteFaultError, match="no further"):
        list(client.deleted(["customer"], WINDOW))


def test_searches_and_their_columns(far: FarSide, client: NetSuiteClient) -> None:
    title = {"id": "customsearch_x", "title": None, "type": "customer"}
    far.replies = [answer(searches=[title]), answer(search=title, columns=KEYS, lines=False)]

    (found,) = client.searches()
    info = client.describe(found.id)

    assert info.search == found
    assert [(each.key, each.type) for each in info.columns] == [
        ("internalid", ColumnType.INTEGER),
        ("email", ColumnType.TEXT),
    ]
    assert not info.lines
