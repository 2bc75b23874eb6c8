"""The high-water mark of a flow: up to which moment of last changes it has delivered everything.

Runs move it forward only, and only when their numbers add up; a person may set it anywhere. It lies in
staging, outside the runs, so that it survives restarts and cleared runs.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import orjson

from netsuite_connector.domains.consents import FLOW as CONSENTS
from netsuite_connector.domains.model import Kind
from netsuite_connector.flows.run import Run

log = logging.getLogger(__name__)

_ADDRESSES = {"url", "item_url", "image_url", "image_options"}


@dataclass(frozen=True, slots=True)
class Mark:
    """``moment`` (ISO 8601 UTC): changes before it are delivered. ``scope`` is a fingerprint of what the
    flow then read; ``by`` says who set it, ``at`` when.
    """

    moment: str
    scope: str
    by: str
    at: str


def read(run: Run) -> Mark | None:
    """The flow's mark; None before its first whole run."""
    content = run.staging.read_json(run.mark_place)
    return None if content is None else Mark(**content)


def advance(run: Run, seen: Mark | None) -> Mark | None:
    """Move the mark to the end of the run's window, unless that would move it back.

    ``seen`` is the mark that the run began from: where somebody has set another one since, theirs stays.
    Returns the mark as it is then.
    """
    current = read(run)
    end = run.window.end_text
    if current != seen:
        log.info("The high-water mark was set while this run went on, and stays where it was set.")
        return current
    if end is None or (current is not None and end < current.moment):
        return current
    return _write(run, end, f"run {run.key}")


def put(run: Run, moment: datetime, by: str) -> Mark:
    """Set the mark, to whatever moment a person wants."""
    return _write(run, moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), by)


def scope(run: Run) -> str:
    """A fingerprint of which saved searches the flow reads, what narrows them, what the store makes of their
    columns, and for items the addresses of its site, for consents the settings that decide about people.

    With another scope the mark says nothing: records that changed long ago may be in it for the first time,
    or look different now.
    """
    asked: list[Any] = [
        [source.name, run.search(source), {name: sorted(ids) for name, ids in run.only(source).items()}]
        for source in run.domain.extracted
    ]
    # What is sent only once never looks different; and a store that maps nothing keeps the scope it had.
    if any(not source.once for source in run.domain.delivered):
        asked += _mapped(run)
    # The addresses of pages and images are made of these.
    if any(source.kind in (Kind.ITEM, Kind.VARIANT) for source in run.domain.delivered):
        asked.append(["site", run.store.site.model_dump(mode="json", include=_ADDRESSES)])
    if run.domain.flow == CONSENTS:
        asked += _decided_by(run)
    return blake2b(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


def _mapped(run: Run) -> list[Any]:
    settings = run.store.flows.get(run.domain.flow)
    if settings is None:  # the flow has settings of its own kind, and no mapping
        return []
    mapping = {
        name: said.model_dump(mode="json", exclude_unset=True) for name, said in settings.mapping.items()
    }
    parts = {"mapping": mapping, "as_id": sorted(run.store.as_id), "no_extra": not settings.extra}
    return [[name, part] for name, part in parts.items() if part]


def _decided_by(run: Run) -> list[Any]:
    """What decides about people. It goes with the mark: only a run that did all there was to do moves it."""
    settings = run.store.consents
    assert settings is not None  # noqa: S101 - such a run is opened with them
    return [settings.model_dump(mode="json", include={"list", "consented_at", "suppress"})]


def _write(run: Run, moment: str, by: str) -> Mark:
    mark = Mark(moment, scope(run), by, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    run.staging.write_json(run.mark_place, asdict(mark))
    return mark
