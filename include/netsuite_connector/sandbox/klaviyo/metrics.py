"""Metrics, lists and the account itself: the small endpoints."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from netsuite_connector.sandbox.klaviyo.account import ACCOUNT_ID, Account, Answer, Call, Handler
from netsuite_connector.sandbox.klaviyo.clock import iso
from netsuite_connector.sandbox.klaviyo.identifiers import decode, encode
from netsuite_connector.sandbox.klaviyo.problems import Refusal, invalid, not_found
from netsuite_connector.sandbox.klaviyo.query import Filterable, moment, page, sparse, where

_SAME: Final = frozenset({"equals", "any"})
LIST_FILTERS: Final = {
    "name": Filterable("name", _SAME),
    "id": Filterable("seq", _SAME, lambda identifier: decode("L", identifier) or 0),
    "created": Filterable("created", frozenset({"greater-than"}), moment),
    "updated": Filterable("created", frozenset({"greater-than"}), moment),
}


def metric_id(seq: int) -> str:
    """The id of a metric that callers see."""
    return encode("MTR", seq, 6)


def list_id(seq: int) -> str:
    """The id of a list that callers see."""
    return encode("L", seq, 6)


def metric_resource(row: sqlite3.Row, call: Call) -> dict[str, Any]:
    """A metric as callers see it. All metrics of the sandbox come from the API."""
    identifier = metric_id(row["seq"])
    resource = {
        "type": "metric",
        "id": identifier,
        "attributes": {
            "name": row["name"],
            "created": iso(row["created"]),
            "updated": iso(row["created"]),
            "integration": {
                "object": "integration",
                "id": "0rG4eQ",
                "key": "api",
                "name": "API",
                "category": "API",
            },
        },
        "links": {"self": f"{call.base}/api/metrics/{identifier}"},
    }
    return sparse(resource, call.query)


def _list_metrics(account: Account, call: Call) -> Answer:
    source = "SELECT * FROM metrics"
    same = frozenset({"equals"})
    fields = {
        "integration.name": Filterable("'API'", same),
        "integration.category": Filterable("'API'", same),
    }
    found = page(
        account.database,
        source,
        where(call.query.get("filter"), fields),
        call,
    )
    return Answer(200, {"data": [metric_resource(row, call) for row in found.rows], "links": found.links})


def _get_metric(account: Account, call: Call) -> Answer:
    row = account.database.row("SELECT * FROM metrics WHERE seq = ?", (decode("MTR", call.id),))
    if row is None:
        raise Refusal(not_found("metric", call.id))
    return Answer(200, {"data": metric_resource(row, call)})


def _list_resource(row: sqlite3.Row, call: Call) -> dict[str, Any]:
    identifier = list_id(row["seq"])
    resource = {
        "type": "list",
        "id": identifier,
        "attributes": {
            "name": row["name"],
            "created": iso(row["created"]),
            "updated": iso(row["created"]),
            "opt_in_process": row["opt_in"],
        },
        "links": {"self": f"{call.base}/api/lists/{identifier}"},
    }
    return sparse(resource, call.query)


def _list_lists(account: Account, call: Call) -> Answer:
    sort = call.query.get("sort", "id")
    column = {"id": "seq", "updated": "created"}.get(sort.removeprefix("-"), sort.removeprefix("-"))
    found = page(
        account.database,
        "SELECT * FROM lists",
        where(call.query.get("filter"), LIST_FILTERS),
        call,
        sort=f"-{column}" if sort.startswith("-") else column,
    )
    return Answer(200, {"data": [_list_resource(row, call) for row in found.rows], "links": found.links})


def _get_list(account: Account, call: Call) -> Answer:
    return Answer(200, {"data": _list_resource(_existing_list(account, call.id), call)})


def _create_list(account: Account, call: Call) -> Answer:
    attributes = call.body["data"]["attributes"]
    if not attributes["name"].strip():
        raise Refusal(invalid("A list needs a name.", "/data/attributes/name"))
    # Klaviyo's own default for new accounts.
    opt_in = attributes.get("opt_in_process") or "double_opt_in"
    seq = account.database.insert(
        "INSERT INTO lists (name, opt_in, created) VALUES (?,?,?)",
        (attributes["name"], opt_in, account.clock.now()),
    )
    return Answer(201, {"data": _list_resource(_existing_list(account, list_id(seq)), call)})


def _existing_list(account: Account, identifier: str) -> sqlite3.Row:
    row = account.database.row("SELECT * FROM lists WHERE seq = ?", (decode("L", identifier),))
    if row is None:
        raise Refusal(not_found("list", identifier))
    return row


def _account_resource(call: Call) -> dict[str, Any]:
    resource = {
        "type": "account",
        "id": ACCOUNT_ID,
        "attributes": {
            "test_account": True,
            "contact_information": {
                "default_sender_name": "Sandbox",
                "default_sender_email": "sandbox@example.com",
                "website_url": "https://shop.example.com",
                "organization_name": "Sandbox account",
                "street_address": {
                    "address1": None,
                    "address2": None,
                    "city": None,
                    "region": None,
                    "country": None,
                    "zip": None,
                },
            },
            "industry": None,
            "timezone": "UTC",
            "preferred_currency": "USD",
            "public_api_key": ACCOUNT_ID,
            "locale": "en-US",
        },
        "links": {"self": f"{call.base}/api/accounts/{ACCOUNT_ID}"},
    }
    return sparse(resource, call.query)


def _list_accounts(_: Account, call: Call) -> Answer:
    return Answer(200, {"data": [_account_resource(call)], "links": {"self": call.address}})


def _get_account(_: Account, call: Call) -> Answer:
    if call.id != ACCOUNT_ID:
        raise Refusal(not_found("account", call.id))
    return Answer(200, {"data": _account_resource(call)})


HANDLERS: Final[dict[str, Handler]] = {
    "get_accounts": _list_accounts,
    "get_account": _get_account,
    "get_metrics": _list_metrics,
    "get_metric": _get_metric,
    "get_lists": _list_lists,
    "get_list": _get_list,
    "create_list": _create_list,
}
