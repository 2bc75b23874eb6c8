"""The watcher in Airflow's triggerer: looks into a NetSuite account's outbox and wakes the drain."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

log = logging.getLogger(__name__)

DRAIN = "drain"
"""The key of the asset's state under which the drain says when it last showed life (``at``, seconds since
1970), until when it counts as at work (``until``), and how often in a row it has failed and let no entry go
(``failures``); and what one that came to its end left behind for flows in trouble: so many entries
(``held``), of record types that only these wait for (``types``), up to an entry's id (``last``)."""

WOKEN = "woken"
"""The key under which the watcher remembers when it last woke the drain (``at``)."""

_FIRST_PAUSE, _LONGEST_PAUSE = 15.0, 900.0
_WAKE_AGAIN = 120.0  # seconds that a drain has to begin
_LONGEST_FOR_NEWS = 60.0  # seconds that a flow that works waits for one that does not


class OutboxTrigger(BaseEventTrigger):
    """Looks every ``interval`` seconds into the outbox that an Airflow connection leads to, and fires when
    entries wait that nobody deals with.

    An event is only a wake-up: Airflow merges events that come close together, and whoever wakes reads the
    outbox from its beginning. It fires again for entries that stay, at growing intervals while the drain
    fails, but soon for what has come since and does not wait for flows in trouble alone. It never ends:
    whatever fails is tried again.
    """

    def __init__(self, connection: str, interval: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.connection = connection
        self.interval = interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """See :class:`airflow.triggers.base.BaseTrigger`."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"connection": self.connection, "interval": self.interval},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """See :class:`airflow.triggers.base.BaseTrigger`."""
        failures = 0
        while True:
            event: TriggerEvent | None = None
            try:
                event = await self._look()
                failures = 0
            except Exception as error:  # noqa: BLE001 - a watcher that ends watches nothing
                failures += 1
                log.warning("The outbox of %s can't be read: %s", self.connection, error)
            if event is not None:
                yield event
            await asyncio.sleep(max(self.interval, pause_after(failures)))

    async def _look(self) -> TriggerEvent | None:
        woken, drain = await self._state(WOKEN), await self._state(DRAIN)
        now = time.time()
        for_all = due(woken, drain, now)
        if not for_all and not due(woken, drain, now, news=True):
            return None
        waiting = await asyncio.to_thread(self._waiting, None if for_all else drain)
        if not waiting:
            return None
        if self.asset_state_store is not None:
            await self.asset_state_store.aset(WOKEN, {"at": time.time()})
        return TriggerEvent(  # type: ignore[no-untyped-call]
            {"connection": self.connection, "entries": waiting}
        )

    def _waiting(self, drain: Mapping[str, Any] | None) -> int:
        """How many entries there are; none unless they are more than the ``drain`` left behind, and do not
        all wait for flows in trouble. Takes one place of the connection's share of concurrent calls.
        """
        from netsuite_connector.airflow.netsuite_hook import NetSuiteHook

        client = NetSuiteHook(self.connection).client()
        waiting = client.outbox(limit=1).waiting
        if drain is None or waiting <= drain["held"]:
            return waiting if drain is None else 0
        came = client.outbox(after=drain["last"] or None)
        stuck = all(entry.type in drain["types"] for entry in came.entries)
        # One with a lower id may show later than others.
        late = waiting - drain["held"] > came.waiting
        return waiting if late or came.left or came.unreadable or not stuck else 0

    async def _state(self, key: str) -> Mapping[str, Any]:
        if self.asset_state_store is None:
            return {}
        value = await self.asset_state_store.aget(key)
        return value if isinstance(value, dict) else {}


def due(woken: Mapping[str, Any], drain: Mapping[str, Any], now: float, *, news: bool = False) -> bool:
    """Whether entries that wait are a reason to wake the drain now; with ``news`` whether those are that have
    come since it left some behind.
    """
    if now < drain.get("until", 0.0):
        return False  # it is at work
    if drain.get("at", 0.0) < woken.get("at", 0.0):
        return bool(not news and now >= woken.get("at", 0.0) + _WAKE_AGAIN)
    # It has ended since it was woken.
    failures, held = drain.get("failures", 0), drain.get("held", 0)
    if news:
        pause = min(pause_after(failures), _LONGEST_FOR_NEWS)
        return bool(held and now >= drain["at"] + pause)
    # What it left behind it has just tried.
    return bool(now >= drain.get("at", 0.0) + pause_after(max(failures, 1) if held else failures))


def pause_after(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    return float(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (min(failures, 10) - 1))) if failures else 0.0
