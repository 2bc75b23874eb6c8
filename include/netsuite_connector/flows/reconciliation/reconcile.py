"""Reconcile a flow: read NetSuite anew, look at Klaviyo, tell what differs, and heal it if asked to."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from netsuite_connector.domains.consents import FLOW as CONSENTS
from netsuite_connector.domains.model import Domain, Kind
from netsuite_connector.flows.consents import open_run
from netsuite_connector.flows.domain import domain_of, domain_with
from netsuite_connector.flows.gates import gates_of
from netsuite_connector.flows.reconciliation import consents
from netsuite_connector.flows.reconciliation.catalog import CatalogComparison
from netsuite_connector.flows.reconciliation.events import EventComparison
from netsuite_connector.flows.reconciliation.heal import Chosen, heal
from netsuite_connector.flows.reconciliation.model import (
    WITHOUT_DAYS,
    Asked,
    Days,
    Finding,
    Outcome,
    days_of,
    place_of,
)
from netsuite_connector.flows.reconciliation.profiles import ProfileComparison, hashes_of
from netsuite_connector.flows.reconciliation.reading import Reader, Reading, size
from netsuite_connector.flows.run import check_searches
from netsuite_connector.flows.settings import settings_of
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.netsuite.client import NetSuiteClient
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.model import Store
from netsuite_connector.window import Window

log = logging.getLogger(__name__)

FINDINGS = pa.schema(
    [
        ("store", pa.string()),
        ("flow", pa.string()),
        ("kind", pa.string()),
        ("day", pa.string()),
        ("verdict", pa.string()),
        ("identity", pa.string()),
        ("internal_id", pa.int64()),
        ("detail", pa.string()),
        ("edited", pa.bool_()),
    ]
)
"""What does not agree, a row a record; see :class:`Finding`."""

_COUNTS = ("netsuite", "rejected", "ledger", "klaviyo", "not_yet", "missing", "extra", "different", "edited")
NUMBERS = pa.schema(
    [
        *((name, pa.string()) for name in ("store", "flow", "kind", "day")),
        *((name, pa.int64()) for name in _COUNTS),
        ("value_netsuite", pa.float64()),
        ("value_klaviyo", pa.float64()),
        ("agrees", pa.bool_()),
    ]
)
"""The numbers of each kind and day; see :class:`Tally`."""

_DAYS_AT_ONCE = 7
"""So many days are in memory at once to begin with; more where they have few rows, and fewer where many."""

_FEW, _MANY = 10_000, 50_000  # rows
_MOST_DAYS = 366

_MOST_KINDS = 50


def reconcile(
    store: Store, staging: Staging, netsuite: NetSuiteClient, klaviyo: KlaviyoClient, asked: Asked
) -> dict[str, Any]:
    """Compare a flow's days (or all of it, where it has none), and write down what does not agree. Returns
    the report, as it stands in staging: ``agrees``, how many records were ``healed``, and ``kinds`` with
    the numbers of each kind and day.

    Repeated, it comes to the same, and several may go on at once. Nothing but what is healed leaves a trace
    outside its own folder.
    """
    found = settings_of(store, netsuite).store
    if asked.flow == CONSENTS:
        domain = open_run(found, staging).domain
    else:
        domain = domain_with(found, domain_of(found, asked.flow))
        check_searches(found, domain)
    reader = Reader.begin(found, domain, staging, netsuite, asked)
    outcome = Outcome()
    healed = 0
    young_from = reader.young_from()
    left = None if asked.flow in WITHOUT_DAYS else days_of(found, asked)
    at_once = _DAYS_AT_ONCE
    try:
        while True:
            piece = None if left is None else left.first(at_once)
            readings = _read(reader, piece)
            done, chosen = _compare(reader, klaviyo, readings, piece, young_from)
            if not done.agrees or chosen.any:
                # Both sides go on while they are compared. What is wrong is still so at a second look.
                readings = _read(reader, piece)
                again, still = _compare(reader, klaviyo, readings, piece, young_from)
                again.settle(done)
                still.keep(chosen)
                done, chosen = again, still
            if asked.heal and chosen.any:
                healed += heal(reader, readings, chosen, klaviyo)
                after, _ = _compare(reader, klaviyo, readings, piece, young_from)
                after.settle(done)
                done = after
            for reading in readings:
                done.rows.update(reader.rows(reading))
            rows = size(readings)
            outcome.add(done)
            if left is None or piece is None or piece.end >= left.end:
                break
            left = replace(left, start=piece.end)
            if rows < _FEW:
                at_once = min(2 * at_once, _MOST_DAYS)
            elif rows > _MANY:
                at_once = max(at_once // 2, 1)
    finally:
        reader.end()
    return _write(reader, outcome, healed)


def _read(reader: Reader, piece: Days | None) -> list[Reading]:
    """All there is, where a flow has no days; else what was created in them, and what last changed."""
    if piece is None:
        return [reader.read("whole", Window())]
    log.info("%s: reading %s to %s", reader.domain.flow, piece.start, piece.end)
    return [
        reader.read("created", piece.window, history=True),
        reader.read("changed", piece.window, bounded=True),
    ]


def _compare(
    reader: Reader,
    klaviyo: KlaviyoClient,
    readings: Sequence[Reading],
    piece: Days | None,
    young_from: datetime,
) -> tuple[Outcome, Chosen]:
    """What was found, and what of it can be healed."""
    chosen, outcome = Chosen(), Outcome()
    if reader.domain.flow == CONSENTS:
        return consents.compare(readings[0], klaviyo, young_from), chosen
    if piece is None:
        catalog = CatalogComparison(reader, klaviyo, young_from)
        catalog.compare(readings[0])
        for thing in catalog.to_heal:
            chosen.add(thing.source.name, thing.id, thing.sub)
        return catalog.outcome, chosen
    if _delivers(reader.domain, Kind.EVENT):
        events = EventComparison(reader, klaviyo, piece, young_from)
        events.compare(readings)
        for event in events.missing:
            chosen.add(event.source.name, event.id, event.sub, event.form)
        outcome.add(events.outcome)
    if _delivers(reader.domain, Kind.PROFILE):
        profiles = ProfileComparison(reader, klaviyo, piece, young_from)
        profiles.compare(readings)
        for person in profiles.to_heal:
            chosen.add(person.source.name, person.id, person.sub)
        chosen.hashes = hashes_of(profiles.to_heal)
        outcome.add(profiles.outcome)
    return outcome, chosen


def _delivers(domain: Domain, kind: Kind) -> bool:
    return any(source.kind is kind for source in domain.delivered)


def _write(reader: Reader, outcome: Outcome, healed: int) -> dict[str, Any]:
    staging, asked = reader.staging, reader.asked
    about = {"store": reader.store.store, "flow": asked.flow}
    place = place_of(reader.store.store, asked.flow, asked.span)
    findings = [asdict(each) | about for each in sorted(outcome.findings, key=_order)]
    kinds = outcome.kinds()
    for name, rows, schema in (("findings", findings, FINDINGS), ("numbers", kinds, NUMBERS)):
        with staging.dataset(*place, name).writer(schema) as writer:
            writer.write(pa.RecordBatch.from_pylist([row | about for row in rows], schema=schema))
            writer.commit()
    doubts = _doubts(reader, outcome)
    report = {
        **about,
        "from": asked.start,
        "to": asked.end,
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "agrees": outcome.agrees and not doubts,
        "doubts": doubts,
        "healed": healed,
        "sources": outcome.sources(),
        "kinds": kinds,
    }
    staging.write_json((*place, "report.json"), report)
    return report


def _doubts(reader: Reader, outcome: Outcome) -> list[str]:
    """Why agreement would say little: rows that NetSuite counts and did not give, or too many that are
    rejected. A sentence each.
    """
    told = [
        f"NetSuite counts {rows.counted:,} rows of {source} ({read}), and gave {rows.staged:,}: reconcile "
        "again, and look at the saved search if this lasts."
        for (source, read), rows in outcome.rows.items()
        if rows.staged < rows.counted
    ]
    gates = gates_of(reader.run("", Window()))
    staged = sum(rows.staged for rows in outcome.rows.values())
    rejected = sum(rows.rejected for rows in outcome.rows.values())
    share = gates.rejected_share
    if share is not None and staged >= gates.least_rows and rejected > share * staged:
        told.append(
            f"{rejected:,} of {staged:,} rows are rejected, more than the gate 'rejected_share' lets a run "
            "deliver: mend them or the saved search."
        )
    return told


def shortened(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report as the result of a task: only kinds and days that don't agree, or not yet, and how many were
    compared.
    """
    told = [kind for kind in report["kinds"] if not kind["agrees"] or kind["not_yet"]]
    return {**report, "compared": len(report["kinds"]), "kinds": told[:_MOST_KINDS]}


def _order(each: Finding) -> tuple[str, str, str, int, str]:
    return each.kind, each.day or "", each.verdict, each.internal_id or 0, each.identity
