"""The command ``python -m netsuite_connector.sandbox.netsuite``."""

from __future__ import annotations

import argparse
import signal
import socket
import sys
from pathlib import Path

from netsuite_connector.sandbox.netsuite.account import Account, Settings, check_account_id
from netsuite_connector.sandbox.netsuite.credentials import (
    CredentialsError,
    kept_credentials,
    new_credentials,
)
from netsuite_connector.sandbox.netsuite.csv_files import CsvError
from netsuite_connector.sandbox.netsuite.engine import AccountError
from netsuite_connector.sandbox.netsuite.server import RESTLET_PATH, TOKEN_PATH, serve
from netsuite_connector.sandbox.netsuite.suitecloud import DEFAULT_PROJECT, ProjectError
from netsuite_connector.sandbox.started import end_with_starter

HOST = "127.0.0.1"


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    usual = Settings()
    options = argparse.ArgumentParser(
        prog="python -m netsuite_connector.sandbox.netsuite",
        description="A NetSuite account to run against. It executes the SuiteCloud project's own RESTlet.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = options.add_argument
    add("--host", default=HOST, help="address to listen on")
    add("--port", type=int, default=8181, help="port to listen on; 0 takes any free one")
    add("--account", type=_account, default=usual.account, help="the account's id")
    add(
        "--credentials",
        type=Path,
        help="JSON file for what integrations log in with; kept if it exists, else written (mode 0600)",
    )
    add("--suitecloud", type=Path, default=DEFAULT_PROJECT, help="folder of the SuiteCloud project")
    data = options.add_argument_group("data")
    data.add_argument("--csv", type=Path, help="folder of CSV files to load instead of generated records")
    data.add_argument("--bare", action="store_true", help="start without saved searches")
    data.add_argument("--seed", type=int, default=usual.seed, help="seed of the generated records")
    data.add_argument(
        "--customers", type=_count, default=2000, help="customers to generate; contacts are a tenth of them"
    )
    data.add_argument("--items", type=_count, default=400, help="items to generate")
    data.add_argument(
        "--orders", type=_count, default=5000, help="orders, invoices, cash sales and credits to generate"
    )
    data.add_argument("--until", default=usual.until, help="moment up to which generated records run")
    user = options.add_argument_group("preferences of the integration's user")
    user.add_argument("--timezone", default=usual.timezone, help="time zone")
    user.add_argument(
        "--date-format", default=usual.date_format, help="such as M/D/YYYY, D.M.YYYY or YYYY-MM-DD"
    )
    user.add_argument("--time-format", default=usual.time_format, help="such as 'h:mm a' or H:mm")
    user.add_argument("--language", default=usual.language, help="such as en_US, de_DE or es_ES")
    limits = options.add_argument_group("limits")
    limits.add_argument(
        "--concurrency", type=int, default=usual.concurrency, help="requests that may run at once"
    )
    limits.add_argument(
        "--latency",
        type=float,
        default=usual.latency,
        help="seconds that each RESTlet call takes at least",
    )
    limits.add_argument("--units", type=int, default=usual.units, help="governance units of a script run")
    limits.add_argument("--time-limit", type=float, default=usual.time_limit, help="seconds of a script run")
    limits.add_argument(
        "--output-bytes", type=int, default=usual.output_bytes, help="bytes of a RESTlet's answer"
    )
    limits.add_argument(
        "--search-seconds",
        type=float,
        default=usual.search_seconds,
        help="seconds that a script believes each search took",
    )
    limits.add_argument(
        "--token-seconds",
        type=float,
        default=usual.token_seconds,
        help="seconds that an access token is good for",
    )
    limits.add_argument(
        "--no-column-types",
        dest="column_types",
        action="store_false",
        help="loaded searches don't tell their columns' types",
    )
    return options


def main() -> int:
    """Runs the account; the exit status is 0 after SIGTERM or Ctrl-C, 1 when it can't start."""
    options = vars(parser().parse_args())
    end_with_starter()
    host, port, file = options.pop("host"), options.pop("port"), options.pop("credentials")
    settings = Settings(**options)
    # The server hands on the signal that ended it once it has shut down.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: sys.exit(0))
    try:
        _check_port(host, port)
        # Read before the work of filling the account; the addresses are added once they are known.
        credentials = (
            new_credentials(settings.account)
            if file is None
            else kept_credentials(file, settings.account, {})
        )
        account = Account(settings, credentials)
    except (CredentialsError, CsvError, ProjectError, AccountError, OSError) as error:
        print(f"The sandbox NetSuite account can't start: {error}", file=sys.stderr)
        return 1

    def ready(url: str) -> None:
        if file is not None:
            addresses = {"url": url, "restlet_url": url + RESTLET_PATH, "token_url": url + TOKEN_PATH}
            kept_credentials(file, settings.account, addresses)
        print(f"Sandbox NetSuite account {settings.account} ready at {url}", flush=True)

    serve(account, host=host, port=port, ready=ready)
    return 0


def _check_port(host: str, port: int) -> None:
    """Find out that a port is taken before filling an account takes its time. Raises OSError."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OSError(
                f"port {port} on {host} can't be used ({error.strerror}): give another with --port."
            ) from error


def _account(text: str) -> str:
    try:
        return check_account_id(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


if __name__ == "__main__":
    sys.exit(main())
