"""What the RESTlet tells about the account and its saved searches, and how its answers become typed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from netsuite_connector.column_type import ColumnType
from netsuite_connector.netsuite.errors import NetSuiteScriptError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a saved search: ``key`` is stable; ``label`` may change, and is None if never set."""

    key: str
    name: str
    join: str | None
    label: str | None
    type: ColumnType


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """The account, and whom and what the RESTlet runs as.

    ``version`` is the RESTlet's, ``user`` and ``role`` are internal ids, ``now`` is NetSuite's clock,
    ``units`` how many governance units are left to the call.
    """

    version: str
    account: str
    user: str
    role: str
    timezone: str
    dateformat: str
    timeformat: str
    now: datetime
    units: int


@dataclass(frozen=True, slots=True)
class SearchTitle:
    """A saved search: ``id`` is what the other calls take, ``type`` the record type that it searches."""

    id: str
    title: str | None
    type: str


@dataclass(frozen=True, slots=True)
class SearchInfo:
    """A saved search and its columns; ``lines``: it gives several rows a record."""

    search: SearchTitle
    columns: tuple[Column, ...]
    lines: bool


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many rows a search has, and the first and last internal id among them (None without rows)."""

    count: int
    first: int | None
    last: int | None


@dataclass(frozen=True, slots=True)
class SearchList:
    """The answer of ``searches``."""

    searches: list[SearchTitle]


def typed(kind: type[T], answer: dict[str, Any], what: str) -> T:
    """``answer`` as the dataclass ``kind``, its other keys left out.

    Raises NetSuiteScriptError that names the keys (never the values, which may be personal) when it doesn't
    fit.
    """
    try:
        typed_answer: T = _adapter(kind).validate_python(answer)  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = sorted({".".join(map(str, detail["loc"])) for detail in error.errors()})
        raise NetSuiteScriptError(
            f"The RESTlet's answer to {what} lacks or garbles {', '.join(wrong)}: deploy the SuiteCloud "
            "project that came with this connector."
        ) from None
    return typed_answer


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Made once a type: it takes longer to make than a page to read."""
    return TypeAdapter(kind)
