"""Extract: saved-search pages to raw Parquet."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from netsuite_connector.domains.model import Source
from netsuite_connector.flows.companions import read_companions
from netsuite_connector.flows.mapping import check_search
from netsuite_connector.flows.run import READ_FROM, Run
from netsuite_connector.netsuite.client import NetSuiteClient
from netsuite_connector.quality.columns import check_columns
from netsuite_connector.window import Window

log = logging.getLogger(__name__)

_CREATED = {"item": "created", "file": "created", "supportcase": "createddate"}


@dataclass(slots=True)
class _Progress:
    """What one source has cost so far."""

    rows: int = 0
    pages: int = 0
    units: int = 0
    bytes: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)


def extract(run: Run, client: NetSuiteClient) -> dict[str, Any]:
    """Read every source of the flow into staging, and which of its records were deleted. Returns counts,
    ``warnings`` and ``seconds``. Rows of lookups are not counted: they become no records.

    All searches are described and their mandatory columns checked before the first row moves. Raises
    MendError for a search or column that is missing,
    and the client's errors.
    """
    began = time.monotonic()
    read_from = time.time_ns()
    stamps: dict[str, str | None] = {}
    for source in run.domain.extracted:
        described = client.describe(run.search(source))
        check_columns(source, [column.key for column in described.columns], run.search(source))
        stamps[source.name] = _stamp(run, source, described.search.type)
        types = {column.key: column.type for column in described.columns}
        check_search(run.store, run.domain.flow, source, types, run.search(source))
    total = _Progress()
    deleted = 0
    last = 0
    for source in _in_order(run):
        search = run.search(source)
        done = _Progress()
        with run.dataset("extract", source).writer() as writer:
            for page in client.pages(
                search,
                _window(run, source),
                stamp=stamps[source.name],
                only=run.only(source),
                ids=run.ids(source),
                # A lookup goes as far as the rows that are looked up, which were read before it.
                until=last if source.kind is None and not source.whole and run.limit else None,
                limit=run.limit if source.kind is not None else None,
                page_rows=run.store.netsuite.page_rows,
                # History must leave room for the runs that are due.
                lanes=1 if run.history else run.store.netsuite.concurrency,
            ):
                writer.write(page.batch)
                if source.kind is not None:
                    last = max(last, page.cursor or 0)
                done.rows += page.batch.num_rows
                done.pages += 1
                done.units += page.usage
                done.bytes += page.bytes
                done.unreadable.update(page.unreadable)
                log.info("%s: %s rows extracted in %s pages", source.name, f"{done.rows:,}", done.pages)
            facts = {"search": search, "pages": done.pages, "units": done.units, "bytes": done.bytes}
            writer.commit(**facts, **{READ_FROM: read_from})
        if source.kind is not None:
            total.rows += done.rows
        total.pages += done.pages
        total.units += done.units
        total.unreadable.update(done.unreadable)
        deleted += _deleted(run, source, client)
    companions = read_companions(run, client)
    total.rows += companions.rows
    total.pages += companions.pages
    total.units += companions.units
    return {
        "rows": total.rows,
        "deleted": deleted,
        "pages": total.pages,
        "units": total.units,
        "warnings": {
            f"Value of {column} left out: not of its type": n for column, n in total.unreadable.items()
        },
        "seconds": round(time.monotonic() - began, 3),
    }


def count(run: Run, source: Source, client: NetSuiteClient) -> int:
    """How many rows NetSuite says the run has of a source; the run must not be one over chosen records."""
    search = run.search(source)
    stamp = _stamp(run, source, client.describe(search).search.type)
    return client.bounds(search, _window(run, source), stamp=stamp, only=run.only(source)).count


def _stamp(run: Run, source: Source, search_type: str) -> str | None:
    return created_filter(search_type) if run.history else source.stamp


def created_filter(search_type: str) -> str:
    """The date-time filter of when a record of this type was created, by its id in SuiteScript."""
    if search_type.startswith("customrecord"):
        return "created"
    return _CREATED.get(search_type, "datecreated")


def _in_order(run: Run) -> list[Source]:
    """The sources as they are read: what other rows refer to comes after them, so that it is there.

    A shipment or refund may be saved while the run reads; its order is older than it is.
    """
    sources = list(run.domain.extracted)
    if not run.domain.book:
        return sources
    delivered = [source for source in sources if source.kind is not None]
    return [*reversed(delivered), *(source for source in sources if source.kind is None)]


def _window(run: Run, source: Source) -> Window:
    """The source's window. A lookup's has no end: what has changed again since then belongs to rows that were
    read before. And where what is not seen is gone, what has just changed must be seen.

    Neither has that of a flow with an order book, unless a person set one: an order that was saved again
    after the window's end may be that of a shipment in it, and a shipment after it tells that one in it is
    not the order's last. So a run of Airflow's own backfill reads on to now.
    """
    if run.whole and run.domain.snapshot:
        return Window()
    if run.domain.book and not (run.history or run.bounded):
        return Window() if source.whole else Window(run.window.start)
    if source.kind is not None or (run.history and not source.whole):
        return run.window
    return Window() if source.whole else Window(run.window.start)


def _deleted(run: Run, source: Source, client: NetSuiteClient) -> int:
    """Read which records of the source were deleted in the window; returns how many.

    A saved search never shows that a record is gone. An extract without a start gives all that is there, so
    there is nothing to tell.
    """
    if run.window.start is None or run.history or not source.deleted_types:
        return 0
    with run.dataset("deleted", source).writer() as writer:
        for page in client.deleted(source.deleted_types, run.window):
            writer.write(page.batch)
        return writer.commit().rows
