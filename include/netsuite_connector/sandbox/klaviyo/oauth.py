"""OAuth apps: access tokens of an hour, and refresh tokens that change with each use.

What a person does in the browser (consent, the authorization code) is left out: an app made by the keeper has
its first refresh token at once.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from netsuite_connector.sandbox.klaviyo.clock import Clock

TOKEN_SECONDS: Final = 3_600
UNUSED_SECONDS: Final = 90 * 86_400.0  # a refresh token that nobody used for so long is void


@dataclass(slots=True)
class App:
    """An app that an account has let in: what it may do, and the one refresh token that counts."""

    client_id: str
    client_secret: str
    scopes: frozenset[str]
    refresh_token: str
    refreshed: float

    def as_json(self) -> dict[str, Any]:
        """As it stands in the keys file."""
        return {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "scopes": sorted(self.scopes),
            "refresh_token": self.refresh_token,
            "refreshed": self.refreshed,
        }


class OAuthError(Exception):
    """A token request that gets no token. ``code`` is one of RFC 6749, section 5.2."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


class Apps:
    """The apps of an account. ``changed`` is called whenever they are to be kept."""

    def __init__(
        self, clock: Clock, entries: Iterable[Mapping[str, Any]], changed: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._changed = changed
        self._apps = {
            entry["client_id"]: App(
                entry["client_id"],
                entry["client_secret"],
                frozenset(entry["scopes"]),
                entry["refresh_token"],
                entry["refreshed"],
            )
            for entry in entries
        }
        self._tokens: dict[str, tuple[App, float]] = {}

    def add(self, scopes: Iterable[str]) -> App:
        """Lets an app in, as if somebody had agreed to these scopes in the browser."""
        app = App(
            f"sandbox-app-{secrets.token_hex(8)}",
            secrets.token_urlsafe(32),
            frozenset(scopes),
            secrets.token_urlsafe(32),
            self._clock.now(),
        )
        self._apps[app.client_id] = app
        self._changed()
        return app

    def find(self, token: str) -> App | None:
        """The app of an access token that has not expired."""
        app, until = self._tokens.get(token, (None, 0.0))
        return app if self._clock.now() < until else None

    def refresh(self, authorization: str | None, form: Mapping[str, str]) -> dict[str, Any]:
        """Answers a token request of the refresh_token grant; the refresh token that was sent is void
        afterwards. An OAuthError says why there is no token.
        """
        app = self._client(authorization)
        if form.get("grant_type") != "refresh_token":
            raise OAuthError(
                400, "unsupported_grant_type", "The sandbox knows the grant type refresh_token only."
            )
        sent = form.get("refresh_token", "").encode()
        if not secrets.compare_digest(sent, app.refresh_token.encode()):
            raise OAuthError(400, "invalid_grant", "The refresh token is not the latest one of this app.")
        now = self._clock.now()
        if now - app.refreshed > UNUSED_SECONDS:
            raise OAuthError(400, "invalid_grant", "The refresh token has expired.")
        app.refresh_token, app.refreshed = secrets.token_urlsafe(32), now
        token = secrets.token_urlsafe(32)
        self._tokens[token] = (app, now + TOKEN_SECONDS)
        self._changed()
        return {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": TOKEN_SECONDS,
            "refresh_token": app.refresh_token,
            "scope": " ".join(sorted(app.scopes)),
        }

    def as_json(self) -> list[dict[str, Any]]:
        """All apps, as they stand in the keys file."""
        return [app.as_json() for app in self._apps.values()]

    def _client(self, authorization: str | None) -> App:
        scheme, _, given = (authorization or "").partition(" ")
        try:
            text = base64.b64decode(given, validate=True).decode() if scheme.lower() == "basic" else ""
        except (binascii.Error, UnicodeDecodeError):
            text = ""
        client_id, _, secret = text.partition(":")
        app = self._apps.get(client_id)
        if app is None or not secrets.compare_digest(secret.encode(), app.client_secret.encode()):
            raise OAuthError(
                401, "invalid_client", "The client id and secret are not those of an app, or not sent."
            )
        return app
