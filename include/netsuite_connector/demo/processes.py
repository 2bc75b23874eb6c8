"""Starts processes, watches them, and ends every one of them, whatever happens to the demo."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from netsuite_connector.demo import pids
from netsuite_connector.demo.options import DemoError

# How long a process may take to end on request before it is ended by force, in seconds.
GRACE = 5.0
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StoppedError(Exception):
    """Somebody asked the demo to end (Ctrl-C, or a signal, whose number it carries)."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Signals:
    """Turns the first ending signal into StoppedError, and later ones into hurry."""

    def __init__(self) -> None:
        self.hurry = False
        self._seen: int | None = None
        self._held = False
        self._ending = False

    def install(self) -> None:
        """From now on."""
        for number in _ENDING_SIGNALS:
            signal.signal(number, self._handle)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """A signal that comes within is raised at the end: between starting a process and writing it down
        none must.
        """
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._seen is not None:
            self._raise(self._seen)

    def ending(self) -> None:
        """From now on no signal raises anything; it only makes the end quicker."""
        self._ending = True

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._ending:
            self.hurry = True
        elif self._held:
            self._seen = number
        else:
            self._raise(number)

    def _raise(self, number: int) -> NoReturn:
        # A second signal must not interrupt what the first one has set off.
        self._ending = True
        raise StoppedError(number)


@dataclass(frozen=True, slots=True)
class Child:
    """A process of the demo, leader of its own session; ``log`` holds what it prints."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


class Supervisor:
    """The demo's processes. What runs is written to ``ledger``, so that even after ``kill -9`` the next
    demo can end it.
    """

    def __init__(self, ledger: Path, signals: Signals) -> None:
        self._ledger = ledger
        self._signals = signals
        self._children: list[Child] = []

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> Child:
        """Starts a process; what it prints goes to ``log``, which is begun anew."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with self._signals.held(), log.open("wb") as output:
            child = Child(
                name,
                subprocess.Popen(  # noqa: S603 - the demo's own commands
                    command,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                ),
                log,
            )
            self._children.append(child)
            self._write()
        return child

    def check(self) -> None:
        """Raises DemoError when one of the processes has ended by itself."""
        for child in self._children:
            if child.process.poll() is not None:
                raise DemoError(
                    f"{child.name} ended by itself (exit status {child.process.returncode}). "
                    f"Its last lines, from {child.log}:\n{last_lines(child.log)}"
                )

    def finish(self, child: Child) -> None:
        """Waits for a process that ends by itself. Raises DemoError when it fails."""
        while child.process.poll() is None:
            time.sleep(0.05)
        with self._signals.held():
            self._children.remove(child)
            self._write()
        if child.process.returncode:
            raise DemoError(
                f"{child.name} failed (exit status {child.process.returncode}). "
                f"Its last lines, from {child.log}:\n{last_lines(child.log)}"
            )

    def end_all(self, grace: float = GRACE) -> None:
        """Ends every process, last started first, and all that they started. Safe to call twice."""
        self._signals.ending()
        sessions = [child.process.pid for child in reversed(self._children)]
        end_sessions(sessions, grace=grace, signals=self._signals, reap=self._reap)
        self._children.clear()
        self._ledger.unlink(missing_ok=True)

    @property
    def running(self) -> bool:
        """Whether anything was started that has not been ended."""
        return bool(self._children)

    def _reap(self) -> None:
        for child in self._children:
            child.process.poll()

    def _write(self) -> None:
        mine = pids.process(os.getpid())
        running = [pids.process(child.process.pid) for child in self._children]
        text = json.dumps(
            {
                "boot": pids.boot(),
                "demo": [mine.pid, mine.started] if mine else None,
                "children": [[child.pid, child.started] for child in running if child],
            }
        )
        beside = self._ledger.with_name(self._ledger.name + ".new")
        beside.write_text(text, encoding="utf-8")
        beside.replace(self._ledger)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier demo has written down and what of it is alive: itself, and the sessions it started."""

    demo: int | None
    sessions: tuple[int, ...]


def earlier(ledger: Path) -> Earlier:
    """Reads what an earlier demo left. A file that cannot be read counts as none."""
    try:
        written = json.loads(ledger.read_text(encoding="utf-8"))
        boot, demo, children = written["boot"], written["demo"], written["children"]
    except (OSError, ValueError, KeyError, TypeError):
        return Earlier(None, ())
    if boot != pids.boot():
        return Earlier(None, ())
    alive = pids.all_processes()
    members = {found.session for found in alive.values()}

    def same(pid: int, started: str) -> bool:
        return pid in alive and alive[pid].started == started

    # A session whose leader has ended keeps its id for as long as it has members: the system gives the id
    # to nobody else.
    sessions = tuple(
        pid for pid, started in children if same(pid, started) or (pid not in alive and pid in members)
    )
    return Earlier(demo[0] if demo and same(*demo) else None, sessions)


def end_sessions(
    sessions: Sequence[int],
    *,
    grace: float,
    signals: Signals | None = None,
    reap: Callable[[], None] = lambda: None,
) -> None:
    """Asks the leaders of sessions to end; whoever of their sessions is alive after ``grace`` seconds is
    ended by force.
    """
    for pid in sessions:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + grace
    while True:
        reap()
        left = pids.in_sessions(set(sessions))
        if not left:
            return
        if time.monotonic() >= until or (signals and signals.hurry):
            for found in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(found.pid, signal.SIGKILL)
        time.sleep(0.05)


def ask_to_end(pid: int, seconds: float) -> None:
    """Asks a process to end (SIGTERM) and waits so long for it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + seconds
    while pids.process(pid) and time.monotonic() < until:
        time.sleep(0.1)


def last_lines(log: Path, count: int = 12) -> str:
    """The end of a log, indented."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
    except OSError:
        lines = []
    return "\n".join(f"    {line}" for line in lines) or "    (it printed nothing)"


def python(*arguments: str) -> list[str]:
    """A command line of this very interpreter."""
    return [sys.executable, *arguments]
