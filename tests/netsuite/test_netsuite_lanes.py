"""Several calls at once read what one call after another reads."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pytest
import requests
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from netsuite_far_account import FarAccount
from netsuite_far_side import FarSide, Reply, column, page, refused

from netsuite_connector.netsuite import (
    Account,
    NetSuiteClient,
    NetSuiteColumnError,
    NetSuiteFaultError,
    NetSuitePermissionError,
    Page,
    token_based,
)
from netsuite_connector.window import Window

ALL = Window()


@pytest.fixture(scope="module")
def shared_far() -> Iterator[FarSide]:
    side = FarSide()
    yield side
    side.close()


def client_of(far: FarSide, session: requests.Session) -> NetSuiteClient:
    account = Account.of("1", restlet_base=far.url, suitetalk_base=far.url)
    auth = token_based(account, consumer_key="ck", consumer_secret="cs", token_id="ti", token_secret="ts")
    return NetSuiteClient(session, far.url, auth, timeout=(5.0, 5.0), sleep=lambda _: None)


def lines(pages: list[Page]) -> list[tuple[int, int]]:
    return [(row["internalid"], row["lineuniquekey"]) for each in pages for row in each.batch.to_pylist()]


def lane_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("netsuite-lane")]


def uniform(count: int, **chances: Any) -> FarAccount:
    dice = random.Random(7)
    ids = sorted(dice.sample(range(1, 10 * count), count))
    return FarAccount.of(ids, [dice.randint(1, 5) for _ in ids], dice, **chances)


@st.composite
def spread_ids(draw: st.DrawFn) -> list[int]:
    """Ids in dense runs and with wide gaps between them."""
    ids, at = [], 0
    for _ in range(draw(st.integers(0, 3))):
        at += draw(st.sampled_from((1, 7, 1_000, 1_000_000)))
        step = draw(st.sampled_from((1, 3, 500)))
        count = draw(st.integers(1, 25))
        ids += [at + i * step for i in range(count)]
        at = ids[-1]
    return ids


@given(
    ids=spread_ids(),
    huge=st.integers(0, 10),
    page_rows=st.sampled_from((2, 6, 20)),
    lanes=st.integers(1, 5),
    version=st.sampled_from(("1.0.0", "1.1.0")),
    chances=st.tuples(*[st.sampled_from((0.0, 0.1, 0.4))] * 3),
    bounded=st.booleans(),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=80, phases=(Phase.explicit, Phase.reuse, Phase.generate))  # threads don't shrink well
def test_what_was_there_all_the_time_comes_once_and_in_order(
    *,
    shared_far: FarSide,
    ids: list[int],
    huge: int,
    page_rows: int,
    lanes: int,
    version: str,
    chances: tuple[float, float, float],
    bounded: bool,
    seed: int,
) -> None:
    dice = random.Random(seed)
    counts = [dice.choice((1, 1, 2, 5)) for _ in ids]
    if ids:
        counts[dice.randrange(len(ids))] += huge * 5
    faults, changes, early = chances
    far = FarAccount.of(ids, counts, dice, version=version, faults=faults, changes=changes, early=early)
    start, end = (ids[len(ids) // 3], ids[-1] - 1) if bounded and ids else (0, None)
    before = dict(far.records)
    shared_far.replying, shared_far.peak = far.reply, 0
    # Each extract is a run of its own: what a client knows of the RESTlet's version is not carried over.
    with requests.Session() as session:
        client = client_of(shared_far, session)
        pages = list(client.pages("x", ALL, after=start, until=end, page_rows=page_rows, lanes=lanes))

    rows = lines(pages)
    assert [each for each, _ in rows] == sorted(each for each, _ in rows)
    assert all(start < each and (end is None or each <= end) for each, _ in rows)
    stayed = {each: own for each, own in before.items() if each not in far.touched}
    assert [row for row in rows if row[0] in stayed] == [
        (each, line)
        for each, own in stayed.items()
        if start < each and (end is None or each <= end)
        for line in own
    ]
    for each, group in groupby(rows, key=lambda row: row[0]):
        assert tuple(line for _, line in group) in far.ever[each]
    assert len(rows) == len(set(rows))
    borders = [set(each.batch.column("internalid").to_pylist()) for each in pages]
    assert sum(map(len, borders)) == len(set().union(*borders)), "a record stands on two pages"
    assert [each.done for each in pages] == [False] * (len(pages) - 1) + [True]
    assert len({str(each.batch.schema) for each in pages}) == 1
    assert shared_far.peak <= max(lanes, 1)
    assert not lane_threads()


def test_lanes_share_an_extract_without_more_calls(far: FarSide, client: NetSuiteClient) -> None:
    account = uniform(4000)
    far.replying = account.reply

    pages = list(client.pages("x", ALL, page_rows=100, lanes=4))

    rows = sum(each.batch.num_rows for each in pages)
    assert rows == sum(map(len, account.records.values()))
    assert len(far.calls) <= 1.1 * rows / 100 + 3
    assert far.peak <= 4


def test_lanes_run_side_by_side_from_the_first_call(far: FarSide, client: NetSuiteClient) -> None:
    account = uniform(400, seconds=0.1)
    far.replying = account.reply
    began = time.monotonic()

    rows = lines(list(client.pages("x", ALL, page_rows=50, lanes=4)))

    calls = len(rows) / 50
    assert time.monotonic() - began < 0.6 * calls * 0.1
    assert far.peak == 4


@pytest.mark.parametrize("stretch", ["end", "start", "middle"])
def test_rows_that_lie_in_one_place_are_shared_too(
    far: FarSide, client: NetSuiteClient, stretch: str
) -> None:
    dense = {"start": 1, "middle": 500_000, "end": 2_000_000}[stretch]
    ids = sorted({*range(1, 1_000_000, 50_000), *range(dense, dense + 4000)})
    account = FarAccount.of(ids, [1] * len(ids), random.Random(1), seconds=0.01)
    far.replying = account.reply

    pages = list(client.pages("x", ALL, page_rows=100, lanes=4))

    assert [each for each, _ in lines(pages)] == ids
    assert far.peak == 4
    assert len(far.calls) <= 2.2 * len(ids) / 100, "the empty stretches took too many calls"


def test_lanes_stay_side_by_side_when_netsuite_cannot_fill_pages(
    far: FarSide, client: NetSuiteClient
) -> None:
    ids = sorted(random.Random(1).sample(range(1, 30_000), 6000))
    account = FarAccount.of(ids, [1] * len(ids), random.Random(1), seconds=0.03)
    busy: list[int] = []

    def small(request: Any) -> Reply:
        asked = request.asked
        busy.append(far.active)
        if asked["action"] == "page" and asked["limit"] > 100:
            reply = account._page({**asked, "limit": 100})
            reply.body = reply.body.replace(b'"limit"', b'"bytes"')
            return reply
        return account.reply(request)

    far.replying = small

    rows = lines(list(client.pages("x", ALL, page_rows=800, lanes=4)))

    assert len(rows) == sum(map(len, account.records.values()))
    assert len(far.calls) < 1.4 * len(rows) / 100
    assert sum(busy) / len(busy) > 2


def test_lanes_run_no_further_ahead_than_a_few_pages(far: FarSide, client: NetSuiteClient) -> None:
    account = uniform(3000)
    far.replying = account.reply
    pages = client.pages("x", ALL, page_rows=20, lanes=3)

    for taken in range(1, 6):
        next(pages)
        settled(account)
        assert account.pages - taken <= 2 * 3 + 1
    pages.close()  # type: ignore[attr-defined]


def settled(account: FarAccount) -> None:
    """Wait until no lane calls any more."""
    seen = -1
    while seen != account.pages:
        seen = account.pages
        time.sleep(0.05)


def test_an_extract_that_is_given_up_leaves_no_thread(far: FarSide, client: NetSuiteClient) -> None:
    account = uniform(3000, seconds=0.02)
    far.replying = account.reply
    pages = client.pages("x", ALL, page_rows=20, lanes=4)
    next(pages)

    pages.close()  # type: ignore[attr-defined]

    assert not lane_threads()
    asked = len(far.calls)
    time.sleep(0.1)
    assert len(far.calls) == asked


def test_a_waiting_lane_does_not_hold_up_who_gives_up(far: FarSide, account: Account) -> None:
    rows = uniform(3000)
    far.replying = lambda request: (
        Reply(b"{}", 429, {"Retry-After": "20"})
        if request.asked.get("after", 0) > 5000 and request.asked["action"] == "page"
        else rows.reply(request)
    )
    auth = token_based(account, consumer_key="ck", consumer_secret="cs", token_id="ti", token_secret="ts")
    with requests.Session() as session:
        pages = NetSuiteClient(session, far.url, auth).pages("x", ALL, page_rows=800, lanes=4)
        next(pages)
        began = time.monotonic()
        pages.close()  # type: ignore[attr-defined]

    assert time.monotonic() - began < 5
    assert not lane_threads()


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refused(403, "INSUFFICIENT_PERMISSION"), NetSuitePermissionError),
        (Reply(b"<html>", 500), NetSuiteFaultError),
        (page([], stopped="empty"), NetSuiteFaultError),
        (page([1], columns=[column("internalid", "integer")]), NetSuiteFaultError),
    ],
)
@pytest.mark.parametrize("at", [0, 7])
def test_what_fails_in_one_lane_stops_all_and_is_raised(
    far: FarSide, client: NetSuiteClient, reply: Reply, kind: type[Exception], at: int
) -> None:
    account = uniform(1000)

    def reply_to(request: Any) -> Reply:
        fails = request.asked["action"] == "page" and account.pages >= at
        return reply if fails else account.reply(request)

    far.replying = reply_to

    with pytest.raises(kind):
        list(client.pages("x", ALL, after=1, page_rows=50, lanes=3))

    assert not lane_threads()


def test_columns_that_change_during_the_extract_are_named_whatever_lane_saw_it(
    far: FarSide, client: NetSuiteClient
) -> None:
    account = uniform(1000)

    def reply_to(request: Any) -> Reply:
        asked = request.asked
        if account.pages > 9 and asked["action"] == "page":
            return page([asked["after"] + 1], columns=[column("internalid", "integer")])
        return account.reply(request)

    far.replying = reply_to

    with pytest.raises(NetSuiteColumnError, match="lineuniquekey"):
        list(client.pages("x", ALL, page_rows=20, lanes=3))


def test_bounds_that_know_of_no_rows_lose_none(far: FarSide, client: NetSuiteClient) -> None:
    account = uniform(300)
    wrong = [True]

    def reply_to(request: Any) -> Reply:
        if request.asked["action"] == "bounds" and wrong:
            wrong.clear()
            return account._bounds({"after": 10**9})
        return account.reply(request)

    far.replying = reply_to

    rows = lines(list(client.pages("x", ALL, page_rows=50, lanes=3)))

    assert len(rows) == sum(map(len, account.records.values()))


def test_records_made_behind_the_last_one_meanwhile_come_too(far: FarSide, client: NetSuiteClient) -> None:
    account = uniform(300)
    far.replying = account.reply
    pages = client.pages("x", ALL, page_rows=50, lanes=3)
    first = next(pages)
    newest = range(10**6, 10**6 + 400)
    account.records |= {each: (each,) for each in newest}

    rows = lines([first, *pages])

    assert [each for each, _ in rows if each >= 10**6] == list(newest)


def test_an_extract_with_a_limit_makes_one_call_at_a_time(far: FarSide, client: NetSuiteClient) -> None:
    account = uniform(300)
    far.replying = account.reply

    pages = list(client.pages("x", ALL, page_rows=50, lanes=4, limit=120))

    assert 120 <= len(lines(pages)) < 130
    assert [call.asked["action"] for call in far.calls] == ["page"] * 3
