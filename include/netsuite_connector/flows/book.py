"""The order book: what must be known of transactions that other runs have read.

A line is a transaction: an order, what links a refund to one, a fulfilment or a refund. Of the customer it
holds the hash of the address. Lines are only ever put in or replaced by what a later run read, so it comes to
the same whatever the order in which windows were read. An order that no run has read as its own may be there
because others refer to it; it then tells its number and total, and nothing of storefronts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.domains.fulfilments import FULFILMENTS, LAST_FULFILMENTS, fulfilled_key
from netsuite_connector.domains.model import Batches
from netsuite_connector.domains.order_flow import LINKS
from netsuite_connector.domains.orders import ORDERS
from netsuite_connector.domains.refunds import REFUNDED, REFUNDS
from netsuite_connector.domains.storefronts import STOREFRONT_LOOKUP
from netsuite_connector.flows import ledger
from netsuite_connector.flows.book_lines import (
    ADDRESSES,
    FULFILMENT,
    LINK,
    ORDER,
    REFERRED,
    REFUND,
    SCHEMA,
    in_order,
    line_made_from,
    lines_made_from,
    order_lines,
    referred_lines,
    refund_lines,
)
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.segments import Segments
from netsuite_connector.flows.sorted_merge import all_together, side_by_side
from netsuite_connector.staging.dataset import Dataset

# Orders whose storefronts are worked out at once; more take more rounds over the book, not more memory.
ROUND_ROWS = 1_000_000
_CHUNK_ROWS = 10_000
STEPS = 5
"""Refund, return, invoice, order: so many steps lead from a refund to its order at most, and one to spare."""

_CENT, _CENTS = 0.005, 0.02

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class _Refunded:
    """What was refunded of an order, whose own total and exchange rate come first (0 where it is unknown):
    the ``total`` in base currency, and what it is ``worth`` at the order's rate.
    """

    order: float
    rate: float
    total: float = 0.0
    worth: float = 0.0

    def add(self, total: float, rate: float) -> None:
        """A refund, and its rate."""
        self.total += total
        self.worth += total * self.rate / rate if rate and self.rate and rate != self.rate else total

    @property
    def whole(self) -> bool:
        # Totals in base currency were rounded at other rates.
        return self.worth > self.order - (_CENT if self.rate in {0.0, 1.0} else _CENTS)


@dataclass(frozen=True, slots=True)
class Book:
    """The order book as a run sees it: what earlier runs put in, and its own rows."""

    run: Run

    @property
    def _kept(self) -> Segments:
        run = self.run
        return Segments(run.staging, (run.store.store, run.domain.flow, "book", run.between), SCHEMA)

    @property
    def _own(self) -> Segments:
        """A dry run leaves no trace outside its own folder."""
        return (
            Segments(self.run.staging, (*self.run.place, "book"), SCHEMA) if self.run.dry_run else self._kept
        )

    @property
    def _addresses(self) -> Dataset:
        return self.run.staging.dataset(*self.run.place, "addresses", ORDERS.name)

    def update(self, *, booked: bool = False) -> None:
        """Put the run's valid rows in, all of them or none; a repeat changes nothing. ``booked``: they are in
        since they were read; by now there may be newer lines, which stay.
        """
        with self._addresses.writer(ADDRESSES) as addresses:
            orders = order_lines(self.run.dataset("valid", ORDERS), addresses.write)
            if booked:
                deque(orders, maxlen=0)
            else:
                streams = [
                    orders,
                    lines_made_from(self.run.dataset("extract", LINKS), LINK),
                    lines_made_from(self.run.dataset("valid", FULFILMENTS), FULFILMENT),
                    refund_lines(self.run.dataset("valid", REFUNDS), self.run.dataset("deleted", REFUNDS)),
                ]
                self._own.add(map(in_order, all_together(streams)), run=self.run.key)
            addresses.commit()

    def learn(self, orders: Sequence[pa.RecordBatch], links: Sequence[pa.RecordBatch]) -> None:
        """Take note of orders that others refer to, and of what leads to them, by rows of their searches.
        Where a run reads such an order as its own, before or after, that counts.
        """
        lines = [referred_lines(batch) for batch in orders]
        lines += [line_made_from(batch, LINK) for batch in links]
        self._own.add(iter([in_order(lines)]), run=self.run.key)

    def origins(self, ids: Ints) -> tuple[Ints, Ints]:
        """Those of the transactions (ordered) that the book knows as orders or as what leads to one, and what
        each was made from; 0 for an order.
        """
        found = [np.empty((2, 0), dtype=np.int64)]
        for batch in self._lines(["kind", "source"]) if len(ids) else ():
            kinds, own = (batch.column(name).to_numpy() for name in ("kind", "id"))
            here = np.isin(kinds, (ORDER, LINK, REFERRED)) & _is_in(own, ids)
            made_from = np.where(kinds == LINK, batch.column("source").fill_null(0).to_numpy(), 0)
            found.append(np.stack([own[here], made_from[here]]))
        known, made_from = np.concatenate(found, axis=1)
        return known, made_from

    def lookups(self) -> dict[str, Batches]:
        """What the domain asks the book, by name; each is worked out when it is asked for."""
        return {
            STOREFRONT_LOOKUP: self.storefronts,
            LAST_FULFILMENTS: self.last_fulfilments,
            REFUNDED: self.refunded,
        }

    def _lines(self, columns: Iterable[str]) -> Iterator[pa.RecordBatch]:
        names = list(dict.fromkeys(["id", "sub", *columns]))
        if not self.run.dry_run:
            yield from self._kept.read(names)
            return
        for old, new in side_by_side(self._kept.read(names), self._own.read(names)):
            pieces = [] if new is None else [new]
            if old is not None:
                mine = np.empty(0, dtype=np.int64) if new is None else _keys(new)
                pieces.append(old.filter(pa.array(~np.isin(_keys(old), mine))))
            yield in_order(pieces)

    def _of_kind(self, kind: int, *columns: str) -> Iterator[pa.RecordBatch]:
        for batch in self._lines(["kind", *columns]):
            found = batch.filter(pc.equal(batch.column("kind"), kind))
            if found.num_rows:
                yield found

    # ---- storefronts --------------------------------------------------------------------------------------

    def storefronts(self) -> Iterator[pa.RecordBatch]:
        """For each address of this run's orders what all its orders tell, ordered by ``address``: ``email``,
        the website of the earliest order that has one (``original_id``, ``original``), the ids of all
        (``websites``, ordered), and when the ``first`` and ``last`` order were placed.
        """
        most = self._own.standing() if not self.run.dry_run else self._own.standing() + self._kept.standing()
        rounds = max(1, -(-sum(segment.manifest.rows for segment in most) // ROUND_ROWS))
        width = -(-(1 << 63) // rounds)
        for number in range(rounds):
            low, high = number * width, min((number + 1) * width, (1 << 63) - 1)
            touched = self._touched(low, high)
            if touched.num_rows:
                yield from self._aggregated(touched).to_batches(_CHUNK_ROWS)

    def _touched(self, low: int, high: int) -> pa.Table:
        """This run's addresses whose hash lies in a range, each once, ordered."""
        pieces = []
        for batch in self._addresses.batches():
            hashes = batch.column("address").to_numpy()
            pieces.append(batch.filter(pa.array((hashes >= low) & (hashes < high))))
        table = pa.Table.from_batches(pieces, ADDRESSES)
        _, firsts = np.unique(table.column("address").to_numpy(), return_index=True)
        return table.take(pa.array(firsts))

    def _aggregated(self, touched: pa.Table) -> pa.Table:
        addresses = touched.column("address").to_numpy()
        pieces = []
        for batch in self._of_kind(ORDER, "placed", "address", "website_id", "website"):
            known = pa.array(_is_in(batch.column("address").to_numpy(), addresses))
            pieces.append(batch.filter(known))
        orders = pa.Table.from_batches(pieces)
        columns = (orders.column(name).to_numpy() for name in ("id", "placed", "address"))
        orders = orders.take(pa.array(np.lexsort(tuple(columns))))
        firsts = np.searchsorted(orders.column("address").to_numpy(), addresses)
        lasts = np.append(firsts[1:], orders.num_rows) - 1
        placed = orders.column("placed")
        named = pc.or_(pc.is_valid(orders.column("website_id")), pc.is_valid(orders.column("website")))
        told = _with_websites(touched, addresses, orders.filter(named))
        for name, places in (("first", firsts), ("last", lasts)):
            told = told.append_column(name, placed.take(pa.array(places)))
        return told

    # ---- fulfilments --------------------------------------------------------------------------------------

    def last_fulfilments(self) -> Iterator[pa.RecordBatch]:
        """For each order that this run has read a fulfilment of the one that completes it, if nothing of the
        order is left to ship, ordered by ``internalid``; the ``order``, and its ``total``, which is NaN where
        the order is not known.

        It is the one that was delivered as that. Else it is the last that was not delivered yet: parcels may
        leave in another order than they were packed, and what was sent of one can't be changed. All that are
        known count, so whichever run delivers first, they come to one.
        """
        made = _pairs(lines_made_from(self.run.dataset("valid", FULFILMENTS), FULFILMENT), "source")
        orders = np.unique(made[1])
        if not len(orders):
            return
        ids, sources = _pairs(self._of_kind(FULFILMENT, "source"), "source")
        mine = _is_in(sources, orders)
        ids, sources = ids[mine], sources[mine]
        by_order = np.lexsort((ids, self._standings(ids, sources), sources))
        last = np.append(np.diff(sources[by_order]) != 0, [True])
        ids, sources = ids[by_order][last], sources[by_order][last]
        known, totals = _pairs(self._orders_among(sources, "total"), "total", np.float64)
        known, firsts = np.unique(known, return_index=True)
        totals = totals[firsts]
        found = np.full(len(ids), np.nan)
        there = _is_in(sources, known)
        found[there] = totals[np.searchsorted(known, sources[there])]
        order = np.argsort(ids)
        yield pa.record_batch({"internalid": ids[order], "order": sources[order], "total": found[order]})

    def _standings(self, ids: Ints, orders: Ints) -> Ints:
        """How much speaks for each fulfilment (ordered) to complete its order: 2 where it was delivered as
        that, 1 where it was not delivered, 0 where it was delivered as a part.
        """
        standings = np.ones(len(ids), dtype=np.int64)
        highest = np.zeros(len(ids), dtype=bool)
        by_order = np.lexsort((ids, orders))
        highest[by_order] = np.append(np.diff(orders[by_order]) != 0, [True])
        for batch in ledger.read(self.run.ledger(FULFILMENTS), ["id", "sub", "key_hash"]):
            here = batch.filter(pa.array(_is_in(batch.column("id").to_numpy(), ids)))
            places = np.searchsorted(ids, here.column("id").to_numpy())
            hashes = here.column("key_hash").to_pylist()
            for place, order, hash_ in zip(places.tolist(), orders[places].tolist(), hashes, strict=True):
                # Without a hash it was delivered when only the last of all that were known completed an
                # order.
                old = hash_ is None and highest[place]
                standings[place] = 2 if old or hash_ == ledger.key_hashes([fulfilled_key(order)]) else 0
        return standings

    def _orders_among(self, ids: Ints, *columns: str) -> Iterator[pa.RecordBatch]:
        """Of an order that is there twice, what a run read as its own comes first."""
        wanted = np.unique(ids)
        for batch in self._lines(["kind", *columns]):
            orders = np.isin(batch.column("kind").to_numpy(), (ORDER, REFERRED))
            yield batch.filter(pa.array(orders & _is_in(batch.column("id").to_numpy(), wanted)))

    # ---- refunds ------------------------------------------------------------------------------------------

    def refunded(self) -> Iterator[pa.RecordBatch]:
        """For each refund of this run whose order is known, ordered by ``internalid``: the ``order``, its
        document ``number`` and ``total``, what is ``refunded`` of it with this refund, and whether that
        makes it ``whole``.

        Refunds count in the order in which they reach Klaviyo: first those that were delivered, then this
        run's by internal id. So one refund of an order makes it whole, even if an older one turns up later.
        What makes it whole is reckoned at the order's exchange rate, since a refund has that of its own day.
        """
        run_ids = np.unique(_pairs(lines_made_from(self.run.dataset("valid", REFUNDS), REFUND), "source")[0])
        if not len(run_ids):
            return
        names = ["id", "source", "total", "rate"]
        refunds = pa.Table.from_batches(batch.select(names) for batch in self._of_kind(REFUND, *names[1:]))
        ids = refunds.column("id").to_numpy()
        totals = np.abs(refunds.column("total").fill_null(0.0).to_numpy())
        rates = refunds.column("rate").fill_null(0.0).to_numpy()
        roots = self._roots(refunds.column("source").fill_null(0).to_numpy())
        mine = _is_in(ids, run_ids) & (roots > 0)
        orders: dict[int, dict[str, Any]] = {}
        for batch in self._orders_among(roots[mine], "total", "number", "rate"):
            for row in batch.to_pylist():
                orders.setdefault(row["id"], row)
        delivered = _is_in(ids, self._delivered())
        so_far = {root: _Refunded(row["total"], row["rate"] or 0.0) for root, row in orders.items()}
        for root, total, rate in zip(
            *(array[delivered].tolist() for array in (roots, totals, rates)), strict=True
        ):
            if root in so_far:
                so_far[root].add(total, rate)
        rows = []
        for id_, root, total, rate, before in zip(
            *(array[mine].tolist() for array in (ids, roots, totals, rates, delivered)), strict=True
        ):
            refunded = so_far[root]
            # What was whole before this refund is not made so again.
            first = not before and not refunded.whole
            if not before:
                refunded.add(total, rate)
            rows.append(
                {
                    "internalid": id_,
                    "order": root,
                    "number": orders[root]["number"],
                    "total": refunded.order,
                    "refunded": round(refunded.total, 2),
                    "whole": first and refunded.whole and refunded.order > 0,
                }
            )
        if rows:
            yield pa.RecordBatch.from_pylist(rows)

    def _delivered(self) -> Ints:
        read = ledger.read(self.run.ledger(REFUNDS), ["id"])
        pieces = [np.empty(0, dtype=np.int64), *(batch.column("id").to_numpy() for batch in read)]
        return np.unique(np.concatenate(pieces))

    def _roots(self, made_from: Ints) -> Ints:
        """The order at the end of the chain of each transaction, given what it was made from; 0 where none is
        known.
        """
        at = made_from.copy()
        roots = np.zeros(len(at), dtype=np.int64)
        for _ in range(STEPS):
            wanted = np.unique(at[at > 0])
            if not len(wanted):
                break
            nexts: dict[int, int] = {}
            for batch in self._lines(["kind", "source"]):
                here = batch.filter(pa.array(_is_in(batch.column("id").to_numpy(), wanted)))
                for id_, kind, source in zip(
                    *(here.column(name).to_pylist() for name in ("id", "kind", "source")), strict=True
                ):
                    nexts[id_] = -id_ if kind in (ORDER, REFERRED) else (source or 0) if kind == LINK else 0
            step = np.array([nexts.get(id_, 0) for id_ in at.tolist()], dtype=np.int64)
            roots = np.where(step < 0, -step, roots)
            at = np.maximum(step, 0)
        return roots


def _is_in(values: Ints, among: Ints) -> npt.NDArray[np.bool_]:
    """Whether each value is one of ``among``, which is ordered."""
    if not len(among):
        return np.zeros(len(values), dtype=bool)
    found: npt.NDArray[np.bool_] = among[np.minimum(np.searchsorted(among, values), len(among) - 1)] == values
    return found


def _keys(batch: pa.RecordBatch) -> Ints:
    """The (id, sub) of lines, each as one number."""
    keys: Ints = 2 * batch.column("id").to_numpy() + batch.column("sub").to_numpy()
    return keys


def _pairs(
    batches: Iterator[pa.RecordBatch], name: str, kind: type[Any] = np.int64
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The ids and one column of lines, as a whole; nothing reads as 0."""
    ids, others = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=kind)]
    for batch in batches:
        ids.append(batch.column("id").to_numpy())
        others.append(batch.column(name).fill_null(0).to_numpy())
    return np.concatenate(ids), np.concatenate(others)


def _with_websites(touched: pa.Table, addresses: Ints, orders: pa.Table) -> pa.Table:
    """The addresses with their original website and the ids of all; ``orders`` have one, by address and when
    they were placed.
    """
    owners = orders.column("address").to_numpy()
    have, firsts = np.unique(owners, return_index=True)
    places = pa.array(np.searchsorted(have, addresses), mask=~_is_in(addresses, have))
    originals = orders.select(["website_id", "website"]).take(pa.array(firsts)).take(places)
    numbered = orders.filter(pc.is_valid(orders.column("website_id")))
    owned = np.stack([numbered.column(name).to_numpy() for name in ("address", "website_id")])
    pairs = np.unique(owned, axis=1) if numbered.num_rows else owned
    offsets = np.append(np.searchsorted(pairs[0], addresses), len(pairs[0])).astype(np.int32)
    websites = pa.ListArray.from_arrays(pa.array(offsets), pa.array(pairs[1], pa.int64()))
    return (
        touched.append_column("original_id", originals.column("website_id"))
        .append_column("original", originals.column("website"))
        .append_column("websites", websites)
    )
