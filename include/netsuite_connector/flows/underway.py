"""What is on its way: noted before it is sent, until it is known what came of it.

A process may end after Klaviyo has got a record and before the ledger says so, and its run may never be gone
on with. Then nobody knows which version Klaviyo has: the ledger's, or the one that was on its way. Such a
record is *in doubt*: when it comes up it is sent whatever the ledger says, and if it is gone it is taken away
though the ledger may never have had it.

What is in doubt comes up by itself, but for what two runs were sending at the same time (``flows/raced.py``).
If it has not changed since it was read, Klaviyo has what it should; if it has, a run on a schedule finds
that, or real time does. Where rows are merged, all this holds of identities too.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from math import inf

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from netsuite_connector.domains.model import Source
from netsuite_connector.errors import MendError
from netsuite_connector.flows import ledger
from netsuite_connector.flows.ledger import Ints
from netsuite_connector.flows.run import Run
from netsuite_connector.staging.dataset import Dataset, PartGoneError

log = logging.getLogger(__name__)

LASTS = 30 * 86_400 * 10**9
"""Nanoseconds. What no run has settled by then has no flow any more, or is a person who was deleted."""

_SCHEMA = pa.schema([("id", pa.int64()), ("sub", pa.int64())])
# Facts of a note: when its run began to read, or that it tells of raced records; and when the try began to
# send. The document says when it was last known to be sending. All in nanoseconds since 1970.
_READ, _BEGAN, _LAST = "read", "began", "last.json"
RACED = -1
"""What the notes of raced records have for ``read``."""
_BEAT = 5.0  # seconds
_TRIES = 5
_NONE: Ints = np.empty(0, dtype=np.int64)
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
        found = is_in(records.column("id").to_numpy(), self.ids)
        if len(self.identities):
            found |= is_in(ledger.numbers_of(records), self.identities)
        return found


class Underway:
    """The note of a try to send a source's records."""

    def __init__(self, run: Run, source: Source) -> None:
        self._run = run
        self._source = source
        self._name = name_of(run, source)
        self._last = -inf

    def begin(self) -> None:
        """Note the records that are about to be sent."""
        records = self._run.dataset("records", self._source)
        if is_certain(self._source) or not records.require().rows:
            return
        # Where rows are merged, each identity that a record is sent under.
        merged = self._run.domain.merge is not None
        with note_at(self._run, self._source, self._name).writer(_SCHEMA) as writer:
            for batch in records.batches(["id", "key_hash" if merged else "sub"]):
                subs = pa.array(ledger.numbers_of(batch)) if merged else batch.column("sub")
                writer.write(pa.RecordBatch.from_arrays([batch.column("id"), subs], schema=_SCHEMA))
            writer.commit(**{_READ: self._run.read_from or 0, _BEGAN: time.time_ns()})

    def go_on(self) -> None:
        """Something is about to be sent: what others read before now may be newer than what Klaviyo gets."""
        if is_certain(self._source) or time.monotonic() < self._last + _BEAT:
            return
        self._last = time.monotonic()
        if note_at(self._run, self._source, self._name).manifest() is None:
            # It was settled, and now something is sent again.
            self.begin()
        place = (*folder_of(self._run, self._source), self._name, _LAST)
        self._run.staging.write_json(place, time.time_ns())

    def end(self) -> None:
        """What came of it is in the ledger."""
        if not is_certain(self._source):
            note_at(self._run, self._source, self._name).remove()


def in_doubt(run: Run, source: Source) -> Doubts:
    """What is in doubt of the source, or of the one whose ledger it shares."""
    if is_certain(source):
        return Doubts()
    identities = _NONE
    if run.domain.merge is not None:
        identities = np.concatenate([noted(run, each).sub for each in run.domain.shaped])
    return Doubts(np.unique(noted(run, source).id), np.unique(identities))


def sent_before(run: Run, source: Source, moment: int) -> pa.RecordBatch:
    """The (id, sub) in doubt that were sent before a moment, in nanoseconds since 1970, where rows are not
    merged; in order, once each.
    """
    assert run.domain.merge is None, "what is merged has identities"  # noqa: S101
    lines = noted(run, source)
    early = lines.where(lines.at < moment)
    pairs = np.unique(np.column_stack((early.id, early.sub)), axis=0)
    return pa.RecordBatch.from_arrays([pa.array(pairs[:, 0]), pa.array(pairs[:, 1])], schema=_SCHEMA)


def identities_of(run: Run, source: Source, ids: Ints) -> Ints:
    """What the identities in doubt are that records with these ids were sent under."""
    lines = noted(run, source)
    return lines.sub[np.isin(lines.id, ids)]


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of notes: see ``_SCHEMA``; when they were last being sent (``at``), and the runs' ``read``."""

    id: Ints
    sub: Ints
    at: Ints
    read: Ints

    def where(self, mask: Mask) -> Lines:
        """Those that the mask chooses."""
        return Lines(self.id[mask], self.sub[mask], self.at[mask], self.read[mask])


def noted(run: Run, source: Source) -> Lines:
    """The lines of all notes, less those that are too old."""
    oldest = time.time_ns() - LASTS
    found = [each for name in names_of(run, source) if (each := lines_of(run, source, name)) is not None]
    recent = [each for each in found if len(each.id) and each.at[0] > oldest]
    columns = ([getattr(each, name) for each in recent] for name in ("id", "sub", "at", "read"))
    return Lines(*(np.concatenate([_NONE, *each]) for each in columns))


def lines_of(run: Run, source: Source, name: str) -> Lines | None:
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


def _read(run: Run, source: Source, name: str) -> Lines | None:
    note = note_at(run, source, name)
    manifest = note.manifest()
    if manifest is None:
        return None
    table = pa.Table.from_batches(note.batches(manifest=manifest), _SCHEMA)
    last = run.staging.read_json((*folder_of(run, source), name, _LAST))
    columns = (table.column(each).to_numpy() for each in ("id", "sub"))
    at = max(manifest.facts[_BEGAN], last or 0)
    return Lines(*columns, *(np.full(table.num_rows, each) for each in (at, manifest.facts[_READ])))


def write(note: Dataset, lines: Lines) -> None:
    """Write a note anew, of lines that have the same ``at`` and ``read``."""
    with note.writer(_SCHEMA) as writer:
        writer.write(pa.RecordBatch.from_arrays([pa.array(lines.id), pa.array(lines.sub)], schema=_SCHEMA))
        writer.commit(**{_READ: int(lines.read[0]), _BEGAN: int(lines.at[0])})


def is_in(values: Ints, ordered: Ints) -> Mask:
    """Which values are among the ordered ones: quick where these are many and the values few."""
    if not len(ordered):
        return np.zeros(len(values), dtype=np.bool_)
    at = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    found: Mask = ordered[at] == values
    return found


def is_certain(source: Source) -> bool:
    """Events are the same event however often they are sent, and what has no ledger is always sent."""
    return source.once or source.always


def name_of(run: Run, source: Source) -> str:
    """The name of the run's own note."""
    return f"{run.read_from or 0}-{source.name}"


def names_of(run: Run, source: Source) -> list[str]:
    """The names of all notes of the source, or of the one whose ledger it shares."""
    return [] if is_certain(source) else run.staging.list(folder_of(run, source))


def note_at(run: Run, source: Source, name: str) -> Dataset:
    """The note of this name, whether it is there or not."""
    return run.staging.dataset(*folder_of(run, source), name)


def folder_of(run: Run, source: Source) -> tuple[str, ...]:
    """Where the source's notes lie."""
    name = source.ledger_of or source.name
    return (run.store.store, run.domain.flow, "underway", run.between, name)
