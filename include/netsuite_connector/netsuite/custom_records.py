"""What the connector's own custom records in NetSuite hold: a website's configuration, and the outbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

_LARGEST = 2**53 - 1  # of the whole numbers that JavaScript tells apart
_OLDEST = 2000  # no entry is from before this year: such a moment is something else, read as one


@dataclass(frozen=True, slots=True)
class WebsiteConfig:
    """One website's configuration record; what is not filled in is None or empty.

    ``store`` is the store's name in YAML, ``website`` the internal id of the NetSuite website;
    ``image_options`` are the matrix options that choose a child item's image, ``ids`` the fields whose id is
    sent in place of their text, ``types`` and ``statuses`` which records are sent, ``flows`` which flows are
    on.
    """

    id: int
    name: str | None
    store: str | None
    website: str | None
    domain: str | None
    item_url: str | None
    image_folder: str | None
    image_options: tuple[str, ...]
    ids: tuple[str, ...]
    types: tuple[str, ...]
    statuses: tuple[str, ...]
    flows: dict[str, bool]


@dataclass(frozen=True, slots=True)
class ConfigList:
    """The answer of ``config``."""

    configs: list[WebsiteConfig]


class OutboxEvent(StrEnum):
    """What happened to a record."""

    CREATE = "create"
    EDIT = "edit"
    DELETE = "delete"
    INACTIVATE = "inactivate"
    ACTIVATE = "activate"
    CONVERT = "convert"
    MERGE = "merge"


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """Something happened to a record: ``type`` (such as ``customer``) and ``record`` (its internal id).

    ``id`` is the entry's own; ``into`` is the record that a merged one became part of; ``at`` is when.
    """

    id: int
    type: str
    record: int
    event: OutboxEvent
    into: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Outbox:
    """Entries in the order of their ids, and how many are ``left`` behind the last of them. ``unreadable``:
    the ids of what lies among them and is no entry; ``last``: the highest id of all these.
    """

    entries: tuple[OutboxEntry, ...]
    left: int
    unreadable: tuple[int, ...] = ()
    last: int | None = None

    @property
    def waiting(self) -> int:
        """How many there are, with those that are no entries and those that are left."""
        return len(self.entries) + len(self.unreadable) + self.left


@dataclass(frozen=True, slots=True)
class RawEntry:
    """An entry as it comes: its ``id`` is NetSuite's, while the rest may have been written by anybody."""

    id: int
    type: Any = None
    record: Any = None
    event: Any = None
    into: Any = None
    at: Any = None


@dataclass(frozen=True, slots=True)
class RawOutbox:
    """The answer of ``outbox``."""

    entries: list[RawEntry]
    left: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The answer of ``acknowledge``: how many entries are gone, the ids that it did not get to (``left``) and
    those that NetSuite does not delete (``failed``), with the ``reason`` of one. A RESTlet before 1.2.0 fails
    as a whole instead.
    """

    acknowledged: int
    left: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    reason: str | None = None


def outbox_of(raw: RawOutbox) -> Outbox:
    """The entries, each read by itself, so that one that can't be read holds back no other."""
    read = {each.id: _entry_of(each) for each in raw.entries}
    return Outbox(
        tuple(entry for entry in read.values() if entry is not None),
        raw.left,
        tuple(id_ for id_, entry in read.items() if entry is None),
        max(read, default=None),
    )


def _entry_of(raw: RawEntry) -> OutboxEntry | None:
    """The entry; None for what does not say which record it is of, or when something happened to it."""
    record, at = _id_of(raw.record), _moment_of(raw.at)
    if record is None or at is None or not isinstance(raw.type, str) or not raw.type:
        return None
    known = isinstance(raw.event, str) and raw.event in _EVENTS
    # Whatever it was, the record is worth a look.
    event = _EVENTS[raw.event] if known else OutboxEvent.EDIT
    return OutboxEntry(raw.id, raw.type, record, event, _id_of(raw.into), at)


def _id_of(value: Any) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 < value <= _LARGEST else None


def _moment_of(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        return None
    return moment if moment.year >= _OLDEST else None


_EVENTS: Mapping[str, OutboxEvent] = {each.value: each for each in OutboxEvent}
