"""One call to Klaviyo: within the limits, with time-outs, tried again where that may help."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import logging
import random
import threading
import time
import typing
import urllib.parse
from collections.abc import Callable, Iterator, Mapping

import orjson
import requests

from netsuite_connector.errors import MendError
from netsuite_connector.klaviyo.auth import OAuth, PrivateKey
from netsuite_connector.klaviyo.endpoints import Endpoint
from netsuite_connector.klaviyo.errors import (
    KlaviyoFaultError,
    KlaviyoLimitError,
    from_exception,
    from_response,
)
from netsuite_connector.klaviyo.limiter import Limiter
from netsuite_connector.klaviyo.quiet import leave_out_queries

log = logging.getLogger(__name__)

_MEDIA_TYPE = "application/vnd.api+json"

_RETIREMENT = "X-Klaviyo-Api-Retirement-Date"

_NEAR = dt.timedelta(days=90)
"""So long before a revision ends the log says so."""

_LONGEST_HOLD = 90.0
"""A ``Retry-After`` up to so many seconds is waited for here; a longer one is for whoever runs us to wait."""

_LEAST_HOLD = 0.1
"""Klaviyo may answer ``Retry-After: 0``; asking again in the same moment would only be refused again."""

_LONGEST_PAUSE = 10.0

Body = bytes | Callable[[], bytes | None] | None
"""What is sent. A function is asked before every attempt, once the limit lets the call through; when it gives
None, nothing is left to send and the call is over.
"""


class Transport:
    """Calls endpoints of one account. See :class:`netsuite_connector.klaviyo.client.KlaviyoClient` for the
    arguments. Bodies are not compressed: Klaviyo documents no encoding that it would take.
    """

    def __init__(  # noqa: PLR0913 - each is a setting of its own
        self,
        session: requests.Session,
        *,
        base_url: str,
        auth: PrivateKey | OAuth,
        revision: str,
        limiter: Limiter,
        timeout: tuple[float, float],
        tries: int,
        backoff: float,
    ) -> None:
        leave_out_queries()
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._auth = auth
        self.revision = revision
        self.revision_ends: dt.date | None = None
        self._headers = {
            "Accept": _MEDIA_TYPE,
            "revision": revision,
            # Without it Klaviyo serves another revision than the one asked for when that is retired.
            "X-Klaviyo-Revision-Fall-Forward-Opt-Out": "1",
            "User-Agent": f"netsuite-connector/{importlib.metadata.version('netsuite-connector')}",
        }
        self._limiter = limiter
        self._timeout = timeout
        self._tries = tries
        self._backoff = backoff
        self._counting = threading.Lock()
        self.calls = 0

    def call(
        self,
        endpoint: Endpoint,
        *,
        job_id: str = "",
        query: Mapping[str, str] | None = None,
        body: Body = None,
    ) -> dict[str, typing.Any]:
        """The answer's document, ``{}`` when it is empty. Raises the errors of
        :mod:`netsuite_connector.klaviyo.errors`.

        Limits and faults are tried again, ``tries`` times in all; what is sent must change nothing when it
        arrives twice.
        """
        url = self._base_url + endpoint.path.replace("{id}", urllib.parse.quote(job_id, safe=""))
        if query:
            url += "?" + urllib.parse.urlencode(query, quote_via=urllib.parse.quote, safe="$:,()[]'")
        for attempt in range(1, self._tries + 1):
            self._limiter.acquire(endpoint)
            content = body() if callable(body) else body
            if content is None and body is not None:
                return {}
            try:
                return self._once(endpoint, url, content)
            except KlaviyoLimitError as error:
                pause = max(error.retry_after or 0.0, _LEAST_HOLD * 2 ** (attempt - 1))
                self._limiter.hold(endpoint, pause)
                if attempt == self._tries or pause > _LONGEST_HOLD:
                    raise
                log.info("Attempt %d of %d, in %.1f s again: %s", attempt, self._tries, pause, error)
            except KlaviyoFaultError as error:
                if attempt == self._tries:
                    raise
                pause = min(_LONGEST_PAUSE, self._backoff * 2 ** (attempt - 1))
                pause *= random.uniform(0.5, 1)  # noqa: S311 - spreads the repeats of several processes
                log.warning("Attempt %d of %d, in %.1f s again: %s", attempt, self._tries, pause, error)
                time.sleep(pause)
        raise MendError("The number of tries must be at least 1.")

    def get_all(
        self, endpoint: Endpoint, query: Mapping[str, str], *, job_id: str = ""
    ) -> Iterator[dict[str, typing.Any]]:
        """All resources of a listing, page after page; holds one page at a time."""
        query = dict(query)
        while True:
            document = self.call(endpoint, job_id=job_id, query=query)
            yield from document.get("data") or ()
            following = (document.get("links") or {}).get("next")
            if not following:
                return
            # Only the cursor is taken from the link, so that the key can't be led to another host.
            cursor = urllib.parse.parse_qs(urllib.parse.urlsplit(following).query).get("page[cursor]")
            if not cursor or query.get("page[cursor]") == cursor[0]:
                raise KlaviyoFaultError(f"Klaviyo's link to the next page of {endpoint} leads nowhere.")
            query["page[cursor]"] = cursor[0]

    def _once(self, endpoint: Endpoint, url: str, body: bytes | None) -> dict[str, typing.Any]:
        response = self._send(endpoint, url, body)
        if response.status_code == 401 and self._auth.refused():
            self._limiter.acquire(endpoint)
            response = self._send(endpoint, url, body)
        if not 200 <= response.status_code < 300:
            raise from_response(response, endpoint, oauth=self._auth.oauth)
        self._note_retirement(response)
        if not response.content:
            return {}
        try:
            document = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            document = None
        if not isinstance(document, dict):
            raise KlaviyoFaultError(
                f"Something between us and Klaviyo answered {endpoint} with {response.status_code} "
                "and no JSON."
            )
        return document

    def _send(self, endpoint: Endpoint, url: str, body: bytes | None) -> requests.Response:
        headers = self._headers if body is None else {**self._headers, "Content-Type": _MEDIA_TYPE}
        with self._counting:
            self.calls += 1
        try:
            return self._session.request(
                endpoint.method,
                url,
                data=body,
                headers=headers,
                auth=self._auth,
                timeout=self._timeout,
                allow_redirects=False,  # the key goes to nobody else
            )
        except requests.RequestException as error:
            raise from_exception(error, endpoint) from None  # the cause would quote the query

    def _note_retirement(self, response: requests.Response) -> None:
        """Keeps the day on which the revision ends, and warns once when that is near."""
        ends = _day(response.headers.get(_RETIREMENT))
        if ends is None or ends == self.revision_ends:
            return
        self.revision_ends = ends
        if ends - dt.datetime.now(dt.UTC).date() < _NEAR:
            log.warning(
                "Klaviyo retires the API revision %s on %s: set a newer revision in the Klaviyo connection.",
                self.revision,
                ends,
            )


def _day(text: str | None) -> dt.date | None:
    try:
        return dt.date.fromisoformat((text or "")[:10])
    except ValueError:
        return None
