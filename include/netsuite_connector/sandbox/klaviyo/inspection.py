"""A way to look into the account and to steer it, without keys or limits: what a test reads, and the page
that people see.
"""

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
from netsuite_connector.sandbox.klaviyo.catalog import ITEM, VARIANT, resource_of
from netsuite_connector.sandbox.klaviyo.clock import iso
from netsuite_connector.sandbox.klaviyo.consent import Reason, subscriptions, suppress
from netsuite_connector.sandbox.klaviyo.database import load
from netsuite_connector.sandbox.klaviyo.events import event_id
from netsuite_connector.sandbox.klaviyo.identifiers import profile_id
from netsuite_connector.sandbox.klaviyo.jobs import job_id
from netsuite_connector.sandbox.klaviyo.metrics import metric_id
from netsuite_connector.sandbox.klaviyo.page import render
from netsuite_connector.sandbox.klaviyo.people import Identity, People, profile_from
from netsuite_connector.sandbox.klaviyo.problems import Refusal

_CHUNK: Final = 5_000

_METRICS: Final = """
SELECT metrics.seq, metrics.name, count(events.seq) AS events, total(events.value) AS value,
    sum(events.backfill) AS backfilled, min(events.at) AS first, max(events.at) AS last
FROM metrics LEFT JOIN events ON events.metric = metrics.seq GROUP BY metrics.seq ORDER BY metrics.name
"""


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
    parent = {} if row["parent"] is None else {"item": row["parent"]}
    return {"id": resource["id"], **parent, **resource["attributes"]}


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
_CATALOG_ROWS: Final = "SELECT * FROM catalog WHERE kind = '{kind}' AND seq > ? ORDER BY seq LIMIT ?"
DUMPS: Final[dict[str, tuple[str, Callable[[sqlite3.Row], dict[str, Any]]]]] = {
    "profiles": ("SELECT * FROM profiles WHERE seq > ? ORDER BY seq LIMIT ?", _profile),
    "events": (_EVENT_ROWS, _event),
    "items": (_CATALOG_ROWS.format(kind=ITEM.type), _catalog),
    "variants": (_CATALOG_ROWS.format(kind=VARIANT.type), _catalog),
    "consents": (_CONSENT_ROWS, _consent),
}


class Inspection:
    """The endpoints below ``/sandbox``, and the page at ``/``."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.routes = [
            Route("/", self._page),
            Route("/sandbox/state", self._state),
            Route("/sandbox/idle", self._idle),
            Route("/sandbox/faults", self._faults, methods=["GET", "POST", "DELETE"]),
            Route("/sandbox/keys", self._keys, methods=["POST"]),
            Route("/sandbox/clock", self._clock, methods=["POST"]),
            Route("/sandbox/suppressions", self._suppress, methods=["POST"]),
            Route("/sandbox/reset", self._reset, methods=["POST"]),
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
        return _json(await self._account.run(lambda: state(self._account)))

    async def _idle(self, _: Request) -> Response:
        return _json({"idle": await self._account.run(lambda: self._account.jobs.next_due() is None)})

    async def _dump(self, request: Request) -> Response:
        if request.path_params["table"] not in DUMPS:
            return _json({"error": f"There is {', '.join(DUMPS)}."}, 404)
        statement, shape = DUMPS[request.path_params["table"]]

        async def lines() -> AsyncIterator[bytes]:
            last = 0
            while rows := await self._account.run(
                partial(self._account.database.rows, statement, (last, _CHUNK))
            ):
                last = rows[-1]["seq"]
                yield b"".join(orjson.dumps(shape(row), option=orjson.OPT_APPEND_NEWLINE) for row in rows)

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    async def _faults(self, request: Request) -> Response:
        account = self._account
        if request.method == "DELETE":
            account.faults.clear()
        elif request.method == "POST":
            try:
                endpoints = frozenset(endpoint.name for endpoint in account.contract.endpoints.values())
                account.faults.add(await request.json(), endpoints)
            except Refusal as refusal:
                return _json({"error": str(refusal)}, 400)
        return _json({"faults": account.faults.as_json()})

    async def _keys(self, request: Request) -> Response:
        wish = await request.json()
        key = self._account.keys.add(wish.get("scopes"), name=wish.get("name", ""))
        return _json(key.as_json(), 201)

    async def _clock(self, request: Request) -> Response:
        self._account.clock.skip(float((await request.json())["skip_seconds"]))
        self._account.wake()
        return _json({"now": iso(self._account.clock.now())})

    async def _suppress(self, request: Request) -> Response:
        wish = await request.json()
        reason = Reason(wish["reason"])
        found = await self._account.run(lambda: self._suppress_one(wish["email"].lower(), reason))
        return _json({"found": found}, 200 if found else 404)

    def _suppress_one(self, email: str, reason: Reason) -> bool:
        account = self._account
        people = People(account.database, account.clock.now())
        identity = Identity(None, email, None, None)
        people.load([identity])
        profile = people.find(identity)
        if profile is None:
            return False
        with account.database.transaction():
            suppress(account.database, profile, reason, people.now, "person")
            people.touch(profile)
            people.save()
        return True

    async def _reset(self, _: Request) -> Response:
        await self._account.run(self._account.reset)
        return _json({"idle": True})


def _latest(statement: str) -> str:
    """The same query, newest first."""
    return statement.replace("seq LIMIT", "seq DESC LIMIT")


def _json(document: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(document, option=orjson.OPT_INDENT_2), status, media_type="application/json")
