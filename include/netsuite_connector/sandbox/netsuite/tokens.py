"""OAuth 2.0 client credentials: checks assertions and issues access tokens.

Rules from NetSuite's online help, sections 162755359851 and 162790605110. Which error a bad assertion gets is
not documented for this flow; here the client's identity is `invalid_client`, what it claims `invalid_grant`,
the form of the request `invalid_request`.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SCOPES = {"restlets", "rest_webservices", "suite_analytics"}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
# The curve that an algorithm goes with, and the bytes of each half of its signatures.
_CURVES = {"ES256": ("secp256r1", 32), "ES384": ("secp384r1", 48), "ES512": ("secp521r1", 66)}
_RSA_BITS = (3072, 4096)
_MAX_ASSERTION_SECONDS = 3600
_CLOCK_DIFFERENCE = 30  # seconds that a client's clock may be ahead
_CERTIFICATE_LIFE = timedelta(days=731)  # two years; one that says longer is cut to that

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class TokenRefusedError(Exception):
    """The token endpoint refuses; ``code`` is what its body says, ``detail`` what an administrator would read
    in the audit trail.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.status = 401 if code == "invalid_client" else 400


@dataclass(frozen=True, slots=True)
class _Token:
    expires: float
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Certificate:
    key: PublicKey
    expires: float


def _certificate(pem: str, now: float) -> _Certificate:
    """What a PEM text certifies: a certificate as NetSuite takes it, or a bare key, private or public, as if
    it were certified for as long as can be. ValueError for anything that NetSuite would not take.
    """
    data = pem.encode()
    starts = datetime.fromtimestamp(now, UTC)
    ends = starts + _CERTIFICATE_LIFE
    if "BEGIN CERTIFICATE" in pem:
        found = x509.load_pem_x509_certificate(data)
        if found.not_valid_after_utc <= starts:
            raise ValueError("the certificate has expired")
        ends = min(found.not_valid_after_utc, found.not_valid_before_utc + _CERTIFICATE_LIFE)
        key: Any = found.public_key()
    elif "PRIVATE" in pem:
        key = load_pem_private_key(data, None).public_key()
    else:
        key = load_pem_public_key(data)
    return _Certificate(_strong(key), ends.timestamp())


def _strong(key: Any) -> PublicKey:
    """A key that NetSuite takes. ValueError for any other."""
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in {
        curve for curve, _ in _CURVES.values()
    }:
        return key
    raise ValueError(
        "NetSuite takes certificates of RSA keys of 3072 or 4096 bits and of EC keys P-256, P-384 and P-521"
    )


class TokenDesk:
    """The certificates that are mapped to the integration, and the access tokens that are in use."""

    def __init__(
        self, client_id: str, *, token_seconds: float = 3600, clock: Callable[[], float] = time.time
    ) -> None:
        self._client_id = client_id
        self._token_seconds = token_seconds
        self._clock = clock
        self._certificates: dict[str, _Certificate] = {}
        self._tokens: dict[str, _Token] = {}

    def add_certificate(self, certificate_id: str, pem: str) -> None:
        """Map a certificate, given itself or its key. ValueError for one that NetSuite would not take."""
        self._certificates[certificate_id] = _certificate(pem, self._clock())

    def revoke_certificate(self, certificate_id: str) -> None:
        """Forget a certificate."""
        self._certificates.pop(certificate_id, None)

    def revoke_tokens(self) -> None:
        """End all access tokens."""
        self._tokens.clear()

    def issue(self, form: Mapping[str, str], token_url: str) -> dict[str, str]:
        """The token endpoint's answer to a form. Raises TokenRefusedError."""
        if (
            form.get("grant_type") != "client_credentials"
            or form.get("client_assertion_type") != _ASSERTION_TYPE
        ):
            raise TokenRefusedError(
                "invalid_request", "grant_type or client_assertion_type is missing or wrong"
            )
        claims = self._verified(form.get("client_assertion", ""))
        scopes = self._checked(claims, token_url)
        token = f"{_segment({'alg': 'PS256', 'typ': 'JWT'})}.{_segment({'iss': 'https://system.netsuite.com'})}.{secrets.token_urlsafe(32)}"
        self._tokens[token] = _Token(self._clock() + self._token_seconds, scopes)
        return {"access_token": token, "expires_in": str(int(self._token_seconds)), "token_type": "bearer"}

    def accepts(self, token: str, scope: str) -> bool:
        """Whether an access token is good for a scope now."""
        found = self._tokens.get(token)
        return found is not None and found.expires > self._clock() and scope in found.scopes

    def _verified(self, assertion: str) -> dict[str, Any]:
        """The claims of an assertion whose signature is right."""
        try:
            head, body, tail = assertion.split(".")
            header, claims, signature = json.loads(_decode(head)), json.loads(_decode(body)), _decode(tail)
        except (ValueError, binascii.Error) as error:
            raise TokenRefusedError("invalid_request", "client_assertion is no JWT") from error
        if not isinstance(header, dict) or not isinstance(claims, dict) or header.get("typ") != "JWT":
            raise TokenRefusedError("invalid_request", "client_assertion is no JWT")
        mapped = self._certificates.get(str(header.get("kid")))
        if mapped is None or mapped.expires <= self._clock() or claims.get("iss") != self._client_id:
            raise TokenRefusedError("invalid_client", "InvalidIntegration")
        if not _signed(mapped.key, str(header.get("alg")), f"{head}.{body}".encode(), signature):
            raise TokenRefusedError("invalid_client", "InvalidSignature")
        return claims

    def _checked(self, claims: dict[str, Any], token_url: str) -> frozenset[str]:
        """The scopes of claims that hold now."""
        now = self._clock()
        issued, expires = claims.get("iat"), claims.get("exp")
        audience = claims.get("aud")
        if token_url not in (audience if isinstance(audience, list) else [audience]):
            raise TokenRefusedError("invalid_grant", "aud is not this token endpoint")
        if (
            not isinstance(issued, int | float)
            or not isinstance(expires, int | float)
            or issued > now + _CLOCK_DIFFERENCE
        ):
            raise TokenRefusedError("invalid_grant", "iat or exp is missing, or iat lies ahead")
        if expires <= now or not 0 < expires - issued <= _MAX_ASSERTION_SECONDS:
            raise TokenRefusedError("invalid_grant", "exp has passed, or is over an hour after iat")
        scope = claims.get("scope")
        named = scope if isinstance(scope, list) else str(scope or "").replace(",", " ").split()
        scopes = frozenset(str(each).strip() for each in named)
        if not scopes or not scopes <= _SCOPES:
            raise TokenRefusedError("invalid_grant", "ScopeMismatched")
        return scopes


def _signed(key: PublicKey, algorithm: str, message: bytes, signature: bytes) -> bool:
    """Whether a signature is right. Only PS and ES algorithms are known: RS256 was withdrawn."""
    family, chosen = algorithm[:2], _HASHES.get(algorithm[2:])
    if chosen is None:
        return False
    try:
        if family == "PS" and isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PSS(padding.MGF1(chosen), chosen.digest_size), chosen)
            return True
        if family == "ES" and isinstance(key, ec.EllipticCurvePublicKey):
            curve, half = _CURVES[algorithm]
            if key.curve.name != curve or len(signature) != 2 * half:
                return False
            pair = (int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))
            key.verify(encode_dss_signature(*pair), message, ec.ECDSA(chosen))
            return True
    except InvalidSignature:
        return False
    return False


def _decode(segment: str) -> bytes:
    return base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)


def _segment(value: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
