"""Who may call: private API keys and OAuth apps, and what each of them may do."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from netsuite_connector.sandbox.klaviyo.clock import Clock
from netsuite_connector.sandbox.klaviyo.oauth import Apps
from netsuite_connector.sandbox.klaviyo.problems import Problem, Refusal

SCHEME = "Klaviyo-API-Key "
BEARER = "Bearer "


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A private key. ``scopes`` is None for a key with full access; Klaviyo never changes a key's scopes."""

    key: str
    name: str
    scopes: frozenset[str] | None

    def as_json(self) -> dict[str, object]:
        """As it stands in the keys file."""
        return {
            "key": self.key,
            "name": self.name,
            "scopes": "full" if self.scopes is None else sorted(self.scopes),
        }


class KeyRing:
    """The account's keys and apps, kept in a JSON file when one is given.

    The file looks like ``{"keys": [{"key": "pk_…", "name": "…", "scopes": "full" or ["profiles:read",
    …]}], "apps": […]}``. When it doesn't exist it is written, readable by its owner only, with one new key
    of full access.
    """

    def __init__(self, file: Path | None, clock: Clock) -> None:
        self._file = file
        self._keys: dict[str, ApiKey] = {}
        known = json.loads(file.read_text(encoding="utf-8")) if file and file.exists() else None
        for entry in known["keys"] if known else ():
            scopes = None if entry["scopes"] == "full" else frozenset(entry["scopes"])
            self._keys[entry["key"]] = ApiKey(entry["key"], entry.get("name", ""), scopes)
        self.apps = Apps(clock, known.get("apps", ()) if known else (), self._write)
        if known is None:
            self.add(None, name="full access")

    @property
    def full_access(self) -> ApiKey | None:
        """The first key that may do everything."""
        return next((key for key in self._keys.values() if key.scopes is None), None)

    def add(self, scopes: Iterable[str] | None, *, name: str) -> ApiKey:
        """Makes a key with the given scopes, or with full access for None."""
        key = ApiKey(
            f"pk_sandbox_{secrets.token_hex(17)}", name, None if scopes is None else frozenset(scopes)
        )
        self._keys[key.key] = key
        self._write()
        return key

    def authorise(self, header: str | None, needed: frozenset[str]) -> str:
        """Whose rate limits an ``Authorization`` header counts for: an app's client id, or empty for keys.

        A Refusal with 401, or with 403 when the key or app lacks a scope.
        """
        value = header or ""
        caller = ""
        if value.startswith(SCHEME) and (key := self._keys.get(value.removeprefix(SCHEME).strip())):
            scopes = key.scopes
        elif value.startswith(BEARER) and (app := self.apps.find(value.removeprefix(BEARER).strip())):
            caller, scopes = app.client_id, app.scopes
        else:
            raise _stranger(value)
        missing = needed - scopes if scopes is not None else frozenset()
        if missing:
            holder = "app" if caller else "API key"
            detail = f"The {holder} is missing the scopes: {', '.join(sorted(missing))}."
            raise Refusal(
                Problem(
                    403, "permission_denied", "You do not have permission to perform this action.", detail
                )
            )
        return caller

    def _write(self) -> None:
        if self._file is None:
            return
        known: dict[str, object] = {"keys": [key.as_json() for key in self._keys.values()]}
        if apps := self.apps.as_json():
            known["apps"] = apps
        self._file.touch(mode=0o600)
        self._file.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def _stranger(value: str) -> Refusal:
    code, detail = (
        ("authentication_failed", "Incorrect authentication credentials.")
        if value
        else ("not_authenticated", "Authentication credentials were not provided.")
    )
    problem = Problem(401, code, "Authentication failed.", detail)
    return Refusal(problem, headers={"WWW-Authenticate": "Klaviyo-API-Key"})
