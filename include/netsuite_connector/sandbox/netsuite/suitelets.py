"""Suitelets, for a person at this machine: they run as the account's administrator, without a login."""

from __future__ import annotations

import asyncio
import html
import ipaddress
import json
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from netsuite_connector.sandbox.netsuite.account import Account
from netsuite_connector.sandbox.netsuite.engine import SuiteletCall
from netsuite_connector.sandbox.netsuite.suitecloud import Kind


class SuiteletEndpoint:
    """``/app/site/hosting/scriptlet.nl`` as an ASGI application."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        await (await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.client is None or not ipaddress.ip_address(request.client.host).is_loopback:
            return _notice(403, "Suitelets of this account answer this machine only.")
        query = dict(request.query_params)
        deployment = self._account.project.find(
            query.get("script", ""), query.get("deploy", ""), Kind.SUITELET
        )
        if deployment is None:
            return _notice(404, "That Suitelet is invalid, disabled, or no longer exists.")
        body = (await request.body()).decode("utf-8", "replace")
        form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        call = SuiteletCall(
            method=request.method,
            parameters={**query, **dict(parse_qsl(body, keep_blank_values=True) if form else ())},
            body="" if form else body,
            headers=dict(request.headers),
            url=str(request.url),
        )
        answer = await asyncio.to_thread(self._account.engine.suitelet, deployment, call)
        if answer.status != 200:
            error = json.loads(answer.body)["error"]
            return _notice(answer.status, f"{error['code']}: {error['message']}")
        return Response(answer.body, 200, answer.headers)


def _notice(status: int, text: str) -> Response:
    """The page that a person gets in place of a Suitelet's own."""
    return HTMLResponse(
        f"<html><head><title>Notice</title></head><body><h1>Notice</h1><p>{html.escape(text)}</p></body></html>",
        status,
    )
