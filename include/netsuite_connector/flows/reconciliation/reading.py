"""What NetSuite has, read anew through a flow's own saved searches, checks and shapes.

A reading leaves no trace outside its own folder: no ledger, mark, list or order book is changed by it.
"""

from __future__ import annotations

import uuid
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
from netsuite_connector.flows.changes import types_of
from netsuite_connector.flows.extract import count, extract
from netsuite_connector.flows.guard import Guard, Why
from netsuite_connector.flows.readback import NOT_SHOWN
from netsuite_connector.flows.recent import Memory, RecentClient
from netsuite_connector.flows.reconciliation.model import Asked, Rows, place_of
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.segments import AT
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
_READS_ONLY = "reconciliation"  # the guard's writers enter into datasets of their own; this one never does


@dataclass(frozen=True, slots=True)
class Reading(Run):
    """A run that only reads: all its records are shaped, whatever was delivered before. ``part`` tells the
    readings of one reconciliation apart, which are kept below ``work`` while it goes on.
    """

    work: tuple[str, ...] = ()
    part: str = ""

    @property
    def place(self) -> tuple[str, ...]:
        """Below the reconciliation's own folder."""
        return (*self.work, self.part)

    @property
    def everything(self) -> bool:
        """See :class:`Run`."""
        return True

    @property
    def _live_from(self) -> str:
        # Nobody knows whether what is missing has woken a flow before: what is healed is history.
        return _ALL_IS_HISTORY


@dataclass(frozen=True, slots=True)
class Reader:
    """Makes the readings of one reconciliation, in a folder of its own, since two may go on at once over the
    same days. NetSuite's clock said ``now`` when it began.
    """

    store: Store
    domain: Domain
    staging: Staging
    netsuite: NetSuiteClient
    asked: Asked
    now: datetime
    work: tuple[str, ...]

    @classmethod
    def begin(
        cls, store: Store, domain: Domain, staging: Staging, netsuite: NetSuiteClient, asked: Asked
    ) -> Reader:
        """The reader of a reconciliation that begins now."""
        place = place_of(store.store, asked.flow, asked.span)
        attempt = f"{WORK}-{uuid.uuid4().hex[:12]}"
        return cls(store, domain, staging, netsuite, asked, netsuite.about().now, (*place, attempt))

    def end(self) -> None:
        """Remove what was read."""
        self.staging.remove(self.work)

    def run(self, part: str, window: Window, **more: Any) -> Reading:
        """A reading before it is read. It asks for one page at a time, as scheduled runs come first."""
        quiet = self.store.netsuite.model_copy(update={"concurrency": 1})
        store = self.store.model_copy(update={"netsuite": quiet})
        return Reading(
            store, self.domain, window, self.staging, dry_run=True, work=self.work, part=part, **more
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

    def rows(self, reading: Reading) -> dict[tuple[str, str], Rows]:
        """The numbers of rows of a reading that is not one of chosen records, by source and part."""
        return {
            (source.name, reading.part): Rows(
                counted=count(reading, source, self.netsuite),
                staged=reading.dataset("extract", source).require().rows,
                rejected=reading.dataset("rejected", source).require().rows,
            )
            for source in self.domain.shaped
        }

    def forgotten(self, emails: Collection[str]) -> set[str]:
        """Those of the addresses whose deletion somebody asked for: Klaviyo is not to have them again."""
        guard = Guard(self.staging, self.store.klaviyo.connection, _READS_ONLY)
        known = guard.of({email.lower() for email in emails})
        deleted = {email for email, noted in known.items() if any(one.why == Why.DELETION for one in noted)}
        return {email for email in emails if email.lower() in deleted}

    def gone(self, ids: Collection[int]) -> set[int]:
        """Those of the internal ids that NetSuite's list of deletions has, for the flow's kinds of record: a
        record that was merged into another is on it too. The list tells of different kinds by number only.
        """
        types = sorted({each for source in self.domain.shaped for each in types_of(source)})
        found: set[int] = set()
        for page in self.netsuite.deleted(types, Window()) if types and ids else ():
            found.update(page.batch.column(_ID).to_pylist())
        return found & set(ids)

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
    dataset.require()
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
        if _ID in dataset.require().columns:
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
        dataset.require()
        for batch in dataset.batches(["id", "row"]):
            for id_, text in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                row = orjson.loads(text)
                told = next((row[name] for name in _CREATED if row.get(name)), None)
                yield Row(source.name, id_, None if told is None else _moment(told))


def refused_by_klaviyo(run: Run, ids: Collection[int]) -> dict[tuple[str, str], datetime]:
    """Source and key of those records with one of the ids that Klaviyo refused, by the list of rejected rows,
    and when they were read for it; addresses in lower case. What it only does not show is not refused, but
    missing.
    """
    if not ids:
        return {}
    wanted = rejections.Wanted(ids=tuple(ids))
    listed = (
        row
        for row in rejections.rejected(run, wanted)
        if row.stage == "confirm" and set(row.reasons) != {NOT_SHOWN}
    )
    return {(row.source, (row.key or "").lower()): _moment(row.last_seen) for row in listed}


def delivered_at(reading: Run, source: Source, ids: Collection[int]) -> dict[tuple[int, int], datetime]:
    """The (id, sub) with one of the ids that the ledger has as delivered, and when it took them in, in UTC: a
    little after they were sent. Where they were sent again it is the last time.
    """
    if source.always or not ids:
        return {}
    wanted = np.unique(np.fromiter(ids, dtype=np.int64, count=len(ids)))
    found: dict[tuple[int, int], datetime] = {}
    for batch in ledger.read(reading.ledger(source), ["id", "sub", "fingerprint", AT.name]):
        held = batch.filter(batch.column("fingerprint").is_valid())
        near = held.filter(pa.array(np.isin(held.column("id").to_numpy(), wanted)))
        columns = (near.column(name).to_pylist() for name in ("id", "sub", AT.name))
        for id_, sub, nanoseconds in zip(*columns, strict=True):
            found[id_, sub] = datetime.fromtimestamp(nanoseconds / 1e9, UTC)
    return found


def read_at(reading: Run, source: Source, ids: Collection[int]) -> dict[int, datetime]:
    """When the runs that delivered the records with one of the ids began to read them, by id, to the second;
    nothing where that is not known.
    """
    wanted = np.fromiter(ids, dtype=np.int64, count=len(ids))
    found: dict[int, datetime] = {}
    for batch in ledger.read(reading.ledger(source), ["id", ledger.READ.name]) if ids else ():
        known = batch.filter(pa.array(np.isin(batch.column("id").to_numpy(), wanted))).drop_null()
        for id_, read in zip(*(column.to_pylist() for column in known.columns), strict=True):
            found[id_] = datetime.fromtimestamp(read // 10**9, UTC)
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
        schema = dataset.require().schema
        there = set(schema.names) & set(names)
        columns = [name for name in names if name in there and pa.types.is_timestamp(schema.field(name).type)]
        for batch in dataset.batches([_ID, *columns]) if columns else ():
            for id_, *moments in zip(*(each.to_pylist() for each in batch.columns), strict=True):
                told = [each.astimezone(UTC) for each in (found.get(id_), *moments) if each is not None]
                if told:
                    found[id_] = max(told)
    return found


def _moment(text: str) -> datetime:
    read = datetime.fromisoformat(text)
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
