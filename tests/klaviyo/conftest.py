"""What the tests of the Klaviyo client have in common."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from klaviyo_canned import KEY, Canned

from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.limiter import Limiter, ProcessWindows


@pytest.fixture
def canned() -> Iterator[Canned]:
    server = Canned()
    yield server
    server.close()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.fixture
def client(canned: Canned, session: requests.Session) -> KlaviyoClient:
    """A client of the canned server, with short time-outs and pauses."""
    return KlaviyoClient(
        session,
        base_url=canned.url,
        api_key=KEY,
        limiter=Limiter(ProcessWindows(), account="canned", scale=100),
        timeout=(1, 0.3),
        tries=3,
        backoff=0.01,
    )
