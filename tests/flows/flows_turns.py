"""Several actors on one filesystem that take turns at every access to it, and may be killed at any."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

_MOST_DEATHS = 10


class Killed(BaseException):
    """What ends an actor as ``kill -9`` would: whatever it tries on the way out has no effect."""


class Turns:
    """Runs actors so that one at a time goes on, from one access to the filesystem to its next."""

    def __init__(self) -> None:
        self.moment = 0  # counts the turns
        self._here = threading.local()
        self._resting = threading.Semaphore(0)

    def run(self, actors: Sequence[Callable[[], None]], chance: Random, deadly: float) -> None:
        """Run the actors to their end. Who goes on, and for how long, is left to chance, as is, with a
        probability of ``deadly`` at each access, who is killed, ten times at most.
        """
        deaths = 0
        left = [_Actor(self, act) for act in actors]
        actor = chance.choice(left)
        patience = chance.choice([0.1, 0.5, 0.9])  # that whoever goes on does so once more
        while left:
            if actor not in left or chance.random() > patience:
                actor = chance.choice(left)
            self.moment += 1
            if actor.begun and deaths < _MOST_DEATHS and chance.random() < deadly:
                actor.killed = True
                deaths += 1
            actor.go.release()
            assert self._resting.acquire(timeout=30), "an actor hangs"
            if actor.ended:
                actor.thread.join(30)
                left.remove(actor)
                if actor.error is not None:
                    raise actor.error

    def access(self) -> None:
        """An actor is about to access the filesystem: others come first. Those who are no actors go on."""
        actor: _Actor | None = getattr(self._here, "actor", None)
        if actor is not None:
            if not actor.killed:
                self._resting.release()
                actor.go.acquire()
            if actor.killed:
                raise Killed

    def revive(self) -> None:
        """The actor that was killed is started anew."""
        self._here.actor.killed = False

    def _live(self, actor: _Actor, act: Callable[[], None]) -> None:
        self._here.actor = actor
        actor.go.acquire()
        actor.begun = True
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - the test is told, whatever it is
            actor.error = error
        actor.ended = True
        self._resting.release()


class _Actor:
    def __init__(self, turns: Turns, act: Callable[[], None]) -> None:
        self.go = threading.Semaphore(0)
        self.begun = self.ended = self.killed = False
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=turns._live, args=(self, act), daemon=True)
        self.thread.start()


class TurnsFileSystem(MemoryFileSystem):
    """Objects in memory, every access to which is a turn."""

    protocol = "turns"
    cachable = False
    turns: ClassVar[Turns] = Turns()

    def ls(self, path: str, *detail: Any, **options: Any) -> Any:
        self.turns.access()
        return super().ls(path, *detail, **options)

    def exists(self, path: str, **options: Any) -> bool:
        self.turns.access()
        return bool(super().exists(path, **options))

    def cat_file(self, path: str, *span: Any, **options: Any) -> Any:
        self.turns.access()
        return super().cat_file(path, *span, **options)

    def pipe_file(self, path: str, value: bytes, **options: Any) -> None:
        self.turns.access()
        super().pipe_file(path, value, **options)

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode != "rb":
            self.turns.access()
        return super()._open(path, mode, **options)

    def rm_file(self, path: str) -> None:
        self.turns.access()
        super().rm_file(path)

    def rm(self, path: Any, **_: Any) -> None:
        for each in sorted(self.store):
            if each.startswith(self._strip_protocol(path).rstrip("/") + "/"):
                self.rm_file(each)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(MemoryFileSystem._strip_protocol(path.replace("turns://", "memory://")))


fsspec.register_implementation("turns", TurnsFileSystem, clobber=True)
