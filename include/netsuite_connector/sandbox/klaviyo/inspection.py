"""A way to look into the account without keys or limits: what a test reads, and the page that people see."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from netsuite_connector.sandbox.klaviyo.account import Account
from netsuite_connector.sandbox.klaviyo.alerts import CatalogFlow, alert_of
from netsuite_connector.sandbox.klaviyo.catalog import CATEGORY, ITEM, VARIANT, resource_of
from netsuite_connector.sandbox.klaviyo.clock import iso
from netsuite_connector.sandbox.klaviyo.consent import subscriptions
from netsuite_connector.sandbox.klaviyo.database import load
from netsuite_connector.sandbox.klaviyo.events import event_id
from netsuite_connector.sandbox.klaviyo.identifiers import profile_id
from netsuite_connector.sandbox.klaviyo.jobs import job_id
from netsuite_connector.sandbox.klaviyo.keeper import json_answer
from netsuite_connector.sandbox.klaviyo.members import ADDED
from netsuite_connector.sandbox.klaviyo.metrics import metric_id
from netsuite_connector.sandbox.klaviyo.page import render
from netsuite_connector.sandbox.klaviyo.people import profile_from

_CHUNK: Final = 5_000

_METRICS: Final = """
SELECT metrics.seq, metrics.name, count(events.seq) AS events, total(events.value) AS value,
    sum(events.backfill) AS backfilled, min(events.at) AS first, max(events.at) AS last
FROM metrics LEFT JOIN events ON events.metric = metrics.seq GROUP BY metrics.seq ORDER BY metrics.name
"""


_ALERTS: Final = "SELECT count(*) FROM alerts WHERE flow = ?"


def state(account: Account) -> dict[str, Any]:
    """Counts of everything that the account holds. ``idle`` says that no job is left to do."""
    database = account.database
    metrics = [
        {
            "id": metric_id(row["seq"]),
            "name": row["name"],
            "events": row["events"],
            "value": round(row["value"], 6),
            "backfilled": row["backfilled"] or 0,
            "flows_woken": row["events"] - (row["backfilled"] or 0),
            "first": iso(row["first"]),
            "last": iso(row["last"]),
        }
        for row in database.rows(_METRICS)
    ]
    jobs = [
        {
            "id": job_id(row),
            "kind": row["kind"],
            "status": account.jobs.status(row),
            "created_at": iso(row["created"]),
        }
        | {name: row[name] for name in ("total", "done", "failed", "skipped")}
        for row in database.rows("SELECT * FROM jobs ORDER BY seq DESC LIMIT 20")
    ]
    counters = {row["name"]: row["number"] for row in database.rows("SELECT * FROM counters")}
    return {
        "idle": account.jobs.next_due() is None,
        "profiles": database.number("SELECT count(*) FROM profiles"),
        "events": sum(metric["events"] for metric in metrics),
        "events_repeated": counters.get("events repeated", 0),
        "events_dropped": counters.get("events dropped", 0),
        "flows_woken": sum(metric["flows_woken"] for metric in metrics),
        "flows": {
            "added_to_list": counters.get(ADDED, 0),
            **{flow.value: database.number(_ALERTS, (flow.value,)) for flow in CatalogFlow},
        },
        "back_in_stock_waiting": database.number("SELECT count(*) FROM waiting"),
        "feeds": [load(row["report"]) for row in database.rows("SELECT report FROM feeds ORDER BY seq")],
        "deleted": database.number("SELECT count(*) FROM deleted"),
        "metrics": metrics,
        "items": database.number("SELECT count(*) FROM catalog WHERE kind = ?", (ITEM.type,)),
        "variants": database.number("SELECT count(*) FROM catalog WHERE kind = ?", (VARIANT.type,)),
        "categories": database.number("SELECT count(*) FROM catalog WHERE kind = 'catalog-category'"),
        "lists": database.number("SELECT count(*) FROM lists"),
        "consents": database.number("SELECT count(*) FROM consents"),
        "jobs": {
            row["kind"]: row["number"]
            for row in database.rows("SELECT kind, count(*) AS number FROM jobs GROUP BY kind ORDER BY kind")
        },
        "latest_jobs": jobs,
        "requests": account.traffic.as_json(),
        "faults": account.faults.as_json(),
        "faults_struck": dict(account.faults.struck),
        "now": iso(account.clock.now()),
    }


def _profile(row: sqlite3.Row) -> dict[str, Any]:
    profile = profile_from(row)
    return {
        "id": profile.id,
        "email": profile.email,
        "phone_number": profile.phone,
        "external_id": profile.external_id,
        **profile.document,
        "subscriptions": subscriptions(profile),
        "created": iso(profile.created),
        "updated": iso(profile.updated),
    }


def _event(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": event_id(row["seq"]),
        "metric": row["metric_name"],
        "profile_id": profile_id(row["profile"]),
        "email": row["email"],
        "unique_id": row["unique_id"],
        "datetime": iso(row["at"]),
        "value": row["value"],
        "value_currency": row["currency"],
        "backfill": bool(row["backfill"]),
        "properties": load(row["properties"]),
    }


def _catalog(row: sqlite3.Row) -> dict[str, Any]:
    resource = resource_of(row, {}, "")
    more = {} if row["parent"] is None else {"item": row["parent"]}
    if row["kind"] == ITEM.type:
        more["categories"] = load(row["categories"])
    return {"id": resource["id"], **more, **resource["attributes"], **load(row["document"])}


def _alert(row: sqlite3.Row) -> dict[str, Any]:
    return {"at": iso(row["at"]), **alert_of(row)}


def _deleted(row: sqlite3.Row) -> dict[str, Any]:
    return {"id": profile_id(row["seq"]), "at": iso(row["at"])}


def _consent(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "at": iso(row["at"]),
        "profile_id": None if row["profile"] is None else profile_id(row["profile"]),
        "email": row["email"],
        "channel": row["channel"],
        "action": row["action"],
        "list": row["list"],
        "method": row["method"],
        "lifted": load(row["lifted"]),
        "consented_at": row["consented_at"],
        "historical": bool(row["historical"]),
    }


_EVENT_ROWS: Final = """
SELECT events.*, metrics.name AS metric_name, profiles.email FROM events
JOIN metrics ON metrics.seq = events.metric JOIN profiles ON profiles.seq = events.profile
WHERE events.seq > ? ORDER BY events.seq LIMIT ?
"""
_CONSENT_ROWS: Final = """
SELECT consents.*, profiles.email FROM consents LEFT JOIN profiles ON profiles.seq = consents.profile
WHERE consents.seq > ? ORDER BY consents.seq LIMIT ?
"""
_CATALOG_ROWS: Final = """
SELECT *, (SELECT json_group_array(category) FROM shelves WHERE item = catalog.id) AS categories
FROM catalog WHERE kind = '{kind}' AND seq > ? ORDER BY seq LIMIT ?
"""
DUMPS: Final[dict[str, tuple[str, Callable[[sqlite3.Row], dict[str, Any]]]]] = {
    "profiles": ("SELECT * FROM profiles WHERE seq > ? ORDER BY seq LIMIT ?", _profile),
    "events": (_EVENT_ROWS, _event),
    "items": (_CATALOG_ROWS.format(kind=ITEM.type), _catalog),
    "variants": (_CATALOG_ROWS.format(kind=VARIANT.type), _catalog),
    "categories": (_CATALOG_ROWS.format(kind=CATEGORY.type), _catalog),
    "consents": (_CONSENT_ROWS, _consent),
    "alerts": ("SELECT * FROM alerts WHERE seq > ? ORDER BY seq LIMIT ?", _alert),
    "deleted": ("SELECT * FROM deleted WHERE seq > ? ORDER BY seq LIMIT ?", _deleted),
}


class Inspection:
    """The endpoints below ``/sandbox`` that only look, and the page at ``/``."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.routes = [
            Route("/", self._page),
            Route("/sandbox/state", self._state),
            Route("/sandbox/idle", self._idle),
            Route("/sandbox/{table}", self._dump),
        ]

    async def _page(self, _: Request) -> Response:
        content = await self._account.run(self._render)
        policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
        return HTMLResponse(content, headers={"Content-Security-Policy": policy, "Cache-Control": "no-store"})

    def _render(self) -> str:
        latest = {
            name: [shape(row) for row in self._account.database.rows(_latest(statement), (0, 10))]
            for name, (statement, shape) in DUMPS.items()
        }
        return render(state(self._account), latest)

    async def _state(self, _: Request) -> Response:
        return json_answer(await self._account.run(lambda: state(self._account)))

    async def _idle(self, _: Request) -> Response:
        return json_answer({"idle": await self._account.run(lambda: self._account.jobs.next_due() is None)})

    async def _dump(self, request: Request) -> Response:
        if request.path_params["table"] not in DUMPS:
            return json_answer({"error": f"There is {', '.join(DUMPS)}."}, 404)
        statement, shape = DUMPS[request.path_params["table"]]

        async def lines() -> AsyncIterator[bytes]:
            last = 0
            while rows := await self._account.run(
                partial(self._account.database.rows, statement, (last, _CHUNK))
            ):
                last = rows[-1]["seq"]
                yield b"".join(orjson.dumps(shape(row), option=orjson.OPT_APPEND_NEWLINE) for row in rows)

        return StreamingResponse(lines(), media_type="application/x-ndjson")


def _latest(statement: str) -> str:
    """The same query, newest first."""
    return statement.replace("seq LIMIT", "seq DESC LIMIT")
