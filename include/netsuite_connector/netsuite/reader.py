"""Reads ranges of a saved search, and makes sure that a range that says it ended did."""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from netsuite_connector.netsuite.calls import Calls, Reins
from netsuite_connector.netsuite.errors import NetSuiteFaultError
from netsuite_connector.netsuite.info import AccountInfo, Bounds, typed
from netsuite_connector.netsuite.page import Page, first_and_last_id, page_of
from netsuite_connector.netsuite.refusal import Call
from netsuite_connector.window import Window

_SURE_SINCE = (1, 1)  # RESTlets of this version on answer "empty" where "end" would be a guess


@dataclass(frozen=True, slots=True)
class Query:
    """A saved search and what narrows it, but for internal ids.

    ``stamp`` is the date-time filter that the window bounds in place of the record's last change; ``only``
    has the ids that a filter (``name`` or ``join.name``) may match, by filter; ``ids`` the internal ids of
    the only records wanted.
    """

    search: str
    window: Window
    stamp: str | None = None
    only: Mapping[str, Sequence[str]] | None = None
    ids: tuple[int, ...] = ()

    def asked(self, **more: Any) -> dict[str, Any]:
        """What a call asks for."""
        only = {name: list(ids) for name, ids in (self.only or {}).items()}
        if self.ids:
            only["internalid"] = [str(each) for each in self.ids]
        own = {
            "search": self.search,
            "from": self.window.start_text,
            "to": self.window.end_text,
            "stamp": self.stamp,
            "only": only or None,
        }
        return {name: value for name, value in (own | more).items() if value is not None}


class Reader:
    """Pages and counts of saved searches, each checked and tried again as ``calls`` does.

    NetSuite may answer a search that timed out as if it had no rows. So that nothing is left is believed only
    when rows and count of one search say so, and counted otherwise.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._lock = threading.Lock()
        self._sure: bool | None = None

    def about(self, reins: Reins | None = None) -> AccountInfo:
        """What the RESTlet says about itself."""
        answer, _ = self._calls.retry(lambda: self._calls.send(Call("about"), {}, reins), reins)
        about = typed(AccountInfo, answer, "about")
        with self._lock:
            self._sure = _version(about.version) >= _SURE_SINCE
        return about

    def sure(self, reins: Reins | None = None) -> bool:
        """Whether the RESTlet says ``end`` only when it knows; older ones guess. Asked once."""
        with self._lock:
            sure = self._sure
        return _version(self.about(reins).version) >= _SURE_SINCE if sure is None else sure

    def bounds(
        self, query: Query, after: int | None, until: int | None, reins: Reins | None = None
    ) -> Bounds:
        """Count the rows within ``after`` < internal id <= ``until``."""
        return self._calls.retry(partial(self._bounds_once, query, after, until, reins), reins)

    def page(
        self, query: Query, after: int, until: int | None, rows: int, reins: Reins | None = None
    ) -> Page:
        """The first ``rows`` rows or so within ``after`` < internal id <= ``until``.

        The page's ``done`` says that the range has no more rows, and can be relied on; its cursor is never
        None. Raises NetSuiteFaultError for an empty page where rows are counted, and for a page whose rows
        don't lie behind its cursor.
        """
        page = self._calls.retry(partial(self._page_once, query, after, until, rows, reins), reins)
        if page.done and page.batch.num_rows and not (page.stopped == "end" and self.sure(reins)):
            # Rows that are new, or that the search did not get to, come with the next page.
            left = self.bounds(query, page.cursor, until, reins).count
            return dataclasses.replace(page, done=left == 0)
        return page

    def _page_once(self, query: Query, after: int, until: int | None, rows: int, reins: Reins | None) -> Page:
        search = query.search
        asked = query.asked(after=after, until=until, limit=rows)
        page = page_of(*self._calls.send(Call("page", search), asked, reins), search)
        if page.batch.num_rows == 0:
            left = self._bounds_once(query, after, until, reins).count
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

    def _bounds_once(self, query: Query, after: int | None, until: int | None, reins: Reins | None) -> Bounds:
        call = Call("bounds", query.search)
        return typed(
            Bounds, self._calls.send(call, query.asked(after=after, until=until), reins)[0], str(call)
        )


def _version(text: str) -> tuple[int, ...]:
    """A version's numbers; none for what is no version."""
    return tuple(map(int, re.findall(r"\d+", text))) if re.fullmatch(r"\d+(\.\d+)*", text) else ()
