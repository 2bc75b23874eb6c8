"""What leaves the catalog: items that became inactive or went offline, were deleted in NetSuite, or that a
run which read all there is did not find any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.domains.model import Kind, Known, Records, Source

_ITEMS, _VARIANTS = "items", "variants"
_ID_PREFIX = "$custom:::$default:::"
_KINDS = {
    (_ITEMS, False): Kind.ITEM_CHANGE,
    (_ITEMS, True): Kind.ITEM_DELETION,
    (_VARIANTS, False): Kind.VARIANT_CHANGE,
    (_VARIANTS, True): Kind.VARIANT_DELETION,
}
_TYPES = {
    Kind.ITEM_CHANGE: "catalog-item",
    Kind.ITEM_DELETION: "catalog-item",
    Kind.VARIANT_CHANGE: "catalog-variant",
    Kind.VARIANT_DELETION: "catalog-variant",
}

_INACTIVE, _ONLINE = "isinactive", "isonline"
_FLAGS = (_INACTIVE, _ONLINE)
_UNPUBLISHED = {"attributes": {"published": False}}

Ints = npt.NDArray[np.int64]
_NONE: Ints = np.empty(0, dtype=np.int64)
Test = Callable[[Ints], npt.NDArray[np.bool_]]


def leaving(source: Source, *, delete: bool) -> Source:
    """The derived source of what leaves of ``source``. It shares its ledger, so that a record leaves once,
    and is new when it comes back.
    """
    kind = _KINDS[source.name, delete]
    return Source(name=f"gone_{source.name}", kind=kind, ledger_of=source.name, leaves=True)


def gone_items(source: Source, known: Known) -> Iterator[Records]:
    """The items of the ledger that are gone."""
    test = _is_gone(known)
    for batch in known.ledger(_ITEMS):
        ids = batch.column("id").to_numpy()
        yield _records(source, batch, test(ids))


def gone_variants(source: Source, known: Known, *, with_items: bool) -> Iterator[Records]:
    """The variants of the ledger that are gone; ``with_items``: those of gone items too, as they are deleted
    along with them.
    """
    test = _is_gone(known)
    items = _NONE
    if with_items:
        ledger = [batch.column("id").to_numpy() for batch in known.ledger(_ITEMS)]
        held = np.concatenate(ledger) if ledger else items
        items = held[test(held)]
    for batch in known.ledger(_VARIANTS):
        leaves = test(batch.column("id").to_numpy())
        yield _records(source, batch, leaves | np.isin(batch.column("sub").to_numpy(), items))


def _is_gone(known: Known) -> Test:
    """What tells of ids whether they are gone. Holds 8 bytes for each item that was read."""
    pieces = [_ids(batch) for batch in known.deleted(_ITEMS)]
    seen = []
    for name in (_ITEMS, _VARIANTS):
        for batch in known.extracted(name, ["internalid", *_FLAGS]):
            pieces.append(_ids(batch.filter(off_sale(batch))))
            seen.append(_ids(batch))
    gone = np.concatenate([_NONE, *pieces])
    if not known.whole:
        return lambda ids: np.isin(ids, gone)
    there = np.concatenate([_NONE, *seen])
    return lambda ids: np.isin(ids, gone) | ~np.isin(ids, there)


def _ids(batch: pa.RecordBatch) -> Ints:
    ids: Ints = batch.column("internalid").drop_null().to_numpy(zero_copy_only=False)
    return ids


def off_sale(batch: pa.RecordBatch) -> pa.Array:
    """Which rows are of items that are inactive or offline."""
    off = pa.array(np.zeros(batch.num_rows, dtype=np.bool_))
    if _INACTIVE in batch.schema.names:
        off = pc.or_(off, batch.column(_INACTIVE).fill_null(False))  # noqa: FBT003 - a value
    if _ONLINE in batch.schema.names:
        off = pc.or_(off, pc.invert(batch.column(_ONLINE).fill_null(True)))  # noqa: FBT003 - a value
    return off


def gone_payloads(name: str, ids: list[int]) -> list[list[bytes]]:
    """What is sent of records of this source when they leave, in each way that a store may have it."""
    return [[_payload(_KINDS[name, delete], id_) for id_ in ids] for delete in (False, True)]


def _payload(kind: Kind, id_: int) -> bytes:
    unpublish = {} if kind in (Kind.ITEM_DELETION, Kind.VARIANT_DELETION) else _UNPUBLISHED
    return orjson.dumps({"type": _TYPES[kind], "id": f"{_ID_PREFIX}{id_}"} | unpublish)


def _records(source: Source, batch: pa.RecordBatch, leaves: npt.NDArray[np.bool_]) -> Records:
    """What is sent of the ledger's lines that leave. No row of a search stands for them."""
    assert source.kind is not None, "what leaves is delivered"  # noqa: S101
    batch = batch.filter(pa.array(leaves))
    ids = batch.column("id").to_pylist()
    payloads = [_payload(source.kind, id_) for id_ in ids]
    return Records(ids, batch.column("sub").to_pylist(), [str(id_) for id_ in ids], [0] * len(ids), payloads)
