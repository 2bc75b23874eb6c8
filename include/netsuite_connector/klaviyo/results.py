"""What came of a push and of a bulk job, and which records Klaviyo's error entries mean."""

from __future__ import annotations

import enum
import re
import typing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from netsuite_connector.klaviyo.batching import Record, Rejection
from netsuite_connector.klaviyo.endpoints import COMPOUND, Bulk, field_of
from netsuite_connector.klaviyo.errors import Problem


class JobStatus(enum.StrEnum):
    """How far a bulk job is. ``QUEUED`` is not done."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETE = "complete"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Job:
    """A bulk job that Klaviyo started, and the records in it in the order in which they were sent."""

    id: str
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class PushResult:
    """What came of pushing a batch: each of its records is either accepted or rejected.

    ``jobs`` hold the accepted records once each; there are none for events, several when the batch was too
    large for one request, and none when nothing was accepted.
    """

    accepted: tuple[Record, ...]
    rejected: tuple[Rejection, ...]
    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class JobResult:
    """What came of a bulk job, in Klaviyo's counts and by record.

    ``rejected`` are the records that failed. ``rerouted`` are keys of catalog records that failed only
    because Klaviyo has what was to be created, or lacks what was to be updated: push them as the other kind.
    ``absent`` are keys of catalog records that were to be deleted and are not there any more: nothing is left
    to do for them. ``unplaced`` counts failures that Klaviyo reported and that belong to no record known
    here; where it is not 0, the rows can't be made to add up.
    """

    status: JobStatus
    total: int
    completed: int
    failed: int
    rejected: tuple[Rejection, ...]
    rerouted: tuple[str, ...]
    unplaced: int
    absent: tuple[str, ...] = ()


class Identities:
    """Finds the record that an error entry means.

    By its pointer if that names a position; else by the identifiers in ``original_payload`` (profiles) or by
    a compound id in the entry (catalog). Payloads are read only when an entry names no position; a record
    without payload is known by its key.
    """

    def __init__(self, bulk: Bulk, records: Sequence[Record]) -> None:
        self._bulk = bulk
        self._records = records
        self._by_identifier: dict[str, int] | None = None

    def locate(self, entry: dict[str, typing.Any]) -> tuple[int, str] | None:
        """The record's position and the field that is meant (may be empty), or None if the entry means no
        single record.
        """
        pointer = str((entry.get("source") or {}).get("pointer") or "")
        place = self._bulk.locate(pointer)
        if place is not None:
            return place if place[0] < len(self._records) else None
        if self._by_identifier is None:
            self._by_identifier = self._index()
        for identifier in self._named(entry):
            position = self._by_identifier.get(identifier)
            if position is not None:
                return position, field_of(pointer)
        return None

    def _index(self) -> dict[str, int]:
        index: dict[str, int] = {}
        for position, record in enumerate(self._records):
            for identifier in (*_identifiers(record.payload), record.key):
                index.setdefault(identifier, position)
        return index

    def _named(self, entry: dict[str, typing.Any]) -> Iterable[str]:
        payload = entry.get("original_payload")
        if isinstance(payload, dict):
            yield from _from_document(payload)
        for text in (
            str(entry.get("id") or ""),
            *(str(entry.get(name) or "") for name in ("detail", "title")),
        ):
            _, found, rest = text.partition(COMPOUND)
            if found:
                quoted = re.split("['\"]", rest, maxsplit=1)[0].strip()
                yield quoted
                yield quoted.partition(" ")[0].rstrip(".,;)")


def external_id(record: Record) -> str:
    """The external id of a catalog record; its key when the payload is not at hand."""
    return next(iter(_identifiers(record.payload)), record.key)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why Klaviyo refuses a record: its words, the field that they are about (may be empty) and its code."""

    words: str
    field: str
    code: str

    @classmethod
    def of(cls, problem: Problem, field: str) -> Reason:
        """The reason that an error entry gives."""
        return cls(problem.words, field, problem.code)

    @property
    def sentence(self) -> str:
        """The sentence that a rejected record gets."""
        return (
            f"Klaviyo on {self.field.replace('/', '.')}: {self.words}"
            if self.field
            else f"Klaviyo: {self.words}"
        )

    @property
    def phone(self) -> bool:
        """Whether it is the phone number's fault.

        A number can be invalid to Klaviyo alone; and a profile that is known by its e-mail address can
        collide with another only through the number, which Klaviyo gives to one profile, or its external id.
        """
        return self._about("phone_number")

    @property
    def external_id(self) -> bool:
        """Whether it is the external id's fault, which another profile may have as well."""
        return self._about("external_id")

    def _about(self, identifier: str) -> bool:
        named = self.field.partition("/")[0]
        if self.code == "duplicate_profile" and named not in {"phone_number", "external_id"}:
            return True
        return named == identifier


def rejections(records: Sequence[Record], reasons: dict[int, list[Reason]]) -> tuple[Rejection, ...]:
    """The rejected records in order, each reason once."""
    return tuple(
        Rejection(
            records[position].key,
            records[position].rows,
            tuple(dict.fromkeys(reason.sentence for reason in found)),
            only_phone=all(reason.phone for reason in found),
            only_external_id=all(reason.external_id for reason in found),
        )
        for position, found in sorted(reasons.items())
    )


def _identifiers(payload: bytes) -> Iterable[str]:
    if not payload:
        return ()
    return _from_document(orjson.loads(payload))


def _from_document(document: dict[str, typing.Any]) -> list[str]:
    """External id, e-mail and phone number of a profile, or external id of an item or variant, the surest
    first.
    """
    compound = str(document.get("id") or "")
    attributes = document.get("attributes")
    values = attributes if isinstance(attributes, dict) else document
    found = [compound.removeprefix(COMPOUND)] if compound.startswith(COMPOUND) else []
    found += [str(values.get(name) or "") for name in ("external_id", "email", "phone_number")]
    return [text.lower() if "@" in text else text for text in found if text]
