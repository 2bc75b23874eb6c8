"""The client of our own RESTlet (docs/netsuite/restlet.md): saved searches and their pages."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import orjson
import pyarrow as pa
import requests
from requests.auth import AuthBase
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from netsuite_connector.netsuite.account import RESTLET_PATH, address
from netsuite_connector.netsuite.answer import read
from netsuite_connector.netsuite.errors import (
    NetSuiteFaultError,
    NetSuiteLimitError,
    NetSuiteLoginError,
    NetSuiteTokenError,
)
from netsuite_connector.netsuite.info import AccountInfo, Bounds, SearchInfo, SearchList, SearchTitle, typed
from netsuite_connector.netsuite.page import Page, first_and_last_id, page_of, same_columns
from netsuite_connector.netsuite.refusal import Call
from netsuite_connector.window import Window

log = logging.getLogger(__name__)

# NetSuite may also refuse a login because too many requests run at once, so it is worth a few tries.
_LOGIN_TRIES = 3
_LONGEST_WAIT = 30.0
_JITTER = wait_random_exponential(multiplier=1, max=_LONGEST_WAIT)
_DELETED = "the deleted records"
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
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``timeout``: (connect, read) in seconds; a RESTlet may run for 300. ``tries``: at most."""
        self._session = session
        self._url = address(restlet_url, RESTLET_PATH)
        self._auth = auth
        self._script = {"script": script, "deploy": deploy}
        self._timeout = timeout
        self._tries = tries
        self._sleep = sleep

    def about(self) -> AccountInfo:
        """The account, user, role and preferences that the RESTlet runs with, and its version."""
        answer, _ = self._retry(lambda: self._send(Call("about"), {}))
        return typed(AccountInfo, answer, "about")

    def searches(self) -> list[SearchTitle]:
        """The saved searches that the role can see."""
        answer, _ = self._retry(lambda: self._send(Call("searches"), {}))
        return typed(SearchList, answer, "searches").searches

    def describe(self, search: str) -> SearchInfo:
        """A saved search's title, type and columns, and whether it gives several rows a record."""
        call = Call("describe", search)
        answer, _ = self._retry(lambda: self._send(call, {"search": search}))
        return typed(SearchInfo, answer, str(call))

    def bounds(
        self, search: str, window: Window, *, after: int | None = None, until: int | None = None
    ) -> Bounds:
        """Count the rows that changed in the window, within ``after`` < internal id <= ``until``."""
        asked = _asked(window, search=search, after=after, until=until)
        return self._retry(lambda: self._bounds_once(search, asked))

    def pages(  # noqa: PLR0913 - a search and its bounds
        self,
        search: str,
        window: Window,
        *,
        after: int = 0,
        until: int | None = None,
        limit: int | None = None,
        page_rows: int = 5000,
    ) -> Iterator[Page]:
        """Read the rows that changed in the window, by internal id, within ``after`` < id <= ``until``.

        Gives at least one page, without rows if there are none, so that the columns are known. All pages have
        one schema. ``limit`` ends the extract with the first page that reaches it; a page may run over it to
        complete a record.

        That nothing is left is never taken on trust: NetSuite may answer a search that timed out as if it had
        no rows, so the end is checked with a count. Raises NetSuiteFaultError when the two contradict each
        other or a page's rows don't lie behind its cursor; NetSuiteColumnError when the search's columns
        change between pages.
        """
        schema: pa.Schema | None = None
        rows = 0
        while True:
            asked = _asked(window, search=search, after=after, until=until)
            asked["limit"] = page_rows if limit is None else min(page_rows, limit - rows)
            page = self._retry(partial(self._page_once, search, asked))
            schema = schema or page.batch.schema
            rows += page.batch.num_rows
            after = page.cursor or after
            done = page.done
            if done and page.batch.num_rows:
                # Rows that are new, or that the search did not get to, come with the next page.
                done = self.bounds(search, window, after=after, until=until).count == 0
            yield dataclasses.replace(page, batch=same_columns(schema, page.batch, search), done=done)
            if done or (limit is not None and rows >= limit):
                return

    def deleted(
        self, types: Sequence[str], window: Window, *, limit: int | None = None, page_rows: int = 5000
    ) -> Iterator[Page]:
        """Read which records of the given types were deleted in the window, in pages as ``pages`` gives them.

        The RESTlet has no count to check the end of this list against.
        """
        schema: pa.Schema | None = None
        cursor: str | None = None
        rows = 0
        while True:
            asked = _asked(window, types=list(types), cursor=cursor)
            asked["limit"] = page_rows if limit is None else min(page_rows, limit - rows)
            page, cursor = self._retry(partial(self._deleted_once, asked))
            schema = schema or page.batch.schema
            rows += page.batch.num_rows
            yield dataclasses.replace(page, batch=same_columns(schema, page.batch, _DELETED))
            if page.done or (limit is not None and rows >= limit):
                return

    def _page_once(self, search: str, asked: dict[str, Any]) -> Page:
        answer, size = self._send(Call("page", search), asked)
        page = page_of(answer, size, search)
        after, until = asked["after"], asked.get("until")
        if page.batch.num_rows == 0:
            left = self._bounds_once(search, {k: v for k, v in asked.items() if k != "limit"}).count
            if left:
                raise NetSuiteFaultError(
                    f"NetSuite answered a page of {search} after id {after} without rows, yet counts {left}: "
                    "its search may have timed out."
                )
            return dataclasses.replace(page, cursor=after, done=True)
        first, last = first_and_last_id(page.batch, search)
        cursor = last if page.cursor is None and page.done else page.cursor
        if cursor is None or not after < first <= last <= cursor or (until is not None and last > until):
            raise NetSuiteFaultError(
                f"A page of {search} after id {after} holds ids {first} to {last} with the cursor {cursor}: "
                "its rows are not those asked for."
            )
        return dataclasses.replace(page, cursor=cursor)

    def _deleted_once(self, asked: dict[str, Any]) -> tuple[Page, str | None]:
        answer, size = self._send(Call("deleted"), asked)
        page, cursor = page_of(answer, size, _DELETED), answer["cursor"]
        if not page.done and (not cursor or cursor == asked.get("cursor")):
            raise NetSuiteFaultError(f"A page of {_DELETED} leads no further than its cursor {cursor}.")
        return page, cursor

    def _bounds_once(self, search: str, asked: dict[str, Any]) -> Bounds:
        call = Call("bounds", search)
        return typed(Bounds, self._send(call, asked)[0], str(call))

    def _send(self, call: Call, asked: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """Call once; return the answer and its size in bytes. Each has a request and signature of its own."""
        try:
            response = self._session.post(
                self._url,
                params=self._script,
                data=orjson.dumps({"action": call.action, **asked}),
                headers={"Content-Type": "application/json", "Accept": "application/json"},
                auth=self._auth,
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise NetSuiteFaultError(
                f"NetSuite could not be reached, or broke off its answer to {call} ({type(error).__name__}): "
                "if this lasts, check the account id or base URL and the network."
            ) from error
        return read(response, call), len(response.content)

    def _retry(self, once: Callable[[], T]) -> T:
        return Retrying(
            retry=retry_if_exception(_worth_another_try),
            stop=self._enough,
            wait=_wait,
            sleep=self._sleep,
            before_sleep=_tell,
            reraise=True,
        )(once)

    def _enough(self, state: RetryCallState) -> bool:
        error = _error_of(state)
        if isinstance(error, NetSuiteLimitError) and (error.retry_after or 0) > _LONGEST_WAIT:
            return True
        most = min(_LOGIN_TRIES, self._tries) if isinstance(error, NetSuiteLoginError) else self._tries
        return state.attempt_number >= most


def _asked(window: Window, **rest: Any) -> dict[str, Any]:
    asked = {**rest, "from": window.start_text, "to": window.end_text}
    return {name: value for name, value in asked.items() if value is not None}


def _worth_another_try(error: BaseException) -> bool:
    if isinstance(error, NetSuiteTokenError):
        return False
    return isinstance(error, NetSuiteLimitError | NetSuiteFaultError | NetSuiteLoginError)


def _wait(state: RetryCallState) -> float:
    """Seconds: anything from none to a bound that doubles, on top of what NetSuite asks for."""
    error = _error_of(state)
    asked = error.retry_after if isinstance(error, NetSuiteLimitError) else None
    return (asked or 0.0) + _JITTER(state)


def _tell(state: RetryCallState) -> None:
    log.warning(
        "%s Try %d follows in %.1f s.", _error_of(state), state.attempt_number + 1, state.upcoming_sleep
    )


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None
