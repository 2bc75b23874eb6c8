"""What a store says of columns on their way to Klaviyo: another name, another type, another half of a select,
a place among the known columns, or nothing at all. It is applied to the rows before the shaper sees them.

Columns that a source knows stay where they are, whatever the store says of them: what becomes of a record can
hang on them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.column_type import TEXT_SUFFIX, ColumnType
from netsuite_connector.domains.conversions import converted
from netsuite_connector.domains.model import Site, Source
from netsuite_connector.errors import MendError

ID, TEXT = "id", "text"
# What every shaper may read beside its source's fields: they tell records and lines apart, and say when.
ALWAYS = frozenset({"internalid", "lineuniquekey", "line", "datecreated", "lastmodifieddate"})

Constant = bool | int | float | str


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """What becomes of a column. ``to``: the known column that it fills; ``property``: what its property is
    called; ``drop``: it is not sent; ``send``: which half of a select is sent (``id`` or ``text``);
    ``type``: what its values become.
    """

    to: str | None = None
    property: str | None = None
    drop: bool = False
    send: str | None = None
    type: ColumnType | None = None


@dataclass(frozen=True, slots=True)
class SourceMapping:
    """What a store says of one source. ``properties``: names of the connector's own, and what they are called
    instead (None: left out); ``constants``: values that all records share, by property or known column;
    ``extra``: whether columns flow through that nothing is said of.
    """

    columns: Mapping[str, ColumnRule] = field(default_factory=dict)
    properties: Mapping[str, str | None] = field(default_factory=dict)
    constants: Mapping[str, Constant] = field(default_factory=dict)
    extra: bool = True

    @property
    def leaves_rows(self) -> bool:
        """Whether rows stay as they are."""
        return not self.columns and not self.constants and self.extra


class Mapper:
    """Applies a source's mapping. ``warnings`` counts the values that could not become what they should."""

    def __init__(
        self,
        source: Source,
        mapping: SourceMapping,
        site: Site,
        names: Mapping[str, str | None] = MappingProxyType({}),
    ) -> None:
        """``site`` is the store's, for all sources; ``names`` are what it says of another source's properties
        that is made of the rows.
        """
        self.warnings: Counter[str] = Counter()
        self._mapping = mapping
        self._fields = {each.name: each for each in source.fields}
        self._tagged = source.tagged
        self._as_id = site.as_id
        self._rules, own = _rules(source, mapping)
        self.site = self._site(site, own | dict(names))
        """What the source's shaper must know: names, which columns are sent as id, by their new names, and
        which are not sent.
        """

    def _site(self, site: Site, names: Mapping[str, str | None]) -> Site:
        if self._mapping.leaves_rows and not names:
            return site
        as_id = set(site.as_id)
        renamed, dropped = dict[str, str](), set[str]()
        for name, rule in self._rules.items():
            target = _target(name, rule)
            if rule.property is not None:
                renamed[target] = name
            if rule.drop and name in self._fields:
                dropped |= {name, name + TEXT_SUFFIX}
            by_id = rule.send == ID or (rule.send is None and name in site.as_id)
            if name not in self._fields:
                as_id.discard(name)
            (as_id.add if by_id else as_id.discard)(target)
        return replace(site, as_id=frozenset(as_id), names=names, renamed=renamed, dropped=frozenset(dropped))

    def columns(self, schema: pa.Schema) -> list[str]:
        """The names of the columns that rows of this schema have afterwards, and that may be sent."""
        empty = pa.RecordBatch.from_arrays([pa.array([], each.type) for each in schema], schema=schema)
        return self.site.told(self.batch(empty).schema.names)

    def batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows as the shaper gets them. Raises MendError for a column that is not there, or whose type
        can't become what it should.
        """
        if self._mapping.leaves_rows:
            return batch
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        for name in self._rules:
            if name not in columns:
                raise MendError(
                    f"The rows have no column {name}, of which the mapping says what becomes: run it again."
                )
        moved = [
            (_target(name, rule), rule, self._taken(columns, name, rule))
            for name, rule in self._rules.items()
            if not self._stays(name, rule)
        ]
        if not self._mapping.extra:
            columns = {
                name: known
                for name, column in columns.items()
                if (known := self._known(name, column)) is not None
            }
        for target, rule, halves in moved:
            if not rule.drop:
                _put(columns, target, halves, fill=rule.to is not None)
        for name, constant in self._mapping.constants.items():
            columns.pop(name + TEXT_SUFFIX, None)
            columns[name] = pa.repeat(pa.scalar(constant), batch.num_rows)
        return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))

    def _stays(self, name: str, rule: ColumnRule) -> bool:
        """Whether the rule asks for nothing of a column that the source knows but that it is where it is. One
        that fills itself becomes what the source takes it for.
        """
        return name in self._fields and rule.to is None and (rule.drop or _target(name, rule) == name)

    def _taken(
        self, columns: dict[str, pa.Array], name: str, rule: ColumnRule
    ) -> tuple[pa.Array, pa.Array | None]:
        """A column's two halves as the rule wants them, one where it is no select any more. They are taken
        out of ``columns`` unless the source knows them as what they are.
        """
        ids, texts = columns[name], columns.get(name + TEXT_SUFFIX)
        if name not in self._fields or rule.to == name:
            del columns[name]
            columns.pop(name + TEXT_SUFFIX, None)
        wanted = rule.type or (self._fields[rule.to].type if rule.to else None)
        if rule.drop or wanted in (None, ColumnType.SELECT, ColumnType.MULTISELECT):
            return ids, texts
        by_id = rule.send == ID or (rule.send is None and name in self._as_id)
        given = ids if texts is None or by_id else texts
        try:
            made = converted(given, wanted)
        except ValueError:
            raise MendError(
                f"The column {name} can't become {wanted}: correct its 'type' in the mapping."
            ) from None
        lost = made.null_count - given.null_count
        if lost:
            self.warnings[f"Value of {name} left out: can't be read as {wanted}"] += lost
        return made, None

    def _known(self, name: str, column: pa.Array) -> pa.Array | None:
        """What of a column the source knows, whatever the store says; None where that is nothing."""
        if name in ALWAYS or name in self._fields or name.removesuffix(TEXT_SUFFIX) in self._fields:
            return column
        if (
            self._tagged is None
            or not name.startswith(self._tagged[0])
            or not pa.types.is_string(column.type)
        ):
            return None
        return pc.if_else(pc.starts_with(column, self._tagged[1]), column, pa.scalar(None, pa.string()))


def _rules(source: Source, mapping: SourceMapping) -> tuple[dict[str, ColumnRule], dict[str, str | None]]:
    """What becomes of columns, and what the connector's own properties are called. Those that are made of a
    column go where it goes: a single one takes the name that the column is given, others make room for it.
    """
    rules, names = dict(mapping.columns), dict(mapping.properties)
    for name, rule in mapping.columns.items():
        own = [each for each, column in source.made_of.items() if column == name]
        if rule.drop:
            names |= dict.fromkeys(own)
        elif rule.property and rule.type is None and len(own) == 1 and own[0] not in names:
            names[own[0]] = rule.property
            rules[name] = replace(rule, property=None)
        elif _target(name, rule) != name:
            names = dict.fromkeys(own) | names
    return rules, names


def _target(name: str, rule: ColumnRule) -> str:
    return rule.to or rule.property or name


def _put(
    columns: dict[str, pa.Array], target: str, halves: tuple[pa.Array, pa.Array | None], *, fill: bool
) -> None:
    """Set a column under its new name; with ``fill`` what was there stays where the new one has nothing."""
    ids, texts = halves
    standing, standing_texts = columns.get(target), columns.get(target + TEXT_SUFFIX)
    if fill and standing is not None:
        if texts is not None or standing_texts is not None:
            mine = ids if texts is None else texts
            texts = pc.coalesce(mine, standing if standing_texts is None else standing_texts)
        ids = pc.coalesce(ids, standing)
    columns[target] = ids
    if texts is not None:
        columns[target + TEXT_SUFFIX] = texts
    else:
        columns.pop(target + TEXT_SUFFIX, None)


def own_names(source: Source) -> Iterable[str]:
    """All names of the connector's own that a store may speak of."""
    return (*source.properties, *source.attributes)
