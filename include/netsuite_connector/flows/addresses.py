"""Addresses: the rows of the flow *consents*, from all records of an address to one decision about it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.domains.consents import MOMENT, RESTRICTIVE, STATUS, Status
from netsuite_connector.flows.guard import Noted, Why
from netsuite_connector.flows.ledger import key_hashes
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.watch import CLOCKS
from netsuite_connector.klaviyo.consent_state import ConsentState, MarketingConsent
from netsuite_connector.staging import rejected
from netsuite_connector.staging.dataset import Dataset
from netsuite_connector.stores.model import ConsentSettings

_UTC = pa.timestamp("us", tz="UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RANK = {status: rank for rank, status in enumerate(RESTRICTIVE)}
_OUT = _RANK[Status.SOFT_OUT]  # from here on it is an opt-out

BOOK = pa.schema(
    [
        ("source", pa.string()),
        ("id", pa.int64()),
        ("hash", pa.binary(16)),
        ("status", pa.int64()),
        ("moment", pa.int64()),
    ]
)
"""Every record's address, status and moment as last read: a window shows only the records that changed, and
one that did not may forbid what they allow. ``moment``: microseconds since 1970, -1 without one."""

DECISIONS = pa.schema(
    [
        ("source", pa.string()),
        ("id", pa.int64()),
        ("email", pa.string()),
        ("status", pa.int64()),
        ("moment", _UTC),
        ("rows", pa.int64()),
        ("decision", pa.string()),
        ("reasons", pa.list_(pa.string())),
    ]
)
"""One row an address: the first record that has it, and what all of them together say."""

GUARDED = "Opted out some time, in Klaviyo or NetSuite: never subscribed by an import"
_FORGOTTEN = "Asked to be forgotten: never subscribed by an import, nor suppressed"
_OPTED_OUT = "Opted out in NetSuite (soft or confirmed): never subscribed by an import"
_NOT_CONFIRMED = "Soft opt-in: only confirmed opt-ins are imported"


class Decision(StrEnum):
    """What is to be done about an address, or why nothing is."""

    IMPORT = "import"
    SUPPRESS = "suppress"
    SUBSCRIBED = "subscribed"
    ALREADY_OUT = "already out"
    GUARDED = "guarded"
    OPTED_OUT = "opted out"
    NOT_CONFIRMED = "not confirmed"


@dataclass(frozen=True, slots=True)
class Person:
    """An address of the window with what all of its records together say. ``rows`` of the window are
    accounted for by it; ``decision`` and ``reasons`` are there once it is decided about. ``opted_out_anew``:
    NetSuite's opt-out is none that was there, or as strict, when its records were last read.
    """

    source: str
    id: int
    email: str
    status: int
    moment: datetime | None
    rows: int
    decision: Decision | None = None
    reasons: tuple[str, ...] = ()
    opted_out_anew: bool = False

    @property
    def key(self) -> str:
        """What names it in documents and rejected rows."""
        return f"{self.source}-{self.id}"

    @property
    def opted_out_for_certain(self) -> bool:
        """Whether NetSuite has a confirmed opt-out of it, which is remembered for good."""
        return self.status == Status.CONFIRMED_OUT

    def concerns(self, settings: ConsentSettings) -> bool:
        """Whether its consent in Klaviyo has to be known."""
        return self.status == Status.CONFIRMED_IN or (self.status != Status.SOFT_IN and settings.suppress)

    def decide(  # noqa: PLR0911 - one for each end
        self, settings: ConsentSettings, state: ConsentState | None, noted: Sequence[Noted]
    ) -> tuple[Decision, tuple[str, ...]]:
        """What to do, with the reasons where that is nothing: ``state`` is what Klaviyo knows, ``noted``
        what the guard does.
        """
        if self.status == Status.SOFT_IN:
            return Decision.NOT_CONFIRMED, (_NOT_CONFIRMED,)
        if not self.concerns(settings):
            return Decision.OPTED_OUT, (_OPTED_OUT,)
        # Suppressing, too, would make them a profile again.
        if any(entry.why == Why.DELETION for entry in noted):
            return Decision.GUARDED, (_FORGOTTEN,)
        if self.status != Status.CONFIRMED_IN:
            if _came_back(state, noted):
                return Decision.SUBSCRIBED, ()
            already = state is not None and state.out_of_everything
            return (Decision.ALREADY_OUT if already else Decision.SUPPRESS), ()
        opted_out = state is not None and state.opted_out
        # Whoever said yes to Klaviyo again is left as they are, and counted as that.
        if state and state.consent is MarketingConsent.SUBSCRIBED and not opted_out:
            return Decision.SUBSCRIBED, ()
        return (Decision.GUARDED, (GUARDED,)) if noted or opted_out else (Decision.IMPORT, ())


def _came_back(state: ConsentState | None, noted: Sequence[Noted]) -> bool:
    """Whether they said yes to Klaviyo after NetSuite's opt-out was known, or after they were suppressed for
    it. Where the two clocks leave it open they did not.
    """
    if state is None or state.consent is not MarketingConsent.SUBSCRIBED or state.out_of_everything:
        return False
    # Before the guard remembered whom it has suppressed, only Klaviyo's suppression told of it.
    said_no = [each for each in noted if each.why == Why.NETSUITE] or [
        each for each in noted if each.why == "USER_SUPPRESSED"
    ]
    if state.changed_at is None or not said_no:
        return False
    return state.changed_at > max(each.at or each.seen for each in said_no) + CLOCKS


def book_of(run: Run) -> Dataset:
    """The book of the store's records."""
    return run.staging.dataset(run.store.store, run.domain.flow, "book", run.between)


def people(run: Run, keep: Mapping[str, Any]) -> Iterator[Person]:
    """The addresses of the window's valid rows, each once. With ``keep`` (facts) the book is brought up to
    date once all of them were taken: until then, a next try finds what was known before.

    Holds some 60 bytes for every record of the store, and the addresses of the window.
    """
    window, emails = _window(run)
    before = _before(run)
    book = _others(run, before)
    hashes = window.column("hash").combine_chunks().unique()
    codes = _codes(window, hashes)
    elsewhere = book.filter(pc.is_in(book.column("hash"), value_set=hashes))
    all_rows = pa.concat_tables([window, elsewhere])
    all_codes = np.concatenate([codes, _codes(elsewhere, hashes)])
    strictest = _strictest(all_rows, all_codes, len(hashes))
    same = before.filter(pc.is_in(before.column("hash"), value_set=hashes))
    anew = (strictest > _strictest(same, _codes(same, hashes), len(hashes))) & (strictest >= _OUT)
    moments = all_rows.column("moment").to_numpy()
    latest = np.full(len(hashes), -1, dtype=np.int64)
    np.maximum.at(latest, all_codes, moments)
    rows = np.bincount(codes, minlength=len(hashes))
    _, firsts = np.unique(codes, return_index=True)
    for code, first in enumerate(firsts.tolist()):
        moment = int(latest[code])
        yield Person(
            source=window.column("source")[first].as_py(),
            id=window.column("id")[first].as_py(),
            email=emails[first].as_py(),
            status=int(RESTRICTIVE[strictest[code]]),
            moment=None if moment < 0 else _EPOCH + timedelta(microseconds=moment),
            rows=int(rows[code]),
            opted_out_anew=bool(anew[code]),
        )
    if keep:
        with book_of(run).writer(BOOK) as writer:
            writer.write(book)
            writer.write(window)
            writer.commit(**keep)


def _strictest(rows: pa.Table, codes: npt.NDArray[np.int64], addresses: int) -> npt.NDArray[np.int64]:
    """For each address the place in ``RESTRICTIVE`` of what its rows say; the first where there are none."""
    ranks = np.array([0, *(_RANK[status] for status in sorted(Status))])[rows.column("status").to_numpy()]
    found = np.zeros(addresses, dtype=np.int64)
    np.maximum.at(found, codes, ranks)
    return found


def decided(
    portion: Sequence[Person], decisions: Iterable[tuple[Decision, tuple[str, ...]]]
) -> pa.RecordBatch:
    """The decisions about people as rows of :data:`DECISIONS`."""
    return pa.RecordBatch.from_pylist(
        [
            {
                "source": person.source,
                "id": person.id,
                "email": person.email,
                "status": person.status,
                "moment": person.moment,
                "rows": person.rows,
                "decision": decision,
                "reasons": reasons,
            }
            for person, (decision, reasons) in zip(portion, decisions, strict=True)
        ],
        schema=DECISIONS,
    )


def read_decided(dataset: Dataset, decision: Decision | None) -> Iterator[Person]:
    """The people with that decision about them, or all of them."""
    for batch in dataset.batches(batch_rows=10_000):
        for row in batch.to_pylist():
            if decision is None or row["decision"] == decision:
                what, reasons = Decision(row.pop("decision")), tuple(row.pop("reasons"))
                yield Person(**row, decision=what, reasons=reasons)


def refusals(portion: Iterable[tuple[Person, Sequence[str]]]) -> pa.RecordBatch:
    """People who are not imported, and why, as rejected rows."""
    lines = [
        {
            "stage": "confirm",
            "source": person.source,
            "id": person.id,
            "key": person.key,
            "reasons": list(reasons),
            "row": orjson.dumps({"email": person.email, STATUS: str(person.status)}).decode(),
        }
        for person, reasons in portion
    ]
    return pa.RecordBatch.from_pylist(lines, schema=rejected.SCHEMA)


def portions(everybody: Iterable[Person], size: int) -> Iterator[list[Person]]:
    """People in portions."""
    stream = iter(everybody)
    while portion := list(itertools.islice(stream, size)):
        yield portion


def _window(run: Run) -> tuple[pa.Table, pa.ChunkedArray]:
    """The valid rows of the window in the columns of the book, and their addresses."""
    tables, emails = [BOOK.empty_table()], [pa.array([], pa.string())]
    for source in run.domain.shaped:
        for batch in run.dataset("valid", source).batches(columns=["internalid", "email", STATUS, MOMENT]):
            lower = pc.utf8_lower(batch.column("email"))
            hashes = pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(16), len(lower), [None, pa.py_buffer(key_hashes(lower.to_pylist()))]
            )
            columns = [
                pa.repeat(pa.scalar(source.name), batch.num_rows),
                batch.column("internalid"),
                hashes,
                batch.column(STATUS).cast(pa.int64()),
                batch.column(MOMENT).cast(pa.int64()).fill_null(-1),
            ]
            tables.append(pa.Table.from_arrays(columns, schema=BOOK))
            emails.append(lower)
    return pa.concat_tables(tables), pa.chunked_array(emails)


def _before(run: Run) -> pa.Table:
    """The book as it was left."""
    book = book_of(run)
    if book.manifest() is None:
        return BOOK.empty_table()
    return pa.Table.from_batches(list(book.batches()), BOOK)


def _others(run: Run, table: pa.Table) -> pa.Table:
    """The book less the records that were read now, or deleted."""
    if run.whole:
        return BOOK.empty_table()
    for source in run.domain.shaped:
        ids = _ids(run.dataset("extract", source))
        if run.dataset("deleted", source).manifest() is not None:
            ids += _ids(run.dataset("deleted", source))
        stale = pc.and_(
            pc.equal(table.column("source"), source.name),
            pc.is_in(table.column("id"), value_set=pa.array(ids, pa.int64())),
        )
        table = table.filter(pc.invert(stale))
    return table


def _ids(dataset: Dataset) -> list[int]:
    return [id_ for batch in dataset.batches(columns=["internalid"]) for id_ in batch.column(0).to_pylist()]


def _codes(table: pa.Table, hashes: pa.Array) -> npt.NDArray[np.int64]:
    """The place of each row's address among ``hashes``."""
    codes: npt.NDArray[np.int64] = (
        pc.index_in(table.column("hash"), value_set=hashes).cast(pa.int64()).to_numpy()
    )
    return codes
