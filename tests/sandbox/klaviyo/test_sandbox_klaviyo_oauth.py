"""OAuth apps: access tokens of an hour, refresh tokens that change, limits of their own."""

from __future__ import annotations

import pytest
import requests

from netsuite_connector.sandbox.klaviyo.testing import REVISION, running_sandbox


def refresh(account, app: dict, token: str | None = None, **form: str) -> requests.Response:
    fields = {"grant_type": "refresh_token", "refresh_token": token or app["refresh_token"], **form}
    headers = {"Authorization": app["authorization"]}
    return requests.post(f"{account.url}/oauth/token", data=fields, headers=headers, timeout=30)


def call(account, token: str, path: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}", "revision": REVISION}
    return requests.get(f"{account.url}/api/{path}", headers=headers, timeout=30)


@pytest.fixture
def app(account) -> dict:
    return account.make_app("profiles:read", "accounts:read")


def test_an_access_token_may_do_what_the_app_may(account, app):
    granted = refresh(account, app).json()
    assert (granted["token_type"], granted["expires_in"]) == ("bearer", 3_600)
    assert granted["scope"] == "accounts:read profiles:read"
    assert call(account, granted["access_token"], "profiles").status_code == 200
    assert call(account, granted["access_token"], "events").status_code == 403


def test_an_access_token_ends_after_an_hour(account, app):
    token = refresh(account, app).json()["access_token"]
    account.skip_time(3_599)
    assert call(account, token, "profiles").status_code == 200
    account.skip_time(2)
    answer = call(account, token, "profiles")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "authentication_failed")


def test_a_refresh_token_is_void_once_it_was_used(account, app):
    second = refresh(account, app).json()["refresh_token"]
    again = refresh(account, app)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert refresh(account, app, second).status_code == 200


def test_a_refresh_token_that_nobody_uses_ends_after_ninety_days(account, app):
    account.skip_time(91 * 86_400)
    assert refresh(account, app).json()["error"] == "invalid_grant"


def test_a_token_request_needs_the_apps_secret_and_the_right_grant(account, app):
    stranger = app | {"authorization": "Basic eDp5"}
    assert refresh(account, stranger).status_code == 401
    assert refresh(account, app | {"authorization": "Bearer x"}).json()["error"] == "invalid_client"
    assert refresh(account, app, grant_type="password").json()["error"] == "unsupported_grant_type"
    assert refresh(account, app).status_code == 200


def test_an_app_has_limits_of_its_own(api):
    with running_sandbox("--limits-scale", "1") as account:
        token = refresh(account, account.make_app("accounts:read")).json()["access_token"]
        own = [type(api)(account).get("accounts").status_code for _ in range(4)]
        assert 429 in own
        assert call(account, token, "accounts").status_code == 200


def test_a_restart_keeps_the_apps(tmp_path):
    files = ("--keys", str(tmp_path / "keys.json"))
    with running_sandbox(*files) as account:
        app = account.make_app("profiles:read")
        latest = refresh(account, app).json()["refresh_token"]
    with running_sandbox(*files) as account:
        assert refresh(account, app).json()["error"] == "invalid_grant"
        assert refresh(account, app, latest).status_code == 200
