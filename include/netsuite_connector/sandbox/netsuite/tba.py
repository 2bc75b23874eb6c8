"""Token-based authentication: checks OAuth 1.0a signatures as NetSuite does.

HMAC-SHA256 only, a timestamp within five minutes, a nonce of at least six characters that works once (online
help, section 156338994830 and what follows it).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from netsuite_connector.sandbox.netsuite.credentials import Credentials

_WINDOW_SECONDS = 300
_PAIR = re.compile(r'\s*([a-z_]+)="([^"]*)"\s*')
_NEEDED = (
    "realm",
    "oauth_consumer_key",
    "oauth_token",
    "oauth_nonce",
    "oauth_timestamp",
    "oauth_signature_method",
    "oauth_signature",
)


class MalformedHeaderError(Exception):
    """An Authorization header that can't be read at all."""


class LoginRefusedError(Exception):
    """A login that fails; the message is what the login audit trail would say."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a signature covers: the method, the whole URL as the client wrote it, and the Authorization
    header's value.
    """

    method: str
    url: str
    authorization: str


class TokenPassport:
    """Checks the signatures of one integration's token."""

    def __init__(self, credentials: Credentials, *, clock: Callable[[], float] = time.time) -> None:
        self._credentials = credentials
        self._clock = clock
        self._used: dict[tuple[str, int], float] = {}

    def check(self, request: SignedRequest) -> None:
        """Raises MalformedHeaderError or LoginRefusedError unless the request is signed rightly and for the
        first time.
        """
        given = read_header(request.authorization)
        missing = [name for name in _NEEDED if not given.get(name)]
        if missing:
            raise LoginRefusedError("MissingTokenPassportRequiredFields")
        mine = self._credentials
        if given["realm"] != mine.account.upper().replace("-", "_"):
            raise LoginRefusedError("the realm is not this account")
        if given["oauth_consumer_key"] != mine.consumer_key:
            raise LoginRefusedError("consumer_key_unknown")
        if given["oauth_token"] != mine.token_id:
            raise LoginRefusedError("token_rejected")
        if given["oauth_signature_method"] != "HMAC-SHA256" or given.get("oauth_version", "1.0") != "1.0":
            raise LoginRefusedError("InvalidSignatureMethod")
        expected = signature(request, given, mine.consumer_secret, mine.token_secret)
        if not hmac.compare_digest(expected, given["oauth_signature"]):
            raise LoginRefusedError("InvalidSignature")
        self._spend(given["oauth_nonce"], given["oauth_timestamp"])

    def _spend(self, nonce: str, timestamp: str) -> None:
        now = self._clock()
        if not timestamp.isdigit() or abs(int(timestamp) - now) > _WINDOW_SECONDS:
            raise LoginRefusedError("InvalidTimestamp")
        if len(nonce) < 6:
            raise LoginRefusedError("nonce_rejected")
        # A nonce need not be remembered for longer than its timestamp is accepted.
        self._used = {key: when for key, when in self._used.items() if now - when <= 2 * _WINDOW_SECONDS}
        key = (nonce, int(timestamp))
        if key in self._used:
            raise LoginRefusedError("nonce_used")
        self._used[key] = now


def read_header(authorization: str) -> dict[str, str]:
    """The parameters of an ``OAuth …`` header. Raises MalformedHeaderError."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != "oauth" or not rest.strip():
        raise MalformedHeaderError
    given: dict[str, str] = {}
    for piece in rest.split(","):
        found = _PAIR.fullmatch(piece)
        if found is None or found[1] in given:
            raise MalformedHeaderError
        given[found[1]] = unquote(found[2])
    return given


def signature(request: SignedRequest, given: dict[str, str], consumer_secret: str, token_secret: str) -> str:
    """The HMAC-SHA256 signature (RFC 5849, section 3.4) over the query and every oauth parameter of the
    header.
    """
    parts = urlsplit(request.url)
    own = [(name, value) for name, value in given.items() if name not in {"realm", "oauth_signature"}]
    query = parse_qsl(parts.query, keep_blank_values=True)
    pairs = sorted((_encode(name), _encode(value)) for name, value in [*query, *own])
    base = "&".join(
        _encode(piece)
        for piece in (
            request.method.upper(),
            f"{parts.scheme.lower()}://{_host(parts.hostname or '', parts.port, parts.scheme)}{parts.path}",
            "&".join(f"{name}={value}" for name, value in pairs),
        )
    )
    key = f"{_encode(consumer_secret)}&{_encode(token_secret)}"
    return base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()).decode()


def _host(name: str, port: int | None, scheme: str) -> str:
    usual = {"http": 80, "https": 443}.get(scheme.lower())
    return name.lower() if port in (None, usual) else f"{name.lower()}:{port}"


def _encode(text: str) -> str:
    return quote(text, safe="-._~")
