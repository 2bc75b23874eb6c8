"""Metrics, and the account itself."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from netsuite_connector.sandbox.klaviyo.account import Account, Answer, Call, Handler
from netsuite_connector.sandbox.klaviyo.clock import iso
from netsuite_connector.sandbox.klaviyo.identifiers import decode, encode
from netsuite_connector.sandbox.klaviyo.problems import Refusal, not_found
from netsuite_connector.sandbox.klaviyo.query import Filterable, page, sparse, where

API: Final = "API"
KLAVIYO: Final = "Klaviyo"
INTEGRATIONS: Final = {
    API: {"id": "0rG4eQ", "key": "api", "name": API, "category": API},
    KLAVIYO: {"id": "7FtS4J", "key": "klaviyo", "name": KLAVIYO, "category": "Internal"},
}


def metric_id(seq: int) -> str:
    """The id of a metric that callers see."""
    return encode("MTR", seq, 6)


def metric_resource(row: sqlite3.Row, call: Call) -> dict[str, Any]:
    """A metric as callers see it: of what came through the API, or of what Klaviyo itself records."""
    integration = INTEGRATIONS[row["integration"]]
    identifier = metric_id(row["seq"])
    resource = {
        "type": "metric",
        "id": identifier,
        "attributes": {
            "name": row["name"],
            "created": iso(row["created"]),
            "updated": iso(row["created"]),
            "integration": {"object": "integration", **integration},
        },
        "links": {"self": f"{call.base}/api/metrics/{identifier}"},
    }
    return sparse(resource, call.query)


def _list_metrics(account: Account, call: Call) -> Answer:
    category = "iif(integration = 'Klaviyo', 'Internal', integration)"
    fields = {"integration.name": Filterable("integration"), "integration.category": Filterable(category)}
    found = page(account.database, "SELECT * FROM metrics", where(call, fields), call)
    return Answer(200, {"data": [metric_resource(row, call) for row in found.rows], "links": found.links})


def _get_metric(account: Account, call: Call) -> Answer:
    row = account.database.row("SELECT * FROM metrics WHERE seq = ?", (decode("MTR", call.id),))
    if row is None:
        raise Refusal(not_found("metric", call.id))
    return Answer(200, {"data": metric_resource(row, call)})


def _account_resource(account: Account, call: Call) -> dict[str, Any]:
    settings = account.settings
    resource = {
        "type": "account",
        "id": settings.account_id,
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
            "timezone": settings.timezone,
            "preferred_currency": settings.currency,
            "public_api_key": settings.account_id,
            "locale": "en-US",
        },
        "links": {"self": f"{call.base}/api/accounts/{settings.account_id}"},
    }
    return sparse(resource, call.query)


def _list_accounts(account: Account, call: Call) -> Answer:
    return Answer(200, {"data": [_account_resource(account, call)], "links": {"self": call.address}})


def _get_account(account: Account, call: Call) -> Answer:
    if call.id != account.settings.account_id:
        raise Refusal(not_found("account", call.id))
    return Answer(200, {"data": _account_resource(account, call)})


HANDLERS: Final[dict[str, Handler]] = {
    "get_accounts": _list_accounts,
    "get_account": _get_account,
    "get_metrics": _list_metrics,
    "get_metric": _get_metric,
}
