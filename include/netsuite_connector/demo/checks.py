"""What must be so before anything is started; each check that fails says what to do."""

from __future__ import annotations

import errno
import json
import shutil
import socket
import tempfile

from netsuite_connector.demo import processes
from netsuite_connector.demo.options import DemoError, Options, Places


def check_folder(places: Places) -> None:
    """The demo's folder can be written to."""
    try:
        places.logs.mkdir(parents=True, exist_ok=True)
        places.airflow.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=places.state) as file:
            file.write(b"room" * 1024)
    except OSError as error:
        raise DemoError(explain(error, places)) from error


def explain(error: OSError, places: Places) -> str:
    """A sentence about a failed file operation."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return (
            f"The disk that holds {places.state} is full. "
            "Free some room (the demo needs about 500 MB) and start it again."
        )
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return (
            f"No permission to write to {places.state}. "
            "Make that folder your own (chown), or clone the project elsewhere."
        )
    return f"{error.strerror or error}: {error.filename or places.state}"


def check_earlier(places: Places) -> bool:
    """No demo of this checkout is running; what one that was killed has left is ended. Returns whether
    there was any.
    """
    found = processes.earlier(places.processes)
    if found.demo is not None:
        raise DemoError(
            f"A demo of this checkout is running already (process {found.demo}). "
            "End it with Ctrl-C where it was started, or with `make stop`."
        )
    if found.sessions:
        processes.end_sessions(found.sessions, grace=2)
    places.processes.unlink(missing_ok=True)
    return bool(found.sessions)


def check_ports(options: Options) -> None:
    """Nobody listens on the ports."""
    wanted = (
        (options.ui_port, "Airflow's web UI", "--ui-port"),
        (options.netsuite_port, "the sandbox NetSuite account", "--netsuite-port"),
        (options.klaviyo_port, "the sandbox Klaviyo account", "--klaviyo-port"),
    )
    for port, what, flag in wanted:
        if _is_busy(port):
            raise DemoError(
                f"Port {port}, meant for {what}, is used by another program. Choose another one: "
                f"make demo ARGS='{flag} {port + 1000 if port < 64000 else port - 1000}'"
            )


def _is_busy(port: int) -> bool:
    with socket.socket() as there:
        there.settimeout(1)
        if there.connect_ex(("127.0.0.1", port)) == 0:
            return True
    with socket.socket() as mine:
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            mine.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return True
    return False


def same_account(places: Places, options: Options) -> bool:
    """Whether this demo goes on with the accounts of the last one. If not (another size or seed, or the
    sandbox Klaviyo account is gone), what was staged and delivered before is taken away, as it belongs to
    another account.
    """
    try:
        before = json.loads(places.account.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        before = None
    if before == options.account and places.klaviyo_database.exists():
        return True
    places.account.unlink(missing_ok=True)
    for database in places.state.glob(f"{places.klaviyo_database.name}*"):
        database.unlink()
    if places.staging.exists():
        shutil.rmtree(places.staging)
    places.account.write_text(json.dumps(options.account), encoding="utf-8")
    return False
