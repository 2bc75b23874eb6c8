"""Whatever happens to the demo, nothing that it started stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netsuite_connector.demo import pids, processes
from netsuite_connector.demo.options import DemoError
from netsuite_connector.demo.processes import Signals, Supervisor, python

# A process like one of Airflow's: it starts another one, which makes a process group of its own.
FAMILY = textwrap.dedent(
    """
    import os, signal, subprocess, sys, time
    {first}
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], process_group=0)
    print("members", os.getpid(), child.pid, flush=True)
    time.sleep(60)
    """
)
PLAIN = FAMILY.format(first="")
STUBBORN = FAMILY.format(first="signal.signal(signal.SIGTERM, signal.SIG_IGN)")

# A demo in short: it starts a family, and ends it when it is told to end.
RUNNER = textwrap.dedent(
    """
    import os, sys, time
    from pathlib import Path
    from netsuite_connector.demo.processes import Signals, StoppedError, Supervisor, python
    folder, family, grace = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    signals = Signals()
    signals.install()
    supervisor = Supervisor(folder / "processes.json", signals)
    try:
        supervisor.start("family", python("-c", family), os.environ, folder / "family.log")
        print("up", flush=True)
        time.sleep(60)
    except StoppedError as stopped:
        print("ending", flush=True)
        supervisor.end_all(grace)
        sys.exit(128 + stopped.number)
    """
)


def family_of(log: Path) -> list[int]:
    """The ids that a family prints, once it is complete."""

    def complete() -> bool:
        return log.exists() and log.read_text().startswith("members") and log.read_text().endswith("\n")

    wait_for(complete)
    return [int(pid) for pid in log.read_text().split()[1:]]


def wait_for(what: Callable[[], bool], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def alive(ids: list[int]) -> list[int]:
    return [pid for pid in ids if pids.process(pid)]


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path / "processes.json", Signals())
    yield made
    made.end_all(grace=0)


def run_demo(folder: Path, family: str, grace: float = 5) -> subprocess.Popen[str]:
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(folder), family, str(grace)], stdout=subprocess.PIPE, text=True
    )
    assert runner.stdout
    assert runner.stdout.readline() == "up\n"
    return runner


def test_the_end_takes_everything_along(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start("family", python("-c", PLAIN), os.environ, tmp_path / "family.log")
    members = family_of(tmp_path / "family.log")
    assert alive(members) == members
    supervisor.end_all(grace=0.5)
    assert alive(members) == []
    assert not (tmp_path / "processes.json").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_demo_and_its_processes(tmp_path: Path, number: signal.Signals) -> None:
    runner = run_demo(tmp_path, PLAIN, grace=0.5)
    members = family_of(tmp_path / "family.log")
    runner.send_signal(number)
    assert runner.wait(10) == 128 + number
    assert alive(members) == []


def test_a_second_ctrl_c_does_not_wait_for_the_stubborn(tmp_path: Path) -> None:
    runner = run_demo(tmp_path, STUBBORN, grace=60)
    members = family_of(tmp_path / "family.log")
    runner.send_signal(signal.SIGINT)
    assert runner.stdout
    assert runner.stdout.readline() == "ending\n"
    time.sleep(0.2)
    assert alive(members), "it has no reason to hurry yet"
    runner.send_signal(signal.SIGINT)
    assert runner.wait(10) == 128 + signal.SIGINT
    assert alive(members) == []


def test_what_a_killed_demo_leaves_is_found_and_ended(tmp_path: Path) -> None:
    runner = run_demo(tmp_path, PLAIN)
    members = family_of(tmp_path / "family.log")
    assert processes.earlier(tmp_path / "processes.json").demo == runner.pid
    runner.kill()
    runner.wait(10)
    left = processes.earlier(tmp_path / "processes.json")
    assert left == processes.Earlier(None, (members[0],))
    processes.end_sessions(left.sessions, grace=0.5)
    assert alive(members) == []


def test_members_are_found_when_their_leader_is_gone(tmp_path: Path) -> None:
    runner = run_demo(tmp_path, PLAIN)
    members = family_of(tmp_path / "family.log")
    os.kill(members[0], signal.SIGKILL)
    runner.kill()
    runner.wait(10)
    wait_for(lambda: pids.process(members[0]) is None)
    left = processes.earlier(tmp_path / "processes.json")
    processes.end_sessions(left.sessions, grace=0)
    assert alive(members) == []


@pytest.mark.parametrize("change", ["another start time", "before the machine was started"])
def test_somebody_elses_process_is_left_alone(tmp_path: Path, change: str) -> None:
    """A process id that is written down may belong to another program by now."""
    mine = pids.process(os.getpid())
    assert mine
    ledger = {"boot": pids.boot(), "demo": [mine.pid, mine.started], "children": [[mine.pid, mine.started]]}
    (tmp_path / "processes.json").write_text(json.dumps(ledger))
    assert processes.earlier(tmp_path / "processes.json") == processes.Earlier(mine.pid, (mine.pid,))
    if change == "another start time":
        ledger |= {"demo": [mine.pid, "0"], "children": [[mine.pid, "0"]]}
    else:
        ledger["boot"] = "another"
    (tmp_path / "processes.json").write_text(json.dumps(ledger))
    assert processes.earlier(tmp_path / "processes.json") == processes.Earlier(None, ())


@pytest.mark.parametrize("content", ["", "{", "[]", '{"boot": 1}'])
def test_a_spoilt_ledger_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "processes.json").write_text(content)
    assert processes.earlier(tmp_path / "processes.json") == processes.Earlier(None, ())


def test_a_process_that_ends_by_itself_is_told_with_its_last_words(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    child = supervisor.start(
        "scheduler", python("-c", "print('the reason'); raise SystemExit(3)"), os.environ, tmp_path / "s.log"
    )
    child.process.wait(10)
    with pytest.raises(DemoError, match=r"(?s)scheduler ended by itself \(exit status 3\).*the reason"):
        supervisor.check()


def test_a_command_that_fails_is_told_with_its_last_words(supervisor: Supervisor, tmp_path: Path) -> None:
    child = supervisor.start(
        "migrate", python("-c", "print('no room'); raise SystemExit(1)"), os.environ, tmp_path / "m.log"
    )
    with pytest.raises(DemoError, match=r"(?s)migrate failed \(exit status 1\).*no room"):
        supervisor.finish(child)
    supervisor.check()  # it counts no longer as running
