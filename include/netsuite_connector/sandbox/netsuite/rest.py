"""SuiteQL over REST web services: ``POST /services/rest/query/v1/suiteql``.

Rules from NetSuite's online help, sections 157909186990, 158394344595 and 156414087576.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from netsuite_connector.sandbox.netsuite import answers
from netsuite_connector.sandbox.netsuite.account import Account
from netsuite_connector.sandbox.netsuite.gate import LimitReachedError, RefusedError, check_login, slot
from netsuite_connector.sandbox.netsuite.suiteql import Found, QueryRefusedError
from netsuite_connector.sandbox.netsuite.tba import LoginRefusedError, MalformedHeaderError

MAX_LIMIT = 1000
_INVALID_PARAMETER = "INVALID_PARAMETER"


class SuiteQLEndpoint:
    """SuiteQL as an ASGI application."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one query."""
        request = Request(scope, receive)
        body = await request.body()
        try:
            answer = await self._answer(request, body)
        except RefusedError as refused:
            answer = refused.answer
        await answer(scope, receive, send)

    async def _answer(self, request: Request, body: bytes) -> Response:
        try:
            check_login(self._account, request, "rest_webservices")
        except (LoginRefusedError, MalformedHeaderError):
            raise _refused(401, "INVALID_LOGIN", "Invalid login attempt.") from None
        try:
            async with slot(self._account):
                limit, offset, query = _asked(request, body)
                hidden = await asyncio.to_thread(self._account.engine.admin, "hidden")
                found = await asyncio.to_thread(self._account.suiteql.run, query, limit, offset, hidden)
        except LimitReachedError:
            message = "Concurrent request limit exceeded. Request blocked."
            raise _refused(429, "CONCURRENCY_LIMIT_EXCEEDED", message) from None
        except QueryRefusedError as error:
            raise _refused(400, _INVALID_PARAMETER, str(error)) from None
        return JSONResponse(_body(request, found, limit, offset))


def _refused(status: int, code: str, detail: str, **where: str) -> RefusedError:
    return RefusedError(answers.rest_error(status, code, detail, **where))


def _asked(request: Request, body: bytes) -> tuple[int, int, str]:
    """Limit, offset and query of a request. Raises RefusedError."""
    if request.method != "POST":
        raise _refused(405, "METHOD_NOT_ALLOWED", f"SuiteQL does not take {request.method}.")
    if "transient" not in request.headers.get("prefer", ""):
        message = "The header Prefer must be transient."
        raise _refused(400, "INVALID_HEADER", message, header="Prefer")
    limit, offset = _whole(request, "limit", MAX_LIMIT), _whole(request, "offset", 0)
    if not 1 <= limit <= MAX_LIMIT:
        raise _refused(400, _INVALID_PARAMETER, f"limit must be from 1 to {MAX_LIMIT}.", queryParam="limit")
    if offset % limit != 0:
        message = "offset must be a multiple of limit."
        raise _refused(400, _INVALID_PARAMETER, message, queryParam="offset")
    try:
        query = json.loads(body)["q"]
    except (ValueError, KeyError, TypeError):
        query = None
    if not isinstance(query, str) or not query.strip():
        raise _refused(
            400, "INVALID_CONTENT", 'The body must be a JSON object such as {"q": "SELECT id FROM customer"}.'
        )
    return limit, offset, query


def _whole(request: Request, name: str, usual: int) -> int:
    text = request.query_params.get(name, str(usual))
    if not text.isdecimal():
        raise _refused(400, _INVALID_PARAMETER, f"{name} must be a whole number.", queryParam=name)
    return int(text)


def _body(request: Request, found: Found, limit: int, offset: int) -> dict[str, Any]:
    last = max(0, (found.total - 1) // limit * limit)
    more = offset + limit < found.total

    def link(rel: str, start: int) -> dict[str, str]:
        return {"rel": rel, "href": str(request.url.replace(query=f"limit={limit}&offset={start}"))}

    links = [link("next", offset + limit), link("last", last)] if more else []
    if offset > 0:
        links += [link("first", 0), link("previous", max(0, offset - limit))]
    return {
        "links": [*links, link("self", offset)],
        "count": len(found.rows),
        "hasMore": more,
        "items": [{"links": [], **row} for row in found.rows],
        "offset": offset,
        "totalResults": found.total,
    }
