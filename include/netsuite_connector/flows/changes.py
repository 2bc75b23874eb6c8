"""What entries of the outbox mean for a flow: which records of which source to read anew, and which are gone.

Of several entries of a record the last counts, since what is read is the record as it is by then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from netsuite_connector.domains.model import Domain, Source
from netsuite_connector.netsuite.custom_records import OutboxEntry, OutboxEvent

# The record types of the outbox, as SuiteScript names them, by the type of search that shows them.
_RECORDS = {
    "customer": {"customer", "lead", "prospect"},
    "contact": {"contact"},
    "item": {"inventoryitem", "noninventoryitem", "assemblyitem", "kititem", "serviceitem"},
    "transaction": {
        *("salesorder", "invoice", "cashsale", "estimate", "itemfulfillment"),
        *("returnauthorization", "creditmemo", "cashrefund"),
    },
    "opportunity": {"opportunity"},
    "supportcase": {"supportcase"},
}
# Where a source has rows of only some of its search's types, and deletions don't say which.
_NARROWER = {"fulfilments": {"itemfulfillment"}}


@dataclass(frozen=True, slots=True)
class Gone:
    """A record that was deleted, or became part of another."""

    type: str
    record: int
    at: datetime


@dataclass(slots=True)
class Changes:
    """What a flow has to look at: ``ids`` to read by source, what is ``gone``, the ``entries`` that say so,
    and when the first of it happened (``since``).
    """

    since: datetime
    ids: dict[str, list[int]] = field(default_factory=dict)
    gone: list[Gone] = field(default_factory=list)
    entries: set[int] = field(default_factory=set)


def types_of(source: Source) -> frozenset[str]:
    """The record types whose entries concern the source; none for lookups and derived sources, whose rows
    are read along with others'.
    """
    if source.search is None or source.kind is None:
        return frozenset()
    if source.name in _NARROWER and source.record_type == "transaction":
        return frozenset(_NARROWER[source.name])
    return frozenset(source.deleted_types or _RECORDS.get(source.record_type, ()))


def types_for(domain: Domain) -> frozenset[str]:
    """The record types whose entries concern the flow."""
    return frozenset(type_ for source in domain.extracted for type_ in types_of(source))


def changes_for(domain: Domain, entries: Iterable[OutboxEntry]) -> Changes | None:
    """What the entries mean for the flow; None when they don't concern it.

    Records that are gone are asked for too: that a search doesn't show them is what takes them off the list
    of rejected rows.
    """
    by_type: dict[str, list[str]] = {}
    for source in domain.extracted:
        for type_ in types_of(source):
            by_type.setdefault(type_, []).append(source.name)
    wanted = [entry for entry in sorted(entries, key=lambda entry: entry.id) if entry.type in by_type]
    if not wanted:
        return None
    found = Changes(min(entry.at for entry in wanted), entries={entry.id for entry in wanted})
    ids: dict[str, set[int]] = {}
    last: dict[tuple[str, int], OutboxEntry] = {}
    for entry in wanted:
        last[entry.type, entry.record] = entry
        for name in by_type[entry.type]:
            ids.setdefault(name, set()).update({entry.record, entry.into or entry.record})
    found.ids = {name: sorted(each) for name, each in ids.items()}
    found.gone = [
        Gone(entry.type, entry.record, entry.at)
        for entry in last.values()
        if entry.event in (OutboxEvent.DELETE, OutboxEvent.MERGE)
    ]
    return found
