"""Klaviyo's rate limits: fixed windows per account and endpoint, a short one and a long one.

An OAuth app has windows of its own, and so has a parameter that costs Klaviyo more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from netsuite_connector.sandbox.klaviyo.clock import Clock
from netsuite_connector.sandbox.klaviyo.contract import Endpoint

# Below half a second Klaviyo says 0: N is a whole number of seconds and recorded answers show it.
SOON = 0.5


@dataclass(slots=True)
class Window:
    """How many calls one window of one endpoint has seen. A window begins at a multiple of its length."""

    calls: int
    seconds: int
    began: float = 0.0
    used: int = 0

    def refresh(self, now: float) -> None:
        """Begins anew when the window has ended."""
        began = now - now % self.seconds
        if began != self.began:
            self.began, self.used = began, 0

    def ends_in(self, now: float) -> float:
        """Seconds until the next window begins."""
        return self.began + self.seconds - now


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call may pass. ``headers`` go with its answer; ``wait`` is the Retry-After of a refused
    one.
    """

    allowed: bool
    headers: dict[str, str]
    wait: int = 0


class Limits:
    """Counts calls per endpoint. ``scale`` multiplies the published numbers; None lifts all limits."""

    def __init__(self, clock: Clock, scale: float | None) -> None:
        self._clock = clock
        self._scale = scale
        self._windows: dict[tuple[str, str, tuple[str, str] | None], list[Window]] = {}

    def reset(self) -> None:
        """Forgets all calls."""
        self._windows.clear()

    def admit(
        self, endpoint: Endpoint, *, caller: str = "", query: Iterable[tuple[str, str]] = ()
    ) -> Verdict:
        """Counts a call if every window has room for it; a refused call is not counted.

        ``caller`` is the OAuth app, or empty for all private keys together. ``query`` may hold a costly
        parameter.
        """
        if self._scale is None:
            return Verdict(allowed=True, headers={})
        now = self._clock.now()
        costly = _costly(endpoint, query) if endpoint.costly else None
        known = (caller, endpoint.name, costly)
        windows = self._windows.get(known)
        if windows is None:
            published = endpoint.windows if costly is None else endpoint.costly[costly]
            windows = [Window(max(1, int(calls * self._scale)), seconds) for calls, seconds in published]
            self._windows[known] = windows
        for window in windows:
            window.refresh(now)
        full = [window for window in windows if window.used >= window.calls]
        if full:
            wait = max(window.ends_in(now) for window in full)
            return Verdict(allowed=False, headers={}, wait=0 if wait < SOON else math.ceil(wait))
        for window in windows:
            window.used += 1
        return Verdict(allowed=True, headers=_headers(windows, now))


def _costly(endpoint: Endpoint, query: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """The costly parameter and value of a call, or None. The document says ``list`` where callers say
    ``lists``.
    """
    for name, values in query:
        for value in values.split(","):
            for known in ((name, value), (name, value.removesuffix("s"))):
                if known in endpoint.costly:
                    return known
    return None


def _headers(windows: list[Window], now: float) -> dict[str, str]:
    """The three headers: all limits, and what is left of the window that is nearest to its end."""
    tight = min(windows, key=lambda window: window.calls - window.used)
    limits = ", ".join(f"{window.calls};w={window.seconds}" for window in windows)
    return {
        "RateLimit-Limit": f"{tight.calls}, {limits}",
        "RateLimit-Remaining": str(tight.calls - tight.used),
        "RateLimit-Reset": str(math.ceil(tight.ends_in(now))),
    }
