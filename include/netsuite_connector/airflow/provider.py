"""What Airflow learns of this package through its entry point: the connection types *NetSuite* and *Klaviyo*
with their forms.
"""

from __future__ import annotations

from typing import Any


def _text(label: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": ["string", "null"], **schema}}


def _secret(label: str, description: str) -> dict[str, Any]:
    return _text(label, description, format="password")


_NETSUITE_FIELDS = {
    "account": _text(
        "Account ID",
        "As NetSuite shows it under Setup > Company > Company Information, for example 1234567_SB1.",
    ),
    "auth": _text(
        "Authentication",
        "oauth2: client credentials with a certificate. tba: token-based, for accounts that still have it.",
        enum=["oauth2", "tba", None],
    ),
    "client_id": _text("OAuth 2.0: client id", "Consumer key of the integration record."),
    "certificate_id": _text(
        "OAuth 2.0: certificate id", "What the M2M setup page shows for the uploaded certificate."
    ),
    "private_key": _secret(
        "OAuth 2.0: private key", "The certificate's private key, PEM, without a passphrase."
    ),
    "algorithm": _text("OAuth 2.0: algorithm", "Leave empty for the one that fits the key (PS256, ES256 …)."),
    "consumer_key": _secret("Token-based: consumer key", "From the integration record."),
    "consumer_secret": _secret("Token-based: consumer secret", "From the integration record."),
    "token_id": _secret("Token-based: token id", "From the access token."),
    "token_secret": _secret("Token-based: token secret", "From the access token."),
    "suitetalk_url": _text(
        "SuiteTalk URL",
        "Where access tokens are fetched. Leave empty unless Company URLs names another host.",
    ),
    "slots": _text(
        "Concurrency storage",
        "Where calls under way are counted, so that all tasks together keep the store's share of NetSuite's "
        "concurrency: a folder for one machine, redis://… for several. Empty: what "
        "NETSUITE_CONNECTOR_LIMITS says, or a folder in AIRFLOW_HOME.",
    ),
    "script": _text("RESTlet script id", "Leave empty for customscript_nsk_restlet."),
    "deploy": _text("RESTlet deployment id", "Leave empty for customdeploy_nsk_restlet."),
}

_KLAVIYO_FIELDS = {
    "revision": _text(
        "API revision",
        "A date such as 2026-07-15. Empty: this release's own.",
    ),
    "limiter": _text(
        "Limiter storage",
        "Where calls are counted, so that all tasks together keep Klaviyo's limits: a file for one machine, "
        "redis://… for several. Empty: what NETSUITE_CONNECTOR_LIMITS says, or a file in AIRFLOW_HOME.",
    ),
    "limits_scale": {
        "label": "Limits scale",
        "description": "1 for Klaviyo. A sandbox may allow a multiple of Klaviyo's limits.",
        "schema": {"type": ["number", "null"], "exclusiveMinimum": 0},
    },
}


def get_provider_info() -> dict[str, Any]:
    """The provider's description, in the shape that Airflow's providers manager reads."""
    return {
        "package-name": "netsuite-connector",
        "name": "NetSuite Connector",
        "description": "NetSuite saved searches to Klaviyo, with every row accounted for.",
        "connection-types": [
            {
                "connection-type": "netsuite",
                "hook-name": "NetSuite",
                "hook-class-name": "netsuite_connector.airflow.netsuite_hook.NetSuiteHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "login", "password", "port"],
                    "relabeling": {"host": "RESTlet URL"},
                    "placeholders": {"host": "empty: worked out from the account id"},
                },
                "conn-fields": _NETSUITE_FIELDS,
            },
            {
                "connection-type": "klaviyo",
                "hook-name": "Klaviyo",
                "hook-class-name": "netsuite_connector.airflow.klaviyo_hook.KlaviyoHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "login", "port"],
                    "relabeling": {"host": "API URL", "password": "Private API key"},
                    "placeholders": {"host": "https://a.klaviyo.com", "password": "pk_…"},
                },
                "conn-fields": _KLAVIYO_FIELDS,
            },
        ],
    }
