"""The keys and the password of the demo's Airflow: random, made once a checkout, readable by their owner
only.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from netsuite_connector.demo.options import Places

USER = "admin"


@dataclass(frozen=True, slots=True)
class Secrets:
    """``password`` is that of the web UI's one user."""

    password: str
    fernet: str
    jwt: str
    session: str


def load(places: Places) -> Secrets:
    """The secrets of this checkout; makes what is missing or cannot be read."""
    try:
        found = Secrets(**json.loads(places.secrets.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        found = Secrets(
            password=secrets.token_urlsafe(9),
            fernet=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            jwt=secrets.token_urlsafe(48),
            session=secrets.token_urlsafe(48),
        )
        _write(places.secrets, asdict(found))
    # Airflow's simple login reads this file, and would add to it a password of its own if ours were missing.
    _write(places.passwords, {USER: found.password})
    return found


def _write(path: Path, value: dict[str, str]) -> None:
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(
        os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        json.dump(value, file)
    beside.replace(path)
