"""Catalog runs that deliver long after they have read, as one that is gone on with in the morning.

Such a run puts old stock over what the stock flow has delivered meanwhile, and that flow reads no more than
the last hour again. So the run leaves word of when it began to read, and the stock flow reads from there.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from netsuite_connector.domains.stock import CATALOG_RUN_MINUTES
from netsuite_connector.flows.run import Run
from netsuite_connector.stores.model import FlowName

_OVERLAP = timedelta(minutes=CATALOG_RUN_MINUTES)
# Within this time after one such run another is taken for one with it.
_TOGETHER = timedelta(days=1)
_BEGAN, _ENDED = "read_from", "ended"


def note(run: Run) -> None:
    """Leave word if the run, which has just delivered, is a catalog's and read too long ago."""
    if run.domain.flow != FlowName.CATALOG or run.read_from is None:
        return
    began, ended = datetime.fromtimestamp(run.read_from / 1e9, UTC), datetime.now(UTC)
    if ended - began <= _OVERLAP:
        return
    before = _noted(run)
    # The stock flow may not have run since.
    if before is not None and before[_ENDED] > ended - _TOGETHER:
        began = min(began, before[_BEGAN])
    run.staging.write_json(_place(run), {_BEGAN: began.isoformat(), _ENDED: ended.isoformat()})


def start_before(run: Run, start: datetime) -> datetime:
    """From which moment of changes a run reads that would read from ``start``. For an hour after a late
    catalog run the stock flow reads from before that began: so clocks may differ, and a run that had begun
    before the other ended does no harm.
    """
    noted = _noted(run) if run.domain.flow == FlowName.STOCK else None
    if noted is None or noted[_ENDED] < start:
        return start
    return min(start, noted[_BEGAN] - _OVERLAP)


def _noted(run: Run) -> dict[str, datetime] | None:
    found: dict[str, str] | None = run.staging.read_json(_place(run))
    return None if found is None else {name: datetime.fromisoformat(each) for name, each in found.items()}


def _place(run: Run) -> tuple[str, ...]:
    return (run.store.store, FlowName.CATALOG.value, "late", f"{run.between}.json")
