"""Keeps the calls within Klaviyo's limits before they are sent, whichever process on this machine (or,
through Redis, on any) sends them.

Klaviyo counts each endpoint of each account in two fixed windows, a second and a minute, and tells nobody
when they begin. A sliding window of the same length and count can't overrun a fixed one wherever that begins,
so sliding windows are kept here.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import pathlib
import sqlite3
import threading
import time
import typing
from collections.abc import Iterator

from pyrate_limiter import AbstractBucket, Decision, InMemoryBucket, Rate, RateItem, RedisBucket, SQLiteBucket

from netsuite_connector.errors import MendError, RemoteFaultError
from netsuite_connector.klaviyo.endpoints import Endpoint
from netsuite_connector.klaviyo.errors import KlaviyoLimitError

_GUARD = 0.02
"""Seconds by which a window is kept longer than Klaviyo's, since two calls may travel unequally long …"""

_GUARD_SHARE = 0.01
"""… and a share of the window on top, for clocks that differ."""

_LEAST_SLEEP = 0.005


class Windows(typing.Protocol):
    """Where calls are counted. Both methods are safe to call from many threads, and processes if the place is
    shared.
    """

    def take(self, key: str, rates: list[Rate]) -> float:
        """Counts a call under ``key`` and returns 0.0, or counts nothing and returns the seconds until there
        may be room.
        """

    def hold(self, key: str, seconds: float) -> None:
        """Lets no call under ``key`` through for so many seconds."""


class Limiter:
    """Lets a call of one Klaviyo account through when both windows of its endpoint have room.

    ``account`` must be the same wherever the same Klaviyo account is called, since they share its limits.
    ``scale`` multiplies the numbers of calls, for a sandbox that does so too. ``patience`` is the longest
    wait in seconds.
    """

    def __init__(
        self, windows: Windows, *, account: str, scale: float = 1.0, patience: float = 150.0
    ) -> None:
        if scale <= 0:
            raise MendError(
                f"The scale of Klaviyo's limits must be above 0, not {scale}: give 1 for the real Klaviyo."
            )
        self._windows = windows
        self._account = account
        self._scale = scale
        self._patience = patience

    def acquire(self, endpoint: Endpoint) -> float:
        """Sleeps until the endpoint may be called and counts the call. Returns the seconds that it took.

        Raises :class:`KlaviyoLimitError` at once when that would take longer than the patience.
        """
        key = self._key(endpoint)
        rates = self._rates(endpoint)
        start = time.monotonic()
        while (wait := self._windows.take(key, rates)) > 0:
            if time.monotonic() - start + wait > self._patience:
                raise KlaviyoLimitError(
                    f"The account's limit for {endpoint} is used up for the next {wait:.0f} seconds.",
                    retry_after=wait,
                )
            time.sleep(max(wait, _LEAST_SLEEP))
        return time.monotonic() - start

    def hold(self, endpoint: Endpoint, seconds: float) -> None:
        """Obeys a 429: nobody calls the endpoint of this account for so many seconds."""
        self._windows.hold(self._key(endpoint), seconds)

    def _key(self, endpoint: Endpoint) -> str:
        name = f"{self._account} {endpoint}"
        return "nsk_" + hashlib.blake2b(name.encode(), digest_size=12).hexdigest()

    def _rates(self, endpoint: Endpoint) -> list[Rate]:
        """Both windows, or the one that implies the other where the scale leaves hardly any calls."""
        burst, steady = self._rate(endpoint.burst, 1), self._rate(endpoint.steady, 60)
        return [burst, steady] if burst.limit < steady.limit else [steady]

    def _rate(self, calls: int, seconds: int) -> Rate:
        return Rate(max(1, int(calls * self._scale)), round(1000 * (seconds * (1 + _GUARD_SHARE) + _GUARD)))


class ProcessWindows:
    """Counts in this process only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[str, InMemoryBucket] = {}
        self._held: dict[str, float] = {}

    def take(self, key: str, rates: list[Rate]) -> float:
        """See :class:`Windows`."""
        with self._lock:
            held = self._held.get(key, 0.0) - time.monotonic()
            if held > 0:
                return held
            bucket = self._buckets.setdefault(key, InMemoryBucket(rates))
            now = time.monotonic_ns() // 1_000_000
            bucket.leak(now)
            return _put(bucket, now)

    def hold(self, key: str, seconds: float) -> None:
        """See :class:`Windows`."""
        with self._lock:
            self._held[key] = max(self._held.get(key, 0.0), time.monotonic() + seconds)


class FileWindows:
    """Counts in an SQLite file, for all processes of one machine. The file must be on a local disk.

    It is opened for each call: that costs less than a millisecond, and nothing breaks when a worker forks. A
    process that is killed leaves no lock behind.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path

    def take(self, key: str, rates: list[Rate]) -> float:
        """See :class:`Windows`."""
        with self._open() as connection:
            connection.execute(f"CREATE TABLE IF NOT EXISTS {key} (name VARCHAR, item_timestamp INTEGER)")
            connection.execute(
                f"CREATE INDEX IF NOT EXISTS idx_{key}_rate_item_timestamp ON {key} (item_timestamp)"
            )
            row = connection.execute("SELECT until FROM nsk_held WHERE key = ?", (key,)).fetchone()
            held = row[0] - time.time() if row else 0.0
            if held > 0:
                return float(held)
            bucket = SQLiteBucket(rates, connection, key)
            bucket.leak(time.time_ns() // 1_000_000)  # commits, so the lock is taken anew
            connection.execute("BEGIN IMMEDIATE")
            return _put(bucket, time.time_ns() // 1_000_000)

    def hold(self, key: str, seconds: float) -> None:
        """See :class:`Windows`."""
        with self._open() as connection:
            connection.execute(
                "INSERT INTO nsk_held VALUES (?, ?) "
                "ON CONFLICT (key) DO UPDATE SET until = max(until, excluded.until)",
                (key, time.time() + seconds),
            )

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection that holds the file's write lock from the start; what was written counts when the
        block ends.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(
                sqlite3.connect(self._path, timeout=30, isolation_level=None)
            ) as connection:
                # Counts need not outlive a crash of the machine: without syncing, a call costs no disk
                # access.
                connection.execute("PRAGMA synchronous=OFF")
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS nsk_held (key VARCHAR PRIMARY KEY, until REAL)"
                )
                yield connection
                connection.commit()
        except (sqlite3.Error, OSError) as error:
            raise MendError(
                f"The file that counts calls to Klaviyo, {self._path}, can't be used ({error}): "
                "check its folder and the space on its disk, or delete the file, it holds nothing that lasts."
            ) from error


class RedisWindows:
    """Counts in Redis, by its clock, for processes on many machines. Needs the package ``redis``."""

    def __init__(self, url: str) -> None:
        try:
            redis: typing.Any = importlib.import_module("redis")
        except ImportError as error:
            raise MendError(
                "Limits of Klaviyo are to be kept in Redis: install the package redis."
            ) from error
        self._redis = redis.Redis.from_url(url, socket_timeout=10, socket_connect_timeout=10)
        self._error: type[Exception] = redis.RedisError

    def take(self, key: str, rates: list[Rate]) -> float:
        """See :class:`Windows`."""
        try:
            seconds, micros = self._redis.time()
            held = self._redis.pttl(f"{key}:held")
            if held > 0:
                return float(held) / 1000
            bucket = RedisBucket.init(rates, self._redis, key)
            now = seconds * 1000 + micros // 1000
            bucket.leak(now)
            wait = _put(bucket, now)
            self._redis.pexpire(key, 2 * rates[-1].interval)
        except self._error as error:
            raise self._fault(error) from error
        return wait

    def hold(self, key: str, seconds: float) -> None:
        """See :class:`Windows`."""
        try:
            if self._redis.pttl(f"{key}:held") < seconds * 1000:
                self._redis.set(f"{key}:held", 1, px=max(1, round(seconds * 1000)))
        except self._error as error:
            raise self._fault(error) from error

    def _fault(self, error: Exception) -> RemoteFaultError:
        return RemoteFaultError(f"Redis, which counts the calls to Klaviyo, fails ({type(error).__name__}).")


def open_windows(storage: str | pathlib.Path | None) -> Windows:
    """Where calls are counted: a path of a file for this machine, ``redis://…`` (or ``rediss://``) for
    several, None for this process.
    """
    if storage is None:
        return ProcessWindows()
    if str(storage).startswith(("redis://", "rediss://")):
        return RedisWindows(str(storage))
    return FileWindows(pathlib.Path(storage))


def _put(bucket: AbstractBucket, now: int) -> float:
    decision = bucket.put_decision(RateItem("call", now))
    assert isinstance(decision, Decision)  # noqa: S101 - not the awaitable that the buckets for asyncio give
    if decision.allowed:
        return 0.0
    return max(decision.retry_after_ms or 0, 1) / 1000
