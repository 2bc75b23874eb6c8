"""Who is on which list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from netsuite_connector.sandbox.klaviyo.database import Database

ADDED: Final = "flows added to list"


def join(
    database: Database, target: int, profiles: Iterable[int], now: float, *, wakes_flows: bool = True
) -> None:
    """Adds profiles to a list. Each one that is new there wakes the flows of the list, unless
    ``wakes_flows`` is off.
    """
    added = database.change_many(
        "INSERT OR IGNORE INTO members VALUES (?,?,?)", ((target, seq, int(now)) for seq in sorted(profiles))
    )
    if wakes_flows:
        database.count(ADDED, added)


def leave(database: Database, target: int, profiles: Iterable[int]) -> int:
    """Takes profiles off a list and returns how many were on it."""
    return database.change_many(
        "DELETE FROM members WHERE list = ? AND profile = ?", ((target, seq) for seq in profiles)
    )
