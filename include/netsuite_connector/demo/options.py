"""What the demo is asked to do, and where it keeps things."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netsuite_connector.demo.connections import KLAVIYO_KEYS, NETSUITE_CREDENTIALS

FLOWS = ("catalog", "customers", "orders")


class DemoError(Exception):
    """The demo cannot go on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """The command line. ``once``: end after the outcome. ``stop``: only end what an earlier demo left
    running.
    """

    once: bool
    stop: bool
    customers: int
    items: int
    orders: int
    seed: int
    ui_port: int
    netsuite_port: int
    klaviyo_port: int
    state: Path | None

    @property
    def ui_url(self) -> str:
        """Airflow's web UI and REST API."""
        return f"http://127.0.0.1:{self.ui_port}"

    @property
    def netsuite_url(self) -> str:
        """The sandbox NetSuite account."""
        return f"http://127.0.0.1:{self.netsuite_port}"

    @property
    def klaviyo_url(self) -> str:
        """The sandbox Klaviyo account."""
        return f"http://127.0.0.1:{self.klaviyo_port}"

    @property
    def account(self) -> dict[str, int]:
        """What the sandbox NetSuite account is filled with."""
        return {"customers": self.customers, "items": self.items, "orders": self.orders, "seed": self.seed}


@dataclass(frozen=True, slots=True)
class Places:
    """The files of a checkout (``root``) that the demo uses. All that it writes is below ``state``."""

    root: Path
    state: Path

    @property
    def airflow(self) -> Path:
        """Airflow's home, with its SQLite database."""
        return self.state / "airflow"

    @property
    def migrated(self) -> Path:
        """Holds the version that Airflow's database was made for."""
        return self.airflow / "migrated"

    @property
    def logs(self) -> Path:
        """One file a process."""
        return self.state / "logs"

    @property
    def staging(self) -> Path:
        """Where the flows stage what they read."""
        return self.state / "staging"

    @property
    def secrets(self) -> Path:
        """Keys that are made once a checkout."""
        return self.state / "secrets.json"

    @property
    def passwords(self) -> Path:
        """The logins of Airflow's web UI."""
        return self.state / "simple_auth_manager_passwords.json"

    @property
    def processes(self) -> Path:
        """Which processes a running demo has started."""
        return self.state / "processes.json"

    @property
    def environment(self) -> Path:
        """The surroundings of the running demo, for commands of its checkout."""
        return self.state / "environment"

    @property
    def account(self) -> Path:
        """What the sandbox NetSuite account was filled with last time."""
        return self.state / "account.json"

    @property
    def netsuite_credentials(self) -> Path:
        """Written by the sandbox NetSuite account."""
        return self.state / NETSUITE_CREDENTIALS

    @property
    def klaviyo_keys(self) -> Path:
        """Written by the sandbox Klaviyo account."""
        return self.state / KLAVIYO_KEYS

    @property
    def klaviyo_database(self) -> Path:
        """What the sandbox Klaviyo account holds."""
        return self.state / "klaviyo.sqlite"


def places(options: Options) -> Places:
    """The checkout that this module is part of. Raises DemoError when there is none (an installed copy has
    no DAGs).
    """
    root = Path(__file__).resolve().parents[3]
    if not (root / "dags").is_dir():
        raise DemoError(
            "The demo needs a checkout of the project, with its dags folder: clone it, run `make demo` there."
        )
    return Places(root, options.state or root / ".demo")


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Reads the command line; argparse ends the process with a usage message when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m netsuite_connector.demo",
        description="Starts sandbox accounts and Airflow, runs the flows and checks the outcome.",
    )
    parser.add_argument(
        "--once", action="store_true", help="end after the outcome; exit status 0 only if all is right"
    )
    parser.add_argument(
        "--stop", action="store_true", help="end what an earlier demo of this checkout left running"
    )
    parser.add_argument(
        "--customers", type=_count, default=2000, help="customers in the sandbox account (%(default)s)"
    )
    parser.add_argument("--items", type=_count, default=400, help="items (%(default)s)")
    parser.add_argument("--orders", type=_count, default=5000, help="transactions (%(default)s)")
    parser.add_argument(
        "--seed", type=int, default=7, help="the same seed gives the same account (%(default)s)"
    )
    parser.add_argument("--ui-port", type=_port, default=8080, help="Airflow's web UI (%(default)s)")
    parser.add_argument(
        "--netsuite-port", type=_port, default=8181, help="sandbox NetSuite account (%(default)s)"
    )
    parser.add_argument(
        "--klaviyo-port", type=_port, default=8182, help="sandbox Klaviyo account (%(default)s)"
    )
    parser.add_argument(
        "--state", type=_folder, help="where the demo keeps everything (.demo in the checkout)"
    )
    found = parser.parse_args(arguments)
    if len({found.ui_port, found.netsuite_port, found.klaviyo_port}) < 3:
        parser.error("--ui-port, --netsuite-port and --klaviyo-port must be three different ports")
    return Options(**vars(found))


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _port(text: str) -> int:
    number = int(text)
    if not 1024 <= number <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 1024 to 65535")
    return number


def _folder(text: str) -> Path:
    return Path(text).resolve()
