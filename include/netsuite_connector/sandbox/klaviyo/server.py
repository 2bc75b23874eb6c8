"""The sandbox as a process: one HTTP server on this machine, one account."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from uvicorn.protocols.http.h11_impl import H11Protocol

from netsuite_connector.sandbox.klaviyo import (
    alerts,
    catalog,
    catalog_jobs,
    events,
    imports,
    lists,
    metrics,
    privacy,
    profiles,
    shelves,
    subscriptions,
    suppressions,
)
from netsuite_connector.sandbox.klaviyo.account import Account, Settings
from netsuite_connector.sandbox.klaviyo.feeds import Feeds
from netsuite_connector.sandbox.klaviyo.gateway import Gateway
from netsuite_connector.sandbox.klaviyo.inspection import Inspection
from netsuite_connector.sandbox.klaviyo.keeper import Keeper

HANDLERS = {
    **metrics.HANDLERS,
    **lists.HANDLERS,
    **profiles.HANDLERS,
    **imports.HANDLERS,
    **events.HANDLERS,
    **subscriptions.HANDLERS,
    **suppressions.HANDLERS,
    **catalog.HANDLERS,
    **catalog_jobs.HANDLERS,
    **shelves.HANDLERS,
    **alerts.HANDLERS,
    **privacy.HANDLERS,
}
PROCESSORS = {
    **imports.PROCESSORS,
    **events.PROCESSORS,
    **subscriptions.PROCESSORS,
    **suppressions.PROCESSORS,
    **catalog_jobs.PROCESSORS,
    **privacy.PROCESSORS,
}


class Protocol(H11Protocol):
    """uvicorn's HTTP protocol, which also tells the application its connection, so that faults can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remembers the connection in the state of its requests."""
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class Server(uvicorn.Server):
    """A server that says where it listens as soon as it does."""

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Starts to listen, then prints the one line that a caller waits for."""
        await super().startup(sockets)
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            print(f"Sandbox Klaviyo account ready at http://{self.config.host}:{port}", flush=True)


def application(account: Account) -> Starlette:
    """The web application of an account; its jobs are processed and its feeds read as long as it runs."""
    feeds = Feeds(account)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        workers = [asyncio.create_task(account.process_jobs()), asyncio.create_task(feeds.watch())]
        for worker in workers:
            worker.add_done_callback(_end_if_broken)
        try:
            yield
        finally:
            for worker in workers:
                worker.cancel()
                with suppress(asyncio.CancelledError):
                    await worker
            account.close()

    routes = [
        Mount("/api", app=Gateway(account, HANDLERS)),
        *Keeper(account, feeds).routes,
        *Inspection(account).routes,
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def _end_if_broken(worker: asyncio.Task[None]) -> None:
    """Ends the process when jobs or feeds can't be processed any more (a full disk, say)."""
    if not worker.cancelled() and (error := worker.exception()):
        logging.getLogger(__name__).critical("The sandbox can't go on: %s", error)
        signal.raise_signal(signal.SIGTERM)


def serve(settings: Settings, *, host: str, port: int, database: Path | None, keys: Path | None) -> None:
    """Runs the sandbox until SIGTERM or Ctrl-C. ``port`` 0 takes any free one."""
    account = Account(settings, database=database, keys=keys, processors=PROCESSORS)
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
    Server(config).run()
