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
from netsuite_connector.klaviyo.consent import ENVELOPES
from netsuite_connector.klaviyo.endpoints import (
    CATEGORIES,
    DELETION,
    EVENTS,
    IMPORT_JOBS,
    ITEMS,
    LISTS,
    METRICS,
    PROFILES,
    SUPPRESSIONS,
    VARIANTS,
    Bulk,
    Endpoint,
)
from netsuite_connector.klaviyo.errors import (
    KlaviyoRequestError,
    KlaviyoRevisionError,
    KlaviyoScopeError,
)
from netsuite_connector.stores.model import ConsentSettings, Store

KEY = "Klaviyo key"
ACCOUNT = "Klaviyo account"
READING = "Klaviyo reading"
WRITING = "Klaviyo writing"
LIST = "Klaviyo list"
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
# Consents are read with the profiles, and opt-outs from events by metric.
_CONSENTS = (LISTS, PROFILES, EVENTS, METRICS)
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
    consents = store.consents if store.consents is not None and store.consents.enabled else None
    listings = [listing for kind in kinds for listing in _NEEDS[kind][1]]
    pushes = [_NEEDS[kind][0].envelope.push for kind in kinds]
    if consents is not None:
        listings += [*_CONSENTS, SUPPRESSIONS] if consents.suppress else _CONSENTS
        pushes += [envelope.push for envelope in ENVELOPES]
    yield tried(READING, lambda: _reading(listings, client))
    yield Finding(WRITING, *_writing(pushes))
    if consents is not None:
        yield tried(LIST, lambda: _list(consents, client))
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


def _reading(listings: Iterable[Endpoint], client: KlaviyoClient) -> Found:
    listings = dict.fromkeys(listings)
    refused: list[str] = []
    for listing in listings:
        try:
            client.peek(listing)
        except KlaviyoScopeError as error:
            refused.append(str(error))
    if refused:
        return wrong(" ".join(refused))
    scopes = _all(listings)
    if not scopes:
        return untried("The store's flows read nothing from Klaviyo.")
    return right(f"The key has what the store's flows need to read: {', '.join(scopes)}.")


def _writing(pushes: Iterable[Endpoint]) -> Found:
    scopes = _all(pushes)
    if not scopes:
        return untried("The store has no flow that is switched on.")
    return untried(
        f"Not tried, as that would write: look in Klaviyo whether the key has {', '.join(scopes)}, and "
        f"{', '.join(DELETION.scopes)} where the DAG privacy_deletion is to have people forgotten."
    )


def _list(consents: ConsentSettings, client: KlaviyoClient) -> Found:
    try:
        found = client.reading.find_list(consents.list)
    except KlaviyoScopeError:
        return untried("Not tried: the key may not read lists.")
    except KlaviyoRequestError as error:
        return wrong(f"{error} It is what 'consents.list' says.")
    what = f"Opt-ins are imported into the list '{found.name}' ({found.id})"
    if found.double_opt_in:
        return right(f"{what}, which asks everybody else for a confirmation (double opt-in).")
    return warning(
        f"{what}, which asks nobody for a confirmation (single opt-in): whoever types another's address "
        "into a form is on it beside the confirmed ones. Set the list to double opt-in in Klaviyo, unless "
        "that is meant."
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


def _all(endpoints: Iterable[Endpoint]) -> list[str]:
    return sorted({scope for endpoint in endpoints for scope in endpoint.scopes})
