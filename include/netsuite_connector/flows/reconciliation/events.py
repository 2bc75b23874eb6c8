"""Events of some days: those that NetSuite's records make now, against those that Klaviyo holds.

An event belongs to the day that its own time has in the store's time zone. Its record is read because it was
created in these days, or last changed in them; what Klaviyo holds besides is looked up in NetSuite by its id.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import orjson

from netsuite_connector.domains.model import Kind, Source
from netsuite_connector.flows.reconciliation import forms
from netsuite_connector.flows.reconciliation.forms import Form
from netsuite_connector.flows.reconciliation.model import CENT, Days, Finding, Outcome, Verdict
from netsuite_connector.flows.reconciliation.reading import (
    Reader,
    Reading,
    changed,
    delivered_before,
    of_other_stores,
    records,
    refused_by_klaviyo,
    rejected_rows,
    seen_ids,
)
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.reading import SeenEvent
from netsuite_connector.stores.model import FlowName, Store
from netsuite_connector.window import Window

_BY_FLOW = {
    FlowName.ORDERS.value: (
        *("Ordered Product", "Cancelled Order", "Fulfilled Order", "Partially Fulfilled Order"),
        *("Refunded Order", "Partially Refunded Order"),
    ),
    FlowName.OPPORTUNITIES.value: ("Opportunity", "Opportunity Won", "Opportunity Lost"),
    FlowName.QUOTES.value: ("Quote", "Quote Accepted", "Quote Expired", "Quote Declined"),
}
# Their time is when a record was seen to have changed; it may have changed again since.
_MOVING = {
    *("Cancelled Order", "Opportunity Won", "Opportunity Lost"),
    *("Quote Accepted", "Quote Expired", "Quote Declined"),
}
# What a source's rows mostly become, for rows that become nothing.
_MAINLY = {"fulfilments": "Fulfilled Order", "refunds": "Refunded Order"}
_PREFIX = "netsuite-"
_MINUTE = timedelta(minutes=1)  # NetSuite keeps moments to the minute
# Klaviyo takes no events from before it, nor from more than a year ahead (its guide to events).
_EARLIEST, _AHEAD = datetime(2000, 1, 1, tzinfo=UTC), timedelta(days=366)


@dataclass(slots=True)
class Expected:
    """An event that NetSuite's records make now. ``form`` is how it is shaped, ``other`` how it may have been
    sent; ``changed`` when its record changed last.
    """

    reading: Reading
    source: Source
    id: int
    sub: int
    key: str
    email: str
    form: Form
    other: Form | None
    changed: datetime
    delivered: bool = False


def metrics_of(store: Store, flow: str) -> tuple[str, ...]:
    """The metrics under which a flow's events are counted in Klaviyo."""
    custom = store.flows[flow].custom
    if custom is not None:
        return () if custom.metric is None else (custom.metric,)
    placed = (store.orders.metric,) if flow == FlowName.ORDERS else ()
    return (*placed, *_BY_FLOW.get(flow, ()))


class EventComparison:
    """The comparison of a flow's events in some days."""

    def __init__(self, reader: Reader, klaviyo: KlaviyoClient, days: Days, young_from: datetime) -> None:
        self.outcome = Outcome()
        self.missing: list[Expected] = []
        self._reader, self._klaviyo, self._days = reader, klaviyo, days
        self._young_from = young_from
        self._store, self._flow = reader.store, reader.domain.flow
        custom = self._store.flows[self._flow].custom is not None
        self._id = re.compile(re.escape(f"{_PREFIX}{self._flow}-" if custom else _PREFIX) + r"(\d+)")
        self._made_whole: set[str] = set()

    def compare(self, readings: Iterable[Reading]) -> None:
        """Compare what the readings of these days gave with what Klaviyo shows."""
        readings = list(readings)
        expected = _each_once(each for reading in readings for each in self._expected(reading))
        self._note_delivered(expected)
        metrics = metrics_of(self._store, self._flow)
        for metric in metrics:
            for day in self._days.each():
                self.outcome.tally(metric, day)
        seen = self._seen(metrics)
        left = self._match(expected, seen)
        left = self._found_elsewhere(left)
        refused = refused_by_klaviyo(self._reader.run("", Window()), {each.id for each in left})
        self._count_rejected(readings)
        # Of several refunds of an order it is the last that makes it whole.
        for each in sorted(left, key=lambda one: one.id, reverse=True):
            self._absent(each, refused)
        known = {id_: moment for reading in readings for id_, moment in changed(reading).items()}
        rejected = {row.id for reading in readings for row in rejected_rows(reading)}
        self._surplus(seen, known, rejected, {id_ for reading in readings for id_ in seen_ids(reading)})

    # ---- what is expected and seen ------------------------------------------------------------------------

    def _expected(self, reading: Reading, *, anywhen: bool = False) -> Iterator[Expected]:
        """The events of the reading's records, of these days or ``anywhen``."""
        moments = changed(reading)
        for source in reading.domain.delivered:
            if source.kind is not Kind.EVENT:
                continue
            others = forms.others(reading, source)
            for id_, sub, key, payload in records(reading, source, ["id", "sub", "key", "payload"]):
                form, email = _told(payload)
                if anywhen or self._days.day_of(form.at) is not None:
                    other = forms.other(others.get(id_), form)
                    last = moments.get(id_, form.at)
                    yield Expected(reading, source, id_, sub, key, email, form, other, last)

    def _note_delivered(self, expected: Collection[Expected]) -> None:
        for source in {each.source.name: each.source for each in expected}.values():
            mine = [each for each in expected if each.source.name == source.name]
            done = delivered_before(mine[0].reading, source, {each.id for each in mine})
            for each in mine:
                each.delivered = (each.id, each.sub) in done

    def _seen(self, metrics: Iterable[str]) -> dict[tuple[str, str], SeenEvent]:
        """Klaviyo's events of these days that are ours, by metric and identity."""
        return {
            (metric, event.unique_id): event
            for metric in metrics
            for event in self._klaviyo.reading.events_of(metric, self._days.since, self._days.until)
            if self._id.match(event.unique_id)
        }

    # ---- matching -----------------------------------------------------------------------------------------

    def _match(self, expected: Iterable[Expected], seen: dict[tuple[str, str], SeenEvent]) -> list[Expected]:
        """Take those that are both expected and seen out of both; gives those that are not seen.

        What a fulfilment or refund became is told by what was known when it was sent. So it is looked for at
        its very time in both forms, before one that only has the same identity is taken for it.
        """
        left = list(expected)
        for exact, use_other in ((True, False), (True, True), (False, False)):
            rest = []
            for each in left:
                form = each.other if use_other else each.form
                event = None if form is None else seen.get((form.metric, form.unique_id))
                if form is None or event is None or (exact and event.time != form.at):
                    rest.append(each)
                    continue
                del seen[form.metric, form.unique_id]
                each.form = form
                self._both(each, event)
            left = rest
        return left

    def _both(self, each: Expected, event: SeenEvent) -> None:
        form = each.form
        moved = event.time != form.at
        day = self._days.day_of(event.time if form.metric in _MOVING else form.at)
        tally = self.outcome.tally(form.metric, day)
        tally.netsuite += 1
        tally.klaviyo += 1
        tally.ledger += each.delivered
        value = event.value if math.isnan(form.value or 0.0) else form.value
        tally.value_netsuite += value or 0.0
        tally.value_klaviyo += event.value or 0.0
        wrong = []
        if abs((value or 0.0) - (event.value or 0.0)) > CENT:
            wrong.append(f"value {value or 0:.2f} in NetSuite, {event.value or 0:.2f} in Klaviyo")
        if moved and form.metric not in _MOVING:
            wrong.append(f"time {form.at.isoformat()} in NetSuite, {event.time.isoformat()} in Klaviyo")
        if wrong:
            edited = each.changed > event.time + _MINUTE and not (moved and form.metric not in _MOVING)
            if edited:
                wrong.append("the record was changed after it was sent, and an event can't be")
            self._tell(Verdict.DIFFERENT, each, day, "; ".join(wrong), edited=edited)

    def _found_elsewhere(self, left: Iterable[Expected]) -> list[Expected]:
        """Those that Klaviyo shows at no time: an event that it had before keeps the time that it came with.

        Only what was delivered, or has a time that moves, may be there at another time.
        """
        left = list(left)
        asked = [each for each in left if each.delivered or each.form.metric in _MOVING]
        found = self._anywhere(asked)
        rest = []
        for each in left:
            event = found.get(id(each))
            if event is None:
                rest.append(each)
            elif each.form.metric not in _MOVING:
                self._both(each, event)
        return rest

    def _anywhere(self, asked: Collection[Expected]) -> dict[int, SeenEvent]:
        people = {
            str(profile["attributes"]["email"]).lower(): str(profile["id"])
            for profile in self._klaviyo.reading.profiles_by_email(each.email for each in asked)
        }
        ahead = datetime.now(UTC) + _AHEAD
        found: dict[int, SeenEvent] = {}
        wanted: defaultdict[tuple[str, str], list[Expected]] = defaultdict(list)
        for each in asked:
            if each.email in people:
                wanted[people[each.email], each.form.metric].append(each)
        for (person, metric), some in wanted.items():
            events = {
                event.unique_id: event
                for event in self._klaviyo.reading.events_of(metric, _EARLIEST, ahead, profile_id=person)
            }
            found |= {id(each): events[each.form.unique_id] for each in some if each.form.unique_id in events}
        return found

    # ---- what is left -------------------------------------------------------------------------------------

    def _count_rejected(self, readings: Iterable[Reading]) -> None:
        metrics = metrics_of(self._store, self._flow)
        counted: set[tuple[str, int]] = set()
        for reading in readings:
            rows = list(rejected_rows(reading))
            for row in rows:
                day = None if row.created is None else self._days.day_of(row.created)
                if day is not None and (row.source, row.id) not in counted:
                    self.outcome.tally(_MAINLY.get(row.source, metrics[0]), day).rejected += 1
            # The same record may be among those that were created and those that changed.
            counted |= {(row.source, row.id) for row in rows}

    def _absent(self, each: Expected, refused: Collection[tuple[str, str]]) -> None:
        if each.delivered and each.other is not None:
            # It is in the book as delivered, so it was shaped as if another one had made the order whole.
            each.form = self._form_to_send(each)
        day = self._days.day_of(each.form.at)
        tally = self.outcome.tally(each.form.metric, day)
        tally.netsuite += 1
        tally.ledger += each.delivered
        tally.value_netsuite += 0.0 if math.isnan(each.form.value or 0.0) else each.form.value or 0.0
        if (each.source.name, each.key) in refused:
            tally.rejected += 1
        elif each.changed >= self._young_from:
            self._tell(Verdict.NOT_YET, each, day, "changed in NetSuite since the flow's last run")
        else:
            was = "was delivered, but" if each.delivered else "was never delivered:"
            self._tell(Verdict.MISSING, each, day, f"{was} Klaviyo does not show it")
            self.missing.append(each)

    def _form_to_send(self, each: Expected) -> Form:
        """Of an order that is wholly refunded one refund is the *Refunded Order*: this one, if Klaviyo has
        none.
        """
        whole = forms.whole_of(each.form, each.other)
        if whole is None or whole.unique_id in self._made_whole:
            return each.form
        self._made_whole.add(whole.unique_id)
        return each.form if self._anywhere([replace(each, form=whole)]) else whole

    def _surplus(
        self,
        seen: Mapping[tuple[str, str], SeenEvent],
        known: Mapping[int, datetime],
        rejected: Collection[int],
        read: Collection[int],
    ) -> None:
        """What Klaviyo holds beyond what was expected: look for it in NetSuite by its id."""
        ids = {name: self._internal_id(name[1]) for name in seen}
        others = of_other_stores(self._reader.run("", Window()), set(ids.values()))
        unread = sorted(set(ids.values()) - set(read) - others)
        if unread:
            window = Window(self._days.since, None)
            reading = self._reader.read("surplus", window, ids=unread)
            made = list(self._expected(reading, anywhen=True))
            self._note_delivered(made)
            by_name = {(each.form.metric, each.form.unique_id): each for each in made}
            known = {**known, **changed(reading)}
            rejected = {*rejected, *(row.id for row in rejected_rows(reading))}
            read = {*read, *seen_ids(reading)}
        else:
            by_name = {}
        for name, event in seen.items():
            each = by_name.get(name)
            if ids[name] in others:
                continue
            if each is not None:
                self._both(each, event)
                continue
            day = self._days.day_of(event.time)
            tally = self.outcome.tally(name[0], day)
            tally.klaviyo += 1
            tally.value_klaviyo += event.value or 0.0
            if ids[name] in rejected:
                continue  # it was sent when it passed the checks, and is counted among the rejected rows
            self._extra(name, ids[name], event, known, there=ids[name] in read)

    def _extra(
        self,
        name: tuple[str, str],
        internal_id: int,
        event: SeenEvent,
        known: Mapping[int, datetime],
        *,
        there: bool,
    ) -> None:
        edited = there and known.get(internal_id, event.time) > event.time + _MINUTE
        detail = "NetSuite has no such record, or the saved search does not show it"
        if there:
            detail = "NetSuite's record makes no such event"
        if edited:
            detail += " any more: it was changed after the event was sent, and an event can't be taken back"
        day = self._days.day_of(event.time)
        self.outcome.found(Finding(name[0], day, Verdict.EXTRA, name[1], internal_id, detail, edited))

    def _tell(
        self, verdict: Verdict, each: Expected, day: str | None, detail: str, *, edited: bool = False
    ) -> None:
        form = each.form
        self.outcome.found(Finding(form.metric, day, verdict, form.unique_id, each.id, detail, edited))

    def _internal_id(self, unique_id: str) -> int:
        match = self._id.match(unique_id)
        assert match is not None, unique_id  # noqa: S101 - others are not taken for ours
        return int(match[1])


def _each_once(expected: Iterable[Expected]) -> list[Expected]:
    """Each record once: it may have been created and changed in the same days."""
    found: dict[tuple[str, int, int], Expected] = {}
    for each in expected:
        found.setdefault((each.source.name, each.id, each.sub), each)
    return list(found.values())


def _told(payload: bytes) -> tuple[Form, str]:
    """What an event's element says: its form, and its person's address."""
    group = orjson.loads(payload)["attributes"]
    [event] = group["events"]["data"]
    attributes = event["attributes"]
    moment = datetime.fromisoformat(attributes["time"]).astimezone(UTC).replace(microsecond=0)
    name = attributes["metric"]["data"]["attributes"]["name"]
    email = str(group["profile"]["data"]["attributes"]["email"]).lower()
    return Form(name, attributes["unique_id"], moment, attributes.get("value")), email
