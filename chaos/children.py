"""Runs stages as processes of their own, which can be killed in the middle of anything."""

from __future__ import annotations

import contextlib
import multiprocessing
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Any

from netsuite_connector.errors import ConnectorError, MendError

# A fork has all modules loaded: a child is at work at once, and many fit into a minute.
_FORK = multiprocessing.get_context("fork")


class End(StrEnum):
    """How a child came to its end."""

    DONE = "done"
    FAILED = "failed"  # a limit or the other side's fault: worth another try
    MEND = "mend"  # the product thinks that a person must mend something
    BROKEN = "broken"  # an error that is none of the product's own
    KILLED = "killed"


@dataclass(frozen=True, slots=True)
class Ended:
    """A child's end, and its result or what it said of its failure."""

    how: End
    value: Any = None


class Child:
    """A process that does one thing. ``kill_after``: it gets SIGKILL after so many seconds, if it lives."""

    def __init__(self, work: Callable[[], Any], kill_after: float | None) -> None:
        self._mine, theirs = _FORK.Pipe(duplex=False)
        self._process: ForkProcess = _FORK.Process(target=_live, args=(work, theirs), daemon=True)
        self.began = time.monotonic()
        self._kill_at = None if kill_after is None else self.began + kill_after
        self._process.start()
        theirs.close()

    @property
    def seconds(self) -> float:
        """For how long it has lived."""
        return time.monotonic() - self.began

    def ended(self) -> Ended | None:
        """Its end; None while it lives. Kills it when its time has come."""
        if not self._mine.poll():
            if self._kill_at is not None and time.monotonic() >= self._kill_at:
                self.kill()
                return Ended(End.KILLED)
            return None
        try:
            ended = Ended(*self._mine.recv())
        except EOFError:
            ended = Ended(End.BROKEN, "the process ended without a word")
        self._bury()
        return ended

    def kill(self) -> None:
        """As ``kill -9`` does."""
        self._process.kill()
        self._bury()

    def _bury(self) -> None:
        self._process.join()
        self._mine.close()

    @staticmethod
    def wait(children: Sequence[Child], seconds: float) -> None:
        """Until one of them has something to say, or the time is up."""
        wait([child._mine for child in children], seconds)  # noqa: SLF001 - its own


def _live(work: Callable[[], Any], said: Connection) -> None:
    try:
        ended: tuple[End, Any] = (End.DONE, work())
    except MendError as error:
        ended = (End.MEND, str(error))
    except ConnectorError as error:
        ended = (End.FAILED, str(error))
    except Exception:  # noqa: BLE001 - told to whoever waits
        ended = (End.BROKEN, traceback.format_exc())
    with contextlib.suppress(BrokenPipeError):
        said.send(ended)
