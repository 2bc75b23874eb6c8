"""The account as a process: one HTTP server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from netsuite_connector.sandbox.netsuite.account import Account
from netsuite_connector.sandbox.netsuite.keeper import Keeper
from netsuite_connector.sandbox.netsuite.rest import SuiteQLEndpoint
from netsuite_connector.sandbox.netsuite.restlets import RestletEndpoint, TokenEndpoint
from netsuite_connector.sandbox.netsuite.suitelets import SuiteletEndpoint

RESTLET_PATH = "/app/site/hosting/restlet.nl"
SUITELET_PATH = "/app/site/hosting/scriptlet.nl"
SUITEQL_PATH = "/services/rest/query/v1/suiteql"
TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"  # noqa: S105 - a path


class Protocol(H11Protocol):
    """uvicorn's HTTP protocol, which also tells the application its connection, so that faults can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remembers the connection in the state of its requests."""
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class Server(uvicorn.Server):
    """A server that says where it listens as soon as it does."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Starts to listen, then tells the address."""
        await super().startup(sockets)
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            host = "127.0.0.1" if self.config.host == "0.0.0.0" else self.config.host  # noqa: S104 - only compared
            self._ready(f"http://{host}:{port}")


def application(account: Account) -> Starlette:
    """The web application of an account."""

    async def home(_: Request) -> Response:
        return JSONResponse({"account": account.credentials.account, "what": "a sandbox NetSuite account"})

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        account.suiteql.close()
        account.engine.close()

    routes = [
        Route("/", home),
        Route(RESTLET_PATH, RestletEndpoint(account)),
        Route(SUITELET_PATH, SuiteletEndpoint(account), methods=["GET", "POST"]),
        Route(SUITEQL_PATH, SuiteQLEndpoint(account)),
        Route(TOKEN_PATH, TokenEndpoint(account)),
        *Keeper(account).routes,
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def serve(account: Account, *, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serves until SIGTERM or Ctrl-C. ``port`` 0 takes any free one; ``ready`` is told the address."""
    config = uvicorn.Config(
        application(account),
        host=host,
        port=port,
        http=Protocol,
        loop="asyncio",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    Server(config, ready).run()
    sys.stdout.flush()
