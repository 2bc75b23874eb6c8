"""Makes .venv in the checkout: the pinned packages and this project itself. Started by tools/setup.sh;
standard library only.

The second time costs nothing: a stamp, written last, says from which inputs the environment was made.
Without a stamp (an interrupted run) the environment is made anew; with another stamp (changed requirements)
it is brought up to date.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "setup-stamp"
LOG = VENV / "setup.log"
INPUTS = ("requirements.txt", "constraints.txt", "pyproject.toml", "tools/setup.py")
REQUIREMENTS = ["-r", "requirements.txt", "-c", "constraints.txt"]

# What pip's output says, and what a person can do about it. The first that matches wins.
TROUBLES: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("No space left on device", "Disk quota exceeded"),
        "The disk is full. Free about 2 GB (.venv takes 1.1 GB) and run this again.",
    ),
    (
        ("CERTIFICATE_VERIFY_FAILED", "SSLError"),
        (
            "The package index's certificate is not trusted. Behind a company proxy, give pip its "
            "certificate: pip config set global.cert /path/to/ca.pem"
        ),
    ),
    (
        (
            "Failed to establish a new connection",
            "NameResolutionError",
            "Temporary failure in name resolution",
            "ProxyError",
            "ConnectTimeoutError",
            "ReadTimeoutError",
            "Connection refused",
            "Connection reset",
            "ConnectionResetError",
            "Network is unreachable",
        ),
        (
            "The package index could not be reached. Check the network, or point pip at a mirror that "
            "you can reach: pip config set global.index-url URL"
        ),
    ),
    (
        ("No matching distribution found", "Could not find a version"),
        (
            "The package index does not have one of the pinned packages for this Python, or could not be "
            "asked. If you use a mirror, it may be incomplete; PIP_INDEX_URL names another."
        ),
    ),
    (
        ("Permission denied", "Read-only file system"),
        (
            f"No permission to write below {ROOT}. "
            "Make the checkout your own (chown) or clone it to a folder of yours."
        ),
    ),
)


class SetupError(Exception):
    """Setting up failed; the message says why and what to do."""


def main() -> int:
    """Exit status: 0 when .venv is ready."""
    os.chdir(ROOT)
    try:
        check_writable()
        with one_at_a_time():
            if STAMP.is_file() and read(STAMP) == wanted_stamp() and venv_runs():
                return 0
            make()
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"setup: {explain(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nsetup: interrupted; the next run goes on from the start.", file=sys.stderr)
        return 130
    return 0


def make() -> None:
    """Creates or updates .venv."""
    started = time.monotonic()
    fresh = not STAMP.is_file() or not venv_runs() or read(STAMP).split()[:2] != wanted_stamp().split()[:2]
    STAMP.unlink(missing_ok=True)
    version = ".".join(str(part) for part in sys.version_info[:3])
    if fresh:
        say(f"setup: making .venv with Python {version} ({sys.executable})")
        # Removed by hand: venv's own --clear follows a dangling interpreter link.
        shutil.rmtree(VENV, ignore_errors=True)
        VENV.mkdir(exist_ok=True)
        run([sys.executable, "-m", "venv", str(VENV)], "The virtual environment could not be made.")
    say(f"setup: installing the pinned packages (log: {LOG.relative_to(ROOT)})")
    pip("install", *REQUIREMENTS)
    # The project itself is only linked. setuptools is among the requirements, so that nothing is fetched to
    # build it.
    pip("install", "--no-deps", "--no-build-isolation", "--editable", ".")
    write_last(STAMP, wanted_stamp())
    say(f"setup: ready after {time.monotonic() - started:.0f} s")


def wanted_stamp() -> str:
    """Python version, checkout (scripts in .venv hold its path) and a digest of what is installed."""
    digest = hashlib.sha256()
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes())
    version = stamped_version() or f"{sys.version_info[0]}.{sys.version_info[1]}"
    return f"{version} {hashlib.sha256(os.fsencode(ROOT)).hexdigest()} {digest.hexdigest()}\n"


def stamped_version() -> str | None:
    """The Python version of the environment that is there, which is kept unless the user names an
    interpreter.
    """
    if os.environ.get("PYTHON") or not STAMP.is_file():
        return None
    return next(iter(read(STAMP).split()), None)


def venv_runs() -> bool:
    """Whether the environment's interpreter starts: the Python it was made from may be gone."""
    try:
        return subprocess.run([PYTHON, "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def pip(*arguments: str) -> None:
    run([str(PYTHON), "-m", "pip", *arguments], "The packages could not be installed.")


def run(command: list[str], failure: str) -> None:
    """Runs a command with its output in the log; raises SetupError with a plain reason when it fails."""
    # pip's own configuration (mirrors, proxies) stays in force; only what would install elsewhere is taken
    # out.
    environment = {key: value for key, value in os.environ.items() if key not in {"PIP_TARGET", "PIP_PREFIX"}}
    environment |= {
        "PIP_USER": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PYTHONUNBUFFERED": "1",
    }
    collected = 0
    told = time.monotonic()
    lines: list[str] = []
    with (
        LOG.open("a", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        for line in process.stdout or ():
            log.write(line)
            lines.append(line)
            collected += line.startswith("Collecting ")
            if line.startswith("Installing collected packages") and collected:
                say(f"setup: unpacking {line.count(',') + 1} packages")
                collected = 0
            elif collected and time.monotonic() - told > 10:
                told = time.monotonic()
                say(f"setup: {collected} packages fetched so far")
    if process.returncode:
        raise SetupError(
            f"{failure} {reason(''.join(lines[-400:]))}\n       Everything it said is in {kept_log()}"
        )


def reason(output: str) -> str:
    """A sentence about what went wrong, out of a command's output."""
    for signs, advice in TROUBLES:
        if any(sign in output for sign in signs):
            return advice
    last = [line.strip() for line in output.splitlines() if line.strip()]
    return f"The last line was: {last[-1]}" if last else "It said nothing."


def explain(error: OSError) -> str:
    """A sentence about a failed file operation."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return reason("No space left on device")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return reason("Permission denied")
    return str(error)


def check_writable() -> None:
    with tempfile.TemporaryFile(dir=ROOT):
        pass


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Waits while another setup works on the same checkout (`make demo` and `make test` started together)."""
    with (ROOT / "Makefile").open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("setup: another setup of this checkout is running; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def kept_log() -> Path:
    return LOG if LOG.is_file() else VENV


def write_last(path: Path, text: str) -> None:
    """Writes a file so that it is there either whole or not at all."""
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
