"""The outbox of a NetSuite account, as those who empty it see it: what can be worked on now, past what only
flows in trouble wait for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from netsuite_connector.flows.served import Flow, Trouble
from netsuite_connector.netsuite.client import NetSuiteClient
from netsuite_connector.netsuite.custom_records import OutboxEntry
from netsuite_connector.netsuite.errors import NetSuiteFaultError

log = logging.getLogger(__name__)

MOST = 2_000
"""So many entries are dealt with at once."""

MOST_LOOKED_AT = 20_000
"""So many entries are looked at in search of them. A look that ends there is followed by one behind it."""


@dataclass(slots=True)
class Found:
    """What a look found: ``entries`` that can be worked on, and the ids of what can't be read as an entry.
    ``new_items``: an item's entry is there for the first time.
    """

    entries: list[OutboxEntry] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)
    new_items: bool = False

    @property
    def any(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.entries or self.unreadable)


class Outbox:
    """The outbox from one look to the next. ``held``: the ids of entries that stay for the time being;
    ``last``: the highest id that was seen; ``trouble``: NetSuite does not delete some.
    """

    def __init__(self, netsuite: NetSuiteClient, clock: Callable[[], float]) -> None:
        self.held: set[int] = set()
        self.last = 0
        self.trouble = Trouble()
        self._netsuite = netsuite
        self._clock = clock
        self._undeleted: set[int] = set()
        self._behind: int | None = None

    @property
    def at_end(self) -> bool:
        """Whether the last look found all that it was to find."""
        return self._behind is None

    def look(self, served: Callable[[], Sequence[Flow]], beat: Callable[[], None]) -> Found:
        """The first entries that can be worked on, from the beginning: one with a lower id may show later
        than others. ``served`` gives the flows, and is asked only if there are entries.
        """
        found = Found()
        flows: Sequence[Flow] | None = None
        after, looked_at = self._behind, 0
        known = frozenset(self.held)
        if after is None:
            self.held.clear()
        while True:
            page = self._netsuite.outbox(after)
            if flows is None and page.entries:
                flows = served()
            self._sort(page.entries, flows or (), found)
            found.new_items |= any(
                each.type.endswith("item") and each.id not in known for each in page.entries
            )
            waits = self._waits()
            found.unreadable += (id_ for id_ in page.unreadable if id_ not in waits)
            self.held |= waits.intersection(page.unreadable)
            looked_at += len(page.entries) + len(page.unreadable)
            after = page.last
            self.last = max(self.last, after or 0)
            if not page.left or after is None or len(found.entries) >= MOST:
                self._behind = None
                return found
            if looked_at >= MOST_LOOKED_AT:
                self._behind = after
                return found
            beat()

    def _sort(self, entries: Sequence[OutboxEntry], flows: Sequence[Flow], found: Found) -> None:
        """Those that can be worked on are found, the others held."""
        now = self._clock()
        waits = self._waits()
        for entry in entries:
            wanting = [flow for flow in flows if flow.wants(entry)]
            stays = wanting and not any(flow.ready(now) for flow in wanting)
            if stays or entry.id in waits:
                self.held.add(entry.id)
            else:
                found.entries.append(entry)

    def _waits(self) -> frozenset[int]:
        """What NetSuite did not delete, until it is asked again."""
        return frozenset(self._undeleted if self._clock() < self.trouble.again else ())

    def hold(self, entries: Iterable[OutboxEntry]) -> None:
        """These stay for the time being."""
        self.held.update(entry.id for entry in entries)

    def acknowledge(self, ids: Sequence[int]) -> set[int]:
        """Let entries go; returns the ids of those that are gone. What NetSuite does not delete is held."""
        if not ids:
            return set()
        answer = self._netsuite.acknowledge(ids)
        gone = set(ids) - set(answer.failed)
        self.held -= gone
        self.held.update(answer.failed)
        self._undeleted = (self._undeleted - gone) | set(answer.failed)
        if answer.failed:
            error = NetSuiteFaultError(
                f"NetSuite does not delete {len(answer.failed)} of the outbox's entries, such as "
                f"{answer.failed[0]} ({answer.reason}): what they told is delivered; delete them by hand."
            )
            self.trouble.add(error, self._clock())
            log.warning("%s", error)
        elif not self._undeleted:
            self.trouble.end()
        return gone
