"""Gates: what stops a run before it sends anything, as its rows are not what they usually are.

A saved search that somebody has changed, or a role that has lost a permission, looks like any other run but
for its numbers. What stopped is read again by the next run, since the high-water mark stays where it was.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from netsuite_connector.errors import MendError
from netsuite_connector.flows import rejections, volume
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.volume import RunKind, Volume
from netsuite_connector.stores.operations import GateSettings

log = logging.getLogger(__name__)

USUAL_RUNS = 3
"""So many runs of a kind it takes to know what is usual."""

_LOOKED_AT = {RunKind.WHOLE: 10, RunKind.INCREMENT: 40}
_PERCENT = 100
_JUMP = "jump"


@dataclass(frozen=True, slots=True)
class _Shut:
    """A gate that a run does not pass, and why."""

    gate: str
    why: str

    def __str__(self) -> str:
        return f"Gate '{self.gate}': {self.why}"


def gates_of(run: Run) -> GateSettings:
    """The flow's own gates, or else the store's."""
    settings = run.store.flows.get(run.domain.flow)
    return settings.gates if settings is not None and settings.gates is not None else run.store.gates


def shut(run: Run, *, like_others: bool) -> list[str]:
    """Which gates the validated run does not pass: a sentence each, with the numbers. ``like_others``: its
    volume can be compared with that of other runs, since it is not bounded by a person.
    """
    return [str(each) for each in _shut(run, like_others=like_others)]


def check(run: Run, *, like_others: bool, ignored: bool) -> None:
    """Raise MendError unless the run passes all gates, or they are to be ``ignored``, or it sends nothing
    anyway. What a run that is stopped has rejected comes onto the list of rejected rows.
    """
    gates_shut = _shut(run, like_others=like_others)
    if not gates_shut:
        return
    told = " ".join(map(str, gates_shut))
    if ignored or run.dry_run:
        why = "gates are ignored" if ignored else "a dry run sends nothing"
        log.warning("%s The run goes on: %s.", told, why)
        return
    rejections.record(run, ended=False)
    if any(each.gate == _JUMP for each in gates_shut):
        volume.stop(run)
    store, flow = run.store.store, run.domain.flow
    raise MendError(
        f"{told} Nothing was sent. 'python -m netsuite_connector rejected list --store {store} "
        f"--flow {flow}' shows the rejected rows; mend them or the saved search, or, if the rows are right, "
        "run again with 'Ignore gates'."
    )


def _shut(run: Run, *, like_others: bool) -> list[_Shut]:
    gates = gates_of(run)
    measured = volume.volume_of(run)
    found = list(_rejected(gates, measured))
    if like_others:
        before = volume.recent(run, measured.kind, _LOOKED_AT[measured.kind])
        found += _drops(run, gates, measured, before)
        found += _jumps(run, gates, measured, before)
    return found


def _rejected(gates: GateSettings, measured: Volume) -> Iterator[_Shut]:
    rows, rejected = measured.rows, measured.rejected
    if gates.rejected_rows is not None and rejected > gates.rejected_rows:
        yield _Shut(
            "rejected_rows",
            f"{rejected:,} of {rows:,} rows are rejected, and at most {gates.rejected_rows:,} may be.",
        )
    share = gates.rejected_share
    if share is not None and rows >= gates.least_rows and rejected > share * rows:
        yield _Shut(
            "rejected_share",
            f"{rejected:,} of {rows:,} rows ({_PERCENT * rejected / rows:.3g} %) are rejected, and at most "
            f"{_PERCENT * share:.3g} % may be.",
        )


def _drops(run: Run, gates: GateSettings, measured: Volume, before: Sequence[Volume]) -> Iterator[_Shut]:
    """Of all rows, and of each source: the others may have so many rows that the total hides one without."""
    whole = measured.kind is RunKind.WHOLE
    most = (gates.whole if whole else gates.increments).drop
    if most is None:
        return
    total = (measured.rate, [each.rate for each in before])
    compared = [("", *total)]
    for source in run.domain.extracted:
        if source.name in measured.sources:
            rates = [each.rate_of(source.name) for each in before if source.name in each.sources]
            # A flow's only source with rows need not be told of twice.
            if (measured.rate_of(source.name), rates) != total:
                named = f" of '{source.name}' (saved search {run.search(source)})"
                compared.append((named, measured.rate_of(source.name), rates))
    for named, rate, rates in compared:
        # Runs over everything are few. A search that gives nothing any more shows beside a single one.
        enough = 1 if whole and not rate else USUAL_RUNS
        usual = median(rates) if len(rates) >= enough else 0.0
        if usual >= gates.least_rows and rate < (1 - most) * usual:
            numbers = _numbers(measured, rate, usual, len(rates), of=named)
            yield _Shut("drop", f"{numbers}; at most {_PERCENT * most:.3g} % fewer may be.")


def _jumps(run: Run, gates: GateSettings, measured: Volume, before: Sequence[Volume]) -> Iterator[_Shut]:
    whole = measured.kind is RunKind.WHOLE
    most = (gates.whole if whole else gates.increments).jump
    if most is None or len(before) < USUAL_RUNS:
        return
    usual = median(each.rate for each in before)
    hours = measured.hours if whole else min(measured.hours, volume.stopped_hours(run) or measured.hours)
    rate = measured.rows / hours
    # Beside the nothing of quiet hours any row would be too many.
    least = 0 if whole else gates.least_rows
    if rate < gates.least_rows or rate <= most * max(usual, least):
        return
    times = f"{most:.3g} times as many" if usual >= least else f"{most:.3g} times {least:,}"
    again = " Rows that stopped a run before are counted by the hours of that run."
    yield _Shut(
        _JUMP,
        f"{_numbers(measured, rate, usual, len(before))}; at most {times} may be."
        f"{again if hours < measured.hours else ''}",
    )


def _numbers(measured: Volume, rate: float, usual: float, runs: int, *, of: str = "") -> str:
    unit = "rows" if measured.kind is RunKind.WHOLE else "rows an hour"
    last = f"of the last {runs} runs" if runs > 1 else "of the last run"
    return f"{_count(rate)} {unit}{of} were read, and {_count(usual)} are usual ({last})"


def _count(rows: float) -> str:
    return f"{rows:,.1f}".removesuffix(".0")
