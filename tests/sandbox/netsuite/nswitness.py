"""The PyPI client `netsuite` at work; run by the interpreter of .witness, which is not the tests' own.

Reads one JSON object from standard input (account, the four parts of a token, addresses), calls the RESTlet
and SuiteQL, and prints what it got as JSON: an answer, or ``[status]`` of a refusal.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable
from typing import Any

from netsuite.config import Config, TokenAuth
from netsuite.exceptions import NetsuiteAPIRequestError
from netsuite.rest_api import NetSuiteRestApi
from netsuite.restlet import NetSuiteRestlet


async def outcome(call: Awaitable[Any]) -> Any:
    try:
        return await call
    except NetsuiteAPIRequestError as error:
        return [error.status_code]


async def main() -> None:
    given = json.load(sys.stdin)
    names = ("consumer_key", "consumer_secret", "token_id", "token_secret")
    config = Config(account=given["account"], auth=TokenAuth(**{name: given[name] for name in names}))
    restlet, rest = NetSuiteRestlet(config), NetSuiteRestApi(config)
    page = {"action": "page", "search": "customsearch_nsk_customers", "limit": 7}
    answers = {
        "about": await outcome(restlet.post(1001, url=given["restlet"], json={"action": "about"})),
        "page": await outcome(restlet.post(1001, url=given["restlet"], json=page)),
        "suiteql": await outcome(
            rest.suiteql("SELECT id FROM customer ORDER BY id", 5, 5, url=given["suiteql"])
        ),
    }
    print(json.dumps(answers))


asyncio.run(main())
