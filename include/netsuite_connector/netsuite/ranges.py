"""Which range of internal ids to read next, when several are read side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto

from netsuite_connector.netsuite.info import Bounds
from netsuite_connector.netsuite.page import Page, first_and_last_id

# A range that turns out too wide costs nothing, its page is full; ranges that are too narrow cost calls.
_GROWTH = 4  # times the ids that its density is known from that a range may have
_KEPT = 2 / 3  # share of what was known that counts beside another range
_THINNER = 4  # times fewer rows than expected that make a change rather than chance


class _State(Enum):
    WAITING = auto()
    UNDER_WAY = auto()
    READ = auto()


class _Density:
    """Rows per id, by the ranges that were read last in the neighbourhood."""

    def __init__(self, rows: float, ids: float) -> None:
        self._rows, self._ids = rows, ids

    def learn(self, rows: int, ids: int) -> None:
        """A range of so many ids held so many rows."""
        # Where the rows have suddenly thinned out, what was known is of no use any more; and where there are
        # none, the more ids are known to be empty, the further the next look may reach.
        kept = 0.0 if self.rows_in(ids) > _THINNER * rows else _KEPT if rows else 1.0
        self._rows, self._ids = kept * self._rows + rows, kept * self._ids + ids

    def rows_in(self, ids: int) -> float:
        """How many rows so many ids should hold."""
        return ids * self._rows / self._ids

    def widest(self) -> int:
        """How many ids a range may have at most, however few rows there seem to be."""
        return math.ceil(_GROWTH * self._ids)


@dataclass(slots=True, eq=False)
class KeyRange:
    """``after`` < internal id <= ``until``; None leaves it open, also for ids that don't exist yet."""

    after: int
    until: int | None
    density: _Density
    state: _State = _State.WAITING
    page: Page | None = None


class Ranges:
    """The ids of an extract as ranges in rising order: read, being read, and waiting.

    A range that is handed out is as wide as its rows should fill a page, by the density of rows among its
    neighbours. Where a page ended early, the rest of its range waits with what the page taught. At most
    3 x ``lanes`` + 1 pages are under way or read and not yet given out.

    Not safe for threads by itself.
    """

    def __init__(  # noqa: PLR0913 - what is known at the start
        self, first: Page, after: int, until: int | None, bounds: Bounds, *, page_rows: int, lanes: int
    ) -> None:
        """``first``: the page from ``after`` on, with no upper bound but ``until``. ``bounds``: of the whole
        extract; a guess, which may be wrong.
        """
        cursor = first.cursor or after
        self._page_rows = page_rows
        self._lanes = lanes
        # Beyond the last id there is nothing to share out: one lane reads what may come there.
        self._last = max(bounds.last or 0, cursor)
        rows = max(bounds.count - first.batch.num_rows, 1)
        density = _Density(rows, max(self._last - cursor, 1))
        self._ranges = [KeyRange(after, until, density, _State.UNDER_WAY)]
        self._finish(self._ranges[0], first, density)

    @property
    def finished(self) -> bool:
        """Whether all pages have been given out."""
        return not self._ranges

    def take(self) -> KeyRange | None:
        """The lowest range that waits, to be read; None while there is none, or no room for its page."""
        waiting = (index for index, each in enumerate(self._ranges) if each.state is _State.WAITING)
        index = next(waiting, None)
        if index is None or not self._room(index):
            return None
        chosen = self._ranges[index]
        end = self._end(chosen)
        if end is not None:
            self._ranges.insert(index + 1, KeyRange(end, chosen.until, chosen.density))
            chosen.until = end
        chosen.state = _State.UNDER_WAY
        return chosen

    def put(self, read: KeyRange, page: Page) -> None:
        """The page of a range that was taken has come; what it left out waits for another."""
        if page.done:
            if read.until is not None:
                read.density.learn(page.batch.num_rows, read.until - read.after)
            self._finish(read, page, read.density)
            return
        rows, cursor = page.batch.num_rows, page.cursor or read.after
        read.density.learn(rows, cursor - read.after)
        first, last = first_and_last_id(page.batch, "a saved search")
        self._finish(read, page, _Density(rows, last - first + 1))

    def give(self) -> Page | None:
        """The lowest page that was not given out yet; None until it is read."""
        if self._ranges and self._ranges[0].state is _State.READ:
            return self._ranges.pop(0).page
        return None

    def _finish(self, read: KeyRange, page: Page, density: _Density) -> None:
        """Keep a page; ``density`` is what is known of the rest of its range."""
        read.state, read.page = _State.READ, page
        cursor = page.cursor or read.after
        if page.done or (read.until is not None and cursor >= read.until):
            return
        self._ranges.insert(self._ranges.index(read) + 1, KeyRange(cursor, read.until, density))
        read.until = cursor

    def _room(self, index: int) -> bool:
        """Whether a page more may be held for the range at ``index``.

        What is wanted next always may, and rests that lie between others may rather than what is new.
        """
        held = sum(each.state is not _State.WAITING for each in self._ranges)
        last = index == len(self._ranges) - 1
        return index == 0 or held < (2 if last else 3) * self._lanes

    def _end(self, chosen: KeyRange) -> int | None:
        """Where to cut a waiting range in two; None to read it as a whole."""
        top = self._last if chosen.until is None else min(chosen.until, self._last)
        ids = top - chosen.after
        if ids < 1:
            return None
        pages = max(1, round(chosen.density.rows_in(ids) / self._page_rows))
        width = min(math.ceil(ids / pages), chosen.density.widest())
        return chosen.after + width if width < ids else None
