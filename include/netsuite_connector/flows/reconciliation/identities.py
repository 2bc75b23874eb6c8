"""Which event is ours, which record of the flow stands behind it, and when the ledger took that record in.

An event's identity at Klaviyo is its profile, metric and ``unique_id``. Here it is named by the last two, as
a record's event is the same one whoever it belongs to.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from netsuite_connector.domains.cancellations import CANCELLATIONS
from netsuite_connector.domains.fulfilments import FULFILMENTS
from netsuite_connector.domains.opportunities import OPPORTUNITIES
from netsuite_connector.domains.orders import ORDERS
from netsuite_connector.domains.quotes import QUOTES
from netsuite_connector.domains.refunds import REFUNDS
from netsuite_connector.flows.reconciliation import forms
from netsuite_connector.flows.reconciliation.reading import Reading, delivered_at
from netsuite_connector.stores.model import FlowName, Store

Name = tuple[str, str]
"""An event's metric and ``unique_id``."""

Key = tuple[int, int]
"""A record's internal id and ``sub``, as the ledger has them."""

MOVING = {
    *("Cancelled Order", "Opportunity Won", "Opportunity Lost"),
    *("Quote Accepted", "Quote Expired", "Quote Declined"),
}
"""Their time is when a record was seen to have changed; it may have changed again since."""

_PREFIX = "netsuite-"
_LINE = r"-(?P<line>\d+)"


@dataclass(frozen=True, slots=True)
class _Behind:
    """The record behind a metric's events: its source, what follows the internal id in the ``unique_id``, and
    its ``sub`` unless that is a line's. ``of_order``: the id is that of the order which the record is of.
    """

    source: str
    ending: str = ""
    sub: int = 0
    of_order: bool = False


_BY_FLOW = {
    FlowName.ORDERS.value: {
        "Ordered Product": _Behind(ORDERS.name, _LINE),
        "Cancelled Order": _Behind(CANCELLATIONS.name),
        "Fulfilled Order": _Behind(FULFILMENTS.name, "-fulfilled", of_order=True),
        "Partially Fulfilled Order": _Behind(FULFILMENTS.name),
        "Refunded Order": _Behind(REFUNDS.name, of_order=True),
        "Partially Refunded Order": _Behind(REFUNDS.name),
    },
    FlowName.OPPORTUNITIES.value: {
        "Opportunity": _Behind(OPPORTUNITIES.name),
        "Opportunity Won": _Behind(OPPORTUNITIES.name, "-won", 1),
        "Opportunity Lost": _Behind(OPPORTUNITIES.name, "-lost", 2),
    },
    FlowName.QUOTES.value: {
        "Quote": _Behind(QUOTES.name),
        "Quote Accepted": _Behind(QUOTES.name, "-accepted", 1),
        "Quote Expired": _Behind(QUOTES.name, "-expired", 2),
        "Quote Declined": _Behind(QUOTES.name, "-declined", 3),
    },
}


class Identities:
    """The identities of a flow's events."""

    def __init__(self, store: Store, flow: str) -> None:
        custom = store.flows[flow].custom
        self._behind: dict[str, _Behind] = {}
        if custom is None:
            placed = {store.orders.metric: _Behind(ORDERS.name)} if flow == FlowName.ORDERS else {}
            self._behind = {**placed, **_BY_FLOW.get(flow, {})}
        elif custom.metric is not None:
            self._behind = {custom.metric: _Behind(flow, f"({_LINE})?")}
        self._prefix = re.escape(_PREFIX if custom is None else f"{_PREFIX}{flow}-")
        self._ours = re.compile(rf"{self._prefix}(\d+)")

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics under which the flow's events are counted in Klaviyo."""
        return tuple(self._behind)

    def are_ours(self, unique_id: str) -> bool:
        """Whether an event with this ``unique_id`` is ours."""
        return self._ours.match(unique_id) is not None

    def internal_id(self, unique_id: str) -> int:
        """The internal id in a ``unique_id`` of ours."""
        match = self._ours.match(unique_id)
        assert match is not None, unique_id  # noqa: S101 - others are not taken for ours
        return int(match[1])

    def sent(self, run: Reading, names: Collection[Name]) -> dict[Name, dict[int, datetime]]:
        """The records behind events that the ledger has as delivered, by their internal ids, and when it took
        them in; none for an event that we have never sent. A *Fulfilled* or *Refunded Order* may be any of
        the order's fulfilments or refunds.
        """
        found: dict[Name, dict[int, datetime]] = {name: {} for name in names}
        keys: defaultdict[str, defaultdict[Key, list[Name]]] = defaultdict(lambda: defaultdict(list))
        for name, source, key in self._records_behind(run, names):
            keys[source][key].append(name)
        for each in run.domain.delivered:
            named = keys[each.name]
            for key, moment in delivered_at(run, each, {id_ for id_, _ in named}).items():
                for name in named.get(key, ()):
                    found[name][key[0]] = moment
        return found

    def _records_behind(self, run: Reading, names: Iterable[Name]) -> Iterator[tuple[Name, str, Key]]:
        """Which record of which source an event is of, or may be of."""
        of_orders: list[tuple[Name, str, int]] = []
        for name in names:
            behind = self._behind[name[0]]
            match = re.fullmatch(rf"{self._prefix}(?P<id>\d+){behind.ending}", name[1])
            if match is None:
                continue
            parts = match.groupdict()
            if behind.of_order:
                of_orders.append((name, behind.source, int(parts["id"])))
            else:
                yield name, behind.source, (int(parts["id"]), int(parts.get("line") or behind.sub))
        made = forms.made_of(run, {order for _, _, order in of_orders}) if of_orders else {}
        for name, source, order in of_orders:
            for id_ in made[source].get(order, ()):
                yield name, source, (id_, 0)
