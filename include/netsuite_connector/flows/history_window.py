"""What is done with one window of history: counted, read ahead, or taken through all stages."""

from __future__ import annotations

import math
from typing import Any

from netsuite_connector.domains.model import Kind
from netsuite_connector.flows import gates, highwater, lookups, rejections
from netsuite_connector.flows.book import Book
from netsuite_connector.flows.confirm import confirm
from netsuite_connector.flows.extract import count as count_rows
from netsuite_connector.flows.extract import extract
from netsuite_connector.flows.history import Backfill, delivered_by, note_delivered
from netsuite_connector.flows.push import push
from netsuite_connector.flows.report import report
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.shape import shape
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import MAX_BODY, Bulk
from netsuite_connector.netsuite.client import NetSuiteClient

_READ, _SHAPED = "read.json", "shaped.json"
_PROFILE_BYTES = 1_500  # of a usual profile, encoded
_EVENTS_A_ROW = 2  # at most: a row is an order with one line
_BACKGROUND = 0.8  # the share of Klaviyo's limits that is left to work in the background


def count(run: Run, netsuite: NetSuiteClient) -> dict[str, Any]:
    """Count the window's rows; nothing is read or sent. Returns ``rows``, and at most how many requests it
    would take of either side, and how many ``minutes`` at the limits that Klaviyo publishes.
    """
    rows = netsuite_requests = klaviyo_requests = 0
    minutes = 0.0
    for source in run.domain.extracted:
        if source.kind is None:
            continue
        found = count_rows(run, source, netsuite)
        rows += found
        # Besides the pages: the columns, and a last look that nothing is left.
        netsuite_requests += math.ceil(found / run.store.netsuite.page_rows) + 2
        envelope = (Bulk.PROFILE_IMPORT if source.kind is Kind.PROFILE else Bulk.EVENT_CREATE).envelope
        if source.kind is Kind.PROFILE:
            requests = math.ceil(found / min(envelope.records, MAX_BODY // _PROFILE_BYTES))
        else:
            requests = math.ceil(_EVENTS_A_ROW * found / envelope.records)
        klaviyo_requests += requests
        minutes += requests / (envelope.push.steady * _BACKGROUND)
    return {
        "rows": rows,
        "netsuite_requests": netsuite_requests,
        "klaviyo_requests": klaviyo_requests,
        "minutes": round(minutes, 2),
    }


def read(run: Run, netsuite: NetSuiteClient, made: Backfill) -> dict[str, Any]:
    """Read and check the window's rows and put them into the order book; deliver nothing. Returns the numbers
    of both stages.

    Events of an order may lie in different windows, and which of them is the last, or makes a refund whole,
    is known when all are read.
    """
    # What checks rows takes seconds to import.
    from netsuite_connector.flows.validate import validate

    run.staging.write_json(run.document(_SHAPED), None)
    extracted = extract(run, netsuite)
    validated = validate(run)
    if run.domain.book:
        Book(run).update()
    return _note(run, _READ, made, {"extracted": extracted, "validated": validated})


def deliver(run: Run, netsuite: NetSuiteClient, klaviyo: KlaviyoClient, made: Backfill) -> dict[str, Any]:
    """Take the window through all stages, reading it first unless the backfill has. Returns the report.

    A try that was killed or failed once it had begun to send is gone on with: what a refund became must not
    be decided twice. Any other is read anew, as somebody may have mended what it was about; and so is a
    window that this backfill has delivered already. What has not changed is not sent again.
    """
    numbers = _goes_on(run, made)
    if numbers is None:
        numbers = _noted(run, _READ, made) or read(run, netsuite, made)
        # Once it is used it is used up: after a failure the window is read anew.
        run.staging.write_json(run.document(_READ), None)
        gates.check(run, like_others=False, ignored=made.asked.ignore_gates)
        if run.domain.book:
            lookups.inform_book(run, netsuite)
        # The book has the rows since they were read, which may have been hours ago.
        numbers = _note(run, _SHAPED, made, numbers | {"shaped": shape(run, booked=True)})
    pushed = push(run, klaviyo)
    confirmed = confirm(run, klaviyo)
    result = report(run, numbers["extracted"], numbers["validated"], numbers["shaped"], pushed, confirmed)
    rejections.record(run)
    note_delivered(run, made, result)
    return result


def _goes_on(run: Run, made: Backfill) -> dict[str, Any] | None:
    """The numbers of what an earlier try has shaped and begun to send; None where there is none."""
    done = _noted(run, _SHAPED, made)
    begun = any(
        run.staging.list(run.document("push", source.name, manifest.id))
        for source in run.domain.delivered
        if (manifest := run.dataset("records", source).manifest()) is not None
    )
    return done if begun else None


def _note(run: Run, name: str, made: Backfill, numbers: dict[str, Any]) -> dict[str, Any]:
    document = numbers | {"by": made.name, "scope": highwater.scope(run)}
    run.staging.write_json(run.document(name), document)
    return document


def _noted(run: Run, name: str, made: Backfill) -> dict[str, Any] | None:
    """The numbers that this backfill noted of a window that it has not delivered yet."""
    done: dict[str, Any] | None = run.staging.read_json(run.document(name))
    if done is None or delivered_by(run) == made.name:
        return None
    return done if (done["by"], done["scope"]) == (made.name, highwater.scope(run)) else None
