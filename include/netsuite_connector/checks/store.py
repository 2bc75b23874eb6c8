"""The whole check of a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from netsuite_connector.checks import feed, klaviyo, netsuite
from netsuite_connector.checks.finding import Finding, Found, Verdict, right, skipped, tried, warning
from netsuite_connector.errors import ConnectorError
from netsuite_connector.flows.domain import domain_of
from netsuite_connector.flows.run import check_searches
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.netsuite import NetSuiteClient
from netsuite_connector.stores.model import Store

STORE = "store"


def check_store(
    store: Store,
    netsuite_client: Callable[[], NetSuiteClient],
    klaviyo_client: Callable[[], KlaviyoClient],
) -> Iterator[Finding]:
    """Try everything that the store's flows need, in order; what needs something that failed is skipped.

    Reads only, and little: no step takes more than a page. The clients are made here, so that a connection
    that lacks a setting is a finding like any other.
    """
    yield tried(STORE, lambda: _flows(store))
    try:
        client = netsuite_client()
    except ConnectorError as error:
        yield Finding(netsuite.LOGIN, Verdict.WRONG, str(error))
        yield from skipped(netsuite.AFTER_LOGIN, "the connection to NetSuite lacks something")
    else:
        yield from netsuite.check(store, client)
    try:
        receiver = klaviyo_client()
    except ConnectorError as error:
        yield Finding(klaviyo.KEY, Verdict.WRONG, str(error))
        yield from skipped(klaviyo.AFTER_KEY, "the connection to Klaviyo lacks something")
    else:
        yield from klaviyo.check(store, receiver)
    yield from feed.check(store)


def _flows(store: Store) -> Found:
    for flow in store.flows:
        check_searches(store, domain_of(store, flow))
    on = [flow for flow, settings in store.flows.items() if settings.enabled]
    off = [flow for flow, settings in store.flows.items() if not settings.enabled]
    if not on:
        return warning(f"Store '{store.store}' has no flow that is switched on in its YAML file.")
    told = f"Flows that are switched on: {', '.join(on)}"
    return right(f"{told}; off: {', '.join(off)}." if off else f"{told}.")
