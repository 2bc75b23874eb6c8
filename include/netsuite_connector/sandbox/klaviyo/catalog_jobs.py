"""Bulk jobs of the catalog: create, update and delete items, variants and categories, up to 100 at a time.

Klaviyo doesn't publish the codes of single failures (creating what exists, updating what doesn't). The
sandbox answers those of the endpoints for one item: ``duplicate_result`` and ``not_found``.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from netsuite_connector.sandbox.klaviyo.account import Account, Answer, Call, Handler
from netsuite_connector.sandbox.klaviyo.catalog import (
    CATEGORY,
    ITEM,
    KINDS,
    VARIANT,
    Kind,
    create,
    delete,
    refuse_beside_feed,
    update,
)
from netsuite_connector.sandbox.klaviyo.checks import check_count
from netsuite_connector.sandbox.klaviyo.clock import iso
from netsuite_connector.sandbox.klaviyo.jobs import (
    EXPIRY,
    MOST_IN_PROGRESS,
    Job,
    Outcome,
    Processor,
    RowError,
    error_id,
    job_id,
)
from netsuite_connector.sandbox.klaviyo.problems import Problem, Refusal, not_found
from netsuite_connector.sandbox.klaviyo.query import Filterable, page, sparse, where

MOST_ROWS: Final = 100
_PLURALS: Final = {ITEM.type: "items", VARIANT.type: "variants", CATEGORY.type: "categories"}


def _submit(account: Account, call: Call) -> Answer:
    refuse_beside_feed(account.database)
    data = call.body["data"]
    kind, plural = data["type"], _plural(data["type"])
    rows = data["attributes"][plural]["data"]
    check_count(rows, MOST_ROWS, "row", f"/data/attributes/{plural}/data")
    if account.jobs.in_progress(kind) >= MOST_IN_PROGRESS:
        detail = f"At most {MOST_IN_PROGRESS} jobs of one kind may be in progress at one time."
        raise Refusal(Problem(400, "too_many_jobs", "Too many jobs in progress.", detail))
    row = account.jobs.submit(kind, data, len(rows), queued=False)
    return Answer(202, {"data": _resource(account, row, call)})


def _process(account: Account, job: Job) -> Outcome:
    plural = _plural(job.kind)
    rows = job.body["attributes"][plural]["data"]
    errors: list[RowError] = []
    for number, row in enumerate(rows):
        try:
            _apply(account, job.kind, row)
        except Refusal as refusal:
            problem = refusal.problems[0]
            below = (problem.pointer or "/data").removeprefix("/data")
            pointer = f"/data/attributes/{plural}/data/{number}{below}"
            errors.append(RowError(problem.code, problem.title, problem.detail, pointer, row))
    return Outcome(len(rows) - len(errors), errors)


def _apply(account: Account, kind: str, row: dict[str, Any]) -> None:
    if kind.endswith("-create-job"):
        create(account.database, row, account.clock.now())
    elif kind.endswith("-update-job"):
        update(account.database, row, account.clock.now())
    else:
        delete(account.database, KINDS[row["type"]], row["id"])


def _list(account: Account, call: Call) -> Answer:
    kind = _kind(call)
    said = f"coalesce(completed, 1e99) <= {account.jobs.said_by(kind)}"
    status = Filterable(f"iif({said}, iif(done + failed >= total, 'complete', 'cancelled'), 'processing')")
    conditions = where(call, {"status": status})
    conditions.add("kind = ? AND created > ?", kind, account.clock.now() - EXPIRY)
    found = page(account.database, "SELECT * FROM jobs", conditions, call)
    return Answer(200, {"data": [_resource(account, row, call) for row in found.rows], "links": found.links})


def _get(account: Account, call: Call) -> Answer:
    row = account.jobs.find(_kind(call), call.id)
    if row is None:
        raise Refusal(not_found(_kind(call), call.id))
    return Answer(200, {"data": _resource(account, row, call)})


def _kind(call: Call) -> str:
    return call.endpoint.path.split("/")[2].removesuffix("s")


def _plural(kind: str) -> str:
    return next(plural for resource, plural in _PLURALS.items() if kind.startswith(resource))


def _resource(account: Account, row: sqlite3.Row, call: Call) -> dict[str, Any]:
    identifier = job_id(row)
    errors = [
        {
            "id": error_id(error),
            "code": error["code"],
            "title": error["title"],
            "detail": error["detail"],
            "source": {"pointer": error["pointer"]},
        }
        for error in account.jobs.errors(row)
    ]
    resource = {
        "type": row["kind"],
        "id": identifier,
        "attributes": {
            "status": account.jobs.status(row),
            "created_at": iso(row["created"]),
            "total_count": row["total"],
            "completed_count": row["done"],
            "failed_count": row["failed"],
            "completed_at": iso(row["completed"]),
            "errors": errors,
            "expires_at": iso(row["created"] + EXPIRY),
        },
        "links": {"self": f"{call.base}/api/{row['kind']}s/{identifier}"},
    }
    return sparse(resource, call.query)


def _jobs_of(kind: Kind) -> list[str]:
    return [f"{kind.type}-bulk-{action}-job" for action in ("create", "update", "delete")]


_ACTIONS: Final = ("create", "update", "delete")
_READ: Final = ("catalog_items", "variants", "categories")  # as the operations that read jobs are named
HANDLERS: Final[dict[str, Handler]] = {
    **{f"bulk_{action}_catalog_{plural}": _submit for action in _ACTIONS for plural in _PLURALS.values()},
    **{f"get_bulk_{action}_{name}_jobs": _list for action in _ACTIONS for name in _READ},
    **{f"get_bulk_{action}_{name}_job": _get for action in _ACTIONS for name in _READ},
}
PROCESSORS: Final[dict[str, Processor]] = {
    kind: _process for item in KINDS.values() for kind in _jobs_of(item)
}
