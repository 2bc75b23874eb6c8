"""How much the recent runs of a flow read: what a run is measured by.

Each run that was asked for nothing special leaves a small document, without any row in it, in a name of its
own, so that runs that end at once don't write over one another. The name ends with the run's kind; those that
were written before it did are read to be told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b

from netsuite_connector.domains.model import Source
from netsuite_connector.flows.run import READ_AGAIN, Run
from netsuite_connector.window import Window

KEPT = 40
"""So many documents of a flow are kept of each kind of run; of increments also all of the last day."""

_SHORTEST_HOURS = 1.0  # the rows of a few minutes say little about those of an hour
_DAY = timedelta(days=1)
_MOMENT = "%Y%m%dT%H%M%SZ"


class RunKind(StrEnum):
    """What a run reads: everything, or what changed within its window."""

    WHOLE = "whole"
    INCREMENT = "increment"


@dataclass(frozen=True, slots=True)
class Volume:
    """A run's ``rows`` and how many of them were ``rejected`` before anything was sent; ``hours``: the length
    of its window, at least one, and one for a whole run. ``sources``: rows by source, of a whole run those
    of lookups too; of older runs they are not known.
    """

    kind: RunKind
    rows: int
    rejected: int
    hours: float
    sources: Mapping[str, int] = field(default_factory=dict, hash=False)

    @property
    def rate(self) -> float:
        """Rows by which runs of a kind are compared: all of a whole run, those an hour of an increment."""
        return self.rows / self.hours

    def rate_of(self, source: str) -> float:
        """The same of one source. Raises KeyError where its rows are not known."""
        return self.sources[source] / self.hours


def volume_of(run: Run) -> Volume:
    """What the run has read and rejected so far."""
    shaped = _rows(run, "extract", run.domain.shaped)
    whole = run.window.start is None
    return Volume(
        kind=RunKind.WHOLE if whole else RunKind.INCREMENT,
        rows=sum(shaped.values()),
        rejected=sum(_rows(run, "rejected", run.domain.shaped).values()),
        hours=_hours(run.window),
        # Some lookups are read whole by increments too, so that their rows an hour say nothing.
        sources=_rows(run, "extract", run.domain.extracted) if whole else shaped,
    )


def remember(run: Run) -> None:
    """Keep the run's volume, and let go of the oldest of its kind. What was stopped within its window is
    settled.
    """
    stopped = _stopped(run)
    if stopped is not None and _within(stopped, run.window):
        run.staging.remove(_stopped_place(run))
    read = [run.dataset("extract", source).manifest() for source in run.domain.shaped]
    moments = [manifest.created_at for manifest in read if manifest is not None]
    if not moments:
        return
    moment = datetime.fromisoformat(max(moments)).strftime(_MOMENT)
    volume = volume_of(run)
    # The name is the run's own, so that one that reports again is not counted twice.
    name = f"{moment}-{blake2b(run.key.encode(), digest_size=4).hexdigest()}"
    run.staging.write_json((*_place(run), f"{name}-{volume.kind}.json"), asdict(volume))
    names = _names(run, volume.kind)
    kept = {*names[:KEPT], *(_last_day(names) if volume.kind is RunKind.INCREMENT else ())}
    for old in names:
        if old not in kept or old == f"{name}.json":  # as the run's own was called before
            run.staging.remove((*_place(run), old))


def recent(run: Run, kind: RunKind, most: int) -> list[Volume]:
    """The volumes of the last runs of a kind, newest first: ``most`` of them. Where so many increments don't
    reach back a day, not every one is taken, so that they do: a few hours at night are not what is usual.
    """
    names = _names(run, kind)
    day = len(_last_day(names)) if kind is RunKind.INCREMENT else 0
    # Each is a file to read.
    apart = max(1, -(-day // most))
    documents = (run.staging.read_json((*_place(run), name)) for name in names[::apart][:most])
    return [Volume(**document | {"kind": kind}) for document in documents if document is not None]


def stop(run: Run) -> None:
    """Remember the window of an increment that is stopped for its many rows: see :func:`stopped_hours`."""
    stopped = _stopped(run)
    if run.window.start is not None and (stopped is None or not _within(stopped, run.window)):
        window = {"start": run.window.start_text, "end": run.window.end_text}
        run.staging.write_json(_stopped_place(run), window)


def stopped_hours(run: Run) -> float | None:
    """The hours of the window within the run's in which rows were too many before, as the mark stays where it
    was; None where there is none. The same rows are not fewer an hour because somebody waited.
    """
    stopped = _stopped(run)
    return _hours(stopped) if stopped is not None and _within(stopped, run.window) else None


def _rows(run: Run, stage: str, sources: Iterable[Source]) -> dict[str, int]:
    """By source; those that the run did not read are left out."""
    manifests = ((source.name, run.dataset(stage, source).manifest()) for source in sources)
    return {
        name: manifest.rows - int(manifest.facts.get(READ_AGAIN, 0))
        for name, manifest in manifests
        if manifest is not None
    }


def _hours(window: Window) -> float:
    if window.start is None or window.end is None:
        return _SHORTEST_HOURS
    return max(_SHORTEST_HOURS, (window.end - window.start).total_seconds() / 3600)


def _names(run: Run, kind: RunKind) -> list[str]:
    """The documents of a kind, newest first."""
    return [name for name in reversed(run.staging.list(_place(run))) if _kind(run, name) == kind]


def _kind(run: Run, name: str) -> str | None:
    _moment, _run, *kind = name.removesuffix(".json").split("-")
    if kind:
        return kind[0]
    document = run.staging.read_json((*_place(run), name))
    return None if document is None else str(document["kind"])


def _last_day(names: list[str]) -> list[str]:
    """Those of the last day up to the newest, which comes first."""
    if not names:
        return []
    newest = datetime.strptime(names[0].partition("-")[0], _MOMENT).replace(tzinfo=UTC)
    return [name for name in names if name >= (newest - _DAY).strftime(_MOMENT)]


def _stopped(run: Run) -> Window | None:
    document = run.staging.read_json(_stopped_place(run))
    return None if document is None else Window.parse(document["start"], document["end"])


def _within(inner: Window, outer: Window) -> bool:
    since = outer.start is None or (inner.start is not None and inner.start >= outer.start)
    return since and (outer.end is None or (inner.end is not None and inner.end <= outer.end))


def _place(run: Run) -> tuple[str, ...]:
    return (run.store.store, run.domain.flow, "volumes", run.between)


def _stopped_place(run: Run) -> tuple[str, ...]:
    return (run.store.store, run.domain.flow, "stopped", f"{run.between}.json")
