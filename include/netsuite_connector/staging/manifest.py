"""What a dataset consists of: it is there when its manifest is, and holds what the manifest names."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson
import pyarrow as pa

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file of a dataset: its name in the dataset's folder, rows, bytes, and their SHA-256."""

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """``id`` says what the dataset holds: the same rows in the same order and columns have the same id.

    ``columns`` maps names to Arrow types in order, for people; ``arrow_schema`` is the same for Arrow (its
    IPC form in base64). ``created_at`` is ISO 8601 UTC; ``facts`` is what the stage that wrote it has to say.
    """

    id: str
    rows: int
    parts: tuple[Part, ...]
    columns: Mapping[str, str]
    arrow_schema: str
    created_at: str
    facts: Mapping[str, Any]
    format: int = FORMAT

    @classmethod
    def of(
        cls, schema: pa.Schema, parts: tuple[Part, ...], created_at: str, facts: Mapping[str, Any]
    ) -> Manifest:
        """The manifest of a dataset that has these parts."""
        columns = {field.name: str(field.type) for field in schema}
        return cls(
            id=_content_id(columns, parts),
            rows=sum(part.rows for part in parts),
            parts=parts,
            columns=columns,
            arrow_schema=base64.b64encode(schema.serialize()).decode(),
            created_at=created_at,
            facts=facts,
        )

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """The manifest from what ``to_json`` gave. Raises ValueError for anything else."""
        fields = orjson.loads(data)
        if not isinstance(fields, dict) or fields.get("format") != FORMAT:
            raise ValueError(f"not a manifest of format {FORMAT}")
        try:
            return cls(**{**fields, "parts": tuple(Part(**part) for part in fields["parts"])})
        except (KeyError, TypeError) as error:
            raise ValueError("fields are missing or unknown") from error

    def to_json(self) -> bytes:
        """The manifest as it is stored. Raises TypeError for facts that JSON can't hold."""
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2)

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(self.arrow_schema)))


def _content_id(columns: Mapping[str, str], parts: tuple[Part, ...]) -> str:
    content = [list(columns.items()), [[part.rows, part.sha256] for part in parts]]
    return hashlib.sha256(orjson.dumps(content)).hexdigest()[:32]
