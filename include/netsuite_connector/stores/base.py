"""What all settings of a store's YAML file have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

FieldId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$")]


class Settings(BaseModel):
    """Nothing but the settings that a model names, and no value of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
