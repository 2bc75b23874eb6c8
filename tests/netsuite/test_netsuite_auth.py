from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import jwt
import orjson
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from netsuite_far_side import FarSide, Reply, about, pem, refused
from requests.auth import HTTPBasicAuth

from netsuite_connector.netsuite import (
    Account,
    NetSuiteClient,
    NetSuiteFaultError,
    NetSuiteLimitError,
    NetSuiteLoginError,
    NetSuiteSettingError,
    NetSuiteTokenError,
    OAuth2ClientCredentials,
    token_based,
)

ABOUT = about()
Build = Callable[..., NetSuiteClient]


def token(text: str, seconds: object = 3600) -> Reply:
    return Reply(orjson.dumps({"access_token": text, "expires_in": seconds, "token_type": "Bearer"}))


@pytest.fixture
def build(account: Account, ec_key: ec.EllipticCurvePrivateKey, naps: list[float]) -> Iterator[Build]:
    """Makes a client that logs in with OAuth 2.0."""
    with requests.Session() as session:

        def make(**change: Any) -> NetSuiteClient:
            settings = {"client_id": "client", "certificate_id": "cert", "private_key": pem(ec_key), **change}
            auth = OAuth2ClientCredentials(session=session, token_url=account.token_url, **settings)
            return NetSuiteClient(session, account.restlet_url, auth, sleep=naps.append)

        yield make


def assertion(far: FarSide, call: int = 0) -> str:
    return parse_qs(far.token_calls[call].body.decode())["client_assertion"][0]


def test_the_assertion_is_what_netsuite_asks_for(
    far: FarSide, account: Account, build: Build, rsa_key: rsa.RSAPrivateKey
) -> None:
    far.token_replies, far.replies = [token("t1")], [ABOUT]

    build(private_key=pem(rsa_key)).about()

    form = parse_qs(far.token_calls[0].body.decode())
    claims = jwt.decode(
        form["client_assertion"][0], rsa_key.public_key(), algorithms=["PS256"], audience=account.token_url
    )
    assert form["grant_type"] == ["client_credentials"]
    assert form["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
    assert (claims["iss"], claims["scope"]) == ("client", "restlets")
    assert 0 < claims["exp"] - claims["iat"] < 3600
    assert jwt.get_unverified_header(form["client_assertion"][0]) == {
        "alg": "PS256",
        "typ": "JWT",
        "kid": "cert",
    }
    assert far.calls[0].headers["Authorization"] == "Bearer t1"


@pytest.mark.parametrize(
    ("curve", "algorithm"),
    [(ec.SECP256R1(), "ES256"), (ec.SECP384R1(), "ES384"), (ec.SECP521R1(), "ES512")],
)
def test_an_ec_key_signs_with_its_own_algorithm(
    far: FarSide, account: Account, build: Build, curve: ec.EllipticCurve, algorithm: str
) -> None:
    key = ec.generate_private_key(curve)
    far.token_replies, far.replies = [token("t1")], [ABOUT]

    build(private_key=pem(key)).about()

    claims = jwt.decode(assertion(far), key.public_key(), algorithms=[algorithm], audience=account.token_url)
    assert claims["iss"] == "client"


def test_the_algorithm_can_be_chosen(far: FarSide, build: Build, rsa_key: rsa.RSAPrivateKey) -> None:
    far.token_replies, far.replies = [token("t1")], [ABOUT]

    build(private_key=pem(rsa_key), algorithm="PS512").about()

    assert jwt.get_unverified_header(assertion(far))["alg"] == "PS512"


def test_a_key_whose_line_ends_were_escaped_works(
    far: FarSide, build: Build, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    far.token_replies, far.replies = [token("t1")], [ABOUT]

    assert build(private_key=pem(ec_key).replace("\n", "\\n")).about().role == "1042"


def test_one_token_serves_many_calls_until_it_is_about_to_expire(far: FarSide, build: Build) -> None:
    far.token_replies, far.replies = [token("expired", 0), token("long", "3600"), token("needless")], [ABOUT]
    client = build()

    for _ in range(4):
        client.about()

    used = [call.headers["Authorization"] for call in far.calls]
    assert used == ["Bearer expired", "Bearer long", "Bearer long", "Bearer long"]
    assert assertion(far, 0) != assertion(far, 1)


def test_threads_share_one_token(far: FarSide, build: Build) -> None:
    far.token_replies, far.replies = [Reply(token("t1").body, seconds=0.1)], [ABOUT]
    client = build()
    threads = [threading.Thread(target=client.about) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    assert (len(far.token_calls), len(far.calls)) == (1, 4)


def test_a_refused_token_is_replaced_and_the_call_tried_again(far: FarSide, build: Build) -> None:
    far.token_replies = [token("withdrawn"), token("fresh")]
    far.replies = [refused(401, "INVALID_LOGIN_ATTEMPT"), ABOUT]

    build().about()

    assert [call.headers["Authorization"] for call in far.calls] == ["Bearer withdrawn", "Bearer fresh"]


def test_a_login_that_stays_refused_ends_after_a_few_tries(
    far: FarSide, build: Build, naps: list[float]
) -> None:
    far.token_replies, far.replies = (
        [token("hush-hush")],
        [Reply(b"<html>", 401, {"Content-Type": "text/html"})],
    )

    with pytest.raises(NetSuiteLoginError, match="Login Audit Trail") as caught:
        build().about()

    assert (len(far.calls), len(naps), caught.value.status) == (3, 2, 401)
    assert "hush-hush" not in str(caught.value)


@pytest.mark.parametrize("status", [400, 401])
def test_a_refused_assertion_is_not_repeated_and_says_what_to_check(
    far: FarSide, build: Build, status: int
) -> None:
    far.token_replies = [Reply(b'{"error": "invalid_client", "error_description": "x"}', status)]

    with pytest.raises(NetSuiteTokenError, match="certificate id") as caught:
        build().about()

    assert len(far.token_calls) == 1
    assert (caught.value.status, caught.value.code) == (status, "invalid_client")
    assert assertion(far) not in str(caught.value)


def test_a_short_rsa_key_is_named_when_netsuite_refuses_it(far: FarSide, build: Build) -> None:
    far.token_replies = [Reply(b'{"error": "invalid_client"}', 401)]
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    with pytest.raises(NetSuiteTokenError, match="2048 bits"):
        build(private_key=pem(key)).about()


def test_a_wrong_token_address_is_named(far: FarSide, build: Build) -> None:
    far.token_replies = [Reply(b"<html>Not found</html>", 404)]

    with pytest.raises(NetSuiteTokenError, match="SuiteTalk base URL"):
        build().about()


@pytest.mark.parametrize(
    "bad",
    [
        Reply(b"<html>down</html>", 503),
        Reply(b"<html>maintenance</html>", 200),
        Reply(b"{}", 200),
        Reply(b'{"access_token": "t", "token_type": "mac"}', 200),
        Reply(b'{"access_', 200, missing=90),
        Reply(reset=True),
    ],
)
def test_a_fault_of_the_token_endpoint_is_tried_again(far: FarSide, build: Build, bad: Reply) -> None:
    far.token_replies, far.replies = [bad, token("t1")], [ABOUT]

    assert build().about().account == "1234567_SB1"
    assert len(far.token_calls) == 2


def test_a_limit_of_the_token_endpoint_hands_on_the_wait(far: FarSide, build: Build) -> None:
    far.token_replies = [Reply(b"{}", 429, {"Retry-After": "90"})]

    with pytest.raises(NetSuiteLimitError) as caught:
        build().about()

    assert caught.value.retry_after == 90


def test_no_token_endpoint_at_all_is_a_fault(build: Build, ec_key: ec.EllipticCurvePrivateKey) -> None:
    with requests.Session() as session:
        auth = OAuth2ClientCredentials(
            session=session,
            token_url="http://127.0.0.1:1/token",
            client_id="c",
            certificate_id="k",
            private_key=pem(ec_key),
        )
        client = NetSuiteClient(session, "http://127.0.0.1:1", auth, tries=2, sleep=lambda _: None)
        with pytest.raises(NetSuiteFaultError, match="token address can't be reached"):
            client.about()


def test_the_token_is_asked_for_without_the_sessions_own_login(
    far: FarSide, account: Account, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    far.token_replies, far.replies = [token("t1")], [ABOUT]
    with requests.Session() as session:
        session.auth = HTTPBasicAuth("user", "password")
        auth = OAuth2ClientCredentials(
            session=session,
            token_url=account.token_url,
            client_id="c",
            certificate_id="k",
            private_key=pem(ec_key),
        )
        NetSuiteClient(session, account.restlet_url, auth).about()

    assert "Authorization" not in far.token_calls[0].headers


def certificate(key: ec.EllipticCurvePrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def locked(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda _: "", "no PEM text"),
        (lambda _: "MIIEvQIBADANBg", "no PEM text"),
        (certificate, "certificate or public key"),
        (locked, "passphrase"),
        (lambda key: pem(key)[:90] + "\n-----END PRIVATE KEY-----", "can't be read"),
        (lambda _: pem(ed25519.Ed25519PrivateKey.generate()), "neither RSA nor EC"),
        (lambda _: pem(ec.generate_private_key(ec.SECP256K1())), "secp256k1"),
    ],
)
def test_a_key_that_cannot_work_says_what_it_is(
    build: Build, ec_key: ec.EllipticCurvePrivateKey, spoil: Callable[[Any], str], sentence: str
) -> None:
    with pytest.raises(NetSuiteSettingError, match=sentence):
        build(private_key=spoil(ec_key))


@pytest.mark.parametrize("algorithm", ["RS256", "ES384", "PS256", "none", "HS256"])
def test_an_algorithm_that_the_key_or_netsuite_rules_out_is_refused(build: Build, algorithm: str) -> None:
    with pytest.raises(NetSuiteSettingError, match=f"{algorithm}.*choose ES256"):
        build(algorithm=algorithm)


@pytest.mark.parametrize("empty", ["client_id", "certificate_id"])
def test_an_empty_setting_is_named(build: Build, empty: str) -> None:
    with pytest.raises(NetSuiteSettingError, match=empty.replace("_", " ")):
        build(**{empty: " "})


def oauth_header(far: FarSide, call: int) -> dict[str, str]:
    scheme, _, rest = far.calls[call].headers["Authorization"].partition(" ")
    assert scheme == "OAuth"
    pairs = (part.strip().partition("=") for part in rest.split(","))
    return {name: value.strip('"') for name, _, value in pairs}


def test_token_based_authentication_names_realm_and_tokens_but_no_secret(
    far: FarSide, client: NetSuiteClient
) -> None:
    far.replies = [ABOUT]

    client.about()

    header = oauth_header(far, 0)
    assert header["realm"] == "1234567_SB1"
    assert header["oauth_signature_method"] == "HMAC-SHA256"
    assert (header["oauth_consumer_key"], header["oauth_token"]) == ("ck", "ti")
    assert {"cs", "ts"}.isdisjoint(header.values())
    assert far.calls[0].path.endswith("?script=customscript_nsk_restlet&deploy=customdeploy_nsk_restlet")
    assert far.calls[0].headers["Content-Type"] == "application/json"


def test_every_try_is_signed_anew(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [Reply(status=500), Reply(reset=True), ABOUT]

    client.about()

    headers = [oauth_header(far, call) for call in range(3)]
    assert len({header["oauth_nonce"] for header in headers}) == 3
    assert len({header["oauth_signature"] for header in headers}) == 3


def test_missing_tokens_are_named(account: Account) -> None:
    with pytest.raises(NetSuiteSettingError, match="no token id and no token secret"):
        token_based(account, consumer_key="a", consumer_secret="b", token_id="", token_secret=" ")
