"""What every request of an integration passes: the right host, the login, and a place among those that run at
once. RESTlets and REST web services share it; each says no in its own form.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import Response

from netsuite_connector.sandbox.netsuite.account import Account
from netsuite_connector.sandbox.netsuite.tba import LoginRefusedError, MalformedHeaderError, SignedRequest


class RefusedError(Exception):
    """The request ends here, with this answer."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


class LimitReachedError(Exception):
    """As many requests run as the account lets run at once."""


def bearer(request: Request) -> bool:
    """Whether a request brings an access token."""
    return request.headers.get("authorization", "").partition(" ")[0].lower() == "bearer"


def check_login(account: Account, request: Request, scope: str, *, forced: bool = False) -> None:
    """Raises LoginRefusedError for a request that isn't logged in, MalformedHeaderError for one that can't be
    read; ``forced``: whatever it brings.
    """
    header = request.headers.get("authorization", "")
    scheme, _, rest = header.partition(" ")
    token = rest.strip()
    if forced or not scheme:
        raise LoginRefusedError
    if not bearer(request):
        account.passport.check(SignedRequest(request.method, str(request.url), header))
    elif not token:
        raise MalformedHeaderError
    elif not account.desk.accepts(token, scope):
        raise LoginRefusedError


@asynccontextmanager
async def slot(account: Account, *, taken: bool = False) -> AsyncIterator[None]:
    """A place among the requests that run at once, for as long as the request lasts.

    Raises LimitReachedError where there is none, or it is ``taken`` on purpose.
    """
    traffic = account.traffic
    if taken or traffic.active >= account.settings.concurrency:
        raise LimitReachedError
    traffic.active += 1
    traffic.peak = max(traffic.peak, traffic.active)
    try:
        yield
    finally:
        traffic.active -= 1
