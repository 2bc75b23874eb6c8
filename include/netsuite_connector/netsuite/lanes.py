"""Reads an extract over several calls at once, and gives its pages in order."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Generator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Any

from netsuite_connector.netsuite.calls import Reins
from netsuite_connector.netsuite.page import Page
from netsuite_connector.netsuite.ranges import KeyRange, Ranges
from netsuite_connector.netsuite.reader import Query, Reader


def pages_of(  # noqa: PLR0913 - an extract and how to read it
    reader: Reader, query: Query, after: int, until: int | None, *, page_rows: int, lanes: int
) -> Generator[Page, None, None]:
    """The pages within ``after`` < internal id <= ``until`` in rising order, ``lanes`` calls at once.

    A page's ``done`` is true for the last one. The threads end with the iteration, also when it is closed
    early or fails; a call that is under way then is waited for, and not tried again.
    """
    reading = _Lanes(reader, query, page_rows, lanes)
    try:
        reading.start(after, until)
        while True:
            page, last = reading.next_page()
            yield dataclasses.replace(page, done=last)
            if last:
                return
    finally:
        reading.end()


class _Lanes:
    """Threads that take ranges of one extract and put their pages back."""

    def __init__(self, reader: Reader, query: Query, page_rows: int, lanes: int) -> None:
        self._reader = reader
        self._query = query
        self._page_rows = page_rows
        self._lanes = lanes
        self._reins = Reins(lanes)
        self._ranges: Ranges
        self._changed = threading.Condition()
        self._failure: BaseException | None = None
        self._threads: list[threading.Thread] = []

    def start(self, after: int, until: int | None) -> None:
        """Read the first page and count all, side by side; then let the threads run."""
        with ThreadPoolExecutor(self._lanes, thread_name_prefix="netsuite-lane") as pool, self._stopping():
            first = pool.submit(self._reader.page, self._query, after, until, self._page_rows, self._reins)
            bounds = pool.submit(self._reader.bounds, self._query, after, until, self._reins)
            if self._lanes > 2:  # a place is free for what the end of each range will need to know
                pool.submit(self._reader.sure, self._reins)
            both: list[Future[Any]] = [first, bounds]
            for each in wait(both, return_when=FIRST_EXCEPTION).done:
                each.result()
        self._ranges = Ranges(
            first.result(), after, until, bounds.result(), page_rows=self._page_rows, lanes=self._lanes
        )
        # One more than calls may run, so that the next call goes out while a page is being decoded.
        self._threads = [
            threading.Thread(target=self._lane, name=f"netsuite-lane-{number}", daemon=True)
            for number in range(self._lanes + 1)
        ]
        for thread in self._threads:
            thread.start()

    def next_page(self) -> tuple[Page, bool]:
        """Wait for the next page in order; also whether it is the last. Raises what failed in a thread."""
        with self._changed:
            while (page := self._ranges.give()) is None:
                if self._failure is not None:
                    raise self._failure
                self._changed.wait()
            self._changed.notify_all()
            return page, self._ranges.finished

    def end(self) -> None:
        """Stop the threads and wait for them."""
        self._reins.stop.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    @contextlib.contextmanager
    def _stopping(self) -> Generator[None, None, None]:
        """Let nobody try again once something has failed here."""
        try:
            yield
        except BaseException:
            self._reins.stop.set()
            raise

    def _lane(self) -> None:
        try:
            while (taken := self._take()) is not None:
                self._read(taken)
        except BaseException as error:  # noqa: BLE001 - raised to whoever reads the pages
            with self._changed:
                self._failure = self._failure or error
                self._reins.stop.set()
                self._changed.notify_all()

    def _take(self) -> KeyRange | None:
        with self._changed:
            while not (self._reins.stop.is_set() or self._ranges.finished):
                if (taken := self._ranges.take()) is not None:
                    return taken
                self._changed.wait()
            return None

    def _read(self, taken: KeyRange) -> None:
        # Twice the rows that are expected, so that a range that holds more than its share is one call.
        page = self._reader.page(self._query, taken.after, taken.until, 2 * self._page_rows, self._reins)
        with self._changed:
            self._ranges.put(taken, page)
            self._changed.notify_all()
