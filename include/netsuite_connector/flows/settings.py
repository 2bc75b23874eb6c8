"""A store's settings as its runs see them."""

from __future__ import annotations

from dataclasses import asdict

from netsuite_connector.netsuite.client import NetSuiteClient
from netsuite_connector.stores.configuration import Configured, Record, configured
from netsuite_connector.stores.model import Store


def settings_of(store: Store, client: NetSuiteClient) -> Configured:
    """The store with what its configuration record in NetSuite adds. Raises MendError for what can't be."""
    return configured(store, [Record(**asdict(record)) for record in client.config()])
