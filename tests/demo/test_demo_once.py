"""The whole demo, with Airflow's real scheduler: once from nothing, and once more."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from netsuite_connector.demo import pids

# flow, extracted, delivered, unchanged, and more numbers behind them
ROW = r"^(\w+) +([\d,]+) +([\d,]+) +([\d,]+) +[\d,]+ +[\d,]+ "


def free_ports(count: int) -> list[int]:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ports


def run_demo(state: Path) -> str:
    """What the demo prints. Fails the test unless the demo says that all is right, and leaves nothing
    running.
    """
    ports = zip(("--ui-port", "--netsuite-port", "--klaviyo-port"), free_ports(3), strict=True)
    options = [f"{name}={port}" for name, port in ports]
    options += ["--once", "--customers=60", "--items=40", "--orders=80", f"--state={state}"]
    demo = subprocess.Popen(
        [sys.executable, "-m", "netsuite_connector.demo", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    told, _ = demo.communicate(timeout=600)
    assert demo.returncode == 0, told
    assert "All is right" in told
    assert not (state / "processes.json").exists()
    left = [found for found in pids.all_processes().values() if names(found.pid, str(state))]
    assert left == []
    return told


def names(pid: int, text: str) -> bool:
    """Whether a process was started with a text in its environment or arguments."""
    try:
        return any(
            text.encode() in Path(f"/proc/{pid}/{part}").read_bytes() for part in ("environ", "cmdline")
        )
    except OSError:
        return False


@pytest.mark.scheduler
def test_it_delivers_everything_once(tmp_path: Path) -> None:
    state = tmp_path / "my demo"
    first = run_demo(state)
    delivered = re.findall(ROW, first, re.MULTILINE)
    assert [row[0] for row in delivered] == ["catalog", "customers", "orders"]
    assert all(int(sent.replace(",", "")) > 0 and unchanged == "0" for _, _, sent, unchanged in delivered), (
        first
    )

    again = re.findall(ROW, run_demo(state), re.MULTILINE)
    assert [row[2] for row in again] == ["0", "0", "0"]
    assert [row[3] for row in again] == [row[2] for row in delivered]
