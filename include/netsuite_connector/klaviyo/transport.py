"""One call to Klaviyo: headers, limits, time-outs, and the repeats that are safe to make at once."""

from __future__ import annotations

import importlib.metadata
import logging
import random
import time
import typing
import urllib.parse
from collections.abc import Mapping

import orjson
import requests
import requests.auth

from netsuite_connector.errors import MendError
from netsuite_connector.klaviyo.endpoints import Endpoint
from netsuite_connector.klaviyo.errors import (
    KlaviyoFaultError,
    KlaviyoLimitError,
    from_exception,
    from_response,
)
from netsuite_connector.klaviyo.limiter import Limiter

log = logging.getLogger(__name__)

_MEDIA_TYPE = "application/vnd.api+json"

_LONGEST_HOLD = 90.0
"""A ``Retry-After`` up to so many seconds is waited for here; a longer one is for whoever runs us to wait."""

_LEAST_HOLD = 0.1
"""Klaviyo may answer ``Retry-After: 0``; asking again in the same moment would only be refused again."""

_LONGEST_PAUSE = 10.0


class _PrivateKey(requests.auth.AuthBase):
    """Puts the key into the header. As an ``auth``, so that requests doesn't put a password of ``~/.netrc``
    there instead.
    """

    def __init__(self, api_key: str) -> None:
        self._value = f"Klaviyo-API-Key {api_key}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._value
        return request


class Transport:
    """Calls endpoints of one account. See :class:`netsuite_connector.klaviyo.client.KlaviyoClient` for the
    arguments.
    """

    def __init__(  # noqa: PLR0913 - each is a setting of its own
        self,
        session: requests.Session,
        *,
        base_url: str,
        api_key: str,
        revision: str,
        limiter: Limiter,
        timeout: tuple[float, float],
        tries: int,
        backoff: float,
    ) -> None:
        if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
            raise MendError("The Klaviyo connection has no usable private API key: put one (pk_…) into it.")
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._auth = _PrivateKey(api_key)
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

    def call(
        self,
        endpoint: Endpoint,
        *,
        job_id: str = "",
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
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
            try:
                return self._once(endpoint, url, body)
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

    def _once(self, endpoint: Endpoint, url: str, body: bytes | None) -> dict[str, typing.Any]:
        headers = self._headers if body is None else {**self._headers, "Content-Type": _MEDIA_TYPE}
        try:
            response = self._session.request(
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
        if not 200 <= response.status_code < 300:
            raise from_response(response, endpoint)
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
