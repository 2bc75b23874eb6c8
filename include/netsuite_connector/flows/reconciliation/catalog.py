"""The catalog and its stock as they stand now, against what Klaviyo's catalog holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import orjson

from netsuite_connector.domains.model import Kind, Source
from netsuite_connector.flows.mapping import mapping_of
from netsuite_connector.flows.reconciliation.catalog_strangers import (
    CHANGES,
    DELETIONS,
    KINDS,
    NAMES,
    DeletedLately,
    tell_strangers,
)
from netsuite_connector.flows.reconciliation.model import CENT, Finding, Outcome, Verdict
from netsuite_connector.flows.reconciliation.reading import (
    Reader,
    Reading,
    changed,
    delivered_at,
    read_at,
    records,
    refused_by_klaviyo,
    rejected_rows,
)
from netsuite_connector.klaviyo.catalog import item_of
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import COMPOUND, CatalogKind
from netsuite_connector.stores.model import FlowName
from netsuite_connector.window import Window

_AT_ONCE = 100
# What is sent, and Klaviyo shows in its answers under the same name.
_SHOWN = {
    *("name", "title", "description", "price", "url", "image_full_url", "custom_metadata"),
    *("published", "sku", "inventory_quantity"),
}
# Stock moves without a change of the item, so only its own flow keeps up with it.
_STOCK, _STOCK_IN_METADATA = "inventory_quantity", "quantity_available"
# Klaviyo may keep a copy of the image and show its own address.
_ONLY_WHETHER = {"image_full_url"}
_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Thing:
    """A category, item or variant, or a change of one, as NetSuite's records make it now. ``categories`` and
    ``item`` are the external ids of what it belongs to, None where nothing is sent of them.
    """

    reading: Reading
    source: Source
    id: int
    sub: int
    key: str
    attributes: Mapping[str, Any]
    categories: frozenset[str] | None = None
    item: str | None = None


class CatalogComparison:
    """The comparison of the whole catalog, or of its stock and prices; ``to_heal`` are things that are
    missing or different.
    """

    def __init__(self, reader: Reader, klaviyo: KlaviyoClient, young_from: datetime) -> None:
        self.outcome = Outcome()
        self.to_heal: list[Thing] = []
        self._reader, self._klaviyo, self._young_from = reader, klaviyo, young_from
        self._deleted_lately = DeletedLately(reader, young_from)
        self._stock = reader.domain.flow == FlowName.STOCK
        mappings = [mapping_of(reader.store, reader.domain.flow, source) for source in reader.domain.shaped]
        self._stock_names = {each.properties.get(_STOCK_IN_METADATA, _STOCK_IN_METADATA) for each in mappings}
        self._shelves: Mapping[str, frozenset[str]] = {}
        # The items that Klaviyo has, and when they were read to be delivered.
        self._items: dict[str, datetime] = {}

    def compare(self, reading: Reading) -> None:
        """Compare what the reading gave with what Klaviyo shows."""
        moments = changed(reading)
        expected: dict[CatalogKind, set[str]] = {}
        for source in reading.domain.delivered:
            assert source.kind is not None  # noqa: S101 - it is delivered
            kind = KINDS[source.kind]
            mine = expected.setdefault(kind, set())
            self.outcome.tally(NAMES[kind], None)
            if source.kind is Kind.ITEM:
                self._shelves = self._read_shelves()
            for portion in _portions(_things(reading, source)):
                mine.update(each.key for each in portion)
                self._compare(portion, source, kind, moments)
        kinds = {source.name: KINDS[source.kind] for source in reading.domain.shaped if source.kind}
        for row in rejected_rows(reading):
            self.outcome.tally(NAMES[kinds[row.source]], None).rejected += 1
        if not self._stock:
            tell_strangers(self._reader, self._klaviyo, reading, expected, self._deleted_lately, self.outcome)

    def _read_shelves(self) -> dict[str, frozenset[str]]:
        """The categories of ours that Klaviyo has each item in; those that somebody else made are theirs."""
        found: dict[str, set[str]] = {}
        for category in [each for each in self._klaviyo.catalog.ids(CatalogKind.CATEGORY) if each.isdigit()]:
            for item in self._klaviyo.catalog.members(category):
                found.setdefault(item, set()).add(category)
        # Most items share their categories with others: one set stands for all of them.
        shared: dict[frozenset[str], frozenset[str]] = {}
        return {
            item: shared.setdefault(frozenset(categories), frozenset(categories))
            for item, categories in found.items()
        }

    def _compare(
        self, portion: list[Thing], source: Source, kind: CatalogKind, moments: Mapping[int, datetime]
    ) -> None:
        name = NAMES[kind]
        fields = sorted({each for thing in portion for each in thing.attributes} & _SHOWN)
        held = {
            str(each["attributes"]["external_id"]): each
            for each in self._klaviyo.catalog.read(kind, [thing.key for thing in portion], fields)
        }
        done = delivered_at(portion[0].reading, source, {thing.id for thing in portion})
        absent = {thing.id for thing in portion if thing.key not in held}
        refused = refused_by_klaviyo(self._reader.run("", Window()), absent)
        if source.kind is Kind.ITEM:
            read = read_at(portion[0].reading, source, {thing.id for thing in portion})
            self._items |= {thing.key: read.get(thing.id, _EVER) for thing in portion if thing.key in held}
        leaving = source.kind in DELETIONS or (source.kind in CHANGES and not self._stock)
        tally = self.outcome.tally(name, None)
        for thing in portion:
            there = held.get(thing.key)
            if leaving and there is None:
                continue
            tally.klaviyo += there is not None and not leaving
            tally.netsuite += not leaving
            tally.ledger += not leaving and (thing.id, thing.sub) in done
            wrong = [] if there is None else self._differences(thing, there["attributes"])
            moved = "" if there is None else _moved(thing, item_of(there))
            if there is not None and not wrong and not moved and source.kind not in DELETIONS:
                continue
            if self._is_refused(thing, refused) or (there is None and self._stock):
                tally.rejected += 1  # what the catalog does not have is the catalog's to create
            elif self._is_young(thing, moments, leaving=leaving):
                self._tell(Verdict.NOT_YET, thing, name, "changed in NetSuite since the flow's last run")
            elif source.kind in DELETIONS:
                tally.klaviyo += 1
                self._tell(Verdict.EXTRA, thing, name, "it is gone in NetSuite, and was to be deleted")
            elif there is None:
                self._tell(Verdict.MISSING, thing, name, "Klaviyo's catalog does not have it")
                self.to_heal.append(thing)
            else:
                differ = [f"{', '.join(wrong)} differ"] if wrong else []
                self._tell(Verdict.DIFFERENT, thing, name, "; ".join([*differ, *([moved] if moved else [])]))
                if wrong:
                    self.to_heal.append(thing)

    def _is_refused(self, thing: Thing, refused: Mapping[tuple[str, str], datetime]) -> bool:
        """Whether Klaviyo refused the thing, and not for lack of an item that has come since."""
        moment = refused.get((thing.source.name, thing.key))
        return moment is not None and self._items.get(thing.item or "", moment) <= moment

    def _is_young(self, thing: Thing, moments: Mapping[int, datetime], *, leaving: bool) -> bool:
        """Whether the thing changed so lately, or went, that Klaviyo need not show it yet."""
        if thing.source.kind is Kind.CATEGORY:
            return False  # it has an id of its own, which an item may have too
        # A variant may leave because its item does.
        ids = {thing.id, thing.sub} if leaving else {thing.id}
        last = [moments[each] for each in ids if each in moments]
        if last and max(last) >= self._young_from:
            return True
        return leaving and not ids.isdisjoint(self._deleted_lately.ids)

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
        if thing.categories is not None and thing.categories != self._shelves.get(thing.key, frozenset()):
            wrong.append("categories")
        return wrong

    def _tell(self, verdict: Verdict, thing: Thing, name: str, detail: str) -> None:
        self.outcome.found(Finding(name, None, verdict, thing.key, thing.id, detail))


def _moved(thing: Thing, item: str | None) -> str:
    """What to do about a variant that Klaviyo has with another item; nothing where it names none."""
    if thing.item is None or item is None or item == thing.item:
        return ""
    # An update has no relationships (Klaviyo's reference, update catalog variant).
    return (
        f"Klaviyo has it with item {item} instead of {thing.item} and can't move a variant: "
        "delete it in Klaviyo, and 'heal' makes it anew"
    )


def _same(name: str, sent: Any, held: Any) -> bool:
    if name in _ONLY_WHETHER:
        return bool(sent) == bool(held)
    if isinstance(sent, float) and isinstance(held, int | float):
        return abs(sent - held) < CENT
    return bool(sent == held)


def _things(reading: Reading, source: Source) -> Iterator[Thing]:
    for id_, sub, key, payload in records(reading, source, ["id", "sub", "key", "payload"]):
        element = orjson.loads(payload)
        within = element.get("relationships", {})
        categories = item = None
        if "categories" in within:
            categories = frozenset(_external(each) for each in within["categories"]["data"])
        if "item" in within:
            item = _external(within["item"]["data"])
        yield Thing(reading, source, id_, sub, key, element.get("attributes", {}), categories, item)


def _external(reference: Mapping[str, str]) -> str:
    return reference["id"].removeprefix(COMPOUND)


def _portions(things: Iterator[Thing]) -> Iterator[list[Thing]]:
    while portion := list(islice(things, _AT_ONCE)):
        yield portion
