"""Private API keys and what each of them may do."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from netsuite_connector.sandbox.klaviyo.problems import Problem, Refusal

SCHEME = "Klaviyo-API-Key "


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
    """The account's keys, kept in a JSON file when one is given.

    The file looks like ``{"keys": [{"key": "pk_…", "name": "…", "scopes": "full" or ["profiles:read",
    …]}]}``. When it doesn't exist it is written, readable by its owner only, with one new key of full access.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._keys: dict[str, ApiKey] = {}
        if file and file.exists():
            for entry in json.loads(file.read_text(encoding="utf-8"))["keys"]:
                scopes = None if entry["scopes"] == "full" else frozenset(entry["scopes"])
                self._keys[entry["key"]] = ApiKey(entry["key"], entry.get("name", ""), scopes)
        else:
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
        if self._file:
            self._write(self._file)
        return key

    def authorise(self, header: str | None, needed: frozenset[str]) -> ApiKey:
        """The key of an ``Authorization`` header; a Refusal with 401, or 403 when it lacks a scope."""
        value = header or ""
        key = self._keys.get(value.removeprefix(SCHEME).strip()) if value.startswith(SCHEME) else None
        if key is None:
            detail = (
                "Authentication credentials were not provided."
                if not value
                else "Incorrect authentication credentials."
            )
            raise Refusal(
                Problem(
                    401,
                    "not_authenticated" if not value else "authentication_failed",
                    "Authentication failed.",
                    detail,
                ),
                headers={"WWW-Authenticate": "Klaviyo-API-Key"},
            )
        missing = needed - key.scopes if key.scopes is not None else frozenset()
        if missing:
            detail = f"The API key is missing the scopes: {', '.join(sorted(missing))}."
            raise Refusal(
                Problem(
                    403, "permission_denied", "You do not have permission to perform this action.", detail
                )
            )
        return key

    def _write(self, file: Path) -> None:
        content = json.dumps({"keys": [key.as_json() for key in self._keys.values()]}, indent=1)
        file.touch(mode=0o600)
        file.write_text(content + "\n", encoding="utf-8")
