"""The command ``python -m netsuite_connector.sandbox.klaviyo``."""

from __future__ import annotations

import argparse
import signal
import socket
import sqlite3
import sys
from pathlib import Path

from netsuite_connector.sandbox.klaviyo.account import Settings
from netsuite_connector.sandbox.klaviyo.server import serve
from netsuite_connector.sandbox.started import end_with_starter

HOST = "127.0.0.1"


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    options = argparse.ArgumentParser(
        prog="python -m netsuite_connector.sandbox.klaviyo",
        description="A Klaviyo account to run against.",
    )
    options.add_argument("--host", default=HOST, help=f"address to listen on (default: {HOST})")
    options.add_argument(
        "--port", type=_port, default=8182, help="port to listen on; 0 takes any free one (default: 8182)"
    )
    options.add_argument(
        "--database", type=Path, help="SQLite file that keeps the account's state (default: memory)"
    )
    options.add_argument(
        "--keys",
        type=Path,
        help="JSON file with the API keys; written with one key of full access when it doesn't exist",
    )
    limits = options.add_mutually_exclusive_group()
    limits.add_argument(
        "--limits-scale",
        type=_above_zero,
        default=1.0,
        help="allows so many times the published rate limits (default: 1)",
    )
    limits.add_argument("--no-limits", action="store_true", help="lifts all rate limits")
    options.add_argument(
        "--job-seconds", type=float, default=0.5, help="how long an asynchronous job takes (default: 0.5)"
    )
    options.add_argument(
        "--catalog-lag",
        type=float,
        default=0.0,
        help="seconds for which a catalog job that is done still says that it is processing (default: 0)",
    )
    options.add_argument(
        "--feed-seconds",
        type=_above_zero,
        default=6 * 3_600.0,
        help="how often catalog feeds are read (default: every six hours)",
    )
    options.add_argument(
        "--discard-repeats",
        action="store_true",
        help="discards a repeated event in a bulk request instead of refusing the request",
    )
    options.add_argument(
        "--sms",
        action="store_true",
        help="the account has SMS, so profiles with only a phone number are imported",
    )
    options.add_argument(
        "--double-opt-in",
        action="store_true",
        help="a subscription that names no list waits for the person to confirm",
    )
    options.add_argument("--account-id", default="SANDBX", help="the account's id (default: SANDBX)")
    options.add_argument("--currency", default="USD", help="the account's currency (default: USD)")
    options.add_argument("--timezone", default="UTC", help="the account's time zone (default: UTC)")
    return options


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65_535:
        raise argparse.ArgumentTypeError("must be from 0 to 65535")
    return number


def _above_zero(text: str) -> float:
    number = float(text)
    if number <= 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return number


def main() -> int:
    """Runs the sandbox; the exit status is 0 after SIGTERM or Ctrl-C, 1 when it can't start."""
    options = parser().parse_args()
    end_with_starter()
    settings = Settings(
        limits_scale=None if options.no_limits else options.limits_scale,
        job_seconds=options.job_seconds,
        discard_repeats=options.discard_repeats,
        sms=options.sms,
        catalog_lag=options.catalog_lag,
        feed_seconds=options.feed_seconds,
        double_opt_in=options.double_opt_in,
        account_id=options.account_id,
        currency=options.currency,
        timezone=options.timezone,
    )
    if options.port and _busy(options.host, options.port):
        print(
            f"Port {options.port} is in use; choose another with --port, or end what uses it.",
            file=sys.stderr,
        )
        return 1
    # The server shuts down in order and then hands the signal on, which is a wanted end here.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        serve(settings, host=options.host, port=options.port, database=options.database, keys=options.keys)
    except KeyboardInterrupt:
        return 0
    except (OSError, sqlite3.Error) as error:
        print(f"The sandbox can't use its files: {error}. Check --database and --keys.", file=sys.stderr)
        return 1
    except (KeyError, TypeError, ValueError):
        print(f"{options.keys} is not a keys file; move it away and a new one is written.", file=sys.stderr)
        return 1
    return 0


def _busy(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


if __name__ == "__main__":
    sys.exit(main())
