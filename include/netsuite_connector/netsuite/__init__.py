"""Talks to NetSuite: authentication, calls of our own RESTlet, pages and cursors. Knows nothing of Klaviyo or
Airflow.
"""

from __future__ import annotations

from netsuite_connector.column_type import ColumnType
from netsuite_connector.netsuite.account import Account
from netsuite_connector.netsuite.auth import OAuth2ClientCredentials, token_based
from netsuite_connector.netsuite.client import NetSuiteClient
from netsuite_connector.netsuite.custom_records import Outbox, OutboxEntry, OutboxEvent, WebsiteConfig
from netsuite_connector.netsuite.errors import (
    NetSuiteColumnError,
    NetSuiteError,
    NetSuiteFaultError,
    NetSuiteLimitError,
    NetSuiteLoginError,
    NetSuiteMendError,
    NetSuitePermissionError,
    NetSuiteRequestError,
    NetSuiteScriptError,
    NetSuiteSearchError,
    NetSuiteSettingError,
    NetSuiteTokenError,
)
from netsuite_connector.netsuite.info import AccountInfo, Bounds, Column, SearchInfo, SearchTitle
from netsuite_connector.netsuite.page import Page
from netsuite_connector.netsuite.slots import Slots, open_slots

__all__ = [
    "Account",
    "AccountInfo",
    "Bounds",
    "Column",
    "ColumnType",
    "NetSuiteClient",
    "NetSuiteColumnError",
    "NetSuiteError",
    "NetSuiteFaultError",
    "NetSuiteLimitError",
    "NetSuiteLoginError",
    "NetSuiteMendError",
    "NetSuitePermissionError",
    "NetSuiteRequestError",
    "NetSuiteScriptError",
    "NetSuiteSearchError",
    "NetSuiteSettingError",
    "NetSuiteTokenError",
    "OAuth2ClientCredentials",
    "Outbox",
    "OutboxEntry",
    "OutboxEvent",
    "Page",
    "SearchInfo",
    "SearchTitle",
    "Slots",
    "WebsiteConfig",
    "open_slots",
    "token_based",
]
