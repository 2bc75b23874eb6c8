"""Which flows of which stores real time serves, and which of them are in trouble.

Whatever can't be settled for one store or flow, such as a second configuration record or a mark that is
damaged, is that flow's trouble and nobody else's: its entries are held, and the others go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from netsuite_connector.domains.model import Domain
from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows import highwater
from netsuite_connector.flows.changes import types_for
from netsuite_connector.flows.domain import domain_of
from netsuite_connector.flows.recent import Memory
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.settings import settings_of
from netsuite_connector.netsuite.client import NetSuiteClient
from netsuite_connector.netsuite.custom_records import OutboxEntry
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.configuration import Configured
from netsuite_connector.stores.model import FlowName, Store
from netsuite_connector.window import Window

log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 15.0, 900.0


@dataclass(slots=True)
class Trouble:
    """Why something failed the last time (``error``; None when it did not), how often in a row, and when it
    is tried ``again``, as the drain's clock has it.
    """

    error: Exception | None = None
    failures: int = 0
    again: float = 0.0

    def add(self, error: Exception, now: float) -> None:
        """It failed again."""
        self.failures += 1
        self.error = error
        self.again = now + min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self.failures - 1, 10))

    def end(self) -> None:
        """It went well."""
        self.error, self.failures, self.again = None, 0, 0.0


@dataclass(slots=True)
class Flow:
    """A flow of a store in real time, which entries of some ``types`` concern. ``mark``: up to when its
    scheduled runs have delivered all; ``read_up_to``: what changed before that, less an overlap, real time
    has read since; ``delivered``: entries that it has had, and that wait for another flow. ``settling`` is
    trouble with its settings, ``delivering`` with its stages.
    """

    found: Configured
    domain: Domain
    types: frozenset[str]
    mark: datetime | None = None
    read_up_to: datetime | None = None
    delivered: set[int] = field(default_factory=set)
    settling: Trouble = field(default_factory=Trouble)
    delivering: Trouble = field(default_factory=Trouble)

    @property
    def name(self) -> tuple[str, str]:
        """Store and flow."""
        return (self.found.store.store, self.domain.flow)

    @property
    def error(self) -> Exception | None:
        """Why it is in trouble; None when it is not."""
        return self.settling.error or self.delivering.error

    def wants(self, entry: OutboxEntry) -> bool:
        """Whether the entry concerns the flow, and it has not had it yet."""
        return entry.type in self.types and entry.id not in self.delivered

    def ready(self, now: float) -> bool:
        """Whether it can be tried now."""
        return self.settling.error is None and now >= self.delivering.again


class Served:
    """The flows in real time, as the stores' settings and NetSuite's configuration records have it."""

    def __init__(
        self,
        stores: Sequence[Store],
        netsuite: NetSuiteClient,
        staging: Staging,
        clock: Callable[[], float],
    ) -> None:
        self._stores = stores
        self._netsuite = netsuite
        self._staging = staging
        self._clock = clock
        self._settings = Memory(clock)
        self._known: dict[tuple[str, str], Flow] = {}
        self.flows: list[Flow] = []
        """As they were looked at last."""

    def look(self) -> list[Flow]:
        """The flows as they are now, those in trouble among them."""
        flows = (
            self._flow(store, name)
            for store in self._stores
            for name in FlowName
            if name in store.realtime.flows
        )
        self.flows = [flow for flow in flows if flow is not None]
        return self.flows

    def wanted(self, entry: OutboxEntry) -> bool:
        """Whether a flow still has to have the entry."""
        return any(flow.wants(entry) for flow in self.flows)

    @property
    def in_trouble(self) -> list[Flow]:
        """The flows that failed the last time."""
        return [flow for flow in self.flows if flow.error is not None]

    @property
    def stuck_types(self) -> frozenset[str]:
        """The record types that only flows in trouble wait for."""
        stuck, others = set[str](), set[str]()
        for flow in self.flows:
            (others if flow.error is None else stuck).update(flow.types)
        return frozenset(stuck - others)

    def forget(self, entries: set[int]) -> None:
        """These entries are gone."""
        for flow in self._known.values():
            flow.delivered -= entries

    def _flow(self, store: Store, name: FlowName) -> Flow | None:
        """The flow; None where it is switched off, or has not yet run once: its first run reads all there is,
        and takes all for history.
        """
        settings = store.flows.get(name)
        if settings is None or not settings.enabled:
            return None
        first = Flow(Configured(store), DOMAINS[name], types_for(DOMAINS[name]))
        flow = self._known.setdefault((store.store, name), first)
        if self._clock() < flow.settling.again:
            return flow
        try:
            takes_part = self._settle(flow, store, name)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other flows go on
            flow.settling.add(error, self._clock())
            log.warning("%s of %s waits in real time: %s", *reversed(flow.name), error)
            return flow
        flow.settling.end()
        return flow if takes_part else None

    def _settle(self, flow: Flow, store: Store, name: FlowName) -> bool:
        """Read the flow's mark and settings; whether it takes part."""
        # First what the YAML file alone settles: a flow that has no part in real time holds no entries,
        # whatever the configuration record is like.
        domain = domain_of(store, name)
        mark = highwater.read(Run(store, domain, Window(), self._staging))
        if domain.feed or mark is None:
            return False
        flow.found = self._settings.get(store.store, partial(settings_of, store, self._netsuite))
        flow.domain = domain_of(flow.found.store, name)
        flow.types = types_for(flow.domain)
        flow.mark = datetime.fromisoformat(mark.moment)
        return flow.found.store.flows[name].enabled
