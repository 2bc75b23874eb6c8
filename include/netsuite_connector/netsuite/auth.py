"""The two ways to log in to NetSuite: OAuth 2.0 client credentials, and token-based (OAuth 1.0a)."""

from __future__ import annotations

import threading
import time
from typing import Any

import jwt
import requests
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256
from requests.auth import AuthBase
from requests_oauthlib import OAuth1

from netsuite_connector.netsuite.account import Account
from netsuite_connector.netsuite.answer import loads
from netsuite_connector.netsuite.errors import (
    NetSuiteError,
    NetSuiteFaultError,
    NetSuiteLimitError,
    NetSuiteSettingError,
    NetSuiteTokenError,
)
from netsuite_connector.netsuite.refusal import retry_after

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey

_RSA_ALGORITHMS = ("PS256", "PS384", "PS512")
_CURVE_ALGORITHMS = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_ASSERTION_SECONDS = 300  # NetSuite takes at most 60 minutes; ours is used at once
_TOKEN_SECONDS = 3600.0  # how long NetSuite's tokens live, should an answer not say
_REASONS = {"invalid_client", "invalid_grant", "invalid_request", "invalid_scope", "unauthorized_client"}


class OAuth2ClientCredentials(AuthBase):
    """Signs requests with an access token that it fetches itself, and anew shortly before the token expires.

    The token is shared by all threads and fetched through ``session`` (without that session's own
    authentication). A token that a RESTlet answers with 401 is forgotten, so the next try fetches a new one.
    """

    def __init__(  # noqa: PLR0913 - what NetSuite wants to know
        self,
        *,
        session: requests.Session,
        token_url: str,
        client_id: str,
        certificate_id: str,
        private_key: str,
        algorithm: str | None = None,
        scope: str = "restlets",
        timeout: tuple[float, float] = (10.0, 60.0),
    ) -> None:
        """``private_key`` is PEM text; ``certificate_id`` is what NetSuite shows for the certificate under
        OAuth 2.0 Client Credentials (M2M) Setup; ``algorithm`` follows from the key unless given; ``timeout``
        is (connect, read) in seconds.

        Raises NetSuiteSettingError for a key or an algorithm that can't work.
        """
        for name, value in (("client id", client_id), ("certificate id", certificate_id)):
            if not value.strip():
                raise NetSuiteSettingError(f"The NetSuite connection has no {name}: fill it in.")
        self._session = session
        self._token_url = token_url
        self._client_id = client_id.strip()
        self._certificate_id = certificate_id.strip()
        self._key = load_key(private_key)
        self._algorithm = choose_algorithm(self._key, algorithm)
        self._scope = scope
        self._timeout = timeout
        self._lock = threading.Lock()
        self._token: str | None = None
        self._good_until = 0.0

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header; fetches a token if need be, and raises a NetSuiteError without one."""
        token = self._current_token()

        def forget_if_refused(response: requests.Response, **_: Any) -> None:
            if response.status_code == 401:
                self._forget(token)

        request.headers["Authorization"] = f"Bearer {token}"
        request.register_hook("response", forget_if_refused)  # type: ignore[no-untyped-call]
        return request

    def _current_token(self) -> str:
        with self._lock:
            if self._token is None or time.monotonic() >= self._good_until:
                asked = time.monotonic()
                self._token, seconds = self._fetch()
                # A tenth, a minute at most, is kept back for requests on their way and clocks that differ.
                self._good_until = asked + seconds - min(60.0, seconds / 10)
            return self._token

    def _forget(self, token: str) -> None:
        """Drop the token, unless another thread has replaced it already."""
        with self._lock:
            if self._token == token:
                self._token = None

    def _fetch(self) -> tuple[str, float]:
        try:
            response = self._session.post(
                self._token_url,
                data={
                    "grant_type": "client_credentials",
                    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                    "client_assertion": self._assertion(),
                },
                headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
                auth=_unsigned,
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise NetSuiteFaultError(
                f"NetSuite's token address can't be reached ({type(error).__name__}): check the account id "
                "or base URL if this lasts."
            ) from error
        body = loads(response.content)
        answer = body if isinstance(body, dict) else {}
        if response.status_code != 200:
            raise self._refused(response, answer.get("error"))
        token, kind = answer.get("access_token"), answer.get("token_type", "bearer")
        if not isinstance(token, str) or not token or str(kind).lower() != "bearer":
            raise NetSuiteFaultError("NetSuite's token address answered without a bearer token.", status=200)
        try:
            seconds = float(answer.get("expires_in", _TOKEN_SECONDS))
        except (TypeError, ValueError):
            seconds = _TOKEN_SECONDS
        return token, seconds

    def _assertion(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self._client_id,
            "scope": self._scope,
            "aud": self._token_url,
            "iat": now,
            "exp": now + _ASSERTION_SECONDS,
        }
        return jwt.encode(claims, self._key, algorithm=self._algorithm, headers={"kid": self._certificate_id})

    def _refused(self, response: requests.Response, reason: object) -> NetSuiteError:
        status = response.status_code
        code = reason if isinstance(reason, str) and reason in _REASONS else None
        said = f"HTTP {status} {code}" if code else f"HTTP {status}"
        if status == 429:
            return NetSuiteLimitError(
                f"NetSuite's token address asks us to wait ({said}).",
                status=status,
                code=code,
                retry_after=retry_after(response.headers),
            )
        if status >= 500:
            return NetSuiteFaultError(f"NetSuite's token address failed ({said}).", status=status, code=code)
        if 300 <= status < 400 or status in {404, 405}:
            return NetSuiteTokenError(
                f"There is no token address where it is looked for ({said}): check the account id or the "
                "SuiteTalk base URL.",
                status=status,
                code=code,
            )
        size = (
            f" (the RSA key has {self._key.key_size} bits, NetSuite asks for 3072 or 4096)"
            if isinstance(self._key, RSAPrivateKey) and self._key.key_size < 3072
            else ""
        )
        return NetSuiteTokenError(
            f"NetSuite gives us no access token ({said}): under OAuth 2.0 Client Credentials (M2M) Setup "
            "check the client id, the certificate id and that the certificate belongs to the private "
            f"key{size} and hasn't expired, and check this machine's clock. The mapping is lost when a "
            "sandbox account is refreshed.",
            status=status,
            code=code,
        )


def token_based(
    account: Account, *, consumer_key: str, consumer_secret: str, token_id: str, token_secret: str
) -> AuthBase:
    """OAuth 1.0a with HMAC-SHA256, the only method NetSuite takes; each request gets its own signature.

    The query is signed, a JSON body is not. Raises NetSuiteSettingError when one of the four is missing.
    """
    given = {
        "consumer key": consumer_key,
        "consumer secret": consumer_secret,
        "token id": token_id,
        "token secret": token_secret,
    }
    missing = [name for name, value in given.items() if not value.strip()]
    if missing:
        raise NetSuiteSettingError(f"The NetSuite connection has no {' and no '.join(missing)}: fill it in.")
    signer: AuthBase = OAuth1(
        client_key=consumer_key.strip(),
        client_secret=consumer_secret.strip(),
        resource_owner_key=token_id.strip(),
        resource_owner_secret=token_secret.strip(),
        signature_method=SIGNATURE_HMAC_SHA256,
        realm=account.realm,
    )
    return signer


def load_key(pem: str) -> PrivateKey:
    """Read an RSA or EC private key from PEM text; raises NetSuiteSettingError when it is something else."""
    # Connection forms and environment variables tend to keep line ends as the two characters \n.
    text = pem.replace("\\n", "\n").strip()
    if "PRIVATE KEY" not in text:
        what = "a certificate or public key" if "-----BEGIN" in text else "no PEM text"
        raise NetSuiteSettingError(
            f"The private key of the NetSuite connection is {what}: paste the whole file that begins with "
            "-----BEGIN PRIVATE KEY-----."
        )
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except TypeError:
        raise NetSuiteSettingError(
            "The private key of the NetSuite connection is locked with a passphrase: store it without one, "
            "as a secret."
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise NetSuiteSettingError(
            "The private key of the NetSuite connection can't be read: paste the whole PEM file with its "
            "line ends."
        ) from None
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise NetSuiteSettingError(
            "The private key of the NetSuite connection is neither RSA nor EC: make one of 3072 bits (RSA) "
            "or P-256 (EC)."
        )
    return key


def choose_algorithm(key: PrivateKey, wanted: str | None = None) -> str:
    """The JWT algorithm to sign with: ``wanted`` if NetSuite and the key allow it, else what fits the key."""
    if isinstance(key, RSAPrivateKey):
        possible: tuple[str, ...] = _RSA_ALGORITHMS
    elif key.curve.name in _CURVE_ALGORITHMS:
        possible = (_CURVE_ALGORITHMS[key.curve.name],)
    else:
        raise NetSuiteSettingError(
            f"NetSuite takes no EC keys on the curve {key.curve.name}: make one on P-256, P-384 or P-521."
        )
    if not wanted:
        return possible[0]
    if wanted not in possible:
        raise NetSuiteSettingError(
            f"The algorithm {wanted} can't be used with this private key: leave it empty or choose "
            f"{' or '.join(possible)}."
        )
    return wanted


def _unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """No authentication; also keeps requests from adding the session's own or one from a .netrc file."""
    return request
