"""Splits a stream of encoded records into batches that Klaviyo takes, by count and by bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from netsuite_connector.klaviyo.endpoints import Bulk


# Made by the million: a struct that Python's cycle collector need not look at costs a third of a named tuple.
class Record(msgspec.Struct, frozen=True, gc=False):
    """What Klaviyo gets for one or several rows: ``payload`` is the encoded element that :class:`Bulk`
    describes.

    ``key`` names it in manifests and rejected rows; ``rows`` is how many rows of the extract went into it.
    """

    key: str
    payload: bytes
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that Klaviyo doesn't take, and why: one sentence a reason.

    ``only_phone``, ``only_external_id``: nothing but that stands in the way, so it may pass without. Both
    where Klaviyo says no more than that another profile has one of its identifiers.
    """

    key: str
    rows: int
    reasons: tuple[str, ...]
    only_phone: bool = False
    only_external_id: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """The records of one bulk request, in order. ``number`` counts from 1; ``bytes`` is the size of the
    request's body.
    """

    number: int
    records: tuple[Record, ...]
    bytes: int

    @property
    def rows(self) -> int:
        """How many rows of the extract are in it."""
        return sum(record.rows for record in self.records)


def split(records: Iterable[Record], bulk: Bulk) -> Iterator[Batch | Rejection]:
    """Batches of the records in their order, each as full as Klaviyo's count and size limits allow, holding
    one batch at a time.

    A record that is too large by itself comes out as a :class:`Rejection` when it is met and is in no batch.
    """
    envelope = bulk.envelope
    # n records need n - 1 commas: a comma is counted with every record, and the first one's is given back
    # here
    empty = len(envelope.prefix) + len(envelope.suffix) - 1
    number, size, batch = 1, empty, list[Record]()
    for record in records:
        length = len(record.payload)
        if length > envelope.element:
            yield Rejection(record.key, record.rows, (_too_large(length, envelope.element),))
            continue
        if len(batch) == envelope.records or size + length + 1 > envelope.body:
            yield Batch(number, tuple(batch), size)
            number, size, batch = number + 1, empty, []
        batch.append(record)
        size += length + 1
    if batch:
        yield Batch(number, tuple(batch), size)


def _too_large(length: int, limit: int) -> str:
    return f"The record has {length:,} bytes and Klaviyo takes at most {limit:,}: shorten its longest texts."
