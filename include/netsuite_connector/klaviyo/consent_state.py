"""What Klaviyo knows of a person's consent to marketing by e-mail."""

from __future__ import annotations

import datetime as dt
import enum
import typing
from dataclasses import dataclass

from netsuite_connector.klaviyo.errors import KlaviyoFaultError


class MarketingConsent(enum.StrEnum):
    """Whether a person said yes to marketing by e-mail. ``OTHER`` is a word of Klaviyo's that is unknown
    here.
    """

    SUBSCRIBED = "SUBSCRIBED"
    UNSUBSCRIBED = "UNSUBSCRIBED"
    NEVER_SUBSCRIBED = "NEVER_SUBSCRIBED"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why an address gets no marketing: ``UNSUBSCRIBE``, ``SPAM_COMPLAINT``, ``USER_SUPPRESSED``,
    ``HARD_BOUNCE``, ``INVALID_EMAIL``. ``list_id`` is the list that it holds for; None: all.
    """

    reason: str
    at: dt.datetime | None
    list_id: str | None = None


@dataclass(frozen=True, slots=True)
class ConsentState:
    """What Klaviyo knows of a profile's consent to marketing by e-mail. ``email`` is in lower case;
    ``changed_at`` is when the consent was given or taken back.
    """

    profile_id: str
    email: str
    consent: MarketingConsent
    changed_at: dt.datetime | None
    suppressions: tuple[Suppression, ...]
    can_receive: bool

    @property
    def opted_out(self) -> bool:
        """Whether the person, their mail server or the shop ever said no, to everything or to a list, so that
        subscribing them would lift it. Also when Klaviyo's word for the consent is unknown.

        Both are looked at: Klaviyo does not show every unsubscribing as a suppression.
        """
        said_no = self.consent in (MarketingConsent.UNSUBSCRIBED, MarketingConsent.OTHER)
        return said_no or bool(self.suppressions)

    @property
    def out_of_everything(self) -> bool:
        """Whether an opt-out stands that holds for more than a list, so that nobody writes to them."""
        everywhere = any(suppression.list_id is None for suppression in self.suppressions)
        return self.consent is MarketingConsent.UNSUBSCRIBED or everywhere


def state_of(profile: dict[str, typing.Any]) -> ConsentState:
    """The state that a profile shows; :class:`KlaviyoFaultError` when it shows none, for nothing is assumed
    here.
    """
    try:
        marketing = profile["attributes"]["subscriptions"]["email"]["marketing"]
        word = marketing["consent"]
        return ConsentState(
            profile_id=str(profile["id"]),
            email=str(profile["attributes"]["email"] or "").lower(),
            consent=MarketingConsent(word) if word in set(MarketingConsent) else MarketingConsent.OTHER,
            changed_at=_time(marketing.get("consent_timestamp")),
            suppressions=tuple(
                Suppression(str(entry["reason"]), _time(entry.get("timestamp")), entry.get("list_id"))
                for name in ("suppression", "list_suppressions")
                for entry in marketing.get(name) or ()
            ),
            can_receive=bool(marketing["can_receive_email_marketing"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise KlaviyoFaultError("Klaviyo's answer about a consent makes no sense.") from error


def _time(text: str | None) -> dt.datetime | None:
    return None if not text else dt.datetime.fromisoformat(text).astimezone(dt.UTC)
