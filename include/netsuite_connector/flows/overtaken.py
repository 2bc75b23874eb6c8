"""Records that another run has overtaken: it read them later than this one, and has delivered them already.

Real time, scheduled runs and backfills of one flow go on side by side. What a slow one has read may be older
than what a quick one has delivered meanwhile, and would take its place in Klaviyo. So it is left out right
before it is sent, and counts as unchanged. Events are delivered once only, and can't be overtaken.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.domains.model import Source
from netsuite_connector.flows import ledger
from netsuite_connector.flows.run import Run

log = logging.getLogger(__name__)

_FACT = "overtaken"
_PAIR = np.dtype([("id", "i8"), ("sub", "i8")])


@dataclass(frozen=True, slots=True)
class Overtaken:
    """How many ``records`` were left out, and how many ``rows`` they stand for."""

    records: int = 0
    rows: int = 0


def leave_out(run: Run, source: Source) -> Overtaken:
    """Leave out what was overtaken of the source's records, unless some of them have been sent. Returns how
    much that is, the same on every try.
    """
    records = run.dataset("records", source)
    manifest = records.require()
    if _FACT in manifest.facts:
        return Overtaken(*manifest.facts[_FACT])
    if run.staging.list(run.document("push", source.name, manifest.id)):
        return Overtaken()
    newer = newer_than(run, source)
    if not len(newer):
        return Overtaken()
    left = rows = 0
    with records.writer(manifest.schema) as writer:
        for batch in records.batches(manifest=manifest):
            out = _among(batch, newer)
            left += int(np.sum(out))
            rows += int(np.sum(batch.column("rows").to_numpy()[out]))
            writer.write(batch.filter(pa.array(~out)))
        writer.commit(**{**manifest.facts, _FACT: [left, rows]})
    if run.domain.merge is not None:
        _leave_out_notes(run, source, newer)
    if left:
        log.info("%s: %s records were delivered by a run that read them later", source.name, f"{left:,}")
    return Overtaken(left, rows)


def newer_than(run: Run, source: Source) -> np.ndarray:
    """The (id, sub), in order, that the ledger has from a run that read them later than this one; of no
    interest where a record is never sent again, or always.
    """
    if source.once or source.always:
        return np.empty(0, _PAIR)
    mine = run.read_from
    # A whole ledger need not be read to find out that nothing was written.
    if mine is None or not run.ledger(source).segments.written_since(mine):
        return np.empty(0, _PAIR)
    found = [np.empty(0, _PAIR)]
    for batch in ledger.read(run.ledger(source), ["id", "sub", ledger.READ.name]):
        later = pc.fill_null(pc.greater(batch.column(ledger.READ.name), mine), False)  # noqa: FBT003
        found.append(_pairs(batch.filter(later)))
    return np.concatenate(found)


def without(newer: np.ndarray, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches less these (id, sub)."""
    for batch in batches:
        yield batch.filter(pa.array(~_among(batch, newer))) if len(newer) else batch


def _leave_out_notes(run: Run, source: Source, newer: np.ndarray) -> None:
    notes = run.dataset("noted", source)
    manifest = notes.require()

    with notes.writer(manifest.schema) as writer:
        for batch in without(newer, notes.batches(manifest=manifest)):
            writer.write(batch)
        writer.commit(**manifest.facts)


def _pairs(batch: pa.RecordBatch) -> np.ndarray:
    pairs = np.empty(batch.num_rows, _PAIR)
    for name in ("id", "sub"):
        pairs[name] = batch.column(name).to_numpy()
    return pairs


def _among(batch: pa.RecordBatch, wanted: np.ndarray) -> np.ndarray:
    return np.isin(_pairs(batch), wanted)
