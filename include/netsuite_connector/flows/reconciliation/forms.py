"""The two forms of what becomes of an order.

A fulfilment is a *Fulfilled Order* or a *Partially Fulfilled Order*, and a refund a *Refunded Order* or a
*Partially Refunded Order* (docs/domains.md). Which of them is decided when it is sent, by what was known of
its order then, and can't be changed later. So either form agrees, as long as it has the record's own time.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from netsuite_connector.domains.fulfilments import FULFILMENTS
from netsuite_connector.domains.model import Source
from netsuite_connector.domains.refunds import REFUNDS
from netsuite_connector.flows.book import Book
from netsuite_connector.flows.book_lines import FULFILMENT, LINK, REFUND, SCHEMA, lines_made_from
from netsuite_connector.flows.reconciliation.model import CENT
from netsuite_connector.flows.reconciliation.reading import Reading
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.segments import Segments

_FULFILLED, _PARTLY_FULFILLED = "Fulfilled Order", "Partially Fulfilled Order"
_REFUNDED, _PARTLY_REFUNDED = "Refunded Order", "Partially Refunded Order"
_WHOLE = {_FULFILLED, _REFUNDED}
_SOURCES = {FULFILMENT: FULFILMENTS.name, REFUND: REFUNDS.name}
# Refund, return, invoice, order: so many steps lead from an order to its refunds at most, and one to spare.
_STEPS = 5


@dataclass(frozen=True, slots=True)
class Form:
    """An event as Klaviyo knows it. ``at`` is in UTC, to the second; ``value`` is None without one, and NaN
    where it is not known.
    """

    metric: str
    unique_id: str
    at: datetime
    value: float | None


@dataclass(frozen=True, slots=True)
class Of:
    """What a record is of: an order; the metrics, identities and values of its two forms, whole and partial;
    and whether what is known of the order makes it whole.
    """

    whole: tuple[str, str, float | None]
    part: tuple[str, str, float | None]
    complete: bool


def others(reading: Reading, source: Source) -> dict[int, Of]:
    """For each fulfilment or refund of the reading what it is of; nothing for other sources."""
    if source is FULFILMENTS:
        return _fulfilments(reading)
    return _refunds(reading) if source is REFUNDS else {}


def other(of: Of | None, form: Form) -> Form | None:
    """The form that the record may have been sent in instead."""
    if of is None:
        return None
    if form.metric in _WHOLE:
        return Form(*of.part[:2], form.at, of.part[2])
    # A part that does not complete its order was never the whole: its fulfilments may have changed though.
    return Form(*of.whole[:2], form.at, of.whole[2]) if of.complete else None


def once(of: Of | None, form: Form) -> Form | None:
    """The whole form of what makes its order whole no more, as the order or the record itself was changed."""
    if of is None or of.complete or form.metric in _WHOLE:
        return None
    return Form(*of.whole[:2], form.at, of.whole[2])


def whole_of(form: Form, instead: Form | None) -> Form | None:
    """The *Refunded Order* of a refund's two forms, where it may be one; None for others."""
    for each in (form, instead):
        if each is not None and each.metric == _REFUNDED:
            return each
    return None


def made_of(run: Run, orders: Collection[int]) -> dict[str, dict[int, set[int]]]:
    """The fulfilments and refunds of these orders that the flow has ever read, by source and order, as its
    order book has them: also those that are gone from NetSuite.
    """
    found: dict[str, dict[int, set[int]]] = {source: {} for source in _SOURCES.values()}
    order_of = {order: order for order in orders}
    book = Segments(run.staging, (run.store.store, run.domain.flow, "book", run.between), SCHEMA)
    for _ in range(_STEPS):
        known = np.array(sorted(order_of), dtype=np.int64)
        for batch in book.read(["id", "kind", "source"]):
            made_from = batch.column("source").fill_null(0).to_numpy()
            near = batch.filter(pa.array(np.isin(made_from, known)))
            columns = (near.column(name).to_pylist() for name in ("id", "kind", "source"))
            for id_, kind, source in zip(*columns, strict=True):
                if kind == LINK:
                    order_of[id_] = order_of[source]
                elif kind in _SOURCES:
                    found[_SOURCES[kind]].setdefault(order_of[source], set()).add(id_)
        if len(order_of) == len(known):
            break
    return found


def as_form(payload: bytes, form: Form) -> bytes:
    """An event's element in another of its forms."""
    element = orjson.loads(payload)
    [event] = element["attributes"]["events"]["data"]
    attributes: dict[str, Any] = event["attributes"]
    attributes["metric"]["data"]["attributes"]["name"] = form.metric
    attributes["unique_id"] = form.unique_id
    if form.value is not None and not math.isnan(form.value):
        attributes["value"] = form.value
    return orjson.dumps(element)


def _fulfilments(reading: Reading) -> dict[int, Of]:
    totals = {
        row["order"]: row["total"] for batch in Book(reading).last_fulfilments() for row in batch.to_pylist()
    }
    found = {}
    for batch in lines_made_from(reading.dataset("valid", FULFILMENTS), FULFILMENT):
        for row in batch.to_pylist():
            order, id_ = row["source"], row["id"]
            if order is not None:
                whole = (_FULFILLED, f"netsuite-{order}-fulfilled", totals.get(order, math.nan))
                part = (_PARTLY_FULFILLED, f"netsuite-{id_}", None)
                found[id_] = Of(whole, part, complete=True)
    return found


def _refunds(reading: Reading) -> dict[int, Of]:
    own = {
        row["id"]: abs(row["total"] or 0.0)
        for batch in lines_made_from(reading.dataset("valid", REFUNDS), REFUND)
        for row in batch.to_pylist()
    }
    known = [row for batch in Book(reading).refunded() for row in batch.to_pylist()]
    so_far: defaultdict[int, float] = defaultdict(float)
    for row in known:
        so_far[row["order"]] = max(so_far[row["order"]], row["refunded"])
    return {
        row["internalid"]: Of(
            (_REFUNDED, f"netsuite-{row['order']}", row["total"]),
            (_PARTLY_REFUNDED, f"netsuite-{row['internalid']}", own.get(row["internalid"], math.nan)),
            complete=0 < row["total"] < so_far[row["order"]] + CENT,
        )
        for row in known
    }
