"""The lines of the order book that a run's own rows make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.column_type import TEXT_SUFFIX
from netsuite_connector.domains.columns import texts
from netsuite_connector.domains.events import website_ids
from netsuite_connector.staging.dataset import Dataset

# An order that was only referred to is one that no run has read as its own.
ORDER, LINK, FULFILMENT, REFUND, REFERRED = range(5)

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        (
            "sub",
            pa.int64(),
        ),  # 1 for what was only referred to, which so never replaces an own line
        ("kind", pa.int8()),
        ("source", pa.int64()),  # what it was created from
        ("placed", pa.timestamp("ms", tz="UTC")),
        ("total", pa.float64()),
        ("number", pa.string()),
        ("address", pa.int64()),
        ("website_id", pa.int64()),
        ("website", pa.string()),
        # What a unit of the transaction's currency was worth; null where the search doesn't say.
        ("rate", pa.float64()),
    ]
)
RATE = "exchangerate"
ADDRESSES = pa.schema([("address", pa.int64()), ("email", pa.string())])


def address_hashes(emails: Iterable[str]) -> npt.NDArray[np.int64]:
    """63 bits of each address (in lower case): an id that stays, and that two of a hundred million hardly
    share.
    """
    digests = b"".join([blake2b(email.encode(), digest_size=8).digest() for email in emails])
    return (np.frombuffer(digests, dtype="<u8") >> np.uint64(1)).astype(np.int64)


def _firsts(dataset: Dataset, wanted: Iterable[str]) -> Iterator[pa.RecordBatch]:
    """The first row of each transaction, with the wanted columns that there are."""
    manifest = dataset.manifest()
    if manifest is None:
        return
    columns = [name for name in manifest.columns if name in set(wanted) or name.startswith("formulatext")]
    last = 0
    for batch in dataset.batches(columns=columns):
        ids = batch.column("internalid").to_numpy()
        starts = np.flatnonzero(np.diff(ids, prepend=last))
        last = int(ids[-1]) if len(ids) else last
        if len(starts):
            yield batch.take(pa.array(starts))


def order_lines(dataset: Dataset, write: Any) -> Iterator[pa.RecordBatch]:
    """The lines of orders; ``write`` gets the addresses of each batch."""
    email = "customermain.email"
    names = ("internalid", "tranid", "datecreated", "total", email, "website", "website" + TEXT_SUFFIX, RATE)
    for batch in _firsts(dataset, names):
        lower = pc.utf8_lower(batch.column(email))
        distinct = pc.dictionary_encode(lower)
        known = distinct.dictionary
        hashes = pa.array(address_hashes(known.to_pylist()))
        write(pa.RecordBatch.from_arrays([hashes, known], schema=ADDRESSES))
        yield _lines_of(
            batch,
            ORDER,
            placed=pc.cast(batch.column("datecreated"), SCHEMA.field("placed").type),
            total=batch.column("total"),
            number=batch.column("tranid"),
            address=hashes.take(distinct.indices),
            website_id=pa.array(website_ids(batch), pa.int64()),
            website=pa.array(texts(batch, "website"), pa.string()),
            **_if_there(batch, rate=RATE),
        )


def lines_made_from(dataset: Dataset, kind: int) -> Iterator[pa.RecordBatch]:
    """The lines of transactions that were made from others."""
    for batch in _firsts(dataset, ("internalid", "createdfrom", "total", RATE)):
        yield line_made_from(batch, kind)


def refund_lines(dataset: Dataset, deleted: Dataset) -> Iterator[pa.RecordBatch]:
    """The lines of refunds, and of those that were deleted since: these are of nothing."""
    pieces = [np.empty(0, dtype=np.int64)]
    if deleted.manifest() is not None:
        pieces += [batch.column(0).to_numpy() for batch in deleted.batches(["internalid"])]
    gone = np.unique(np.concatenate(pieces))
    if len(gone):
        yield _lines_of(pa.record_batch({"internalid": gone}), REFUND)
    for batch in lines_made_from(dataset, REFUND):
        yield batch.filter(pa.array(~np.isin(batch.column("id").to_numpy(), gone)))


def line_made_from(batch: pa.RecordBatch, kind: int) -> pa.RecordBatch:
    """The lines of transactions that were made from others, of a row each."""
    source = batch.column("createdfrom").cast(pa.int64())
    return _lines_of(batch, kind, source=source, **_if_there(batch, total="total", rate=RATE))


def referred_lines(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The lines of orders that were only referred to, of all their rows: no more than what refers to them
    tells. Without their addresses they are nobody's first order.
    """
    _, firsts = np.unique(batch.column("internalid").to_numpy(), return_index=True)
    batch = batch.take(pa.array(firsts))
    told = batch.filter(pc.and_(pc.is_valid(batch.column("total")), pc.is_valid(batch.column("tranid"))))
    number = told.column("tranid")
    return _lines_of(told, REFERRED, sub=1, number=number, **_if_there(told, total="total", rate=RATE))


def _if_there(batch: pa.RecordBatch, **columns: str) -> dict[str, pa.Array]:
    """The columns that the search has, by what the book calls them."""
    return {name: batch.column(column) for name, column in columns.items() if column in batch.schema.names}


def _lines_of(batch: pa.RecordBatch, kind: int, sub: int = 0, **columns: pa.Array) -> pa.RecordBatch:
    count = batch.num_rows
    always = {
        "id": batch.column("internalid").cast(pa.int64()),
        "sub": pa.array(np.full(count, sub, dtype=np.int64)),
        "kind": pa.array(np.full(count, kind, dtype=np.int8)),
    }
    there = always | columns
    return pa.RecordBatch.from_arrays(
        [there[field.name] if field.name in there else pa.nulls(count, field.type) for field in SCHEMA],
        schema=SCHEMA,
    )


def in_order(pieces: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Pieces of one range as a batch ordered by (id, sub)."""
    if len(pieces) == 1:
        return pieces[0]
    table = pa.Table.from_batches(pieces).sort_by([("id", "ascending"), ("sub", "ascending")])
    table = table.combine_chunks()
    return table.to_batches()[0] if table.num_rows else pieces[0].slice(0, 0)
