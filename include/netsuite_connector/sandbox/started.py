"""Starts a sandbox account as a process of its own, for tests and benchmarks, and ends it by its own id."""

from __future__ import annotations

import selectors
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def started(command: Sequence[str], *, seconds: float) -> Iterator[tuple[str, int]]:
    """Run the command within the block. Gives the address that it prints once it is ready, and its process.

    Raises TimeoutError when that takes longer than ``seconds``, RuntimeError when it can't start.
    """
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        try:
            yield _address(process, seconds), process.pid
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


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
