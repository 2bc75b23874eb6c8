"""The events that NetSuite's records make now, with all that is needed to find them at Klaviyo."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from netsuite_connector.domains.model import Kind, Source
from netsuite_connector.flows.reconciliation import forms
from netsuite_connector.flows.reconciliation.forms import Form
from netsuite_connector.flows.reconciliation.model import Days
from netsuite_connector.flows.reconciliation.reading import Reading, changed, delivered_at, records


@dataclass(slots=True)
class Expected:
    """An event that NetSuite's records make now. ``form`` is how it is shaped, ``other`` how it may have been
    sent, and ``once`` how it may have been right to send it before its order was changed; ``changed`` is when
    its record changed last; ``delivered`` when the ledger took it in, None if it did not.
    """

    reading: Reading
    source: Source
    id: int
    sub: int
    key: str
    email: str
    form: Form
    other: Form | None
    once: Form | None
    changed: datetime
    delivered: datetime | None = None


def expected(readings: Iterable[Reading], days: Days | None = None) -> list[Expected]:
    """The events of the readings' records, each once; only those of some days if these are given."""
    found: dict[tuple[str, int, int], Expected] = {}
    for reading in readings:
        for each in _of(reading):
            # A record may have been created and changed in the same days.
            if days is None or days.day_of(each.form.at) is not None:
                found.setdefault((each.source.name, each.id, each.sub), each)
    _note_delivered(found.values())
    return list(found.values())


def _of(reading: Reading) -> Iterator[Expected]:
    moments = changed(reading)
    for source in reading.domain.delivered:
        if source.kind is not Kind.EVENT:
            continue
        others = forms.others(reading, source)
        for id_, sub, key, payload in records(reading, source, ["id", "sub", "key", "payload"]):
            form, email = _told(payload)
            of, last = others.get(id_), moments.get(id_, form.at)
            ways = form, forms.other(of, form), forms.once(of, form)
            yield Expected(reading, source, id_, sub, key, email, *ways, last)


def _note_delivered(some: Collection[Expected]) -> None:
    for source in {each.source.name: each.source for each in some}.values():
        mine = [each for each in some if each.source.name == source.name]
        done = delivered_at(mine[0].reading, source, {each.id for each in mine})
        for each in mine:
            each.delivered = done.get((each.id, each.sub))


def _told(payload: bytes) -> tuple[Form, str]:
    """What an event's element says: its form, and its person's address."""
    group = orjson.loads(payload)["attributes"]
    [event] = group["events"]["data"]
    attributes = event["attributes"]
    moment = datetime.fromisoformat(attributes["time"]).astimezone(UTC).replace(microsecond=0)
    name = attributes["metric"]["data"]["attributes"]["name"]
    email = str(group["profile"]["data"]["attributes"]["email"]).lower()
    return Form(name, attributes["unique_id"], moment, attributes.get("value")), email
