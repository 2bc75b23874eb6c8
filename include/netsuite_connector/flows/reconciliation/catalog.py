"""The catalog and its stock as they stand now, against what Klaviyo's catalog holds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import orjson

from netsuite_connector.domains.model import Kind, Source
from netsuite_connector.flows.mapping import mapping_of
from netsuite_connector.flows.reconciliation.model import CENT, Finding, Outcome, Verdict
from netsuite_connector.flows.reconciliation.reading import (
    Reader,
    Reading,
    changed,
    delivered_before,
    of_other_stores,
    records,
    refused_by_klaviyo,
    rejected_rows,
    seen_ids,
)
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import CatalogKind
from netsuite_connector.stores.model import FlowName
from netsuite_connector.window import Window

_AT_ONCE = 100
_KINDS = {
    Kind.CATEGORY: CatalogKind.CATEGORY,
    Kind.ITEM: CatalogKind.ITEM,
    Kind.VARIANT: CatalogKind.VARIANT,
    Kind.ITEM_CHANGE: CatalogKind.ITEM,
    Kind.VARIANT_CHANGE: CatalogKind.VARIANT,
    Kind.ITEM_DELETION: CatalogKind.ITEM,
    Kind.VARIANT_DELETION: CatalogKind.VARIANT,
}
_NAMES = {CatalogKind.CATEGORY: "categories", CatalogKind.ITEM: "items", CatalogKind.VARIANT: "variants"}
_CHANGES = {Kind.ITEM_CHANGE, Kind.VARIANT_CHANGE}
_DELETIONS = {Kind.ITEM_DELETION, Kind.VARIANT_DELETION}
# What is sent, and Klaviyo shows in its answers under the same name.
_SHOWN = {
    *("name", "title", "description", "price", "url", "image_full_url", "custom_metadata"),
    *("published", "sku", "inventory_quantity"),
}
# Stock moves without a change of the item, so only its own flow keeps up with it.
_STOCK, _STOCK_IN_METADATA = "inventory_quantity", "quantity_available"
# Klaviyo may keep a copy of the image and show its own address.
_ONLY_WHETHER = {"image_full_url"}


@dataclass(frozen=True, slots=True)
class Thing:
    """A category, item or variant, or a change of one, as NetSuite's records make it now."""

    reading: Reading
    source: Source
    id: int
    sub: int
    key: str
    attributes: Mapping[str, Any]


class CatalogComparison:
    """The comparison of the whole catalog, or of its stock and prices; ``to_heal`` are things that are
    missing or different.
    """

    def __init__(self, reader: Reader, klaviyo: KlaviyoClient, young_from: datetime) -> None:
        self.outcome = Outcome()
        self.to_heal: list[Thing] = []
        self._reader, self._klaviyo, self._young_from = reader, klaviyo, young_from
        self._stock = reader.domain.flow == FlowName.STOCK
        mappings = [mapping_of(reader.store, reader.domain.flow, source) for source in reader.domain.shaped]
        self._stock_names = {each.properties.get(_STOCK_IN_METADATA, _STOCK_IN_METADATA) for each in mappings}

    def compare(self, reading: Reading) -> None:
        """Compare what the reading gave with what Klaviyo shows."""
        moments = changed(reading)
        expected: dict[CatalogKind, set[str]] = {}
        for source in reading.domain.delivered:
            assert source.kind is not None  # noqa: S101 - it is delivered
            kind = _KINDS[source.kind]
            mine = expected.setdefault(kind, set())
            self.outcome.tally(_NAMES[kind], None)
            for portion in _portions(_things(reading, source)):
                mine.update(each.key for each in portion)
                self._compare(portion, source, kind, moments)
        kinds = {source.name: _KINDS[source.kind] for source in reading.domain.shaped if source.kind}
        for row in rejected_rows(reading):
            self.outcome.tally(_NAMES[kinds[row.source]], None).rejected += 1
        if not self._stock:
            read = {str(id_) for id_ in seen_ids(reading)}
            for kind in (CatalogKind.ITEM, CatalogKind.VARIANT):
                self._surplus(kind, expected.get(kind, set()) | read)

    def _compare(
        self, portion: list[Thing], source: Source, kind: CatalogKind, moments: Mapping[int, datetime]
    ) -> None:
        name = _NAMES[kind]
        fields = sorted({each for thing in portion for each in thing.attributes} & _SHOWN)
        held = {
            str(each["attributes"]["external_id"]): each["attributes"]
            for each in self._klaviyo.catalog.read(kind, [thing.key for thing in portion], fields)
        }
        done = delivered_before(portion[0].reading, source, {thing.id for thing in portion})
        absent = {thing.id for thing in portion if thing.key not in held}
        refused = refused_by_klaviyo(self._reader.run("", Window()), absent)
        leaving = source.kind in _DELETIONS or (source.kind in _CHANGES and not self._stock)
        tally = self.outcome.tally(name, None)
        for thing in portion:
            there = held.get(thing.key)
            if leaving and there is None:
                continue
            tally.klaviyo += there is not None and not leaving
            tally.netsuite += not leaving
            tally.ledger += not leaving and (thing.id, thing.sub) in done
            wrong = [] if there is None else self._differences(thing, there)
            # A category has an id of its own, which an item may have too.
            last = None if source.kind is Kind.CATEGORY else moments.get(thing.id)
            young = last is not None and last >= self._young_from
            if source.kind in _DELETIONS:
                tally.klaviyo += 1
                self._tell(Verdict.EXTRA, thing, name, "it is gone in NetSuite, and was to be deleted")
            elif there is not None and not wrong:
                continue
            elif (source.name, thing.key) in refused or (there is None and self._stock):
                tally.rejected += 1  # what the catalog does not have is the catalog's to create
            elif young:
                self._tell(Verdict.NOT_YET, thing, name, "changed in NetSuite since the flow's last run")
            else:
                verdict = Verdict.MISSING if there is None else Verdict.DIFFERENT
                missing = "Klaviyo's catalog does not have it"
                self._tell(verdict, thing, name, f"{', '.join(wrong)} differ" if wrong else missing)
                self.to_heal.append(thing)

    def _differences(self, thing: Thing, held: Mapping[str, Any]) -> list[str]:
        wrong = []
        for name, value in thing.attributes.items():
            if name not in _SHOWN or (name == _STOCK and not self._stock):
                continue
            there = held.get(name)
            if isinstance(value, dict):
                inside = there if isinstance(there, dict) else {}
                wrong += [
                    f"{name}: {key}"
                    for key, one in value.items()
                    if key not in self._stock_names and inside.get(key) != one
                ]
            elif not _same(name, value, there):
                wrong.append(name)
        return wrong

    def _surplus(self, kind: CatalogKind, known: Collection[str]) -> None:
        """What Klaviyo's catalog has under an internal id that no record has. Other ids are not ours."""
        strangers = [
            identity
            for identity in self._klaviyo.catalog.ids(kind)
            if identity.isdigit() and identity not in known
        ]
        others = of_other_stores(self._reader.run("", Window()), {int(each) for each in strangers})
        tally = self.outcome.tally(_NAMES[kind], None)
        for identity in strangers:
            if int(identity) in others:
                continue
            tally.klaviyo += 1
            detail = "NetSuite has no such item, or the saved search does not show it"
            self.outcome.found(Finding(_NAMES[kind], None, Verdict.EXTRA, identity, int(identity), detail))

    def _tell(self, verdict: Verdict, thing: Thing, name: str, detail: str) -> None:
        self.outcome.found(Finding(name, None, verdict, thing.key, thing.id, detail))


def _same(name: str, sent: Any, held: Any) -> bool:
    if name in _ONLY_WHETHER:
        return bool(sent) == bool(held)
    if isinstance(sent, float) and isinstance(held, int | float):
        return abs(sent - held) < CENT
    return bool(sent == held)


def _things(reading: Reading, source: Source) -> Iterator[Thing]:
    for id_, sub, key, payload in records(reading, source, ["id", "sub", "key", "payload"]):
        yield Thing(reading, source, id_, sub, key, orjson.loads(payload).get("attributes", {}))


def _portions(things: Iterator[Thing]) -> Iterator[list[Thing]]:
    while portion := list(islice(things, _AT_ONCE)):
        yield portion
