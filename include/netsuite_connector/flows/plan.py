"""Plan: what a run reads, decided once at its start.

Later stages get the plan handed on, so that a retry hours later still means the same window, and a setting
that somebody changes meanwhile holds from the next run on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from netsuite_connector.errors import MendError
from netsuite_connector.flows import gates, highwater, late, raced, rejections, volume
from netsuite_connector.flows.domain import domain_with
from netsuite_connector.flows.highwater import Mark
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.settings import settings_of
from netsuite_connector.netsuite.client import NetSuiteClient
from netsuite_connector.window import Window

log = logging.getLogger(__name__)

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person or the schedule asks of a run. ``start`` and ``end`` (ISO 8601) are of last changes;
    ``full`` reads everything again; ``resend`` also sends again what has not changed. ``ignore_gates``: send
    whatever the store's gates say. ``replay`` names a run over chosen records only. ``backfill``: it is a run
    of Airflow's own backfill, and its bounds are two times of the flow's schedule, which nobody has said.
    """

    start: str | None = None
    end: str | None = None
    limit: int | None = None
    dry_run: bool = False
    full: bool = False
    resend: bool = False
    ignore_gates: bool = False
    replay: str | None = None
    backfill: bool = False

    @property
    def moves_mark(self) -> bool:
        """Whether the run delivers all that changed up to its end: not so within bounds of one's own. A
        backfill's run never does: many of them end in any order, beside the scheduled one.
        """
        return not (self.start or self.end or self.limit or self.dry_run or self.replay or self.backfill)

    @property
    def bounded(self) -> bool:
        """Whether a person said where the window ends."""
        return self.end is not None and not self.backfill


@dataclass(frozen=True, slots=True)
class Plan:
    """``window`` of last changes; the store's ``settings`` with what NetSuite's configuration record adds,
    and by setting where its value is from (``origins``); ``mark``: the high-water mark that the run goes on
    from; ``switched_off``: the configuration record says that the flow does not run.
    """

    asked: Asked
    start: str | None
    end: str | None
    settings: Mapping[str, Any]
    origins: Mapping[str, str]
    mark: Mark | None
    switched_off: bool

    @property
    def window(self) -> Window:
        """The window as moments."""
        return Window.parse(self.start, self.end)

    def to_json(self) -> dict[str, Any]:
        """The plan as it travels to the other stages."""
        return asdict(self)

    @classmethod
    def of_json(cls, document: Mapping[str, Any]) -> Plan:
        """The plan that has travelled."""
        mark = document["mark"]
        return cls(
            **{
                **document,
                "asked": Asked(**document["asked"]),
                "mark": None if mark is None else Mark(**mark),
            }
        )

    def run(self, run: Run) -> Run:
        """``run`` as it is planned."""
        store = type(run.store).model_validate(dict(self.settings))
        return replace(
            run,
            store=store,
            domain=domain_with(store, run.domain),
            window=self.window,
            limit=self.asked.limit,
            dry_run=self.asked.dry_run,
            resend=self.asked.resend,
            bounded=self.asked.bounded,
            replay=self.asked.replay,
        )


def plan(run: Run, client: NetSuiteClient, asked: Asked) -> Plan:
    """Decide the window and the settings of a run.

    Without bounds of its own it reads what changed since the high-water mark, with an overlap, or everything
    if there is no mark, the searches, mappings or addresses are others than the mark's, or ``full`` or
    ``resend`` is asked for. It ends a little before NetSuite's own clock, whatever ours says, since what is
    being saved now may not be visible yet.
    Raises MendError for bounds or settings that can't be.
    """
    if asked.full and (asked.start or asked.end):
        raise MendError(
            "'Everything again' reads all there is, so it can't have 'Changed from' or 'Changed before': "
            "leave one of them out."
        )
    if asked.backfill and not asked.start:
        raise MendError(
            "A run of a backfill reads what changed between two times of the flow's schedule. It can't read "
            "'Everything again', and a flow without a schedule has no such times: trigger the flow instead."
        )
    found = settings_of(run.store, client)
    run = replace(run, store=found.store, domain=domain_with(found.store, run.domain))
    mark = highwater.read(run)
    window = Window.parse(asked.start, asked.end)
    end = window.end or _minute(client.about().now - timedelta(minutes=found.store.netsuite.lag_minutes))
    start = window.start
    if run.domain.feed and not asked.dry_run and not asked.moves_mark:
        if asked.backfill:
            raise MendError(
                "A catalog feed is the whole catalog, so there is nothing to backfill: trigger the flow "
                "instead."
            )
        raise MendError(
            "A catalog feed is the whole catalog: 'Changed from', 'Changed before', 'Limit' and replays go "
            "with a dry run only."
        )
    goes_on = asked.moves_mark and not (asked.full or asked.resend or run.domain.feed)
    if goes_on and mark is not None:
        if mark.scope == highwater.scope(run):
            minutes = max(found.store.netsuite.overlap_minutes, run.domain.overlap_minutes)
            overlap = timedelta(minutes=minutes)
            start = min(datetime.fromisoformat(mark.moment) - overlap, end - _MINUTE)
            start = late.start_before(run, start)
        else:
            log.info("Searches, mapping or the site's addresses are others than before: all is read again.")
    window = Window(start, end)
    flow = found.store.flows.get(run.domain.flow)
    return Plan(
        asked=asked,
        start=window.start_text,
        end=window.end_text,
        settings=found.store.model_dump(mode="json", exclude_unset=True),
        origins=found.origins,
        mark=mark,
        switched_off=flow is not None and not flow.enabled,
    )


def finish(run: Run, made: Plan, numbers: dict[str, Any]) -> dict[str, Any]:
    """Bring the list of rejected rows up to date after a run that adds up, then move the high-water mark.
    Returns the report's ``numbers`` with what was planned.
    """
    listed = rejections.record(run)
    told = gates.shut(run, like_others=made.asked.moves_mark)
    if made.asked.moves_mark:
        volume.remember(run)
        raced.prune(run)
    mark = highwater.advance(run, made.mark) if made.asked.moves_mark else highwater.read(run)
    done = numbers | {
        "high_water_mark": None if mark is None else mark.moment,
        "settings_from": dict(made.origins),
        "whole": run.whole,
        "rejected_list": listed,
        "gates": {"shut": told, "ignored": made.asked.ignore_gates},
    }
    run.staging.write_json(run.document("report.json"), done)
    return done


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
