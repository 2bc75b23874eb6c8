"""What a store's YAML file may say. docs/stores.md explains each setting to its writer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
SearchId = Annotated[str, StringConstraints(pattern=r"^(customsearch[a-z0-9_]+|[0-9]+)$")]


class FlowName(StrEnum):
    """The flows that a store can have; each is a domain of the same name."""

    CATALOG = "catalog"
    CUSTOMERS = "customers"
    ORDERS = "orders"


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class NetSuiteSettings(_Settings):
    """Where the store reads from: an Airflow connection of type *NetSuite*."""

    connection: str = "netsuite_default"
    page_rows: int = Field(default=5000, ge=100, le=50_000)


class KlaviyoSettings(_Settings):
    """Where the store delivers to: an Airflow connection of type *Klaviyo*."""

    connection: str = "klaviyo_default"


class SiteSettings(_Settings):
    """The storefront. ``item_url`` is filled with the item's URL component, ``image_url`` with its image's
    path.
    """

    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+(/\S*)?$")]
    item_url: Annotated[str, StringConstraints(pattern=r"\{urlcomponent\}")] = "{url}/{urlcomponent}"
    image_url: Annotated[str, StringConstraints(pattern=r"\{image\}")] = "{url}/{image}"


class FlowSettings(_Settings):
    """One flow: on or off, its schedule (five-field cron in the store's time zone, or none) and its saved
    searches by source.
    """

    enabled: bool = True
    schedule: str | None = None
    searches: dict[str, SearchId] = Field(default_factory=dict)


class Store(_Settings):
    """One store. ``country`` (ISO 3166, two letters) tells how its phones without a country code are read;
    ``currency`` (ISO 4217) is the
    NetSuite account's base currency, in which amounts are sent.
    """

    store: Slug
    name: str
    netsuite: NetSuiteSettings = NetSuiteSettings()
    klaviyo: KlaviyoSettings = KlaviyoSettings()
    site: SiteSettings
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    timezone: str = "UTC"
    flows: dict[Annotated[FlowName, Field(strict=False)], FlowSettings]

    def search(self, flow: str, source: str, default: str) -> str:
        """The id of the saved search that ``source`` of ``flow`` reads: the store's own, or the domain's
        default.
        """
        settings = self.flows.get(FlowName(flow))
        return settings.searches.get(source, default) if settings else default
