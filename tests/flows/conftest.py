"""Runs of the demo store over staging of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from consents_shop import Shop

from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows.run import Run
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount, running_sandbox
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_stores
from netsuite_connector.window import Window

NewRun = Callable[..., Run]


@pytest.fixture
def new_run(tmp_path: Path) -> NewRun:
    """Makes runs of one store with one staging: ``new_run("customers", end="2026-11-02")``."""
    staging = Staging(str(tmp_path / "staging"))
    store = load_stores()[0]

    def make(flow: str, end: str = "2026-11-01", **asked: object) -> Run:
        window = Window.parse(None, f"{end}T00:00:00Z")
        return Run(store, DOMAINS[flow], window, staging, **asked)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def server() -> Iterator[SandboxAccount]:
    with running_sandbox() as account:
        yield account


@pytest.fixture
def sandbox(server: SandboxAccount) -> SandboxAccount:
    server.clear_faults()
    server.reset()
    return server


@pytest.fixture
def shop(sandbox: SandboxAccount, tmp_path: Path) -> Shop:
    return Shop(sandbox, Staging(str(tmp_path / "staging")))
