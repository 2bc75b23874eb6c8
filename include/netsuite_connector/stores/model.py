"""What a store's YAML file may say. docs/stores.md explains each setting to its writer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from netsuite_connector.stores.base import FieldId, Settings
from netsuite_connector.stores.mapping import MappingSettings
from netsuite_connector.stores.operations import GateSettings, ReconciliationSettings, RetentionDays

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
SearchId = Annotated[str, StringConstraints(pattern=r"^(customsearch[a-z0-9_]+|[0-9]+)$")]
Ids = tuple[Annotated[str, StringConstraints(min_length=1)], ...]


class FlowName(StrEnum):
    """The flows that every store can have; each is a domain of the same name."""

    CATALOG = "catalog"
    STOCK = "stock"
    CUSTOMERS = "customers"
    ORDERS = "orders"
    OPPORTUNITIES = "opportunities"
    QUOTES = "quotes"


# DAGs that are no flows.
_TAKEN = (
    "check",
    "consents",
    "privacy_deletion",
    "housekeeping",
    "rejected_replay",
    "realtime",
    "history_backfill",
    "reconciliation",
)


class NetSuiteSettings(Settings):
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


class ReadBack(StrEnum):
    """How much of what was delivered is read back from Klaviyo as proof."""

    SAMPLE = "sample"
    ALL = "all"


class KlaviyoSettings(Settings):
    """Where the store delivers to: an Airflow connection of type *Klaviyo*, and how much of what was
    delivered is read back.
    """

    connection: str = "klaviyo_default"
    confirm: Annotated[ReadBack, Field(strict=False)] = ReadBack.SAMPLE


class SiteSettings(Settings):
    """The storefront. ``item_url`` is filled with the item's URL component, ``image_url`` with its image's
    path. ``image_folder`` is the internal id of the File Cabinet folder of its images, ``image_options``
    are the matrix options (item fields) whose values choose a matrix child's image.
    """

    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+(/\S*)?$")] | None = None
    item_url: Annotated[str, StringConstraints(pattern=r"\{urlcomponent\}")] = "{url}/{urlcomponent}"
    image_url: Annotated[str, StringConstraints(pattern=r"\{image\}")] = "{url}/{image}"
    image_folder: Annotated[str, StringConstraints(pattern=r"^[0-9]+$")] | None = None
    image_options: Annotated[tuple[FieldId, ...], Field(strict=False)] = ()


class Gone(StrEnum):
    """What becomes in Klaviyo of an item that is inactive, offline, deleted or out of the search."""

    UNPUBLISH = "unpublish"
    DELETE = "delete"


class FeedSettings(Settings):
    """A catalog feed instead of the API: ``files`` is an fsspec URL of a folder that Klaviyo can read at
    ``url``.
    """

    files: Annotated[str, StringConstraints(min_length=1)]
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+(/\S*)?$")]


class CatalogSettings(Settings):
    """``price_level`` and ``currency`` (internal ids) choose an item's price, which is else its base price.
    ``gone``: see :class:`Gone`. With ``feed`` the catalog is a feed, and the API is not used for it.
    """

    gone: Annotated[Gone, Field(strict=False)] = Gone.UNPUBLISH
    price_level: Annotated[str, StringConstraints(pattern=r"^[0-9]+$")] | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^[0-9]+$")] | None = None
    feed: FeedSettings | None = None


class OrderSettings(Settings):
    """``metric`` names the event of a placed order: *Order Completed* for those who come from Tavano."""

    metric: Annotated[str, StringConstraints(min_length=1, max_length=127)] = "Placed Order"


class ConsentSettings(Settings):
    """Import of confirmed opt-ins (status 3) into a Klaviyo list. ``list`` is the list's name or id;
    ``consented_at`` the column that says when; ``suppress``: whether those who opted out in NetSuite
    (statuses 2 and 4) are suppressed in Klaviyo.
    """

    enabled: bool = True
    schedule: str | None = None
    list: Annotated[str, StringConstraints(min_length=1)]
    consented_at: FieldId
    suppress: bool = False


class RealtimeSettings(Settings):
    """Changes within seconds, from the outbox in NetSuite, which is looked at every ``interval_seconds``.
    ``flows`` says of which; the others wait for their schedule.
    """

    enabled: bool = False
    interval_seconds: int = Field(default=10, ge=1, le=3600)
    flows: Annotated[tuple[Annotated[FlowName, Field(strict=False)], ...], Field(strict=False)] = (
        FlowName.CUSTOMERS,
        FlowName.ORDERS,
    )

    @model_validator(mode="after")
    def _stock_has_no_saves(self) -> RealtimeSettings:
        if FlowName.STOCK in self.flows:
            raise ValueError(
                "stock can't be in real time, as it changes without a save of the item: "
                "give the flow 'stock' a short schedule"
            )
        return self


class CustomSettings(Settings):
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


class FlowSettings(Settings):
    """One flow: on or off, its schedule (five-field cron in the store's time zone, or none) and its saved
    searches by source.

    ``only`` narrows a source: by field, the ids of which a row must have one. ``mapping`` says, by source,
    what becomes of columns, and ``extra`` whether those flow through that nothing is said of. ``custom``
    makes a flow of a saved search of one's own. ``gates`` are the flow's own, instead of the store's.
    """

    enabled: bool = True
    schedule: str | None = None
    searches: dict[str, SearchId] = Field(default_factory=dict)
    only: dict[str, dict[FieldId, Annotated[Ids, Field(strict=False)]]] = Field(default_factory=dict)
    mapping: dict[str, MappingSettings] = Field(default_factory=dict)
    extra: bool = True
    custom: CustomSettings | None = None
    gates: GateSettings | None = None


class Store(Settings):
    """One store. ``country`` (ISO 3166, two letters) tells how its phones without a country code are read;
    ``currency`` (ISO 4217) is the NetSuite account's base currency, in which amounts are sent. ``as_id``
    names the selects that are sent as their id instead of their text. A backfill of history may begin
    ``history_years`` ago.
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
    catalog: CatalogSettings = CatalogSettings()
    orders: OrderSettings = OrderSettings()
    consents: ConsentSettings | None = None
    gates: GateSettings = GateSettings()
    retention_days: RetentionDays = RetentionDays()
    realtime: RealtimeSettings = RealtimeSettings()
    reconciliation: ReconciliationSettings = ReconciliationSettings()
    history_years: int = Field(default=5, ge=1, le=30)
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
        stock = self.flows.get(FlowName.STOCK)
        if self.catalog.feed is not None and stock is not None and stock.enabled:
            raise ValueError(
                "a catalog that is a feed has its stock in the feed, and Klaviyo takes no stock by its API "
                "then: take the flow 'stock' out, or 'catalog.feed'"
            )
        return self

    @property
    def flows_with_history(self) -> tuple[str, ...]:
        """The flows that are switched on whose records are events or profiles: a catalog has no past."""
        without = (FlowName.CATALOG, FlowName.STOCK)
        return tuple(name for name, each in self.flows.items() if each.enabled and name not in without)

    @property
    def flows_to_reconcile(self) -> tuple[str, ...]:
        """The flows that are switched on and can be compared with Klaviyo, ``consents`` last. A catalog that
        is a feed can't: Klaviyo's API does not show what it made of it.
        """
        left_out = FlowName.CATALOG if self.catalog.feed is not None else None
        flows = tuple(name for name, each in self.flows.items() if each.enabled and name != left_out)
        consents = self.consents is not None and self.consents.enabled
        return (*flows, "consents") if consents else flows

    def search(self, flow: str, source: str, default: str) -> str:
        """The id of the saved search that ``source`` of ``flow`` reads: the store's own, or the domain's
        default.
        """
        settings = self.flows.get(flow)
        return settings.searches.get(source, default) if settings else default
