"""The saved searches of a store: are they there, are they what the flows take them for, can they be read?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from netsuite_connector.checks.finding import Finding, Found, right, tried, warning, wrong
from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.model import Source
from netsuite_connector.flows.domain import domain_of
from netsuite_connector.netsuite import Column, NetSuiteClient
from netsuite_connector.quality.columns import check_columns
from netsuite_connector.stores.model import Store
from netsuite_connector.window import Window

# What else will do where a flow takes a column for one of these; anything can be taken for text.
_WILL_DO = {
    ColumnType.DATETIME: {ColumnType.DATE},
    ColumnType.NUMBER: {ColumnType.INTEGER},
    ColumnType.SELECT: {ColumnType.MULTISELECT},
}


@dataclass(frozen=True, slots=True)
class Sought:
    """A source of a flow, the saved search that the store has it read, and what narrows it there."""

    flow: str
    source: Source
    search: str
    only: Mapping[str, tuple[str, ...]]

    @property
    def name(self) -> str:
        """How findings call it."""
        return self.flow if self.flow == self.source.name else f"{self.flow}.{self.source.name}"


def sought(store: Store) -> list[Sought]:
    """All sources of the flows that are switched on in YAML."""
    return [
        Sought(
            flow,
            source,
            store.search(flow, source.name, source.search or ""),
            {**source.only, **settings.only.get(source.name, {})},
        )
        for flow, settings in store.flows.items()
        if settings.enabled
        for source in domain_of(store, flow).extracted
    ]


def page_step(each: Sought) -> str:
    """The name of the step that reads a page."""
    return f"page of {each.name}"


def describe(each: Sought, client: NetSuiteClient) -> Finding:
    """Whether the search is there, of the right type, without summary columns and with mandatory ones."""

    def attempt() -> Found:
        found = client.describe(each.search)
        wanted = each.source.record_type
        if wanted and found.search.type != wanted:
            return wrong(
                f"{each.search} searches records of type {found.search.type}, and {each.name} needs "
                f"{wanted}: name another search in the store's YAML file."
            )
        check_columns(each.source, [column.key for column in found.columns], each.search)
        rows = "a row a line" if found.lines else "a row a record"
        there = f"{each.search} is there, with all mandatory columns ({len(found.columns)} in all, {rows})"
        other = _of_other_types(each.source, found.columns)
        if not other:
            return right(f"{there}.")
        return warning(
            f"{there}, but {'; '.join(other)}: put the field itself in its place, or a formula of that type."
        )

    return tried(f"search {each.name}", attempt)


def page(each: Sought, client: NetSuiteClient, rows: int) -> Finding:
    """Read the search's first page of up to ``rows`` rows."""

    def attempt() -> Found:
        began = time.monotonic()
        found = next(client.pages(each.search, Window(), only=each.only, limit=rows, page_rows=rows))
        cost = f"{found.usage} units, {time.monotonic() - began:.1f} s"
        if not found.batch.num_rows:
            return warning(
                f"{each.search} finds no rows ({cost}): check its criteria, and that the role may see the "
                "records."
            )
        rows_read = found.batch.num_rows
        read = f"{rows_read:,} {'row' if rows_read == 1 else 'rows'}, {cost}"
        if not found.unreadable:
            return right(f"{each.search}: {read}.")
        columns = ", ".join(f"{key} ({count:,})" for key, count in sorted(found.unreadable.items()))
        return warning(
            f"{each.search}: {read}. Values that are not of their column's type are left out: {columns}. "
            "Mend the formula, or choose a formula of another type."
        )

    return tried(page_step(each), attempt)


def _of_other_types(source: Source, columns: tuple[Column, ...]) -> list[str]:
    types = {column.key: column.type for column in columns}
    return [
        f"{field.name} comes as {types[field.name]} and not as {field.type}"
        for field in source.fields
        if field.type is not ColumnType.TEXT
        and field.name in types
        and types[field.name] not in {field.type, *_WILL_DO.get(field.type, ())}
    ]
