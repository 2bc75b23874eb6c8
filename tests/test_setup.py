"""`make setup` on machines that lack something, and after it was interrupted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Builds the little project of these tests without any other package, which the real one's setuptools would
# be.
BACKEND = textwrap.dedent(
    """
    import zipfile
    from pathlib import Path

    def get_requires_for_build_editable(config_settings=None):
        return []

    def build_editable(folder, config_settings=None, metadata_directory=None):
        name = "little-1.dist-info"
        with zipfile.ZipFile(Path(folder) / "little-1-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}/METADATA", "Metadata-Version: 2.1\\nName: little\\nVersion: 1\\n")
            tags = "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
            wheel.writestr(f"{name}/WHEEL", tags)
            wheel.writestr("little.py", "")
            wheel.writestr(f"{name}/RECORD", "")
        return "little-1-py3-none-any.whl"
    """
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of a project that needs nothing, at a path with a space."""
    folder = tmp_path / "my checkout"
    shutil.copytree(ROOT / "tools", folder / "tools")
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "requirements.txt").write_text("")
    (folder / "constraints.txt").write_text("")
    (folder / "backend.py").write_text(BACKEND)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "little"\nversion = "1"\n'
    )
    return folder


def setup(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs `make setup` with no index of packages within reach."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "MAKE", "HOME"))
    }
    kept |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1"}
    kept |= {"PYTHON": sys.executable} | environment
    return subprocess.run(
        ["make", "setup"], cwd=checkout, env=kept, check=False, capture_output=True, text=True, timeout=120
    )


def interpreter(folder: Path, name: str, script: str) -> None:
    """Puts a stand-in for a Python that this machine does not have."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder for PATH without any Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("sh", "make", "dirname"):
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    return folder


def test_it_is_made_once_and_made_anew_after_an_interruption(checkout: Path) -> None:
    first = setup(checkout)
    assert first.returncode == 0, first.stderr
    assert "setup: ready" in first.stdout
    python = checkout / ".venv" / "bin" / "python"
    subprocess.run([python, "-c", "import little"], check=True)
    assert setup(checkout).stdout == ""

    # Killed half-way: no stamp, and the interpreter is broken.
    (checkout / ".venv" / "setup-stamp").unlink()
    python.unlink()
    python.write_text("")
    again = setup(checkout)
    assert again.returncode == 0, again.stderr
    subprocess.run([python, "-c", "import little"], check=True)


def test_an_index_out_of_reach_is_told(checkout: Path) -> None:
    (checkout / "requirements.txt").write_text("a-package-that-nobody-has\n")
    failed = setup(checkout)
    assert failed.returncode
    assert "The package index could not be reached. Check the network" in failed.stderr
    assert str(checkout / ".venv" / "setup.log") in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not (checkout / ".venv" / "setup-stamp").exists()


def test_a_checkout_that_cannot_be_written_is_told(checkout: Path) -> None:
    command = "import os, random, sys; sys.path.insert(0, 'tools'); import setup\n"
    command += "if os.getuid() == 0: os.setuid(65534)\n"  # root may write anywhere
    command += "sys.exit(setup.main())\n"
    for folder in checkout.parents:  # pytest keeps its folders to itself
        folder.chmod(0o755)
        if folder.name.startswith("pytest-of-"):
            break
    checkout.chmod(0o555)
    try:
        failed = subprocess.run(
            [sys.executable, "-c", command], cwd=checkout, check=False, capture_output=True, text=True
        )
    finally:
        checkout.chmod(0o755)
    assert failed.returncode == 1
    assert f"No permission to write below {checkout}" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_no_python_is_told(checkout: Path, path: Path) -> None:
    failed = setup(checkout, PATH=str(path), PYTHON="")
    assert (
        "Python 3.11, 3.12 or 3.13 is needed and was not found (there is no python3 that runs)"
        in failed.stderr
    )
    assert "Install one" in failed.stderr


def test_pythons_that_do_not_fit_are_named(checkout: Path, path: Path) -> None:
    interpreter(path, "python3", "echo 3.9; exit 3")
    interpreter(path, "python3.12", "echo 'python3.12: command not found' >&2; exit 127")
    failed = setup(checkout, PATH=str(path), PYTHON="")
    assert "was not found (python3 is 3.9)" in failed.stderr


def test_a_python_without_venv_is_told(checkout: Path, path: Path) -> None:
    interpreter(path, "python3", "echo 3.11; exit 4")
    failed = setup(checkout, PATH=str(path), PYTHON="")
    assert "Python 3.11 is here, but it cannot make virtual environments." in failed.stderr
    assert "apt install python3.11-venv" in failed.stderr


def test_the_python_that_is_named_is_the_one(checkout: Path, path: Path) -> None:
    interpreter(path, "python3", f'exec {sys.executable!r} "$@"')
    interpreter(path, "old", "echo 3.8; exit 3")
    failed = setup(checkout, PATH=str(path), PYTHON="old")
    assert "PYTHON names an interpreter that does not fit: old is 3.8." in failed.stderr


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full."),
        (
            "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] ...",
            "certificate is not trusted",
        ),
        (
            "ERROR: No matching distribution found for rich==15.0.0",
            "does not have one of the pinned packages",
        ),
        ("ERROR: something new", "The last line was: ERROR: something new"),
    ],
)
def test_what_pip_says_becomes_advice(said: str, advice: str) -> None:
    command = "import sys; sys.path.insert(0, 'tools'); import setup; print(setup.reason(sys.argv[1]))"
    told = subprocess.run(
        [sys.executable, "-c", command, said], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    assert advice in told
