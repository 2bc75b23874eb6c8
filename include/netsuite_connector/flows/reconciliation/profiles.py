"""Profiles of records that were created or last changed in some days, against those that Klaviyo holds.

A profile belongs to the day on which its record was created, or else last changed. In the flow of orders
they are those of everybody who ordered in these days, and have no day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import orjson

from netsuite_connector.domains.customers import PHONE_PROPERTY
from netsuite_connector.domains.model import Kind, Source
from netsuite_connector.flows.ledger import key_hashes
from netsuite_connector.flows.reconciliation.model import Days, Finding, Outcome, Verdict, days_of
from netsuite_connector.flows.reconciliation.profile_strangers import KIND, tell_strangers
from netsuite_connector.flows.reconciliation.reading import (
    Reader,
    Reading,
    changed,
    created,
    delivered_at,
    records,
    refused_by_klaviyo,
    rejected_rows,
)
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.reading import portions
from netsuite_connector.window import Window

_AT_ONCE = 100
_FIELDS = (
    *("first_name", "last_name", "organization", "title", "phone_number", "external_id"),
    *("location", "properties"),
)
# Klaviyo gives each of them to one profile only: this one may have had to go without.
_MAY_BE_ANOTHERS = ("phone_number", "external_id")


@dataclass(frozen=True, slots=True)
class Person:
    """A profile that NetSuite's records make now. ``changed`` is when its record changed last, None where
    nobody knows.
    """

    reading: Reading
    source: Source
    id: int
    sub: int
    email: str
    attributes: Mapping[str, Any]
    day: str | None
    changed: datetime | None


class ProfileComparison:
    """The comparison of a flow's profiles of some days; ``to_heal`` are those that are missing or
    different.
    """

    def __init__(self, reader: Reader, klaviyo: KlaviyoClient, days: Days, young_from: datetime) -> None:
        self.outcome = Outcome()
        self.to_heal: list[Person] = []
        self._reader, self._klaviyo, self._days = reader, klaviyo, days
        self._asked = days_of(reader.store, reader.asked)
        self._young_from = young_from

    def compare(self, readings: Iterable[Reading]) -> None:
        """Compare what the readings of these days gave with what Klaviyo shows."""
        readings = list(readings)
        done: set[tuple[str, int]] = set()
        emails: set[str] = set()
        for reading in readings:
            for portion in _portions(self._expected(reading, done)):
                self._compare(portion)
                done.update((each.source.name, each.id) for each in portion)
                emails.update(each.email for each in portion)
        counted: set[tuple[str, int]] = set()
        for reading in readings:
            for row in rejected_rows(reading):
                if reading.domain.merge is None or self._elsewhere(row.created):
                    continue
                if (row.source, row.id) not in counted:
                    counted.add((row.source, row.id))
                    self.outcome.tally(KIND, self._day(row.created)).rejected += 1
        tell_strangers(self._reader, self._klaviyo, self._days, emails, self.outcome)

    def _expected(self, reading: Reading, done: Collection[tuple[str, int]]) -> Iterator[Person]:
        moments, born = changed(reading), created(reading)
        for source in reading.domain.delivered:
            if source.kind is not Kind.PROFILE:
                continue
            ordered = _last_orders(reading, moments) if source.search is None else {}
            for id_, sub, key, payload in records(reading, source, ["id", "sub", "key", "payload"]):
                if (source.name, id_) in done:
                    continue
                email = key.lower()
                attributes = orjson.loads(payload)["attributes"]
                if source.search is None:
                    last, day = ordered.get(email), None
                else:
                    last = moments.get(id_)
                    moment = self._counts_at(born.get(id_), last)
                    if self._elsewhere(moment):
                        continue
                    day = self._day(moment)
                yield Person(reading, source, id_, sub, email, attributes, day, last)

    def _counts_at(self, born: datetime | None, last: datetime | None) -> datetime | None:
        """When a record was created, if that is in the days that are asked for; else when it changed last."""
        return born if born is not None and self._asked.day_of(born) is not None else last

    def _elsewhere(self, moment: datetime | None) -> bool:
        """Whether the moment is of another piece of the days that are asked for, where its record counts."""
        return moment is not None and self._day(moment) is None and self._asked.day_of(moment) is not None

    def _day(self, moment: datetime | None) -> str | None:
        return None if moment is None else self._days.day_of(moment)

    def _compare(self, portion: Sequence[Person]) -> None:
        found = self._klaviyo.reading.profiles_by_email([each.email for each in portion], _FIELDS)
        held = {str(profile["attributes"]["email"]).lower(): profile["attributes"] for profile in found}
        lost = self._lost(portion, held)
        absent = {each.id for each in portion if each.email not in held}
        refused = refused_by_klaviyo(self._reader.run("", Window()), absent)
        forgotten = self._reader.forgotten({each.email for each in portion})
        for source in {each.source.name: each.source for each in portion}.values():
            mine = [each for each in portion if each.source.name == source.name]
            done = delivered_at(mine[0].reading, source, {each.id for each in mine})
            for each in mine:
                tally = self.outcome.tally(KIND, each.day)
                tally.netsuite += 1
                tally.ledger += (each.id, each.sub) in done
                tally.klaviyo += each.email in held
                wrong: list[str] = []
                if each.email in held:
                    wrong = differences(each.attributes, held[each.email]) + lost[each.email]
                    if not wrong:
                        continue
                young = each.changed is not None and each.changed >= self._young_from
                # Whoever asked to be forgotten is not sent to Klaviyo from here.
                if (each.source.name, each.email) in refused or each.email in forgotten:
                    tally.rejected += 1
                elif young:
                    self._tell(Verdict.NOT_YET, each, "changed in NetSuite since the flow's last run")
                elif wrong:
                    self._tell(Verdict.DIFFERENT, each, f"{', '.join(wrong)} differ")
                    self.to_heal.append(each)
                else:
                    self._tell(Verdict.MISSING, each, "Klaviyo does not show a profile of its address")
                    self.to_heal.append(each)

    def _lost(self, portion: Sequence[Person], held: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
        """By address, which identifiers Klaviyo shows neither with the profile nor with any other."""
        lost: dict[str, list[str]] = {email: [] for email in held}
        for name in _MAY_BE_ANOTHERS:
            lacking = {
                each.email: str(each.attributes[name])
                for each in portion
                if each.email in held and lacks(name, each.attributes, held[each.email])
            }
            somewhere: set[str] = set()
            for some in portions(lacking.values()):
                query = {"filter": f"any({name},[{','.join(some)}])", "fields[profile]": name}
                somewhere.update(str(each["attributes"][name]) for each in self._klaviyo.profiles(query))
            for email, value in lacking.items():
                if value not in somewhere:
                    lost[email].append(name)
        return lost

    def _tell(self, verdict: Verdict, each: Person, detail: str) -> None:
        # A storefront's id is the hash of an address, and no record's.
        internal = each.id if each.source.search is not None else None
        finding = Finding(KIND, each.day, verdict, f"{each.source.name} {each.id}", internal, detail)
        self.outcome.found(finding)


def differences(sent: Mapping[str, Any], held: Mapping[str, Any]) -> list[str]:
    """The names of attributes and properties of a profile that Klaviyo shows otherwise than they are sent. An
    identifier that it does not show at all is no difference yet: see :func:`lacks`.
    """
    wrong = []
    for name, value in sent.items():
        there = held.get(name)
        if name == "email" or (name in _MAY_BE_ANOTHERS and there is None):
            continue
        # The profile keeps a number that it had before.
        if name == "phone_number" and _phone_refused(sent, held):
            continue
        if isinstance(value, dict):
            inside = there if isinstance(there, dict) else {}
            wrong += [
                f"{name}: {key}"
                for key, one in value.items()
                if inside.get(key) != one and not (key == PHONE_PROPERTY and _phone_refused(sent, held))
            ]
        elif there != value:
            wrong.append(name)
    return wrong


def lacks(name: str, sent: Mapping[str, Any], held: Mapping[str, Any]) -> bool:
    """Whether an identifier is sent that Klaviyo does not show, so that only another profile can explain
    it.
    """
    if sent.get(name) is None or held.get(name) is not None:
        return False
    return name != "phone_number" or not _phone_refused(sent, held)


def _phone_refused(sent: Mapping[str, Any], held: Mapping[str, Any]) -> bool:
    """Whether the number stands in the property that it becomes when Klaviyo refuses it. Its name is fixed;
    a store that sends the number itself under that name proves nothing by it.
    """
    number = sent.get("phone_number")
    by_itself = (sent.get("properties") or {}).get(PHONE_PROPERTY)
    refused = (held.get("properties") or {}).get(PHONE_PROPERTY)
    return number is not None and refused == number and by_itself != number


def hashes_of(people: Iterable[Person]) -> set[bytes]:
    """The hashes of their addresses, as the ledger has them."""
    return {key_hashes([each.email]) for each in people}


def _last_orders(reading: Reading, moments: Mapping[int, datetime]) -> dict[str, datetime]:
    """When any order of each address changed last."""
    found: dict[str, datetime] = {}
    email = "customermain.email"
    for source in reading.domain.shaped:
        valid = reading.dataset("valid", source)
        if valid.manifest() is None or email not in valid.require().columns:
            continue
        for batch in valid.batches(["internalid", email]):
            for id_, address in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                if id_ in moments and address is not None:
                    lower = address.lower()
                    found[lower] = max(found.get(lower, moments[id_]), moments[id_])
    return found


def _portions(people: Iterator[Person]) -> Iterator[list[Person]]:
    while portion := list(islice(people, _AT_ONCE)):
        yield portion
