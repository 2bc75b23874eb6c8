"""The way of a request into the API: route, key, revision, limit, faults, body, schema, and only then the
endpoint.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from netsuite_connector.sandbox.klaviyo.account import Account, Answer, Call, Handler
from netsuite_connector.sandbox.klaviyo.contract import Endpoint
from netsuite_connector.sandbox.klaviyo.faults import AFTER_COMMIT, Fault, Plan, throttled
from netsuite_connector.sandbox.klaviyo.problems import Problem, Refusal, invalid
from netsuite_connector.sandbox.klaviyo.revisions import OPT_OUT, resolve

LARGEST_BODY: Final = 5_000_000  # bytes; "5MB"
MEDIA_TYPES: Final = ("application/vnd.api+json", "application/json")
JSON_API: Final = "application/vnd.api+json"

# A caller that waits for an answer that never comes gives up long before this many seconds.
LONGEST_SILENCE: Final = 600.0

_FORBIDDEN_PAGE: Final = (
    "<!DOCTYPE html><html><head><title>Attention Required!</title></head>"
    "<body><h1>Sorry, you have been blocked</h1></body></html>"
)
_GATEWAY_PAGE: Final = (
    "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)
_ERRORS: Final = {Fault.ERROR_500: 500, Fault.ERROR_502: 502, Fault.ERROR_503: 503, Fault.ERROR_504: 504}


class CutConnection(Exception):  # noqa: N818 - a way to end a request, not a failure
    """The connection is to be cut without an answer."""


class Gateway:
    """The ASGI application below ``/api``."""

    def __init__(self, account: Account, handlers: Mapping[str, Handler]) -> None:
        self._account = account
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or cuts its connection."""
        request = Request(scope, receive)
        identifier = secrets.token_hex(16)
        name = f"{request.method} elsewhere"
        try:
            endpoint, resource_id = self._account.contract.find(request.method, _raw_path(scope))
            name = endpoint.name
            response = await self._answer(request, endpoint, resource_id, identifier)
        except Refusal as refusal:
            response = _refuse(refusal, identifier)
        except (CutConnection, ClientDisconnect):
            self._account.traffic.note(name, 0)
            cut(scope)
            return
        response.headers["X-Klaviyo-Req-Id"] = identifier
        self._account.traffic.note(name, response.status_code)
        await response(scope, receive, send)

    async def _answer(
        self, request: Request, endpoint: Endpoint, resource_id: str, identifier: str
    ) -> Response:
        account = self._account
        caller = account.keys.authorise(request.headers.get("authorization"), endpoint.scopes)
        revision = resolve(
            request.headers.get("revision"),
            now=account.clock.now(),
            opted_out=request.headers.get(OPT_OUT) == "1",
        )
        query = parse_qsl(request.url.query, keep_blank_values=True)
        verdict = account.limits.admit(endpoint, caller=caller, query=query)
        if not verdict.allowed:
            raise throttled(verdict.wait)
        plan = account.faults.take(endpoint.name)
        if plan and plan.fault not in AFTER_COMMIT:
            await _read(request)
            if plan.fault is Fault.TIMEOUT:
                await _stay_silent(request)
                raise CutConnection
            response = _fail(plan, identifier)
        else:
            try:
                answer = await self._handle(request, endpoint, resource_id, query, revision.name)
                response = _respond(answer)
            except Refusal as refusal:
                response = _refuse(refusal, identifier)
        if plan and plan.fault in AFTER_COMMIT:
            if plan.fault is Fault.TIMEOUT_AFTER_COMMIT:
                await _stay_silent(request)
            raise CutConnection
        if response.status_code != 429:
            response.headers.update({**verdict.headers, **revision.headers})
        return response

    async def _handle(
        self,
        request: Request,
        endpoint: Endpoint,
        resource_id: str,
        sent: list[tuple[str, str]],
        revision: str,
    ) -> Answer:
        account = self._account
        raw = await _read(request)
        query = endpoint.check_parameters(sent)
        handler = self._handlers[endpoint.operation]
        base = str(request.base_url).rstrip("/")
        call = partial(
            Call,
            endpoint,
            resource_id,
            query,
            raw=raw,
            revision=revision,
            base=base,
            address=f"{base}{request.url.path}",
        )
        if endpoint.method == "GET":
            return await account.run(lambda: handler(account, call(body=None)))
        if endpoint.body is not None:
            _check_media_type(request)

        def change() -> Answer:
            body = _parse(raw) if endpoint.body is not None else None
            endpoint.check_body(body)
            with account.database.transaction():
                return handler(account, call(body=body))

        answer = await account.run(change)
        account.wake()
        return answer


def cut(scope: Scope) -> None:
    """Resets the connection of a request, so that the caller sees it break."""
    transport: asyncio.Transport = scope["state"]["transport"]
    connection = transport.get_extra_info("socket")
    if connection is not None:
        # A caller that lost patience has cut it already.
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _raw_path(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("ascii", "replace").partition("?")[0]


async def _read(request: Request) -> bytes:
    """The whole body; a Refusal with 413 when it is too large, once it has been read to its end."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size <= LARGEST_BODY:
            parts.append(part)
    if size > LARGEST_BODY:
        detail = f"The request has {size:,} bytes; at most {LARGEST_BODY:,} are allowed."
        raise Refusal(Problem(413, "payload_too_large", "Payload too large.", detail))
    return b"".join(parts)


def _check_media_type(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        detail = f"The content type must be {' or '.join(MEDIA_TYPES)}."
        raise Refusal(Problem(415, "unsupported_media_type", "Unsupported media type.", detail))


def _parse(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Refusal(invalid("The body is not valid JSON.", "/data")) from None


def _respond(answer: Answer) -> Response:
    content = b"" if answer.document is None else orjson.dumps(answer.document)
    response = Response(content, answer.status, dict(answer.headers))
    if answer.document is not None:
        response.headers["Content-Type"] = JSON_API
    return response


def _refuse(refusal: Refusal, identifier: str) -> Response:
    errors = [problem.as_json(identifier) for problem in refusal.problems]
    return Response(orjson.dumps({"errors": errors}), refusal.status, refusal.headers, JSON_API)


def _fail(plan: Plan, identifier: str) -> Response:
    """The answer of a planned fault that keeps the request from having any effect."""
    match plan.fault:
        case Fault.HTML_403:
            return Response(_FORBIDDEN_PAGE, 403, media_type="text/html")
        case Fault.HTML_502:
            return Response(_GATEWAY_PAGE, 502, media_type="text/html")
        case Fault.THROTTLE:
            return _refuse(throttled(plan.retry_after or 0), identifier)
        case Fault.RESET:
            raise CutConnection
    status = _ERRORS[plan.fault]
    problem = Problem(status, "error", "Server error.", "Something went wrong on our side. Please try again.")
    headers = {} if plan.retry_after is None else {"Retry-After": str(plan.retry_after)}
    return _refuse(Refusal(problem, headers=headers), identifier)


async def _stay_silent(request: Request) -> None:
    """Waits until the caller hangs up."""
    with suppress(TimeoutError):
        # The body has been read, so all that can still come is the caller's hanging up.
        await asyncio.wait_for(request.receive(), LONGEST_SILENCE)
