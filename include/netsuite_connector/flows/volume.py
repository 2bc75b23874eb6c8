"""How much the recent runs of a flow read: what a run is measured by.

Each run that was asked for nothing special leaves a small document, without any row in it, in a name of its
own, so that runs that end at once don't write over one another.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b

from netsuite_connector.flows.run import Run

KEPT = 40
"""So many documents are kept for a flow."""

_SHORTEST_HOURS = 1.0  # the rows of a few minutes say little about those of an hour


class RunKind(StrEnum):
    """What a run reads: everything, or what changed within its window."""

    WHOLE = "whole"
    INCREMENT = "increment"


@dataclass(frozen=True, slots=True)
class Volume:
    """A run's ``rows`` and how many of them were ``rejected`` before anything was sent; ``hours``: the length
    of its window, at least one, and one for a whole run.
    """

    kind: RunKind
    rows: int
    rejected: int
    hours: float

    @property
    def rate(self) -> float:
        """Rows by which runs of a kind are compared: all of a whole run, those an hour of an increment."""
        return self.rows / self.hours


def volume_of(run: Run) -> Volume:
    """What the run has read and rejected so far."""
    whole = run.window.start is None
    hours = _SHORTEST_HOURS
    if run.window.start is not None and run.window.end is not None:
        hours = max(hours, (run.window.end - run.window.start).total_seconds() / 3600)
    return Volume(
        kind=RunKind.WHOLE if whole else RunKind.INCREMENT,
        rows=_rows(run, "extract"),
        rejected=_rows(run, "rejected"),
        hours=hours,
    )


def remember(run: Run) -> None:
    """Keep the run's volume, and let go of the oldest."""
    read = [run.dataset("extract", source).manifest() for source in run.domain.shaped]
    moments = [manifest.created_at for manifest in read if manifest is not None]
    if not moments:
        return
    moment = datetime.fromisoformat(max(moments)).strftime("%Y%m%dT%H%M%SZ")
    # The name is the run's own, so that one that reports again is not counted twice.
    name = f"{moment}-{blake2b(run.key.encode(), digest_size=4).hexdigest()}.json"
    run.staging.write_json((*_place(run), name), asdict(volume_of(run)))
    for old in run.staging.list(_place(run))[:-KEPT]:
        run.staging.remove((*_place(run), old))


def recent(run: Run, kind: RunKind, most: int) -> list[Volume]:
    """The last volumes of runs of a kind, newest first."""
    found: list[Volume] = []
    for name in reversed(run.staging.list(_place(run))):
        if len(found) == most:
            break
        document = run.staging.read_json((*_place(run), name))
        if document is not None and document["kind"] == kind:
            found.append(Volume(**document | {"kind": kind}))
    return found


def _rows(run: Run, stage: str) -> int:
    manifests = (run.dataset(stage, source).manifest() for source in run.domain.shaped)
    return sum(manifest.rows for manifest in manifests if manifest is not None)


def _place(run: Run) -> tuple[str, ...]:
    return (run.store.store, run.domain.flow, "volumes", run.between)
