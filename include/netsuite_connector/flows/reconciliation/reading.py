"""What NetSuite has, read anew through a flow's own saved searches, checks and shapes.

A reading leaves no trace outside its own folder: no ledger, mark, list or order book is changed by it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from netsuite_connector.domains.consents import FLOW as CONSENTS
from netsuite_connector.domains.model import Domain, Source
from netsuite_connector.flows import highwater, ledger, rejections
from netsuite_connector.flows.extract import extract
from netsuite_connector.flows.recent import Memory, RecentClient
from netsuite_connector.flows.reconciliation.model import Asked, place_of
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.shape import shape
from netsuite_connector.netsuite.client import NetSuiteClient
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.model import Store
from netsuite_connector.window import Window

_ALL_IS_HISTORY = "9999"
_ID = "internalid"
# When a record changed last, and when it was created, by the columns of the searches for each record type.
_CHANGED = ("lastmodifieddate", "modified", "lastquantityavailablechange", "lastmodified")
_CREATED = ("datecreated", "created", "createddate")
# A flow whose mark has stood still for so long does not excuse what is missing.
_STANDSTILL = timedelta(days=2)
WORK = "work"


@dataclass(frozen=True, slots=True)
class Reading(Run):
    """A run that only reads: all its records are shaped, whatever was delivered before. ``part`` tells the
    readings of one reconciliation apart, which are kept below its folder while it goes on.
    """

    span: str = ""
    part: str = ""

    @property
    def place(self) -> tuple[str, ...]:
        """Below the reconciliation's own folder."""
        return (*work_place(self.store.store, self.domain.flow, self.span), self.part)

    @property
    def everything(self) -> bool:
        """See :class:`Run`."""
        return True

    @property
    def _live_from(self) -> str:
        # Nobody knows whether what is missing has woken a flow before: what is healed is history.
        return _ALL_IS_HISTORY


def work_place(store: str, flow: str, span: str) -> tuple[str, ...]:
    """Where a reconciliation keeps its readings while it goes on."""
    return (*place_of(store, flow, span), WORK)


@dataclass(frozen=True, slots=True)
class Reader:
    """Makes the readings of one reconciliation. NetSuite's clock said ``now`` when it began."""

    store: Store
    domain: Domain
    staging: Staging
    netsuite: NetSuiteClient
    asked: Asked
    now: datetime

    def run(self, part: str, window: Window, **more: Any) -> Reading:
        """A reading before it is read. It asks for one page at a time, as scheduled runs come first."""
        quiet = self.store.netsuite.model_copy(update={"concurrency": 1})
        store = self.store.model_copy(update={"netsuite": quiet})
        return Reading(
            store, self.domain, window, self.staging, dry_run=True, span=self.asked.span, part=part, **more
        )

    def read(self, part: str, window: Window, *, ids: Collection[int] | None = None, **more: Any) -> Reading:
        """Read, check and shape what the window has; with ``ids`` these records, whenever they changed."""
        # What checks rows takes seconds to import.
        from netsuite_connector.flows.validate import validate

        reading = self.run(part, window, replay=None if ids is None else part, **more)
        self.staging.remove(reading.place)
        netsuite = self.netsuite
        if ids is not None:
            chosen = {source.name: sorted(ids) for source in self.domain.shaped}
            self.staging.write_json(reading.document("ids.json"), chosen)
            # Reads them whenever they changed; the window is that of what is looked up beside them.
            netsuite = RecentClient(netsuite, Memory(), ())
        extract(reading, netsuite)
        validate(reading)
        # Consents become no records.
        if self.domain.flow != CONSENTS:
            shape(reading)
        return reading

    def young_from(self) -> datetime:
        """Changes from this moment on need not have reached Klaviyo yet: those of the last minutes, and those
        that the flow's next run will read.
        """
        mark = highwater.read(self.run("", Window()))
        delay = self.now - timedelta(minutes=self.store.reconciliation.delay_minutes)
        if mark is None:
            return delay
        return min(delay, max(datetime.fromisoformat(mark.moment), self.now - _STANDSTILL))


@dataclass(frozen=True, slots=True)
class Row:
    """A row that a reading rejects."""

    source: str
    id: int
    created: datetime | None


def records(reading: Reading, source: Source, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """The records of a source, with these columns."""
    dataset = reading.dataset("records", source)
    if dataset.manifest() is None:
        return
    for batch in dataset.batches(columns, batch_rows=10_000):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def changed(reading: Reading) -> dict[int, datetime]:
    """When each record that was read changed last, by internal id; nothing where the searches don't tell."""
    return _moments(reading, _CHANGED)


def created(reading: Reading) -> dict[int, datetime]:
    """When each record that was read was created, by internal id; nothing where the searches don't tell."""
    return _moments(reading, _CREATED)


def seen_ids(reading: Reading) -> set[int]:
    """The internal ids of all records that were read, valid or not."""
    found: set[int] = set()
    for source in reading.domain.shaped:
        dataset = reading.dataset("extract", source)
        if dataset.manifest() is not None and _ID in dataset.require().columns:
            for batch in dataset.batches([_ID]):
                found.update(batch.column(0).to_pylist())
    return found


def size(readings: Iterable[Reading]) -> int:
    """How many rows they have read, of what becomes records."""
    return sum(
        reading.dataset("extract", source).require().rows
        for reading in readings
        for source in reading.domain.shaped
    )


def rejected_rows(reading: Reading) -> Iterator[Row]:
    """The rows that the reading rejects."""
    for source in reading.domain.shaped:
        dataset = reading.dataset("rejected", source)
        if dataset.manifest() is None:
            continue
        for batch in dataset.batches(["id", "row"]):
            for id_, text in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                row = orjson.loads(text)
                told = next((row[name] for name in _CREATED if row.get(name)), None)
                yield Row(source.name, id_, None if told is None else _moment(told))


def refused_by_klaviyo(run: Run, ids: Collection[int]) -> set[tuple[str, str]]:
    """Source and key of those records with one of the ids that Klaviyo refused, by the list of rejected rows;
    addresses in lower case.
    """
    if not ids:
        return set()
    listed = (row for row in rejections.rejected(run) if row.stage == "confirm" and row.id in ids)
    return {(row.source, (row.key or "").lower()) for row in listed}


def delivered_before(reading: Run, source: Source, ids: Collection[int]) -> set[tuple[int, int]]:
    """Those (id, sub) with one of the ids that the ledger has as delivered."""
    if source.always or not ids:
        return set()
    wanted = np.unique(np.fromiter(ids, dtype=np.int64, count=len(ids)))
    found: set[tuple[int, int]] = set()
    for batch in ledger.read(reading.ledger(source), ["id", "sub", "fingerprint"]):
        held = batch.filter(batch.column("fingerprint").is_valid())
        near = held.filter(pa.array(np.isin(held.column("id").to_numpy(), wanted)))
        found.update(zip(near.column("id").to_pylist(), near.column("sub").to_pylist(), strict=True))
    return found


def of_other_stores(reading: Reading, ids: Collection[int]) -> set[int]:
    """Those of the internal ids that another store's flow of the same name delivered into the same account:
    several websites of one NetSuite account may share one.
    """
    found: set[int] = set()
    wanted = np.unique(np.fromiter(ids, dtype=np.int64, count=len(ids)))
    for store in reading.staging.list():
        place = (store, reading.domain.flow, "ledger", reading.between)
        if store == reading.store.store or not len(wanted):
            continue
        for source in reading.staging.list(place):
            for batch in ledger.read(ledger.Ledger(reading.staging, (*place, source), by=""), ["id"]):
                held = batch.column("id").to_numpy()
                found.update(held[np.isin(held, wanted)].tolist())
    return found


def _moments(reading: Reading, names: Sequence[str]) -> dict[int, datetime]:
    found: dict[int, datetime] = {}
    for source in reading.domain.shaped:
        dataset = reading.dataset("extract", source)
        manifest = dataset.manifest()
        if manifest is None:
            continue
        column = next((name for name in names if name in manifest.columns), None)
        if column is None or not pa.types.is_timestamp(manifest.schema.field(column).type):
            continue
        for batch in dataset.batches([_ID, column]):
            for id_, moment in zip(*(each.to_pylist() for each in batch.columns), strict=True):
                if moment is not None:
                    found[id_] = moment.astimezone(UTC)
    return found


def _moment(text: str) -> datetime:
    read = datetime.fromisoformat(text)
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
