"""Real time: drains the outbox of a NetSuite account into the flows of all stores that read from it.

An entry of the outbox says that a record changed, and is only a reason to look: the record is read anew
through the flows' saved searches and goes through all their stages, as in any run. An entry is acknowledged
once every store's flows that it concerns have delivered its record, or have it on the list of rejected rows.
Whatever ends in between, the entry is there again; identities and the ledger make a second delivery harmless.
High-water marks stay where they are: the scheduled runs are the safety net.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from netsuite_connector.domains.model import Domain
from netsuite_connector.flows import highwater
from netsuite_connector.flows.changes import Changes, changes_for
from netsuite_connector.flows.confirm import confirm
from netsuite_connector.flows.domain import domain_of
from netsuite_connector.flows.extract import extract
from netsuite_connector.flows.plan import Asked, Plan, finish
from netsuite_connector.flows.prompt import PromptClient
from netsuite_connector.flows.push import push
from netsuite_connector.flows.recent import Memory, RecentClient
from netsuite_connector.flows.report import report
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.settings import settings_of
from netsuite_connector.flows.shape import shape
from netsuite_connector.flows.validate import validate
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.netsuite.client import NetSuiteClient
from netsuite_connector.netsuite.custom_records import OutboxEntry
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.configuration import Configured
from netsuite_connector.stores.model import FlowName, Store
from netsuite_connector.window import Window

log = logging.getLogger(__name__)

MOST = 2_000
"""So many entries are dealt with at once."""

# Lookups are read from so long before the first entry, since what a record refers to may have changed along
# with it, and clocks differ.
_BEFORE = timedelta(minutes=5)
_FIRST_PAUSE, _LONGEST_PAUSE = 15.0, 900.0
_PAUSE = 1.0  # seconds between two looks at an empty outbox


@dataclass(slots=True)
class Flow:
    """A flow of a store in real time. ``error`` is why it failed the last time, ``again`` when it is tried
    again, as ``time.monotonic`` has it.
    """

    found: Configured
    domain: Domain
    failures: int = 0
    again: float = 0.0
    error: Exception | None = None

    @property
    def name(self) -> tuple[str, str]:
        """Store and flow."""
        return (self.found.store.store, self.domain.flow)


@dataclass(slots=True)
class Drained:
    """What was drained: ``entries`` acknowledged, ``held`` because a flow failed, in so many ``passes``;
    ``rows`` by what became of them; ``ages``: seconds from each save to its acknowledgement.
    """

    entries: int = 0
    held: int = 0
    passes: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    ages: list[float] = field(default_factory=list)

    def add(self, other: Drained) -> None:
        """Count what another pass did; what is held is what was held at last."""
        self.entries += other.entries
        self.held = other.held
        self.passes += other.passes
        self.ages += other.ages
        for name, count in other.rows.items():
            self.rows[name] = self.rows.get(name, 0) + count

    def numbers(self) -> dict[str, Any]:
        """The numbers for people, with the ages' median and maximum."""
        ages = {"median": round(median(self.ages), 1), "most": round(max(self.ages), 1)} if self.ages else {}
        return asdict(self) | {"ages": ages}


class Drain:
    """Drains one account's outbox for ``stores``. ``klaviyo`` gives the client of a connection."""

    def __init__(
        self,
        stores: Sequence[Store],
        netsuite: NetSuiteClient,
        klaviyo: Callable[[str], KlaviyoClient],
        staging: Staging,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stores = stores
        self._netsuite = netsuite
        self._klaviyo = klaviyo
        self._staging = staging
        self._clock = clock
        self._memory = Memory(clock)
        self._settings = Memory(clock)
        self._flows: dict[tuple[str, str], Flow] = {}
        self._beat: Callable[[], None] = lambda: None

    def run(
        self,
        *,
        seconds: float,
        linger: float,
        beat: Callable[[], None] = lambda: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Drained:
        """Drain for ``seconds`` at most, and until the outbox has been empty for ``linger`` seconds.

        ``beat`` is called again and again meanwhile. Raises why a flow failed, after all others are served.
        """
        self._beat = beat
        total = Drained()
        end = self._clock() + seconds
        quiet = self._clock() + linger
        while True:
            self._beat()
            done = self.once()
            total.add(done)
            if done.entries:
                quiet = self._clock() + linger
            if self._clock() >= end or (not done.entries and self._clock() >= quiet):
                break
            if not done.entries:
                sleep(_PAUSE)
        log.info("Drained: %s", total.numbers())
        for flow in self._flows.values():
            if flow.error is not None:
                raise flow.error
        return total

    def once(self) -> Drained:
        """Deal with the entries that are there now."""
        entries = self._entries()
        if not entries:
            return Drained()
        done = Drained(passes=1)
        held: set[int] = set()
        self._forget_items(entries)
        for flow in self._served():
            changes = changes_for(flow.domain, entries)
            if changes is None:
                continue
            self._beat()
            if self._clock() < flow.again or not self._deliver(flow, changes, done):
                held |= changes.entries
        ready = [entry for entry in entries if entry.id not in held]
        if ready:
            self._netsuite.acknowledge([entry.id for entry in ready])
        now = datetime.now(UTC)
        done.entries, done.held = len(ready), len(held)
        done.ages = [(now - entry.at).total_seconds() for entry in ready]
        return done

    def _entries(self) -> list[OutboxEntry]:
        """The first entries, always from the beginning: one with a lower id may show later than others."""
        entries: list[OutboxEntry] = []
        while len(entries) < MOST:
            page = self._netsuite.outbox(entries[-1].id if entries else None)
            entries += page.entries
            if not page.left or not page.entries:
                break
        return entries

    def _forget_items(self, entries: Sequence[OutboxEntry]) -> None:
        """What is known of items and categories is old when one of them has changed."""
        if any(entry.type.endswith("item") for entry in entries):
            self._memory.forget()

    def _served(self) -> list[Flow]:
        """The flows in real time, as the stores' settings and NetSuite's configuration records have it."""
        flows = (
            self._flow(found, name)
            for found in self._settings.get("stores", self._configured)
            for name in FlowName
            if name in found.store.realtime.flows
        )
        return [flow for flow in flows if flow is not None]

    def _configured(self) -> list[Configured]:
        return [settings_of(store, self._netsuite) for store in self._stores]

    def _flow(self, found: Configured, name: FlowName) -> Flow | None:
        """The flow; None where it is switched off, or has not yet run once: its first run reads all there is,
        and takes all for history.
        """
        settings = found.store.flows.get(name)
        if settings is None or not settings.enabled:
            return None
        domain = domain_of(found.store, name)
        flow = self._flows.setdefault((found.store.store, name), Flow(found, domain))
        flow.found, flow.domain = found, domain
        if domain.feed or highwater.read(self._run(flow, "", Window())) is None:
            return None
        return flow

    def _deliver(self, flow: Flow, changes: Changes, done: Drained) -> bool:
        """Take the changes through all stages; whether that went well."""
        try:
            numbers = self._stages(flow, changes)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other flows go on
            flow.failures += 1
            # Somebody may mend a saved search, and the next try must see it.
            self._memory.forget()
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (flow.failures - 1))
            flow.error, flow.again = error, self._clock() + pause
            log.warning("%s of %s failed in real time: %s", *reversed(flow.name), error)
            return False
        flow.failures, flow.error, flow.again = 0, None, 0.0
        for name, count in numbers["rows"].items():
            done.rows[name] = done.rows.get(name, 0) + count
        return True

    def _stages(self, flow: Flow, changes: Changes) -> dict[str, Any]:
        name = f"realtime-{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
        run = self._run(flow, name, Window(changes.since - _BEFORE))
        netsuite = RecentClient(self._netsuite, self._memory, changes.gone)
        klaviyo = PromptClient(self._klaviyo(run.store.klaviyo.connection))
        self._staging.write_json(run.document("ids.json"), changes.ids)
        extracted = extract(run, netsuite)
        validated = validate(run)
        shaped = shape(run)
        pushed = push(run, klaviyo)
        confirmed = confirm(run, klaviyo)
        numbers = report(run, extracted, validated, shaped, pushed, confirmed)
        made = Plan(
            asked=Asked(ignore_gates=True, replay=name),
            start=run.window.start_text,
            end=None,
            settings={},
            origins=flow.found.origins,
            mark=None,
            switched_off=False,
        )
        finished = finish(run, made, numbers)
        # A run every few seconds would fill staging; what matters of it is in the ledger and the list of
        # rejected rows.
        self._staging.remove(run.place)
        log.info("%s of %s in real time: %s", *reversed(flow.name), finished["rows"])
        return finished

    def _run(self, flow: Flow, name: str, window: Window) -> Run:
        return Run(flow.found.store, flow.domain, window, self._staging, replay=name)
