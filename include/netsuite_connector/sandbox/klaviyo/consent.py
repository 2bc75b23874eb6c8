"""Who may be written to, with a log of everything that changed it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from netsuite_connector.sandbox.klaviyo.clock import iso
from netsuite_connector.sandbox.klaviyo.database import Database, dump
from netsuite_connector.sandbox.klaviyo.people import Profile


class Reason(StrEnum):
    """Why a profile can't be written to."""

    UNSUBSCRIBE = "UNSUBSCRIBE"
    SPAM_COMPLAINT = "SPAM_COMPLAINT"
    USER_SUPPRESSED = "USER_SUPPRESSED"
    HARD_BOUNCE = "HARD_BOUNCE"
    INVALID_EMAIL = "INVALID_EMAIL"


LIFTED_BY_SUBSCRIBING: Final = frozenset({Reason.UNSUBSCRIBE, Reason.SPAM_COMPLAINT, Reason.USER_SUPPRESSED})


# Klaviyo's own metrics of what a person, their mail server or the shop said.
_METRICS: Final = {
    Reason.UNSUBSCRIBE: "Unsubscribed from Email Marketing",
    Reason.SPAM_COMPLAINT: "Marked Email as Spam",
    Reason.HARD_BOUNCE: "Bounced Email",
    Reason.USER_SUPPRESSED: "Manually Suppressed from Email Marketing",
}
UNSUBSCRIBED_FROM_LIST: Final = "Unsubscribed from List"


class Action(StrEnum):
    """What the consent log records."""

    SUBSCRIBED = "SUBSCRIBED"
    CONFIRMATION_SENT = "CONFIRMATION_SENT"  # double opt-in: nothing changes until the person confirms
    IGNORED_UNKNOWN = "IGNORED_UNKNOWN"  # neither a list nor a historical import: no profile is created
    IGNORED_RECENT = "IGNORED_RECENT"  # subscribed less than half an hour ago
    UNSUBSCRIBED = "UNSUBSCRIBED"
    UNSUBSCRIBED_FROM_LIST = "UNSUBSCRIBED_FROM_LIST"
    SUPPRESSED = "SUPPRESSED"
    UNSUPPRESSED = "UNSUPPRESSED"
    DELETED = "DELETED"  # a deletion request: the profile is gone, and its consent with it


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the consent log. ``lifted`` names the suppressions that it removed."""

    action: Action
    channel: str
    method: str
    list: str | None = None
    lifted: tuple[str, ...] = ()
    consented_at: str | None = None
    historical: bool = False


def subscriptions(profile: Profile) -> dict[str, Any]:
    """The ``subscriptions`` of a profile as the API shows them."""
    email = profile.consent.get("email", {})
    sms = profile.consent.get("sms", {})
    suppression = email.get("suppression", [])
    consent = email.get("consent", "NEVER_SUBSCRIBED")
    marketing = {
        "can_receive_email_marketing": bool(profile.email) and consent != "UNSUBSCRIBED" and not suppression,
        "consent": consent,
        "consent_timestamp": email.get("consent_timestamp"),
        "last_updated": email.get("last_updated"),
        "method": email.get("method"),
        "method_detail": "",
        "custom_method_detail": email.get("custom_method_detail"),
        "double_optin": email.get("double_optin"),
        "suppression": suppression,
        "list_suppressions": email.get("list_suppressions", []),
    }
    text_consent = sms.get("consent", "NEVER_SUBSCRIBED")
    texts = {
        "can_receive_sms_marketing": text_consent == "SUBSCRIBED",
        "consent": text_consent,
        "consent_timestamp": sms.get("consent_timestamp"),
        "method": sms.get("method"),
        "method_detail": "",
        "last_updated": sms.get("last_updated"),
    }
    return {
        "email": {"marketing": marketing},
        "sms": {"marketing": texts},
        "mobile_push": None,
        "whatsapp": None,
    }


def suppress(database: Database, profile: Profile, reason: Reason, now: float, method: str) -> None:
    """Suppresses a profile's e-mail address for a reason, once."""
    email = profile.consent.setdefault("email", {})
    held = email.setdefault("suppression", [])
    if reason not in {entry["reason"] for entry in held}:
        held.append({"reason": reason.value, "timestamp": iso(now)})
        profile.suppressed = now
    email["last_updated"] = iso(now)
    action = Action.SUPPRESSED
    if reason is Reason.UNSUBSCRIBE:
        email.update(consent="UNSUBSCRIBED", consent_timestamp=iso(now), method=method)
        action = Action.UNSUBSCRIBED
    log(database, now, profile.seq, Entry(action, "email", method))
    if reason in _METRICS:
        record_event(database, profile.seq, _METRICS[reason], now)


def record_event(database: Database, profile: int, metric: str, now: float) -> None:
    """An event that Klaviyo itself records, once a second for each profile and metric."""
    database.change(
        "INSERT OR IGNORE INTO metrics (name, created, integration) VALUES (?,?,'Klaviyo')", (metric, now)
    )
    database.change(
        "INSERT OR IGNORE INTO events (profile, metric, unique_id, at, properties, backfill)"
        " SELECT ?, seq, ?, ?, '{}', 0 FROM metrics WHERE name = ? AND integration = 'Klaviyo'",
        (profile, str(int(now)), int(now), metric),
    )


def log(database: Database, now: float, profile: int | None, entry: Entry) -> None:
    """Adds a line to the consent log."""
    database.insert(
        "INSERT INTO consents (at, profile, channel, action, list, method, lifted, consented_at, historical)"
        " VALUES (?,?,?,?,?,?,?,?,?)",
        (
            now, profile, entry.channel, entry.action.value, entry.list, entry.method,
            dump(entry.lifted).decode(), entry.consented_at, entry.historical,
        ),
    )  # fmt: skip
