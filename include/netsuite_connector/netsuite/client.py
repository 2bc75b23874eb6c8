"""The client of our own RESTlet (docs/netsuite/restlet.md): saved searches and their pages."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import pyarrow as pa
import requests
from requests.auth import AuthBase

from netsuite_connector.netsuite.account import RESTLET_PATH, address
from netsuite_connector.netsuite.calls import Calls
from netsuite_connector.netsuite.custom_records import (
    Acknowledged,
    ConfigList,
    Outbox,
    RawOutbox,
    WebsiteConfig,
    outbox_of,
)
from netsuite_connector.netsuite.errors import NetSuiteFaultError
from netsuite_connector.netsuite.info import AccountInfo, Bounds, SearchInfo, SearchList, SearchTitle, typed
from netsuite_connector.netsuite.lanes import pages_of
from netsuite_connector.netsuite.page import Page, page_of, same_columns
from netsuite_connector.netsuite.reader import Query, Reader
from netsuite_connector.netsuite.refusal import Call
from netsuite_connector.netsuite.slots import Slots
from netsuite_connector.window import Window

_DELETED = "the deleted records"
_OF_DELETED = {"internalid", "recordtype", "deleteddate"}  # RESTlets before 1.2.1 also tell people's names
_MOST_ENTRIES = 1000  # of the outbox, a call
_MOST_IDS = 1000  # in a filter; a saved search takes the longer for each
T = TypeVar("T")


class NetSuiteClient:
    """Calls the RESTlet; may be shared by threads.

    Limits, faults and refused logins are tried again a few times within a call, each try signed anew, with
    growing random waits (NetSuite's own advice for its concurrency limit); then the typed error is raised. A
    limit that asks for a longer wait than the client's own is raised at once, for whoever can wait that long.
    """

    def __init__(  # noqa: PLR0913 - where and as whom, and how patiently
        self,
        session: requests.Session,
        restlet_url: str,
        auth: AuthBase,
        *,
        script: str = "customscript_nsk_restlet",
        deploy: str = "customdeploy_nsk_restlet",
        timeout: tuple[float, float] = (10.0, 330.0),
        tries: int = 5,
        sleep: Callable[[float], None] | None = None,
        slots: Slots | None = None,
    ) -> None:
        """``timeout``: (connect, read) in seconds; a RESTlet may run for 300. ``tries``: at most. ``slots``:
        the share of the account's concurrency that all calls keep to, None for as many as the callers make.
        """
        self._calls = Calls(
            session=session,
            url=address(restlet_url, RESTLET_PATH),
            script={"script": script, "deploy": deploy},
            auth=auth,
            timeout=timeout,
            tries=tries,
            sleep=sleep,
            slots=slots,
        )
        self._reader = Reader(self._calls)

    def about(self) -> AccountInfo:
        """The account, user, role and preferences that the RESTlet runs with, and its version."""
        return self._reader.about()

    def ping(self) -> None:
        """Call the RESTlet once, and raise whatever comes of it at once: nothing is tried again."""
        self._calls.send(Call("about"), {})

    def searches(self) -> list[SearchTitle]:
        """The saved searches that the role can see."""
        return self._ask(SearchList, Call("searches")).searches

    def describe(self, search: str) -> SearchInfo:
        """A saved search's title, type and columns, and whether it gives several rows a record."""
        return self._ask(SearchInfo, Call("describe", search), search=search)

    def bounds(  # noqa: PLR0913 - a search and what narrows it
        self,
        search: str,
        window: Window,
        *,
        after: int | None = None,
        until: int | None = None,
        stamp: str | None = None,
        only: Mapping[str, Sequence[str]] | None = None,
    ) -> Bounds:
        """Count the rows that changed in the window, within ``after`` < internal id <= ``until``.

        ``stamp`` is the date-time filter that the window bounds in place of the record's last change (such as
        ``lastquantityavailablechange``); ``only`` holds the ids that filters (``name`` or ``join.name``) may
        match, such as ``{"type": ["SalesOrd"]}``.
        """
        return self._reader.bounds(Query(search, window, stamp, only), after, until)

    def pages(  # noqa: PLR0913 - a search, what narrows it, and how to read it
        self,
        search: str,
        window: Window,
        *,
        after: int = 0,
        until: int | None = None,
        stamp: str | None = None,
        only: Mapping[str, Sequence[str]] | None = None,
        ids: Collection[int] | None = None,
        limit: int | None = None,
        page_rows: int = 5000,
        lanes: int = 1,
    ) -> Iterator[Page]:
        """Read the rows that changed in the window, by internal id, within ``after`` < id <= ``until``.

        Gives at least one page, without rows if there are none, so that the columns are known. All pages have
        one schema. ``limit`` ends the extract with the first page that reaches it; a page may run over it to
        complete a record. ``stamp`` and ``only``: see ``bounds``. ``ids``: the internal ids of the only
        records wanted, up to a thousand in a call, one call after the other.

        ``lanes`` calls run at once, each for another range of ids and in a thread of its own; pages come in
        the same order as with one, about 3 x ``lanes`` of them are held at most, and a page has up to twice
        ``page_rows``. An extract with a ``limit`` has one lane.

        That nothing is left is never taken on trust: NetSuite may answer a search that timed out as if it had
        no rows, so an end that the RESTlet isn't sure of is checked with a count. Raises NetSuiteFaultError
        when the two contradict each other or a page's rows don't lie behind its cursor; NetSuiteColumnError
        when the search's columns change between pages.
        """
        query = Query(search, window, stamp, only)
        if ids is not None:
            pages = self._by_ids(query, ids, after, until, limit, page_rows)
        elif lanes > 1 and limit is None:
            pages = pages_of(self._reader, query, after, until, page_rows=page_rows, lanes=lanes)
        else:
            pages = self._one_by_one(query, after, until, limit, page_rows)
        schema: pa.Schema | None = None
        with contextlib.closing(pages):
            for page in pages:
                schema = schema or page.batch.schema
                yield dataclasses.replace(page, batch=same_columns(schema, page.batch, search))

    def related(
        self,
        search: str,
        field: str,
        values: Sequence[str],
        *,
        only: Mapping[str, Sequence[str]] | None = None,
        page_rows: int = 5000,
    ) -> Iterator[Page]:
        """Read the rows whose ``field`` (a filter, ``name`` or ``join.name``) has one of ``values``, up to a
        thousand of these in a call, one call after the other; by internal id within each thousand. ``only``,
        the schema of the pages and errors: see ``pages``.
        """
        schema: pa.Schema | None = None
        allowed = (only or {}).get(field)
        if allowed is not None:
            values = [each for each in values if each in allowed]
        for at in range(0, len(values), _MOST_IDS):
            narrowed = {**(only or {}), field: values[at : at + _MOST_IDS]}
            query = Query(search, Window(), only=narrowed)
            for page in self._one_by_one(query, 0, None, None, page_rows):
                schema = schema or page.batch.schema
                yield dataclasses.replace(page, batch=same_columns(schema, page.batch, search))

    def deleted(
        self, types: Sequence[str], window: Window, *, limit: int | None = None, page_rows: int = 5000
    ) -> Iterator[Page]:
        """Read which records of the given types were deleted in the window, in pages as ``pages`` gives them.

        The RESTlet has no count to check the end of this list against, so an answer without rows is asked for
        again.
        """
        schema: pa.Schema | None = None
        cursor: str | None = None
        rows = 0
        while True:
            bounds = {"cursor": cursor, "from": window.start_text, "to": window.end_text}
            asked = {
                **{name: value for name, value in bounds.items() if value is not None},
                "types": list(types),
                "limit": page_rows if limit is None else min(page_rows, limit - rows),
            }
            page, cursor = self._calls.retry(partial(self._deleted_once, asked))
            if page.batch.num_rows == 0:
                # A search that timed out looks like this too, and there is no count to ask for.
                page, cursor = self._calls.retry(partial(self._deleted_once, asked))
            kept = page.batch.select([name for name in page.batch.schema.names if name in _OF_DELETED])
            schema = schema or kept.schema
            rows += kept.num_rows
            yield dataclasses.replace(page, batch=same_columns(schema, kept, _DELETED))
            if page.done or (limit is not None and rows >= limit):
                return

    def config(self) -> list[WebsiteConfig]:
        """The configuration records of the account's websites, without inactive ones."""
        return self._ask(ConfigList, Call("config")).configs

    def outbox(self, after: int | None = None, limit: int = _MOST_ENTRIES) -> Outbox:
        """The oldest entries that were not acknowledged, with ids above ``after``; ``limit``: 1000 at most.

        An entry with a lower id may show up later than one with a higher id, so start over without ``after``
        once all were read. What can't be read as an entry is told by its id; where there is nothing else,
        what lies behind it is read along, so that without entries nothing is left.
        """
        found = self._outbox(after, limit)
        unreadable = found.unreadable
        while not found.entries and found.left and found.last is not None:
            found = self._outbox(found.last, _MOST_ENTRIES)
            unreadable += found.unreadable
        return dataclasses.replace(found, unreadable=unreadable)

    def acknowledge(self, ids: Sequence[int]) -> Acknowledged:
        """Let entries of the outbox go, one by one. Tells how many are gone, those that were gone before
        among them, and which ones NetSuite does not delete. Raises NetSuiteFaultError when it gets no further
        with them.
        """
        gone = 0
        failed: list[int] = []
        reason: str | None = None
        for start in range(0, len(ids), _MOST_ENTRIES):
            left = list(ids[start : start + _MOST_ENTRIES])
            while left:
                answer = self._ask(Acknowledged, Call("acknowledge"), ids=left)
                if len(answer.left) >= len(left):
                    raise NetSuiteFaultError(
                        f"NetSuite acknowledged none of {len(left)} entries of the outbox: if this lasts, "
                        "look at the RESTlet's execution log."
                    )
                gone += answer.acknowledged
                failed += answer.failed
                reason = answer.reason or reason
                left = answer.left
        return Acknowledged(gone, failed=failed, reason=reason)

    def _outbox(self, after: int | None, limit: int) -> Outbox:
        more = {} if after is None else {"after": after}
        return outbox_of(self._ask(RawOutbox, Call("outbox"), limit=limit, **more))

    def _by_ids(  # noqa: PLR0913, PLR0917 - an extract and how to read it
        self,
        query: Query,
        ids: Collection[int],
        after: int,
        until: int | None,
        limit: int | None,
        page_rows: int,
    ) -> Generator[Page, None, None]:
        wanted = sorted({each for each in ids if each > after and (until is None or each <= until)})
        # Without any, a range that holds no id gives the page that tells the columns.
        chunks = [wanted[at : at + _MOST_IDS] for at in range(0, len(wanted), _MOST_IDS)] or [[]]
        rows = 0
        for chunk in chunks:
            last = chunk is chunks[-1]
            narrowed = dataclasses.replace(query, ids=tuple(chunk))
            first, end = (chunk[0] - 1, chunk[-1]) if chunk else (0, 0)
            left = None if limit is None else limit - rows
            for page in self._one_by_one(narrowed, first, end, left, page_rows):
                rows += page.batch.num_rows
                yield dataclasses.replace(page, done=page.done and last)
            if limit is not None and rows >= limit:
                return

    def _one_by_one(
        self, query: Query, after: int, until: int | None, limit: int | None, page_rows: int
    ) -> Generator[Page, None, None]:
        rows = 0
        while True:
            asked = page_rows if limit is None else min(page_rows, limit - rows)
            page = self._reader.page(query, after, until, asked)
            rows += page.batch.num_rows
            after = page.cursor or after
            yield page
            if page.done or (limit is not None and rows >= limit):
                return

    def _deleted_once(self, asked: dict[str, Any]) -> tuple[Page, str | None]:
        answer, size = self._calls.send(Call("deleted"), asked)
        page, cursor = page_of(answer, size, _DELETED), answer["cursor"]
        if not page.done and (not cursor or cursor == asked.get("cursor")):
            raise NetSuiteFaultError(f"A page of {_DELETED} leads no further than its cursor {cursor}.")
        return page, cursor

    def _ask(self, kind: type[T], call: Call, **asked: Any) -> T:
        answer, _ = self._calls.retry(lambda: self._calls.send(call, asked))
        return typed(kind, answer, str(call))
