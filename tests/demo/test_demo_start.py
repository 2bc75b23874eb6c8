"""What the demo looks at before it starts anything, and what it gives to the processes it starts."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from netsuite_connector.demo import checks, environment, options, secrets
from netsuite_connector.demo.__main__ import main
from netsuite_connector.demo.options import DemoError, Places, parse

NOBODY = 65534


@pytest.fixture
def places(tmp_path: Path) -> Places:
    found = Places(tmp_path, tmp_path / "my demo")
    checks.check_folder(found)
    return found


@pytest.mark.parametrize("flag", ["--ui-port", "--netsuite-port", "--klaviyo-port"])
@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_busy_port_is_named_with_what_to_change(flag: str, address: str) -> None:
    with socket.create_server((address, 0)) as server:
        port = server.getsockname()[1]
        free = {"--ui-port": "28080", "--netsuite-port": "28181", "--klaviyo-port": "28182"} | {
            flag: str(port)
        }
        wanted = parse([text for pair in free.items() for text in pair])
        with pytest.raises(DemoError, match=rf"Port {port}, .* is used .* make demo ARGS='{flag} \d+'"):
            checks.check_ports(wanted)


def test_a_port_that_was_used_a_moment_ago_is_free() -> None:
    """The system keeps a port back for a while after a connection (TIME_WAIT); a listener gets it all the
    same.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), server.accept()[0]:
            pass
    checks.check_ports(parse(["--ui-port", str(port), "--netsuite-port", "28181", "--klaviyo-port", "28182"]))


@pytest.mark.parametrize("arguments", [["--ui-port", "80"], ["--ui-port", "8181"], ["--customers", "0"]])
def test_options_that_cannot_be_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2


def test_a_demo_that_is_running_is_not_disturbed(places: Places) -> None:
    ready = "from netsuite_connector.demo.processes import *; import os, sys; from pathlib import Path; "
    ready += "s = Supervisor(Path(sys.argv[1]), Signals()); "
    ready += "s.start('x', python('-c', 'pass'), os.environ, Path(sys.argv[1]).with_name('x.log')); "
    ready += "print('up', flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", ready, str(places.processes)], stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            assert other.stdout
            assert other.stdout.readline() == "up\n"
            with pytest.raises(DemoError, match=rf"running already \(process {other.pid}\).*make stop"):
                checks.check_earlier(places)
        finally:
            other.kill()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / ".demo").mkdir(mode=0o555)
    tmp_path.chmod(0o755)
    command = (
        "from netsuite_connector.demo import checks, options; from pathlib import Path; import os, sys\n"
    )
    command += f"if os.getuid() == 0: os.setuid({NOBODY})\n"  # root may write anywhere
    command += "try: checks.check_folder(options.Places(Path(sys.argv[1]), Path(sys.argv[1], '.demo')))\n"
    command += "except options.DemoError as error: print(error)"
    try:
        for parent in list(tmp_path.parents)[:2]:  # pytest keeps its folders to itself
            parent.chmod(0o755)
        told = subprocess.run(
            [sys.executable, "-c", command, str(tmp_path)], capture_output=True, text=True, check=True
        ).stdout
    finally:
        (tmp_path / ".demo").chmod(0o755)
    assert told.startswith(f"No permission to write to {tmp_path / '.demo'}. Make that folder your own")


def test_another_account_starts_from_nothing(places: Places) -> None:
    """What was delivered from one account is not a past of another."""
    usual = parse([])
    assert not checks.same_account(places, usual)
    places.klaviyo_database.write_text("profiles")
    (places.staging / "demo").mkdir(parents=True)
    assert checks.same_account(places, usual)
    assert places.staging.exists()
    assert not checks.same_account(places, parse(["--seed", "8"]))
    assert not places.staging.exists()
    assert not places.klaviyo_database.exists()


def test_staging_does_not_outlive_the_klaviyo_account(places: Places) -> None:
    usual = parse([])
    checks.same_account(places, usual)
    places.staging.mkdir()
    assert not checks.same_account(places, usual)
    assert not places.staging.exists()


def test_secrets_are_made_once_and_kept_from_others(places: Places) -> None:
    first = secrets.load(places)
    assert secrets.load(places) == first
    assert len({first.password, first.fernet, first.jwt, first.session}) == 4
    for file in (places.secrets, places.passwords):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(places.passwords.read_text()) == {"admin": first.password}
    places.secrets.write_text("{")
    assert secrets.load(places) != first


def test_the_callers_own_airflow_does_not_get_in(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIRFLOW__CORE__EXECUTOR", "AIRFLOW_CONN_OTHER", "PYTHONPATH", "NETSUITE_CONNECTOR_STAGING"):
        monkeypatch.setenv(name, "of another installation")
    monkeypatch.setenv("NO_PROXY", "intranet")
    monkeypatch.setenv("PIP_INDEX_URL", "kept")
    found = environment.airflow(places, parse([]), secrets.load(places))
    assert "of another installation" not in found.values()
    assert found["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert found["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert found["PIP_INDEX_URL"] == "kept"
    assert found["NETSUITE_CONNECTOR_STAGING"] == f"file://{places.staging}"


def test_nothing_to_stop_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--stop", "--state", str(tmp_path)]) == 0
    assert "no demo of this checkout is running" in capsys.readouterr().out


def test_the_demo_lives_in_its_checkout() -> None:
    found = options.places(options.parse([]))
    assert (found.root / "pyproject.toml").is_file()
    assert found.state == found.root / ".demo"
