"""Counts of what was asked of the account and how it answered, per endpoint."""

from __future__ import annotations

from collections import Counter


class Traffic:
    """Requests by endpoint and status. 429s and 4xx/5xx are what a sync wants to see stay low."""

    def __init__(self) -> None:
        self._statuses: dict[str, Counter[int]] = {}

    def note(self, endpoint: str, status: int) -> None:
        """Counts an answer. ``status`` 0 stands for a request that was never answered."""
        self._statuses.setdefault(endpoint, Counter())[status] += 1

    def clear(self) -> None:
        """Forgets all counts."""
        self._statuses.clear()

    def as_json(self) -> dict[str, dict[str, object]]:
        """Per endpoint: requests, how many were throttled, and all statuses."""
        return {
            endpoint: {
                "requests": statuses.total(),
                "throttled": statuses[429],
                "statuses": {str(status): number for status, number in sorted(statuses.items())},
            }
            for endpoint, statuses in sorted(self._statuses.items())
        }
