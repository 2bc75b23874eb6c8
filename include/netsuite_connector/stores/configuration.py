"""What NetSuite's own configuration record says of a store, beneath what its YAML file says.

The record (``customrecord_nsk_config``, docs/netsuite/configuration.md) lets a NetSuite administrator set
what belongs to the website. A setting that stands in the YAML file wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from netsuite_connector.errors import MendError
from netsuite_connector.stores.model import FlowName, Store

YAML, NETSUITE, DEFAULT = "YAML", "NetSuite", "default"


@dataclass(frozen=True, slots=True)
class Record:
    """One configuration record. Empty values are None or empty; ``flows`` are its switches by flow."""

    id: int
    name: str | None = None
    store: str | None = None
    website: str | None = None
    domain: str | None = None
    item_url: str | None = None
    image_folder: str | None = None
    image_options: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    flows: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Configured:
    """A store with its configuration record beneath it. ``origins``: by setting, where its value is from."""

    store: Store
    origins: Mapping[str, str] = field(default_factory=dict)


def configured(store: Store, records: Iterable[Record]) -> Configured:
    """The store with what its record adds.

    The record is the one that names the store, else the one of the store's website. Raises MendError when
    there are two, when a value in it can't be, and when neither side says the site's address.
    """
    record = _of(store, records)
    offered = _offered(record) if record is not None else {}
    settings = store.model_dump(exclude_unset=True)
    origins: dict[str, str] = {}
    for name in ("site.url", "site.item_url", "site.image_folder", "site.image_options", "as_id"):
        _take(settings, name.split("."), name, offered.get(name), origins)
    for flow in store.flows:
        if flow in {each.value for each in FlowName}:
            place = ["flows", flow, "enabled"]
            _take(settings, place, ".".join(place), offered.get(f"flows.{flow}"), origins)
    if FlowName.ORDERS in store.flows:
        for field_id in ("type", "status"):
            place = ["flows", FlowName.ORDERS.value, "only", FlowName.ORDERS.value, field_id]
            _take(settings, place, ".".join(place), offered.get(field_id), origins)
    try:
        merged = Store.model_validate(settings)
    except ValidationError as error:
        setting = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise MendError(
            f"Configuration record {record.id if record else '?'} in NetSuite has a value for '{setting}' "
            f"that can't be: {error.errors()[0]['msg']}."
        ) from None
    if merged.site.url is None:
        raise MendError(
            f"Store '{store.store}' has no address: set 'site.url' in its YAML file, or 'Domain' in its "
            "configuration record in NetSuite."
        )
    return Configured(merged, origins)


def _of(store: Store, records: Iterable[Record]) -> Record | None:
    records = list(records)
    for matches in (
        [record for record in records if record.store == store.store],
        [record for record in records if store.netsuite.website and record.website == store.netsuite.website],
    ):
        if len(matches) > 1:
            ids = " and ".join(str(record.id) for record in matches)
            raise MendError(
                f"NetSuite has several configuration records of store '{store.store}' ({ids}): make all but "
                "one inactive."
            )
        if matches:
            return matches[0]
    return None


def _offered(record: Record) -> dict[str, Any]:
    """The record's values by setting; what is empty is left out."""
    domain = record.domain
    if domain and "://" not in domain:
        domain = f"https://{domain}"
    values: dict[str, Any] = {
        "site.url": domain,
        "site.item_url": record.item_url,
        "site.image_folder": record.image_folder,
        "site.image_options": list(record.image_options),
        "as_id": list(record.ids),
        "type": list(record.types),
        "status": list(record.statuses),
    }
    switches = {f"flows.{flow}": on for flow, on in record.flows.items()}
    if FlowName.CATALOG in record.flows:
        # Stock and prices are those of the catalog, so one switch is for both.
        switches[f"flows.{FlowName.STOCK}"] = record.flows[FlowName.CATALOG]
    return {name: value for name, value in values.items() if value} | switches


def _take(settings: dict[str, Any], place: list[str], name: str, value: Any, origins: dict[str, str]) -> None:
    """Set what the record offers, unless the YAML file says it, and note where the value is from."""
    *way, last = place
    inner = settings
    for part in way:
        inner = inner.setdefault(part, {})
    if last in inner:
        origins[name] = YAML
    elif value is not None:
        inner[last] = value
        origins[name] = NETSUITE
    else:
        origins[name] = DEFAULT
