"""What Klaviyo's catalog has under internal ids that a reading of the whole catalog made nothing of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from netsuite_connector.domains.model import Kind
from netsuite_connector.flows.reconciliation.model import Finding, Outcome, Verdict
from netsuite_connector.flows.reconciliation.reading import (
    Reader,
    Reading,
    changed,
    delivered_at,
    of_other_stores,
    records,
    seen_ids,
)
from netsuite_connector.flows.run import Run
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import CatalogKind
from netsuite_connector.window import Window

KINDS = {
    Kind.CATEGORY: CatalogKind.CATEGORY,
    Kind.ITEM: CatalogKind.ITEM,
    Kind.VARIANT: CatalogKind.VARIANT,
    Kind.ITEM_CHANGE: CatalogKind.ITEM,
    Kind.VARIANT_CHANGE: CatalogKind.VARIANT,
    Kind.ITEM_DELETION: CatalogKind.ITEM,
    Kind.VARIANT_DELETION: CatalogKind.VARIANT,
}
NAMES = {CatalogKind.CATEGORY: "categories", CatalogKind.ITEM: "items", CatalogKind.VARIANT: "variants"}
CHANGES = {Kind.ITEM_CHANGE, Kind.VARIANT_CHANGE}
DELETIONS = {Kind.ITEM_DELETION, Kind.VARIANT_DELETION}

_LOOKED_FOR = (CatalogKind.ITEM, CatalogKind.VARIANT)
Ids = Mapping[CatalogKind, set[int]]


@dataclass(frozen=True)
class DeletedLately:
    """The records that were deleted in NetSuite so lately that the flow need not know; asked for once, and
    only where it matters.
    """

    reader: Reader
    young_from: datetime

    @cached_property
    def ids(self) -> set[int]:
        """Their internal ids."""
        types = sorted({each for source in self.reader.domain.shaped for each in source.deleted_types})
        found: set[int] = set()
        if types:
            for page in self.reader.netsuite.deleted(types, Window(self.young_from, None)):
                found.update(page.batch.column("internalid").to_pylist())
        return found


def tell_strangers(  # noqa: PLR0913, PLR0917 - both sides, what is known already, and where it is told
    reader: Reader,
    klaviyo: KlaviyoClient,
    whole: Reading,
    expected: Mapping[CatalogKind, Collection[str]],
    lately: DeletedLately,
    outcome: Outcome,
) -> None:
    """Tell of items and variants that Klaviyo has under an internal id that no record has. Other ids are not
    ours. What may have come since the whole was read is read by its id first.
    """
    found: dict[CatalogKind, set[int]] = {}
    for kind in _LOOKED_FOR:
        known = expected.get(kind, ())
        held = (each for each in klaviyo.catalog.ids(kind) if each.isdigit() and each not in known)
        found[kind] = {int(each) for each in held}
    run = reader.run("", Window())
    others = of_other_stores(run, _all(found))
    seen = seen_ids(whole)
    # What was delivered once and is rejected now stays as it was; the rejected rows are counted.
    left = {kind: ids - others - _delivered(run, kind, ids & seen) for kind, ids in found.items()}
    if not _all(left):
        return
    reading = reader.read("surplus", Window(), ids=_all(left))
    seen, made = seen_ids(reading), _made(reading)
    young = lately.ids | {id_ for id_, moment in changed(reading).items() if moment >= lately.young_from}
    extra: dict[CatalogKind, set[int]] = {}
    for kind, strangers in left.items():
        delivered = _delivered(run, kind, strangers)
        tally = outcome.tally(NAMES[kind], None)
        come = strangers & made[kind]
        tally.klaviyo += len(come)
        tally.netsuite += len(come)
        tally.ledger += len(come & delivered)
        wrong = strangers - come - (delivered & seen)
        # What was delivered and is not seen any more came and went while this looked: the flow takes it away.
        for id_ in sorted(wrong & (young | delivered)):
            _tell(outcome, kind, id_, Verdict.NOT_YET, "changed in NetSuite since the flow's last run")
        extra[kind] = wrong - young - delivered
    gone = reader.gone(_all(extra))
    for kind, ids in extra.items():
        for id_ in sorted(ids - _unpublished(reader, klaviyo, kind, ids & gone)):
            _tell(outcome, kind, id_, Verdict.EXTRA, _why(id_, gone, seen))


def _all(ids: Ids) -> set[int]:
    return set().union(*ids.values())


def _delivered(run: Run, kind: CatalogKind, ids: Collection[int]) -> set[int]:
    """Those of the ids that the ledger has as delivered, as this kind of thing."""
    ledgers = {
        source.ledger_of or source.name: source
        for source in run.domain.delivered
        if source.kind is not None and KINDS[source.kind] is kind
    }
    return {id_ for source in ledgers.values() for id_, _ in delivered_at(run, source, ids)}


def _made(reading: Reading) -> dict[CatalogKind, set[int]]:
    """The items and variants that the records make."""
    made: dict[CatalogKind, set[int]] = {kind: set() for kind in _LOOKED_FOR}
    for source in reading.domain.delivered:
        if source.kind in (Kind.ITEM, Kind.VARIANT):
            made[KINDS[source.kind]].update(id_ for (id_,) in records(reading, source, ["id"]))
    return made


def _unpublished(reader: Reader, klaviyo: KlaviyoClient, kind: CatalogKind, ids: Collection[int]) -> set[int]:
    """Those that stand in Klaviyo as the flow leaves what is gone, which nobody sees any more."""
    if not ids or any(source.kind in DELETIONS for source in reader.domain.delivered):
        return set()
    return {
        int(each["attributes"]["external_id"])
        for each in klaviyo.catalog.read(kind, map(str, sorted(ids)), ["published"])
        if each["attributes"]["published"] is False
    }


def _why(id_: int, gone: Collection[int], seen: Collection[int]) -> str:
    if id_ in gone:
        return "it was deleted in NetSuite, and the flow never delivered it"
    if id_ in seen:
        return "NetSuite's record makes no such thing, and the flow never delivered it"
    return "NetSuite has no such item, or the saved search does not show it"


def _tell(outcome: Outcome, kind: CatalogKind, id_: int, verdict: Verdict, detail: str) -> None:
    outcome.tally(NAMES[kind], None).klaviyo += 1
    outcome.found(Finding(NAMES[kind], None, verdict, str(id_), id_, detail))
