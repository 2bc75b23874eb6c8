"""Processes that call at once, for the tests of the limiter."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from typing import Any

import requests
from pyrate_limiter import Rate

from netsuite_connector.klaviyo import endpoints
from netsuite_connector.klaviyo.connection import connect
from netsuite_connector.klaviyo.limiter import open_windows
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount

# A second and a minute, shortened: 10 in 0.2 s and 30 in 1.2 s.
BURST, STEADY = (10, 200), (30, 1200)


_start: Any = None  # in a worker: the barrier that all of them begin at


def _join(barrier: Any) -> None:
    global _start  # noqa: PLW0603 - a worker of a pool has no other place for it
    _start = barrier


def at_once(work: Callable[..., Any], *arguments: tuple[Any, ...]) -> list[Any]:
    """What each of these calls of ``work`` gives, all made at once in processes of their own."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(arguments), timeout=60)
    with context.Pool(len(arguments), _join, (barrier,)) as pool:
        return pool.starmap(work, arguments, chunksize=1)


def take_for(storage: str, seconds: float, share: float) -> list[float]:
    """When calls were let through by the short windows, taking as many as there are for so long."""
    windows = open_windows(storage)
    rates = [Rate(int(calls * share), interval) for calls, interval in (BURST, STEADY)]
    taken = []
    _start.wait()
    end = time.time() + seconds
    while (now := time.time()) < end:
        wait = windows.take("nsk_test", rates)
        if wait > 0:
            time.sleep(min(wait, end - now))
        else:
            taken.append(time.time())
    return taken


def call_for(storage: str, account: SandboxAccount, seconds: float, background: bool) -> int:  # noqa: FBT001
    """How often a client of the account read its metrics in so many seconds."""
    with requests.Session() as session:
        client = connect(
            session,
            open_windows(storage),
            base_url=account.url,
            api_key=account.key,
            background=background,
        )
        calls = 0
        _start.wait()
        end = time.time() + seconds
        while time.time() < end:
            list(client.get_all(endpoints.METRICS, {}))
            calls += 1
    return calls
