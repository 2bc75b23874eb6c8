"""Whoever calls the same Klaviyo account is counted together, whichever key they have."""

from __future__ import annotations

import base64
import dataclasses
import logging
import pathlib
import time
from collections.abc import Iterator

import pytest
import requests
from klaviyo_workers import at_once, call_for

from netsuite_connector.errors import MendError
from netsuite_connector.klaviyo import endpoints
from netsuite_connector.klaviyo.auth import OAuth, Tokens
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.connection import connect
from netsuite_connector.klaviyo.errors import KlaviyoKeyError
from netsuite_connector.klaviyo.limiter import FileWindows, ProcessWindows
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount, running_sandbox

ACCOUNTS = "GET /api/accounts"


@pytest.fixture(scope="module")
def limited() -> Iterator[SandboxAccount]:
    """An account with Klaviyo's limits."""
    with running_sandbox("--limits-scale", "1") as account:
        yield account


def burst(client: KlaviyoClient, calls: int) -> float:
    """Seconds that so many calls take of an endpoint that allows ten a second."""
    start = time.monotonic()
    for _ in range(calls):
        list(client.get_all(endpoints.METRICS, {}))
    return time.monotonic() - start


def test_a_key_is_not_sent_where_others_could_read_it(session: requests.Session) -> None:
    with pytest.raises(MendError, match=r"begins with http://.* begin it with https://"):
        connect(session, ProcessWindows(), base_url="http://a.klaviyo.com", api_key="pk_x")


def test_two_keys_of_an_account_share_its_limits_and_the_account_is_asked_once_a_key(
    sandbox: SandboxAccount, session: requests.Session, tmp_path: pathlib.Path
) -> None:
    windows = FileWindows(tmp_path / "l.sqlite")
    other = sandbox.make_key("accounts:read", "metrics:read")

    def client(key: str) -> KlaviyoClient:
        return connect(session, windows, base_url=sandbox.url, api_key=key)

    # the third has to wait until a second is over, for the account is full
    assert burst(client(sandbox.key), 5) + burst(client(other), 5) < 0.8
    assert burst(client(other), 1) > 0.2
    again = [client(key) for key in (sandbox.key, other, other)]
    assert len(again) == 3
    assert sandbox.state()["requests"][ACCOUNTS]["requests"] == 2
    assert sandbox.key.encode() not in (tmp_path / "l.sqlite").read_bytes()


def test_a_key_that_may_not_ask_is_counted_by_itself(
    sandbox: SandboxAccount, session: requests.Session, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    windows = ProcessWindows()
    key = sandbox.make_key("metrics:read")
    clients = [connect(session, windows, base_url=sandbox.url, api_key=key) for _ in range(2)]
    assert burst(clients[0], 10) < 0.8
    assert burst(clients[1], 1) > 0.2
    assert sandbox.state()["requests"][ACCOUNTS]["requests"] == 1
    assert "accounts:read" in caplog.text
    assert key not in caplog.text


def test_a_key_that_klaviyo_does_not_know_is_told_at_once(
    sandbox: SandboxAccount, session: requests.Session
) -> None:
    with pytest.raises(KlaviyoKeyError):
        connect(session, ProcessWindows(), base_url=sandbox.url, api_key="pk_wrong")


def test_an_app_has_limits_of_its_own(sandbox: SandboxAccount, session: requests.Session) -> None:
    windows = ProcessWindows()
    app = sandbox.make_app("accounts:read", "metrics:read")
    name, _, secret = base64.b64decode(app["authorization"].partition(" ")[2]).decode().partition(":")
    stored = [Tokens(app["refresh_token"])]
    oauth = OAuth(
        session,
        base_url=sandbox.url,
        client_id=name,
        client_secret=secret,
        installation="store-1",
        load=lambda: stored[-1],
        store=stored.append,
    )
    by_app = connect(session, windows, base_url=sandbox.url, oauth=oauth)
    by_key = connect(session, windows, base_url=sandbox.url, api_key=sandbox.key)
    assert burst(by_app, 10) + burst(by_key, 10) < 0.8


def test_processes_with_two_keys_and_a_backfill_get_no_429(
    limited: SandboxAccount, tmp_path: pathlib.Path
) -> None:
    storage = str(tmp_path / "l.sqlite")
    other = dataclasses.replace(limited, key=limited.make_key("accounts:read", "metrics:read"))
    calls = at_once(
        call_for,
        (storage, limited, 4.0, False),
        (storage, other, 4.0, False),
        (storage, other, 4.0, True),
    )
    traffic = limited.state()["requests"]["GET /api/metrics"]
    assert traffic["throttled"] == 0
    # ten a second, a little less for the guard
    assert sum(calls) == traffic["requests"] >= 30
    assert min(calls[:2]) > 0
