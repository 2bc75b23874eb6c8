"""Reads the command line, runs the command, and turns failures into a sentence and an exit status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import NoReturn

from rich.console import Console

from netsuite_connector.commands import check, highwater, housekeeping, reconcile, rejected
from netsuite_connector.commands import map as mapped
from netsuite_connector.errors import ConnectorError, MendError
from netsuite_connector.flows.rejections import wanted_rows

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

    maps = commands.add_parser(
        "map",
        help="show what becomes of a few records",
        description="Reads a few rows through a flow's saved searches and shows each beside what Klaviyo "
        "would get for it, or why it gets nothing. Nothing is sent, and nothing is kept.",
    )
    maps.add_argument("--store", required=True, help="the store")
    maps.add_argument("--flow", required=True, help="the flow")
    maps.add_argument("--source", help="only this source of the flow, such as contacts")
    maps.add_argument(
        "--rows", type=some, default=5, metavar="N", help="so many rows of each saved search (5 without it)"
    )
    maps.add_argument(
        "--id",
        type=some,
        action="append",
        default=[],
        metavar="ID",
        help="the record with this internal id instead; may be given several times",
    )
    maps.add_argument("--show-personal", action="store_true", help="show personal values unmasked")
    maps.set_defaults(
        run=lambda asked, console: mapped.run(
            console,
            asked.store,
            asked.flow,
            rows=asked.rows,
            ids=asked.id,
            source=asked.source,
            personal=asked.show_personal,
        )
    )

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
    _add_rejected(commands)
    _add_reconcile(commands)
    _add_housekeeping(commands)
    return line


def _add_rejected(commands: argparse._SubParsersAction[_Parser]) -> None:
    lists = commands.add_parser(
        "rejected",
        help="list, show and replay rejected rows",
        description="Rows that a flow rejected, or that Klaviyo refused, stand on a list with their reasons "
        "until they pass. A replay reads their records anew from NetSuite, where somebody has mended them.",
    )
    actions = lists.add_subparsers(dest="action", required=True, metavar="ACTION")
    shows = actions.add_parser(
        "list",
        help="list rejected rows",
        description="Lists rejected rows, those that were seen last first, and counts them by reason. "
        "Personal values are masked.",
    )
    show = actions.add_parser(
        "show",
        help="show a record's rejected rows",
        description="Shows all that is known of the rejected rows of records, with the rows themselves. "
        "Personal values are masked.",
    )
    replay = actions.add_parser(
        "replay",
        help="read rejected records anew and send them",
        description="Reads the records of rejected rows anew from NetSuite and sends them through all "
        "stages; rows that pass leave the list. High-water marks stay. The exit status is 1 if some are "
        "rejected again.",
    )
    for each in (shows, show, replay):
        each.add_argument("--store", help="only this store")
        each.add_argument("--flow", help="only this flow")
        each.add_argument("--source", help="only this source of the flow")
    for each in (shows, replay):
        each.add_argument("--reason", help="only rows with a reason that has this text in it")
        each.add_argument(
            "--since", type=moment, metavar="MOMENT", help="only rows that were last seen since this moment"
        )
    for each in (shows, show):
        each.add_argument("--show-personal", action="store_true", help="show personal values unmasked")
    shows.add_argument(
        "--most", type=some, default=rejected.MOST, help=f"rows to show (default {rejected.MOST})"
    )
    show.add_argument("id", type=some, nargs="+", metavar="ID", help="internal ids of the records")
    replay.add_argument(
        "--id",
        type=some,
        action="append",
        metavar="ID",
        help="only the record with this internal id; may be given several times",
    )
    replay.add_argument("--all", action="store_true", help="all rows, or all that the other options leave")
    replay.add_argument("--dry-run", action="store_true", help="send nothing, and count what would be sent")
    shows.set_defaults(
        run=lambda asked, console: rejected.show_list(console, _rows_of(asked, everything=True), asked.most)
    )
    show.set_defaults(run=lambda asked, console: rejected.show(console, _rows_of(asked, everything=True)))
    replay.set_defaults(
        run=lambda asked, console: rejected.replay(
            console, _rows_of(asked, everything=asked.all), dry_run=asked.dry_run
        )
    )


def _rows_of(asked: argparse.Namespace, *, everything: bool) -> rejected.Asked:
    """The rejected rows that a command is about. Raises MendError when a replay does not say which."""
    given = vars(asked)
    since = given.get("since")
    wanted = wanted_rows(
        source=asked.source,
        ids=given.get("id"),
        reason=given.get("reason"),
        since=since.isoformat() if since else None,
        everything=everything,
    )
    return rejected.Asked(asked.store, asked.flow, wanted, personal=given.get("show_personal", False))


def _add_reconcile(commands: argparse._SubParsersAction[_Parser]) -> None:
    compares = commands.add_parser(
        "reconcile",
        help="compare NetSuite with Klaviyo, record by record",
        description="Reads some days anew from NetSuite, looks at what Klaviyo holds, and lists what is "
        "missing, extra or different. A catalog, its stock and consents are compared as they stand now. The "
        "exit status is 1 if something does not agree.",
    )
    compares.add_argument("--store", help="only this store")
    compares.add_argument(
        "--flow", action="append", metavar="FLOW", help="only this flow; may be given several times"
    )
    compares.add_argument(
        "--from",
        dest="start",
        metavar="DAY",
        help="the first day, in the store's time zone, such as 2026-11-01",
    )
    compares.add_argument("--to", dest="end", metavar="DAY", help="the day before which to end (today)")
    compares.add_argument(
        "--heal",
        action="store_true",
        help="deliver what is missing, and what is different and can be changed; nothing is ever deleted",
    )
    compares.add_argument(
        "--most", type=some, default=reconcile.MOST, help=f"records to show (default {reconcile.MOST})"
    )
    compares.set_defaults(
        run=lambda asked, console: reconcile.run(
            console,
            asked.store,
            {"flows": asked.flow, "from": asked.start, "to": asked.end, "heal": asked.heal},
            asked.most,
        )
    )


def _add_housekeeping(commands: argparse._SubParsersAction[_Parser]) -> None:
    cleans = commands.add_parser(
        "housekeeping",
        help="show or remove what need not be kept",
        description="Shows what the stores need not keep in staging any longer (retention_days in their "
        "files), with sizes and ages; --remove removes it. Runs may go on meanwhile.",
    )
    cleans.add_argument("--store", help="only this store")
    cleans.add_argument("--remove", action="store_true", help="remove it, instead of only showing it")
    cleans.set_defaults(
        run=lambda asked, console: housekeeping.run(console, asked.store, really=asked.remove)
    )


def some(text: str) -> int:
    """A whole number above zero."""
    if not text.strip().isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number above zero")
    return int(text)


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
