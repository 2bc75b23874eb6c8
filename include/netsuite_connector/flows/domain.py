"""Which domain a flow of a store is."""

from __future__ import annotations

from netsuite_connector.domains.custom import event_domain, profile_domain
from netsuite_connector.domains.model import Domain
from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.stores.model import Store


def domain_of(store: Store, flow: str) -> Domain:
    """The domain of that name, or the one that the store describes under ``custom``."""
    custom = store.flows[flow].custom
    if custom is None:
        return DOMAINS[flow]
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
