"""What an integration logs in to the account with."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


class CredentialsError(Exception):
    """The credentials file can't be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Both ways in: OAuth 2.0 client credentials (``client_id``, ``certificate_id``, ``private_key`` as PEM
    text) and token-based authentication (the other four).
    """

    account: str
    client_id: str
    certificate_id: str
    private_key: str
    consumer_key: str
    consumer_secret: str
    token_id: str
    token_secret: str

    def __repr__(self) -> str:
        return f"Credentials(account={self.account!r})"


def new_credentials(account: str) -> Credentials:
    """Credentials that nobody else has, with a P-256 key."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    client_id, certificate_id, *tokens = (secrets.token_hex(32) for _ in range(6))
    return Credentials(account, client_id, certificate_id, pem, *tokens)


def kept_credentials(file: Path, account: str, addresses: dict[str, str]) -> Credentials:
    """The credentials in ``file``; new ones where it doesn't exist. The file is written (mode 0600), with the
    addresses of this run, and the private key beside it as ``<name>.pem``.

    Raises CredentialsError for a file that holds something else or belongs to another account.
    """
    credentials = _read(file) if file.exists() else new_credentials(account)
    if credentials.account != account:
        raise CredentialsError(
            f"{file} belongs to account {credentials.account}, not {account}: remove it or give "
            f"--account {credentials.account}."
        )
    key_file = file.with_suffix(".pem")
    _write(key_file, credentials.private_key)
    _write(
        file,
        json.dumps({**asdict(credentials), **addresses, "private_key_file": str(key_file)}, indent=1) + "\n",
    )
    return credentials


def _read(file: Path) -> Credentials:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return Credentials(**{field.name: str(found[field.name]) for field in fields(Credentials)})
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise CredentialsError(
            f"{file} holds no credentials of a sandbox account: remove it, and it is made anew."
        ) from error


def _write(file: Path, text: str) -> None:
    try:
        beside = file.with_name(f"{file.name}.new")
        beside.unlink(missing_ok=True)
        with os.fdopen(
            os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as stream:
            stream.write(text)
        beside.replace(file)
    except OSError as error:
        raise CredentialsError(f"{file} can't be written: {error.strerror}.") from error
