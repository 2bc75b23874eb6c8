"""What a flow looks things up in.

*Of which order is it?* A shipment names its order, and a refund what it was made of, which leads to one. The
order book knows what runs have read. What neither it nor the run itself has read is read by its id: an order
that was saved unnoticed, one that the next run will read, one from before the history that is brought over.
Events are sent once, so a shipment whose order is not known would stay without its value.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.domains.fulfilments import FULFILMENTS
from netsuite_connector.domains.model import Site, Source
from netsuite_connector.domains.order_flow import LINKS
from netsuite_connector.domains.orders import ORDERS
from netsuite_connector.domains.refunds import REFUNDS
from netsuite_connector.flows.book import STEPS, Book, Ints
from netsuite_connector.flows.run import Run
from netsuite_connector.netsuite.client import NetSuiteClient
from netsuite_connector.netsuite.page import Page
from netsuite_connector.window import Window

log = logging.getLogger(__name__)

_ROWS = 10_000
_NONE: Ints = np.empty(0, dtype=np.int64)


def site_of(run: Run) -> Site:
    """The run's site with the rows of the flow's lookups, as they were extracted."""
    lookups = {
        source.name: partial(run.dataset("extract", source).batches, batch_rows=_ROWS)
        for source in run.domain.extracted
        if source.kind is None
    }
    return replace(run.site, lookups=lookups)


@dataclass(slots=True)
class Referred:
    """What a run's shipments and refunds refer to and nobody had read: the pages of two searches."""

    orders: list[Page] = field(default_factory=list)
    links: list[Page] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """The rows that were found."""
        return sum(page.batch.num_rows for page in (*self.orders, *self.links))


def referred(run: Run, client: NetSuiteClient) -> Referred:
    """Read the orders of the run's shipments and refunds that neither it nor the order book knows, and what
    leads to these. Asks for nothing where all are known, and for each transaction once.
    """
    found = Referred()
    shipped, refunded = _made_from(run, FULFILMENTS), _made_from(run, REFUNDS)
    wanted = np.union1d(shipped, refunded)
    seen, orders = np.zeros(1, dtype=np.int64), _NONE
    for _ in range(STEPS):
        if not len(wanted):
            break
        seen = np.union1d(seen, wanted)
        known, sources = _known(run, wanted)
        unknown = np.setdiff1d(wanted, known)
        # What is shipped is an order. What is refunded may be one, unless it was made from something itself.
        pages = _read(run, client, LINKS, np.setdiff1d(unknown, shipped))
        found.links += pages
        for page in pages:
            ids, made_from = _origins(page.batch)
            unknown, sources = np.setdiff1d(unknown, ids), np.union1d(sources, made_from)
        orders = np.union1d(orders, unknown)
        wanted = np.setdiff1d(sources, seen)
    found.orders += _read(run, client, ORDERS, orders)
    return found


def inform_book(run: Run, client: NetSuiteClient) -> Referred:
    """Let the order book know the orders of the run's shipments and refunds that no run has read, by number
    and total. They are not delivered by it, and tell nothing of storefronts: both are for the run that reads
    them as its own.

    For a window of history: call it when all windows have been read into the book, before this one is shaped.
    A repeat finds all that there is known, and asks only for what NetSuite's searches don't show.
    """
    found = referred(run, client)
    if found.rows:
        Book(run).learn(*([page.batch for page in pages] for pages in (found.orders, found.links)))
    return found


def _made_from(run: Run, source: Source) -> Ints:
    """What the rows that the run has read of a source were made from, each once."""
    pieces = [_NONE]
    for batch in run.dataset("extract", source).batches(["createdfrom"]):
        made_from = pc.unique(batch.column(0)).drop_null().cast(pa.int64())
        pieces.append(made_from.to_numpy())
    return np.unique(np.concatenate(pieces))


def _known(run: Run, ids: Ints) -> tuple[Ints, Ints]:
    """Those of the transactions that the run or the order book knows, and what those that are no orders were
    made from.
    """
    known, sources = [_NONE], [_NONE]
    # A search of orders may let an invoice through that was made from one.
    for source, columns in ((LINKS, ["internalid", "createdfrom"]), (ORDERS, ["internalid"])):
        for batch in run.dataset("extract", source).batches(columns):
            here = batch.filter(pa.array(np.isin(batch.column("internalid").to_numpy(), ids)))
            known.append(here.column("internalid").to_numpy())
            if source is LINKS:
                sources.append(_origins(here)[1])
    booked, origins = Book(run).origins(np.setdiff1d(ids, np.concatenate(known)))
    return np.concatenate([*known, booked]), np.concatenate([*sources, origins])


def _origins(links: pa.RecordBatch) -> tuple[Ints, Ints]:
    """The transactions of links, and what they were made from."""
    there = links.filter(pc.is_valid(links.column("createdfrom")))
    ids: Ints = there.column("internalid").to_numpy()
    return ids, there.column("createdfrom").cast(pa.int64()).to_numpy()


def _read(run: Run, client: NetSuiteClient, source: Source, ids: Ints) -> list[Page]:
    if not len(ids):
        return []
    pages = list(
        client.pages(
            run.search(source),
            Window(),
            only=run.only(source),
            ids=ids.tolist(),
            page_rows=run.store.netsuite.page_rows,
        )
    )
    rows = sum(page.batch.num_rows for page in pages)
    log.info("%s: %s rows read of %s records that others refer to", source.name, rows, len(ids))
    return pages
