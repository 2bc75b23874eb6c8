"""Records that are read with those that changed, since what becomes of these hangs on them.

*Who else has the address?* When the record that speaks for an identity changes or is deleted, the next one
may have to speak, and what NetSuite says of it was not kept. So it is read again, by its id: few records
share an identity, and few of those change at a time.

*Which other parcels has the order?* Where records are read by their ids, one that was saved since those were
named is not among them, while the others may be as it has left them: the order of a first parcel is shipped
in full once the second has left. So all that were made from the same transaction are read.

*Which version came last?* What two runs were sending at the same time is read anew, with what it is looked up
in (``flows/raced.py``); and who else has an address that something was sent under, which is in doubt.

*Which children has the item?* Klaviyo refuses variants of an item that it does not have, and deletes them
with it. So when a matrix item comes, its children come along, as nothing of theirs need have changed.

*Of which order is it?* An order that a shipment or refund refers to, and that no run has read, becomes one of
the run's own: its own change was missed. Where a person bounded the run, the order book is told of it only.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.domains.catalog import ITEMS, VARIANTS
from netsuite_connector.domains.catalog_rows import MATRIX_PARENTS
from netsuite_connector.domains.gone import off_sale
from netsuite_connector.domains.model import Source
from netsuite_connector.domains.order_flow import LINKS
from netsuite_connector.domains.orders import ORDERS
from netsuite_connector.flows import highwater, ledger
from netsuite_connector.flows.ledger import Ints
from netsuite_connector.flows.lookups import inform_book, referred
from netsuite_connector.flows.merge import touched_ids
from netsuite_connector.flows.raced import raced_ids
from netsuite_connector.flows.run import READ_AGAIN, Run
from netsuite_connector.flows.standing import standing
from netsuite_connector.flows.underway import identities_of
from netsuite_connector.netsuite.client import NetSuiteClient
from netsuite_connector.netsuite.page import Page
from netsuite_connector.window import Window

log = logging.getLogger(__name__)

_NONE: Ints = np.empty(0, dtype=np.int64)
# How long before a run's window what has been raced may have been deleted: as long as it may take until it is
# read again, and more.
_RACED_SINCE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Companions:
    """What was read besides: ``rows`` of all sources, in ``pages`` that cost ``units``."""

    rows: int = 0
    pages: int = 0
    units: int = 0


def read_companions(run: Run, client: NetSuiteClient) -> Companions:
    """Add to what was extracted the records that share an identity with one that spoke for it, and that
    changed or was deleted, unless the run reads all there is; where it reads chosen records, those that are
    told apart only together with them; where it is one on a schedule, those that were raced; the children
    of matrix items that come; and the orders that nobody knew.
    """
    read = _children(run, client, _raced(run, client))
    pages: list[tuple[Source, Iterator[Page]]] = []
    if run.domain.merge is not None and not run.whole:
        pages += [
            (source, client.pages(run.search(source), Window(), ids=wanted.tolist(), **_how(run, source)))
            for source, wanted in zip(run.domain.shaped, _wanted(run), strict=True)
            if len(wanted)
        ]
    if run.replay is not None:
        pages += [
            (source, client.related(run.search(source), field, values, **_how(run, source)))
            for source in run.domain.shaped
            if (field := source.together) is not None and (values := _values(run, source, field))
        ]
    for source, each in pages:
        read = _with(run, source, list(each), read)
    # A window of history learns of them when all windows are read, and what reads only shows what it is told.
    if run.domain.book and not (run.whole or run.history or run.everything):
        if run.bounded or run.limit is not None:
            told = inform_book(run, client)
            every = [*told.orders, *told.links]
            return Companions(read.rows, read.pages + len(every), read.units + _units(every))
        found = referred(run, client)
        read = _with(run, ORDERS, found.orders, read)
        read = _with(run, LINKS, found.links, read)
    return read


def _raced(run: Run, client: NetSuiteClient) -> Companions:
    read = Companions()
    narrowed = run.bounded or run.history or run.limit is not None or run.replay is not None
    ids = _NONE if run.whole or narrowed or run.everything else raced_ids(run)
    for source in run.domain.extracted if len(ids) else ():
        left = ids[~np.isin(ids, touched_ids(run, source))]
        if len(left) and not source.whole:
            pages = client.pages(run.search(source), Window(), ids=left.tolist(), **_how(run, source))
            read = _with(run, source, list(pages), read, READ_AGAIN)
    seen = np.concatenate([_NONE, *(touched_ids(run, source) for source in run.domain.shaped)])
    missing = ids[~np.isin(ids, seen)]
    for source in run.domain.shaped if len(missing) else ():
        if source.deleted_types:
            _add_deleted(run, source, missing, client)
    return read


def _children(run: Run, client: NetSuiteClient, read: Companions) -> Companions:
    """Read the children of the matrix items that come, and what is looked up of them. A run over everything
    has them all, and until there has been one it is still to come.
    """
    parents = _NONE
    if ITEMS in run.domain.sources and not (run.whole or run.everything or highwater.read(run) is None):
        parents = _parents_that_come(run)
    if not len(parents):
        return read
    ids = [str(each) for each in parents.tolist()]
    pages = list(client.related(run.search(VARIANTS), "parent", ids, **_how(run, VARIANTS)))
    read = _with(run, VARIANTS, pages, read, READ_AGAIN)
    found = [_NONE, *(page.batch.column("internalid").to_numpy() for page in pages)]
    children = np.unique(np.concatenate(found))
    for source in run.domain.extracted:
        left = children[~np.isin(children, touched_ids(run, source))]
        if source.kind is None and not source.whole and len(left):
            lookup = client.pages(run.search(source), Window(), ids=left.tolist(), **_how(run, source))
            read = _with(run, source, list(lookup), read)
    return read


def _parents_that_come(run: Run) -> Ints:
    """The matrix items on sale among what was read that Klaviyo does not have, or not any more."""
    extract = run.dataset("extract", ITEMS)
    on_sale = (batch.filter(pc.invert(off_sale(batch))) for batch in extract.batches())
    ids = np.concatenate([_NONE, *(batch.column("internalid").to_numpy() for batch in on_sale)])
    parents = np.intersect1d(ids, touched_ids(run, MATRIX_PARENTS))
    return np.setdiff1d(parents, standing(run.ledger(ITEMS), ITEMS.name, parents))


def _add_deleted(run: Run, source: Source, ids: Ints, client: NetSuiteClient) -> None:
    """Add those of the records to the source's deleted ones that were deleted before the run's window."""
    assert run.window.start is not None, "a run that does not read all there is goes on from somewhere"  # noqa: S101
    began = Window(run.window.start - _RACED_SINCE, run.window.start)
    wanted = pa.array(ids)
    found = [
        page.batch.filter(pc.is_in(page.batch.column("internalid"), wanted))
        for page in client.deleted(source.deleted_types, began)
    ]
    deleted = run.dataset("deleted", source)
    manifest = deleted.require()
    tables = pa.Table.from_batches([*deleted.batches(), *(each.cast(manifest.schema) for each in found)])
    with deleted.writer(manifest.schema) as writer:
        writer.write(tables)
        writer.commit(**manifest.facts)


def _with(
    run: Run, source: Source, pages: list[Page], before: Companions, fact: str | None = None
) -> Companions:
    """What was read besides, with these pages, which are added to what was extracted, as is a ``fact`` that
    says how many rows they had. Rows of lookups are not counted.
    """
    if not pages:
        return before
    rows = _add(run, source, pa.Table.from_batches([page.batch for page in pages]), fact)
    log.info("%s: %s rows read along with what changed", source.name, rows)
    return Companions(
        before.rows + (0 if source.kind is None else rows),
        before.pages + len(pages),
        before.units + _units(pages),
    )


def _units(pages: list[Page]) -> int:
    return sum(page.usage for page in pages)


def _how(run: Run, source: Source) -> dict[str, Any]:
    return {"only": run.only(source), "page_rows": run.store.netsuite.page_rows}


def _values(run: Run, source: Source, field: str) -> list[str]:
    """The values that the field has in what was extracted."""
    found: set[str] = set()
    for batch in run.dataset("extract", source).batches([field]):
        found.update(filter(None, batch.column(0).to_pylist()))
    return sorted(found)


def _wanted(run: Run) -> list[Ints]:
    """The ids, by source, of those that another spoke for that has come up or is gone; and of all that have
    an identity in doubt that such a one was sent under.
    """
    touched = [touched_ids(run, source) for source in run.domain.shaped]
    pairs = list(zip(run.domain.shaped, touched, strict=True))
    doubted = np.unique(np.concatenate([identities_of(run, source, ids) for source, ids in pairs]))
    up: set[bytes] = set()
    others: list[list[tuple[int, bytes]]] = []
    for source, ids in pairs:
        spoken_for: list[tuple[int, bytes]] = []
        for lines in ledger.read(run.ledger(source), ["id", "sub", "fingerprint", "key_hash"]):
            known = lines.column("key_hash").is_valid()
            named = lines.filter(pc.and_(pc.equal(lines.column("sub"), 0), known))
            speaks = named.column("fingerprint").is_valid()
            came = pa.array(np.isin(named.column("id").to_numpy(), ids))
            up.update(named.filter(pc.and_(speaks, came)).column("key_hash").to_pylist())
            waits = pc.invert(pc.or_(speaks, came))
            if len(doubted):
                unsure = pc.and_(pa.array(np.isin(ledger.numbers_of(named), doubted)), pc.invert(came))
                up.update(named.filter(unsure).column("key_hash").to_pylist())
                waits = pc.or_(waits, unsure)
            columns = (named.filter(waits).column(name).to_pylist() for name in ("id", "key_hash"))
            spoken_for += zip(*columns, strict=True)
        others.append(spoken_for)
    return [np.array([id_ for id_, key in each if key in up], dtype=np.int64) for each in others]


def _add(run: Run, source: Source, read: pa.Table, fact: str | None) -> int:
    """Write the extract anew with the records of ``read`` that it has not, by internal id. Returns how many
    rows these have.
    """
    extract = run.dataset("extract", source)
    manifest = extract.require()
    here = touched_ids(run, source)
    added = read.filter(pa.array(~np.isin(read.column("internalid").to_numpy(), here)))
    added = added.cast(manifest.schema).sort_by("internalid")
    ids = added.column("internalid").to_numpy()
    at = 0
    with extract.writer(manifest.schema) as writer:
        for batch in extract.batches():
            end = int(np.searchsorted(ids, batch.column("internalid")[-1].as_py()))
            both = pa.concat_tables([pa.Table.from_batches([batch]), added.slice(at, end - at)])
            writer.write(both.sort_by("internalid") if end > at else batch)
            at = end
        writer.write(added.slice(at))
        told = {} if fact is None else {fact: manifest.facts.get(fact, 0) + added.num_rows}
        writer.commit(**{**manifest.facts, **told})
    return int(added.num_rows)
