"""Keeps the calls that run at once within a share of NetSuite's concurrency, whichever process on this
machine (or, through Redis, on any) sends them.

NetSuite counts the requests of an account that run at once, over all integrations, and refuses those above
the account's number. A store's share of that number is kept here, so that its flows wait for each other
rather than bounce off the limit and take places away from others.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib
import os
import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from netsuite_connector.netsuite.errors import NetSuiteFaultError, NetSuiteLimitError, NetSuiteSettingError

_PATIENCE = 600.0  # seconds; one call may take 300
_LATER = 60.0  # seconds after which whoever could not get a slot may try again
_LEASE = 30.0  # seconds after which a slot of a process that died comes back from Redis
T = TypeVar("T")


class Slots(ABC):
    """So many places for calls that run at once. Safe to use from many threads.

    Waiting is not in line: whoever looks first when a place is free has it, and all look at random moments.
    """

    _pause = (0.01, 0.04)  # seconds between two looks, least and most

    def __init__(self, share: int, *, patience: float = _PATIENCE) -> None:
        if share < 1:
            raise NetSuiteSettingError(
                f"The share of NetSuite's concurrent requests must be 1 or more, not {share}: correct it."
            )
        self.share = share
        self._patience = patience

    @contextlib.contextmanager
    def take(self, stop: threading.Event | None = None) -> Iterator[None]:
        """Hold a place for the length of the block.

        Raises NetSuiteLimitError when none was free within ``patience`` seconds, or once ``stop`` is set.
        """
        release = self._wait(stop or threading.Event())
        try:
            yield
        finally:
            release()

    def _wait(self, stop: threading.Event) -> Callable[[], None]:
        until = time.monotonic() + self._patience
        while (release := self._grab()) is None:
            if stop.wait(random.uniform(*self._pause)) or time.monotonic() > until:  # noqa: S311 - no secret
                raise NetSuiteLimitError(
                    f"All {self.share} places of this connection's share of NetSuite's concurrent requests "
                    f"were taken for {self._patience:.0f} seconds: let fewer flows run at once, or raise the "
                    "share if NetSuite allows more.",
                    retry_after=_LATER,
                )
        return release

    @abstractmethod
    def _grab(self) -> Callable[[], None] | None:
        """Take a place and return what gives it back; None when there is none now."""


class ProcessSlots(Slots):
    """Places that the threads of this process share."""

    def __init__(self, share: int, *, patience: float = _PATIENCE) -> None:
        super().__init__(share, patience=patience)
        self._free = threading.BoundedSemaphore(share)

    def _grab(self) -> Callable[[], None] | None:
        return self._free.release if self._free.acquire(blocking=False) else None


class FileSlots(Slots):
    """Places that all processes of one machine share: a locked file each. The folder must be on a local disk.

    The system gives the lock of a process that is killed back at once.
    """

    def __init__(self, folder: Path, key: str, share: int, *, patience: float = _PATIENCE) -> None:
        super().__init__(share, patience=patience)
        self._files = [folder / f"{_name(key)}-{place}.lock" for place in range(share)]

    def _grab(self) -> Callable[[], None] | None:
        try:
            self._files[0].parent.mkdir(parents=True, exist_ok=True)
            for file in _shuffled(self._files):
                descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BaseException as error:
                    os.close(descriptor)
                    if not isinstance(error, BlockingIOError):
                        raise
                else:
                    return lambda: _unlock(descriptor)
        except OSError as error:
            raise NetSuiteSettingError(
                f"The folder that shares out NetSuite's concurrent requests, {self._files[0].parent}, can't "
                f"be used ({error.strerror}): check that it is on a local disk and may be written to."
            ) from error
        return None


class RedisSlots(Slots):
    """Places that processes on many machines share: a key each, that expires unless it is renewed. Needs the
    package ``redis``.

    ``lease`` is how many seconds a killed holder's place stays taken.
    """

    _pause = (0.05, 0.15)

    def __init__(
        self, url: str, key: str, share: int, *, patience: float = _PATIENCE, lease: float = _LEASE
    ) -> None:
        super().__init__(share, patience=patience)
        try:
            redis: Any = importlib.import_module("redis")
            locks: Any = importlib.import_module("redis.lock")
        except ImportError as error:
            raise NetSuiteSettingError(
                "NetSuite's concurrent requests are to be shared through Redis: install the package redis."
            ) from error
        try:
            self._redis: Any = redis.Redis.from_url(url, socket_timeout=10, socket_connect_timeout=10)
        except ValueError:
            raise NetSuiteSettingError(  # without the address, which may hold a password
                "The concurrency storage of the NetSuite connection is no address of a Redis: write it as "
                "redis://:password@host:6379/0, and #, / and ? in a password as %23, %2F and %3F."
            ) from None
        self._error: type[Exception] = redis.RedisError
        self._lock: Any = locks.Lock
        self._lease = lease
        self._keys = [f"{_name(key)}:{place}" for place in range(share)]

    def _grab(self) -> Callable[[], None] | None:
        try:
            for key in _shuffled(self._keys):
                # A lock object for each holding: it keeps the token that proves whose the key is.
                lock = self._lock(self._redis, key, timeout=self._lease, thread_local=False)
                if lock.acquire(blocking=False):
                    return self._held(lock)
        except self._error as error:
            raise NetSuiteFaultError(
                f"Redis, which shares out NetSuite's concurrent requests, fails ({type(error).__name__})."
            ) from error
        return None

    def _held(self, lock: Any) -> Callable[[], None]:
        """Renew the key for as long as it is held."""
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(self._lease / 3):
                # Should Redis be away longer than the lease, the place is lost, and the call goes on.
                with contextlib.suppress(self._error):
                    lock.reacquire()

        renewing = threading.Thread(target=renew, name="netsuite-slot", daemon=True)
        renewing.start()

        def release() -> None:
            ended.set()
            renewing.join()
            with contextlib.suppress(self._error):
                lock.release()

        return release


def open_slots(place: str | Path | None, key: str, share: int, *, patience: float = _PATIENCE) -> Slots:
    """``share`` places for calls; ``key`` must be the same wherever the same account is called.

    ``place``: a folder for all processes of this machine, ``redis://…`` (or ``rediss://``) for several
    machines, None for this object alone. Raises NetSuiteSettingError for a share below 1.
    """
    if place is None:
        return ProcessSlots(share, patience=patience)
    if str(place).startswith(("redis://", "rediss://")):
        return RedisSlots(str(place), key, share, patience=patience)
    return FileSlots(Path(place), key, share, patience=patience)


def _name(key: str) -> str:
    return "nsk_slot_" + hashlib.blake2b(key.encode(), digest_size=12).hexdigest()


def _shuffled(places: list[T]) -> list[T]:
    return random.sample(places, len(places))


def _unlock(descriptor: int) -> None:
    # Unlocked by name: closing would not do if another process inherited the descriptor by forking.
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)
