"""The small types that describe a domain: which columns a saved search must have, what their values must look
like, what becomes of them.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from netsuite_connector.column_type import ColumnType


@dataclass(frozen=True, slots=True)
class Forbidden:
    """A regular expression that no whole value may match; ``hint`` finishes the sentence "<label> …"."""

    pattern: str
    hint: str


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a saved search that the domain knows by name.

    ``mandatory``: the saved search must have the column, or the run stops before a row moves.
    ``required``: every row must have a value in it, or the row is rejected.
    ``pattern`` (a regular expression that the whole value matches), ``one_of`` and ``minimum`` apply to
    values that are there;
    ``hint`` finishes the sentence "<label> …" in the reason of a rejected row.
    """

    name: str
    label: str
    type: ColumnType = ColumnType.TEXT
    mandatory: bool = False
    required: bool = False
    pattern: str | None = None
    one_of: tuple[str, ...] | None = None
    minimum: float | None = None
    hint: str | None = None
    max_length: int | None = None
    forbidden: Forbidden | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One saved search of a flow: a name within the flow, the search's default id, the search type and its
    known fields.
    """

    name: str
    search: str
    record_type: str
    fields: tuple[Field, ...]

    @property
    def mandatory(self) -> tuple[Field, ...]:
        """The fields whose columns the saved search must have."""
        return tuple(field for field in self.fields if field.mandatory)


class Kind(enum.StrEnum):
    """What a record is at its destination."""

    PROFILE = "profile"
    EVENT = "event"
    ITEM = "item"
    VARIANT = "variant"


@dataclass(frozen=True, slots=True)
class Site:
    """What a domain must know of the store to shape a row: how to write URLs and read phones, and what
    currency amounts are in.
    """

    store: str
    url: str
    item_url: str
    image_url: str
    country: str
    currency: str
    live_from: str

    def item_links(self, urlcomponents: Iterable[str | None]) -> list[str | None]:
        """The addresses of items' pages; None for an item that has none."""
        before, _, after = self.item_url.replace("{url}", self.url).partition("{urlcomponent}")
        return [f"{before}{each.lstrip('/')}{after}" if each else None for each in urlcomponents]

    def image_link(self, image: str | None) -> str | None:
        """The address of an image: as it is when it is absolute, else below the store's."""
        if not image or image.startswith(("http://", "https://")):
            return image
        return self.image_url.replace("{url}", self.url).replace("{image}", image.lstrip("/"))


@dataclass(slots=True)
class Records:
    """What rows became, column by column and ordered by (id, sub).

    ``id`` is the NetSuite internal id, ``sub`` the line's key (0 for what stands for the whole NetSuite
    record), ``key`` the identity at the destination,
    ``rows`` how many rows of the saved search the record accounts for, ``payload`` the encoded JSON of one
    element.
    """

    id: list[int] = field(default_factory=list)
    sub: list[int] = field(default_factory=list)
    key: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    payload: list[bytes] = field(default_factory=list)


class Shaper(Protocol):
    """Turns the valid rows of one source into records, batch by batch. ``warnings`` counts what was left out
    of a record, by reason.
    """

    warnings: Counter[str]

    def feed(self, batch: pa.RecordBatch) -> Records:
        """The records that are complete with this batch's rows."""

    def finish(self) -> Records:
        """The records that were waiting for more rows."""


@dataclass(frozen=True, slots=True)
class Merge:
    """How several rows that share an identity become one record.

    ``key`` gives the identity of each row of a batch; ``rank`` a number for each row: of the rows that share
    an identity the one with the lowest rank
    becomes the record, and the others are accounted for by it. A rank is never given twice.
    """

    columns: tuple[str, ...]
    key: Callable[[pa.RecordBatch], list[str]]
    rank: Callable[[Source, pa.RecordBatch], npt.NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Domain:
    """A flow's business data: its sources in the order of delivery, what their rows become, and how."""

    flow: str
    title: str
    description: str
    sources: tuple[Source, ...]
    kinds: tuple[Kind, ...]
    shaper: Callable[[Source, Site, Collection[str]], Shaper]
    merge: Merge | None = None
    once: bool = False  # a record that was delivered is never sent again: the destination can't change it
    in_order: bool = False  # a source's records must be there before the next source's are sent
    to_update: Callable[[bytes], bytes] | None = (
        None  # the payload of a creation as that of an update, where the destination tells them apart
    )
    without_phone: Callable[[bytes], bytes] | None = None  # the payload without the phone as an identity
