"""History: what a backfill is asked for, its windows, and how far it has come.

A backfill reads records by when they were created, a window after the other, and delivers them as history.
Each window that is delivered is written down, with what the flow read with then; a later backfill passes it
over. High-water marks and consents stay as they are.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from hashlib import blake2b
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from netsuite_connector.errors import MendError
from netsuite_connector.flows import highwater
from netsuite_connector.flows.domain import domain_of, domain_with
from netsuite_connector.flows.run import Run, check_searches
from netsuite_connector.flows.settings import settings_of
from netsuite_connector.netsuite.client import NetSuiteClient
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.model import Store
from netsuite_connector.window import Window

log = logging.getLogger(__name__)

FOLDER = "history"

MOST_WINDOWS = 1000
"""Of all flows together: Airflow makes at most 1,024 tasks of one."""

_QUARTER = 3  # months


class Size(StrEnum):
    """How much one window covers; each begins where the calendar's does."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


class Order(StrEnum):
    """Which window comes first."""

    OLDEST = "oldest first"
    NEWEST = "newest first"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks of a backfill. ``start`` and ``end`` (ISO dates in the store's time zone, the end
    exclusive) are of when records were created; ``limit`` is in rows of each saved search and window.
    """

    flows: tuple[str, ...]
    start: str
    end: str
    size: str = Size.MONTH
    order: str = Order.OLDEST
    dry_run: bool = True
    resume: bool = True
    limit: int | None = None
    ignore_gates: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """A window of a flow: moments in ISO 8601 UTC, and its name for people."""

    flow: str
    start: str
    end: str
    label: str


@dataclass(frozen=True, slots=True)
class Backfill:
    """A backfill as it was planned. ``settings`` are the store's with NetSuite's own; ``name`` is that of the
    Airflow run; ``read`` are the pieces that are read into the order book before any is delivered, ``pieces``
    those to deliver, and ``passed_over`` how many were delivered before.
    """

    name: str
    asked: Asked
    settings: Mapping[str, Any]
    read: tuple[Piece, ...]
    pieces: tuple[Piece, ...]
    passed_over: int
    began: str

    def run(self, staging: Staging, piece: Piece) -> Run:
        """The run of one of the pieces."""
        store = Store.model_validate(dict(self.settings))
        return run_of(store, staging, piece, limit=self.asked.limit)


def run_of(store: Store, staging: Staging, piece: Piece, *, limit: int | None = None) -> Run:
    """The run of a piece of history."""
    domain = domain_with(store, domain_of(store, piece.flow))
    return Run(store, domain, Window.parse(piece.start, piece.end), staging, limit=limit, history=True)


def ask(store: Store, wishes: Mapping[str, Any], now: datetime) -> Asked:
    """What the form's fields mean. Raises MendError that says which field to change, and to what."""
    today = now.astimezone(ZoneInfo(store.timezone)).date()
    start, end = _day(wishes["from"], "From"), _day(wishes["to"], "To") if wishes["to"] else today
    flows = tuple(dict.fromkeys(wishes["flows"] or ()))
    known = store.flows_with_history
    if not flows:
        raise MendError(f"'Flows' is empty: choose one or several of {', '.join(known)}.")
    for flow in flows:
        if flow not in known:
            raise MendError(
                f"'{flow}' is no flow of '{store.store}' that has a history: choose of {', '.join(known)}."
            )
    if end > today:
        raise MendError(f"'To' ({end}) lies in the future: choose {today} or an earlier day.")
    if start >= end:
        raise MendError(f"'From' ({start}) is not before 'To' ({end}): choose an earlier day to begin with.")
    earliest = _years_before(today, store.history_years)
    if start < earliest:
        raise MendError(
            f"'From' ({start}) is more than {store.history_years} years ago: choose {earliest} or a later "
            f"day, or raise 'history_years' in the YAML file of store '{store.store}'."
        )
    asked = Asked(
        flows=flows,
        start=start.isoformat(),
        end=end.isoformat(),
        size=Size(wishes["window"]),
        order=Order(wishes["order"]),
        dry_run=wishes["dry_run"],
        resume=wishes["resume"],
        limit=wishes["limit"],
        ignore_gates=wishes["ignore_gates"],
    )
    count = sum(1 for _ in pieces_of(store, asked))
    if count > MOST_WINDOWS:
        raise MendError(
            f"That makes {count:,} windows, and {MOST_WINDOWS:,} are the most: choose a longer 'Window', "
            "fewer flows or a shorter time."
        )
    return asked


def pieces_of(store: Store, asked: Asked) -> Iterator[Piece]:
    """The windows of all flows, flow after flow, in the order that is asked for. Together they cover the time
    without gap or overlap.
    """
    zone = ZoneInfo(store.timezone)
    start, end = date.fromisoformat(asked.start), date.fromisoformat(asked.end)
    spans: list[tuple[date, date]] = []
    while start < end:
        until = min(_next_boundary(start, Size(asked.size)), end)
        spans.append((start, until))
        start = until
    if asked.order == Order.NEWEST:
        spans.reverse()
    for flow in asked.flows:
        for first, until in spans:
            label = f"{flow} {_span_name(first, until, Size(asked.size))}"
            yield Piece(flow, _midnight(first, zone), _midnight(until, zone), label)


def plan(store: Store, staging: Staging, client: NetSuiteClient, asked: Asked, name: str) -> Backfill:
    """Decide which windows are read and delivered, and write it down for their tasks."""
    found = settings_of(store, client).store
    for flow in asked.flows:
        if flow not in found.flows_with_history:
            raise MendError(
                f"The flow {flow} is switched off in NetSuite's configuration record of '{store.store}': "
                "switch it on there, or leave it out of 'Flows'."
            )
        check_searches(found, domain_of(found, flow))
    pieces = tuple(_before_the_marks(found, staging, pieces_of(found, asked)))
    left = tuple(
        piece
        for piece in pieces
        if not (asked.resume and _delivered_before(run_of(found, staging, piece), name))
    )
    books = () if asked.dry_run else tuple(piece for piece in left if domain_of(found, piece.flow).book)
    made = Backfill(
        name=name,
        asked=asked,
        settings=found.model_dump(mode="json", exclude_unset=True),
        read=books,
        pieces=left,
        passed_over=len(pieces) - len(left),
        began=_now(),
    )
    staging.write_json(_plan_place(store.store, name), asdict(made))
    if not asked.dry_run:
        write_progress(store.store, staging, made)
    return made


def _before_the_marks(store: Store, staging: Staging, pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The windows, as far as each flow's scheduled runs have come. What is newer is theirs: delivered as
    history it would never wake the Klaviyo flows that wait for it. Raises MendError where nothing is left.
    """
    for flow, mine in groupby(pieces, key=lambda piece: piece.flow):
        some = list(mine)
        mark = highwater.read(run_of(store, staging, some[0]))
        old = [piece for piece in some if mark is None or piece.start < mark.moment]
        if mark is not None and not old:
            raise MendError(
                f"The flow {flow} has delivered what changed up to {mark.moment}, and what is newer is for "
                "its scheduled runs, as history would wake no Klaviyo flow for it: choose an earlier 'From', "
                "or run the flow."
            )
        for piece in old:
            if mark is not None and mark.moment < piece.end:
                label = f"{piece.label} until {mark.moment}"
                log.info("%s: what is newer is left to the scheduled runs.", label)
                yield replace(piece, end=mark.moment, label=label)
            else:
                yield piece


def planned(store: str, staging: Staging, name: str) -> Backfill:
    """The backfill of that name. Raises MendError when it was not planned."""
    document = staging.read_json(_plan_place(store, name))
    if document is None:
        raise MendError(
            f"Backfill {name} of '{store}' was not planned: its task 'plan' says why. Trigger a new one with "
            "what that asks for."
        )
    return Backfill(
        **{
            **document,
            "asked": Asked(**{**document["asked"], "flows": tuple(document["asked"]["flows"])}),
            "read": tuple(Piece(**piece) for piece in document["read"]),
            "pieces": tuple(Piece(**piece) for piece in document["pieces"]),
        }
    )


# ---- what was delivered -----------------------------------------------------------------------------------


def note_delivered(run: Run, made: Backfill, numbers: Mapping[str, Any]) -> None:
    """Write down that a window is delivered, so that backfills pass it over, unless there was a limit."""
    entry = {"by": made.name, "at": _now(), "scope": highwater.scope(run), "rows": numbers["rows"]}
    run.staging.write_json(_piece_place(run), entry)
    write_progress(run.store.store, run.staging, made)


def delivered_by(run: Run) -> str | None:
    """The name of the backfill that delivered the window last, with the saved searches and what narrows them
    as they are; None when none has.
    """
    entry = run.staging.read_json(_piece_place(replace(run, limit=None)))
    if entry is None or entry["scope"] != highwater.scope(run):
        return None
    return str(entry["by"])


def _delivered_before(run: Run, name: str) -> bool:
    """Whether another backfill has delivered it: one's own window is done again when somebody asks for it."""
    return delivered_by(run) not in (None, name)


def write_progress(store: str, staging: Staging, made: Backfill) -> dict[str, Any]:
    """Bring the progress document up to date: ``done`` of ``all`` windows, ``rows`` by what became of them,
    ``rows_per_second``, and ``seconds_left`` (None while nobody can know).
    """
    done = 0
    rows: Counter[str] = Counter()
    settings = Store.model_validate(dict(made.settings))
    for piece in made.pieces:
        entry = staging.read_json(_piece_place(run_of(settings, staging, piece, limit=made.asked.limit)))
        if entry is not None and entry["by"] == made.name:
            done += 1
            rows.update(entry["rows"])
    took = (datetime.now(UTC) - datetime.fromisoformat(made.began)).total_seconds()
    document = {
        "name": made.name,
        "asked": asdict(made.asked),
        "began": made.began,
        "at": _now(),
        "all": len(made.pieces) + made.passed_over,
        "passed_over": made.passed_over,
        "done": done + made.passed_over,
        "rows": dict(rows),
        "rows_per_second": round(rows["extracted"] / took, 1) if took > 0 else None,
        "seconds_left": round(took / done * (len(made.pieces) - done)) if done else None,
    }
    staging.write_json((store, FOLDER, "progress.json"), document)
    return document


def progress(store: str, staging: Staging) -> dict[str, Any] | None:
    """How far the store's latest backfill has come, as ``write_progress`` left it; None without one."""
    document: dict[str, Any] | None = staging.read_json((store, FOLDER, "progress.json"))
    return document


def total(made: Backfill, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The sums over all windows that came to their end, by flow and of all. ``adds_up``: whether every window
    that was planned is among them and all rows are accounted for.
    """
    flows: dict[str, Counter[str]] = {flow: Counter() for flow in made.asked.flows}
    for each in results:
        flows[each["flow"]].update(each["numbers"])
        flows[each["flow"]]["windows"] += 1
    sums: Counter[str] = Counter()
    for counts in flows.values():
        sums.update(counts)
    whole = len(results) == len(made.pieces)
    if not made.asked.dry_run:
        whole &= sums["extracted"] == sums["delivered"] + sums["unchanged"] + sums["rejected"]
    return {
        "dry_run": made.asked.dry_run,
        "windows": {"planned": len(made.pieces), "ended": len(results), "passed_over": made.passed_over},
        "flows": {flow: dict(each) for flow, each in flows.items()},
        "all": dict(sums),
        "adds_up": whole,
    }


# ---- places and days --------------------------------------------------------------------------------------


def _plan_place(store: str, name: str) -> tuple[str, ...]:
    return (store, FOLDER, "plans", f"{blake2b(name.encode(), digest_size=8).hexdigest()}.json")


def _piece_place(run: Run) -> tuple[str, ...]:
    return (run.store.store, FOLDER, "windows", run.between, run.domain.flow, f"{run.key}.json")


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise MendError(f"'{field}' ({text}) is no day: write it like 2024-03-31.") from None


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # the 29th of February
        return day.replace(year=day.year - years, day=28)


def _next_boundary(day: date, size: Size) -> date:
    """The first day of the next day, week, month or quarter."""
    if size is Size.DAY:
        return day + timedelta(days=1)
    if size is Size.WEEK:
        return day + timedelta(days=7 - day.weekday())
    months = 1 if size is Size.MONTH else _QUARTER - (day.month - 1) % _QUARTER
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def _span_name(first: date, until: date, size: Size) -> str:
    before = first - timedelta(days=1)
    if size is Size.DAY:
        return first.isoformat()
    if until == _next_boundary(first, size) and first == _next_boundary(before, size):
        if size is Size.MONTH:
            return f"{first:%Y-%m}"
        if size is Size.QUARTER:
            return f"{first.year}-Q{(first.month + 2) // _QUARTER}"
    return f"{first} to {until - timedelta(days=1)}"


def _midnight(day: date, zone: ZoneInfo) -> str:
    return datetime.combine(day, time(), zone).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
