"""Read-back: whether Klaviyo shows what it took.

Klaviyo answers a bulk request of events before it has looked at them and starts no job that could be asked,
and a job that is complete says nothing of what can be read. So records that were delivered are looked up,
evenly spread ones or all, and what does not show is sent again once, which their identities make harmless.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import NamedTuple

import orjson

from netsuite_connector.flows.delivery import Delivery, Document
from netsuite_connector.klaviyo.batching import Batch, Record
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import Action, Bulk, CatalogKind

NOT_SHOWN = "Klaviyo took it but does not show it"
STILL_SHOWN = "Klaviyo took the deletion but still shows it"
SAMPLE = 50
"""How many records of a source are looked up unless all are to be."""

PATIENCE = 120.0
"""Seconds that Klaviyo has to show the records of a source, and again after they were sent again."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 15.0
_SECOND = timedelta(seconds=1)
_PAGE = 1000  # events in one answer
# Klaviyo takes no events from before it, nor from more than a year ahead (its guide to events).
_EARLIEST, _AHEAD = datetime(2000, 1, 1, tzinfo=UTC), timedelta(days=366)


@dataclass(slots=True)
class Proof:
    """How many records were looked up, how many of them Klaviyo shows in the end, how many were sent again,
    and how many requests that took.
    """

    checked: int = 0
    found: int = 0
    resent: int = 0
    requests: int = 0


class _Event(NamedTuple):
    time: datetime
    unique_id: str
    metric: str
    email: str
    key: str


class ReadBack:
    """Looks up what was delivered of one source. ``everything``: all records instead of some."""

    def __init__(
        self, delivery: Delivery, client: KlaviyoClient, *, everything: bool, patience: float = PATIENCE
    ) -> None:
        self.proof = Proof()
        self._delivery = delivery
        self._client = client
        self._everything = everything
        self._patience = patience
        self._left = patience
        self._reason = STILL_SHOWN if delivery.bulk.action is Action.DELETE else NOT_SHOWN

    def prove(self, delivered: int, refused: Mapping[str, Collection[str]]) -> dict[str, tuple[str, ...]]:
        """Why records are not there, by key; nothing where all that is looked up shows.

        ``delivered`` is how many records Klaviyo took, ``refused`` has the keys of the others. Where one of
        the sample does not show, its whole batch is looked up.
        """
        calls = self._client.calls
        missing = self._look_at_all(refused) if self._everything else self._look_at_some(delivered, refused)
        rejected = self._send_again(missing) if missing else {}
        self.proof.found = self.proof.checked - len(rejected)
        self.proof.requests = self._client.calls - calls
        return rejected

    def _look_at_all(
        self, refused: Mapping[str, Collection[str]], only: Collection[int] | None = None
    ) -> dict[int, set[str]]:
        """Keys of records that do not show, by the number of their batch."""
        missing = {}
        for batch in self._batches(only):
            records = [record for record in batch.records if record.key not in refused]
            self.proof.checked += len(records)
            if keys := self._hidden(records, dense=True):
                missing[batch.number] = keys
        return missing

    def _look_at_some(self, delivered: int, refused: Mapping[str, Collection[str]]) -> dict[int, set[str]]:
        wanted = set(sample(delivered))
        chosen: list[Record] = []
        batch_of: dict[str, int] = {}
        position = 0
        for batch in self._batches():
            for record in batch.records:
                if record.key not in refused:
                    if position in wanted:
                        chosen.append(record)
                        batch_of[record.key] = batch.number
                    position += 1
        hidden = self._hidden(chosen, dense=False)
        doubtful = {batch_of[key] for key in hidden}
        self.proof.checked += sum(number not in doubtful for number in batch_of.values())
        return self._look_at_all(refused, doubtful) if doubtful else {}

    def _send_again(self, missing: Mapping[int, set[str]]) -> dict[str, tuple[str, ...]]:
        self._left = self._patience
        rejected: dict[str, tuple[str, ...]] = {}
        documents: dict[int, Document] = {}
        for batch in self._batches(missing):
            document = self._delivery.resend(batch, missing[batch.number])
            self.proof.resent += len(missing[batch.number])
            documents[batch.number] = document
            rejected |= {
                key: document.rejected[key] for key in missing[batch.number] & set(document.rejected)
            }
        for batch in self._batches(missing):
            # What was to be taken away may have gone by itself.
            done = rejected.keys() | set(documents[batch.number].absent)
            again = [
                record
                for record in batch.records
                if record.key in missing[batch.number] and record.key not in done
            ]
            hidden = dict.fromkeys(self._hidden(again, dense=True), (self._reason,))
            if hidden:
                self._delivery.reject(batch, documents[batch.number], hidden)
                rejected |= hidden
        return rejected

    def _hidden(self, records: Sequence[Record], *, dense: bool) -> set[str]:
        """The keys of those records that do not show, after waiting as long as patience lasts."""
        bulk, pause = self._delivery.bulk, _FIRST_PAUSE
        while records:
            keys = not_shown(self._client, bulk, records, dense=dense)
            records = [record for record in records if record.key in keys]
            if not records or self._left <= 0:
                break
            time.sleep(min(pause, self._left))
            self._left -= pause
            pause = min(2 * pause, _LONGEST_PAUSE)
        if records and bulk is Bulk.EVENT_CREATE:
            return _never_recorded(self._client, [_event(record) for record in records])
        return {record.key for record in records}

    def _batches(self, only: Collection[int] | None = None) -> Iterator[Batch]:
        for batch in self._delivery.batches():
            if isinstance(batch, Batch) and (only is None or batch.number in only):
                yield batch


def sample(count: int) -> list[int]:
    """Positions of ``SAMPLE`` of so many records, evenly spread from the first to the last; all where there
    are no more.
    """
    if count <= SAMPLE:
        return list(range(count))
    return [round(number * (count - 1) / (SAMPLE - 1)) for number in range(SAMPLE)]


def not_shown(client: KlaviyoClient, bulk: Bulk, records: Sequence[Record], *, dense: bool) -> set[str]:
    """The keys of those delivered records that Klaviyo does not show as they were sent: profiles by e-mail
    address, events by metric, time and ``unique_id``, what the catalog holds by id and whether it is
    published. A deletion shows when the id is gone. ``dense``: the records are about all there is of their
    time, so that events are read in long stretches.
    """
    if bulk is Bulk.PROFILE_IMPORT:
        emails = {record.key: _email(orjson.loads(record.payload)) for record in records}
        found = client.reading.profiles_by_email(emails.values())
        there = {str(profile["attributes"]["email"]).lower() for profile in found}
        return {key for key, email in emails.items() if email not in there}
    if bulk is Bulk.EVENT_CREATE:
        return _events_not_shown(client, [_event(record) for record in records], dense=dense)
    assert bulk.catalog is not None  # noqa: S101 - there are no other kinds
    keys = [record.key for record in records]
    if bulk.action is Action.DELETE:
        return client.catalog.existing(bulk.catalog, keys)
    fields = () if bulk.catalog is CatalogKind.CATEGORY else ("published",)
    seen = {
        str(resource["attributes"]["external_id"]): resource["attributes"].get("published")
        for resource in client.catalog.read(bulk.catalog, keys, fields)
    }
    return {record.key for record in records if not _as_sent(record, seen)}


def _as_sent(record: Record, seen: Mapping[str, object]) -> bool:
    if record.key not in seen:
        return False
    published = orjson.loads(record.payload).get("attributes", {}).get("published")
    return published is None or seen[record.key] == published


def _events_not_shown(client: KlaviyoClient, events: Sequence[_Event], *, dense: bool) -> set[str]:
    by_metric: defaultdict[str, list[_Event]] = defaultdict(list)
    for event in sorted(events):
        by_metric[event.metric].append(event)
    hidden = set()
    for metric, wanted in by_metric.items():
        seen = _seen(client, metric, wanted, dense=dense)
        hidden |= {event.key for event in wanted if event.unique_id not in seen}
    return hidden


def _seen(client: KlaviyoClient, metric: str, wanted: Sequence[_Event], *, dense: bool) -> set[str]:
    """Those ``unique_id`` of the wanted events, ordered by time, that the metric has at their time.

    After each page it goes on at the next wanted event, so that there are never more requests than wanted
    events and full pages between the first and the last of them.
    """
    left = {event.unique_id for event in wanted}
    seen: set[str] = set()
    position = 0
    while position < len(wanted):
        start = wanted[position].time
        until = (wanted[-1].time if dense else start) + _SECOND
        following = bisect_right(wanted, until - _SECOND, key=attrgetter("time"))
        for number, event in enumerate(client.reading.events_of(metric, start, until), 1):
            if event.unique_id in left:
                left.discard(event.unique_id)
                seen.add(event.unique_id)
            if number % _PAGE == 0:
                after = bisect_right(wanted, event.time, key=attrgetter("time"))
                if after == 0 or wanted[after - 1].time < event.time or not left:
                    following = after
                    break
        position = following
    return seen


def _never_recorded(client: KlaviyoClient, events: Sequence[_Event]) -> set[str]:
    """The keys of those events that their person does not have at any time: an event that Klaviyo had before
    keeps the time that it first came with.
    """
    found = client.reading.profiles_by_email(event.email for event in events)
    ids = {str(profile["attributes"]["email"]).lower(): str(profile["id"]) for profile in found}
    return {
        event.key for event in events if event.email not in ids or not _has(client, ids[event.email], event)
    }


def _has(client: KlaviyoClient, profile_id: str, event: _Event) -> bool:
    ahead = datetime.now(UTC) + _AHEAD
    seen = client.reading.events_of(event.metric, _EARLIEST, ahead, profile_id=profile_id)
    return any(each.unique_id == event.unique_id for each in seen)


def _event(record: Record) -> _Event:
    group = orjson.loads(record.payload)["attributes"]
    [event] = group["events"]["data"]
    attributes = event["attributes"]
    moment = datetime.fromisoformat(attributes["time"]).astimezone(UTC)
    return _Event(
        moment.replace(microsecond=0),
        attributes["unique_id"],
        attributes["metric"]["data"]["attributes"]["name"],
        _email(group["profile"]["data"]),
        record.key,
    )


def _email(profile: Mapping[str, dict[str, str]]) -> str:
    return profile["attributes"]["email"].lower()
