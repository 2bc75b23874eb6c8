"""What a run of a flow is asked to do, and where its stages keep what they make."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from netsuite_connector.domains.mapping import SourceMapping
from netsuite_connector.domains.model import Domain, Site, Source
from netsuite_connector.errors import MendError
from netsuite_connector.flows.ledger import Ledger
from netsuite_connector.flows.mapping import check_mappings, mapping_of
from netsuite_connector.staging.dataset import Dataset
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.model import Store
from netsuite_connector.window import Window

# How late an order may reach Klaviyo and still wake flows: a long weekend of trouble, but not last month.
LIVE = timedelta(days=7)
_ALL_IS_HISTORY = "9999"
READ_FROM = "read_from"
"""The fact of a manifest that says when the run began to read, in nanoseconds since 1970."""
READ_AGAIN = "read_again"
"""The fact that says how many rows were read again though nothing has changed."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: a flow of a store over a window of last changes.

    Its place in staging derives from these alone, so that the same request finds what an earlier try of it
    left.
    ``limit`` (rows a source), ``dry_run`` and ``resend`` (what the ledger has is sent again too) are part of
    the request: what they make is kept apart. ``bounded``: a person said where the window ends. ``replay``
    names a run over chosen records only, whose ids lie in the run's folder. ``history``: the window is of
    when records were created, and all that happened then is history.
    """

    store: Store
    domain: Domain
    window: Window
    staging: Staging
    limit: int | None = None
    dry_run: bool = False
    resend: bool = False
    bounded: bool = False
    replay: str | None = None
    history: bool = False
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def key(self) -> str:
        """The run's folder: the window, then what narrows it."""
        start = self.window.start_text or "beginning"
        end = self.window.end_text or "open"
        name = f"{start}--{end}".replace(":", "") if self.replay is None else f"replay-{self.replay}"
        if self.history:
            name = f"history-{name}"
        if self.limit is not None:
            name += f"-limit-{self.limit}"
        if self.resend:
            name += "-resend"
        return f"{name}-dry-run" if self.dry_run else name

    @property
    def whole(self) -> bool:
        """Whether the run reads all there is, so that what it does not see is gone."""
        bounded = self.bounded or self.history or self.limit is not None or self.replay is not None
        return self.window.start is None and not bounded

    @property
    def everything(self) -> bool:
        """Whether all records are shaped to be looked at, whatever the ledger has; a run that delivers leaves
        out what was delivered before.
        """
        return False

    @property
    def chosen(self) -> bool:
        """Whether it has only some of what others have read: what it does not have says nothing."""
        return False

    def ids(self, source: Source) -> list[int] | None:
        """The internal ids of the only records of ``source`` that a replay reads; None for every other run,
        and for lookups, of which nobody knows which rows will be wanted.
        """
        if self.replay is None or source.kind is None:
            return None
        chosen: dict[str, list[int]] = self.staging.read_json(self.document("ids.json")) or {}
        return chosen.get(source.name, [])

    @property
    def read_from(self) -> int | None:
        """When the run began to read, before it saw any of its rows, in nanoseconds since 1970. None where it
        has not read.
        """
        read = (self.dataset("extract", source).manifest() for source in self.domain.extracted)
        moments = [each.facts[READ_FROM] for each in read if each is not None and READ_FROM in each.facts]
        return min(moments, default=None)

    @property
    def place(self) -> tuple[str, ...]:
        """The run's folder as parts of a path below the staging root."""
        return (self.store.store, self.domain.flow, "runs", self.key)

    @property
    def site(self) -> Site:
        """What the domain's shapers must know of the store."""
        return Site(
            store=self.store.store,
            url=(self.store.site.url or "").rstrip("/"),
            item_url=self.store.site.item_url,
            image_url=self.store.site.image_url,
            country=self.store.country,
            currency=self.store.currency,
            live_from=self._live_from,
            as_id=frozenset(self.store.as_id),
            image_options=self.store.site.image_options,
            placed_order=self.store.orders.metric,
        )

    @property
    def _live_from(self) -> str:
        """Events before this moment are history. Until a run over everything has ended all are: it sends what
        is years old along with what is new, and people were written to about it then. Later runs take an
        order that turns up within ``LIVE`` of being placed for news.
        """
        # Not by the ledger: a backfill or a heal may have delivered a little before the first run.
        if self.history or self.staging.read_json(self.mark_place) is None:
            return _ALL_IS_HISTORY
        # Measured from now and not from the window, which may lie years back.
        return (self.now - LIVE).strftime("%Y-%m-%dT%H:%M:%SZ")

    def dataset(self, stage: str, source: Source) -> Dataset:
        """Where ``stage`` keeps the rows or records of ``source``."""
        return self.staging.dataset(*self.place, stage, source.name)

    @property
    def between(self) -> str:
        """The two connections that the run goes between, as a part of a path.

        What is remembered of runs is kept by it: a store that is pointed at another account begins anew, as
        what one Klaviyo account has says nothing of another, and internal ids of one NetSuite account mean
        other records in the next.
        """
        return f"{self.store.netsuite.connection}--{self.store.klaviyo.connection}"

    @property
    def mark_place(self) -> tuple[str, ...]:
        """Where the flow's high-water mark lies (``flows/highwater.py``)."""
        return (self.store.store, self.domain.flow, "highwater", f"{self.between}.json")

    def ledger(self, source: Source) -> Ledger:
        """What earlier runs delivered from ``source``: one for all runs of the flow between the same two
        connections.
        """
        name = source.ledger_of or source.name
        place = (self.store.store, self.domain.flow, "ledger", self.between, name)
        return Ledger(self.staging, place, by=f"{self.key} {source.name}")

    def document(self, *name: str) -> tuple[str, ...]:
        """The path of a small JSON document of the run."""
        return (*self.place, *name)

    def search(self, source: Source) -> str:
        """The id of the saved search that ``source`` reads. Derived sources have none."""
        assert source.search is not None, f"{source.name} is derived"  # noqa: S101
        return self.store.search(self.domain.settings_of or self.domain.flow, source.name, source.search)

    def mapping(self, source: Source) -> SourceMapping:
        """What becomes of the source's columns, by the store's settings."""
        return mapping_of(self.store, self.domain.flow, source)

    def only(self, source: Source) -> Mapping[str, tuple[str, ...]]:
        """What narrows ``source``: by field, the ids of which a row must have one."""
        settings = self.store.flows.get(self.domain.settings_of or self.domain.flow)
        return {**source.only, **(settings.only.get(source.name, {}) if settings else {})}


def open_staging() -> Staging:
    """The staging that ``NETSUITE_CONNECTOR_STAGING`` names (an fsspec URL), or ``$AIRFLOW_HOME/staging``."""
    root = os.environ.get("NETSUITE_CONNECTOR_STAGING")
    if not root:
        home = os.environ.get("AIRFLOW_HOME") or str(Path.home() / "airflow")
        root = str(Path(home) / "staging")
    return Staging(root)


def check_searches(store: Store, domain: Domain) -> None:
    """Raise MendError where the store names a source that the flow does not have, or maps what can't be."""
    known = [source.name for source in domain.extracted]
    settings = store.flows[domain.flow]
    for setting, names in (("searches", settings.searches), ("only", settings.only)):
        for name in names:
            if name not in known:
                raise MendError(
                    f"Store '{store.store}': 'flows.{domain.flow}.{setting}.{name}' is not a source of the "
                    f"flow; known are {', '.join(known)}."
                )
    check_mappings(store, domain)
