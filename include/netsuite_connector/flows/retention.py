"""Retention: what staging need not keep any longer, and its removal.

Only what runs left behind goes, and rows of the list of rejected rows: ledgers, high-water marks, the order
book and whatever else runs remember have no age.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from netsuite_connector.flows import rejections
from netsuite_connector.flows.reconciliation.model import FOLDER as RECONCILIATION
from netsuite_connector.staging.files import Held
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.model import Store

log = logging.getLogger(__name__)

_RUNS = "runs"
_WHOLE = "beginning--"


class Kept(StrEnum):
    """What is kept for the same time; each is a setting of the store's ``retention_days``."""

    RAW = "raw"
    RECORDS = "records"
    REJECTED = "rejected"
    REPORTS = "reports"


# What a run's folder holds; anything else may hold rows too, and goes with the raw ones.
_KINDS = {
    "records": Kept.RECORDS,
    "push": Kept.RECORDS,
    "rejected": Kept.RECORDS,
    "refused": Kept.RECORDS,
    "quality": Kept.REPORTS,
    "report.json": Kept.REPORTS,
    "ids.json": Kept.REPORTS,
}


# What a reconciliation came to. Whatever else lies there was read by one that was killed.
_RESULT = {"findings", "numbers", "report.json"}


@dataclass(frozen=True, slots=True)
class Expired:
    """Something that goes: a folder or document at ``path``, or ``rows`` of the list of rejected rows there.
    ``days`` since it was last touched; ``removed``: whether it is gone.
    """

    kind: Kept
    path: tuple[str, ...]
    bytes: int
    files: int
    days: float
    rows: int = 0
    removed: bool = False


def clean(staging: Staging, store: Store, *, really: bool, now: datetime | None = None) -> Iterator[Expired]:
    """What the store's retention lets go, as it goes; with ``really`` False it only shows.

    A run is as old as the file of it that was written last, so one that is under way, or is tried again,
    stays whole. The reports of each flow's newest run stay, and those of the newest that has read everything.
    """
    moment = now or datetime.now(UTC)
    yield from _reconciliations(staging, store, moment, really=really)
    keep = {kind: timedelta(days=getattr(store.retention_days, kind)) for kind in Kept}
    # Nothing of a run but its reports is looked at later, and its rows are people's: they go in any case.
    keep_reports = keep | {Kept.REPORTS: timedelta.max}
    for flow in staging.list((store.store,)):
        place = (store.store, flow)
        runs = _newest_first(staging, place)
        stay = {*runs[:1], next((run for run in runs if _is_whole(staging, run)), None)}
        for run in runs:
            yield from _of_run(staging, keep_reports if run in stay else keep, run, moment, really=really)
        days = store.retention_days.rejected
        before = (moment - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows = rejections.expire(staging, *place, before, really=really)
        if rows:
            where = (*place, rejections.FOLDER)
            yield Expired(Kept.REJECTED, where, 0, 0, days, rows=rows, removed=really)


def _newest_first(staging: Staging, place: tuple[str, str]) -> list[tuple[str, ...]]:
    """The folders of the flow's runs, by when they were last written."""
    touched: dict[tuple[str, ...], datetime] = {}
    for key in staging.list((*place, _RUNS)):
        run = (*place, _RUNS, key)
        held = staging.held(run)
        if held:
            touched[run] = _touched(held)
    return sorted(touched, key=lambda run: touched[run], reverse=True)


def _is_whole(staging: Staging, run: tuple[str, ...]) -> bool:
    if not run[-1].startswith(_WHOLE):
        return False
    report = staging.read_json((*run, "report.json"))
    return report is not None and not report["dry_run"] and bool(report.get("whole"))


def _of_run(
    staging: Staging, keep: Mapping[Kept, timedelta], run: tuple[str, ...], now: datetime, *, really: bool
) -> Iterator[Expired]:
    # Looked at again right before, as somebody may have cleared the run meanwhile.
    held = staging.held(run)
    pieces = _pieces(held)
    age = now - _touched(held) if held else timedelta()
    left = len(pieces)
    for name, files in pieces.items():
        kind = _KINDS.get(name, Kept.RAW)
        if age > keep[kind]:
            path = (*run, name)
            gone = really and _removed(staging, path)
            left -= gone
            size = sum(file.bytes for file in files)
            yield Expired(kind, path, size, len(files), age / timedelta(days=1), removed=gone)
    if really and held and not left:
        staging.remove(run)


def _reconciliations(staging: Staging, store: Store, now: datetime, *, really: bool) -> Iterator[Expired]:
    """Results of reconciliations; and what one read or was about to deliver that was killed."""
    for flow in staging.list((store.store, RECONCILIATION)):
        for span in staging.list((store.store, RECONCILIATION, flow)):
            place = (store.store, RECONCILIATION, flow, span)
            held = staging.held(place)
            pieces: list[tuple[Kept, tuple[str, ...], Sequence[Held]]] = [(Kept.REPORTS, place, held)]
            if held and now - _touched(held) <= timedelta(days=store.retention_days.reports):
                pieces = [
                    (Kept.RAW, (*place, name), files)
                    for name, files in _pieces(held).items()
                    if name not in _RESULT
                ]
            for kind, path, files in pieces:
                age = now - _touched(files) if files else timedelta()
                if age > timedelta(days=getattr(store.retention_days, kind)):
                    gone = really and _removed(staging, path)
                    size = sum(file.bytes for file in files)
                    yield Expired(kind, path, size, len(files), age / timedelta(days=1), removed=gone)


def _pieces(held: Sequence[Held]) -> dict[str, list[Held]]:
    """The files by the folder or document at the top that they belong to, in order. A file that a killed
    process was about to put in the place of a document is hidden, and goes with the folder that it lies in.
    """
    pieces: dict[str, list[Held]] = {}
    for file in held:
        if not file.path[0].startswith("."):
            pieces.setdefault(file.path[0], []).append(file)
    return dict(sorted(pieces.items()))


def _removed(staging: Staging, path: tuple[str, ...]) -> bool:
    gone = staging.remove(path)
    if not gone:
        log.warning("%s could not be removed: look at its permissions.", "/".join(path))
    return gone


def _touched(held: Sequence[Held]) -> datetime:
    return max(file.modified for file in held)
