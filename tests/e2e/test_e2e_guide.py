"""The guide for administrators, followed to the letter: what it tells to paste is pasted, into one shell."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "netsuite" / "deploy.md").read_text(encoding="utf-8")
HEADING = "## Following this without an account"
SEARCHES = ROOT / "include" / "suitecloud" / "src" / "FileCabinet" / "SuiteScripts" / "nsk" / "searches.json"
_MARK = "=== block"
# `make setup` has run, as the guide wants it: the environment that runs this test is there as .venv.
_PREAMBLE = """set -e
make() { command make -o setup "$@"; }
"""


def blocks() -> list[str]:
    """What the guide's last part tells to paste, in order."""
    section = GUIDE.partition(HEADING)[2].partition("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def free_ports() -> tuple[int, int]:
    """Two ports of this machine that nobody uses now."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def checkout(folder: Path) -> Path:
    """A fresh checkout, as far as the guide uses one, with the environment that runs this test as `.venv`."""
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("dags", "plugins", "include/stores"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def pasted(folder: Path) -> tuple[int, list[str], bool]:
    """The exit status of the shell, what each block printed, and whether the shell left anything running."""
    ends = f"\nprintf '\\n{_MARK}\\n'\n"
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "NETSUITE", "KLAVIYO", "PYTHON", "MAKE"))
    }
    temporary = folder / "tmp"
    temporary.mkdir()
    netsuite, klaviyo = free_ports()
    mine = {
        "NETSUITE_PORT": str(netsuite),
        "KLAVIYO_PORT": str(klaviyo),
        "TMPDIR": str(temporary),
        "HOME": str(folder),
    }
    log = folder / "output.txt"
    with log.open("w", encoding="utf-8") as out:
        shell = subprocess.Popen(
            ["bash", "-c", _PREAMBLE + ends.join([*blocks(), ""])],
            cwd=checkout(folder / "checkout"),
            env=clean | mine,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = shell.wait(timeout=600)
        finally:
            left = _end_group(shell)
    printed = log.read_text(encoding="utf-8")
    if status:
        printed += "".join(file.read_text()[-2000:] for file in sorted(temporary.glob("*/*.log")))
    return status, printed.split(_MARK), left


def _end_group(shell: subprocess.Popen[bytes]) -> bool:
    """Ends what the shell started and did not end itself; whether there was anything."""
    try:
        os.killpg(shell.pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    shell.wait()
    return True


def states(printed: str) -> list[tuple[str, int]]:
    """The states of searches that `uniq -c` has counted."""
    return [(state, int(count)) for count, state in re.findall(r'(\d+) "state":"(\w+)"', printed)]


def outcome(printed: str) -> tuple[dict[str, Any], int]:
    """The report of a run, and how many items, variants and categories Klaviyo holds after it."""
    start = printed.index("{")
    report, end = json.JSONDecoder().raw_decode(printed, start)
    held = re.findall(r'"(?:items|variants|categories)": (\d+)', printed[end:])
    assert len(held) == 3
    return report, sum(map(int, held))


def test_the_key_is_made_by_the_command_of_its_step() -> None:
    (told,) = re.findall(r"^```\n(openssl .*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    assert any(" ".join(told.split()) in " ".join(block.split()) for block in blocks())


@pytest.mark.line
def test_who_follows_the_guide_arrives(tmp_path: Path) -> None:
    for tool in ("bash", "curl", "openssl", "make"):
        if shutil.which(tool) is None:
            pytest.skip(f"the guide needs {tool}, and this machine has none")
    status, printed, left = pasted(tmp_path)
    assert status == 0, "".join(printed)
    assert not left, "the guide left something running"
    accounts, installer, access, airflow, connections, _, check, dry, real, _, after = printed
    assert "Sandbox NetSuite account" in accounts
    assert "Sandbox Klaviyo account" in accounts
    searches = len(json.loads(SEARCHES.read_text(encoding="utf-8")))
    assert states(installer) == [("missing", searches), ("created", searches), ("kept", searches)]
    assert re.search(r"certificate id: [0-9a-f]{64}$", access, re.MULTILINE)
    assert "Pool netsuite created" in airflow
    assert connections.count("Imported connection") == 2
    assert "Outdoor Shop (outdoor)" in check
    assert re.search(r"\d+ right, 0 wrong, 0 warning", check)
    tried, held = outcome(dry)
    assert held == 0
    assert tried["dry_run"]
    assert tried["rows"]["delivered"] > 0
    made, held = outcome(real)
    assert (made["store"], made["flow"], made["dry_run"]) == ("outdoor", "catalog", False)
    assert made["adds_up"]
    rows = made["rows"]
    assert rows["extracted"] == tried["rows"]["extracted"]
    # Klaviyo refuses matrix children whose item was rejected, which a dry run can't know.
    assert 0 < rows["delivered"] <= tried["rows"]["delivered"]
    assert rows["extracted"] == rows["delivered"] + rows["unchanged"] + rows["rejected"]
    assert rows["rejected"] <= sum(made["rejected_by_reason"].values())
    assert held == made["records"]["delivered"] > 0
    assert not after.strip()
    assert not list((tmp_path / "tmp").iterdir()), "the guide left files"
