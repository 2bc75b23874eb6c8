from __future__ import annotations

from collections.abc import Iterator

import pytest
from suitecloud_account import emptied

from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox


@pytest.fixture(scope="session")
def running() -> Iterator[SandboxAccount]:
    """One account without records for all tests."""
    with running_sandbox() as account:
        yield account


@pytest.fixture
def account(running: SandboxAccount) -> Iterator[SandboxAccount]:
    """The account with an empty outbox."""
    yield from emptied(running)
