"""Reads the command line, runs the command, and turns failures into a sentence and an exit status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import NoReturn

from rich.console import Console

from netsuite_connector.commands import check, highwater
from netsuite_connector.errors import ConnectorError, MendError

BAD_INPUT = 2
_PROGRAM = "python -m netsuite_connector"


class _Parser(argparse.ArgumentParser):
    """Answers a mistake with one sentence instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message} (--help explains it)\n")


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    line = _Parser(prog=_PROGRAM, description="Commands of the NetSuite connector.")
    commands = line.add_subparsers(dest="command", required=True, metavar="COMMAND")

    tries = commands.add_parser(
        "check",
        help="try the stores' connections step by step",
        description="Tries the stores' connections to NetSuite and Klaviyo step by step, with what Airflow "
        "(AIRFLOW_HOME) knows of them, and says what is right and what to mend. Reads only. The exit status "
        "is 1 if something is wrong.",
    )
    tries.add_argument("--store", help="only this store; all of them without it")
    tries.set_defaults(run=lambda asked, console: check.run(console, asked.store))

    marks = commands.add_parser(
        "highwater",
        help="show or set high-water marks",
        description="A flow's high-water mark is the moment of last changes up to which it has delivered "
        "everything; its next run goes on from there.",
    )
    actions = marks.add_subparsers(dest="action", required=True, metavar="ACTION")
    show = actions.add_parser(
        "show", help="show the marks", description="Shows the high-water marks, and who set them when."
    )
    show.add_argument("--store", help="only this store")
    show.add_argument("--flow", help="only this flow")
    show.set_defaults(run=lambda asked, console: highwater.show(console, asked.store, asked.flow))
    put = actions.add_parser(
        "set",
        help="set the mark of a flow",
        description="Sets a flow's high-water mark: its next run reads what changed since. Set it back to "
        "read changes again (what was delivered and is the same is not sent again).",
    )
    put.add_argument("--store", required=True, help="the store")
    put.add_argument("--flow", required=True, help="the flow")
    put.add_argument(
        "moment",
        type=moment,
        metavar="MOMENT",
        help="ISO 8601 with an offset, such as 2026-11-20T10:00:00Z or 2026-11-20T11:00:00+01:00",
    )
    put.set_defaults(run=lambda asked, console: highwater.put(console, asked.store, asked.flow, asked.moment))
    return line


def moment(text: str) -> datetime:
    """A moment in ISO 8601 with an offset, not in the future."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is no moment: write it like 2026-11-20T10:00:00Z"
        ) from None
    if found.utcoffset() is None:
        raise argparse.ArgumentTypeError(
            f"'{text}' does not say its time zone: add Z for UTC, or an offset such as +01:00"
        )
    if found > datetime.now(found.tzinfo):
        raise argparse.ArgumentTypeError(
            f"'{text}' lies in the future: what changes until then would never be read"
        )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 when all went well, 1 when not, 2 with a sentence on stderr for bad input."""
    asked = parser().parse_args(arguments)
    # Where output goes to a file, lines are as wide as they need to be.
    console = Console(width=None if sys.stdout.isatty() else 120)
    try:
        status: int = asked.run(asked, console)
    except ConnectorError as error:
        print(f"{_PROGRAM}: {error}", file=sys.stderr)
        return BAD_INPUT if isinstance(error, MendError) else 1
    except OSError as error:
        print(f"{_PROGRAM}: {error.strerror or error}: {error.filename or 'staging'}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status
