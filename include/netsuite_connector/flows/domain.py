"""Which domain a flow of a store is."""

from __future__ import annotations

from netsuite_connector.domains.catalog import catalog_domain
from netsuite_connector.domains.catalog_feed import feed_domain
from netsuite_connector.domains.custom import event_domain, profile_domain
from netsuite_connector.domains.model import Domain
from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.domains.stock import stock_domain
from netsuite_connector.stores.model import FlowName, Gone, Store


def domain_of(store: Store, flow: str) -> Domain:
    """The domain of that name as the store has it, or the one that it describes under ``custom``."""
    custom = store.flows[flow].custom
    if custom is None:
        return _catalog(store, flow) or DOMAINS[flow]
    search = store.flows[flow].searches[flow]
    if custom.metric is None:
        return profile_domain(flow, search, email=custom.email, mandatory=custom.mandatory)
    assert custom.time is not None, "the store's model asks an event for its time"  # noqa: S101
    return event_domain(
        flow,
        search,
        metric=custom.metric,
        email=custom.email,
        time=custom.time,
        value=custom.value,
        mandatory=custom.mandatory,
    )


def domain_with(store: Store, domain: Domain) -> Domain:
    """The domain of the same flow, now that the store's settings are whole."""
    return domain_of(store, domain.flow) if domain.flow in store.flows else domain


def _catalog(store: Store, flow: str) -> Domain | None:
    """The domain of a flow of the catalog, which depends on the store's settings; None for other flows."""
    catalog, folder = store.catalog, store.site.image_folder
    if flow == FlowName.STOCK:
        return stock_domain(level=catalog.price_level, currency=catalog.currency)
    if flow != FlowName.CATALOG:
        return None
    if catalog.feed is not None:
        return feed_domain(level=catalog.price_level, currency=catalog.currency, folder=folder)
    return catalog_domain(
        delete=catalog.gone is Gone.DELETE,
        level=catalog.price_level,
        currency=catalog.currency,
        folder=folder,
    )
