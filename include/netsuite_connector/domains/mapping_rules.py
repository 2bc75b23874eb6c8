"""Does a store's mapping suit the flow, and the saved search? One sentence for each mistake."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NoReturn

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.conversions import can_become
from netsuite_connector.domains.mapping import ALWAYS, ColumnRule, SourceMapping, own_names
from netsuite_connector.domains.model import Field, Source
from netsuite_connector.errors import MendError

_SELECTS = (ColumnType.SELECT, ColumnType.MULTISELECT)
_CONSTANTS: Mapping[ColumnType, tuple[type, ...]] = {
    ColumnType.TEXT: (str,),
    ColumnType.SELECT: (str,),
    ColumnType.BOOLEAN: (bool,),
    ColumnType.NUMBER: (int, float),
}
Refuse = Callable[[str, str], NoReturn]


def check_mapping(source: Source, mapping: SourceMapping, place: str) -> None:
    """Raise MendError where the mapping can't be, whatever the saved search gives. ``place`` is where it
    stands in the store's file.
    """
    refuse = _refuser(place)
    fields = {each.name: each for each in source.fields}
    for name, rule in mapping.columns.items():
        _check_column(name, rule, fields, refuse)
    for name, new in mapping.properties.items():
        if name not in own_names(source):
            refuse(
                f"properties.{name}",
                f"is no property of {source.name}; {_advice(name, own_names(source))}",
            )
        if new is not None and name in source.attributes:
            refuse(
                f"properties.{name}",
                "is an attribute of Klaviyo's: it can be left out (false), but not renamed",
            )
    for name, value in mapping.constants.items():
        known = fields.get(name)
        if known is not None:
            _check_target(known, f"constants.{name}", refuse)
            if isinstance(value, bool) is not (known.type is ColumnType.BOOLEAN) or not isinstance(
                value, _CONSTANTS.get(known.type, ())
            ):
                refuse(f"constants.{name}", f"fills the known column {known.label}, which is a {known.type}")
        elif name in ALWAYS:
            refuse(f"constants.{name}", "is a column that tells records apart, so it can't be a constant")
    _check_names(source, mapping, refuse)


def check_mapped_columns(
    source: Source, mapping: SourceMapping, columns: Mapping[str, ColumnType], search: str, place: str
) -> None:
    """Raise MendError where the mapping does not suit the columns that the saved search has."""
    refuse = _refuser(place)
    fields = {each.name: each for each in source.fields}
    missing = [name for name in mapping.columns if name not in columns]
    if missing:
        raise MendError(
            f"Saved search {search} has no column {', '.join(missing)}, of which '{place}' says what "
            "becomes: add it to the search's results in NetSuite, or take it out of the mapping."
        )
    for name, rule in mapping.columns.items():
        given = columns[name]
        if rule.send is not None and given not in _SELECTS:
            refuse(f"columns.{name}.send", f"chooses a half of a select, but the column is a {given}")
        if rule.type is not None and not can_become(given, rule.type):
            refuse(f"columns.{name}.type", f"is {rule.type}, which a {given} column can't become")
        if rule.to is not None and not can_become(given, fields[rule.to].type):
            refuse(
                f"columns.{name}.to", f"is {rule.to}, a {fields[rule.to].type}, which a {given} can't fill"
            )
    free = set(mapping.columns) | set(mapping.constants)
    for where, name in _new_names(mapping):
        if name in columns and name not in free:
            refuse(where, f"gives the name {name}, which is that of another column of {search}")


def _check_column(name: str, rule: ColumnRule, fields: Mapping[str, Field], refuse: Refuse) -> None:
    where = f"columns.{name}"
    leaves = rule.drop or rule.to not in (None, name) or rule.property not in (None, name)
    if leaves and name in ALWAYS:
        refuse(where, "is a column that the flow tells records by: it can't be dropped, moved or renamed")
    if leaves and name in fields and fields[name].mandatory:
        refuse(
            where,
            "is a mandatory column, which the flow can't do without: leave it, and rename or leave out what "
            "becomes of it under 'properties'",
        )
    if rule.to is not None:
        target = fields.get(rule.to)
        if target is None:
            names = [each for each in fields if not _guarded(fields[each])]
            refuse(
                f"{where}.to",
                f"is '{rule.to}', which is no column that the flow knows; {_advice(rule.to, names)}",
            )
        _check_target(target, f"{where}.to", refuse)
        if rule.type is not None and rule.type is not target.type:
            refuse(f"{where}.type", f"is {rule.type}, but {target.label} ({target.name}) is a {target.type}")
    elif name in fields and rule.type is not None and rule.property is None:
        refuse(f"{where}.type", f"can't be another one: the flow reads {fields[name].label} as it is")
    if rule.property in fields:
        refuse(
            f"{where}.property", f"is '{rule.property}', a column that the flow knows: to fill it, write 'to'"
        )


def _check_target(target: Field, where: str, refuse: Refuse) -> None:
    if _guarded(target):
        refuse(
            where,
            f"would fill {target.label} ({target.name}), whose values are checked as the saved search gives "
            "them: change that column in the search instead",
        )


def _guarded(field: Field) -> bool:
    """Whether rows are rejected for what stands in the field."""
    rules = (
        *(field.pattern, field.one_of, field.minimum, field.forbidden, field.max_length),
        field.empty_for,
    )
    return field.required or any(rule is not None for rule in rules)


def _check_names(source: Source, mapping: SourceMapping, refuse: Refuse) -> None:
    """Two things can't have one name."""
    own = [(mapping.properties.get(name, name), f"'properties.{name}'") for name in own_names(source)]
    own += [(name, "Klaviyo itself") for name in source.needed]
    taken = {name: where for name, where in own if name is not None}
    twice = [name for name, count in Counter(name for name, _ in own if name).items() if count > 1]
    if twice:
        refuse("properties", f"gives a name twice: look at {', '.join(sorted(twice))}")
    targets: dict[str, str] = {}
    for name, rule in mapping.columns.items():
        if rule.to is not None:
            if rule.to in targets:
                refuse(
                    f"columns.{name}.to", f"is '{rule.to}', which the column {targets[rule.to]} fills already"
                )
            targets[rule.to] = name
    for where, name in _new_names(mapping):
        if where.startswith("properties."):
            continue
        if name in taken:
            refuse(where, f"gives the name '{name}', which {taken[name]} has already")
        if name in targets:
            refuse(where, f"fills '{name}', which the column {targets[name]} fills already")
        taken[name] = f"'{where}'"


def _new_names(mapping: SourceMapping) -> Iterable[tuple[str, str]]:
    """The names that the mapping gives, and where."""
    for name, rule in mapping.columns.items():
        if rule.property is not None:
            yield f"columns.{name}.property", rule.property
    for name, new in mapping.properties.items():
        if new is not None:
            yield f"properties.{name}", new
    for name in mapping.constants:
        yield f"constants.{name}", name


def _refuser(place: str) -> Refuse:
    def refuse(where: str, why: str) -> NoReturn:
        raise MendError(f"'{place}.{where}' {why}.")

    return refuse


def _advice(name: str, known: Iterable[str]) -> str:
    names: Collection[str] = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"known are {', '.join(names)}" if names else "there are none"
