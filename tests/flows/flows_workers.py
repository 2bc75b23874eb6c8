"""Processes that push at once, for the tests of what they share."""

from __future__ import annotations

import multiprocessing
import time
from typing import Any

import requests
from flows_staged import event, ready

from netsuite_connector.domains.model import Kind
from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows.push import push
from netsuite_connector.flows.run import Run
from netsuite_connector.klaviyo.connection import connect
from netsuite_connector.klaviyo.limiter import open_windows
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_stores
from netsuite_connector.window import Window

_start: Any = None  # in a worker: the barrier that all of them begin at


def _join(barrier: Any) -> None:
    global _start  # noqa: PLW0603 - a worker of a pool has no other place for it
    _start = barrier


def push_at_once(*asked: tuple[Any, ...]) -> list[tuple[float, float]]:
    """When each of these pushes began and ended, all run at once in processes of their own."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(asked), timeout=60)
    with context.Pool(len(asked), _join, (barrier,)) as pool:
        return pool.starmap(push_events, asked, chunksize=1)


def push_events(  # noqa: PLR0917 - what a pool hands on
    folder: str,
    account: SandboxAccount,
    scale: float,
    first: int,
    count: int,
    background: bool,  # noqa: FBT001
) -> tuple[float, float]:
    """Push so many events, as a flow with staging of its own; the calls are counted in one file."""
    run = Run(load_stores()[0], DOMAINS["orders"], Window(), Staging(f"{folder}/{first}"))
    run = ready(run, Kind.EVENT, [event(number) for number in range(first, first + count)])
    with requests.Session() as session:
        client = connect(
            session,
            open_windows(f"{folder}/limits.sqlite"),
            base_url=account.url,
            api_key=account.key,
            scale=scale,
            background=background,
        )
        _start.wait()
        began = time.time()
        push(run, client)
        return began, time.time()
