"""Reads saved searches again and again within seconds, without asking each time for what hardly changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import pyarrow as pa

from netsuite_connector.flows.changes import Gone
from netsuite_connector.netsuite.client import NetSuiteClient
from netsuite_connector.netsuite.info import SearchInfo
from netsuite_connector.netsuite.page import Page
from netsuite_connector.window import Window

KEPT_SECONDS = 300.0
"""How long a search's columns, and the rows of lookups that are read whole, are taken for what they were."""

_DELETED = pa.schema(
    [
        ("internalid", pa.int64()),
        ("recordtype", pa.string()),
        ("deleteddate", pa.timestamp("us", tz="UTC")),
    ]
)
T = TypeVar("T")


class Memory:
    """What was asked for lately, and when."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[Any, tuple[float, Any]] = {}

    def get(self, key: Any, ask: Callable[[], T]) -> T:
        """The answer that is kept under the key, or else a new one."""
        until, answer = self._kept.get(key, (0.0, None))
        if self._clock() >= until:
            answer = ask()
            self._kept[key] = (self._clock() + KEPT_SECONDS, answer)
        return answer  # type: ignore[no-any-return]

    def forget(self) -> None:
        """Forget everything."""
        self._kept.clear()


class RecentClient(NetSuiteClient):
    """A client's calls, for runs over chosen records. ``gone`` are the records that such a run knows to be
    deleted, so that it needs not ask for them.
    """

    def __init__(self, client: NetSuiteClient, memory: Memory, gone: Sequence[Gone]) -> None:
        # Shares the other client's session, login and places.
        self.__dict__.update(client.__dict__)
        self._memory = memory
        self._gone = gone

    def describe(self, search: str) -> SearchInfo:
        """See :meth:`NetSuiteClient.describe`; asked for once in a while."""
        return self._memory.get(("describe", search), lambda: super(RecentClient, self).describe(search))

    def pages(
        self, search: str, window: Window, *, ids: Collection[int] | None = None, **asked: Any
    ) -> Iterator[Page]:
        """See :meth:`NetSuiteClient.pages`. What is asked for by id is read whenever it changed. What is kept
        is kept by what narrows it: stores share searches, and have folders and websites of their own.
        """
        read = super().pages
        narrowed = _key(asked.get("only"))
        if ids:
            yield from read(search, Window(), ids=ids, **asked)
        elif ids is not None:
            # Only the columns are of interest, and these are known.
            yield from self._memory.get(
                ("columns", search, narrowed), lambda: list(read(search, Window(), ids=(), **asked))
            )
        elif window == Window():
            yield from self._memory.get(
                ("whole", search, narrowed), lambda: list(read(search, window, **asked))
            )
        else:
            yield from read(search, window, **asked)

    def deleted(
        self, types: Sequence[str], window: Window, *, limit: int | None = None, page_rows: int = 5000
    ) -> Iterator[Page]:
        """The deletions that are known, of the given types."""
        _ = window, limit, page_rows
        found = sorted(
            (each for each in self._gone if each.type in types), key=lambda each: (each.record, each.at)
        )
        rows = [
            {"internalid": each.record, "recordtype": each.type, "deleteddate": each.at} for each in found
        ]
        batch = pa.RecordBatch.from_pylist(rows, schema=_DELETED)
        yield Page(batch, None, done=True, stopped="end", usage=0, bytes=0, unreadable={})


def _key(only: Mapping[str, Sequence[str]] | None) -> Hashable:
    return frozenset((field, frozenset(ids)) for field, ids in (only or {}).items())
