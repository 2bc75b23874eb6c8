"""What two runs were sending at the same time: which of its versions Klaviyo got last nobody knows.

Where another run has delivered a record since a run began to read it, or somebody with its identity, or where
a run was killed while it sent what another had read later, the ledger can't be trusted, and nobody would look
again. Such a *raced* record is read once more by the first run on a schedule that begins when nothing of it
can be on its way any more. Such a run also ends the doubts (``flows/underway.py``) about what has been
delivered by a run that began to read well after it was sent.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.domains.model import Source
from netsuite_connector.flows import ledger
from netsuite_connector.flows.ledger import Ints
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.segments import AT
from netsuite_connector.flows.underway import (
    LASTS,
    RACED,
    Lines,
    Mask,
    folder_of,
    is_certain,
    is_in,
    lines_of,
    name_of,
    names_of,
    note_at,
    noted,
    write,
)

ARRIVES_WITHIN = 600 * 10**9
"""Nanoseconds after which what was sent has reached Klaviyo: a request waits for minutes at most before its
task gives up, and so do the jobs of the few records that a killed task had under way."""

_ABANDONED_AFTER = timedelta(days=1)  # after which nobody is still writing a note
_NONE: Ints = np.empty(0, dtype=np.int64)
_MOST = np.iinfo(np.int64).max
_NAMES = ["id", "sub", "fingerprint", "key_hash", ledger.READ.name, AT.name]


def note_raced(run: Run, source: Source) -> None:
    """Note which of the source's records any other run has delivered since this one began to read, before
    this one's own lines in the ledger hide it.
    """
    name = name_of(run, source)
    lines = None if is_certain(source) else lines_of(run, source, name)
    if lines is None:
        return
    raced = lines.where(_raced(run, source, lines))
    if len(raced.id):
        at, read = np.full_like(raced.at, time.time_ns()), np.full_like(raced.read, RACED)
        write(note_at(run, source, f"{name}-raced"), Lines(raced.id, raced.sub, at, read))


def raced_ids(run: Run) -> Ints:
    """The internal ids of raced records that the run must read again; and of those that have one of the
    identities that these were sent under.
    """
    found, identities = [_NONE], [_NONE]
    for source in run.domain.shaped:
        lines = noted(run, source)
        mine = lines.where(_read_again(run, lines, _compared(run, source, lines)))
        found.append(mine.id)
        identities.append(mine.sub)
    wanted = np.unique(np.concatenate(identities))
    for source in run.domain.shaped if run.domain.merge is not None and len(wanted) else ():
        for batch in ledger.read(run.ledger(source), ["id", "key_hash"]):
            named = batch.filter(batch.column("key_hash").is_valid())
            found.append(named.column("id").to_numpy()[is_in(ledger.numbers_of(named), wanted)])
    return np.unique(np.concatenate(found))


def prune(run: Run) -> None:
    """End the doubts that a run on a schedule, which has just ended well, has shown to be none any more."""
    shaped = {folder_of(run, source) for source in run.domain.shaped}
    sources = {folder_of(run, source): source for source in run.domain.delivered}
    for folder, source in sources.items():
        for name in names_of(run, source):
            lines = lines_of(run, source, name)
            if lines is None:
                _clear_away(run, source, name)
                continue
            compared = _compared(run, source, lines)
            done = compared.settled | (lines.at < time.time_ns() - LASTS)
            if folder in shaped:
                done |= _read_again(run, lines, compared)
            if done.all():
                note_at(run, source, name).remove()
            elif done.any():
                write(note_at(run, source, name), lines.where(~done))


@dataclass(frozen=True, slots=True)
class _Compared:
    """Which lines of notes have been ``raced``, and which are ``settled``, by the ledger."""

    raced: Mask
    settled: Mask


def _read_again(run: Run, lines: Lines, compared: _Compared) -> Mask:
    """Which lines the run reads again, or has."""
    return compared.raced & (lines.at + ARRIVES_WITHIN < (run.read_from or 0))


def _compared(run: Run, source: Source, lines: Lines) -> _Compared:
    if not len(lines.id):
        return _Compared(*(np.empty(0, dtype=np.bool_) for _ in range(2)))
    _, last, raced = _told(_records(run, source), lines.id, lines)
    settled = last > lines.at + ARRIVES_WITHIN
    if run.domain.merge is not None:
        # Of an identity that nobody has now, there is nothing to be sent.
        first, _, taken = _told(_identities(run), lines.sub, lines)
        raced |= taken
        settled &= first > lines.at + ARRIVES_WITHIN
    return _Compared(raced | (lines.read == RACED), settled)


def _raced(run: Run, source: Source, lines: Lines) -> Mask:
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
        raced |= is_in(lines.id, others(_records(run, source)))
    if run.domain.merge is not None and any(_others_wrote(run, each) for each in run.domain.shaped):
        raced |= is_in(lines.sub, others(_identities(run)))
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


def _told(known: Iterator[tuple[Ints, pa.RecordBatch]], keys: Ints, lines: Lines) -> tuple[Ints, Ints, Mask]:
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
        here = is_in(those, wanted)
        spots = np.searchsorted(wanted, those[here])
        reads = batch.column(ledger.READ.name).fill_null(0).to_numpy()[here]
        moments = batch.column(AT.name).to_numpy()[here]
        np.minimum.at(first, spots, reads)
        np.maximum.at(last, spots, reads)
        raced[spots[(reads > since[spots]) & (moments < until[spots])]] = True
    return first[places], last[places], raced[places]


def _clear_away(run: Run, source: Source, name: str) -> None:
    """Remove what is left of a note that was half written or removed, and that nobody touches any more."""
    place = (*folder_of(run, source), name)
    held = run.staging.held(place)
    if held and max(file.modified for file in held) < datetime.now(UTC) - _ABANDONED_AFTER:
        run.staging.remove(place)
