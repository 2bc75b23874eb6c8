"""What is on its way: noted before it is sent, until it is known what came of it.

A process may end after Klaviyo has got a record and before the ledger says so, and its run may never be gone
on with. Then nobody knows which version Klaviyo has: the ledger's, or the one that was on its way. Such a
record is *in doubt*: when it comes up it is sent whatever the ledger says, and if it is gone it is taken away
though the ledger may never have had it.

What is in doubt comes up by itself. If it has not changed since it was read, Klaviyo has what it should; if
it has, a run on a schedule finds that, or real time does. Only where two runs had a record at the same time
it may be the older version that was sent last, and nobody would look again: such a *raced* record is read
once more by a run on a schedule that begins when nothing of it can be on its way any more. Where rows are
merged, all this holds of identities too.

A run on a schedule ends the doubts about what has been delivered by a run that began to read well after it
was sent.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
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
from netsuite_connector.staging.dataset import Dataset, PartGoneError

log = logging.getLogger(__name__)

ARRIVES_WITHIN = 600 * 10**9
"""Nanoseconds after which what was sent has reached Klaviyo: a request waits for minutes at most before its
task gives up, and so do the jobs of the few records that a killed task had under way."""

_LASTS = 30 * 86_400 * 10**9
"""Nanoseconds. What no run has settled by then has no flow any more, or is a person who was deleted."""

_ABANDONED_AFTER = timedelta(days=1)  # after which nobody is still writing a note
_SCHEMA = pa.schema([("id", pa.int64()), ("sub", pa.int64())])
# Facts of a note: when its run began to read, or that it tells of raced records; and when the try began to
# send. The document says when it was last known to be sending. All in nanoseconds since 1970.
_READ, _BEGAN, _LAST = "read", "began", "last.json"
_RACED = -1
_BEAT = 5.0  # seconds
_TRIES = 5
_NONE: Ints = np.empty(0, dtype=np.int64)
_MOST = np.iinfo(np.int64).max
_NAMES = ["id", "sub", "fingerprint", "key_hash", ledger.READ.name, AT.name]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Doubts:
    """What is in doubt: internal ``ids``, and where rows are merged the ``identities`` that any source of the
    flow has sent something under, both in order.
    """

    ids: Ints = field(default_factory=_NONE.copy)
    identities: Ints = field(default_factory=_NONE.copy)

    def among(self, records: pa.RecordBatch) -> Mask:
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
        self._name = f"{run.read_from or 0}-{source.name}"
        self._last = -inf

    def begin(self) -> None:
        """Note the records that are about to be sent."""
        records = self._run.dataset("records", self._source)
        if _is_certain(self._source) or not records.require().rows:
            return
        # Where rows are merged, each identity that a record is sent under.
        merged = self._run.domain.merge is not None
        with _note(self._run, self._source, self._name).writer(_SCHEMA) as writer:
            for batch in records.batches(["id", "key_hash" if merged else "sub"]):
                subs = pa.array(ledger.numbers_of(batch)) if merged else batch.column("sub")
                writer.write(pa.RecordBatch.from_arrays([batch.column("id"), subs], schema=_SCHEMA))
            writer.commit(**{_READ: self._run.read_from or 0, _BEGAN: time.time_ns()})

    def go_on(self) -> None:
        """Something is about to be sent: what others read before now may be newer than what Klaviyo gets."""
        if _is_certain(self._source) or time.monotonic() < self._last + _BEAT:
            return
        self._last = time.monotonic()
        if _note(self._run, self._source, self._name).manifest() is None:
            # It was settled, and now something is sent again.
            self.begin()
        place = (*_folder(self._run, self._source), self._name, _LAST)
        self._run.staging.write_json(place, time.time_ns())

    def note_raced(self) -> None:
        """Note what any other run has delivered since this one began to read, before this one's own lines in
        the ledger hide it.
        """
        lines = None if _is_certain(self._source) else _lines_of(self._run, self._source, self._name)
        if lines is None:
            return
        raced = lines.where(_raced(self._run, self._source, lines))
        if len(raced.id):
            at, read = np.full_like(raced.at, time.time_ns()), np.full_like(raced.read, _RACED)
            note = _note(self._run, self._source, f"{self._name}-raced")
            _write(note, _Lines(raced.id, raced.sub, at, read))

    def end(self) -> None:
        """What came of it is in the ledger."""
        if not _is_certain(self._source):
            _note(self._run, self._source, self._name).remove()


def in_doubt(run: Run, source: Source) -> Doubts:
    """What is in doubt of the source, or of the one whose ledger it shares."""
    if _is_certain(source):
        return Doubts()
    identities = _NONE
    if run.domain.merge is not None:
        identities = np.concatenate([_noted(run, each).sub for each in run.domain.shaped])
    return Doubts(np.unique(_noted(run, source).id), np.unique(identities))


def sent_before(run: Run, source: Source, moment: int) -> pa.RecordBatch:
    """The (id, sub) in doubt that were sent before a moment, in nanoseconds since 1970, where rows are not
    merged; in order, once each.
    """
    assert run.domain.merge is None, "what is merged has identities"  # noqa: S101
    lines = _noted(run, source)
    early = lines.where(lines.at < moment)
    pairs = np.unique(np.column_stack((early.id, early.sub)), axis=0)
    return pa.RecordBatch.from_arrays([pa.array(pairs[:, 0]), pa.array(pairs[:, 1])], schema=_SCHEMA)


def identities_of(run: Run, source: Source, ids: Ints) -> Ints:
    """What the identities in doubt are that records with these ids were sent under."""
    lines = _noted(run, source)
    return lines.sub[np.isin(lines.id, ids)]


def raced_ids(run: Run) -> Ints:
    """The internal ids of raced records that the run must read again; and of those that have one of the
    identities that these were sent under.
    """
    found, identities = [_NONE], [_NONE]
    for source in run.domain.shaped:
        lines = _noted(run, source)
        mine = lines.where(_read_again(run, lines, _compared(run, source, lines)))
        found.append(mine.id)
        identities.append(mine.sub)
    wanted = np.unique(np.concatenate(identities))
    for source in run.domain.shaped if run.domain.merge is not None and len(wanted) else ():
        for batch in ledger.read(run.ledger(source), ["id", "key_hash"]):
            named = batch.filter(batch.column("key_hash").is_valid())
            found.append(named.column("id").to_numpy()[_is_in(ledger.numbers_of(named), wanted)])
    return np.unique(np.concatenate(found))


def prune(run: Run) -> None:
    """End the doubts that a run on a schedule, which has just ended well, has shown to be none any more."""
    shaped = {_folder(run, source) for source in run.domain.shaped}
    sources = {_folder(run, source): source for source in run.domain.delivered}
    for folder, source in sources.items():
        for name in _names(run, source):
            lines = _lines_of(run, source, name)
            if lines is None:
                _clear_away(run, source, name)
                continue
            compared = _compared(run, source, lines)
            done = compared.settled | (lines.at < time.time_ns() - _LASTS)
            if folder in shaped:
                done |= _read_again(run, lines, compared)
            if done.all():
                _note(run, source, name).remove()
            elif done.any():
                _write(_note(run, source, name), lines.where(~done))


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines of notes: see ``_SCHEMA``; when they were last being sent (``at``), and the runs' ``read``."""

    id: Ints
    sub: Ints
    at: Ints
    read: Ints

    def where(self, mask: Mask) -> _Lines:
        return _Lines(self.id[mask], self.sub[mask], self.at[mask], self.read[mask])


@dataclass(frozen=True, slots=True)
class _Compared:
    """Which lines of notes have been ``raced``, and which are ``settled``, by the ledger."""

    raced: Mask
    settled: Mask


def _read_again(run: Run, lines: _Lines, compared: _Compared) -> Mask:
    """Which lines the run reads again, or has."""
    return compared.raced & (lines.at + ARRIVES_WITHIN < (run.read_from or 0))


def _compared(run: Run, source: Source, lines: _Lines) -> _Compared:
    if not len(lines.id):
        return _Compared(*(np.empty(0, dtype=np.bool_) for _ in range(2)))
    _, last, raced = _told(_records(run, source), lines.id, lines)
    settled = last > lines.at + ARRIVES_WITHIN
    if run.domain.merge is not None:
        # Of an identity that nobody has now, there is nothing to be sent.
        first, _, taken = _told(_identities(run), lines.sub, lines)
        raced |= taken
        settled &= first > lines.at + ARRIVES_WITHIN
    return _Compared(raced | (lines.read == _RACED), settled)


def _raced(run: Run, source: Source, lines: _Lines) -> Mask:
    """Which lines of the run's own note another run has delivered since this one began to read."""
    mine = run.read_from or 0

    def others(known: Iterator[tuple[Ints, pa.RecordBatch]]) -> Ints:
        found = [_NONE]
        for keys, batch in known:
            reads = batch.column(ledger.READ.name).fill_null(0).to_numpy()
            found.append(keys[(reads != mine) & (batch.column(AT.name).to_numpy() > mine)])
        return np.unique(np.concatenate(found))

    raced = np.zeros(len(lines.id), dtype=np.bool_)
    if _others_wrote(run, source):
        raced |= _is_in(lines.id, others(_records(run, source)))
    if run.domain.merge is not None and any(_others_wrote(run, each) for each in run.domain.shaped):
        raced |= _is_in(lines.sub, others(_identities(run)))
    return raced


def _others_wrote(run: Run, source: Source) -> bool:
    """Whether another run may have since this one began to read: if not, the ledger need not be read."""
    mine, segments = run.read_from or 0, run.ledger(source).segments
    return segments.written_since(mine) and any(
        segment.at > mine and not str(segment.manifest.facts.get("run", "")).startswith(f"{run.key} ")
        for segment in segments.standing()
    )


def _records(run: Run, source: Source) -> Iterator[tuple[Ints, pa.RecordBatch]]:
    """The ledger's lines by internal id, less those about an identity from before."""
    for batch in ledger.read(run.ledger(source), _NAMES):
        own = batch if run.domain.merge is None else batch.filter(pc.equal(batch.column("sub"), 0))
        yield own.column("id").to_numpy(), own


def _identities(run: Run) -> Iterator[tuple[Ints, pa.RecordBatch]]:
    """The ledgers' lines of those that speak for an identity, by its number."""
    for source in run.domain.shaped:
        for batch in ledger.read(run.ledger(source), _NAMES):
            known = pc.and_(batch.column("fingerprint").is_valid(), batch.column("key_hash").is_valid())
            speaking = batch.filter(pc.and_(known, pc.equal(batch.column("sub"), 0)))
            yield ledger.numbers_of(speaking), speaking


def _told(known: Iterator[tuple[Ints, pa.RecordBatch]], keys: Ints, lines: _Lines) -> tuple[Ints, Ints, Mask]:
    """What the ledger's lines, each with its key, tell of the notes' lines with these keys: when the first
    and the last of their runs began to read, and whether one that read later may have been sent before.
    """
    wanted, places = np.unique(keys, return_inverse=True)
    since = np.full(len(wanted), _MOST)
    np.minimum.at(since, places, lines.read)
    until = np.zeros(len(wanted), dtype=np.int64)
    np.maximum.at(until, places, lines.at + ARRIVES_WITHIN)
    first, last = np.full(len(wanted), _MOST), np.zeros(len(wanted), dtype=np.int64)
    raced = np.zeros(len(wanted), dtype=np.bool_)
    for those, batch in known:
        here = _is_in(those, wanted)
        spots = np.searchsorted(wanted, those[here])
        reads = batch.column(ledger.READ.name).fill_null(0).to_numpy()[here]
        moments = batch.column(AT.name).to_numpy()[here]
        np.minimum.at(first, spots, reads)
        np.maximum.at(last, spots, reads)
        raced[spots[(reads > since[spots]) & (moments < until[spots])]] = True
    return first[places], last[places], raced[places]


def _noted(run: Run, source: Source) -> _Lines:
    """The lines of all notes, less those that are too old."""
    oldest = time.time_ns() - _LASTS
    found = [each for name in _names(run, source) if (each := _lines_of(run, source, name)) is not None]
    recent = [each for each in found if len(each.id) and each.at[0] > oldest]
    columns = ([getattr(each, name) for each in recent] for name in ("id", "sub", "at", "read"))
    return _Lines(*(np.concatenate([_NONE, *each]) for each in columns))


def _lines_of(run: Run, source: Source, name: str) -> _Lines | None:
    """The lines of a note; None where it is not there as a whole, or can't be read."""
    for _ in range(_TRIES):
        try:
            return _read(run, source, name)
        except PartGoneError:
            continue  # it was written anew, or removed
        except MendError as error:
            # A disk has lost it: then it is as before there were notes.
            log.warning("What was being sent is not known: %s", error)
            return None
    log.warning("What %s says is being sent is not known: it is gone.", name)
    return None


def _read(run: Run, source: Source, name: str) -> _Lines | None:
    note = _note(run, source, name)
    manifest = note.manifest()
    if manifest is None:
        return None
    table = pa.Table.from_batches(note.batches(manifest=manifest), _SCHEMA)
    last = run.staging.read_json((*_folder(run, source), name, _LAST))
    columns = (table.column(each).to_numpy() for each in ("id", "sub"))
    at = max(manifest.facts[_BEGAN], last or 0)
    return _Lines(*columns, *(np.full(table.num_rows, each) for each in (at, manifest.facts[_READ])))


def _write(note: Dataset, lines: _Lines) -> None:
    with note.writer(_SCHEMA) as writer:
        writer.write(pa.RecordBatch.from_arrays([pa.array(lines.id), pa.array(lines.sub)], schema=_SCHEMA))
        writer.commit(**{_READ: int(lines.read[0]), _BEGAN: int(lines.at[0])})


def _clear_away(run: Run, source: Source, name: str) -> None:
    """Remove what is left of a note that was half written or removed, and that nobody touches any more."""
    place = (*_folder(run, source), name)
    held = run.staging.held(place)
    if held and max(file.modified for file in held) < datetime.now(UTC) - _ABANDONED_AFTER:
        run.staging.remove(place)


def _is_in(values: Ints, ordered: Ints) -> Mask:
    """Which values are among the ordered ones: quick where these are many and the values few."""
    if not len(ordered):
        return np.zeros(len(values), dtype=np.bool_)
    at = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    found: Mask = ordered[at] == values
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
