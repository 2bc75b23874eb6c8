from __future__ import annotations

from collections.abc import Iterator

import pytest
from nssandbox import Inside, inside

from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox


@pytest.fixture(scope="session")
def running() -> Iterator[SandboxAccount]:
    """One account over HTTP for all tests; a test that plans faults or changes settings puts them back."""
    with running_sandbox(customers=60, items=30, orders=80) as account:
        yield account


@pytest.fixture
def account(running: SandboxAccount) -> Iterator[SandboxAccount]:
    """The account, without faults and with the usual settings afterwards."""
    yield running
    running.clear_faults()
    running.settings(
        units=5000, output_bytes=10 * 1024 * 1024, time_limit=300, search_seconds=0, concurrency=5, latency=0
    )


@pytest.fixture
def empty() -> Iterator[Inside]:
    """An account without records and without its HTTP side."""
    made = inside()
    yield made
    made.engine.close()
