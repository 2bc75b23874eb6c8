"""Who else has the address? Records that are read with those that changed, because one of them may have to
take over.

When the record that speaks for an identity changes or is deleted, the next one may have to speak, and what
NetSuite says of it was not kept. So it is read again, by its id: few records share an identity, and few of
those change at a time.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.flows import ledger
from netsuite_connector.flows.merge import Ints, touched_ids
from netsuite_connector.flows.run import Run
from netsuite_connector.netsuite.client import NetSuiteClient
from netsuite_connector.window import Window

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Companions:
    """What was read besides: ``rows`` of all sources, in ``pages`` that cost ``units``."""

    rows: int = 0
    pages: int = 0
    units: int = 0


def read_companions(run: Run, client: NetSuiteClient) -> Companions:
    """Add to what was extracted the records that share an identity with one that spoke for it, and that
    changed or was deleted; nothing where the run reads all there is, or its flow merges nothing.
    """
    if run.domain.merge is None or run.whole:
        return Companions()
    rows = pages = units = 0
    for index, wanted in enumerate(_wanted(run)):
        if not len(wanted):
            continue
        source = run.domain.shaped[index]
        batches = []
        for page in client.pages(
            run.search(source),
            Window(),
            only=run.only(source),
            ids=wanted.tolist(),
            page_rows=run.store.netsuite.page_rows,
        ):
            batches.append(page.batch)
            pages += 1
            units += page.usage
        added = pa.Table.from_batches(batches)
        rows += added.num_rows
        _add(run, index, added)
        log.info("%s: %s records read again for their addresses", source.name, added.num_rows)
    return Companions(rows, pages, units)


def _wanted(run: Run) -> list[Ints]:
    """The ids, by source, of those that another spoke for that has come up or is gone."""
    touched = [touched_ids(run, source) for source in run.domain.shaped]
    up: set[bytes] = set()
    others: list[list[tuple[int, bytes]]] = []
    for source, ids in zip(run.domain.shaped, touched, strict=True):
        spoken_for: list[tuple[int, bytes]] = []
        for lines in ledger.read(run.ledger(source), ["id", "sub", "fingerprint", "key_hash"]):
            named = pc.and_(pc.equal(lines.column("sub"), 0), pc.is_valid(lines.column("key_hash")))
            speaks = pc.is_valid(lines.column("fingerprint"))
            came = pa.array(np.isin(lines.column("id").to_numpy(), ids))
            up.update(lines.filter(pc.and_(pc.and_(named, speaks), came)).column("key_hash").to_pylist())
            waits = lines.filter(pc.and_(named, pc.invert(pc.or_(speaks, came))))
            columns = (waits.column(name).to_pylist() for name in ("id", "key_hash"))
            spoken_for += zip(*columns, strict=True)
        others.append(spoken_for)
    return [np.array([id_ for id_, key in each if key in up], dtype=np.int64) for each in others]


def _add(run: Run, index: int, added: pa.Table) -> None:
    """Write the extract anew with the rows ``added``, by internal id."""
    extract = run.dataset("extract", run.domain.shaped[index])
    manifest = extract.require()
    added = added.cast(manifest.schema)
    ids = added.column("internalid").to_numpy()
    at = 0
    with extract.writer(manifest.schema) as writer:
        for batch in extract.batches():
            end = int(np.searchsorted(ids, batch.column("internalid")[-1].as_py()))
            both = pa.concat_tables([pa.Table.from_batches([batch]), added.slice(at, end - at)])
            writer.write(both.sort_by("internalid") if end > at else batch)
            at = end
        writer.write(added.slice(at))
        writer.commit(**manifest.facts)
