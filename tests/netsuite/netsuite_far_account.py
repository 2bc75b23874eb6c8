"""A saved search on the other side of the wire, small enough for thousands of calls: its records come and go
between calls, its pages end early, and calls fail, all by dice.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from netsuite_far_side import Reply, Request, about, answer, column, page, refused

LINES = [column("internalid", "integer"), column("lineuniquekey", "integer")]


@dataclass
class FarAccount:
    """``records``: line keys by internal id. The numbers are chances a call, of a fault, a change of a record
    and a page that ends early; ``seconds`` is what a page takes.

    ``ever`` holds all that a record's lines ever were, ``gone`` the ids of records that were changed.
    """

    records: dict[int, tuple[int, ...]]
    dice: random.Random
    version: str = "1.1.0"
    faults: float = 0.0
    changes: float = 0.0
    early: float = 0.0
    seconds: float = 0.0
    pages: int = 0
    ever: dict[int, set[tuple[int, ...]]] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    failed: Counter[tuple[int | None, int | None]] = field(default_factory=Counter)
    next_key: int = 0

    def __post_init__(self) -> None:
        self.ever = {key: {lines} for key, lines in self.records.items()}
        self.next_key = 1 + max((line for lines in self.records.values() for line in lines), default=0)

    @classmethod
    def of(cls, ids: list[int], lines: list[int], dice: random.Random, **chances: Any) -> FarAccount:
        """Records with the given ids and so many lines each."""
        records, key = {}, 1
        for each, count in zip(ids, lines, strict=True):
            records[each] = tuple(range(key, key + count))
            key += count
        return cls(records, dice, **chances)

    def reply(self, request: Request) -> Reply:
        """What the RESTlet answers."""
        asked = request.asked
        if asked["action"] == "about":
            return about(self.version)
        if self.dice.random() < self.changes:
            self._change()
        # No more than every call is patient enough for.
        asked_for = (asked.get("after"), asked.get("until"))
        if self.failed[asked_for] < 2 and self.dice.random() < self.faults:
            self.failed[asked_for] += 1
            return self._fault(asked)
        return self._bounds(asked) if asked["action"] == "bounds" else self._page(asked)

    def _ids(self, asked: dict[str, Any]) -> list[int]:
        after, until = asked.get("after", 0), asked.get("until")
        return sorted(each for each in self.records if after < each and (until is None or each <= until))

    def _bounds(self, asked: dict[str, Any]) -> Reply:
        ids = self._ids(asked)
        count = sum(len(self.records[each]) for each in ids)
        return answer(count=count, first=ids[0] if ids else None, last=ids[-1] if ids else None)

    def _page(self, asked: dict[str, Any], most: int | None = None) -> Reply:
        """``most``: rows after which a search finds nothing, though there is more."""
        self.pages += 1
        limit = asked["limit"]
        stopped = "end"
        if self.dice.random() < self.early:
            limit, stopped = self.dice.randint(1, limit), self.dice.choice(("bytes", "units", "time"))
        if most is not None:
            limit = most
        ids = self._ids(asked)
        rows: list[tuple[int, int]] = []
        for each in ids:
            if len(rows) >= limit:
                if stopped == "end":
                    stopped = "limit"
                break
            rows += [(each, line) for line in self.records[each]]
        else:
            stopped = "end" if ids else self._nothing()
        if most is not None:
            stopped = self._nothing()
        reply = page(
            [each for each, _ in rows],
            columns=LINES,
            values=[[each for each, _ in rows], [line for _, line in rows]],
            cursor=rows[-1][0] if rows else asked.get("after"),
            done=stopped in {"end", "empty"},
            stopped=stopped,
        )
        reply.seconds = self.seconds
        return reply

    def _nothing(self) -> str:
        return "empty" if self.version != "1.0.0" else "end"

    def _fault(self, asked: dict[str, Any]) -> Reply:
        kinds = [
            Reply(b"<html>", 503, {"Content-Type": "text/html"}),
            Reply(b"<html>please wait</html>", 200, {"Content-Type": "text/html"}),
            refused(self.dice.choice((400, 429)), "SSS_REQUEST_LIMIT_EXCEEDED"),
            refused(401, "INVALID_LOGIN_ATTEMPT"),
            Reply(reset=True),
            Reply(self._bounds(asked).body[:20], missing=50),
        ]
        if asked["action"] == "page":
            kinds += [self._page(asked, 0), self._page(asked, self.dice.randint(1, asked["limit"]))]
        return self.dice.choice(kinds)

    def _change(self) -> None:
        """Delete a record, make one anywhere, or give one other lines."""
        ids = sorted(self.records)
        what = self.dice.choice(("delete", "make", "edit"))
        chosen = (
            self.dice.choice(ids) if ids and what != "make" else self.dice.randint(1, 2 + (ids or [9])[-1])
        )
        self.touched.add(chosen)
        if what == "delete" and chosen in self.records:
            del self.records[chosen]
        else:
            count = self.dice.randint(1, 4)
            self.records[chosen] = tuple(range(self.next_key, self.next_key + count))
            self.next_key += count
            self.ever.setdefault(chosen, set()).add(self.records[chosen])
