"""Heal: deliver what a reconciliation found missing, or different where it can be changed.

The records are those that the reconciliation has just read anew; they go through the flow's own last stages,
which send, read back, and enter into the ledger. Nothing is deleted, and events are sent as history. What has
changed again since it was read is left to the flow. A heal that is killed leaves nothing to go on with: what
is still missing is found again, and an identity that is sent twice is the same event or profile.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from netsuite_connector.flows import ledger, rejections, shape
from netsuite_connector.flows.book import Book
from netsuite_connector.flows.confirm import confirm
from netsuite_connector.flows.push import push
from netsuite_connector.flows.reconciliation.forms import Form, as_form
from netsuite_connector.flows.reconciliation.reading import Reader, Reading, changed
from netsuite_connector.flows.run import Run
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.window import Window

log = logging.getLogger(__name__)

HEAL = "heal"
_BY_KEY = [("id", "ascending"), ("sub", "ascending")]
Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Healing(Run):
    """A run that delivers what it is given, below ``work``, and was read at ``began`` (as ``read_from``)."""

    work: tuple[str, ...] = ()
    began: int | None = None

    @property
    def place(self) -> tuple[str, ...]:
        """Below the reconciliation's own folder."""
        return (*self.work, HEAL)

    @property
    def read_from(self) -> int | None:
        """See :class:`Run`."""
        return self.began

    @property
    def chosen(self) -> bool:
        """See :class:`Run`."""
        return True


@dataclass(slots=True)
class Chosen:
    """What is to be delivered: by source the (id, sub) of records, each with the form that its event is to
    have, where it is an event; and the hashes of the addresses of profiles.
    """

    records: dict[str, dict[Key, Form | None]] = field(default_factory=dict)
    hashes: set[bytes] = field(default_factory=set)

    def add(self, source: str, id_: int, sub: int, form: Form | None = None) -> None:
        """Choose a record."""
        self.records.setdefault(source, {})[id_, sub] = form

    @property
    def any(self) -> bool:
        """Whether there is anything."""
        return any(self.records.values())

    def keep(self, others: Chosen) -> None:
        """Keep what is among the others too."""
        for source, keys in self.records.items():
            there = others.records.get(source, {})
            self.records[source] = {key: form for key, form in keys.items() if key in there}


def heal(reader: Reader, readings: Sequence[Reading], chosen: Chosen, klaviyo: KlaviyoClient) -> int:
    """Deliver the chosen records of the readings, less what has changed since. Returns how many Klaviyo took
    and shows.
    """
    began = min(filter(None, (reading.read_from for reading in readings)))
    run = Healing(reader.store, reader.domain, Window(), reader.staging, work=reader.work, began=began)
    stale = _changed_since(reader, readings, chosen)
    run.staging.remove(run.place)
    for source in run.domain.delivered:
        keys = chosen.records.get(source.name, {})
        if source.search is not None:
            keys = {key: form for key, form in keys.items() if key[0] not in stale}
        table = _chosen(readings, source.name, keys)
        _write(run, ("records", source.name), table, shape.SCHEMA)
        if run.domain.merge is not None:
            _write(run, ("noted", source.name), _noted(readings, source.name, chosen.hashes), ledger.SCHEMA)
    if run.domain.book:
        for reading in readings:
            # From now on the orders that it read are known to later runs.
            Book(replace(reading, dry_run=False)).update()
    push(run, klaviyo)
    done = confirm(run, klaviyo)
    # What Klaviyo refuses now is work for somebody, and no longer missing.
    rejections.record(run)
    return int(done["records"]["delivered"])


def _changed_since(reader: Reader, readings: Sequence[Reading], chosen: Chosen) -> set[int]:
    """The chosen records that are not in NetSuite any more as they were read, minutes or hours ago."""
    ids = {id_ for source in reader.domain.shaped for id_, _ in chosen.records.get(source.name, ())}
    if not ids:
        return set()
    now = changed(reader.read("now", readings[-1].window, ids=ids))
    before: dict[int, datetime] = {}
    for reading in readings:
        before |= {id_: moment for id_, moment in changed(reading).items() if id_ in ids}
    return {id_ for id_, moment in before.items() if now.get(id_) != moment}


def _chosen(readings: Iterable[Reading], source: str, keys: Mapping[Key, Form | None]) -> pa.Table:
    rows: dict[Key, dict[str, Any]] = {}
    for reading in readings if keys else ():
        dataset = reading.dataset("records", _source(reading, source))
        for batch in dataset.batches(batch_rows=10_000):
            pairs = zip(batch.column("id").to_pylist(), batch.column("sub").to_pylist(), strict=True)
            for place, key in enumerate(pairs):
                if key in keys and key not in rows:
                    row = batch.slice(place, 1).to_pylist()[0]
                    form = keys[key]
                    if form is not None:
                        row |= {"key": form.unique_id, "payload": as_form(row["payload"], form)}
                    rows[key] = row
    return pa.Table.from_pylist([rows[key] for key in sorted(rows)], schema=shape.SCHEMA)


def _noted(readings: Iterable[Reading], source: str, hashes: set[bytes]) -> pa.Table:
    """What the ledger must know beside what is delivered: which records the delivered ones speak for."""
    tables = [ledger.SCHEMA.empty_table()]
    for reading in readings:
        dataset = reading.dataset("noted", _source(reading, source))
        for batch in dataset.batches():
            mine = [each in hashes for each in batch.column("key_hash").to_pylist()]
            tables.append(pa.Table.from_batches([batch.filter(pa.array(mine, pa.bool_()))]))
    rows = {(row["id"], row["sub"]): row for row in pa.concat_tables(tables).to_pylist()}
    return pa.Table.from_pylist(list(rows.values()), schema=ledger.SCHEMA).sort_by(_BY_KEY)


def _source(reading: Reading, name: str) -> Any:
    return next(source for source in reading.domain.sources if source.name == name)


def _write(run: Healing, place: tuple[str, str], table: pa.Table, schema: pa.Schema) -> None:
    with run.staging.dataset(*run.place, *place).writer(schema) as writer:
        writer.write(table)
        writer.commit()
