from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from check_line import Line

from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite


@pytest.fixture(scope="session")
def klaviyo() -> Iterator[Klaviyo]:
    with running_klaviyo() as account:
        yield account


@pytest.fixture(scope="session")
def netsuite() -> Iterator[NetSuite]:
    with running_netsuite(customers=50, items=40, orders=60) as account:
        yield account


@pytest.fixture
def line(netsuite: NetSuite, klaviyo: Klaviyo) -> Line:
    return Line(netsuite, klaviyo)


@pytest.fixture(scope="session")
def line_to(klaviyo: Klaviyo) -> Callable[[NetSuite], Line]:
    """Makes a line from another NetSuite account."""
    return lambda netsuite: Line(netsuite, klaviyo)
