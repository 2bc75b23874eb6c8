"""The RESTlet and the token endpoint, with NetSuite's rules about logins, routing and concurrency."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from netsuite_connector.sandbox.netsuite import answers
from netsuite_connector.sandbox.netsuite.account import Account
from netsuite_connector.sandbox.netsuite.engine import ScriptAnswer
from netsuite_connector.sandbox.netsuite.faults import Fault, Plan, Target
from netsuite_connector.sandbox.netsuite.gate import (
    LimitReachedError,
    RefusedError,
    bearer,
    check_login,
    slot,
)
from netsuite_connector.sandbox.netsuite.suitecloud import Deployment
from netsuite_connector.sandbox.netsuite.tba import LoginRefusedError, MalformedHeaderError
from netsuite_connector.sandbox.netsuite.tokens import TokenRefusedError

# Spelled exactly so, or refused (online help, section 4619215993).
_CONTENT_TYPES = ("application/json", "application/xml", "text/plain")
_METHODS = ("GET", "POST", "PUT", "DELETE")
_MAX_INPUT = 10 * 1024 * 1024


class RestletEndpoint:
    """``/app/site/hosting/restlet.nl`` as an ASGI application."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call, faults included."""
        request = Request(scope, receive)
        body = await request.body()
        plan = self._account.faults.next(Target.RESTLET, _action(body))
        if plan is not None and plan.fault is Fault.RESET:
            await cut(scope, receive)
            return
        try:
            answer = await self._answer(request, body, plan)
        except RefusedError as refused:
            answer = refused.answer
        if plan is not None and plan.fault is Fault.TRUNCATED:
            await send_half(answer, scope, receive, send)
            return
        if plan is not None and plan.fault is Fault.SLOW_FIRST_BYTE:
            await send_late(answer, send, plan.seconds)
            return
        await answer(scope, receive, send)

    async def _answer(self, request: Request, body: bytes, plan: Plan | None) -> Response:
        fault = None if plan is None else plan.fault
        if fault in (Fault.ERROR_500, Fault.ERROR_503):
            return answers.html(int(fault[-3:]))
        if plan is not None and fault is Fault.SLOW:
            await asyncio.sleep(plan.seconds)
        self._check_host(request)
        self._log_in(request, forced=fault is Fault.LOGIN)
        try:
            async with slot(self._account, taken=fault is Fault.CONCURRENCY):
                began = time.monotonic()
                try:
                    return await self._call(request, body, fault)
                finally:
                    # The place is held for as long as the request lasts.
                    await asyncio.sleep(self._account.settings.latency - (time.monotonic() - began))
        except LimitReachedError:
            raise self._refused(400, "SSS_REQUEST_LIMIT_EXCEEDED", "Request Limit Exceeded!") from None

    async def _call(self, request: Request, body: bytes, fault: Fault | None) -> Response:
        deployment = self._deployment(request)
        content_type, value = _input(request, body)
        if fault is Fault.IN_BODY_ERROR:
            return answers.error(200, "UNEXPECTED_ERROR", "An unexpected error occurred.")
        empty = fault is Fault.EMPTY_SEARCH
        return await self._run(deployment, request.method, value, content_type, empty=empty)

    def _refused(self, status: int, code: str, message: str) -> RefusedError:
        """A refusal in the language of the integration's user."""
        text = answers.say(self._account.settings.language, code, message)
        return RefusedError(answers.error(status, code, text))

    def _check_host(self, request: Request) -> None:
        """Raises RefusedError for a host that is not the account's, or a data centre that is no longer."""
        settings = self._account.settings
        if settings.domain and request.url.hostname != settings.domain:
            raise RefusedError(answers.error(403, "FORBIDDEN", "This domain is not the account's."))
        if settings.moved_to:
            there = f"{settings.moved_to.rstrip('/')}{request.url.path}?{request.url.query}"
            raise RefusedError(Response(status_code=302, headers={"Location": there}))

    def _log_in(self, request: Request, *, forced: bool) -> None:
        """Raises RefusedError for a request that isn't logged in; ``forced``: whatever it brings."""
        name = self._account.credentials.account
        try:
            check_login(self._account, request, "restlets", forced=forced)
        except MalformedHeaderError:
            raise RefusedError(answers.malformed_login(name, bearer=bearer(request))) from None
        except LoginRefusedError:
            raise RefusedError(answers.invalid_login(name, bearer=bearer(request))) from None
        if self._account.settings.web_services_only:
            message = "This role is for web services only."
            raise RefusedError(answers.error(401, "INVALID_LOGIN_CREDENTIALS", message))

    def _deployment(self, request: Request) -> Deployment:
        if request.method not in _METHODS:
            refusal = answers.error(405, "METHOD_NOT_ALLOWED", f"The RESTlet does not take {request.method}.")
            raise RefusedError(refusal)
        query = request.query_params
        deployment = self._account.project.find(query.get("script", ""), query.get("deploy", ""))
        if deployment is None:
            message = "That Suitelet is invalid, disabled, or no longer exists."
            raise self._refused(404, "SSS_INVALID_SCRIPTLET_ID", message)
        return deployment

    async def _run(
        self, deployment: Deployment, method: str, value: Any, content_type: str, *, empty: bool
    ) -> Response:
        traffic = self._account.traffic
        traffic.calls += 1
        action = str(value.get("action")) if isinstance(value, dict) else ""
        traffic.actions[action] = traffic.actions.get(action, 0) + 1

        def run() -> ScriptAnswer:
            return self._account.engine.run(deployment, method.lower(), value, empty_searches=empty)

        answer = await asyncio.to_thread(run)
        if answer.status != 200:
            error = json.loads(answer.body)["error"]
            return answers.error(answer.status, error["code"], error["message"])
        return Response(answer.body, 200, media_type=content_type)


class TokenEndpoint:
    """``/services/rest/auth/oauth2/v1/token`` as an ASGI application."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request for a token."""
        request = Request(scope, receive)
        body = await request.body()
        plan = self._account.faults.next(Target.TOKEN)
        if plan is not None and plan.fault is Fault.RESET:
            await cut(scope, receive)
            return
        if plan is not None and plan.fault is Fault.SLOW:
            await asyncio.sleep(plan.seconds)
        answer = self._answer(request, body, None if plan is None else plan.fault)
        if plan is not None and plan.fault is Fault.TRUNCATED:
            await send_half(answer, scope, receive, send)
            return
        await answer(scope, receive, send)

    def _answer(self, request: Request, body: bytes, fault: Fault | None) -> Response:
        if fault in (Fault.ERROR_500, Fault.ERROR_503):
            return answers.html(int(fault[-3:]))
        try:
            form = _form(request, body)
            if fault is Fault.LOGIN:
                form["client_assertion"] = ""
            token = self._account.desk.issue(form, str(request.url.replace(query="")))
        except TokenRefusedError as refused:
            return JSONResponse({"error": refused.code}, refused.status)
        self._account.traffic.tokens += 1
        return JSONResponse(token, headers={"Cache-Control": "no-store"})


async def cut(scope: Scope, receive: Receive) -> None:
    """Reset a request's connection, so that the caller sees it break."""
    transport: asyncio.Transport = scope["state"]["transport"]
    connection = transport.get_extra_info("socket")
    if connection is not None:
        # Lingering for no time makes the system send a reset instead of an orderly end.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await _gone(receive)


async def send_half(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Send half of an answer that promised to be whole, and end the connection."""
    body = bytes(answer.body)
    await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    transport: asyncio.Transport = scope["state"]["transport"]
    transport.close()
    await _gone(receive)


async def send_late(answer: Response, send: Send, seconds: float) -> None:
    """Send status and headers at once, and the body after a while."""
    await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
    await send({"type": "http.response.body", "body": b"", "more_body": True})
    await asyncio.sleep(seconds)
    await send({"type": "http.response.body", "body": bytes(answer.body)})


async def _gone(receive: Receive) -> None:
    """Wait until the server has noticed that the connection has ended."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip()


def _form(request: Request, body: bytes) -> dict[str, str]:
    """The fields of a form. Raises TokenRefusedError for anything else."""
    if request.method != "POST" or _content_type(request) != "application/x-www-form-urlencoded":
        raise TokenRefusedError("invalid_request", "not a form")
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _input(request: Request, body: bytes) -> tuple[str, Any]:
    """Content type and input of a RESTlet call: the parsed body, or the query of a GET or DELETE.

    Raises RefusedError for what the platform takes no notice of.
    """
    content_type = _content_type(request)
    if request.method in ("GET", "DELETE"):
        if body:
            message = f"A {request.method} request must not have a body."
            raise RefusedError(answers.error(400, "INVALID_REQUEST", message))
        own = {
            name: value for name, value in request.query_params.items() if name not in ("script", "deploy")
        }
        return content_type or "text/plain", own
    if content_type not in _CONTENT_TYPES:
        message = f"Content-Type must be one of {', '.join(_CONTENT_TYPES)}."
        raise RefusedError(answers.error(415, "UNSUPPORTED_MEDIA_TYPE", message))
    if len(body) > _MAX_INPUT:
        message = "The content of a RESTlet request may not exceed 10 MB."
        raise RefusedError(answers.error(400, "SSS_FILE_CONTENT_SIZE_EXCEEDED", message))
    try:
        return content_type, json.loads(body) if content_type == "application/json" else body.decode()
    except ValueError:
        message = "The request body is not what its Content-Type says."
        raise RefusedError(answers.error(400, "INVALID_REQUEST", message)) from None


def _action(body: bytes) -> str | None:
    """The action that a RESTlet call of the connector asks for, if the body is one."""
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return str(value.get("action")) if isinstance(value, dict) else None
