"""What is on its way: noted before it is sent, until it is known what came of it.

A process may end after Klaviyo has got a record and before the ledger says so, and its run may never be gone
on with. Then nobody knows which version Klaviyo has: the ledger's, or the one that was on its way. Such a
record is *in doubt*: when it comes up it is sent whatever the ledger says, and if it is gone it is taken away
though the ledger may never have had it.

Most of what is in doubt comes up by itself. If it has not changed since it was read, Klaviyo has what it
should; if it has, a run on a schedule finds that, or real time does. Only what another run had read later
and delivered *before* the older version was sent is nobody's any more: runs on a schedule read it again.

A run on a schedule ends the doubts about what has been delivered by a run that began to read well after it
was sent.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.domains.model import Source
from netsuite_connector.errors import MendError
from netsuite_connector.flows import ledger
from netsuite_connector.flows.ledger import Ints
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.segments import AT
from netsuite_connector.staging.dataset import Dataset

log = logging.getLogger(__name__)

ARRIVES_WITHIN = 600 * 10**9
"""Nanoseconds after which what was sent has reached Klaviyo: a request waits for minutes at most before its
task gives up, and so do the jobs of the few records that a killed task had under way."""

_LASTS = 30 * 86_400 * 10**9
"""Nanoseconds. What no run has settled by then has no flow any more, or is a person who was deleted."""

_ABANDONED_AFTER = 86_400 * 10**9  # nanoseconds after which nobody is still writing a note
_SCHEMA = pa.schema([("id", pa.int64()), ("sub", pa.int64())])
# Facts of a note: when its run began to read, and when it began to send. The document says when it was last
# known to be sending. All in nanoseconds since 1970.
_READ, _BEGAN, _LAST = "read", "began", "last.json"
_BEAT = 5.0  # seconds
_LINE = np.dtype([(name, "i8") for name in ("id", "sub", "at", "read")])
_NONE: Ints = np.empty(0, dtype=np.int64)
_MOST = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Doubts:
    """What is in doubt: internal ``ids``, and where rows are merged the ``identities`` that any source of the
    flow has sent something under, both in order.
    """

    ids: Ints = field(default_factory=_NONE.copy)
    identities: Ints = field(default_factory=_NONE.copy)

    def among(self, records: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """Which of the records, with the ledger's columns, are in doubt: themselves, or what their identity
        has at Klaviyo.
        """
        found = _is_in(records.column("id").to_numpy(), self.ids)
        if len(self.identities):
            found |= _is_in(ledger.numbers_of(records), self.identities)
        return found


class Underway:
    """The note of a try to send a source's records."""

    def __init__(self, run: Run, source: Source) -> None:
        self._run = run
        self._source = source
        self._place = (*_folder(run, source), f"{run.read_from or 0}-{source.name}")
        self._last = -inf

    def begin(self) -> None:
        """Note the records that are about to be sent."""
        if not _is_certain(self._source):
            batches = self._run.dataset("records", self._source).batches(self._columns)
            self._write(self._lines(batch) for batch in batches)

    def go_on(self) -> None:
        """Something is about to be sent: what others read before now may be newer than what Klaviyo gets."""
        if not _is_certain(self._source) and time.monotonic() >= self._last + _BEAT:
            self._run.staging.write_json((*self._place, _LAST), time.time_ns())
            self._last = time.monotonic()

    def end(self, overtaken: Ints) -> None:
        """What came of it is in the ledger, less what another run had read later and delivered meanwhile:
        which of both came last nobody knows.
        """
        if _is_certain(self._source):
            return
        if not len(overtaken):
            self._note.remove()
            return
        batches = self._run.dataset("records", self._source).batches(self._columns)
        left = (
            batch.filter(pa.array(np.isin(batch.column("id").to_numpy(), overtaken))) for batch in batches
        )
        self._write(self._lines(batch) for batch in left)

    def _write(self, lines: Iterator[pa.RecordBatch]) -> None:
        if not self._run.dataset("records", self._source).require().rows:
            return
        now = time.time_ns()
        with self._note.writer(_SCHEMA) as writer:
            for batch in lines:
                writer.write(batch)
            writer.commit(**{_READ: self._run.read_from or 0, _BEGAN: now})

    def _lines(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        # Where rows are merged, each identity that a record was sent under.
        merged = self._run.domain.merge is not None
        subs = pa.array(ledger.numbers_of(batch)) if merged else batch.column("sub")
        return pa.RecordBatch.from_arrays([batch.column("id"), subs], schema=_SCHEMA)

    @property
    def _columns(self) -> list[str]:
        return ["id", "sub" if self._run.domain.merge is None else "key_hash"]

    @property
    def _note(self) -> Dataset:
        return self._run.staging.dataset(*self._place)


def in_doubt(run: Run, source: Source) -> Doubts:
    """What is in doubt of the source, or of the one whose ledger it shares."""
    if _is_certain(source):
        return Doubts()
    identities = _NONE
    if run.domain.merge is not None:
        identities = np.concatenate([_noted(run, each)["sub"] for each in run.domain.shaped])
    return Doubts(np.unique(_noted(run, source)["id"]), np.unique(identities))


def sent_before(run: Run, source: Source, moment: int) -> pa.RecordBatch:
    """The (id, sub) in doubt that were sent before a moment, in nanoseconds since 1970, where rows are not
    merged; in order, once each.
    """
    assert run.domain.merge is None, "what is merged has identities"  # noqa: S101
    lines = _noted(run, source)
    early = lines[lines["at"] < moment]
    pairs = np.unique(np.column_stack((early["id"], early["sub"])), axis=0)
    return pa.RecordBatch.from_arrays([pa.array(pairs[:, 0]), pa.array(pairs[:, 1])], schema=_SCHEMA)


def overtaken_ids(run: Run) -> Ints:
    """The internal ids of records that another run had read later and delivered, maybe before an older
    version of them was sent; and of those that have one of the identities that these were sent under.
    """
    found, identities = [_NONE], [_NONE]
    for source in run.domain.shaped:
        lines = _noted(run, source)
        mine = lines[_compared(run, source, lines).overtaken] if len(lines) else lines
        found.append(mine["id"])
        identities.append(mine["sub"])
    wanted = np.unique(np.concatenate(identities))
    for source in run.domain.shaped if run.domain.merge is not None and len(wanted) else ():
        for batch in ledger.read(run.ledger(source), ["id", "key_hash"]):
            named = batch.filter(batch.column("key_hash").is_valid())
            found.append(named.column("id").to_numpy()[_is_in(ledger.numbers_of(named), wanted)])
    return np.unique(np.concatenate(found))


def prune(run: Run) -> None:
    """End the doubts that a run on a schedule, which has just ended well, has shown to be none any more."""
    sources = {_folder(run, source): source for source in run.domain.delivered}
    for source in sources.values():
        for name in _names(run, source):
            lines = _lines(run, source, name)
            if lines is None:
                _clear_away(run, source, name)
                continue
            compared = _compared(run, source, lines)
            # What it has read again because it had been overtaken, and what is too old for anybody to know.
            done = compared.settled | (
                compared.overtaken & (lines["at"] + ARRIVES_WITHIN < (run.read_from or 0))
            )
            done |= lines["at"] < time.time_ns() - _LASTS
            if done.all():
                _note(run, source, name).remove()
            elif done.any():
                _shorten(run, source, name, lines[~done])


@dataclass(frozen=True, slots=True)
class _Compared:
    """Which lines of notes have been ``overtaken``, and which are ``settled``, by the ledger."""

    overtaken: npt.NDArray[np.bool_]
    settled: npt.NDArray[np.bool_]


def _compared(run: Run, source: Source, lines: npt.NDArray[np.void]) -> _Compared:
    merged = run.domain.merge is not None
    names = ["id", "sub", "fingerprint", "key_hash", ledger.READ.name, AT.name]

    def of_records() -> Iterator[tuple[Ints, pa.RecordBatch]]:
        for batch in ledger.read(run.ledger(source), names):
            own = batch.filter(pc.equal(batch.column("sub"), 0)) if merged else batch
            yield own.column("id").to_numpy(), own

    def of_identities() -> Iterator[tuple[Ints, pa.RecordBatch]]:
        for each in run.domain.shaped:
            for batch in ledger.read(run.ledger(each), names):
                known = pc.and_(batch.column("fingerprint").is_valid(), batch.column("key_hash").is_valid())
                speaking = batch.filter(pc.and_(known, pc.equal(batch.column("sub"), 0)))
                yield ledger.numbers_of(speaking), speaking

    _, last, overtaken = _told(of_records(), lines["id"], lines)
    settled = last > lines["at"] + ARRIVES_WITHIN
    if merged:
        # Of an identity that nobody has now, there is nothing to be sent.
        first, _, taken = _told(of_identities(), lines["sub"], lines)
        overtaken |= taken
        settled &= first > lines["at"] + ARRIVES_WITHIN
    return _Compared(overtaken, settled)


def _told(
    known: Iterator[tuple[Ints, pa.RecordBatch]], keys: Ints, lines: npt.NDArray[np.void]
) -> tuple[Ints, Ints, npt.NDArray[np.bool_]]:
    """What the ledger's lines, each with its key, tell of the notes' lines with these keys: when the first
    and the last of their runs began to read, and whether one that read later may have been quicker.
    """
    wanted, places = np.unique(keys, return_inverse=True)
    since = np.full(len(wanted), _MOST)
    np.minimum.at(since, places, lines["read"])
    until = np.zeros(len(wanted), dtype=np.int64)
    np.maximum.at(until, places, lines["at"] + ARRIVES_WITHIN)
    first, last = np.full(len(wanted), _MOST), np.zeros(len(wanted), dtype=np.int64)
    overtaken = np.zeros(len(wanted), dtype=np.bool_)
    for those, batch in known:
        here = _is_in(those, wanted)
        spots = np.searchsorted(wanted, those[here])
        reads = batch.column(ledger.READ.name).fill_null(0).to_numpy()[here]
        moments = batch.column(AT.name).to_numpy()[here]
        np.minimum.at(first, spots, reads)
        np.maximum.at(last, spots, reads)
        overtaken[spots[(reads > since[spots]) & (moments < until[spots])]] = True
    return first[places], last[places], overtaken[places]


def _noted(run: Run, source: Source) -> npt.NDArray[np.void]:
    """The lines of all notes, less those that are too old."""
    found = [each for name in _names(run, source) if (each := _lines(run, source, name)) is not None]
    lines = np.concatenate([np.empty(0, dtype=_LINE), *found])
    return lines[lines["at"] > time.time_ns() - _LASTS]


def _lines(run: Run, source: Source, name: str) -> npt.NDArray[np.void] | None:
    """The lines of a note; None where it is not there as a whole, or can't be read."""
    note = _note(run, source, name)
    try:
        manifest = note.manifest()
        if manifest is None:
            return None
        table = pa.Table.from_batches(note.batches(manifest=manifest), _SCHEMA)
        last = run.staging.read_json((*_folder(run, source), name, _LAST))
    except MendError as error:
        # It was removed just now, or a disk has lost it: then it is as before there were notes.
        log.warning("What was being sent is not known: %s", error)
        return None
    lines = np.empty(table.num_rows, dtype=_LINE)
    lines["id"], lines["sub"] = (table.column(each).to_numpy() for each in ("id", "sub"))
    lines["at"] = max(manifest.facts[_BEGAN], last or 0)
    lines["read"] = manifest.facts[_READ]
    return lines


def _shorten(run: Run, source: Source, name: str, lines: npt.NDArray[np.void]) -> None:
    with _note(run, source, name).writer(_SCHEMA) as writer:
        columns = [pa.array(np.ascontiguousarray(lines[each])) for each in ("id", "sub")]
        writer.write(pa.RecordBatch.from_arrays(columns, schema=_SCHEMA))
        writer.commit(**{_READ: int(lines["read"][0]), _BEGAN: int(lines["at"][0])})


def _clear_away(run: Run, source: Source, name: str) -> None:
    """Remove what is left of a note that was half written or removed."""
    began = name.partition("-")[0]
    if began.isdigit() and int(began) < time.time_ns() - _ABANDONED_AFTER:
        run.staging.remove((*_folder(run, source), name))


def _is_in(values: Ints, ordered: Ints) -> npt.NDArray[np.bool_]:
    """Which values are among the ordered ones: quick where these are many and the values few."""
    if not len(ordered):
        return np.zeros(len(values), dtype=np.bool_)
    at = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    found: npt.NDArray[np.bool_] = ordered[at] == values
    return found


def _is_certain(source: Source) -> bool:
    """Events are the same event however often they are sent, and what has no ledger is always sent."""
    return source.once or source.always


def _names(run: Run, source: Source) -> list[str]:
    return [] if _is_certain(source) else run.staging.list(_folder(run, source))


def _note(run: Run, source: Source, name: str) -> Dataset:
    return run.staging.dataset(*_folder(run, source), name)


def _folder(run: Run, source: Source) -> tuple[str, ...]:
    name = source.ledger_of or source.name
    return (run.store.store, run.domain.flow, "underway", run.between, name)
