"""The small types that describe a domain: which columns a saved search must have, what their values must look
like, what becomes of them.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
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
    values that are there; ``empty_for`` is a column and ids of it: rows that have one of those have no value
    here. ``hint`` finishes the sentence "<label> …" in the reason of a rejected row. ``added``: no column of
    the search, but one that the domain's ``enrich`` adds to the rows.
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
    empty_for: tuple[str, tuple[str, ...]] | None = None
    added: bool = False


class Kind(enum.StrEnum):
    """What a record is at its destination, and what is done with it there."""

    PROFILE = "profile"
    EVENT = "event"
    CATEGORY = "category"
    ITEM = "item"
    VARIANT = "variant"
    ITEM_CHANGE = "item change"  # some fields of an item that is there
    VARIANT_CHANGE = "variant change"
    ITEM_DELETION = "item deletion"
    VARIANT_DELETION = "variant deletion"
    FEED_ITEM = "feed item"  # of a catalog feed, which Klaviyo fetches


@dataclass(frozen=True, slots=True)
class Source:
    """What a flow reads, or makes of what it has read, under a name within the flow.

    ``search`` is the default id of its saved search, and ``record_type`` the search's type; without one the
    source is *derived*: the domain makes its records of what the other sources gave. ``kind`` is what its
    rows become; without one it is a *lookup*: read, and looked things up in, but not delivered. ``fields``
    are the columns that the domain knows; ``deleted_types`` the record types whose deletions concern it;
    ``stamp`` the moment that a window bounds, where it is not that of the last change. ``once``: a record
    that was delivered is never sent again, as the destination can't change it. ``ledger_of``: the source
    whose ledger it shares. ``always``: it has no ledger, so everything that is read is sent.

    ``leaves``: its records take away what is gone, and are done where the destination does not have it.

    ``several``: a record's rows become one record together, and are no repeats; with ``prefer`` one of them
    speaks for it, chosen by these columns (true and low values first). ``only`` narrows the search, besides
    what the store says. ``whole``: a lookup that is read whole, whatever the window.

    ``together``: the select column by which records belong together: what becomes of one hangs on the others
    with the same value, so where some are read by their ids, all of them are.

    ``several_forms``: a record becomes one of several events, by what is known of others then. Its ledger
    remembers which, by the hash of its identity.

    ``tagged``: text columns whose names begin with the first are the domain's own where their values begin
    with the second: formulas, which NetSuite numbers by where they stand.

    ``properties`` are the names of the connector's own that a store may give another name, or leave out;
    ``attributes`` those that it may only leave out, as their names are Klaviyo's; ``needed`` Klaviyo's that
    are always there. ``made_of`` gives the column of which a property alone is made.
    """

    name: str
    search: str | None = None
    record_type: str = ""
    fields: tuple[Field, ...] = ()
    kind: Kind | None = None
    deleted_types: tuple[str, ...] = ()
    stamp: str | None = None
    once: bool = False
    ledger_of: str | None = None
    always: bool = False
    leaves: bool = False
    several: bool = False
    together: str | None = None
    several_forms: bool = False
    tagged: tuple[str, str] | None = None
    prefer: tuple[str, ...] = ()
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    whole: bool = False
    properties: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    made_of: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def mandatory(self) -> tuple[Field, ...]:
        """The fields whose columns the saved search must have."""
        return tuple(each for each in self.fields if each.mandatory)


Batches = Callable[[], Iterator[pa.RecordBatch]]


@dataclass(frozen=True, slots=True)
class Site:
    """What a domain must know of the store to shape a row: how to write URLs and read phones, what currency
    amounts are in, and which selects are sent ``as_id`` instead of as text. ``lookups`` gives the rows of
    the flow's lookups, by source and ordered by internal id. ``image_options`` are the columns whose values
    choose a matrix child's image. ``names`` are the store's names of the connector's own properties (None:
    left out), ``renamed`` the saved search's columns by their new names, ``dropped`` columns that the rows
    have but that are not sent. ``placed_order`` names the event of an order.
    """

    store: str
    url: str
    item_url: str
    image_url: str
    country: str
    currency: str
    live_from: str
    as_id: frozenset[str] = frozenset()
    lookups: Mapping[str, Batches] = field(default_factory=dict)
    image_options: tuple[str, ...] = ()
    names: Mapping[str, str | None] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    placed_order: str = "Placed Order"

    def named(self, name: str) -> str | None:
        """What the store calls a property of the connector's own; None where it leaves it out."""
        return self.names.get(name, name)

    def column_of(self, name: str) -> str:
        """The saved search's column behind a column of the rows, which the store may have renamed."""
        return self.renamed.get(name, name)

    def told(self, columns: Iterable[str]) -> list[str]:
        """Those of the rows' columns that may be sent."""
        return [name for name in columns if name not in self.dropped]

    def item_links(self, urlcomponents: Iterable[str | None]) -> list[str | None]:
        """The addresses of items' pages; None for an item that has none."""
        before, _, after = self.item_url.replace("{url}", self.url).partition("{urlcomponent}")
        return [f"{before}{each.lstrip('/')}{after}" if each else None for each in urlcomponents]

    def image_link(self, image: str | None) -> str | None:
        """The address of an image: as it is when it is absolute, else below the store's."""
        if image and image.startswith("//"):
            return f"https:{image}"
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
    payload: Sequence[bytes] = field(default_factory=list)


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

    ``alone``: under this name the rows that become records get a column that tells which of them have their
    identity to themselves: no other record has it, or had it before, and they never had another.
    """

    columns: tuple[str, ...]
    key: Callable[[pa.RecordBatch], list[str]]
    rank: Callable[[Source, pa.RecordBatch], npt.NDArray[np.int64]]
    alone: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What a derived source is made of: rows by source, ordered by internal id.

    ``extracted`` (with some columns only, if asked) and ``valid`` rows of this run, records that were
    ``deleted`` in NetSuite within its window, the ``ledger`` of what was delivered before the run began to
    read (``id`` and ``sub``), or may have been. Valid rows are as the store maps them, and so are ``mapped``
    ones: all that were extracted, those that are rejected too, with at least the columns asked for. ``site``
    is what a shaper of such rows must know: what the store says of their source holds for what is made of
    them too, unless it says otherwise. ``whole``: the run read all there is, so what it did not see is gone.
    """

    extracted: Callable[..., Iterator[pa.RecordBatch]]
    valid: Callable[[str], Iterator[pa.RecordBatch]]
    mapped: Callable[[str, Collection[str]], Iterator[pa.RecordBatch]]
    deleted: Callable[[str], Iterator[pa.RecordBatch]]
    ledger: Callable[[str], Iterator[pa.RecordBatch]]
    site: Callable[[str], Site]
    whole: bool


@dataclass(frozen=True, slots=True)
class Domain:
    """A flow's business data: its sources in the order of delivery, what their rows become, and how.

    ``derive`` gives the records of a derived source, ordered by (id, sub). ``enrich`` makes what adds
    columns to a source's rows before they are checked; it is given all batches in order.
    ``overlap_minutes``: how much of the time before the last run is read again, at least. ``snapshot``:
    what a run over everything does not see is gone. ``feed``: its records make up a catalog feed.
    ``settings_of``: the flow whose saved searches and ``only`` it reads with, where it has none of its
    own. ``book``: an order book is kept, of which the lookups tell. ``in_order``: a source's records must
    be there before the next source's are sent. ``to_update``: the payload of a creation as that of an
    update, where the destination tells them apart. ``without_phone`` and ``without_external_id``: the
    payload without that as an identity; the same one where there is none.
    """

    flow: str
    title: str
    description: str
    sources: tuple[Source, ...]
    shaper: Callable[[Source, Site, Collection[str]], Shaper]
    merge: Merge | None = None
    derive: Callable[[Source, Site, Known], Iterator[Records]] | None = None
    enrich: Callable[[Source, Site], Callable[[pa.RecordBatch], pa.RecordBatch]] | None = None
    overlap_minutes: int = 0
    snapshot: bool = False
    feed: bool = False
    settings_of: str | None = None
    in_order: bool = False
    book: bool = False
    to_update: Callable[[bytes], bytes] | None = None
    without_phone: Callable[[bytes], bytes] | None = None
    without_external_id: Callable[[bytes], bytes] | None = None

    @property
    def extracted(self) -> tuple[Source, ...]:
        """The sources that have a saved search."""
        return tuple(source for source in self.sources if source.search is not None)

    @property
    def shaped(self) -> tuple[Source, ...]:
        """The sources whose own rows become records."""
        return tuple(source for source in self.extracted if source.kind is not None)

    @property
    def delivered(self) -> tuple[Source, ...]:
        """The sources whose records are delivered, in this order."""
        return tuple(source for source in self.sources if source.kind is not None)
