"""What a reconciliation is asked for, and what it finds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from netsuite_connector.domains.consents import FLOW as CONSENTS
from netsuite_connector.errors import MendError
from netsuite_connector.stores.model import FlowName, Store
from netsuite_connector.window import Window

FOLDER = "reconciliation"

WITHOUT_DAYS = frozenset({FlowName.CATALOG.value, FlowName.STOCK.value, CONSENTS})
"""Flows that are compared as they stand now: a catalog, its stock and consents have no days."""

CENT = 0.005


class Verdict(StrEnum):
    """What is wrong with a record. ``NOT_YET``: nothing, as it is too young to be there."""

    MISSING = "missing"
    EXTRA = "extra"
    DIFFERENT = "different"
    NOT_YET = "not yet"


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks of a reconciliation of one flow: days (ISO dates in the store's time zone, the end
    exclusive), and whether what is missing is delivered (``heal``).
    """

    flow: str
    start: str
    end: str
    heal: bool = False

    @property
    def span(self) -> str:
        """The days as a part of a path."""
        return f"{self.start}--{self.end}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A record that does not agree, or not yet. ``kind`` is the event's metric, or what else it is; ``day``
    an ISO date, None where the kind has no days. ``identity`` is its own at Klaviyo, for people the id of
    their NetSuite record; ``internal_id`` that record's, where it is known. ``detail`` says what is wrong,
    without personal data. ``edited``: it is so because the record was changed in NetSuite after it was sent,
    and what was sent can't be changed.
    """

    kind: str
    day: str | None
    verdict: Verdict
    identity: str
    internal_id: int | None
    detail: str
    edited: bool = False


@dataclass(slots=True)
class Tally:
    """The numbers of a kind and day. ``netsuite``: records that the saved searches give now; ``rejected``:
    rows that this reading rejects, and records that Klaviyo refused; ``ledger``: those of ``netsuite`` that
    the ledger has as delivered; ``klaviyo``: what Klaviyo holds of ours. Values are sums.
    """

    netsuite: int = 0
    rejected: int = 0
    ledger: int = 0
    klaviyo: int = 0
    value_netsuite: float = 0.0
    value_klaviyo: float = 0.0
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    edited: int = 0

    @property
    def agrees(self) -> bool:
        """Whether nothing is missing, extra or different that need not be."""
        wrong = sum(self.verdicts[each] for each in Verdict if each is not Verdict.NOT_YET)
        return wrong == self.edited


@dataclass(slots=True)
class Rows:
    """The rows of one saved search: how many NetSuite itself ``counted``, how many were ``staged``, and how
    many of these were ``rejected``.
    """

    counted: int = 0
    staged: int = 0
    rejected: int = 0


class Outcome:
    """Numbers and findings, as they come up; what agrees takes no room. ``rows`` are those that were read, by
    source and by what they were read for: ``created`` or ``changed`` in the days, or the ``whole``.
    """

    def __init__(self) -> None:
        self.tallies: defaultdict[tuple[str, str | None], Tally] = defaultdict(Tally)
        self.findings: list[Finding] = []
        self.rows: defaultdict[tuple[str, str], Rows] = defaultdict(Rows)

    def tally(self, kind: str, day: str | None) -> Tally:
        """The numbers of a kind and day, to be added to."""
        return self.tallies[kind, day]

    def found(self, finding: Finding) -> None:
        """Add a finding."""
        self.findings.append(finding)
        tally = self.tally(finding.kind, finding.day)
        tally.verdicts[finding.verdict] += 1
        tally.edited += finding.edited

    def add(self, others: Outcome) -> None:
        """Add what was found elsewhere: of other days, or of another kind."""
        for key, one in others.tallies.items():
            mine = self.tallies[key]
            for name in ("netsuite", "rejected", "ledger", "klaviyo", "value_netsuite", "value_klaviyo"):
                setattr(mine, name, getattr(mine, name) + getattr(one, name))
            mine.verdicts.update(one.verdicts)
            mine.edited += one.edited
        for source, read in others.rows.items():
            total = self.rows[source]
            self.rows[source] = Rows(
                total.counted + read.counted, total.staged + read.staged, total.rejected + read.rejected
            )
        self.findings += others.findings

    def settle(self, before: Outcome) -> None:
        """Call *not yet* what an earlier look at the same did not find: it was saved or delivered while this
        one looked.
        """
        stood = {(each.kind, each.identity) for each in before.findings}
        for place, each in enumerate(self.findings):
            if each.verdict is not Verdict.NOT_YET and (each.kind, each.identity) not in stood:
                tally = self.tally(each.kind, each.day)
                tally.verdicts[each.verdict] -= 1
                tally.verdicts[Verdict.NOT_YET] += 1
                tally.edited -= each.edited
                detail = f"{each.detail}; it was not so a moment before"
                self.findings[place] = replace(each, verdict=Verdict.NOT_YET, detail=detail, edited=False)

    @property
    def agrees(self) -> bool:
        """Whether all kinds and days do."""
        return all(tally.agrees for tally in self.tallies.values())

    def sources(self) -> list[dict[str, Any]]:
        """The numbers of rows for the report, by source."""
        return [
            {"source": source, "read": read, **asdict(rows)} for (source, read), rows in self.rows.items()
        ]

    def kinds(self) -> list[dict[str, Any]]:
        """The numbers for the report, by kind and day."""
        return [
            {
                "kind": kind,
                "day": day,
                "netsuite": tally.netsuite,
                "rejected": tally.rejected,
                "ledger": tally.ledger,
                "klaviyo": tally.klaviyo,
                "value_netsuite": round(tally.value_netsuite, 2),
                "value_klaviyo": round(tally.value_klaviyo, 2),
                "not_yet": tally.verdicts[Verdict.NOT_YET],
                "missing": tally.verdicts[Verdict.MISSING],
                "extra": tally.verdicts[Verdict.EXTRA],
                "different": tally.verdicts[Verdict.DIFFERENT],
                "edited": tally.edited,
                "agrees": tally.agrees,
            }
            for (kind, day), tally in sorted(
                self.tallies.items(), key=lambda each: (each[0][0], each[0][1] or "")
            )
        ]


@dataclass(frozen=True, slots=True)
class Days:
    """The days from ``start`` to before ``end`` in a time zone."""

    start: date
    end: date
    zone: ZoneInfo

    @property
    def since(self) -> datetime:
        """When the first day begins, in UTC."""
        return _midnight(self.start, self.zone)

    @property
    def until(self) -> datetime:
        """When the last day is over, in UTC."""
        return _midnight(self.end, self.zone)

    @property
    def window(self) -> Window:
        """The days as a window."""
        return Window(self.since, self.until)

    def day_of(self, moment: datetime) -> str | None:
        """The ISO date of a moment in the time zone; None if it is none of these days."""
        day = moment.astimezone(self.zone).date()
        return day.isoformat() if self.start <= day < self.end else None

    def first(self, days: int) -> Days:
        """The first so many of them, or all if there are no more."""
        return Days(self.start, min(self.start + timedelta(days=days), self.end), self.zone)

    def each(self) -> Iterator[str]:
        """Their ISO dates."""
        for number in range((self.end - self.start).days):
            yield (self.start + timedelta(days=number)).isoformat()


def ask(store: Store, wishes: Mapping[str, Any], now: datetime) -> list[Asked]:
    """What the form's fields mean, a flow each. Without ``from`` and ``to`` it is yesterday and the days
    before it, as many as the store says. Raises MendError that says which field to change, and to what.
    """
    today = now.astimezone(ZoneInfo(store.timezone)).date()
    end = _day(wishes["to"], "To") if wishes.get("to") else today
    days = timedelta(days=store.reconciliation.days)
    start = _day(wishes["from"], "From") if wishes.get("from") else end - days
    known = store.flows_to_reconcile
    flows = tuple(dict.fromkeys(wishes.get("flows") or known))
    if not flows:
        raise MendError(f"Store '{store.store}' has no flow that can be compared: switch one on.")
    for flow in flows:
        if flow not in known:
            raise MendError(
                f"'{flow}' is no flow of '{store.store}' that can be compared: choose of {', '.join(known)}."
            )
    if end > today + timedelta(days=1):
        raise MendError(f"'To' ({end}) lies in the future: choose {today + timedelta(days=1)} or before.")
    if start >= end:
        raise MendError(f"'From' ({start}) is not before 'To' ({end}): choose an earlier day to begin with.")
    heal = bool(wishes.get("heal"))
    return [Asked(flow, start.isoformat(), end.isoformat(), heal) for flow in flows]


def place_of(store: str, flow: str, span: str) -> tuple[str, ...]:
    """Where a reconciliation's result lies in staging: ``report.json`` and the dataset ``findings``."""
    return (store, FOLDER, flow, span)


def days_of(store: Store, asked: Asked) -> Days:
    """The days that are asked for."""
    zone = ZoneInfo(store.timezone)
    return Days(date.fromisoformat(asked.start), date.fromisoformat(asked.end), zone)


def sentence(report: Mapping[str, Any]) -> str:
    """What is wrong, for people: which flow, days and numbers, where the report is, and what to do."""
    wrong = [kind for kind in report["kinds"] if not kind["agrees"]]
    if not wrong:
        doubts = " ".join(report["doubts"])
        return f"Whether NetSuite and Klaviyo agree about {report['flow']} can't be told. {doubts}"
    days = sorted({kind["day"] for kind in wrong if kind["day"]})
    numbers = _numbers(wrong)
    when = f" on {', '.join(days)}" if days else ""
    place = "/".join(place_of(report["store"], report["flow"], f"{report['from']}--{report['to']}"))
    heal = "" if report["flow"] == CONSENTS else " or reconcile with 'heal', which delivers what is missing,"
    return (
        f"NetSuite and Klaviyo don't agree about {report['flow']}{when}: {numbers}. The records are listed "
        f"in staging under {place}; mend what the list says{heal} and reconcile again."
    )


def _numbers(wrong: Iterable[Mapping[str, Any]]) -> str:
    told = []
    for verdict in (Verdict.MISSING, Verdict.EXTRA, Verdict.DIFFERENT):
        by_kind: Counter[str] = Counter()
        for kind in wrong:
            by_kind[kind["kind"]] += kind[verdict]
        told += [f"{count:,} {kind} {verdict}" for kind, count in by_kind.items() if count]
    return ", ".join(told)


def _day(text: str, name: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise MendError(f"'{name}' ({text}) is no day: write it like 2024-03-31.") from None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
