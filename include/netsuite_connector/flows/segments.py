"""Lines that many write at once, kept as segments that are only ever added, and merged by whoever comes by.

A segment is a dataset of its own, ordered by (id, sub), whose lines say when (``at``) they were written. Of
lines with the same (id, sub) the newest counts (by when it was written, unless a column of the line says how
new it is), so it doesn't matter which segments have been merged, or
whether a line is in two of them: no lock is needed, and no filesystem that has one. A segment is removed only
when another that is whole has all its lines; whoever is just reading it looks again and goes on where it was.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.errors import ConnectorError, RemoteFaultError
from netsuite_connector.flows.sorted_merge import all_together, key_at, up_to
from netsuite_connector.staging.dataset import Dataset, PartGoneError
from netsuite_connector.staging.manifest import Manifest
from netsuite_connector.staging.staging import Staging

log = logging.getLogger(__name__)

AT = pa.field("at", pa.int64())
"""Nanoseconds since 1970, later than those of every segment that was there when the line was written."""

MOST = 16
"""So many segments are left as they are: each costs a reader two requests."""

_AT_LEAST = MOST // 2  # are merged at once
_LOOKS = 50
_ABANDONED_AFTER = 86_400 * 10**9  # nanoseconds after which nobody is still writing a segment
_NAME = re.compile(r"(?P<at>\d{19})-(?P<merges>\d{3})-(?P<begun>\d{19})-[0-9a-f]{8}")

Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment that is whole: its ``name`` begins with the ``at`` of its newest line, and sorts behind those
    that were merged into it.
    """

    name: str
    dataset: Dataset
    manifest: Manifest

    @property
    def at(self) -> int:
        """When its newest line was written, in nanoseconds since 1970."""
        return _at(self.name)


class Segments:
    """The segments in a folder of staging. ``schema`` has the columns of a line, first ``id`` and ``sub``;
    ``newness`` is the one that says how new a line is, before when it was written does. A column that an
    older segment does not have is null in its lines.
    """

    def __init__(
        self, staging: Staging, place: tuple[str, ...], schema: pa.Schema, *, newness: str | None = None
    ) -> None:
        self._staging = staging
        self._place = place
        self._schema = schema
        self._stored = schema.append(AT)
        self._newness = () if newness is None else (newness,)

    def standing(self) -> list[Segment]:
        """The segments that hold all lines, by name. Raises RemoteFaultError when they don't stop changing.

        A segment that vanishes while this looks was merged into one of a later name. So it looks at the names
        in their order, and again if there are names by then that it had not seen.
        """
        for _ in range(_LOOKS):
            names = self._names()
            found = [
                Segment(name, dataset, manifest)
                for name in names
                if (manifest := (dataset := self._dataset(name)).manifest()) is not None
            ]
            if len(found) == len(names) or set(self._names()) <= set(names):
                return found
        raise RemoteFaultError(
            f"{'/'.join(self._place)} in staging is merged faster than it is read; try again."
        )

    def written_since(self, moment: int) -> bool:
        """Whether any line may have been, in nanoseconds since 1970. Asks for nothing but names."""
        return any(_at(name) > moment for name in self._names())

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The newest line of each key, by (id, sub)."""
        after: Key | None = None
        seen: list[str] = []
        while True:
            segments = self.standing()
            names = [segment.name for segment in segments]
            try:
                for batch in self._newest(segments, columns, after):
                    after = key_at(batch, -1)
                    yield batch.select(columns)
            except PartGoneError:
                if names == seen:
                    raise  # nobody has merged it, so it is damaged
                seen = names
                continue
            return

    def add(self, lines: Iterator[pa.RecordBatch], **facts: Any) -> int:
        """Write lines (ordered) as a segment; they count, all of them, once this returns. ``facts`` are for
        people. Then segments are merged if they are many. Returns the number of lines.
        """
        names = self._names()
        at = max(time.time_ns(), _at(names[-1]) + 1 if names else 0)
        with self._dataset(_name(at, 0)).writer(self._stored) as writer:
            for batch in lines:
                moments = pa.array(np.full(batch.num_rows, at))
                columns = [batch.column(name) for name in self._schema.names]
                writer.write(pa.RecordBatch.from_arrays([*columns, moments], schema=self._stored))
            count = writer.commit(**facts).rows
        if len(names) >= MOST:
            try:
                self.compact()
            except (ConnectorError, OSError) as error:
                # The lines are there; the next who adds some tries again.
                log.warning("Segments of %s were not merged: %s", "/".join(self._place), error)
        return count

    def compact(self) -> None:
        """Merge the small segments if there are many, and clear away what killed writers left.

        Large ones are left until the small ones add up to their size, so a line is written anew as often as
        the logarithm of their number.
        """
        segments = self.standing()
        self._clear_away(segments)
        if len(segments) < MOST:
            return
        chosen: list[Segment] = []
        rows = 0
        for segment in sorted(segments, key=lambda each: each.manifest.rows):
            if len(chosen) >= _AT_LEAST and segment.manifest.rows > 2 * rows:
                break
            chosen.append(segment)
            rows += segment.manifest.rows
        self._merge(sorted(chosen, key=lambda each: each.name))

    def merge(self) -> None:
        """Merge all segments into one, so that lines that were replaced are gone from the filesystem too."""
        segments = self.standing()
        self._clear_away(segments)
        if len(segments) > 1:
            self._merge(segments)

    def _merge(self, segments: list[Segment]) -> None:
        merged = self._dataset(_successor(segments[-1].name))
        try:
            with merged.writer(self._stored) as writer:
                for batch in self._newest(segments, self._schema.names):
                    writer.write(batch.select(self._stored.names))
                writer.commit(merged=len(segments))
        except PartGoneError:
            merged.remove()  # somebody else has just merged some of them
            return
        for segment in segments:
            segment.dataset.remove()

    def _newest(
        self, segments: Sequence[Segment], columns: Sequence[str], after: Key | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The newest line of each key behind ``after``, with ``columns`` and those that tell which is
        newest.
        """
        needed = list(dict.fromkeys([*columns, "id", "sub", *self._newness, AT.name]))
        streams = [_behind(self._lines(segment, needed), after) for segment in segments]
        for pieces in all_together(streams):
            yield _only_newest(pieces, self._newness) if len(pieces) > 1 else pieces[0]

    def _lines(self, segment: Segment, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        there = [name for name in columns if name in segment.manifest.columns]
        for batch in segment.dataset.batches(there, manifest=segment.manifest):
            if len(there) == len(columns):
                yield batch
                continue
            fields = [self._stored.field(name) for name in columns]
            lines = [
                batch.column(field.name) if field.name in there else pa.nulls(batch.num_rows, field.type)
                for field in fields
            ]
            yield pa.RecordBatch.from_arrays(lines, schema=pa.schema(fields))

    def _clear_away(self, standing: list[Segment]) -> None:
        whole = {segment.name for segment in standing}
        for name in self._names():
            if name not in whole and _begun(name) < time.time_ns() - _ABANDONED_AFTER:
                self._dataset(name).remove()

    def _names(self) -> list[str]:
        return [name for name in self._staging.list(self._place) if _NAME.fullmatch(name)]

    def _dataset(self, name: str) -> Dataset:
        return self._staging.dataset(*self._place, name)


def _behind(batches: Iterator[pa.RecordBatch], after: Key | None) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch if after is None else batch.slice(up_to(batch, after))


def _only_newest(pieces: list[pa.RecordBatch], newness: tuple[str, ...]) -> pa.RecordBatch:
    lines = pa.Table.from_batches(pieces).combine_chunks().to_batches()[0]
    ids, subs, moments = (lines.column(name).to_numpy() for name in ("id", "sub", AT.name))
    told = (pc.rank(lines.column(name), tiebreaker="dense").to_numpy() for name in newness)
    order = np.lexsort((moments, *told, subs, ids))
    last = np.ones(len(order), dtype=bool)
    last[:-1] = (np.diff(ids[order]) != 0) | (np.diff(subs[order]) != 0)
    return lines.take(pa.array(order[last]))


def _name(at: int, merges: int) -> str:
    return f"{at:019d}-{merges:03d}-{time.time_ns():019d}-{uuid.uuid4().hex[:8]}"


def _successor(name: str) -> str:
    """A name for what is merged of segments of which ``name`` is the last: behind all of them."""
    match = _NAME.fullmatch(name)
    assert match is not None, name  # noqa: S101 - other names are not taken for segments
    return _name(int(match["at"]), int(match["merges"]) + 1)


def _at(name: str) -> int:
    return int(name[:19])


def _begun(name: str) -> int:
    return int(name.split("-")[2])
