"""The mapping of a store's settings, as the domains take it."""

from __future__ import annotations

from collections.abc import Mapping

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.mapping import ColumnRule, SourceMapping
from netsuite_connector.domains.mapping_rules import check_mapped_columns, check_mapping
from netsuite_connector.domains.model import Domain, Source
from netsuite_connector.errors import MendError
from netsuite_connector.stores.model import Store


def mapping_of(store: Store, flow: str, source: Source) -> SourceMapping:
    """What the store says of the source's columns; nothing for lookups."""
    settings = store.flows.get(flow)
    if settings is None or source.kind is None:
        return SourceMapping()
    said = settings.mapping.get(source.name)
    if said is None:
        return SourceMapping(extra=settings.extra)
    return SourceMapping(
        columns={
            name: ColumnRule(
                to=rule.to,
                property=rule.property,
                drop=rule.drop,
                send=rule.send,
                type=ColumnType(rule.type) if rule.type else None,
            )
            for name, rule in said.columns.items()
        },
        properties={name: new or None for name, new in said.properties.items()},
        constants=said.constants,
        extra=settings.extra,
    )


def check_mappings(store: Store, domain: Domain) -> None:
    """Raise MendError where the store's mapping does not suit the flow."""
    settings = store.flows.get(domain.flow)
    known = {source.name: source for source in domain.delivered}
    for name in settings.mapping if settings else ():
        place = _place(domain.flow, name)
        if name not in known:
            raise MendError(
                f"Store '{store.store}': '{place}' is not a source of the flow whose records are delivered; "
                f"known are {', '.join(known)}."
            )
        mapping = mapping_of(store, domain.flow, known[name])
        if known[name].search is None and not mapping.leaves_rows:
            raise MendError(
                f"Store '{store.store}': '{place}' has no saved search, so it has no columns; only its "
                "'properties' can be said."
            )
        check_mapping(known[name], mapping, f"{store.store}: {place}")


def check_search(
    store: Store, flow: str, source: Source, columns: Mapping[str, ColumnType], search: str
) -> None:
    """Raise MendError where the mapping does not suit what the saved search has."""
    mapping = mapping_of(store, flow, source)
    check_mapped_columns(source, mapping, columns, search, f"{store.store}: {_place(flow, source.name)}")


def _place(flow: str, source: str) -> str:
    return f"flows.{flow}.mapping.{source}"
