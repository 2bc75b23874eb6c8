"""Requests that people be forgotten: asked of Klaviyo, and remembered by the guard."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from netsuite_connector.errors import MendError
from netsuite_connector.flows.guard import Entry, Guard, Why
from netsuite_connector.klaviyo.client import KlaviyoClient

log = logging.getLogger(__name__)

NAME = "privacy_deletion"
CONFIRMATION = "DELETE {count}"
"""What must be typed: the number says that nobody is among the addresses by mistake."""

MOST = 100
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def check_request(addresses: Sequence[str], reason: str, confirm: str) -> list[str]:
    """The addresses in lower case, each once. Raises MendError unless the request can be what somebody
    meant; the message shows none of them.
    """
    emails = list(dict.fromkeys(address.strip().lower() for address in addresses if address.strip()))
    if not emails:
        raise MendError("Nobody is named: write at least one e-mail address.")
    if len(emails) > MOST:
        raise MendError(f"{len(emails)} addresses are more than the {MOST} of one request: split them.")
    bad = [str(number) for number, email in enumerate(emails, 1) if not _ADDRESS.fullmatch(email)]
    if bad:
        raise MendError(f"No e-mail address: number {', '.join(bad)} of those given. Nothing was deleted.")
    if not reason.strip():
        raise MendError("A deletion needs its reason, such as the number of the request: write it down.")
    expected = CONFIRMATION.format(count=len(emails))
    if confirm != expected:
        raise MendError(
            f"Nothing was deleted: to delete {len(emails)} profiles for good, type exactly '{expected}' "
            "under 'Confirm'."
        )
    return emails


def request_deletions(guard: Guard, client: KlaviyoClient, emails: Sequence[str]) -> dict[str, int]:
    """Have people forgotten: first they are entered into the guard, so that no import subscribes them
    meanwhile or ever; then Klaviyo is asked. Asking again is harmless. Returns counts.
    """
    new = guard.enter(Entry(email, Why.DELETION) for email in emails)
    for number, email in enumerate(emails, 1):
        client.privacy.request_deletion(email=email)
        log.info("Deletion %d of %d requested: %s", number, len(emails), masked(email))
    return {"requested": len(emails), "new_in_guard": new}


def masked(email: str) -> str:
    """An address as a log may show it: its first letter, and the end of its domain."""
    return f"{email[:1]}…@….{email.rpartition('.')[2]}"
