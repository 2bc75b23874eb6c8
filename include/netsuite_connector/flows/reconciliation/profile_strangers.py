"""Profiles that Klaviyo made in some days and that are ours: is there a record that makes them?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from netsuite_connector.flows import ledger
from netsuite_connector.flows.mapping import mapping_of
from netsuite_connector.flows.reconciliation.model import Days, Finding, Outcome, Verdict
from netsuite_connector.flows.reconciliation.reading import Reader, Reading, of_other_stores, rejected_rows
from netsuite_connector.flows.run import Run
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.window import Window

KIND = "profiles"
_OWN = "NetSuite ID"
_GONE = "its record was merged or deleted in NetSuite, and profiles are never deleted"


@dataclass(frozen=True, slots=True)
class Stranger:
    """A profile of ours that no record of these days makes. ``record`` is the internal id that it tells."""

    profile: str
    record: int
    email: str
    made: datetime


def tell_strangers(
    reader: Reader, klaviyo: KlaviyoClient, days: Days, expected: Collection[str], outcome: Outcome
) -> None:
    """Tell of profiles that Klaviyo made in these days, that are ours, and that no record makes now.
    ``expected`` are the addresses that are known to have one.
    """
    own = _own_properties(reader)
    if not own:
        return
    strangers = [each for each in _made(klaviyo, days, own) if each.email not in expected]
    run = reader.run("", Window())
    others = of_other_stores(run, {each.record for each in strangers})
    strangers = [each for each in strangers if each.record not in others]
    ids = {each.record for each in strangers}
    if not ids:
        return
    reading = reader.read("surplus", Window(days.since, None), ids=ids)
    valid = list(_identities(reading))
    elsewhere, emails = {id_ for id_, _ in valid}, {email for _, email in valid}
    rejected = {row.id for row in rejected_rows(reading)}
    delivered = _delivered(run, ids)
    gone = reader.gone(delivered - elsewhere - rejected)
    for each in strangers:
        if each.email in emails:
            continue
        day = days.day_of(each.made)
        outcome.tally(KIND, day).klaviyo += 1
        if each.record in rejected & delivered:
            continue
        detail, edited = "NetSuite has no such record, or the saved search does not show it", False
        if each.record in elsewhere:
            detail, edited = "NetSuite's record has another address now", True
        elif each.record in rejected:
            detail = "NetSuite's record is rejected, and was never delivered"
        elif each.record in gone:
            detail, edited = _GONE, True
        name = f"profile {each.profile}"
        outcome.found(Finding(KIND, day, Verdict.EXTRA, name, each.record, detail, edited))


def _own_properties(reader: Reader) -> list[str]:
    """What the store calls the property that tells of which record a profile is; nothing where it has none,
    so that ours can't be told from others.
    """
    domain = reader.domain
    names = [
        mapping_of(reader.store, domain.flow, source).properties.get(_OWN, _OWN)
        for source in domain.shaped
        if domain.merge is not None and _OWN in source.properties
    ]
    return list(dict.fromkeys(name for name in names if name is not None))


def _made(klaviyo: KlaviyoClient, days: Days, own: Sequence[str]) -> Iterator[Stranger]:
    for profile in klaviyo.reading.profiles_created(days.since, days.until, ("created", "properties")):
        attributes = profile["attributes"]
        properties = attributes.get("properties") or {}
        record = next((str(properties[name]) for name in own if properties.get(name)), "")
        if record.isdigit():
            made = datetime.fromisoformat(attributes["created"])
            yield Stranger(str(profile["id"]), int(record), str(attributes["email"]).lower(), made)


def _identities(reading: Reading) -> Iterator[tuple[int, str]]:
    """The id and address of each valid row."""
    rule = reading.domain.merge
    assert rule is not None  # noqa: S101 - only flows that merge are asked
    for source in reading.domain.shaped:
        valid = reading.dataset("valid", source)
        columns = [name for name in rule.columns if name in valid.require().columns]
        for batch in valid.batches(columns):
            yield from zip(batch.column("internalid").to_pylist(), rule.key(batch), strict=True)


def _delivered(run: Run, ids: Collection[int]) -> set[int]:
    """Those of the ids that the ledger has as delivered, now or once: a run that finds a record gone or
    rejected leaves a line with neither fingerprint nor address in the place of the one that said so.
    """
    wanted = np.array(sorted(ids), dtype=np.int64)
    found: set[int] = set()
    for source in run.domain.shaped:
        for batch in ledger.read(run.ledger(source), ["id", "sub", "fingerprint", "key_hash"]):
            near = batch.filter(pa.array(np.isin(batch.column("id").to_numpy(), wanted)))
            for line in near.to_pylist():
                # A line with ``sub`` tells of an address from before. One with an address only is of a record
                # that another speaks for.
                if line["sub"] or line["fingerprint"] is not None or line["key_hash"] is None:
                    found.add(line["id"])
    return found
