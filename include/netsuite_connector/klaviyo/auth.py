"""Who calls: a private API key, or an app that an account has let in by OAuth."""

from __future__ import annotations

import hashlib
import threading
import time
import typing
from collections.abc import Callable
from dataclasses import dataclass

import orjson
import requests

from netsuite_connector.errors import MendError
from netsuite_connector.klaviyo.endpoints import Endpoint
from netsuite_connector.klaviyo.errors import (
    KlaviyoFaultError,
    KlaviyoKeyError,
    from_exception,
    from_response,
)

_TOKEN = Endpoint("POST", "/oauth/token", 1, 10, ())
"""Not counted by our limiter: Klaviyo allows ten a minute, and a token lasts an hour."""

_EARLY = 60.0
"""A token is renewed so many seconds before it ends, so that none ends on its way."""


class PrivateKey(requests.auth.AuthBase):
    """Puts a private API key into the header. As an ``auth``, so that requests doesn't put a password of
    ``~/.netrc`` there instead.
    """

    oauth = False

    def __init__(self, api_key: str) -> None:
        if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
            raise MendError("The Klaviyo connection has no usable private API key: put one (pk_…) into it.")
        self._value = f"Klaviyo-API-Key {api_key}"
        self.fingerprint = _hash(api_key)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Puts the key into a request."""
        request.headers["Authorization"] = self._value
        return request

    def refused(self) -> bool:
        """Whether a call that Klaviyo refused with 401 may succeed when made again: never with a key."""
        return False


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """What OAuth gave. ``access`` is what calls carry until ``expires`` (seconds since 1970), ``refresh``
    gets the next one.
    """

    refresh: str
    access: str = ""
    expires: float = 0.0


class OAuth(requests.auth.AuthBase):
    """Puts the access token of an app into the header, and renews it when it ends or is refused.

    ``load`` gives the tokens that are stored, and ``store`` takes new ones and must have stored them when it
    returns: a refresh token may be good for one use only. Both are asked each time, so that all tasks that
    share a store share its tokens too. ``installation`` names the account's installation of the app wherever
    it is used (the id of the connection, say). Source of the rules: Klaviyo's guide to OAuth.
    """

    oauth = True

    def __init__(  # noqa: PLR0913 - each is a setting of its own
        self,
        session: requests.Session,
        *,
        base_url: str = "https://a.klaviyo.com",
        client_id: str,
        client_secret: str,
        installation: str,
        load: Callable[[], Tokens],
        store: Callable[[Tokens], None],
        timeout: tuple[float, float] = (10, 60),
    ) -> None:
        if not client_id or not client_secret:
            raise MendError(
                "The Klaviyo connection lacks the app's client id or client secret: put both into it."
            )
        self._session = session
        self._url = base_url.rstrip("/") + "/oauth/token"
        self._client = requests.auth.HTTPBasicAuth(client_id, client_secret)
        self._load = load
        self._store = store
        self._timeout = timeout
        self._lock = threading.Lock()
        self._access = ""
        self._expires = 0.0
        self._refused = ""
        self.app = _hash(client_id)
        self.fingerprint = _hash(f"{client_id} {installation}")

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Puts an access token that is still good into a request; raises what keeps us from getting one."""
        with self._lock:
            if self._expires <= time.time() + _EARLY:
                self._renew()
            request.headers["Authorization"] = f"Bearer {self._access}"
        return request

    def refused(self) -> bool:
        """Klaviyo refused the token with 401: the next call carries another one."""
        with self._lock:
            self._refused, self._expires = self._access, 0.0
        return True

    def _renew(self) -> None:
        """Takes the stored access token if it is good, else asks for a new one. Another task may have used up
        the refresh token in between: then what it stored is taken.
        """
        tokens = self._load()
        if not self._good(tokens):
            renewed = self._ask(tokens.refresh)
            if renewed is None:
                stored = self._load()
                if stored.refresh == tokens.refresh:
                    raise KlaviyoKeyError(
                        "Klaviyo no longer accepts the app's refresh token: connect the app to the Klaviyo "
                        "account anew and put the new refresh token into the connection."
                    )
                renewed = stored if self._good(stored) else self._ask(stored.refresh)
            if renewed is None:
                raise KlaviyoKeyError(
                    "Klaviyo accepts neither the app's refresh token nor the one that replaced it: connect "
                    "the app to the Klaviyo account anew and put the new refresh token into the connection."
                )
            tokens = renewed
        self._access, self._expires = tokens.access, tokens.expires

    def _good(self, tokens: Tokens) -> bool:
        known = bool(tokens.access) and tokens.access != self._refused
        return known and tokens.expires > time.time() + _EARLY

    def _ask(self, refresh: str) -> Tokens | None:
        """New tokens, stored already; None when Klaviyo doesn't accept the refresh token."""
        try:
            response = self._session.post(
                self._url,
                data={"grant_type": "refresh_token", "refresh_token": refresh},
                auth=self._client,
                headers={"Accept": "application/json"},
                timeout=self._timeout,
                allow_redirects=False,  # the secret goes to nobody else
            )
        except requests.RequestException as error:
            raise from_exception(error, _TOKEN) from None  # the cause may quote what was sent
        document = _document(response)
        if response.status_code != 200:
            code = str(document.get("error") or "")
            if code == "invalid_client":
                raise KlaviyoKeyError(
                    "Klaviyo does not accept the app's client id and secret: check both in the connection."
                )
            if response.status_code in (400, 401) and code:
                return None
            raise from_response(response, _TOKEN)
        try:
            access, lasts = str(document["access_token"]), float(document["expires_in"])
        except (KeyError, TypeError, ValueError) as error:
            raise KlaviyoFaultError(f"Klaviyo's answer to {_TOKEN} holds no token.") from error
        tokens = Tokens(str(document.get("refresh_token") or refresh), access, time.time() + lasts)
        self._store(tokens)
        return tokens


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _document(response: requests.Response) -> dict[str, typing.Any]:
    try:
        document = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}
