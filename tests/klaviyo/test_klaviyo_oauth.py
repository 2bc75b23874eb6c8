"""An app that calls by OAuth: its tokens are renewed, rotated, shared and kept out of the log."""

from __future__ import annotations

import base64
import logging
import time
import urllib.parse
from collections.abc import Callable

import pytest
import requests
from klaviyo_canned import KEY, Canned, Reply, errors

from netsuite_connector.errors import MendError
from netsuite_connector.klaviyo.auth import OAuth, Tokens
from netsuite_connector.klaviyo.batching import Batch, Record
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import Bulk
from netsuite_connector.klaviyo.errors import (
    KlaviyoFaultError,
    KlaviyoKeyError,
    KlaviyoLimitError,
    KlaviyoScopeError,
)
from netsuite_connector.klaviyo.limiter import Limiter, ProcessWindows
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount

ACCOUNT = Reply(200, {"data": [{"id": "ABC123", "attributes": {}}], "links": {}})
UNKNOWN = Reply(401, errors({"code": "not_authenticated", "detail": "Access token is invalid."}))
VOID = Reply(400, {"error": "invalid_grant", "error_description": "Invalid refresh token."})


def granted(access: str, refresh: str = "refresh-2", lasts: float = 3600) -> Reply:
    token = {"access_token": access, "refresh_token": refresh, "expires_in": lasts, "token_type": "bearer"}
    return Reply(200, token)


class Vault:
    """Where an app's tokens are stored."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.stored: list[Tokens] = []

    def load(self) -> Tokens:
        return self.tokens

    def store(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.stored.append(tokens)


Open = Callable[..., KlaviyoClient]


@pytest.fixture
def open_app(canned: Canned, session: requests.Session) -> Open:
    def open_app(vault: Vault, load: Callable[[], Tokens] | None = None) -> KlaviyoClient:
        oauth = OAuth(
            session,
            base_url=canned.url,
            client_id="app-1",
            client_secret="hush",
            installation="store-1",
            load=load or vault.load,
            store=vault.store,
            timeout=(1, 0.3),
        )
        return KlaviyoClient(
            session,
            base_url=canned.url,
            oauth=oauth,
            limiter=Limiter(ProcessWindows(), account="canned", scale=100),
            timeout=(1, 0.3),
            tries=3,
            backoff=0.01,
        )

    return open_app


def bearers(canned: Canned) -> list[str]:
    """What each call to the API carried."""
    return [
        request.headers["Authorization"] for request in canned.requests if request.path.startswith("/api/")
    ]


def test_a_token_is_got_stored_and_used_until_it_ends(open_app: Open, canned: Canned) -> None:
    vault = Vault(Tokens("refresh-1"))
    canned.replies = [granted("access-1"), ACCOUNT]
    client = open_app(vault)
    client.account()
    client.account()
    token = canned.requests[0]
    assert (token.method, token.path) == ("POST", "/oauth/token")
    basic = base64.b64encode(b"app-1:hush").decode()
    assert token.headers["Authorization"] == f"Basic {basic}"
    assert token.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert urllib.parse.parse_qs(token.body.decode()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["refresh-1"],
    }
    assert bearers(canned) == ["Bearer access-1", "Bearer access-1"]
    [stored] = vault.stored
    assert (stored.refresh, stored.access) == ("refresh-2", "access-1")
    assert stored.expires == pytest.approx(time.time() + 3600, abs=5)


def test_a_token_that_ends_soon_is_renewed_with_the_rotated_refresh_token(
    open_app: Open, canned: Canned
) -> None:
    vault = Vault(Tokens("refresh-1"))
    canned.replies = [granted("access-1", "refresh-2", lasts=30), ACCOUNT, granted("access-2"), ACCOUNT]
    client = open_app(vault)
    client.account()
    client.account()
    assert b"refresh-2" in canned.requests[2].body
    assert bearers(canned) == ["Bearer access-1", "Bearer access-2"]


def test_a_token_that_is_stored_and_good_is_taken_as_it_is(open_app: Open, canned: Canned) -> None:
    vault = Vault(Tokens("refresh-1", "access-0", time.time() + 1800))
    canned.replies = [ACCOUNT]
    open_app(vault).account()
    assert bearers(canned) == ["Bearer access-0"]
    assert (len(canned.requests), vault.stored) == (1, [])


def test_a_refused_token_is_renewed_and_the_call_made_once_more(open_app: Open, canned: Canned) -> None:
    vault = Vault(Tokens("refresh-1", "access-0", time.time() + 1800))
    canned.replies = [UNKNOWN, granted("access-1"), ACCOUNT]
    assert open_app(vault).account()["id"] == "ABC123"
    assert bearers(canned) == ["Bearer access-0", "Bearer access-1"]


def test_a_second_refusal_is_told(open_app: Open, canned: Canned) -> None:
    vault = Vault(Tokens("refresh-1", "access-0", time.time() + 1800))
    canned.replies = [UNKNOWN, granted("access-1"), UNKNOWN]
    with pytest.raises(KlaviyoKeyError, match="Connect the app to the Klaviyo account anew") as caught:
        open_app(vault).account()
    assert len(canned.requests) == 3
    assert "private" not in str(caught.value)


def test_a_scope_that_the_app_lacks_is_named(open_app: Open, canned: Canned) -> None:
    vault = Vault(Tokens("refresh-1", "access-0", time.time() + 1800))
    canned.replies = [Reply(403, errors({"code": "permission_denied", "detail": "No."}))]
    with pytest.raises(KlaviyoScopeError, match=r"events:write.*Give the app these scopes"):
        open_app(vault).push(Batch(1, (Record("1", b"{}"),), 2), Bulk.EVENT_CREATE)
    assert len(canned.requests) == 1


def test_a_token_that_another_task_got_is_used(open_app: Open, canned: Canned) -> None:
    """The other task used the refresh token up between our reading it and Klaviyo's getting it."""
    vault = Vault(Tokens("refresh-9", "access-9", time.time() + 1800))
    readings = iter([Tokens("refresh-1")])
    canned.replies = [VOID, ACCOUNT]
    open_app(vault, lambda: next(readings, vault.tokens)).account()
    assert bearers(canned) == ["Bearer access-9"]


def test_the_refresh_token_of_another_task_is_used_where_its_token_ended(
    open_app: Open, canned: Canned
) -> None:
    vault = Vault(Tokens("refresh-9", "access-9", time.time() - 1))
    readings = iter([Tokens("refresh-1")])
    canned.replies = [VOID, granted("access-10", "refresh-10"), ACCOUNT]
    open_app(vault, lambda: next(readings, vault.tokens)).account()
    assert b"refresh-9" in canned.requests[1].body
    assert bearers(canned) == ["Bearer access-10"]


def test_a_void_refresh_token_needs_a_person(open_app: Open, canned: Canned) -> None:
    canned.replies = [VOID]
    with pytest.raises(KlaviyoKeyError, match="no longer accepts the app's refresh token"):
        open_app(Vault(Tokens("refresh-1"))).account()
    assert len(canned.requests) == 1


def test_a_wrong_client_secret_needs_a_person(open_app: Open, canned: Canned) -> None:
    canned.replies = [Reply(401, {"error": "invalid_client"})]
    with pytest.raises(KlaviyoKeyError, match="client id and secret"):
        open_app(Vault(Tokens("refresh-1"))).account()


@pytest.mark.parametrize(
    "bad",
    [Reply(502, b"<html></html>"), Reply(act="hang"), Reply(act="reset"), Reply(200, b"<html></html>")],
    ids=["502", "hang", "reset", "html"],
)
def test_a_fault_while_a_token_is_got_is_tried_again(open_app: Open, canned: Canned, bad: Reply) -> None:
    vault = Vault(Tokens("refresh-1"))
    canned.replies = [bad, granted("access-1"), ACCOUNT]
    assert open_app(vault).account()["id"] == "ABC123"
    canned.replies = [bad]
    with pytest.raises(KlaviyoFaultError, match="POST /oauth/token"):
        open_app(Vault(Tokens("refresh-1"))).account()


def test_too_many_tokens_are_a_limit(open_app: Open, canned: Canned) -> None:
    canned.replies = [Reply(429, {"error": "throttled"}, {"Retry-After": "600"})]
    with pytest.raises(KlaviyoLimitError) as caught:
        open_app(Vault(Tokens("refresh-1"))).account()
    assert caught.value.retry_after == 600


def test_no_token_and_no_secret_reaches_logs_and_messages(
    open_app: Open, canned: Canned, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    vault = Vault(Tokens("refresh-1"))
    canned.replies = [granted("access-1"), UNKNOWN, granted("access-2", "refresh-3"), UNKNOWN]
    with pytest.raises(KlaviyoKeyError) as caught:
        open_app(vault).account()
    told = caplog.text + str(caught.value) + repr(vault.tokens)
    for secret in ("access-1", "access-2", "refresh-", "hush"):
        assert secret not in told


def test_a_connection_is_either_a_key_or_an_app(session: requests.Session) -> None:
    vault = Vault(Tokens("refresh-1"))
    rest = {"installation": "store-1", "load": vault.load, "store": vault.store}
    oauth = OAuth(session, client_id="app-1", client_secret="hush", **rest)
    limiter = Limiter(ProcessWindows(), account="x")
    with pytest.raises(MendError, match="both an API key and an app"):
        KlaviyoClient(session, api_key=KEY, oauth=oauth, limiter=limiter)
    with pytest.raises(MendError, match="client id or client secret"):
        OAuth(session, client_id="app-1", client_secret="", **rest)


def test_the_sandbox_account_lets_an_app_in_for_hours_and_keeps_it_to_its_scopes(
    sandbox: SandboxAccount, session: requests.Session
) -> None:
    app = sandbox.make_app("accounts:read", "profiles:read")
    name, _, secret = base64.b64decode(app["authorization"].partition(" ")[2]).decode().partition(":")
    vault = Vault(Tokens(app["refresh_token"]))

    def connect() -> KlaviyoClient:
        oauth = OAuth(
            session,
            base_url=sandbox.url,
            client_id=name,
            client_secret=secret,
            installation="store-1",
            load=vault.load,
            store=vault.store,
        )
        limiter = Limiter(ProcessWindows(), account="sandbox", scale=1000)
        return KlaviyoClient(session, base_url=sandbox.url, oauth=oauth, limiter=limiter, backoff=0.01)

    first, second = connect(), connect()
    assert first.account()["id"] == second.account()["id"]
    assert len(vault.stored) == 1, "both use one token"
    sandbox.skip_time(4000)  # the token ends earlier than we think
    assert list(second.profiles()) == []
    assert list(first.profiles()) == []
    assert len({tokens.refresh for tokens in vault.stored}) == len(vault.stored) == 2
    with pytest.raises(KlaviyoScopeError, match="events:write"):
        first.push(Batch(1, (Record("1", b"{}"),), 2), Bulk.EVENT_CREATE)
