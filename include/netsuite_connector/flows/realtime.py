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

from netsuite_connector.flows.changes import Changes, changes_for
from netsuite_connector.flows.confirm import confirm
from netsuite_connector.flows.extract import extract
from netsuite_connector.flows.outbox import Outbox
from netsuite_connector.flows.plan import Asked, Plan, finish
from netsuite_connector.flows.prompt import PromptClient
from netsuite_connector.flows.push import push
from netsuite_connector.flows.recent import Memory, RecentClient
from netsuite_connector.flows.report import report
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.served import Flow, Served
from netsuite_connector.flows.shape import shape
from netsuite_connector.flows.validate import validate
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.netsuite.client import NetSuiteClient
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.model import Store
from netsuite_connector.window import Window

log = logging.getLogger(__name__)

# Lookups are read from so long before the first entry, since what a record refers to may have changed along
# with it, and clocks differ.
_BEFORE = timedelta(minutes=5)
_PAUSE = 1.0  # seconds between two looks at an empty outbox


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


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What a drain that ended leaves in the outbox for what is in trouble: so many ``entries``. ``types``:
    the record types that only flows in trouble wait for; ``last``: the highest id of an entry that it saw.
    """

    entries: int
    types: tuple[str, ...]
    last: int


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
        self.total = Drained()
        """What was drained so far."""
        self.left_behind: LeftBehind | None = None
        """None until it has ended, and where it broke off."""
        self._netsuite = netsuite
        self._klaviyo = klaviyo
        self._staging = staging
        self._clock = clock
        self._memory = Memory(clock)
        self._served = Served(stores, netsuite, staging, clock)
        self._outbox = Outbox(netsuite, clock)
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
        end = self._clock() + seconds
        quiet = self._clock() + linger
        while True:
            self._beat()
            began = self._clock()
            done = self.once()
            self.total.add(done)
            idle = not done.passes and self._outbox.at_end
            if done.entries or not self._outbox.at_end:
                quiet = self._clock() + linger
            if self._clock() >= end or (idle and self._clock() >= quiet):
                break
            if idle:
                # To look past thousands of entries takes a while, and NetSuite has others to serve.
                sleep(max(_PAUSE, self._clock() - began))
        types, held = self._served.stuck_types, self._outbox.held
        self.left_behind = LeftBehind(len(held), tuple(sorted(types)), self._outbox.last)
        log.info("Drained: %s", self.total.numbers())
        errors = [flow.error for flow in self._served.in_trouble] + [self._outbox.trouble.error]
        for error in filter(None, errors):
            raise error
        return self.total

    def once(self) -> Drained:
        """Deal with the entries that are there now."""
        found = self._outbox.look(self._served.look, self._beat)
        done = Drained(passes=int(found.any))
        if found.new_items:
            # What is known of items and categories is old when one of them has changed.
            self._memory.forget()
        for flow in self._served.flows if found.entries else ():
            changes = changes_for(flow.domain, filter(flow.wants, found.entries))
            if changes is not None and flow.ready(self._clock()):
                self._beat()
                self._deliver(flow, changes, done)
        ready = [entry for entry in found.entries if not self._served.wanted(entry)]
        if found.unreadable:
            log.warning(
                "What can't be read as an entry of the outbox is let go, as scheduled runs find all that "
                "changed: %s",
                ", ".join(map(str, found.unreadable[:20])),
            )
        gone = self._outbox.acknowledge([*(entry.id for entry in ready), *found.unreadable])
        self._outbox.hold(each for each in found.entries if each.id not in gone)
        self._served.forget(gone)
        now = datetime.now(UTC)
        done.entries, done.held = len(gone), len(self._outbox.held)
        done.ages = [(now - entry.at).total_seconds() for entry in ready if entry.id in gone]
        return done

    def _deliver(self, flow: Flow, changes: Changes, done: Drained) -> None:
        """Take the changes through all stages."""
        now = datetime.now(UTC)
        try:
            numbers = self._stages(flow, changes)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other flows go on
            # Somebody may mend a saved search, and the next try must see it.
            self._memory.forget()
            flow.delivering.add(error, self._clock())
            log.warning("%s of %s failed in real time: %s", *reversed(flow.name), error)
            return
        flow.delivering.end()
        # An entry may wait for another flow for long, and is then no news to this one.
        flow.delivered |= changes.entries
        read = min(changes.since, now)
        flow.read_up_to = read if flow.read_up_to is None else max(flow.read_up_to, read)
        for name, count in numbers["rows"].items():
            done.rows[name] = done.rows.get(name, 0) + count

    def _stages(self, flow: Flow, changes: Changes) -> dict[str, Any]:
        name = f"realtime-{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
        window = Window(read_from(flow, changes))
        run = Run(flow.found.store, flow.domain, window, self._staging, replay=name)
        try:
            return self._delivered(flow, changes, run)
        finally:
            # A run every few seconds would fill staging; what matters of it is in the ledger and the list of
            # rejected rows. One that failed is none of which the next try needs anything: that begins anew.
            self._staging.remove(run.place)

    def _delivered(self, flow: Flow, changes: Changes, run: Run) -> dict[str, Any]:
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
            asked=Asked(ignore_gates=True, replay=run.replay),
            start=run.window.start_text,
            end=None,
            settings={},
            origins=flow.found.origins,
            mark=None,
            switched_off=False,
        )
        finished = finish(run, made, numbers)
        log.info("%s of %s in real time: %s", *reversed(flow.name), finished["rows"])
        return finished


def read_from(flow: Flow, changes: Changes) -> datetime:
    """From which moment of last changes the flow's lookups are read.

    What a record refers to, such as the return of a refund, may have been saved long before it, and is read
    by no entry of its own: so all since the last scheduled run is read, as the next one will. A drain reads
    that once, and then goes on from its own last reading.
    """
    start = changes.since - _BEFORE
    if flow.mark is None:
        return start
    minutes = max(flow.found.store.netsuite.overlap_minutes, flow.domain.overlap_minutes)
    read = flow.mark if flow.read_up_to is None else max(flow.mark, flow.read_up_to)
    return min(start, read - timedelta(minutes=minutes))
