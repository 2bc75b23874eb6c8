"""What the account's keeper may do over HTTP, under ``/sandbox``: from this machine only, without logging in.

Raw records can be read back page by page, to check an outcome without going through searches; and records,
searches, settings, certificates and faults can be changed, as happens in a real account between two runs.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from netsuite_connector.sandbox.netsuite.account import Account
from netsuite_connector.sandbox.netsuite.engine import AccountError
from netsuite_connector.sandbox.netsuite.faults import Chances, Fault, Plan, Target

_PAGE = 1000
# Setting -> its name inside the account (js/core.js).
_INSIDE = {
    "timezone": "timezone",
    "date_format": "dateFormat",
    "time_format": "timeFormat",
    "units": "units",
    "time_limit": "seconds",
    "output_bytes": "outputBytes",
    "search_seconds": "searchSeconds",
    "column_types": "columnTypes",
    "language": "language",
    "lacking_permissions": "lackingPermissions",
}
_OUTSIDE = ("concurrency", "latency", "web_services_only", "domain", "moved_to")

Handler = Callable[[Request], Awaitable[Any]]


class Keeper:
    """The endpoints of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._engine = account.engine

    @property
    def routes(self) -> list[Route]:
        """All endpoints."""
        record = "/sandbox/records/{type}/{id:int}"
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/sandbox/state", self._state),
            ("GET", "/sandbox/records/{type}", self._dump),
            ("POST", "/sandbox/records/{type}", self._create),
            ("DELETE", "/sandbox/records/{type}", self._empty),
            ("GET", record, self._get),
            ("PATCH", record, self._update),
            ("DELETE", record, self._delete),
            ("POST", f"{record}/merge", self._merge),
            ("POST", "/sandbox/load/{type}", self._load),
            ("POST", "/sandbox/scripts/{id}", self._script),
            ("GET", "/sandbox/log", self._log),
            ("GET", "/sandbox/searches", self._searches),
            ("PUT", "/sandbox/searches/{id}", self._install),
            ("PATCH", "/sandbox/settings", self._settings),
            ("POST", "/sandbox/faults", self._plan),
            ("POST", "/sandbox/faults/random", self._play),
            ("DELETE", "/sandbox/faults", self._clear),
            ("POST", "/sandbox/certificates", self._add_certificate),
            ("DELETE", "/sandbox/certificates/{id}", self._revoke_certificate),
            ("DELETE", "/sandbox/tokens", self._revoke_tokens),
        ]
        return [Route(path, _endpoint(handler), methods=[method]) for method, path, handler in table]

    async def _state(self, _: Request) -> Any:
        return {
            "records": self._engine.admin("state"),
            "user_events": self._engine.admin("userEvents"),
            "faults_struck": self._account.faults.struck,
            **dataclasses.asdict(self._account.traffic),
        }

    async def _dump(self, request: Request) -> Any:
        after, limit = (
            int(request.query_params.get(name, usual)) for name, usual in (("after", 0), ("limit", _PAGE))
        )
        return self._engine.admin(
            "dump", {"type": request.path_params["type"], "after": after, "limit": limit}
        )

    async def _empty(self, request: Request) -> Any:
        self._engine.admin("clear", {"type": request.path_params["type"]})

    async def _get(self, request: Request) -> Any:
        return self._engine.admin("get", _named(request))

    async def _create(self, request: Request) -> Any:
        wish = {"type": request.path_params["type"], "values": await request.json()}
        return self._engine.save("create", wish)

    async def _update(self, request: Request) -> Any:
        inline = request.query_params.get("inline") == "1"
        return self._engine.save(
            "update", {**_named(request), "values": await request.json(), "inline": inline}
        )

    async def _delete(self, request: Request) -> Any:
        self._engine.save("remove", {**_named(request), "moment": request.query_params.get("moment")})

    async def _merge(self, request: Request) -> Any:
        return self._engine.save("merge", {**_named(request), "into": int((await request.json())["into"])})

    async def _script(self, request: Request) -> Any:
        body = await request.body()
        wish = json.loads(body) if body else {}
        return self._engine.save("run", {**wish, "script": request.path_params["id"]})

    async def _log(self, _: Request) -> Any:
        return self._engine.admin("log")

    async def _load(self, request: Request) -> Any:
        self._engine.load(request.path_params["type"], await request.json())

    async def _searches(self, _: Request) -> Any:
        return self._engine.admin("searches")

    async def _install(self, request: Request) -> Any:
        self._engine.admin("install", {**await request.json(), "id": request.path_params["id"]})

    async def _settings(self, request: Request) -> Any:
        changes: dict[str, Any] = await request.json()
        unknown = sorted(changes.keys() - _INSIDE.keys() - set(_OUTSIDE))
        if unknown:
            raise ValueError(f"there is no setting {', '.join(unknown)}")
        self._engine.settings(**{_INSIDE[name]: value for name, value in changes.items() if name in _INSIDE})
        self._account.settings = dataclasses.replace(self._account.settings, **changes)

    async def _plan(self, request: Request) -> Any:
        wish: dict[str, Any] = await request.json()
        fault, target = Fault(wish.pop("fault")), Target(wish.pop("target", Target.RESTLET))
        self._account.faults.plan(Plan(fault=fault, target=target, **wish))

    async def _play(self, request: Request) -> Any:
        wish: dict[str, Any] = await request.json()
        faults = [Fault(each) for each in wish.pop("faults")]
        target = Target(wish.pop("target", Target.RESTLET))
        self._account.faults.play(Chances(faults, target=target, **wish))

    async def _clear(self, _: Request) -> Any:
        self._account.faults.clear()

    async def _add_certificate(self, request: Request) -> Any:
        certificate_id = secrets.token_hex(32)
        body = (await request.body()).decode()
        # As NetSuite's form takes it, a certificate's file; or its key alone.
        pem = body if body.lstrip().startswith("-----BEGIN CERTIFICATE-----") else json.loads(body)["key"]
        self._account.desk.add_certificate(certificate_id, pem)
        return {"certificate_id": certificate_id}

    async def _revoke_certificate(self, request: Request) -> Any:
        self._account.desk.revoke_certificate(request.path_params["id"])

    async def _revoke_tokens(self, _: Request) -> Any:
        self._account.desk.revoke_tokens()


def _named(request: Request) -> dict[str, Any]:
    return {"type": request.path_params["type"], "id": request.path_params["id"]}


def _endpoint(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        if request.client is None or not ipaddress.ip_address(request.client.host).is_loopback:
            return JSONResponse({"error": "this endpoint answers this machine only"}, 403)
        try:
            return JSONResponse(await handler(request))
        except AccountError as error:
            return JSONResponse(
                {"error": str(error), "code": error.code}, 404 if error.code.startswith("RCRD_") else 400
            )
        except (ValueError, TypeError, KeyError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return endpoint
