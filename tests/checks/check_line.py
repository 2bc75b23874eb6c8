"""Checks of a store between two sandbox accounts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import requests

from netsuite_connector.checks.finding import Finding, Verdict
from netsuite_connector.checks.store import check_store
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.limiter import Limiter, ProcessWindows
from netsuite_connector.netsuite import NetSuiteClient, OAuth2ClientCredentials
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.stores.load import load_stores
from netsuite_connector.stores.model import Store


@dataclass
class Findings:
    """The findings of a check, by step."""

    all: Sequence[Finding]

    def __getitem__(self, step: str) -> Finding:
        (found,) = (each for each in self.all if each.step == step)
        return found

    def steps(self, *verdicts: Verdict) -> list[str]:
        return [each.step for each in self.all if each.verdict in verdicts]

    @property
    def wrong(self) -> list[str]:
        return self.steps(Verdict.WRONG)


@dataclass
class Line:
    """A store between two sandbox accounts; what tests change of it is theirs."""

    netsuite: NetSuite
    klaviyo: Klaviyo
    store: Store = field(default_factory=lambda: load_stores()[0])
    deploy: str = "customdeploy_nsk_restlet"
    certificate: str | None = None
    key: str | None = None
    revision: str = "2026-07-15"

    def but(self, **changes: Any) -> Line:
        return replace(self, **changes)

    def with_store(self, **settings: Any) -> Line:
        """With other settings in the store's YAML; ``flows`` and the like are replaced as a whole."""
        document = self.store.model_dump(mode="json", exclude_unset=True)
        return self.but(store=Store.model_validate(document | settings))

    def netsuite_client(self) -> NetSuiteClient:
        session = requests.Session()
        credentials = self.netsuite.credentials
        auth = OAuth2ClientCredentials(
            session=session,
            token_url=self.netsuite.token_url,
            client_id=credentials.client_id,
            certificate_id=self.certificate or credentials.certificate_id,
            private_key=credentials.private_key,
        )
        return NetSuiteClient(
            session, self.netsuite.restlet_url, auth, deploy=self.deploy, sleep=lambda _: None
        )

    def klaviyo_client(self) -> KlaviyoClient:
        return KlaviyoClient(
            requests.Session(),
            base_url=self.klaviyo.url,
            api_key=self.key or self.klaviyo.key,
            revision=self.revision,
            limiter=Limiter(ProcessWindows(), account="check", scale=1000),
            backoff=0.01,
        )

    def check(self) -> Findings:
        return Findings(list(check_store(self.store, self.netsuite_client, self.klaviyo_client)))

    @contextmanager
    def search(self, search_id: str, **changes: Any) -> Iterator[None]:
        """Another definition of a saved search, within the block."""
        before = self.netsuite.search(search_id)
        self.netsuite.replace_search(search_id, **changes)
        try:
            yield
        finally:
            self.netsuite.replace_search(search_id, **before)
