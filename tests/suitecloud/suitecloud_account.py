"""A running sandbox account, and calls of the project's scripts over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests
from requests_oauthlib import OAuth1

from netsuite_connector.sandbox.netsuite.testing import DEPLOYMENT, SCRIPT, SandboxAccount

OUTBOX = "customrecord_nsk_outbox"
INSTALLER = (
    "/app/site/hosting/scriptlet.nl?script=customscript_nsk_installer&deploy=customdeploy_nsk_installer"
)


def call(account: SandboxAccount, action: str, **arguments: Any) -> requests.Response:
    """A call of the RESTlet."""
    mine = account.credentials
    signer = OAuth1(
        mine.consumer_key,
        mine.consumer_secret,
        mine.token_id,
        mine.token_secret,
        signature_method="HMAC-SHA256",
        realm=mine.account,
    )
    url = f"{account.restlet_url}?script={SCRIPT}&deploy={DEPLOYMENT}"
    return requests.post(url, json={"action": action, **arguments}, auth=signer, timeout=30)


def ask(account: SandboxAccount, action: str, **arguments: Any) -> dict[str, Any]:
    """What the RESTlet answers."""
    answer = call(account, action, **arguments)
    assert answer.ok, answer.text
    return dict(answer.json())


def entries(account: SandboxAccount, **arguments: Any) -> list[dict[str, Any]]:
    """The outbox's entries."""
    return list(ask(account, "outbox", **arguments)["entries"])


def events(account: SandboxAccount) -> list[tuple[str, int, str, int | None]]:
    """The outbox's entries as (type, record, event, into), which are acknowledged with that."""
    found = entries(account)
    if found:
        assert ask(account, "acknowledge", ids=[each["id"] for each in found])["left"] == []
    return [(each["type"], each["record"], each["event"], each["into"]) for each in found]


def installer(account: SandboxAccount, *, install: bool = False) -> dict[str, dict[str, Any]]:
    """What the installer answers, by search without the prefix ``customsearch_nsk_``."""
    searches = account.installer(install=install)["searches"]
    return {each["id"].removeprefix("customsearch_nsk_"): each for each in searches}


def emptied(account: SandboxAccount) -> Iterator[SandboxAccount]:
    """The account, its outbox empty before and its usual settings there afterwards."""
    account.clear(OUTBOX)
    yield account
    account.settings(units=5000)
