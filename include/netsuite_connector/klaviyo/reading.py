"""Reads back what is in Klaviyo: profiles, events, metrics and lists, so that a delivery can be proven."""

from __future__ import annotations

import datetime as dt
import typing
import urllib.parse
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import orjson

from netsuite_connector.klaviyo import endpoints
from netsuite_connector.klaviyo.errors import KlaviyoFaultError, KlaviyoRequestError
from netsuite_connector.klaviyo.transport import Transport

PAGE = 100
"""The most resources that a page of most listings holds."""

_EVENT_PAGE = 1000
_LIST_PAGE = 10

_QUERY_BYTES = 6_000
"""Servers refuse addresses much over 8,000 bytes; ids are asked for in portions that stay below."""

_OWN = "API"
"""The integration that metrics belong to which were sent through the API."""


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """An event as Klaviyo holds it. ``time`` is in UTC, to the second; ``unique_id`` is the time where none
    was sent.
    """

    id: str
    unique_id: str
    time: dt.datetime
    value: float | None
    profile_id: str


@dataclass(frozen=True, slots=True)
class MailingList:
    """A list. ``double_opt_in``: who is subscribed to it is asked for a confirmation first, except by an
    import of opt-ins.
    """

    id: str
    name: str
    double_opt_in: bool


class Reading:
    """Reads of one account. All iterators hold one page at a time."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._metrics: dict[str, str] = {}

    def profiles_by_email(
        self, emails: Iterable[str], fields: Collection[str] = ()
    ) -> Iterator[dict[str, typing.Any]]:
        """The profiles with these addresses, ``{"id", "attributes"}`` each, in no order; none for an address
        that Klaviyo doesn't know.

        ``attributes`` has ``email`` and the fields that are asked for (``external_id``, ``location.city``,
        ``properties`` …).
        """
        query = {"fields[profile]": ",".join(dict.fromkeys(("email", *fields))), "page[size]": str(PAGE)}
        for portion in portions(address.lower() for address in emails):
            query["filter"] = f"any(email,[{','.join(portion)}])"
            yield from self._transport.get_all(endpoints.PROFILES, query)

    def profiles_created(
        self, since: dt.datetime, until: dt.datetime, fields: Collection[str] = ()
    ) -> Iterator[dict[str, typing.Any]]:
        """The profiles that Klaviyo made in ``since`` ≤ time < ``until``, as :meth:`profiles_by_email` gives
        them.
        """
        # Klaviyo can't filter by "at or after", and keeps moments to the second.
        before = since - dt.timedelta(microseconds=1)
        query = {
            "filter": f"greater-than(created,{moment(before)}),less-than(created,{moment(until)})",
            "fields[profile]": ",".join(dict.fromkeys(("email", *fields))),
            "sort": "created",
            "page[size]": str(PAGE),
        }
        yield from self._transport.get_all(endpoints.PROFILES, query)

    def metric_id(self, name: str) -> str | None:
        """The id of the metric that events of this name, sent through the API, are counted under; None before
        the first one arrived. Other integrations may have metrics of the same name.
        """
        if name not in self._metrics:
            query = {"filter": f'equals(integration.name,"{_OWN}")', "fields[metric]": "name"}
            for metric in self._transport.get_all(endpoints.METRICS, query):
                self._metrics[str(metric["attributes"]["name"])] = str(metric["id"])
        return self._metrics.get(name)

    def events_of(
        self, metric: str, since: dt.datetime, until: dt.datetime, *, profile_id: str | None = None
    ) -> Iterator[SeenEvent]:
        """The events of a metric, by its name, whose own time is in ``since`` ≤ time < ``until``, the
        earliest first; only those of one profile if it is given.

        Nothing of the events' properties is kept but what :class:`SeenEvent` names. Klaviyo shows an event
        some seconds after it took it.
        """
        for event in self._events(metric, since, until, profile_id, "datetime,event_properties"):
            try:
                properties = event["attributes"]["event_properties"] or {}
                yield SeenEvent(
                    str(event["id"]),
                    str(properties["$event_id"]),
                    dt.datetime.fromisoformat(event["attributes"]["datetime"]).astimezone(dt.UTC),
                    properties.get("$value"),
                    str(event["relationships"]["profile"]["data"]["id"]),
                )
            except (KeyError, TypeError, ValueError) as error:
                raise KlaviyoFaultError("Klaviyo's answer about an event makes no sense.") from error

    def count_events(self, metric: str, since: dt.datetime, until: dt.datetime) -> int:
        """How many events :meth:`events_of` gives, read without their properties (1,000 a call)."""
        return sum(1 for _ in self._events(metric, since, until, None, "timestamp"))

    def lists(self) -> Iterator[MailingList]:
        """All lists of the account."""
        return self._lists({})

    def find_list(self, name_or_id: str) -> MailingList:
        """The list with this id, or else the one with this name. Raises :class:`KlaviyoRequestError` when
        there is none, or several share the name.
        """
        quoted = orjson.dumps(name_or_id).decode()
        # An id is letters and digits; Klaviyo may refuse to look for anything else among the ids.
        if name_or_id.isalnum() and name_or_id.isascii():
            for found in self._lists({"filter": f"any(id,[{quoted}])"}):
                return found
        named = list(self._lists({"filter": f"any(name,[{quoted}])"}))
        if len(named) == 1:
            return named[0]
        raise KlaviyoRequestError(
            f"Klaviyo has {len(named) or 'no'} lists with the id or name '{name_or_id}': "
            "name one list of the account by its id."
        )

    def _lists(self, query: dict[str, str]) -> Iterator[MailingList]:
        query |= {"fields[list]": "name,opt_in_process", "page[size]": str(_LIST_PAGE)}
        for entry in self._transport.get_all(endpoints.LISTS, query):
            attributes = entry["attributes"]
            double = attributes.get("opt_in_process") != "single_opt_in"
            yield MailingList(str(entry["id"]), str(attributes.get("name") or ""), double)

    def _events(
        self, metric: str, since: dt.datetime, until: dt.datetime, profile_id: str | None, fields: str
    ) -> Iterator[dict[str, typing.Any]]:
        identifier = self.metric_id(metric)
        if identifier is None:
            return
        conditions = [
            f"equals(metric_id,{orjson.dumps(identifier).decode()})",
            # Klaviyo cuts the times of events to the second.
            f"greater-or-equal(datetime,{moment(since.replace(microsecond=0))})",
            f"less-than(datetime,{moment(until)})",
        ]
        if profile_id is not None:
            conditions.append(f"equals(profile_id,{orjson.dumps(profile_id).decode()})")
        query = {
            "filter": ",".join(conditions),
            "fields[event]": fields,
            "sort": "datetime",
            "page[size]": str(_EVENT_PAGE),
        }
        yield from self._transport.get_all(endpoints.EVENTS, query)


def moment(value: dt.datetime) -> str:
    """A moment as filters and payloads want it, in UTC. ValueError when it has no time zone."""
    if value.tzinfo is None:
        raise ValueError("A moment needs its time zone.")
    return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def portions(values: Iterable[str]) -> Iterator[list[str]]:
    """The values as quoted texts of a filter, in portions that one page and one address can hold, each value
    once in a portion. Empty ones are left out.
    """
    portion: dict[str, None] = {}
    size = 0
    for value in values:
        quoted = orjson.dumps(value).decode()
        if not value or quoted in portion:
            continue
        length = len(urllib.parse.quote(quoted)) + 3
        if portion and (len(portion) == PAGE or size + length > _QUERY_BYTES):
            yield list(portion)
            portion, size = {}, 0
        portion[quoted] = None
        size += length
    if portion:
        yield list(portion)
