"""Token-based authentication, as NetSuite's rules have it."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests
from nscalls import post, restlet, signer

from netsuite_connector.sandbox.netsuite.testing import SandboxAccount


def signed(account: SandboxAccount, url: str, **settings: Any) -> requests.PreparedRequest:
    """A signed request that has not been sent."""
    request = requests.Request("POST", url, json={"action": "about"}, auth=signer(account, **settings))
    return request.prepare()


def send(request: requests.PreparedRequest) -> requests.Response:
    with requests.Session() as session:
        return session.send(request, timeout=30)


def test_a_signed_call_is_let_in(account: SandboxAccount) -> None:
    assert post(account).status_code == 200


def test_parameters_of_the_query_are_signed(account: SandboxAccount) -> None:
    url = restlet(account, more="&note=caf%C3%A9%20%2B%20cr%C3%A8me&empty=")
    assert send(signed(account, url)).status_code == 200
    forged = signed(account, url)
    forged.url = str(forged.url).replace("empty=", "empty=1")
    assert send(forged).status_code == 401


def test_a_body_hash_belongs_to_what_is_signed(account: SandboxAccount) -> None:
    # oauthlib adds oauth_body_hash where the body is no form and is handed to it.
    prepared = requests.Request("POST", restlet(account), json={"action": "about"}).prepare()
    signature = signer(account, force_include_body=True)(prepared)
    header = signature.headers["Authorization"]
    text = header.decode() if isinstance(header, bytes) else header
    assert "oauth_body_hash" in text
    assert send(signature).status_code == 200


def test_a_nonce_works_once(account: SandboxAccount) -> None:
    request = signed(account, restlet(account))
    assert send(request).status_code == 200
    assert send(request).status_code == 401


@pytest.mark.parametrize(
    "settings",
    [
        {"signature_method": "HMAC-SHA1"},
        {"realm": "7654321"},
        {"client_key": "unknown"},
        {"resource_owner_key": "unknown"},
        {"client_secret": "wrong"},
        {"resource_owner_secret": "wrong"},
        {"nonce": "short"},
    ],
)
def test_what_is_not_signed_rightly_is_refused(account: SandboxAccount, settings: dict[str, Any]) -> None:
    answer = send(signed(account, restlet(account), **settings))
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "INVALID_LOGIN_ATTEMPT"


@pytest.mark.parametrize(("seconds", "status"), [(-400, 401), (-200, 200), (200, 200), (400, 401)])
def test_a_clock_may_be_five_minutes_off(account: SandboxAccount, seconds: int, status: int) -> None:
    request = signed(account, restlet(account), timestamp=str(int(time.time()) + seconds))
    assert send(request).status_code == status


def test_a_signature_for_another_method_is_refused(account: SandboxAccount) -> None:
    request = signed(account, restlet(account))
    request.method = "PUT"
    assert send(request).status_code == 401


@pytest.mark.parametrize(
    "header", ["OAuth", "OAuth realm=1234567", "OAuth a b c", "Basic YTpi", 'OAuth realm="x",realm="y"']
)
def test_a_header_that_can_not_be_read_is_a_bad_request(account: SandboxAccount, header: str) -> None:
    answer = requests.post(restlet(account), json={}, headers={"Authorization": header}, timeout=30)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "INVALID_REQUEST"


def test_no_login_is_refused(account: SandboxAccount) -> None:
    assert requests.post(restlet(account), json={}, timeout=30).status_code == 401
