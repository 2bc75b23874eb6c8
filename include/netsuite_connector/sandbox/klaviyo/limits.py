"""Klaviyo's rate limits: fixed windows per account and endpoint, a short one and a long one."""

from __future__ import annotations

import math
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
        self._windows: dict[str, list[Window]] = {}

    def reset(self) -> None:
        """Forgets all calls."""
        self._windows.clear()

    def admit(self, endpoint: Endpoint) -> Verdict:
        """Counts a call if every window has room for it; a refused call is not counted."""
        if self._scale is None:
            return Verdict(allowed=True, headers={})
        now = self._clock.now()
        windows = self._windows.get(endpoint.name) or self._open(endpoint, self._scale)
        for window in windows:
            window.refresh(now)
        full = [window for window in windows if window.used >= window.calls]
        if full:
            wait = max(window.ends_in(now) for window in full)
            return Verdict(allowed=False, headers={}, wait=0 if wait < SOON else math.ceil(wait))
        for window in windows:
            window.used += 1
        return Verdict(allowed=True, headers=_headers(windows, now))

    def _open(self, endpoint: Endpoint, scale: float) -> list[Window]:
        windows = [Window(max(1, int(calls * scale)), seconds) for calls, seconds in endpoint.windows]
        self._windows[endpoint.name] = windows
        return windows


def _headers(windows: list[Window], now: float) -> dict[str, str]:
    """The three headers: all limits, and what is left of the window that is nearest to its end."""
    tight = min(windows, key=lambda window: window.calls - window.used)
    limits = ", ".join(f"{window.calls};w={window.seconds}" for window in windows)
    return {
        "RateLimit-Limit": f"{tight.calls}, {limits}",
        "RateLimit-Remaining": str(tight.calls - tight.used),
        "RateLimit-Reset": str(math.ceil(tight.ends_in(now))),
    }
