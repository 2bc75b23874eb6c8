"""The ledger: what a flow has delivered, by record, so that only what changed is sent.

A line is a record's identity in NetSuite (``id``, ``sub``), the fingerprint of what was sent, and for domains
that merge rows the hash of its identity at the
destination and its rank. Ledgers are Parquet, ordered by (id, sub), and merged as streams.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.flows.sorted_merge import side_by_side
from netsuite_connector.staging.dataset import Dataset

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("sub", pa.int64()),
        ("fingerprint", pa.int64()),
        ("key_hash", pa.binary(16)),
        ("rank", pa.int64()),
    ]
)


def fingerprints(payloads: Iterable[bytes]) -> npt.NDArray[np.int64]:
    """A 64-bit hash of each payload: equal payloads have equal ones, whatever process makes them."""
    return np.frombuffer(
        b"".join([blake2b(payload, digest_size=8).digest() for payload in payloads]), dtype="<i8"
    )


def key_hashes(keys: Iterable[str]) -> bytes:
    """A 128-bit hash of each identity, one after another; wide enough that two of a billion never meet."""
    return b"".join([blake2b(key.encode(), digest_size=16).digest() for key in keys])


def read(ledger: Dataset, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The ledger's lines; none before the first delivery."""
    if ledger.manifest() is None:
        return iter(())
    return ledger.batches(columns=columns)


def unknown(
    ledger: Dataset, records: Iterator[pa.RecordBatch], *, once: bool
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Split ``records`` (ordered, with the ledger's columns) into (to send, unchanged).

    Unchanged is what the ledger has with the same fingerprint; with ``once``, whatever the ledger has.
    """
    for old, new in side_by_side(read(ledger, ["id", "sub", "fingerprint"]), records):
        if new is None:
            continue
        if old is None:
            yield new, new.slice(0, 0)
            continue
        known = _delivered(old, new, once=once)
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


def update(ledger: Dataset, delivered: Iterator[pa.RecordBatch]) -> int:
    """Write the ledger anew with ``delivered`` (ordered) in it, atomically; a repeat changes nothing. Returns
    its lines.
    """
    with ledger.writer(SCHEMA) as writer:
        for old, new in side_by_side(read(ledger), delivered):
            writer.write(_merged(old, new))
        return writer.commit().rows


def _merged(old: pa.RecordBatch | None, new: pa.RecordBatch | None) -> pa.Table:
    new_lines = pa.Table.from_batches([new.select(SCHEMA.names)] if new is not None else [], SCHEMA)
    if old is None:
        return new_lines
    if new is None:
        return pa.Table.from_batches([old], SCHEMA)
    replaced = set(zip(new.column("id").to_pylist(), new.column("sub").to_pylist(), strict=True))
    keys = zip(old.column("id").to_pylist(), old.column("sub").to_pylist(), strict=True)
    kept = old.filter(pa.array([key not in replaced for key in keys], pa.bool_()))
    both = pa.concat_tables([pa.Table.from_batches([kept], SCHEMA), new_lines])
    return both.sort_by([("id", "ascending"), ("sub", "ascending")])
