"""Writes .env for docker-compose.yaml: .env.example with random secrets filled in. Never touches one that
is there.
"""

from __future__ import annotations

import base64
import os
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Exit status: 0 when .env was written, 1 when there is one already."""
    target = ROOT / ".env"
    lines = [filled(line) for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()]
    try:
        file = os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")
    except FileExistsError:
        print(
            "env: there is a .env already; it is left as it is. Move it away to have a new one.",
            file=sys.stderr,
        )
        return 1
    except OSError as error:
        print(f"env: {target} cannot be written: {error.strerror}.", file=sys.stderr)
        return 1
    with file:
        file.write("\n".join(lines) + "\n")
    print("env: .env has new secrets; the password of the web UI's user admin is its AIRFLOW_ADMIN_PASSWORD")
    return 0


def filled(line: str) -> str:
    """A line of .env.example with a random value, where it asks for one."""
    name = line.removesuffix("=")
    if name == line or line.startswith("#"):
        return line
    if name == "AIRFLOW_FERNET_KEY":
        return line + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return line + secrets.token_urlsafe(18 if name == "AIRFLOW_ADMIN_PASSWORD" else 48)


if __name__ == "__main__":
    sys.exit(main())
