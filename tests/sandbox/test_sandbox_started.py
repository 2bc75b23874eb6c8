"""Sandbox accounts that a test or a bench has started."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

_START = """
import time
from netsuite_connector.sandbox.{side}.testing import running_sandbox
with running_sandbox() as account:
    print(account.pid, flush=True)
    time.sleep(120)
"""


def is_running(pid: int) -> bool:
    """Whether the process is there, and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc that shows processes")
@pytest.mark.parametrize("side", ["netsuite", "klaviyo"])
def test_an_account_ends_when_whoever_started_it_was_killed(side: str) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", _START.format(side=side)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert starter.stdout is not None
        account = int(starter.stdout.readline())
        assert is_running(account)
    finally:
        starter.kill()
        starter.communicate()
    until = time.monotonic() + 30
    while is_running(account) and time.monotonic() < until:
        time.sleep(0.1)
    assert not is_running(account)
