"""NetSuite's side of the check: from the login to the outbox."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from netsuite_connector.checks import searches
from netsuite_connector.checks.dates import round_trip
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
from netsuite_connector.checks.searches import Sought
from netsuite_connector.errors import LimitError, MendError, RemoteFaultError
from netsuite_connector.flows.settings import settings_of
from netsuite_connector.netsuite import AccountInfo, NetSuiteClient, NetSuiteLimitError, NetSuiteLoginError
from netsuite_connector.netsuite.restlet import RESTLET_VERSION
from netsuite_connector.stores.configuration import NETSUITE
from netsuite_connector.stores.model import Store
from netsuite_connector.window import Window

LOGIN = "NetSuite login"
RESTLET = "RESTlet"
ACCOUNT = "NetSuite account"
CLOCK = "clock"
DATES = "dates"
CONFIGURATION = "configuration record"
SEARCHES = "saved searches"
CONCURRENCY = "concurrency"
PAGES = "pages"
DELETED = "deleted records"
OUTBOX = "outbox"
_AFTER_RESTLET = (ACCOUNT, CLOCK, DATES, CONFIGURATION, SEARCHES, CONCURRENCY, PAGES, DELETED, OUTBOX)
AFTER_LOGIN = (RESTLET, *_AFTER_RESTLET)

ADMINISTRATOR = "3"
"""The internal id of NetSuite's role *Administrator*, the same in every account."""

_CLOCKS_APART = timedelta(minutes=2)
_DAY = timedelta(days=1)


def check(store: Store, client: NetSuiteClient) -> Iterator[Finding]:
    """Everything that is tried in NetSuite, in order."""
    try:
        asked = datetime.now(UTC)
        about = client.about()
        here = asked + (datetime.now(UTC) - asked) / 2
    except (NetSuiteLoginError, RemoteFaultError, LimitError) as error:
        yield Finding(LOGIN, Verdict.WRONG, str(error))
        yield from skipped(AFTER_LOGIN, "NetSuite does not let us in")
        return
    except MendError as error:
        yield Finding(LOGIN, Verdict.RIGHT, "NetSuite does not refuse the login.")
        yield Finding(RESTLET, Verdict.WRONG, str(error))
        yield from skipped(_AFTER_RESTLET, "the RESTlet does not answer as it should")
        return
    yield Finding(LOGIN, Verdict.RIGHT, "NetSuite accepts the login.")
    yield tried(RESTLET, lambda: _version(about))
    yield tried(ACCOUNT, lambda: _account(about))
    yield tried(CLOCK, lambda: _clock(about, here))
    sought = searches.sought(store)
    yield tried(DATES, lambda: round_trip(about, client, [each.search for each in sought]))
    yield tried(CONFIGURATION, lambda: _configuration(store, client))
    readable: list[Sought] = []
    for each in sought:
        found = searches.describe(each, client)
        if found.verdict is not Verdict.WRONG:
            readable.append(each)
        yield found
    yield tried(CONCURRENCY, lambda: _concurrency(store.netsuite.concurrency, client))
    for each in sought:
        if each in readable:
            yield searches.page(each, client, store.netsuite.page_rows)
        else:
            yield from skipped([searches.page_step(each)], "the saved search must be mended first")
    types = tuple(dict.fromkeys(type_ for each in sought for type_ in each.source.deleted_types))
    yield tried(DELETED, lambda: _deleted(types, about.now, client))
    yield tried(OUTBOX, lambda: _outbox(client))


def _version(about: AccountInfo) -> Found:
    if about.version == RESTLET_VERSION:
        return right(f"The RESTlet answers; its version {about.version} belongs to this connector.")
    return wrong(
        f"The RESTlet is version {about.version}, and this connector needs {RESTLET_VERSION}: deploy the "
        "SuiteCloud project that came with it."
    )


def _account(about: AccountInfo) -> Found:
    who = f"Account {about.account}, user {about.user}, role {about.role}."
    if about.role != ADMINISTRATOR:
        return right(who)
    return warning(
        f"{who} The connector runs as Administrator, who may do everything: map its certificate or token to "
        "the connector's own role."
    )


def _clock(about: AccountInfo, here: datetime) -> Found:
    apart = about.now - here
    seconds = abs(round(apart.total_seconds()))
    if abs(apart) <= _CLOCKS_APART:
        return right(f"This machine's clock is within {max(seconds, 1)} s of NetSuite's.")
    way = "behind" if apart > timedelta() else "ahead of"
    return warning(
        f"This machine's clock is {seconds} s {way} NetSuite's. Runs go by NetSuite's clock, so nothing is "
        "missed, but logins fail once the clocks are some minutes apart: let a time server set this "
        "machine's."
    )


def _configuration(store: Store, client: NetSuiteClient) -> Found:
    found = settings_of(store, client)
    given = [setting for setting, origin in found.origins.items() if origin == NETSUITE]
    if given:
        return right(f"NetSuite's configuration record gives {', '.join(given)}; YAML the rest.")
    return right("No configuration record in NetSuite adds anything to this store: its YAML file says all.")


def _concurrency(share: int, client: NetSuiteClient) -> Found:
    """As many calls at once as the store may make, each tried once."""
    together = threading.Barrier(share)

    def answered(_: int) -> bool:
        together.wait()
        try:
            client.ping()
        except NetSuiteLimitError as error:
            if error.status is None:  # NetSuite wasn't asked: our own share was taken all the time
                raise
            return False
        return True

    with ThreadPoolExecutor(share) as pool:
        answers = list(pool.map(answered, range(share)))
    refused = answers.count(False)
    if not refused:
        calls = "One call is" if share == 1 else f"{share} calls at once are"
        return right(f"{calls} answered, as 'netsuite.concurrency' asks for.")
    return wrong(
        f"NetSuite's limit refused {refused} of {share} calls at once: set 'netsuite.concurrency' in the "
        "store's YAML file lower, or let the account's other integrations make fewer calls (under Setup > "
        "Integration > Integration Governance NetSuite shows the limit)."
    )


def _deleted(types: tuple[str, ...], now: datetime, client: NetSuiteClient) -> Found:
    if not types:
        return untried("Not tried: no flow of the store asks for deletions.")
    pages = client.deleted(types, Window(now - _DAY), limit=1000)
    rows = next(pages).batch.num_rows
    return right(f"The list of deletions can be read: {rows:,} in the last day.")


def _outbox(client: NetSuiteClient) -> Found:
    found = client.outbox(limit=1)
    waiting = len(found.entries) + found.left
    if not waiting:
        return right("The outbox can be read; no entry waits in it.")
    since = found.entries[0].at.strftime("%Y-%m-%dT%H:%M:%SZ")
    waits = "1 entry waits" if waiting == 1 else f"{waiting:,} entries wait"
    return right(f"The outbox can be read; {waits} in it, the first since {since}.")
