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

from pyrate_limiter import AbstractBucket, Decision, InMemoryBucket, Rate, RateItem, SQLiteBucket

from netsuite_connector.errors import MendError, RemoteFaultError
from netsuite_connector.klaviyo.endpoints import Endpoint
from netsuite_connector.klaviyo.errors import KlaviyoLimitError

_GUARD = 0.1
"""Seconds by which a window is kept longer than Klaviyo's, since two calls may travel unequally long …"""

_GUARD_SHARE = 0.01
"""… and a share of the window on top, for clocks that differ."""

_LEFT_TO_OTHERS = 0.2
"""The share of every window that calls in the background don't touch."""

_PATIENCE, _PATIENCE_IN_BACKGROUND = 150.0, 1800.0
"""Seconds to wait for room: others keep a call in the background waiting as long as they are busy."""

_LEAST_SLEEP = 0.005


class Windows(typing.Protocol):
    """Where calls are counted. All methods are safe to call from many threads, and processes if the place is
    shared.
    """

    def take(self, key: str, rates: list[Rate]) -> float:
        """Counts a call under ``key`` and returns 0.0, or counts nothing and returns the seconds until there
        may be room.
        """

    def hold(self, key: str, seconds: float) -> None:
        """Lets no call under ``key`` through for so many seconds."""

    def recall(self, name: str) -> str | None:
        """What was remembered under a name; None when nothing was, or it is lost."""

    def remember(self, name: str, value: str) -> None:
        """Keeps a small text for all who count here."""


class Limiter:
    """Lets a call of one Klaviyo account through when both windows of its endpoint have room.

    ``account`` must be the same wherever the same Klaviyo account is called, since they share its limits
    (:func:`netsuite_connector.klaviyo.connection.connect` sees to that). ``scale`` multiplies the numbers of
    calls, for a sandbox that does so too. ``background``: these calls, of a backfill say, leave a fifth of
    every window to all others, and wait while these use more than the rest. ``patience`` is the longest wait
    in seconds; if it isn't given, 150, and half an hour in the background.
    """

    def __init__(
        self,
        windows: Windows,
        *,
        account: str,
        scale: float = 1.0,
        patience: float | None = None,
        background: bool = False,
    ) -> None:
        if scale <= 0:
            raise MendError(
                f"The scale of Klaviyo's limits must be above 0, not {scale}: give 1 for the real Klaviyo."
            )
        self._windows = windows
        self._account = account
        self._scale = scale * (1 - _LEFT_TO_OTHERS if background else 1)
        self._patience = patience or (_PATIENCE_IN_BACKGROUND if background else _PATIENCE)

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
        self._known: dict[str, str] = {}

    def take(self, key: str, rates: list[Rate]) -> float:
        """See :class:`Windows`."""
        with self._lock:
            held = self._held.get(key, 0.0) - time.monotonic()
            if held > 0:
                return held
            bucket = self._buckets.setdefault(key, InMemoryBucket(rates))
            bucket.rates = rates  # not all who share a window may fill it
            now = time.monotonic_ns() // 1_000_000
            bucket.leak(now)
            return _put(bucket, now)

    def hold(self, key: str, seconds: float) -> None:
        """See :class:`Windows`."""
        with self._lock:
            self._held[key] = max(self._held.get(key, 0.0), time.monotonic() + seconds)

    def recall(self, name: str) -> str | None:
        """See :class:`Windows`."""
        return self._known.get(name)

    def remember(self, name: str, value: str) -> None:
        """See :class:`Windows`."""
        self._known[name] = value


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

    def recall(self, name: str) -> str | None:
        """See :class:`Windows`."""
        with self._open() as connection:
            row = connection.execute("SELECT value FROM nsk_known WHERE name = ?", (name,)).fetchone()
            return row[0] if row else None

    def remember(self, name: str, value: str) -> None:
        """See :class:`Windows`."""
        with self._open() as connection:
            connection.execute("INSERT OR REPLACE INTO nsk_known VALUES (?, ?)", (name, value))

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
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS nsk_known (name VARCHAR PRIMARY KEY, value VARCHAR)"
                )
                yield connection
                connection.commit()
        except (sqlite3.Error, OSError) as error:
            raise MendError(
                f"The file that counts calls to Klaviyo, {self._path}, can't be used ({error}): "
                "check its folder and the space on its disk, or delete the file, it holds nothing that lasts."
            ) from error


# Takes a call in one step; gives 0, or the milliseconds to wait. The library's script is told the time by
# each caller, so two of them a millisecond apart may not see each other's calls; here Redis's clock counts.
_TAKE = """
local held = redis.call('PTTL', KEYS[1] .. ':held')
if held > 0 then return held end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
for i = 1, #ARGV, 2 do
  local limit, interval = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  if redis.call('ZCOUNT', KEYS[1], now - interval, '+inf') >= limit then
    local last = redis.call('ZRANGE', KEYS[1], -limit, -limit, 'WITHSCORES')
    return math.max(1, last[2] + interval + 1 - now)
  end
end
local longest = tonumber(ARGV[#ARGV])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - longest - 1)
redis.call('ZADD', KEYS[1], now, clock[1] .. '.' .. clock[2] .. '.' .. redis.call('ZCARD', KEYS[1]))
redis.call('PEXPIRE', KEYS[1], 2 * longest)
return 0
"""


class RedisWindows:
    """Counts in Redis, by its clock, for processes on many machines. Needs the package ``redis``."""

    def __init__(self, url: str) -> None:
        try:
            redis: typing.Any = importlib.import_module("redis")
        except ImportError as error:
            raise MendError(
                "Limits of Klaviyo are to be kept in Redis: install the package redis."
            ) from error
        try:
            self._redis = redis.Redis.from_url(url, socket_timeout=10, socket_connect_timeout=10)
        except ValueError:
            raise MendError(  # without the address, which may hold a password
                "The limiter storage of the Klaviyo connection is no address of a Redis: write it as "
                "redis://:password@host:6379/0, and #, / and ? in a password as %23, %2F and %3F."
            ) from None
        self._take = self._redis.register_script(_TAKE)
        self._error: type[Exception] = redis.RedisError

    def take(self, key: str, rates: list[Rate]) -> float:
        """See :class:`Windows`."""
        numbers = [number for rate in rates for number in (rate.limit, rate.interval)]
        try:
            return float(self._take(keys=[key], args=numbers)) / 1000
        except self._error as error:
            raise self._fault(error) from error

    def hold(self, key: str, seconds: float) -> None:
        """See :class:`Windows`."""
        try:
            if self._redis.pttl(f"{key}:held") < seconds * 1000:
                self._redis.set(f"{key}:held", 1, px=max(1, round(seconds * 1000)))
        except self._error as error:
            raise self._fault(error) from error

    def recall(self, name: str) -> str | None:
        """See :class:`Windows`."""
        try:
            value = self._redis.get(f"nsk_known:{name}")
        except self._error as error:
            raise self._fault(error) from error
        return None if value is None else value.decode()

    def remember(self, name: str, value: str) -> None:
        """See :class:`Windows`."""
        try:
            self._redis.set(f"nsk_known:{name}", value)
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
