"""The Klaviyo client: pushes batches, follows jobs to their end, and reads back what is there."""

from __future__ import annotations

import datetime as dt
import typing
from collections.abc import Collection, Iterator, Mapping, Sequence

import requests

from netsuite_connector.errors import MendError
from netsuite_connector.klaviyo import endpoints
from netsuite_connector.klaviyo.auth import OAuth, PrivateKey
from netsuite_connector.klaviyo.batching import Batch, Record, Rejection
from netsuite_connector.klaviyo.catalog import Catalog
from netsuite_connector.klaviyo.consent import Consent
from netsuite_connector.klaviyo.endpoints import Bulk, CatalogKind, Endpoint
from netsuite_connector.klaviyo.errors import KlaviyoRequestError
from netsuite_connector.klaviyo.jobs import Jobs
from netsuite_connector.klaviyo.limiter import Limiter
from netsuite_connector.klaviyo.privacy import Privacy
from netsuite_connector.klaviyo.pushing import Pushing
from netsuite_connector.klaviyo.reading import PAGE, Reading
from netsuite_connector.klaviyo.results import JobResult, PushResult
from netsuite_connector.klaviyo.transport import Transport


class KlaviyoClient:
    """Calls Klaviyo for one account, with a private API key or, by ``oauth``, as an app.

    ``timeout`` is seconds to connect and between bytes of an answer. Limits, faults and time-outs are tried
    again up to ``tries`` times, after pauses that begin at ``backoff`` seconds and double; then the typed
    error is raised. Repeats are safe as long as records carry stable identities (e-mail or external id,
    ``unique_id``, catalog ids).

    Beside what flows need for every record, ``catalog`` reads the catalog, ``reading`` profiles, events,
    metrics and lists, ``consent`` reads and changes who may be written to, and ``privacy`` has people
    forgotten.
    """

    def __init__(  # noqa: PLR0913 - each is a setting of its own
        self,
        session: requests.Session,
        *,
        base_url: str = "https://a.klaviyo.com",
        api_key: str = "",
        oauth: OAuth | None = None,
        revision: str = endpoints.REVISION,
        limiter: Limiter,
        timeout: tuple[float, float] = (10, 60),
        tries: int = 5,
        backoff: float = 0.5,
    ) -> None:
        if oauth is not None and api_key:
            raise MendError("The Klaviyo connection has both an API key and an app: leave one of them.")
        self._transport = Transport(
            session,
            base_url=base_url,
            auth=oauth or PrivateKey(api_key),
            revision=revision,
            limiter=limiter,
            timeout=timeout,
            tries=tries,
            backoff=backoff,
        )
        self.catalog = Catalog(self._transport)
        self.reading = Reading(self._transport)
        self.privacy = Privacy(self._transport)
        self._pushing = Pushing(self._transport)
        self._jobs = Jobs(self._transport, self.catalog)
        self.consent = Consent(self._transport, self._pushing, self._jobs)

    def push(self, batch: Batch, bulk: Bulk) -> PushResult:
        """Sends a batch. What Klaviyo points at is rejected with its words, and the rest is sent again.

        A request that is too large on the way is halved. Raises the errors of
        :mod:`netsuite_connector.klaviyo.errors`; what Klaviyo took before an error stays there, so push the
        same batch again.
        """
        return self._pushing.push(batch.records, bulk.envelope)

    def follow(
        self,
        bulk: Bulk,
        job_id: str,
        records: Sequence[Record],
        *,
        timeout: float = 1800.0,
        pause: tuple[float, float] = (0.5, 15.0),
    ) -> JobResult:
        """Waits until the job is complete and tells which of its records failed, with Klaviyo's words.

        ``records`` are those of the job in the order in which they were sent (:attr:`Job.records`). Payloads
        may be empty where the key is the external id. ``pause`` is the first and the longest time between two
        looks, in seconds.

        Raises :class:`KlaviyoJobPendingError` when it is not done after ``timeout`` seconds, and
        :class:`KlaviyoJobError` when it was cancelled or is gone: then nothing is known of its records, and
        they must be pushed again.
        """
        return self._jobs.follow(bulk, job_id, records, timeout=timeout, pause=pause)

    def upsert_profile(self, record: Record) -> Rejection | None:
        """Creates or updates at once the profile of a record as :attr:`Bulk.PROFILE_IMPORT` has them; None
        when Klaviyo has it, else why it doesn't take it. Other than in bulk, null clears an attribute.
        """
        return self._pushing.upsert_profile(record)

    def create_event(self, record: Record) -> Rejection | None:
        """Sends at once the event of a record as :attr:`Bulk.EVENT_CREATE` has them; None when Klaviyo took
        it, else why it doesn't. That it is recorded, only :attr:`reading` shows.
        """
        return self._pushing.create_event(record)

    def account(self) -> dict[str, typing.Any]:
        """The account that the key belongs to: its ``id`` and ``attributes`` (timezone, currency …)."""
        for account in self.get_all(endpoints.ACCOUNTS, {}):
            return account
        raise KlaviyoRequestError(
            "Klaviyo names no account for this key: put another private key into the connection."
        )

    def peek(self, listing: Endpoint) -> None:
        """Ask a listing for one entry and forget it: raises what stands in the way of reading it."""
        # Their pages have a size of their own.
        query = {} if listing in (endpoints.METRICS, endpoints.SUPPRESSIONS) else {"page[size]": "1"}
        self._transport.call(listing, query=query)

    @property
    def calls(self) -> int:
        """How many requests this client has sent, those that failed and were tried again included."""
        return self._transport.calls

    @property
    def revision(self) -> str:
        """The API revision that is asked for."""
        return self._transport.revision

    @property
    def revision_ends(self) -> dt.date | None:
        """The day on which Klaviyo retires the revision, as its last answer said; None when none said."""
        return self._transport.revision_ends

    def existing_categories(self, ids: Collection[str]) -> set[str]:
        """Those of the external ids that are catalog categories in Klaviyo."""
        return self.catalog.existing(CatalogKind.CATEGORY, ids)

    def existing_items(self, ids: Collection[str]) -> set[str]:
        """Those of the external ids that are catalog items in Klaviyo."""
        return self.catalog.existing(CatalogKind.ITEM, ids)

    def existing_variants(self, ids: Collection[str]) -> set[str]:
        """Those of the external ids that are catalog variants in Klaviyo."""
        return self.catalog.existing(CatalogKind.VARIANT, ids)

    def profiles(self, query: Mapping[str, str] | None = None) -> Iterator[dict[str, typing.Any]]:
        """Profiles, ``{"id", "attributes"}`` each; ``query`` as in Klaviyo's reference."""
        return self.get_all(endpoints.PROFILES, {"page[size]": str(PAGE), **(query or {})})

    def events(self, query: Mapping[str, str] | None = None) -> Iterator[dict[str, typing.Any]]:
        """Events with their ``relationships``; ``query`` as in Klaviyo's reference."""
        return self.get_all(endpoints.EVENTS, {"page[size]": "1000", **(query or {})})

    def get_all(
        self, endpoint: Endpoint, query: Mapping[str, str], *, job_id: str = ""
    ) -> Iterator[dict[str, typing.Any]]:
        """All resources of a listing, page after page; holds one page at a time."""
        return self._transport.get_all(endpoint, query, job_id=job_id)
