"""Heal: deliver what a reconciliation found missing, or different where it can be changed.

The records are those that the reconciliation has just read anew; they go through the flow's own last stages,
which send, read back, and enter into the ledger. Nothing is deleted, and events are sent as history.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from netsuite_connector.flows import ledger, rejections, shape
from netsuite_connector.flows.book import Book
from netsuite_connector.flows.confirm import confirm
from netsuite_connector.flows.push import push
from netsuite_connector.flows.reconciliation.forms import Form, as_form
from netsuite_connector.flows.reconciliation.model import place_of
from netsuite_connector.flows.reconciliation.reading import Reading
from netsuite_connector.flows.run import Run
from netsuite_connector.klaviyo.client import KlaviyoClient

log = logging.getLogger(__name__)

HEAL = "heal"
_BY_KEY = [("id", "ascending"), ("sub", "ascending")]
Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Healing(Run):
    """A run that delivers what it is given, below the reconciliation's own folder."""

    span: str = ""

    @property
    def place(self) -> tuple[str, ...]:
        """Below the reconciliation's own folder."""
        return (*place_of(self.store.store, self.domain.flow, self.span), HEAL)

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


def heal(run: Healing, readings: Sequence[Reading], chosen: Chosen, klaviyo: KlaviyoClient) -> int:
    """Deliver the chosen records of the readings. Returns how many Klaviyo took and shows.

    What is to be sent is written down first: a try that was killed is gone on with by :func:`go_on`.
    """
    if not chosen.records:
        return 0
    run.staging.remove(run.place)
    for source in run.domain.delivered:
        table = _chosen(readings, source.name, chosen.records.get(source.name, {}))
        _write(run, ("records", source.name), table, shape.SCHEMA)
        if run.domain.merge is not None:
            _write(run, ("noted", source.name), _noted(readings, source.name, chosen.hashes), ledger.SCHEMA)
    if run.domain.book:
        for reading in readings:
            # From now on the orders that it read are known to later runs.
            Book(replace(reading, dry_run=False)).update()
    run.staging.write_json(run.document("complete.json"), {"records": len(chosen.records)})
    return go_on(run, klaviyo)


def go_on(run: Healing, klaviyo: KlaviyoClient) -> int:
    """Deliver what was written down, as far as an earlier try has not. Returns how many records Klaviyo took
    and shows; 0 when nothing was.
    """
    if run.staging.read_json(run.document("complete.json")) is None:
        run.staging.remove(run.place)
        return 0
    push(run, klaviyo)
    done = confirm(run, klaviyo)
    # What Klaviyo refuses now is work for somebody, and no longer missing.
    rejections.record(run)
    run.staging.remove(run.place)
    return int(done["records"]["delivered"])


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
