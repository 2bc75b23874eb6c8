"""Consents: which addresses NetSuite says may be written to, read from the saved searches of customers and
contacts.

Nothing of it is shaped into records: the flow *consents* decides address by address (docs/consent.md).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from enum import IntEnum

import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains import customers
from netsuite_connector.domains.emails import email_field
from netsuite_connector.domains.model import Domain, Field, Kind, Shaper, Site, Source
from netsuite_connector.errors import MendError

FLOW = "consents"
STATUS = "globalsubscriptionstatus"
MOMENT = "opt_in_moment"
"""The added column that holds the moment of a confirmed opt-in, in UTC; null for other rows."""

# Seconds since a confirmed opt-in was given, and 0 for rows that need none: so the suite can tell that the
# moment is there and has passed.
_AGE = "opt_in_age_seconds"


class Status(IntEnum):
    """NetSuite's global subscription status (SuiteCommerce developers' reference, section 4655046988)."""

    SOFT_IN = 1
    SOFT_OUT = 2
    CONFIRMED_IN = 3
    CONFIRMED_OUT = 4


RESTRICTIVE = (Status.SOFT_IN, Status.CONFIRMED_IN, Status.SOFT_OUT, Status.CONFIRMED_OUT)
"""Of several records of one address the one whose status comes last here speaks."""


def consents_domain(consented_at: str, timezone: str) -> Domain:
    """The domain for a store whose searches tell in the column ``consented_at`` when an opt-in was given. A
    date without a time is the beginning of that day in ``timezone``.
    """
    name = f"Moment of the opt-in ({consented_at})"
    fields = (
        email_field(),
        Field(
            STATUS,
            "Global Subscription Status",
            ColumnType.SELECT,
            mandatory=True,
            required=True,
            one_of=tuple(str(int(status)) for status in Status),
            hint="is not one of NetSuite's four states",
        ),
        Field(consented_at, name, ColumnType.DATETIME, mandatory=True),
        Field(_AGE, name, ColumnType.NUMBER, required=True, minimum=0, hint="is in the future", added=True),
    )

    def enrich(source: Source, site: Site) -> Callable[[pa.RecordBatch], pa.RecordBatch]:  # noqa: ARG001
        return lambda batch: _with_moment(batch, consented_at, timezone)

    return Domain(
        flow=FLOW,
        title="Consents",
        description=__doc__ or "",
        sources=tuple(
            Source(
                name=source.name,
                search=source.search,
                record_type=source.record_type,
                fields=fields,
                kind=Kind.PROFILE,
                deleted_types=source.deleted_types,
                several=source.several,
            )
            for source in (customers.CUSTOMERS, customers.CONTACTS)
        ),
        shaper=_no_shaper,
        enrich=enrich,
        # An opt-out that was saved after the window's end forbids what another record allows.
        snapshot=True,
        settings_of=customers.DOMAIN.flow,
    )


def _with_moment(batch: pa.RecordBatch, consented_at: str, timezone: str) -> pa.RecordBatch:
    """The rows with their moment and its age. Raises MendError when the column holds no dates."""
    given = batch.column(consented_at)
    if pa.types.is_date(given.type):
        midnight = given.cast(pa.timestamp("us"))
        given = pc.assume_timezone(midnight, timezone, ambiguous="earliest", nonexistent="latest")
    elif not pa.types.is_timestamp(given.type):
        raise MendError(
            f"The column {consented_at} holds no dates: name under 'consents.consented_at' a date or "
            "date/time field that says when an opt-in was given."
        )
    # Not mandatory that the status is there: rows without one are rejected for that.
    confirmed = pc.fill_null(pc.equal(batch.column(STATUS), str(int(Status.CONFIRMED_IN))), False)  # noqa: FBT003
    moments = pc.if_else(confirmed, given.cast(pa.timestamp("us", tz="UTC")), pa.scalar(None))
    now = pa.scalar(datetime.now(UTC), pa.timestamp("us", tz="UTC"))
    elapsed = pc.divide(pc.subtract(now, moments).cast(pa.int64()), 1_000_000).cast(pa.float64())
    # Cut to whole seconds, what is less than a second ahead would pass; Klaviyo's clock decides about that.
    age = pc.if_else(confirmed, elapsed, 0.0)
    columns = [*batch.columns, moments, age]
    names = [*batch.schema.names, MOMENT, _AGE]
    return pa.RecordBatch.from_arrays(columns, names=names)


def _no_shaper(source: Source, site: Site, columns: Collection[str]) -> Shaper:
    """Consents become no records, so no stage asks for this."""
    raise NotImplementedError(source.name)
