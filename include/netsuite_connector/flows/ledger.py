"""The ledger: what a flow has delivered, by record, so that only what changed is sent.

A line is a record's identity in NetSuite (``id``, ``sub``), the fingerprint of what was sent, and for domains
that merge rows the hash of its identity at the
destination and its rank. Each run adds its own lines, beside those of runs that end at the same moment, and
pays for no others; readers get the newest line of each record, ordered by (id, sub), as a stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.flows.segments import Segments
from netsuite_connector.flows.sorted_merge import side_by_side
from netsuite_connector.staging.staging import Staging

Ints = npt.NDArray[np.int64]

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("sub", pa.int64()),
        ("fingerprint", pa.int64()),
        ("key_hash", pa.binary(16)),
        ("rank", pa.int64()),
    ]
)


READ = pa.field("read", pa.int64())
"""When the run that delivered the record began to read it, in nanoseconds since 1970; null where that is not
known. The line that was written last says what the destination has, which may be older than what another run
has read."""

_STORED = SCHEMA.append(READ)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger at ``place`` in staging, as the run ``by`` reads it and adds to it."""

    staging: Staging
    place: tuple[str, ...]
    by: str

    @property
    def segments(self) -> Segments:
        """Its lines, as they were added."""
        return Segments(self.staging, self.place, _STORED)

    @property
    def exists(self) -> bool:
        """Whether a run has added to it before, if only that there was nothing to add."""
        return bool(self.segments.standing())

    @property
    def most_rows(self) -> int:
        """At least the number of its lines: those that several runs have added are counted for each."""
        return sum(segment.manifest.rows for segment in self.segments.standing())


def fingerprints(payloads: Iterable[bytes]) -> npt.NDArray[np.int64]:
    """A 64-bit hash of each payload: equal payloads have equal ones, whatever process makes them."""
    return np.frombuffer(
        b"".join([blake2b(payload, digest_size=8).digest() for payload in payloads]), dtype="<i8"
    )


def key_hashes(keys: Iterable[str]) -> bytes:
    """A 128-bit hash of each identity, one after another; wide enough that two of a billion never meet."""
    return b"".join([blake2b(key.encode(), digest_size=16).digest() for key in keys])


def hashes_of(column: pa.Array) -> npt.NDArray[np.uint64]:
    """A column of such hashes without nulls, each as two numbers."""
    return np.frombuffer(b"".join(column.to_pylist()), dtype="u8").reshape(-1, 2)


def numbers_of(lines: pa.RecordBatch) -> Ints:
    """A number for each line's identity. Two may have the same one, so it only serves where that does no
    harm.
    """
    return hashes_of(lines.column("key_hash"))[:, 0].view(np.int64)


def read(ledger: Ledger, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The ledger's lines; none before the first delivery. What other runs add meanwhile may be among them."""
    return ledger.segments.read(columns or SCHEMA.names)


def unknown(
    ledger: Ledger,
    records: Iterator[pa.RecordBatch],
    *,
    once: bool,
    resend: bool = False,
    doubted: Callable[[pa.RecordBatch], npt.NDArray[np.bool_]] | None = None,
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Split ``records`` (ordered, with the ledger's columns) into (to send, unchanged).

    Unchanged is what the ledger has with the same fingerprint, unless that is ``doubted``; with ``once``,
    whatever the ledger has; with ``resend``, where it may be sent again, nothing.
    """
    if resend and not once:
        for batch in records:
            yield batch, batch.slice(0, 0)
        return
    for old, new in side_by_side(read(ledger, ["id", "sub", "fingerprint"]), records):
        if new is None:
            continue
        if old is None:
            yield new, new.slice(0, 0)
            continue
        known = _delivered(old, new, once=once)
        if doubted is not None:
            known = pc.and_(known, pa.array(~doubted(new)))
        yield new.filter(pc.invert(known)), new.filter(known)


def _delivered(old: pa.RecordBatch, new: pa.RecordBatch, *, once: bool) -> pa.Array:
    # Most ledger lines of a range are of records that did not come up this time: look only at those that did.
    near = old.filter(pa.array(np.isin(old.column("id").to_numpy(), new.column("id").to_numpy())))
    lines = zip(*(near.column(name).to_pylist() for name in ("id", "sub", "fingerprint")), strict=True)
    fingerprint = {(id_, sub): value for id_, sub, value in lines}
    rows = zip(*(new.column(name).to_pylist() for name in ("id", "sub", "fingerprint")), strict=True)
    if once:
        return pa.array([(id_, sub) in fingerprint for id_, sub, _ in rows], pa.bool_())
    return pa.array([fingerprint.get((id_, sub)) == value for id_, sub, value in rows], pa.bool_())


def update(ledger: Ledger, delivered: Iterator[pa.RecordBatch], read: int | None = None) -> int:
    """Add ``delivered`` (ordered) to the ledger, all of it or, when this is killed, nothing; a repeat changes
    nothing. ``read``: see :data:`READ`. Returns the lines that were added.
    """
    first = next((batch for batch in delivered if batch.num_rows), None)
    if first is None and ledger.exists:
        return 0
    lines = chain([] if first is None else [first], delivered)
    return ledger.segments.add((_stored(batch, read) for batch in lines), run=ledger.by)


def _stored(batch: pa.RecordBatch, read: int | None) -> pa.RecordBatch:
    moments = pa.repeat(pa.scalar(read, READ.type), batch.num_rows)
    columns = [batch.column(name) for name in SCHEMA.names]
    return pa.RecordBatch.from_arrays([*columns, moments], schema=_STORED)
