"""What may go wrong on the way of an extract, a test each, for one lane and for several: it passes, or is
reported, and is never taken for "no rows".
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from netsuite_far_account import FarAccount
from netsuite_far_side import FarSide, Reply, Request, page, pem, refused

from netsuite_connector.netsuite import (
    Account,
    NetSuiteClient,
    NetSuiteFaultError,
    NetSuiteLimitError,
    NetSuiteLoginError,
    NetSuiteTokenError,
    OAuth2ClientCredentials,
)
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox
from netsuite_connector.window import Window

HTML = {"Content-Type": "text/html"}
ROWS = 400
CUSTOMERS = "customsearch_nsk_customers"


@pytest.fixture(params=[1, 3])
def lanes(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def answering(
    bad: Reply, *, times: float, action: str = "page", version: str = "1.1.0"
) -> Callable[[Request], Reply]:
    """An account that answers an action with ``bad`` a few times from its second page on."""
    ids = sorted(random.Random(1).sample(range(1, 9000), ROWS))
    account = FarAccount.of(ids, [1] * ROWS, random.Random(1), version=version)
    left = [times]

    def reply(request: Request) -> Reply:
        asked = request.asked
        if asked["action"] == action and account.pages > 1 and left[0] > 0:
            left[0] -= 1
            return bad
        return account.reply(request)

    return reply


def rows(client: NetSuiteClient, lanes: int, **bounded: Any) -> int:
    pages = client.pages("customsearch_x", Window(), page_rows=50, lanes=lanes, **bounded)
    return sum(each.batch.num_rows for each in pages)


def check(
    far: FarSide, client: NetSuiteClient, lanes: int, bad: Reply, kind: type[Exception], **case: str
) -> None:
    """``bad`` changes nothing when it passes, and raises ``kind`` when it stays."""
    far.replying = answering(bad, times=2, **case)
    assert rows(client, lanes) == ROWS
    far.replying = answering(bad, times=float("inf"), **case)
    with pytest.raises(kind):
        rows(client, lanes)


def test_an_empty_answer_where_the_count_says_otherwise(
    far: FarSide, client: NetSuiteClient, lanes: int
) -> None:
    check(far, client, lanes, page([], stopped="empty"), NetSuiteFaultError)


def test_an_end_without_rows_where_the_count_says_otherwise(
    far: FarSide, client: NetSuiteClient, lanes: int
) -> None:
    check(far, client, lanes, page([]), NetSuiteFaultError)


def test_a_truncated_body(far: FarSide, client: NetSuiteClient, lanes: int) -> None:
    check(far, client, lanes, Reply(page([1]).body[:60], missing=90), NetSuiteFaultError)


def test_a_body_that_was_cut_and_calls_itself_whole(far: FarSide, client: NetSuiteClient, lanes: int) -> None:
    check(far, client, lanes, Reply(page([1]).body[:60]), NetSuiteFaultError)


def test_html_instead_of_json(far: FarSide, client: NetSuiteClient, lanes: int) -> None:
    check(far, client, lanes, Reply(b"<html>Please wait</html>", 200, HTML), NetSuiteFaultError)


def test_a_reset_connection(far: FarSide, client: NetSuiteClient, lanes: int) -> None:
    check(far, client, lanes, Reply(reset=True), NetSuiteFaultError)


def test_a_401_under_overload(far: FarSide, client: NetSuiteClient, lanes: int) -> None:
    check(far, client, lanes, refused(401, "INVALID_LOGIN_ATTEMPT"), NetSuiteLoginError)


@pytest.mark.parametrize("status", [400, 429])
def test_request_limit_exceeded(
    far: FarSide, client: NetSuiteClient, lanes: int, naps: list[float], status: int
) -> None:
    check(far, client, lanes, refused(status, "SSS_REQUEST_LIMIT_EXCEEDED"), NetSuiteLimitError)

    assert len(set(naps)) == len(naps), "waits are spread"


def test_rows_that_go_between_a_search_and_the_fetch_of_its_page(
    far: FarSide, client: NetSuiteClient, lanes: int
) -> None:
    check(far, client, lanes, refused(400, "INVALID_PAGE_RANGE"), NetSuiteFaultError)


def test_a_count_that_fails(far: FarSide, client: NetSuiteClient, lanes: int) -> None:
    bad = Reply(b"<html>", 503, HTML)
    check(far, client, lanes, bad, NetSuiteFaultError, action="bounds", version="1.0.0")


@pytest.fixture
def oauth(account: Account) -> Iterator[NetSuiteClient]:
    key = pem(ec.generate_private_key(ec.SECP256R1()))
    with requests.Session() as session:
        auth = OAuth2ClientCredentials(
            session=session,
            token_url=account.token_url,
            client_id="client",
            certificate_id="certificate",
            private_key=key,
        )
        yield NetSuiteClient(session, account.restlet_url, auth, sleep=lambda _: None)


def token(text: str) -> Reply:
    return Reply(orjson.dumps({"access_token": text, "expires_in": 3600, "token_type": "Bearer"}))


def test_a_token_that_is_refused_is_renewed_once_for_all_lanes(
    far: FarSide, oauth: NetSuiteClient, lanes: int
) -> None:
    behind = answering(page([]), times=0)
    far.token_replies = [token("first"), token("second"), token("needless")]
    far.replying = lambda request: (
        refused(401, "INVALID_LOGIN_ATTEMPT")
        if request.headers["Authorization"] == "Bearer first" and len(far.calls) > 4
        else behind(request)
    )

    assert rows(oauth, lanes) == ROWS
    assert len(far.token_calls) == 2


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxAccount]:
    with running_sandbox(customers=90) as running:
        yield running


@pytest.fixture
def certified(sandbox: SandboxAccount) -> Iterator[tuple[NetSuiteClient, str]]:
    """A client that logs in with a certificate of its own, and the certificate's id."""
    key = pem(ec.generate_private_key(ec.SECP256R1()))
    certificate = sandbox.add_certificate(key)
    with requests.Session() as session:
        auth = OAuth2ClientCredentials(
            session=session,
            token_url=sandbox.token_url,
            client_id=sandbox.credentials.client_id,
            certificate_id=certificate,
            private_key=key,
        )
        yield NetSuiteClient(session, sandbox.url, auth, sleep=lambda _: None), certificate


def test_a_certificate_that_is_revoked_during_an_extract(
    sandbox: SandboxAccount, certified: tuple[NetSuiteClient, str], lanes: int
) -> None:
    client, certificate = certified
    pages = client.pages(CUSTOMERS, Window(), page_rows=10, lanes=lanes)
    next(pages)
    sandbox.revoke_certificate(certificate)
    sandbox.revoke_tokens()

    with pytest.raises(NetSuiteTokenError, match="hasn't expired"):
        list(pages)


@pytest.mark.parametrize(("status", "code"), [(400, "invalid_grant"), (401, "invalid_client")])
def test_a_certificate_that_has_expired(far: FarSide, oauth: NetSuiteClient, status: int, code: str) -> None:
    far.token_replies = [Reply(orjson.dumps({"error": code}), status)]

    with pytest.raises(NetSuiteTokenError, match=r"certificate .* hasn't expired"):
        rows(oauth, 3)

    assert not far.calls
