"""Lines between sandbox accounts, for the tests that run whole flows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from e2e_line import Line

from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.staging.staging import Staging


@pytest.fixture
def new_line(tmp_path: Path) -> Callable[[NetSuite, Klaviyo], Line]:
    """Makes a line with staging of its own."""
    return lambda netsuite, klaviyo: Line(netsuite, klaviyo, Staging(str(tmp_path / "staging")))


@pytest.fixture
def line_with(tmp_path: Path, new_line: Callable[[NetSuite, Klaviyo], Line]) -> Iterator[Callable[..., Line]]:
    """Makes a line between an account that has only the records given, for each type as CSV, and an empty
    Klaviyo account.
    """
    with ExitStack() as running:

        def make(**records: str) -> Line:
            account = tmp_path / "account"
            account.mkdir()
            for kind, text in records.items():
                (account / f"{kind}.csv").write_text(text)
            netsuite = running.enter_context(running_netsuite("--csv", str(account)))
            return new_line(netsuite, running.enter_context(running_klaviyo()))

        yield make


@pytest.fixture(scope="module")
def klaviyo() -> Iterator[Klaviyo]:
    with running_klaviyo() as running:
        yield running
