"""RESTlet calls over HTTP, signed by libraries that the account does not use."""

from __future__ import annotations

import time
from typing import Any

import jwt
import requests
from requests_oauthlib import OAuth1

from netsuite_connector.sandbox.netsuite.testing import DEPLOYMENT, SCRIPT, SandboxAccount

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def signer(account: SandboxAccount, **changes: Any) -> OAuth1:
    """Token-based authentication."""
    mine = account.credentials
    settings = {
        "client_key": mine.consumer_key,
        "client_secret": mine.consumer_secret,
        "resource_owner_key": mine.token_id,
        "resource_owner_secret": mine.token_secret,
        "signature_method": "HMAC-SHA256",
        "realm": mine.account,
    }
    return OAuth1(**{**settings, **changes})


def restlet(account: SandboxAccount, script: str = SCRIPT, deploy: str = DEPLOYMENT, more: str = "") -> str:
    """The address of a RESTlet."""
    return f"{account.restlet_url}?script={script}&deploy={deploy}{more}"


def post(account: SandboxAccount, body: Any = None, **options: Any) -> requests.Response:
    """A signed POST of JSON to the connector's RESTlet."""
    usual = {"json": {"action": "about"} if body is None else body, "auth": signer(account), "timeout": 30}
    return requests.post(restlet(account), **{**usual, **options})


def assertion(
    account: SandboxAccount,
    *,
    key: str | None = None,
    algorithm: str = "ES256",
    kid: str | None = None,
    **claims: Any,
) -> str:
    """A client assertion; claims given as None are left out."""
    now = int(time.time())
    mine = account.credentials
    usual = {
        "iss": mine.client_id,
        "scope": "restlets",
        "aud": account.token_url,
        "iat": now,
        "exp": now + 300,
    }
    chosen = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    headers = {"kid": mine.certificate_id if kid is None else kid}
    return jwt.encode(chosen, key or mine.private_key, algorithm, headers=headers)


def ask_token(account: SandboxAccount, text: str, **changes: Any) -> requests.Response:
    """The token endpoint's answer to an assertion."""
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": text,
        **changes,
    }
    return requests.post(account.token_url, data=form, timeout=30)


def bearer(account: SandboxAccount, **claims: Any) -> dict[str, str]:
    """The header of a fresh access token."""
    answer = ask_token(account, assertion(account, **claims))
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}
