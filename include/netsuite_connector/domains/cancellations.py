"""*Cancelled Order*: an order that was cancelled, or closed before anything of it was shipped.

They are among the orders that a run has read, so nothing is read twice. Klaviyo takes a cancelled order out
of what a customer is worth if the event has the identity of its *Placed Order*.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
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
    shaper: CancelledShaper | None = None
    rest: pa.RecordBatch | None = None
    for batch in known.valid(ORDERS.name):
        if not {_STATUS, "lastmodifieddate"} <= set(batch.schema.names):
            return
        shaper = shaper or CancelledShaper(ORDERS, known.site(ORDERS.name), batch.schema.names)
        ended = _ended(batch)
        if not pc.any(ended).as_py() and rest is None:
            continue
        found = batch.filter(ended)
        found = found if rest is None else pa.concat_batches([rest, found])
        # Whether an order was shipped is on its lines, and the last order's may go on in the next batch.
        last = pc.equal(found.column("internalid"), found.column("internalid")[-1])
        rest = found.filter(last)
        yield shaper.feed(_cancelled(found.filter(pc.invert(last))))
    if shaper is not None and rest is not None:
        yield shaper.feed(_cancelled(rest))
        yield shaper.finish()


def _ended(rows: pa.RecordBatch) -> pa.Array:
    return pc.is_in(rows.column(_STATUS), pa.array([_CANCELLED, _CLOSED]))


def _cancelled(rows: pa.RecordBatch) -> pa.RecordBatch:
    """The rows of cancelled orders, and of closed ones that nothing was shipped of. Without a column that
    tells, a closed order may have been shipped.
    """
    cancelled = pc.equal(rows.column(_STATUS), _CANCELLED)
    if _SHIPPED not in rows.schema.names:
        return rows.filter(cancelled)
    shipped = rows.filter(pc.greater(rows.column(_SHIPPED), 0)).column("internalid").to_numpy()
    untouched = pa.array(~np.isin(rows.column("internalid").to_numpy(), shipped))
    return rows.filter(pc.or_(cancelled, untouched))
