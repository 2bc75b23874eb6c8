"""Who opted out, and when, by the events that Klaviyo itself records of it. They stay when the person is
subscribed again, so they tell what a profile's consent no longer shows.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson

from netsuite_connector.klaviyo import endpoints
from netsuite_connector.klaviyo.errors import KlaviyoFaultError
from netsuite_connector.klaviyo.reading import PAGE, moment, portions
from netsuite_connector.klaviyo.transport import Transport

OF_A_LIST = "_LIST"
"""Ends the reason of an opt-out that holds for a list only."""

BY_OTHERS = "_BY_OTHERS"
"""Ends the reason of what somebody else than Klaviyo recorded under the name of one of its metrics."""

# Klaviyo's own metrics by name (help centre, "Email metrics reference", and accounts seen by integrators;
# older accounts say only "Unsubscribed"). Bounces are not among them: soft ones come to everybody, and hard
# ones are suppressions that no subscribing lifts.
_METRICS = {
    "unsubscribed": "UNSUBSCRIBE",
    "unsubscribed from email marketing": "UNSUBSCRIBE",
    "unsubscribed from list": f"UNSUBSCRIBE{OF_A_LIST}",
    "marked email as spam": "SPAM_COMPLAINT",
    "manually suppressed from email marketing": "USER_SUPPRESSED",
}
_OWN = "Klaviyo"
_EVENT_PAGE = "200"
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class OptOut:
    """That a person opted out. ``reason`` is one of those of
    :class:`netsuite_connector.klaviyo.consent_state.Suppression`, with :data:`OF_A_LIST` where it holds for
    a list only, and :data:`BY_OTHERS` where others than Klaviyo tell of it; ``email`` is in lower case.
    """

    email: str
    reason: str
    at: dt.datetime


def opt_outs(transport: Transport, since: dt.datetime) -> Iterator[OptOut]:
    """See :meth:`netsuite_connector.klaviyo.consent.Consent.opt_outs`."""
    for metric in list(transport.get_all(endpoints.METRICS, {"fields[metric]": "name,integration"})):
        # Of any integration: somebody who moved from another tool may have sent such events themselves. It
        # may as well be the end of a coffee subscription.
        reason = _METRICS.get(str(metric["attributes"]["name"]).casefold())
        if reason is None:
            continue
        integration = metric["attributes"].get("integration") or {}
        if integration.get("name", _OWN) != _OWN:
            reason += BY_OTHERS
        for times in _events(transport, str(metric["id"]), since):
            for email, profile_id in _addresses(transport, times):
                yield OptOut(email, reason, times[profile_id])


def _events(transport: Transport, metric: str, since: dt.datetime) -> Iterator[dict[str, dt.datetime]]:
    """When each profile had its latest event of a metric, a thousand events at a time."""
    start = moment(since.replace(microsecond=0))  # Klaviyo cuts the times of events to the second
    query = {
        "filter": f"equals(metric_id,{orjson.dumps(metric).decode()}),greater-or-equal(datetime,{start})",
        "fields[event]": "datetime",
        "sort": "datetime",
        "page[size]": _EVENT_PAGE,
    }
    events = transport.get_all(endpoints.EVENTS, query)
    while portion := list(itertools.islice(events, _AT_ONCE)):
        try:
            yield {
                str(event["relationships"]["profile"]["data"]["id"]): dt.datetime.fromisoformat(
                    event["attributes"]["datetime"]
                ).astimezone(dt.UTC)
                for event in portion
            }
        except (KeyError, TypeError, ValueError) as error:
            raise KlaviyoFaultError("Klaviyo's answer about an opt-out makes no sense.") from error


def _addresses(transport: Transport, profile_ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The address and the id of those of the profiles that have one."""
    for ids in portions(profile_ids):
        query = {
            "filter": f"any(id,[{','.join(ids)}])",
            "fields[profile]": "email",
            "page[size]": str(PAGE),
        }
        for profile in transport.get_all(endpoints.PROFILES, query):
            email = profile["attributes"].get("email")
            if email:
                yield str(email).lower(), str(profile["id"])
