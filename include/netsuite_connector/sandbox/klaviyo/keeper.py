"""The keeper's side: a way to steer the account without keys or limits, and the tokens of OAuth apps."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from netsuite_connector.sandbox.klaviyo.account import Account
from netsuite_connector.sandbox.klaviyo.clock import iso
from netsuite_connector.sandbox.klaviyo.consent import Reason, suppress
from netsuite_connector.sandbox.klaviyo.feed_files import FeedProblemError
from netsuite_connector.sandbox.klaviyo.feeds import Feeds
from netsuite_connector.sandbox.klaviyo.oauth import OAuthError
from netsuite_connector.sandbox.klaviyo.people import Identity, People
from netsuite_connector.sandbox.klaviyo.problems import Refusal
from netsuite_connector.sandbox.klaviyo.subscriptions import confirm

LARGEST_FORM = 10_000  # bytes


def json_answer(document: Any, status: int = 200) -> Response:
    """A JSON answer that a person can read too."""
    return Response(orjson.dumps(document, option=orjson.OPT_INDENT_2), status, media_type="application/json")


def explained(
    endpoint: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint, answering 400 to a wish that can't be read."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            return json_answer({"error": f"The wish can't be read ({type(error).__name__}: {error})."}, 400)
        except (Refusal, FeedProblemError) as error:
            return json_answer({"error": str(error)}, 400)

    return answer


class Keeper:
    """The endpoints below ``/sandbox`` that change the account, and ``/oauth/token``."""

    def __init__(self, account: Account, feeds: Feeds) -> None:
        self._account = account
        self._feeds = feeds
        self.routes = [
            Route("/oauth/token", self._token, methods=["POST"]),
            Route("/sandbox/faults", explained(self._faults), methods=["GET", "POST", "DELETE"]),
            Route("/sandbox/keys", explained(self._keys), methods=["POST"]),
            Route("/sandbox/apps", explained(self._apps), methods=["POST"]),
            Route("/sandbox/clock", explained(self._clock), methods=["POST"]),
            Route("/sandbox/suppressions", explained(self._suppress), methods=["POST"]),
            Route("/sandbox/confirmations", explained(self._confirm), methods=["POST"]),
            Route("/sandbox/feeds", explained(self._register), methods=["GET", "POST", "DELETE"]),
            Route("/sandbox/feeds/poll", explained(self._poll), methods=["POST"]),
            Route("/sandbox/reset", explained(self._reset), methods=["POST"]),
        ]

    async def _token(self, request: Request) -> Response:
        raw = await request.body()
        form = dict(parse_qsl(raw[:LARGEST_FORM].decode("utf-8", "replace")))
        try:
            document = self._account.keys.apps.refresh(request.headers.get("authorization"), form)
        except OAuthError as error:
            return json_answer({"error": error.code, "error_description": str(error)}, error.status)
        answer = json_answer(document)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    async def _faults(self, request: Request) -> Response:
        account = self._account
        if request.method == "DELETE":
            account.faults.clear()
        elif request.method == "POST":
            endpoints = frozenset(endpoint.name for endpoint in account.contract.endpoints.values())
            account.faults.add(await request.json(), endpoints)
        return json_answer({"faults": account.faults.as_json()})

    async def _keys(self, request: Request) -> Response:
        wish = await request.json()
        key = self._account.keys.add(wish.get("scopes"), name=wish.get("name", ""))
        return json_answer(key.as_json(), 201)

    async def _apps(self, request: Request) -> Response:
        app = self._account.keys.apps.add((await request.json())["scopes"])
        basic = b64encode(f"{app.client_id}:{app.client_secret}".encode()).decode()
        return json_answer(app.as_json() | {"authorization": f"Basic {basic}"}, 201)

    async def _clock(self, request: Request) -> Response:
        self._account.clock.skip(float((await request.json())["skip_seconds"]))
        self._account.wake()
        self._feeds.wake()
        return json_answer({"now": iso(self._account.clock.now())})

    async def _suppress(self, request: Request) -> Response:
        wish = await request.json()
        reason = Reason(wish["reason"])
        found = await self._account.run(lambda: self._suppress_one(wish["email"].lower(), reason))
        return json_answer({"found": found}, 200 if found else 404)

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

    async def _confirm(self, request: Request) -> Response:
        email = (await request.json())["email"]
        found = await self._account.run(lambda: confirm(self._account, email))
        return json_answer({"found": found}, 200 if found else 404)

    async def _register(self, request: Request) -> Response:
        if request.method == "POST":
            return json_answer(await self._feeds.register((await request.json())["url"]), 201)
        if request.method == "DELETE":
            await self._feeds.remove()
        return json_answer({"feeds": await self._feeds.reports()})

    async def _poll(self, _: Request) -> Response:
        return json_answer({"feeds": await self._feeds.poll()})

    async def _reset(self, _: Request) -> Response:
        await self._account.run(self._account.reset)
        return json_answer({"idle": True})
