"""The list of rejected rows: what a flow could not deliver and somebody has to mend.

A line stands for a NetSuite record of a source, and holds every row of it that is rejected, with its reasons.
A run that has read a record again replaces its line, with an empty one when all of its rows have passed; runs
that end at once each add their own lines, and of several lines of a record the one counts whose run began to
read last (``flows/segments.py``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain, islice, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.domains.model import Source
from netsuite_connector.errors import MendError
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.segments import Segments
from netsuite_connector.staging.dataset import Dataset
from netsuite_connector.staging.manifest import Manifest
from netsuite_connector.staging.staging import Staging
from netsuite_connector.window import Window

ROUND_ROWS = 20_000
"""Rejected rows that are held at once; more take more rounds over staging, not more memory."""

_BATCH = 1_000
FOLDER = "rejections"
_INTERNAL_ID = "internalid"
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1
_ROW = pa.struct(
    [
        ("stage", pa.string()),
        ("key", pa.string()),
        ("reasons", pa.list_(pa.string())),
        ("row", pa.string()),
        ("first_seen", pa.string()),
        ("last_seen", pa.string()),
        ("tries", pa.int64()),
    ]
)
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("sub", pa.int64()),
        ("read_at", pa.string()),
        ("read_by", pa.string()),
        ("rows", pa.list_(_ROW)),
    ]
)

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A rejected row on the list. ``id`` is the record's internal id; ``key`` tells its rows apart, or is
    None; ``row`` is the row as JSON, or what Klaviyo refused. Moments are ISO 8601 UTC, of when the row was
    read; ``tries`` counts how often.
    """

    source: str
    id: int
    stage: str
    key: str | None
    reasons: tuple[str, ...]
    row: str
    first_seen: str
    last_seen: str
    tries: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rejected rows: of a source, of these records, with a reason that has this text in it, last seen
    at or after ``since`` (ISO 8601 UTC). None is all.
    """

    source: str | None = None
    ids: tuple[int, ...] | None = None
    reason: str | None = None
    since: str | None = None

    def matches(self, row: Rejected) -> bool:
        """Whether the row is one of those."""
        return (
            self.source in (None, row.source)
            and (self.ids is None or row.id in self.ids)
            and (self.reason is None or any(self.reason.casefold() in why.casefold() for why in row.reasons))
            and (self.since is None or row.last_seen >= self.since)
        )


def wanted_rows(
    *,
    source: str | None,
    ids: Iterable[str | int] | None,
    reason: str | None,
    since: str | None,
    everything: bool,
) -> Wanted:
    """Which rejected rows somebody wants replayed. Raises MendError unless ids or a reason are given, or
    ``everything`` that the rest leaves, so that nobody replays all by an empty form.
    """
    numbers = tuple(int(each) for each in ids or ())
    if not (numbers or reason or everything):
        raise MendError("Say which rejected rows to replay: all of them, those of a reason, or internal ids.")
    moment = Window.parse(since, None).start_text
    return Wanted(source=source or None, ids=numbers or None, reason=reason or None, since=moment)


@dataclass(frozen=True, slots=True)
class _Line:
    """What the list says of a record, and which reading of it said so: when, and by which run."""

    id: int
    read_at: str
    read_by: str
    rows: tuple[Rejected, ...]


def rejected(run: Run, wanted: Wanted | None = None) -> Iterator[Rejected]:
    """The rows on the flow's list, by source and internal id."""
    asked = wanted or Wanted()
    ids = None if asked.ids is None else np.array(asked.ids, dtype=np.int64)
    for source in run.domain.delivered:
        if asked.source in (None, source.name):
            for line in _lines(segments_of(run, source), source.name, ids):
                yield from (row for row in line.rows if asked.matches(row))


def record(run: Run, *, ended: bool = True) -> dict[str, int]:
    """Bring the list up to date with what the run made of the rows that it read; a repeat changes nothing.

    Rows that it rejected come onto the list, or count a try more. That is done as soon as they are checked,
    lest another run that delivers the record meanwhile finds nothing to take off. Records that it read, and
    none of whose rows it rejected, leave it, and so do those that are gone: deleted, not found by a replay,
    or not among all there is. With ``ended`` False the run has not delivered yet, and nothing leaves; nor
    does it where a run has chosen records only. A dry run leaves the list alone. Returns how many rows
    ``came``, ``stayed`` and ``left``.
    """
    count = {"came": 0, "stayed": 0, "left": 0}
    if not run.dry_run:
        for source in run.domain.delivered:
            reading = _Reading.of(run, source, ended=ended)
            if reading is not None:
                _add(segments_of(run, source), reading.changes(count), read_by=run.key)
    return count


def expire(staging: Staging, store: str, flow: str, before: str, *, really: bool) -> int:
    """Take rows off the list that were last seen before a moment, and let go of all that is kept of them.
    Returns how many rows; with ``really`` False they stay.
    """
    expired = 0
    place = (store, flow, FOLDER)
    for between in staging.list(place):
        for source in staging.list((*place, between)):
            segments = _segments(staging, (*place, between, source))
            old: list[_Line] = []
            for line in _lines(segments, source):
                kept = tuple(row for row in line.rows if row.last_seen >= before)
                if len(kept) < len(line.rows):
                    expired += len(line.rows) - len(kept)
                    old.append(replace(line, rows=kept))
            if really:
                _add(segments, iter(old), expired_before=before)
                # What has been replaced is there until it is merged.
                segments.merge()
    return expired


@dataclass(slots=True)
class _Reading:
    """What a run made of one source's rows: ``turned_down`` are the datasets of those that it rejected."""

    run: Run
    source: Source
    at: str
    ended: bool
    turned_down: list[Dataset] = field(default_factory=list)

    @classmethod
    def of(cls, run: Run, source: Source, *, ended: bool) -> _Reading | None:
        """The reading; None where the run has not read the source."""
        # A derived source's records are made of what others read.
        of_others = source.search is None or run.chosen
        manifest = run.dataset("records" if of_others else "extract", source).manifest()
        if manifest is None:
            return None
        stages = ("rejected", "refused") if ended else ("rejected",)
        datasets = [run.dataset(stage, source) for stage in stages]
        there = [dataset for dataset in datasets if dataset.manifest() is not None]
        return cls(run, source, _read_at(run, manifest), ended, there)

    @property
    def _lets_leave(self) -> bool:
        return self.ended and not self.run.chosen

    def changes(self, count: dict[str, int]) -> Iterator[_Line]:
        """The list's new lines, by id; counts as it goes."""
        rejected_ids = np.sort(_ids(self.turned_down, "id"))
        leaving = self._leaving(rejected_ids) if self._lets_leave else np.empty(0, np.int64)
        bounds = [int(rejected_ids[at]) for at in range(ROUND_ROWS, len(rejected_ids), ROUND_ROWS)]
        for first, end in pairwise([_LOWEST, *dict.fromkeys(bounds), _HIGHEST]):
            ids = np.union1d(_within(rejected_ids, first, end), _within(leaving, first, end))
            if not len(ids):
                continue
            rows = self._rows(first, end)
            before = {
                line.id: line
                for line in _lines(segments_of(self.run, self.source), self.source.name, ids, empty=True)
            }
            for id_ in ids.tolist():
                line = self._line(id_, rows.get(id_, []), before.get(id_), count)
                if line is not None:
                    yield line

    def _line(
        self, id_: int, rows: list[Rejected], before: _Line | None, count: dict[str, int]
    ) -> _Line | None:
        """A record's new line; None where it is there, or the list knows better, since somebody began later
        to read the record.
        """
        if before is not None and before.read_at > self.at:
            return None
        again = before is not None and (before.read_at, before.read_by) == (self.at, self.run.key)
        known: defaultdict[tuple[str, str | None], list[Rejected]] = defaultdict(list)
        for row in before.rows if before is not None else ():
            known[row.stage, row.key].append(row)
        new = []
        for each in rows:
            # A record may have several rows of one key: the first stands for the first, and so on.
            same = known[each.stage, each.key]
            old = same.pop(0) if same else None
            came = old is None or (again and old.tries == 1)
            count["came" if came else "stayed"] += 1
            if old is not None:
                each = replace(each, first_seen=old.first_seen, tries=old.tries + (not again))  # noqa: PLW2901
            new.append(each)
        others = [row for rest in known.values() for row in rest]
        if self._lets_leave:
            count["left"] += len(others)
        else:
            new += others
        if again and before is not None and tuple(new) == before.rows:
            return None
        return _Line(id_, self.at, self.run.key, tuple(new))

    def _leaving(self, rejected_ids: Ints) -> Ints:
        """The ids of records on the list that the run read, or knows to be gone, and did not reject."""
        ids, read_at = _listed(segments_of(self.run, self.source))
        if not len(ids):
            return ids
        seen = np.isin(ids, np.array(self.run.ids(self.source) or [], dtype=np.int64))
        if self.run.whole and self.source.search is not None:
            # A record that was read after this run's end may be new, so that this run could not see it.
            end = self.run.window.end_text
            seen |= np.array([end is None or moment < end for moment in read_at])
        stage, column = ("records", "id") if self.source.search is None else ("extract", _INTERNAL_ID)
        deleted = self.run.dataset("deleted", self.source)
        for dataset, name in ((self.run.dataset(stage, self.source), column), (deleted, _INTERNAL_ID)):
            if dataset.manifest() is not None:
                for batch in dataset.batches(columns=[name]):
                    seen |= np.isin(ids, batch.column(0).to_numpy())
        left: Ints = np.setdiff1d(ids[seen], rejected_ids)
        return left

    def _rows(self, first: int, end: int) -> dict[int, list[Rejected]]:
        """The rejected rows with first <= id < end, by id."""
        rows: defaultdict[int, list[Rejected]] = defaultdict(list)
        for dataset in self.turned_down:
            for batch in dataset.batches():
                ids = batch.column("id").to_numpy()
                for each in batch.filter(pa.array((ids >= first) & (ids < end))).to_pylist():
                    rows[each["id"]].append(
                        Rejected(
                            source=self.source.name,
                            id=each["id"],
                            stage=each["stage"],
                            key=each["key"],
                            reasons=tuple(each["reasons"]),
                            row=each["row"],
                            first_seen=self.at,
                            last_seen=self.at,
                            tries=1,
                        )
                    )
        return rows


def _ids(datasets: Iterable[Dataset], column: str) -> Ints:
    ids = [np.empty(0, np.int64)]
    for dataset in datasets:
        ids += [batch.column(0).to_numpy() for batch in dataset.batches(columns=[column])]
    return np.concatenate(ids)


def _read_at(run: Run, manifest: Manifest) -> str:
    """When the run began to read: ISO 8601 UTC, to the second."""
    if run.read_from is None:
        return manifest.created_at.replace("+00:00", "Z")
    return datetime.fromtimestamp(run.read_from / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _listed(segments: Segments) -> tuple[Ints, list[str]]:
    """The ids of the records on the list, ordered, and when each was read. Rows stay as they are: there may
    be many, and real time asks every few seconds.
    """
    ids, moments = [np.empty(0, np.int64)], list[str]()
    for batch in segments.read(["id", "read_at", "rows"]):
        there = batch.filter(pc.greater(pc.list_value_length(batch.column("rows")), 0))
        ids.append(there.column("id").to_numpy())
        moments += there.column("read_at").to_pylist()
    return np.concatenate(ids), moments


def _within(ids: Ints, first: int, end: int) -> Ints:
    return ids[(ids >= first) & (ids < end)]


def segments_of(run: Run, source: Source) -> Segments:
    """Where the list of one of the flow's sources is kept, in lines of :data:`SCHEMA`."""
    place = (run.store.store, run.domain.flow, FOLDER, run.between, source.name)
    return _segments(run.staging, place)


def _segments(staging: Staging, place: tuple[str, ...]) -> Segments:
    return Segments(staging, place, SCHEMA, newness="read_at")


def _lines(
    segments: Segments, source: str, ids: Ints | None = None, *, empty: bool = False
) -> Iterator[_Line]:
    """The lines of records, by id: of those ``ids``, or of all; ``empty`` ones are of what has left."""
    for batch in segments.read(SCHEMA.names):
        chosen = batch
        if ids is not None:
            chosen = batch.filter(pa.array(np.isin(batch.column("id").to_numpy(), ids)))
        for line in chosen.to_pylist():
            rows = tuple(_row(source, line["id"], row) for row in line["rows"])
            if rows or empty:
                yield _Line(line["id"], line["read_at"], line["read_by"], rows)


def _row(source: str, id_: int, row: dict[str, Any]) -> Rejected:
    return Rejected(source=source, id=id_, **row | {"reasons": tuple(row["reasons"])})


def _add(segments: Segments, lines: Iterator[_Line], **facts: Any) -> None:
    first = next(lines, None)
    if first is not None:
        segments.add(_batches(chain([first], lines)), **facts)


def _batches(lines: Iterator[_Line]) -> Iterator[pa.RecordBatch]:
    while some := list(islice(lines, _BATCH)):
        stored = [
            {
                "id": line.id,
                "sub": 0,
                "read_at": line.read_at,
                "read_by": line.read_by,
                "rows": [{name: getattr(row, name) for name in _ROW.names} for row in line.rows],
            }
            for line in some
        ]
        yield pa.RecordBatch.from_pylist(stored, schema=SCHEMA)
