"""Starts a sandbox account as a process of its own, for tests and benchmarks, and ends it by its own id; it
ends by itself when whoever started it is gone.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_STARTED_BY = "NETSUITE_CONNECTOR_SANDBOX_STARTED_BY"


@contextmanager
def started(command: Sequence[str], *, seconds: float) -> Iterator[tuple[str, int]]:
    """Run the command within the block. Gives the address that it prints once it is ready, and its process.

    Raises TimeoutError when that takes longer than ``seconds``, RuntimeError when it can't start.
    """
    environment = os.environ | {_STARTED_BY: str(os.getpid())}
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield _address(process, seconds), process.pid
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def end_with_starter() -> None:
    """In the sandbox's process: have it end when the process that ``started`` it is gone, were it killed."""
    starter = os.environ.get(_STARTED_BY)
    if starter is not None:
        threading.Thread(target=_watch, args=(int(starter),), daemon=True).start()


def _watch(starter: int) -> None:
    while os.getppid() == starter:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def _address(process: subprocess.Popen[str], seconds: float) -> str:
    if process.stdout is None:
        raise RuntimeError("The sandbox account was started without an output to read.")
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(seconds):
            raise TimeoutError(f"The sandbox account did not start within {seconds:.0f} seconds.")
    line = process.stdout.readline()
    if " ready at " not in line:
        raise RuntimeError("The sandbox account could not start; what it wrote above says why.")
    return line.rpartition(" ")[2].strip()
