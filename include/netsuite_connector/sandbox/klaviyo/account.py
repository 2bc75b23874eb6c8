"""The sandbox account: its state, its settings, and the one thread that all work on the state happens in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from netsuite_connector.sandbox.klaviyo.clock import Clock
from netsuite_connector.sandbox.klaviyo.contract import Contract, Endpoint
from netsuite_connector.sandbox.klaviyo.database import Database
from netsuite_connector.sandbox.klaviyo.faults import Faults
from netsuite_connector.sandbox.klaviyo.jobs import Jobs, Processor
from netsuite_connector.sandbox.klaviyo.keys import KeyRing
from netsuite_connector.sandbox.klaviyo.limits import Limits
from netsuite_connector.sandbox.klaviyo.traffic import Traffic

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Settings:
    """How the sandbox behaves where Klaviyo leaves room or a test wants another pace.

    ``limits_scale`` multiplies the published rate limits (None: no limits); a job is complete after
    ``job_seconds``. ``discard_repeats`` takes a bulk request that repeats an event and discards the repeat,
    as Klaviyo's guide says, while its specification says that such a request fails. ``sms`` says that the
    account has SMS set up, without which Klaviyo imports no profile that has a phone number only.
    ``double_opt_in`` is the account's own way to subscribe, where no list says another.

    A catalog job is done after ``job_seconds`` and says so only ``catalog_lag`` seconds later. Feeds are read
    every ``feed_seconds``. ``account_id``, ``currency`` and ``timezone`` are what the account says of itself.
    """

    limits_scale: float | None = 1.0
    job_seconds: float = 0.5
    catalog_lag: float = 0.0
    feed_seconds: float = 6 * 3_600.0
    discard_repeats: bool = False
    sms: bool = False
    double_opt_in: bool = False
    account_id: str = "SANDBX"
    currency: str = "USD"
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has passed authentication, limits and the schema.

    ``base`` is the account's URL, ``address`` that of the endpoint without the query.
    """

    endpoint: Endpoint
    id: str
    query: Mapping[str, str]
    body: Any
    raw: bytes
    revision: str
    base: str
    address: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answers. ``document`` None is an empty body."""

    status: int
    document: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[["Account", Call], Answer]


class Account:
    """Everything of one account. State is touched only through :meth:`run`, from one thread."""

    def __init__(
        self,
        settings: Settings,
        *,
        database: Path | None,
        keys: Path | None,
        processors: Mapping[str, Processor],
    ) -> None:
        self.settings = settings
        self.clock = Clock()
        self.contract = Contract()
        self.keys = KeyRing(keys, self.clock)
        self.limits = Limits(self.clock, settings.limits_scale)
        self.faults = Faults()
        self.traffic = Traffic()
        self.database = Database(database)
        self.jobs = Jobs(
            self.database,
            self.clock,
            settings.job_seconds,
            processors,
            catalog_lag=settings.catalog_lag,
        )
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="account")
        self._wake = asyncio.Event()

    async def run(self, work: Callable[[], Result]) -> Result:
        """Does ``work`` in the account's thread, after everything that was asked for before."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def wake(self) -> None:
        """Says that there may be a new job, or a new time."""
        self._wake.set()

    async def process_jobs(self) -> None:
        """Processes jobs when they are due, for ever, and those that an earlier process left behind."""
        while True:
            self._wake.clear()
            due = await self.run(self.jobs.next_due)
            wait = None if due is None else due - self.clock.now()
            if wait is not None and wait <= 0:
                await self.run(lambda: self.jobs.process_next(self))
                continue
            try:
                await asyncio.wait_for(self._wake.wait(), wait)
            except TimeoutError:
                continue

    def reset(self) -> None:
        """Forgets everything but the keys."""
        self.database.empty()
        self.limits.reset()
        self.faults.clear()
        self.traffic.clear()
        self.clock.skipped = 0.0

    def close(self) -> None:
        """Ends the thread, then the database."""
        self._thread.shutdown(wait=True)
        self.database.close()
