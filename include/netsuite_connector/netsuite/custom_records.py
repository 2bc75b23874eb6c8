"""What the connector's own custom records in NetSuite hold: a website's configuration, and the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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
    """Entries in the order of their ids, and how many are ``left`` behind the last of them."""

    entries: tuple[OutboxEntry, ...]
    left: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The answer of ``acknowledge``: how many entries are gone, and the ids that it did not get to."""

    acknowledged: int
    left: list[int]
