"""*Cancelled Order*: an order that was cancelled, or closed before anything of it was shipped.

They are among the orders that a run has read, so nothing is read twice. Klaviyo takes a cancelled order out
of what a customer is worth if the event has the identity of its *Placed Order*.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.domains.model import Kind, Known, Records, Source
from netsuite_connector.domains.orders import NAMES, ORDERS, CancelledShaper

CANCELLATIONS = Source(
    name="cancellations", kind=Kind.EVENT, once=True, properties=NAMES.properties, attributes=NAMES.attributes
)

# What NetSuite calls the states, whatever the language of its words.
_CANCELLED, _CLOSED = "cancelled", "closed"
_STATUS = "statusref"
_SHIPPED = "quantityshiprecv"


def cancellations(known: Known) -> Iterator[Records]:
    """The events of all cancelled orders that the run read, ordered by id."""
    told = known.extracted(ORDERS.name, [_STATUS])
    if not any(_STATUS in batch.schema.names and pc.any(_ended(batch)).as_py() for batch in told):
        return
    site, shipped = known.site(ORDERS.name), _shipped(known)
    shaper: CancelledShaper | None = None
    for batch in known.valid(ORDERS.name):
        if not {_STATUS, "lastmodifieddate"} <= set(batch.schema.names):
            return
        shaper = shaper or CancelledShaper(ORDERS, site, site.told(batch.schema.names))
        ended = batch.filter(_ended(batch))
        if ended.num_rows:
            yield shaper.feed(_cancelled(ended, shipped))
    if shaper is not None:
        yield shaper.finish()


def _ended(rows: pa.RecordBatch) -> pa.Array:
    return pc.is_in(rows.column(_STATUS), pa.array([_CANCELLED, _CLOSED]))


def _shipped(known: Known) -> npt.NDArray[np.int64]:
    """The closed orders that something was shipped of. The line that says so may be one that is rejected."""
    pieces = [np.empty(0, dtype=np.int64)]
    for batch in known.mapped(ORDERS.name, ["internalid", _STATUS, _SHIPPED]):
        if {_STATUS, _SHIPPED} <= set(batch.schema.names):
            closed = pc.equal(batch.column(_STATUS), _CLOSED)
            shipped = batch.filter(pc.and_(closed, pc.greater(batch.column(_SHIPPED), 0)))
            pieces.append(shipped.column("internalid").drop_null().to_numpy())
    return np.unique(np.concatenate(pieces))


def _cancelled(ended: pa.RecordBatch, shipped: npt.NDArray[np.int64]) -> pa.RecordBatch:
    """The rows of cancelled orders, and of closed ones that nothing was shipped of. Without a column that
    tells, a closed order may have been shipped.
    """
    cancelled = pc.equal(ended.column(_STATUS), _CANCELLED)
    if _SHIPPED not in ended.schema.names:
        return ended.filter(cancelled)
    untouched = pa.array(~np.isin(ended.column("internalid").to_numpy(), shipped))
    return ended.filter(pc.or_(cancelled, untouched))
