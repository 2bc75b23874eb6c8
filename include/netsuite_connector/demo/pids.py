"""Which processes there are. A process id alone proves nothing, as ids are used again: its start time
belongs to it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A process that is alive (zombies are not). ``started`` is comparable only with itself, on one
    machine.
    """

    pid: int
    session: int
    started: str


def all_processes() -> dict[int, Process]:
    """Every process that is alive, by id."""
    if (_PROC / "self" / "stat").exists():
        rows = (_from_proc(entry.name) for entry in os.scandir(_PROC) if entry.name.isdecimal())
    else:
        # macOS has no /proc. lstart is the start time to the second.
        listing = subprocess.run(
            ["ps", "-A", "-o", "pid=,stat=,lstart="],  # noqa: S607 - ps is where PATH says
            capture_output=True,
            text=True,
            check=False,
        )
        rows = (_from_ps(line) for line in listing.stdout.splitlines())
    return {process.pid: process for process in rows if process}


def process(pid: int) -> Process | None:
    """One process, or None when it is not alive."""
    return all_processes().get(pid)


def in_sessions(sessions: set[int]) -> list[Process]:
    """The processes of some sessions. A process that is started in a session of its own names the session
    by its id, and whatever it starts stays in that session, even where it makes process groups of its own
    (as Airflow's tasks do).
    """
    return [found for found in all_processes().values() if found.session in sessions]


def boot() -> str:
    """Changes with every start of the machine, where that can be known."""
    with contextlib.suppress(OSError):
        return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def _from_proc(pid: str) -> Process | None:
    try:
        stat = (_PROC / pid / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:  # it has ended meanwhile
        return None
    # "pid (name) state parent group session …"; the name may hold anything, so count from behind it (man 5
    # proc).
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else Process(int(pid), int(fields[3]), fields[19])


def _from_ps(line: str) -> Process | None:
    pid, state, *started = line.split()
    if state.startswith("Z"):
        return None
    try:
        return Process(int(pid), os.getsid(int(pid)), " ".join(started))
    except OSError:  # it has ended meanwhile, or is somebody else's
        return None
