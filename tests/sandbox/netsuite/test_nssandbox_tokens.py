"""OAuth 2.0 client credentials, as NetSuite's rules have it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from nscalls import ASSERTION_TYPE, ask_token, assertion, bearer, post, restlet

from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox
from netsuite_connector.sandbox.netsuite.tokens import TokenDesk, TokenRefusedError

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def pem(key: PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def certificate(key: PrivateKey, *, starts: datetime, days: int) -> str:
    """A certificate of a key, signed by itself."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "connector")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(starts)
        .not_valid_after(starts + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()


def upload(account: SandboxAccount, text: str) -> requests.Response:
    return requests.post(f"{account.url}/sandbox/certificates", data=text.encode(), timeout=10)


@pytest.fixture(scope="module")
def rsa_key() -> str:
    return pem(rsa.generate_private_key(65537, 3072))


def test_a_token_opens_the_restlet(account: SandboxAccount) -> None:
    answer = ask_token(account, assertion(account))
    assert answer.status_code == 200
    token = answer.json()
    assert token.keys() == {"access_token", "expires_in", "token_type"}
    assert int(token["expires_in"]) == 3600
    assert token["token_type"].lower() == "bearer"
    called = post(account, auth=None, headers={"Authorization": f"Bearer {token['access_token']}"})
    assert called.status_code == 200
    assert called.json()["account"] == account.credentials.account


@pytest.mark.parametrize("algorithm", ["PS256", "PS384", "PS512"])
def test_rsa_keys_sign_with_pss(account: SandboxAccount, rsa_key: str, algorithm: str) -> None:
    kid = account.add_certificate(rsa_key)
    assert (
        ask_token(account, assertion(account, key=rsa_key, algorithm=algorithm, kid=kid)).status_code == 200
    )


@pytest.mark.parametrize(
    ("curve", "algorithm"), [(ec.SECP256R1(), "ES256"), (ec.SECP384R1(), "ES384"), (ec.SECP521R1(), "ES512")]
)
def test_curves_sign_with_their_algorithm(
    account: SandboxAccount, curve: ec.EllipticCurve, algorithm: str
) -> None:
    key = pem(ec.generate_private_key(curve))
    kid = account.add_certificate(key)
    assert ask_token(account, assertion(account, key=key, algorithm=algorithm, kid=kid)).status_code == 200


def test_rs256_is_withdrawn(account: SandboxAccount, rsa_key: str) -> None:
    kid = account.add_certificate(rsa_key)
    answer = ask_token(account, assertion(account, key=rsa_key, algorithm="RS256", kid=kid))
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_weak_keys_are_not_taken(account: SandboxAccount) -> None:
    with pytest.raises(ValueError, match="3072"):
        account.add_certificate(pem(rsa.generate_private_key(65537, 2048)))


def test_a_certificate_is_taken_as_its_file(account: SandboxAccount) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    answer = upload(account, certificate(key, starts=datetime.now(UTC), days=730))
    kid = answer.json()["certificate_id"]
    assert ask_token(account, assertion(account, key=pem(key), kid=kid)).status_code == 200


def test_a_certificate_that_has_expired_is_not_taken(account: SandboxAccount) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    answer = upload(account, certificate(key, starts=datetime.now(UTC) - timedelta(days=31), days=30))
    assert (answer.status_code, answer.json()) == (400, {"error": "the certificate has expired"})


@pytest.mark.parametrize(
    ("days", "later", "good"), [(30, 29, True), (30, 31, False), (3650, 729, True), (3650, 732, False)]
)
def test_a_certificate_is_good_for_as_long_as_it_says_and_two_years_at_most(
    *, days: int, later: int, good: bool
) -> None:
    key, now = ec.generate_private_key(ec.SECP256R1()), time.time()
    desk = TokenDesk("client", clock=lambda: now)
    desk.add_certificate("kid", certificate(key, starts=datetime.now(UTC), days=days))
    now += later * 86_400
    claims = {"iss": "client", "scope": "restlets", "aud": "url", "iat": int(now), "exp": int(now) + 300}
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": jwt.encode(claims, key, "ES256", {"kid": "kid"}),
    }
    if good:
        assert desk.issue(form, "url")["access_token"]
    else:
        with pytest.raises(TokenRefusedError, match="InvalidIntegration"):
            desk.issue(form, "url")


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"iss": "somebody else"}, "invalid_client"),
        ({"kid": "unknown"}, "invalid_client"),
        ({"aud": "https://elsewhere.example/token"}, "invalid_grant"),
        ({"aud": None}, "invalid_grant"),
        ({"exp": None}, "invalid_grant"),
        ({"scope": None}, "invalid_grant"),
        ({"scope": "everything"}, "invalid_grant"),
    ],
)
def test_a_wrong_assertion_gets_no_token(account: SandboxAccount, claims: dict[str, Any], error: str) -> None:
    answer = ask_token(account, assertion(account, **claims))
    assert answer.status_code == (401 if error == "invalid_client" else 400)
    assert answer.json() == {"error": error}


@pytest.mark.parametrize(
    ("issued", "expires"),
    [(-400, -100), (0, 3700), (600, 900)],
    ids=["expired", "more than an hour", "not yet issued"],
)
def test_an_assertion_out_of_its_time_gets_no_token(
    account: SandboxAccount, issued: int, expires: int
) -> None:
    now = int(time.time())
    answer = ask_token(account, assertion(account, iat=now + issued, exp=now + expires))
    assert answer.json() == {"error": "invalid_grant"}


def test_another_key_gets_no_token(account: SandboxAccount) -> None:
    other = pem(ec.generate_private_key(ec.SECP256R1()))
    assert ask_token(account, assertion(account, key=other)).json() == {"error": "invalid_client"}


def test_a_revoked_certificate_gets_no_token(account: SandboxAccount) -> None:
    key = pem(ec.generate_private_key(ec.SECP256R1()))
    kid = account.add_certificate(key)
    account.revoke_certificate(kid)
    assert ask_token(account, assertion(account, key=key, kid=kid)).json() == {"error": "invalid_client"}


@pytest.mark.parametrize(
    "scope", ["restlets", ["restlets"], "restlets,rest_webservices", ["restlets", "rest_webservices"]]
)
def test_scopes_come_as_text_or_list(account: SandboxAccount, scope: Any) -> None:
    assert post(account, auth=None, headers=bearer(account, scope=scope)).status_code == 200


def test_a_token_for_something_else_does_not_open_restlets(account: SandboxAccount) -> None:
    assert post(account, auth=None, headers=bearer(account, scope="rest_webservices")).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"grant_type": "password"},
        {"client_assertion_type": "jwt"},
        {"client_assertion": "a.b"},
        {"client_assertion": ""},
    ],
)
def test_a_wrong_form_is_an_invalid_request(account: SandboxAccount, changes: dict[str, str]) -> None:
    answer = ask_token(account, assertion(account), **changes)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


def test_json_is_no_form(account: SandboxAccount) -> None:
    answer = requests.post(account.token_url, json={"grant_type": "client_credentials"}, timeout=30)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


def test_a_token_that_is_no_longer_good_says_so(account: SandboxAccount) -> None:
    header = bearer(account)
    account.revoke_tokens()
    answer = post(account, auth=None, headers=header)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "INVALID_LOGIN_ATTEMPT"
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="1234567_SB1", error="invalid_token", error_description="Invalid login attempt."'
    )


def test_a_bearer_header_without_token_is_malformed(account: SandboxAccount) -> None:
    answer = requests.post(restlet(account), json={}, headers={"Authorization": "Bearer "}, timeout=30)
    assert answer.status_code == 400
    assert 'error="invalid_request"' in answer.headers["WWW-Authenticate"]


def test_tokens_expire() -> None:
    with running_sandbox("--token-seconds", "1") as short:
        header = bearer(short)
        assert post(short, auth=None, headers=header).status_code == 200
        time.sleep(1.1)
        assert post(short, auth=None, headers=header).status_code == 401
