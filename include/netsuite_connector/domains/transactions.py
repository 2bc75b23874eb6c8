"""Transactions to events: rows of lines gathered, and one or several events made of each transaction."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from netsuite_connector.domains.columns import sent, values
from netsuite_connector.domains.events import (
    STOREFRONT,
    Addresses,
    Properties,
    event_element,
    extra_of,
    extra_values,
    storefronts,
)
from netsuite_connector.domains.model import Records, Site, Source
from netsuite_connector.domains.objects import object_for
from netsuite_connector.domains.sold_items import Items


class Grouped:
    """Feeds whole transactions to ``_events``: one whose lines run over the end of a batch waits for the
    next.
    """

    def __init__(self) -> None:
        self.warnings: Counter[str] = Counter()
        self._waiting: pa.RecordBatch | None = None

    def feed(self, batch: pa.RecordBatch) -> Records:
        """The events of all transactions but the last, which may go on in the next batch."""
        if self._waiting is not None:
            batch = pa.concat_batches([self._waiting, batch])
        if not batch.num_rows:
            return Records()
        ids = batch.column("internalid").to_numpy()
        starts = np.flatnonzero(np.diff(ids, prepend=ids[0] - 1)).tolist()
        self._waiting = batch.slice(starts[-1])
        return self._events(batch.slice(0, starts[-1]), starts[:-1])

    def finish(self) -> Records:
        """The events of the last transaction."""
        waiting, self._waiting = self._waiting, None
        return Records() if waiting is None else self._events(waiting, [0])

    @abstractmethod
    def _events(self, batch: pa.RecordBatch, starts: list[int]) -> Records:
        """The events of whole transactions, which begin at the rows ``starts``."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a transaction: ``sub`` and ``key`` are its identities in the ledger and at Klaviyo."""

    sub: int
    key: str
    metric: msgspec.Raw
    time: str
    value: float | None


class TransactionShaper(Grouped):
    """Transactions to events that have the same properties, one or several each. The first accounts for the
    transaction's rows.

    ``known`` is property -> column of the transaction, ``more`` the names of what :meth:`_more` gives.
    """

    known: Mapping[str, str] = MappingProxyType({})
    more: tuple[str, ...] = ()
    back = False

    def __init__(self, source: Source, site: Site, columns: Collection[str]) -> None:
        super().__init__()
        self._site = site
        self._items = Items(site, columns, back=self.back)
        self._addresses = {
            name: Addresses(place, columns)
            for name, place in (("BillingAddress", "bill"), ("ShippingAddress", "ship"))
        }
        self._known = Properties.of({"NetSuite Ship Via": "shipmethod", **self.known}, columns)
        self._extra = extra_of(source, site, columns, *self.known.values()).header
        self._properties = object_for(
            site,
            *("NetSuite ID", "NetSuite Type", "NetSuite Status", "Currency"),
            *STOREFRONT,
            *self._known.names,
            *self.more,
            *self._addresses,
            *("ItemNames", "Brands", "Categories", "Items"),
            extra=self._extra,
        )

    def _events(self, batch: pa.RecordBatch, starts: list[int]) -> Records:
        if not starts:
            return Records()
        made = Records()
        payloads: list[bytes] = []
        ends = [*starts[1:], batch.num_rows]
        lines = self._items.of(batch)
        firsts = batch.take(pa.array(starts, pa.int64()))
        ids = firsts.column("internalid").to_pylist()
        listed = [lines.of(start, end).values() for start, end in pairwise([*starts, batch.num_rows])]
        columns = [
            [str(id_) for id_ in ids],
            *(sent(firsts, name, self._site.as_id) for name in ("type", "statusref", "currency")),
            *storefronts(firsts),
            *self._known.values(firsts, self._site),
            *self._more(firsts),
            *(address.of(firsts) for address in self._addresses.values()),
            *(list(column) for column in zip(*listed, strict=True)),
            *extra_values(firsts, self._extra, self._site),
        ]
        rows = [end - start for start, end in zip(starts, ends, strict=True)]
        emails = values(firsts, "customermain.email")
        for id_, email, count, properties, events in zip(
            ids, emails, rows, map(self._properties, *columns), self._happened(firsts), strict=True
        ):
            for number, event in enumerate(events):
                made.id.append(id_)
                made.sub.append(event.sub)
                made.key.append(event.key)
                made.rows.append(0 if number else count)
                element = event_element(
                    self._site, email, properties, event.time, event.value, event.key, event.metric
                )
                payloads.append(element)
        made.payload = payloads
        return made

    def _more(self, firsts: pa.RecordBatch) -> list[list[Any]]:  # noqa: ARG002
        """The values of the properties ``more``."""
        return []

    @abstractmethod
    def _happened(self, firsts: pa.RecordBatch) -> Iterator[list[Event]]:
        """For each transaction, given its first row, its events ordered by ``sub``; at least one."""


def day_or(batch: pa.RecordBatch, name: str, otherwise: str) -> list[str]:
    """A date as a moment, noon UTC, or where there is none the moment in the column ``otherwise`` and last
    that of the creation.
    """
    fallback = zip(values(batch, otherwise), values(batch, "datecreated"), strict=True)
    days = values(batch, name)
    return [
        f"{day[:10]}T12:00:00Z" if day else other or created
        for day, (other, created) in zip(days, fallback, strict=True)
    ]


Maker = Callable[[Source, Site, Collection[str]], TransactionShaper]
