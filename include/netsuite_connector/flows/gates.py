"""Gates: what stops a run before it sends anything, as its rows are not what they usually are.

A saved search that somebody has changed, or a role that has lost a permission, looks like any other run but
for its numbers. What stopped is read again by the next run, since the high-water mark stays where it was.
"""

from __future__ import annotations

import logging
from statistics import median

from netsuite_connector.errors import MendError
from netsuite_connector.flows import rejections, volume
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.volume import RunKind, Volume
from netsuite_connector.stores.operations import GateSettings

log = logging.getLogger(__name__)

USUAL_RUNS = 3
"""So many runs of a kind it takes to know what is usual."""

_LOOKED_AT = 10
_PERCENT = 100


def gates_of(run: Run) -> GateSettings:
    """The flow's own gates, or else the store's."""
    settings = run.store.flows.get(run.domain.flow)
    return settings.gates if settings is not None and settings.gates is not None else run.store.gates


def shut(run: Run, *, like_others: bool) -> list[str]:
    """Which gates the validated run does not pass: a sentence each, with the numbers. ``like_others``: its
    volume can be compared with that of other runs, since it is not bounded by a person.
    """
    gates = gates_of(run)
    measured = volume.volume_of(run)
    told = _rejected(gates, measured)
    if like_others:
        told += _volume(run, gates, measured)
    return told


def check(run: Run, *, like_others: bool, ignored: bool) -> None:
    """Raise MendError unless the run passes all gates, or they are to be ``ignored``, or it sends nothing
    anyway. What a run that is stopped has rejected comes onto the list of rejected rows.
    """
    told = shut(run, like_others=like_others)
    if not told:
        return
    if ignored or run.dry_run:
        why = "gates are ignored" if ignored else "a dry run sends nothing"
        log.warning("%s The run goes on: %s.", " ".join(told), why)
        return
    rejections.record(run, ended=False)
    store, flow = run.store.store, run.domain.flow
    raise MendError(
        f"{' '.join(told)} Nothing was sent. 'python -m netsuite_connector rejected list --store {store} "
        f"--flow {flow}' shows the rejected rows; mend them or the saved search, or, if the rows are right, "
        "run again with 'Ignore gates'."
    )


def _rejected(gates: GateSettings, measured: Volume) -> list[str]:
    told = []
    rows, rejected = measured.rows, measured.rejected
    if gates.rejected_rows is not None and rejected > gates.rejected_rows:
        told.append(
            f"Gate 'rejected_rows': {rejected:,} of {rows:,} rows are rejected, and at most "
            f"{gates.rejected_rows:,} may be."
        )
    share = gates.rejected_share
    if share is not None and rows >= gates.least_rows and rejected > share * rows:
        told.append(
            f"Gate 'rejected_share': {rejected:,} of {rows:,} rows ({_PERCENT * rejected / rows:.3g} %) are "
            f"rejected, and at most {_PERCENT * share:.3g} % may be."
        )
    return told


def _volume(run: Run, gates: GateSettings, measured: Volume) -> list[str]:
    before = volume.recent(run, measured.kind, _LOOKED_AT)
    if len(before) < USUAL_RUNS:
        return []
    whole = measured.kind is RunKind.WHOLE
    usual = median(each.rate for each in before)
    if max(usual, measured.rate) < gates.least_rows:
        return []
    limits = gates.whole if whole else gates.increments
    unit = "rows" if whole else "rows an hour"
    numbers = f"{measured.rate:,.4g} {unit} were read, and {usual:,.4g} are usual"
    if limits.drop is not None and measured.rate < (1 - limits.drop) * usual:
        most = f"at most {_PERCENT * limits.drop:.3g} % fewer may be"
        return [f"Gate 'drop': {numbers} (of the last {len(before)} runs); {most}."]
    if limits.jump is not None and measured.rate > limits.jump * usual:
        most = f"at most {limits.jump:.3g} times as many may be"
        return [f"Gate 'jump': {numbers} (of the last {len(before)} runs); {most}."]
    return []
