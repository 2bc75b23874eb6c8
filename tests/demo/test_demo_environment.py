"""What the demo writes down so that commands of its checkout find it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from netsuite_connector.demo import environment
from netsuite_connector.demo.options import Places

# What the Makefile does, with a line that shows the outcome in place of the command.
_SHELL = 'if [ -f "$1" ]; then . "$1"; fi; printf %s "$AIRFLOW_CONN_X|$AIRFLOW_HOME|$SECRET"'
_AWKWARD = '{"private_key": "-----BEGIN\\nit\'s $HOME `id` \\"x\\"\n"}'


def read(file: Path) -> str:
    command = ["/bin/sh", "-euc", _SHELL, "sh", str(file)]
    surroundings = {"PATH": os.environ["PATH"], "AIRFLOW_HOME": "mine", "AIRFLOW_CONN_X": "", "SECRET": ""}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=surroundings).stdout


def test_a_shell_reads_what_the_demo_gives_to_airflow(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    environment.write(file, {"AIRFLOW_HOME": "/the demo's", "AIRFLOW_CONN_X": _AWKWARD, "SECRET": "other"})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read(file) == f"{_AWKWARD}|/the demo's|"


def test_the_file_says_nothing_once_the_demo_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    code = "import sys; from pathlib import Path; from netsuite_connector.demo import environment; "
    code += "environment.write(Path(sys.argv[1]), {'AIRFLOW_HOME': 'the demo'})"
    subprocess.run([sys.executable, "-c", code, str(file)], check=True)
    assert "the demo" in file.read_text()
    assert read(file) == "|mine|"


def test_a_caller_without_a_demo_keeps_their_own(tmp_path: Path) -> None:
    assert read(tmp_path / "none") == "|mine|"


def test_only_what_the_demo_sets_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "mine")
    places = Places(tmp_path, tmp_path)
    environment.write(places.environment, environment.base(places) | {"AIRFLOW__CORE__EXECUTOR": "x"})
    names = {line.split("=")[0] for line in places.environment.read_text().splitlines()[2:]}
    assert names == {f"export {name}" for name in ("AIRFLOW__CORE__EXECUTOR", "NO_PROXY", "no_proxy")}
