"""The order book: what it tells does not depend on the order in which windows were read."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsuite_connector.domains.fulfilments import FULFILMENTS
from netsuite_connector.domains.model import Source
from netsuite_connector.domains.order_flow import DOMAIN, LINKS
from netsuite_connector.domains.orders import ORDERS
from netsuite_connector.domains.refunds import REFUNDS
from netsuite_connector.flows import ledger
from netsuite_connector.flows.book import Book
from netsuite_connector.flows.run import Run
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_stores
from netsuite_connector.window import Window

START = datetime(2026, 1, 1, tzinfo=UTC)
MADE = pa.schema([("internalid", pa.int64()), ("createdfrom", pa.string()), ("total", pa.float64())])
ORDER = pa.schema(
    [
        ("internalid", pa.int64()),
        ("tranid", pa.string()),
        ("datecreated", pa.timestamp("s", tz="UTC")),
        ("total", pa.float64()),
        ("customermain.email", pa.string()),
        ("website", pa.string()),
        ("website__text", pa.string()),
    ]
)
Row = dict[str, Any]


class Account:
    """Runs one after the other over rows of one's own."""

    def __init__(self, folder: Path | str) -> None:
        self._staging = Staging(str(folder))
        self._runs = 0

    def run(
        self,
        orders: list[Row] | None = None,
        links: list[Row] | None = None,
        fulfilments: list[Row] | None = None,
        refunds: list[Row] | None = None,
        *,
        dry_run: bool = False,
    ) -> Book:
        """The book after a run that read these rows."""
        self._runs += 1
        end = (START + timedelta(days=self._runs)).strftime("%Y-%m-%dT%H:%M:%SZ")
        run = Run(load_stores()[0], DOMAIN, Window.parse(None, end), self._staging, dry_run=dry_run)
        _write(run, "valid", ORDERS, ORDER, orders)
        _write(run, "extract", LINKS, MADE, links)
        _write(run, "valid", FULFILMENTS, MADE, fulfilments)
        _write(run, "valid", REFUNDS, MADE, refunds)
        book = Book(run)
        book.update()
        return book


def _write(run: Run, stage: str, source: Source, schema: pa.Schema, rows: list[Row] | None) -> None:
    lines = sorted(rows or [], key=lambda row: row["internalid"])
    with run.dataset(stage, source).writer(schema) as writer:
        writer.write(pa.RecordBatch.from_pylist(lines, schema=schema))
        writer.commit()


def order(
    id_: int, email: str = "jane@shop.example", website: int | None = 1, day: int = 0, **more: Any
) -> Row:
    return {
        "internalid": id_,
        "tranid": f"SO{id_}",
        "datecreated": START + timedelta(days=day),
        "total": 100.0,
        "customermain.email": email,
        "website": None if website is None else str(website),
        "website__text": None if website is None else f"Site {website}",
    } | more


def made(id_: int, of: int | None, total: float = 0.0) -> Row:
    return {"internalid": id_, "createdfrom": None if of is None else str(of), "total": total}


def told(book: Book) -> dict[str, Row]:
    rows = [row for batch in book.storefronts() for row in batch.to_pylist()]
    assert [row["address"] for row in rows] == sorted({row["address"] for row in rows})
    return {row.pop("email"): {key: row[key] for key in row if key != "address"} for row in rows}


def reckoned(orders: list[Row]) -> dict[str, Row]:
    """The same in the plainest way."""
    found = {}
    for email in {each["customermain.email"].lower() for each in orders}:
        mine = sorted(
            (each for each in orders if each["customermain.email"].lower() == email),
            key=lambda each: (each["datecreated"], each["internalid"]),
        )
        sited = [each for each in mine if each["website"]]
        found[email] = {
            "original_id": int(sited[0]["website"]) if sited else None,
            "original": sited[0]["website__text"] if sited else None,
            "websites": sorted({int(each["website"]) for each in sited}),
            "first": mine[0]["datecreated"],
            "last": mine[-1]["datecreated"],
        }
    return found


orders_ = st.lists(
    st.builds(
        order,
        st.integers(1, 60),
        st.sampled_from(["a@x.example", "b@x.example", "B@x.example"]),
        st.sampled_from([None, 1, 2, 3]),
        st.integers(0, 5),
    ),
    min_size=1,
    max_size=14,
    unique_by=lambda row: row["internalid"],
)


@settings(max_examples=20, deadline=None)
@given(orders_, st.data())
def test_windows_in_any_order_tell_the_same_storefronts(orders: list[Row], data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, 3), min_size=len(orders), max_size=len(orders)))
    sequence = data.draw(st.permutations(range(4)))
    again = data.draw(st.integers(0, 3))
    account = Account(f"memory://{uuid.uuid4()}")
    profiles: dict[str, Row] = {}
    for window in [*sequence, again]:
        profiles |= told(account.run([row for row, cut in zip(orders, cuts, strict=True) if cut == window]))
    assert profiles == reckoned(orders)


def test_an_order_that_comes_again_is_the_same_order(tmp_path: Path) -> None:
    account = Account(tmp_path)
    account.run([order(1, website=1, day=3), order(2, website=2, day=4)])
    book = account.run([order(1, website=3, day=3)])
    assert told(book)["jane@shop.example"]["websites"] == [2, 3], "its website was corrected"


def refunds_of(book: Book) -> dict[int, Row]:
    return {row.pop("internalid"): row for batch in book.refunded() for row in batch.to_pylist()}


def test_a_refund_finds_its_order_over_runs_and_steps(tmp_path: Path) -> None:
    account = Account(tmp_path)
    account.run([order(1)])
    account.run(links=[made(20, 1), made(30, 20)])
    book = account.run(
        refunds=[made(40, 30, -25.0), made(41, 1, 25.0), made(42, 99, 5.0), made(43, None, 5.0)]
    )
    shared = {"order": 1, "number": "SO1", "total": 100.0, "whole": False}
    assert refunds_of(book) == {40: shared | {"refunded": 25.0}, 41: shared | {"refunded": 50.0}}


@settings(max_examples=15, deadline=None)
@given(st.permutations([(40, 30.0), (41, 30.0), (42, 40.0), (43, 10.0)]), st.integers(1, 4))
def test_one_refund_makes_an_order_whole_whatever_comes_first(
    refunds: list[tuple[int, float]], size: int
) -> None:
    delivered: dict[int, Row] = {}
    account = Account(f"memory://{uuid.uuid4()}")
    account.run([order(1)])
    for start in range(0, len(refunds), size):
        rows = [made(id_, 1, -total) for id_, total in refunds[start : start + size]]
        book = account.run(refunds=rows)
        found = refunds_of(book)
        assert refunds_of(book) == found, "a stage that runs again comes to the same"
        delivered |= found
        _deliver(book.run, sorted(found))
    whole = [row for row in delivered.values() if row["whole"]]
    assert len(delivered) == len(refunds)
    assert len(whole) == 1
    assert whole[0]["refunded"] >= 100.0


def _deliver(
    run: Run, ids: list[int], source: Source = REFUNDS, hashes: list[bytes | None] | None = None
) -> None:
    count = len(ids)
    lines = pa.RecordBatch.from_arrays(
        [
            pa.array(ids, pa.int64()),
            *(pa.array([0] * count, pa.int64()) for _ in range(2)),
            pa.array(hashes or [None] * count, pa.binary(16)),
            pa.nulls(count, pa.int64()),
        ],
        schema=ledger.SCHEMA,
    )
    ledger.update(run.ledger(source), iter([lines]))


def deliver_fulfilments(book: Book, ids: list[int], *, shipped: bool) -> list[int]:
    """Deliver these fulfilments; gives those that complete their orders, which are or are not ``shipped``."""
    last = {row["internalid"]: row["order"] for batch in book.last_fulfilments() for row in batch.to_pylist()}
    whole = [id_ for id_ in ids if shipped and id_ in last]
    keys = [f"netsuite-{last[id_]}-fulfilled" if id_ in whole else f"netsuite-{id_}" for id_ in ids]
    _deliver(book.run, ids, FULFILMENTS, [ledger.key_hashes([key]) for key in keys])
    return whole


def test_the_last_fulfilment_of_an_order_is_the_last_ever_read(tmp_path: Path) -> None:
    account = Account(tmp_path)
    account.run([order(1), order(2, total=50.0)], fulfilments=[made(12, 1), made(13, 2)])
    book = account.run(fulfilments=[made(11, 1), made(14, 2), made(15, 7)])
    rows = {row["internalid"]: row["total"] for batch in book.last_fulfilments() for row in batch.to_pylist()}
    assert list(rows) == [12, 14, 15]
    assert (rows[12], rows[14]) == (100.0, 50.0)
    assert rows[15] != rows[15], "an order that nobody knows has no total"


@settings(max_examples=15, deadline=None)
@given(st.permutations([11, 12, 13, 14]), st.integers(1, 4))
def test_the_parcel_that_leaves_last_completes_its_order_whatever_its_id(
    parcels: list[int], size: int
) -> None:
    account = Account(f"memory://{uuid.uuid4()}")
    account.run([order(1), order(2)], fulfilments=[made(20, 2)])
    whole = []
    for start in range(0, len(parcels), size):
        leave = sorted(parcels[start : start + size])
        book = account.run(fulfilments=[made(id_, 1) for id_ in leave])
        whole += deliver_fulfilments(book, leave, shipped=start + size >= len(parcels))
    assert whole == [max(leave)]
    # A parcel that turns up later is one more part.
    book = account.run(fulfilments=[made(15, 1), made(10, 1)])
    assert deliver_fulfilments(book, [10, 15], shipped=True) == []


@settings(max_examples=15, deadline=None)
@given(st.permutations([11, 12, 13, 14]), st.integers(1, 4))
def test_of_parcels_that_are_all_known_the_last_completes_its_order_whatever_window_is_delivered_first(
    parcels: list[int], size: int
) -> None:
    account = Account(f"memory://{uuid.uuid4()}")
    windows = [sorted(parcels[start : start + size]) for start in range(0, len(parcels), size)]
    books = [account.run([order(1)], fulfilments=[made(id_, 1) for id_ in window]) for window in windows]
    whole = []
    for book, window in zip(books, windows, strict=True):
        whole += deliver_fulfilments(book, window, shipped=True)
    assert whole == [14]


def test_of_parcels_that_were_delivered_without_a_note_the_last_had_completed_its_order(
    tmp_path: Path,
) -> None:
    account = Account(tmp_path)
    book = account.run([order(1), order(2)], fulfilments=[made(11, 1), made(12, 1), made(21, 2)])
    _deliver(book.run, [11, 12, 21], FULFILMENTS)
    book = account.run(fulfilments=[made(10, 1), made(22, 2)])
    assert deliver_fulfilments(book, [10, 22], shipped=True) == [22]


ROW = pa.schema([("internalid", pa.int64()), ("tranid", pa.string()), ("total", pa.float64())])
LINK_ROW = pa.schema([("internalid", pa.int64()), ("createdfrom", pa.string())])


def learn(book: Book, ids: list[int], links: dict[int, int]) -> None:
    orders = [{"internalid": id_, "tranid": f"SO{id_}", "total": 40.0} for id_ in ids for _ in "12"]
    made_from = [{"internalid": id_, "createdfrom": str(of)} for id_, of in links.items()]
    book.learn(
        [pa.RecordBatch.from_pylist(orders, schema=ROW)],
        [pa.RecordBatch.from_pylist(made_from, schema=LINK_ROW)],
    )


def test_an_order_that_others_refer_to_tells_its_total_and_nothing_of_storefronts(tmp_path: Path) -> None:
    account = Account(tmp_path)
    book = account.run([order(2, day=3)], fulfilments=[made(11, 1)], refunds=[made(12, 7, -40.0)])
    asked = np.array([1, 2, 3, 7], dtype=np.int64)
    assert [each.tolist() for each in book.origins(asked)] == [[2], [0]]
    learn(book, [1, 3], {7: 1})
    assert [each.tolist() for each in book.origins(asked)] == [[1, 2, 3, 7], [0, 0, 0, 1]]
    [parcel] = [row for batch in book.last_fulfilments() for row in batch.to_pylist()]
    assert parcel["total"] == 40.0
    refund = refunds_of(book)[12]
    assert (refund["order"], refund["number"], refund["whole"]) == (1, "SO1", True)
    assert told(book)["jane@shop.example"]["first"] == START + timedelta(days=3)


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_a_run_has_read_of_an_order_stays_when_others_refer_to_it(
    tmp_path: Path,
    dry_run: bool,  # noqa: FBT001
) -> None:
    account = Account(tmp_path)
    account.run([order(1, website=3)])
    book = account.run([order(2, day=2)], fulfilments=[made(11, 1)], dry_run=dry_run)
    learn(book, [1], {})
    [parcel] = [row for batch in book.last_fulfilments() for row in batch.to_pylist()]
    assert parcel["total"] == 100.0
    assert told(book)["jane@shop.example"]["websites"] == [1, 3]


def test_what_is_booked_does_not_go_over_what_is_newer(tmp_path: Path) -> None:
    account = Account(tmp_path)
    window = account.run([order(1, website=1)])
    account.run([order(1, website=2)])
    window.update(booked=True)
    assert told(window)["jane@shop.example"]["websites"] == [2]
    window.update()
    assert told(window)["jane@shop.example"]["websites"] == [1], "as it was read, hours ago"


def test_a_dry_run_leaves_nothing_behind(tmp_path: Path) -> None:
    account = Account(tmp_path)
    account.run([order(1, day=3)])
    dry = account.run([order(2, website=2, day=1)], dry_run=True)
    assert told(dry)["jane@shop.example"]["original_id"] == 2, "it sees what it would come to"
    after = account.run([order(3, website=3, day=4)])
    assert told(after)["jane@shop.example"]["original_id"] == 1


def test_no_address_stands_in_the_book(tmp_path: Path) -> None:
    Account(tmp_path).run([order(1)])
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and "book" in path.parts]
    assert kept
    assert not any(b"jane" in path.read_bytes() for path in kept)
    (book,) = tmp_path.rglob("book")
    lines = [column for path in book.rglob("*.parquet") for column in pa.parquet.read_schema(path).names]
    assert "address" in lines
    assert "email" not in lines
