"""Reads the stores' YAML files and says in one sentence what is wrong with one."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

import yaml
from pydantic import BaseModel, ValidationError

from netsuite_connector.errors import MendError
from netsuite_connector.stores.mapping import ColumnSettings, MappingSettings
from netsuite_connector.stores.model import (
    CatalogSettings,
    ConsentSettings,
    CustomSettings,
    FlowSettings,
    KlaviyoSettings,
    NetSuiteSettings,
    OrderSettings,
    RealtimeSettings,
    SiteSettings,
    Store,
)
from netsuite_connector.stores.operations import GateSettings, ReconciliationSettings, RetentionDays

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# Where the files lie when the environment does not say: beside the package in a checkout.
_CHECKOUT = Path(__file__).resolve().parents[2] / "stores"
_MODELS: dict[str, type[BaseModel]] = {
    "netsuite": NetSuiteSettings,
    "klaviyo": KlaviyoSettings,
    "site": SiteSettings,
    "catalog": CatalogSettings,
    "orders": OrderSettings,
    "consents": ConsentSettings,
    "gates": GateSettings,
    "retention_days": RetentionDays,
    "realtime": RealtimeSettings,
    "reconciliation": ReconciliationSettings,
    "flows": FlowSettings,
}


def stores_folder() -> Path:
    """The folder of the stores' files: ``NETSUITE_CONNECTOR_STORES``, else ``include/stores``."""
    return Path(os.environ.get("NETSUITE_CONNECTOR_STORES") or _CHECKOUT)


def load_stores(folder: Path | None = None) -> tuple[Store, ...]:
    """All stores of ``folder``, by name of file. Raises MendError at the first file with a mistake, and for
    two files of one store.
    """
    folder = folder or stores_folder()
    if not folder.is_dir():
        raise MendError(
            f"There is no folder {folder} to read stores from: create it or set NETSUITE_CONNECTOR_STORES."
        )
    stores: dict[str, tuple[Store, Path]] = {}
    for path in sorted(folder.glob("*.yaml")):
        store = load_store(path)
        if store.store in stores:
            raise MendError(
                f"{path.name} and {stores[store.store][1].name} both describe the store '{store.store}': "
                "give one of them another name."
            )
        stores[store.store] = (store, path)
    return tuple(store for store, _ in stores.values())


def load_store(path: Path) -> Store:
    """The store that ``path`` describes. Raises MendError naming the file, the setting and what to write
    instead.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise MendError(f"{path.name} is not YAML: {error.problem} in line {line}.") from None
    except UnicodeDecodeError:
        raise MendError(f"{path.name} is not a text file in UTF-8.") from None
    if not isinstance(content, dict):
        raise MendError(
            f"{path.name} is empty or not a list of settings: see docs/stores.md for what it must say."
        )
    try:
        store = Store.model_validate(content)
    except ValidationError as error:
        # A misspelt setting is also a missing one: what stands in the file is what its writer looks at.
        first = min(error.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
        raise MendError(f"{path.name}: {_sentence(first)}") from None
    if store.timezone not in available_timezones():
        raise MendError(
            f"{path.name}: timezone '{store.timezone}' is not a known time zone: "
            "write one like 'Europe/Madrid'."
        )
    return store


def _sentence(error: ErrorDetails) -> str:
    place = ".".join(str(part) for part in error["loc"] if part != "[key]")
    if error["type"] == "value_error":
        rule = error["msg"].removeprefix("Value error, ")
        return f"'{place}': {rule}." if place else f"{rule}."
    if error["type"] == "extra_forbidden":
        known = _known_settings(error["loc"])
        near = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
        advice = f"did you mean '{near[0]}'?" if near else f"known here are {', '.join(known)}."
        return f"'{place}' is not a setting; {advice}"
    if error["type"] == "missing":
        return f"'{place}' is missing: see docs/stores.md for what it must say."
    return f"'{place}' is {_shown(error['input'])}: {error['msg'][0].lower()}{error['msg'][1:]}."


def _known_settings(loc: tuple[int | str, ...]) -> list[str]:
    if "custom" in loc[:-1]:
        return list(CustomSettings.model_fields)
    if "mapping" in loc[:-1]:
        return list((ColumnSettings if "columns" in loc[:-1] else MappingSettings).model_fields)
    model = _MODELS.get(str(loc[0]), Store) if len(loc) > 1 else Store
    return list(model.model_fields)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
