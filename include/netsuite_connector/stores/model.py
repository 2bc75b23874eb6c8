"""What a store's YAML file may say. docs/stores.md explains each setting to its writer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
SearchId = Annotated[str, StringConstraints(pattern=r"^(customsearch[a-z0-9_]+|[0-9]+)$")]
FieldId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$")]
Ids = tuple[Annotated[str, StringConstraints(min_length=1)], ...]


class FlowName(StrEnum):
    """The flows that every store can have; each is a domain of the same name."""

    CATALOG = "catalog"
    CUSTOMERS = "customers"
    ORDERS = "orders"


# DAGs that are no flows.
_TAKEN = ("check",)


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class NetSuiteSettings(_Settings):
    """Where the store reads from: an Airflow connection of type *NetSuite*.

    ``page_rows`` are asked for in a call, and at most ``concurrency`` calls run at once, in all flows
    together. ``website`` is the internal id of the store's website, by which its configuration record is
    found. A run reads changes from ``overlap_minutes`` before the high-water mark up to ``lag_minutes``
    before NetSuite's clock.
    """

    connection: str = "netsuite_default"
    page_rows: int = Field(default=5000, ge=100, le=50_000)
    concurrency: int = Field(default=2, ge=1, le=20)
    website: Annotated[str, StringConstraints(pattern=r"^[0-9]+$")] | None = None
    overlap_minutes: int = Field(default=5, ge=0, le=1440)
    lag_minutes: int = Field(default=1, ge=0, le=60)


class KlaviyoSettings(_Settings):
    """Where the store delivers to: an Airflow connection of type *Klaviyo*."""

    connection: str = "klaviyo_default"


class SiteSettings(_Settings):
    """The storefront. ``item_url`` is filled with the item's URL component, ``image_url`` with its image's
    path. ``image_folder`` is the internal id of the File Cabinet folder of its images, ``image_options``
    are the matrix options (item fields) whose values choose a matrix child's image.
    """

    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+(/\S*)?$")] | None = None
    item_url: Annotated[str, StringConstraints(pattern=r"\{urlcomponent\}")] = "{url}/{urlcomponent}"
    image_url: Annotated[str, StringConstraints(pattern=r"\{image\}")] = "{url}/{image}"
    image_folder: Annotated[str, StringConstraints(pattern=r"^[0-9]+$")] | None = None
    image_options: Annotated[tuple[FieldId, ...], Field(strict=False)] = ()


class CustomSettings(_Settings):
    """What the rows of a saved search of one's own become: a Klaviyo event each, or a profile each.

    ``metric`` names the event, and is left out for profiles. The other settings name columns: the e-mail
    address, the event's moment and its value. ``mandatory`` columns must be in the search.
    """

    metric: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    email: FieldId = "email"
    time: FieldId | None = None
    value: FieldId | None = None
    mandatory: Annotated[tuple[FieldId, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _event_has_time(self) -> CustomSettings:
        if self.metric is not None and self.time is None:
            raise ValueError("an event needs 'time', the column that says when it happened")
        if self.metric is None and (self.time or self.value):
            raise ValueError("'time' and 'value' belong to an event: add its 'metric', or leave them out")
        return self


class FlowSettings(_Settings):
    """One flow: on or off, its schedule (five-field cron in the store's time zone, or none) and its saved
    searches by source.

    ``only`` narrows a source: by field, the ids of which a row must have one. ``custom`` makes a flow of a
    saved search of one's own.
    """

    enabled: bool = True
    schedule: str | None = None
    searches: dict[str, SearchId] = Field(default_factory=dict)
    only: dict[str, dict[FieldId, Annotated[Ids, Field(strict=False)]]] = Field(default_factory=dict)
    custom: CustomSettings | None = None


class Store(_Settings):
    """One store. ``country`` (ISO 3166, two letters) tells how its phones without a country code are read;
    ``currency`` (ISO 4217) is the NetSuite account's base currency, in which amounts are sent. ``as_id``
    names the selects that are sent as their id instead of their text.
    """

    store: Slug
    name: str
    netsuite: NetSuiteSettings = NetSuiteSettings()
    klaviyo: KlaviyoSettings = KlaviyoSettings()
    site: SiteSettings = SiteSettings()
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    timezone: str = "UTC"
    as_id: Annotated[tuple[FieldId, ...], Field(strict=False)] = ()
    flows: dict[Slug, FlowSettings]

    @model_validator(mode="after")
    def _flows_are_known_or_custom(self) -> Store:
        known = [name.value for name in FlowName]
        for name, settings in self.flows.items():
            if name in _TAKEN:
                raise ValueError(
                    f"a flow can't be called '{name}', since a DAG has that name: choose another"
                )
            if (name in known) == (settings.custom is not None):
                raise ValueError(
                    f"the flow '{name}' is one of the usual ones and can't have 'custom'"
                    if name in known
                    else f"'{name}' is none of the usual flows ({', '.join(known)}): "
                    "say under 'custom' what its rows become"
                )
            if settings.custom is not None and set(settings.searches) != {name}:
                raise ValueError(
                    f"the flow '{name}' needs its saved search: searches: {{{name}: customsearch_…}}"
                )
        return self

    def search(self, flow: str, source: str, default: str) -> str:
        """The id of the saved search that ``source`` of ``flow`` reads: the store's own, or the domain's
        default.
        """
        settings = self.flows.get(flow)
        return settings.searches.get(source, default) if settings else default
