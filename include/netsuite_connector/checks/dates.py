"""Are moments on their way to NetSuite and back what they were, whatever the user's preferences?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import pyarrow as pa

from netsuite_connector.checks.finding import Found, right, untried, wrong
from netsuite_connector.errors import MendError
from netsuite_connector.netsuite import AccountInfo, NetSuiteClient
from netsuite_connector.window import Window

_LAST_CHANGE = ("lastmodifieddate", "modified")  # transactions and entities; items
_ROWS = 200  # to choose records from
_TRIES = 4  # records, should one change meanwhile, or lie in the hour that a time zone has twice
_MINUTE = timedelta(minutes=1)  # NetSuite keeps moments of changes to the minute


def round_trip(about: AccountInfo, client: NetSuiteClient, searches: Sequence[str]) -> Found:
    """Read when some records changed last, and ask for them by that very minute and by the ones around it.

    The moment is read from the text of a column and written into the text of a filter, both in the user's
    time zone and formats: a mistake in either finds the record in no minute, or in another one.
    """
    known = f"time zone {about.timezone}, date format {about.dateformat}, time format {about.timeformat}"
    for search in searches:
        try:
            records = list(_records(search, client))
        except MendError:
            continue  # what is wrong with a search is said where searches are looked at
        if not records:
            continue
        if any(_found(search, id_, moment, client) for id_, moment in records):
            return right(f"Records are found by the minute of their last change ({known}).")
        return wrong(
            f"Records of {search} are not found by the minute of their last change ({known}): give the "
            "connector's user another time zone or other formats under Home > Set Preferences (GMT and "
            "M/D/YYYY are safe), and report this."
        )
    return untried(
        f"Not tried ({known}): no saved search of the store has both rows and the column of the last change."
    )


def _records(search: str, client: NetSuiteClient) -> Iterator[tuple[int, datetime]]:
    """Internal id and last change of a few records, far apart among the search's first rows."""
    batch = next(client.pages(search, Window(), limit=_ROWS)).batch
    name = next((name for name in _LAST_CHANGE if name in batch.schema.names), None)
    if name is None or not pa.types.is_timestamp(batch.schema.field(name).type):
        return
    changes = dict(zip(batch.column("internalid").to_pylist(), batch.column(name).to_pylist(), strict=True))
    known = [(id_, moment) for id_, moment in changes.items() if moment is not None]
    yield from known[:: max(1, len(known) // _TRIES)][:_TRIES]


def _found(search: str, id_: int, moment: datetime, client: NetSuiteClient) -> bool:
    def count(shift: timedelta) -> int:
        start = moment + shift
        return client.bounds(search, Window(start, start + _MINUTE), after=id_ - 1, until=id_).count

    return count(timedelta()) > 0 and count(-_MINUTE) == 0 and count(_MINUTE) == 0
