"""Events of some days: those that NetSuite's records make now, against those that Klaviyo holds.

An event belongs to the day that its own time has in the store's time zone. Its record is read because it was
created in these days, or last changed in them; what Klaviyo holds besides is looked up in NetSuite by its id.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from netsuite_connector.flows.reconciliation import forms
from netsuite_connector.flows.reconciliation.expected import Expected, expected
from netsuite_connector.flows.reconciliation.forms import Form
from netsuite_connector.flows.reconciliation.identities import MOVING, Identities, Name
from netsuite_connector.flows.reconciliation.lookup import Lookup
from netsuite_connector.flows.reconciliation.model import CENT, Days, Finding, Outcome, Tally, Verdict
from netsuite_connector.flows.reconciliation.reading import (
    Reader,
    Reading,
    changed,
    of_other_stores,
    refused_by_klaviyo,
    rejected_rows,
    seen_ids,
)
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.reading import SeenEvent
from netsuite_connector.window import Window

READ_BEFORE = timedelta(minutes=15)
"""A run takes minutes from reading a record to noting in the ledger that it is delivered. What changed so
shortly before the note may not have been read yet."""

# What a source's rows mostly become, for rows that become nothing.
_MAINLY = {"fulfilments": "Fulfilled Order", "refunds": "Refunded Order"}


@dataclass(slots=True)
class _Different:
    """An event that both have, with other values. Its ``value`` or its ``time`` is another one, or its
    ``person``.
    """

    each: Expected
    day: str | None
    value: str = ""
    time: str = ""
    person: str = ""


@dataclass(slots=True)
class _Known:
    """What was read: when each record changed ``last``, by internal id, those that have ``rejected`` rows,
    and the ids of ``all``.
    """

    last: dict[int, datetime]
    rejected: set[int]
    all: set[int]

    @classmethod
    def of(cls, readings: Iterable[Reading]) -> _Known:
        known = cls({}, set(), set())
        for reading in readings:
            known.last |= changed(reading)
            known.rejected.update(row.id for row in rejected_rows(reading))
            known.all |= seen_ids(reading)
        return known

    def changed_since(self, delivered: datetime | None, ids: Iterable[int]) -> bool:
        """Whether one of the records was changed after what was delivered then had been read."""
        moments = [self.last[id_] for id_ in ids if id_ in self.last]
        return delivered is not None and any(moment > delivered - READ_BEFORE for moment in moments)


class EventComparison:
    """The comparison of a flow's events in some days; those that are ``missing`` can be healed."""

    def __init__(self, reader: Reader, klaviyo: KlaviyoClient, days: Days, young_from: datetime) -> None:
        self.outcome = Outcome()
        self.missing: list[Expected] = []
        self._reader, self._klaviyo, self._days = reader, klaviyo, days
        self._young_from = young_from
        self._identities = Identities(reader.store, reader.domain.flow)
        self._lookup = Lookup(klaviyo)
        self._different: list[_Different] = []
        self._made_whole: set[str] = set()

    def compare(self, readings: Iterable[Reading]) -> None:
        """Compare what the readings of these days gave with what Klaviyo shows."""
        readings = list(readings)
        for metric in self._identities.metrics:
            for day in self._days.each():
                self.outcome.tally(metric, day)
        seen = self._seen()
        left = self._match(expected(readings, self._days), seen)
        left = self._found_elsewhere(self._remembered(left))
        refused = refused_by_klaviyo(self._reader.run("", Window()), {each.id for each in left})
        self._count_rejected(readings)
        # Of several refunds of an order it is the last that makes it whole.
        for each in sorted(left, key=lambda one: one.id, reverse=True):
            self._absent(each, refused)
        known = self._surplus(seen, readings)
        self._tell_differences(known)

    def _seen(self) -> dict[Name, list[SeenEvent]]:
        """Klaviyo's events of these days that are ours. It keeps one of a name for each profile."""
        seen: defaultdict[Name, list[SeenEvent]] = defaultdict(list)
        for metric in self._identities.metrics:
            for event in self._klaviyo.reading.events_of(metric, self._days.since, self._days.until):
                if self._identities.are_ours(event.unique_id):
                    seen[metric, event.unique_id].append(event)
        return dict(seen)

    # ---- matching -----------------------------------------------------------------------------------------

    def _match(self, wanted: Iterable[Expected], seen: dict[Name, list[SeenEvent]]) -> list[Expected]:
        """Take those that are both expected and seen out of both; gives those that are not seen.

        What a fulfilment or refund became is told by what was known when it was sent. So it is looked for at
        its very time in both forms, before one that only has the same identity is taken for it; at last one
        that was delivered in the form that its order made right then. Of several profiles' events it is that
        of the record's own person.
        """
        left = list(wanted)
        ways = ((each, form) for each in left for form in (each.form, each.other, each.once))
        self._lookup.know(each.email for each, form in ways if form is not None and _name(form) in seen)
        matched: set[Name] = set()
        for way, exact in (("form", True), ("other", True), ("form", False), ("once", True)):
            rest = []
            for each in left:
                form = None if way == "once" and each.delivered is None else getattr(each, way)
                event = None if form is None else self._best(each, form, seen, exact=exact)
                if form is None or event is None:
                    rest.append(each)
                    continue
                matched.add(_name(form))
                seen[_name(form)].remove(event)
                now, each.form = each.form, form
                self._both(each, event, f"a {now.metric} in NetSuite" if way == "once" else "")
            left = rest
        for name in matched:
            for event in seen.pop(name):
                self._twice(name, event)
        return left

    def _best(
        self, each: Expected, form: Form, seen: dict[Name, list[SeenEvent]], *, exact: bool
    ) -> SeenEvent | None:
        there = [event for event in seen.get(_name(form), ()) if not exact or event.time == form.at]
        return min(there, key=lambda event: self._is_anothers(each, event), default=None)

    def _is_anothers(self, each: Expected, event: SeenEvent) -> bool:
        return event.profile_id != self._lookup.person(each.email)

    def _both(self, each: Expected, event: SeenEvent, becomes: str = "") -> None:
        """Both have it; ``becomes`` says what its record makes by now, if that is something else."""
        form = each.form
        day = self._days.day_of(event.time if form.metric in MOVING else form.at)
        tally = self.outcome.tally(form.metric, day)
        tally.netsuite += 1
        tally.klaviyo += 1
        tally.ledger += each.delivered is not None
        value = event.value if math.isnan(form.value or 0.0) else form.value
        tally.value_netsuite += value or 0.0
        tally.value_klaviyo += event.value or 0.0
        wrong = _Different(each, day, value=becomes)
        if abs((value or 0.0) - (event.value or 0.0)) > CENT:
            wrong.value = f"value {value or 0:.2f} in NetSuite, {event.value or 0:.2f} in Klaviyo"
        if event.time != form.at and form.metric not in MOVING:
            wrong.time = f"time {form.at.isoformat()} in NetSuite, {event.time.isoformat()} in Klaviyo"
        if self._is_anothers(each, event):
            wrong.person = "its profile has another address than the record"
        if wrong.value or wrong.time or wrong.person:
            self._different.append(wrong)

    def _remembered(self, left: Iterable[Expected]) -> list[Expected]:
        """Those that Klaviyo is to have. Whoever is to be forgotten is not sent again, so theirs are counted
        as rejected.
        """
        left = list(left)
        forgotten = self._reader.forgotten({each.email for each in left})
        for each in left:
            if each.email in forgotten:
                self._count(each).rejected += 1
        return [each for each in left if each.email not in forgotten]

    def _found_elsewhere(self, left: Iterable[Expected]) -> list[Expected]:
        """Those that Klaviyo shows at no time: an event that it had before keeps the time that it came with.

        Only what was delivered, or has a time that moves, may be there at another time. If both is so, the
        person may have had another address then, and whoever has it is not sent another one.
        """
        left = list(left)
        asked = [each for each in left if each.delivered or each.form.metric in MOVING]
        found = self._lookup.with_their_person(asked)
        moved = {
            _name(each.form)
            for each in asked
            if id(each) not in found and each.delivered and each.form.metric in MOVING
        }
        moved = self._lookup.with_anybody(moved)
        rest = []
        for each in left:
            event = found.get(id(each))
            if event is None and _name(each.form) not in moved:
                rest.append(each)
            elif event is not None and each.form.metric not in MOVING:
                self._both(each, event)
        return rest

    # ---- what is left -------------------------------------------------------------------------------------

    def _count_rejected(self, readings: Iterable[Reading]) -> None:
        metrics = self._identities.metrics
        counted: set[tuple[str, int]] = set()
        for reading in readings:
            rows = list(rejected_rows(reading))
            for row in rows:
                day = None if row.created is None else self._days.day_of(row.created)
                if day is not None and (row.source, row.id) not in counted:
                    self.outcome.tally(_MAINLY.get(row.source, metrics[0]), day).rejected += 1
            # The same record may be among those that were created and those that changed.
            counted |= {(row.source, row.id) for row in rows}

    def _count(self, each: Expected) -> Tally:
        """Count an event that only NetSuite has. Returns its tally."""
        tally = self.outcome.tally(each.form.metric, self._days.day_of(each.form.at))
        tally.netsuite += 1
        tally.ledger += each.delivered is not None
        tally.value_netsuite += 0.0 if math.isnan(each.form.value or 0.0) else each.form.value or 0.0
        return tally

    def _absent(self, each: Expected, refused: Collection[tuple[str, str]]) -> None:
        if each.delivered and each.other is not None:
            # It is in the book as delivered, so it was shaped as if another one had made the order whole.
            each.form = self._form_to_send(each)
        tally, day = self._count(each), self._days.day_of(each.form.at)
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
        return each.form if self._lookup.with_their_person([replace(each, form=whole)]) else whole

    def _surplus(self, seen: dict[Name, list[SeenEvent]], readings: Sequence[Reading]) -> _Known:
        """What Klaviyo holds beyond what was expected: look for it in NetSuite by its id. Gives what is known
        of all records by then.
        """
        run, known = self._reader.run("", Window()), _Known.of(readings)
        ids = {name: self._identities.internal_id(name[1]) for name in seen}
        others = of_other_stores(run, set(ids.values()))
        seen = {name: events for name, events in seen.items() if ids[name] not in others}
        sent = self._identities.sent(run, seen)
        wanted = {ids[name] for name in seen}.union(*sent.values(), self._doubtful_orders()) - known.all
        by_name: dict[Name, Expected] = {}
        if wanted:
            reading = self._reader.read("surplus", Window(self._days.since, None), ids=sorted(wanted))
            by_name = {_name(each.form): each for each in expected([reading])}
            known = _Known.of([*readings, reading])
        absent = {id_ for records in sent.values() for id_ in records} - known.all
        gone = self._reader.gone(absent) if absent else set()
        self._lookup.know(by_name[name].email for name in seen.keys() & by_name.keys())
        for name, events in seen.items():
            each = by_name.get(name)
            if each is not None:
                events.sort(key=partial(self._is_anothers, each))
                self._both(each, events[0])
            else:
                self._unexpected(name, ids[name], events[0], sent[name], known, gone)
            for event in events[1:]:
                self._twice(name, event)
        return known

    def _doubtful_orders(self) -> set[int]:
        """The orders whose total is the value of something else that differs: it may be what has changed."""
        forms_of = (wrong.each.form for wrong in self._different if wrong.value)
        return {self._identities.internal_id(form.unique_id) for form in forms_of}

    def _unexpected(  # noqa: PLR0913, PLR0917 - what is known of an event that no record makes
        self,
        name: Name,
        internal_id: int,
        event: SeenEvent,
        sent: Mapping[int, datetime],
        known: _Known,
        gone: Collection[int],
    ) -> None:
        """Tell of an event that no record makes now. Only one that the ledger has was ever a right one: its
        record may have been changed or deleted since, or be rejected now.
        """
        self._count_surplus(name, event)
        if sent and known.rejected & {internal_id, *sent}:
            return  # it was sent when it passed the checks, and is counted among the rejected rows
        there = internal_id in known.all or bool(known.all & sent.keys())
        deleted = any(id_ in gone for id_ in sent)
        edited = any(known.changed_since(at, (id_, internal_id)) for id_, at in sent.items())
        detail = "NetSuite has no such record, or the saved search does not show it"
        if deleted:
            detail = (
                "NetSuite's record was deleted after the event was sent, and an event can't be taken back"
            )
        elif edited:
            detail = (
                "NetSuite's record makes no such event any more: it was changed after the event was sent, "
                "and an event can't be taken back"
            )
        elif there:
            detail = f"NetSuite's record makes no such event{'' if sent else ', and none was delivered'}"
        self._tell_surplus(name, event, internal_id, detail, edited=deleted or edited)

    def _twice(self, name: Name, event: SeenEvent) -> None:
        """Tell of an event that another profile has too: it counts twice."""
        self._count_surplus(name, event)
        internal_id = self._identities.internal_id(name[1])
        self._tell_surplus(name, event, internal_id, "twice: another profile has this event too")

    def _count_surplus(self, name: Name, event: SeenEvent) -> None:
        tally = self.outcome.tally(name[0], self._days.day_of(event.time))
        tally.klaviyo += 1
        tally.value_klaviyo += event.value or 0.0

    # ---- what is told -------------------------------------------------------------------------------------

    def _tell_differences(self, known: _Known) -> None:
        """Tell what differs, now that all is known that may excuse it.

        A value is excused if the record, or the order whose total it is, was changed after it was sent. Which
        address a record had then is not known any more. So another person's event is excused if it is the one
        that was delivered, and the record's own person has none: a wrong one would have to stand alone.
        """
        own = self._lookup.with_their_person([wrong.each for wrong in self._different if wrong.person])
        for wrong in self._different:
            each = wrong.each
            ids = (each.id, self._identities.internal_id(each.form.unique_id))
            changed_since = known.changed_since(each.delivered, ids)
            moved = each.delivered is not None and id(each) not in own
            edited = not wrong.time and (changed_since or not wrong.value) and (moved or not wrong.person)
            details = [detail for detail in (wrong.value, wrong.time, wrong.person) if detail]
            if edited and wrong.value:
                details.append("the record was changed after it was sent, and an event can't be")
            if edited and wrong.person:
                details.append("it was delivered once, so the address was changed after it was sent")
            self._tell(Verdict.DIFFERENT, each, wrong.day, "; ".join(details), edited=edited)

    def _tell(
        self, verdict: Verdict, each: Expected, day: str | None, detail: str, *, edited: bool = False
    ) -> None:
        form = each.form
        self.outcome.found(Finding(form.metric, day, verdict, form.unique_id, each.id, detail, edited))

    def _tell_surplus(
        self, name: Name, event: SeenEvent, internal_id: int, detail: str, *, edited: bool = False
    ) -> None:
        day = self._days.day_of(event.time)
        self.outcome.found(Finding(name[0], day, Verdict.EXTRA, name[1], internal_id, detail, edited))


def _name(form: Form) -> Name:
    return form.metric, form.unique_id
