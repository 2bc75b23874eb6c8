"""Klaviyo's side of the check: the key, whose it is, what it may do, and the API revision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from netsuite_connector.checks.finding import (
    Finding,
    Found,
    Verdict,
    right,
    skipped,
    tried,
    untried,
    warning,
    wrong,
)
from netsuite_connector.domains.model import Kind
from netsuite_connector.errors import ConnectorError
from netsuite_connector.flows.domain import domain_of
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import (
    CATEGORIES,
    EVENTS,
    IMPORT_JOBS,
    ITEMS,
    METRICS,
    PROFILES,
    VARIANTS,
    Bulk,
    Endpoint,
)
from netsuite_connector.klaviyo.errors import KlaviyoRevisionError, KlaviyoScopeError
from netsuite_connector.stores.model import Store

KEY = "Klaviyo key"
ACCOUNT = "Klaviyo account"
READING = "Klaviyo reading"
WRITING = "Klaviyo writing"
REVISION = "Klaviyo revision"
AFTER_KEY = (ACCOUNT, READING, WRITING, REVISION)

# What each kind of record is sent with, and listings that need the scopes which following it and reading it
# back need.
_NEEDS: dict[Kind, tuple[Bulk, tuple[Endpoint, ...]]] = {
    Kind.PROFILE: (Bulk.PROFILE_IMPORT, (IMPORT_JOBS, PROFILES)),
    Kind.EVENT: (Bulk.EVENT_CREATE, (EVENTS, METRICS)),
    Kind.CATEGORY: (Bulk.CATEGORY_CREATE, (CATEGORIES,)),
    Kind.ITEM: (Bulk.ITEM_CREATE, (ITEMS,)),
    Kind.VARIANT: (Bulk.VARIANT_CREATE, (VARIANTS,)),
    Kind.ITEM_CHANGE: (Bulk.ITEM_UPDATE, (ITEMS,)),
    Kind.VARIANT_CHANGE: (Bulk.VARIANT_UPDATE, (VARIANTS,)),
    Kind.ITEM_DELETION: (Bulk.ITEM_DELETE, (ITEMS,)),
    Kind.VARIANT_DELETION: (Bulk.VARIANT_DELETE, (VARIANTS,)),
}
_SOON = timedelta(days=100)  # revisions come out every quarter


def check(store: Store, client: KlaviyoClient) -> Iterator[Finding]:
    """Everything that is tried in Klaviyo, in order."""
    account: dict[str, Any] | None = None
    try:
        account = client.account()
    except KlaviyoScopeError as error:
        yield Finding(KEY, Verdict.RIGHT, "Klaviyo accepts the private API key.")
        yield Finding(ACCOUNT, Verdict.WARNING, f"Whose key it is can't be told. {error}")
    except KlaviyoRevisionError as error:
        yield from skipped((KEY, ACCOUNT, READING, WRITING), "Klaviyo does not serve the API revision")
        yield Finding(REVISION, Verdict.WRONG, str(error))
        return
    except ConnectorError as error:
        yield Finding(KEY, Verdict.WRONG, str(error))
        yield from skipped(AFTER_KEY, "Klaviyo does not let us in")
        return
    else:
        yield Finding(KEY, Verdict.RIGHT, "Klaviyo accepts the private API key.")
        yield tried(ACCOUNT, lambda: _account(store, account))
    kinds = [
        source.kind
        for flow, settings in store.flows.items()
        if settings.enabled
        for source in domain_of(store, flow).delivered
        if source.kind is not None and source.kind in _NEEDS
    ]
    yield tried(READING, lambda: _reading(kinds, client))
    yield Finding(WRITING, *_writing(kinds))
    yield tried(REVISION, lambda: _revision(client))


def _account(store: Store, account: dict[str, Any]) -> Found:
    attributes = account.get("attributes") or {}
    name = (attributes.get("contact_information") or {}).get("organization_name")
    currency = attributes.get("preferred_currency")
    whose = f"The key belongs to the account {account.get('id')}{f' ({name})' if name else ''}"
    if currency is None or currency == store.currency:
        return right(f"{whose}.")
    return warning(
        f"{whose}, whose currency is {currency}, while the store sends amounts in {store.currency}: check "
        "that this is the store's account, and the store's 'currency'."
    )


def _reading(kinds: Iterable[Kind], client: KlaviyoClient) -> Found:
    listings = dict.fromkeys(listing for kind in kinds for listing in _NEEDS[kind][1])
    refused: list[str] = []
    for listing in listings:
        try:
            client.peek(listing)
        except KlaviyoScopeError as error:
            refused.append(str(error))
    if refused:
        return wrong(" ".join(refused))
    scopes = _all(listing.scopes for listing in listings)
    if not scopes:
        return untried("The store's flows read nothing from Klaviyo.")
    return right(f"The key has what the store's flows need to read: {', '.join(scopes)}.")


def _writing(kinds: Iterable[Kind]) -> Found:
    scopes = _all(_NEEDS[kind][0].envelope.push.scopes for kind in kinds)
    if not scopes:
        return untried("The store has no flow that is switched on.")
    return untried(
        f"Not tried, as that would write: look in Klaviyo whether the key has {', '.join(scopes)}."
    )


def _revision(client: KlaviyoClient) -> Found:
    served = f"Klaviyo serves the API revision {client.revision}"
    ends = client.revision_ends
    if ends is None:
        return right(f"{served}.")
    if ends - datetime.now(UTC).date() > _SOON:
        return right(f"{served}, until {ends}.")
    return warning(
        f"{served} only until {ends}: install a newer connector, or set a newer revision in the Klaviyo "
        "connection."
    )


def _all(scopes: Iterable[tuple[str, ...]]) -> list[str]:
    return sorted({scope for some in scopes for scope in some})
