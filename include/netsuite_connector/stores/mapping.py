"""What a store's YAML file may say about columns on their way to Klaviyo. docs/mapping.md explains it to its
writer; whether it suits the flow is checked in ``domains/mapping.py``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from netsuite_connector.column_type import TEXT_SUFFIX
from netsuite_connector.stores.base import FieldId, Settings

# Klaviyo keeps names that begin with a dollar sign for itself.
PropertyName = Annotated[str, StringConstraints(pattern=r'^[^"\\$\x00-\x1f][^"\\\x00-\x1f]{0,254}$')]
Constant = bool | int | float | str


class ColumnSettings(Settings):
    """What becomes of a column: ``to`` names the known column that it fills, ``property`` what its property
    is called, ``drop`` leaves it out. ``send`` says which half of a select is sent, ``type`` what its values
    become.
    """

    to: FieldId | None = None
    property: PropertyName | None = None
    drop: bool = False
    send: Literal["id", "text"] | None = None
    type: Literal["text", "number", "boolean", "date"] | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> ColumnSettings:
        if self.drop and (self.to or self.property or self.send or self.type):
            raise ValueError("a column with 'drop' is not sent, so nothing else can be said of it")
        if self.to and self.property:
            raise ValueError("a column fills a known one ('to') or is a property ('property'), not both")
        if not (self.drop or self.to or self.property or self.send or self.type):
            raise ValueError("say what becomes of the column: to, property, drop, send or type")
        if self.property is not None and self.property.endswith(TEXT_SUFFIX):
            raise ValueError(f"no property can have a name that ends with '{TEXT_SUFFIX}'")
        return self


class MappingSettings(Settings):
    """The mapping of one source. ``properties`` names what the connector itself sends: another name, or false
    to leave it out. ``constants`` are the same for all records, by property or known column.
    """

    columns: dict[FieldId, ColumnSettings] = Field(default_factory=dict)
    properties: dict[str, PropertyName | Literal[False]] = Field(default_factory=dict)
    constants: dict[PropertyName, Constant] = Field(default_factory=dict)
