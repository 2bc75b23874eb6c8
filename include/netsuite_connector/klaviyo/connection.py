"""Makes a client whose calls are counted together with those of everybody else who calls the same account."""

from __future__ import annotations

import logging

import requests

from netsuite_connector.errors import MendError
from netsuite_connector.klaviyo import endpoints
from netsuite_connector.klaviyo.auth import OAuth, PrivateKey
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.errors import KlaviyoScopeError
from netsuite_connector.klaviyo.limiter import Limiter, Windows
from netsuite_connector.web_address import is_read_on_the_way

log = logging.getLogger(__name__)


def connect(  # noqa: PLR0913 - each is a setting of its own
    session: requests.Session,
    windows: Windows,
    *,
    base_url: str = "https://a.klaviyo.com",
    api_key: str = "",
    oauth: OAuth | None = None,
    revision: str = endpoints.REVISION,
    scale: float = 1.0,
    background: bool = False,
    timeout: tuple[float, float] = (10, 60),
) -> KlaviyoClient:
    """A client of the account that the key or the app belongs to. ``scale`` and ``background`` as in
    :class:`Limiter`, the rest as in :class:`KlaviyoClient`.

    All keys of an account share its limits, an app has limits of its own in every account. Which account it
    is, Klaviyo is asked once; the answer is remembered where calls are counted, under a hash of the key. A
    key that may not ask (``accounts:read``) is counted by itself. Raises MendError for an address where
    others could read the key, and the errors of :mod:`netsuite_connector.klaviyo.errors` when Klaviyo can't
    be asked.
    """
    if is_read_on_the_way(base_url):
        raise MendError(
            "The address of Klaviyo's API begins with http://, so that others could read the key: begin it "
            "with https://, or leave it empty."
        )

    def client(account: str) -> KlaviyoClient:
        return KlaviyoClient(
            session,
            base_url=base_url,
            api_key=api_key,
            oauth=oauth,
            revision=revision,
            limiter=Limiter(windows, account=account, scale=scale, background=background),
            timeout=timeout,
        )

    # Sandbox accounts at different addresses may have the same id.
    place = base_url.rstrip("/")
    who = f"{place} {(oauth or PrivateKey(api_key)).fingerprint}"
    account = windows.recall(who)
    if account is None:
        try:
            account = f"{place} {client(who).account()['id']}"
        except KlaviyoScopeError as error:
            log.info("Calls are counted for this key alone, others of its account are not known: %s", error)
            account = who
        if oauth is not None:
            account += f" {oauth.app}"
        windows.remember(who, account)
    return client(account)
