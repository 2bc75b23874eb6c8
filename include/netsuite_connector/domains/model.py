"""The small types that describe a domain: which columns a saved search must have and what their values must look like."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class FieldType(enum.StrEnum):
    """A column's type on the RESTlet's wire (docs/netsuite/restlet.md)."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    SELECT = "select"
    MULTISELECT = "multiselect"


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a saved search that the domain knows by name.

    ``mandatory``: the saved search must have the column, or the run stops before a row moves.
    ``required``: every row must have a value in it, or the row is rejected.
    ``pattern`` (a regular expression that the whole value matches), ``one_of`` and ``minimum`` apply to values that are there;
    ``hint`` finishes the sentence "<label> …" in the reason of a rejected row.
    """

    name: str
    label: str
    type: FieldType = FieldType.TEXT
    mandatory: bool = False
    required: bool = False
    pattern: str | None = None
    one_of: tuple[str, ...] | None = None
    minimum: float | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One saved search of a flow: a name within the flow, the search's default id, the search type and its known fields."""

    name: str
    search: str
    record_type: str
    fields: tuple[Field, ...]

    @property
    def mandatory(self) -> tuple[Field, ...]:
        """The fields whose columns the saved search must have."""
        return tuple(field for field in self.fields if field.mandatory)
