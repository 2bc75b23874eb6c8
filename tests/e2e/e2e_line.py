"""The whole line in one process: sandbox NetSuite → stages → sandbox Klaviyo, over real HTTP. Run as a
program, this module is such a process, which a test may kill.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import requests

from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows import highwater
from netsuite_connector.flows.confirm import confirm
from netsuite_connector.flows.domain import domain_with
from netsuite_connector.flows.extract import extract
from netsuite_connector.flows.push import push
from netsuite_connector.flows.report import report
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.shape import shape
from netsuite_connector.flows.validate import validate
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.limiter import Limiter, ProcessWindows
from netsuite_connector.netsuite import NetSuiteClient, OAuth2ClientCredentials
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.netsuite.credentials import Credentials
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_stores
from netsuite_connector.stores.model import Store
from netsuite_connector.window import Window


@dataclass
class Line:
    """Runs flows of the demo store between two sandbox accounts."""

    netsuite: NetSuite
    klaviyo: Klaviyo
    staging: Staging
    store: Store = field(default_factory=lambda: load_stores()[0])

    def netsuite_client(self, session: requests.Session | None = None) -> NetSuiteClient:
        session = session or requests.Session()
        credentials = self.netsuite.credentials
        auth = OAuth2ClientCredentials(
            session=session,
            token_url=self.netsuite.token_url,
            client_id=credentials.client_id,
            certificate_id=credentials.certificate_id,
            private_key=credentials.private_key,
        )
        return NetSuiteClient(session, self.netsuite.restlet_url, auth, sleep=lambda _: None)

    def klaviyo_client(self, key: str | None = None) -> KlaviyoClient:
        limiter = Limiter(ProcessWindows(), account="line", scale=1000)
        return KlaviyoClient(
            requests.Session(),
            base_url=self.klaviyo.url,
            api_key=key or self.klaviyo.key,
            limiter=limiter,
            backoff=0.01,
        )

    def run(self, flow: str, end: str = "2030-01-01T00:00:00Z", **asked: Any) -> dict[str, Any]:
        """All six stages of a flow, one after the other, and its mark. Returns the report."""
        domain = domain_with(self.store, DOMAINS[flow])
        run = Run(self.store, domain, Window.parse(asked.pop("start", None), end), self.staging, **asked)
        extracted = extract(run, self.netsuite_client())
        validated = validate(run)
        shaped = shape(run)
        pushed = push(run, None if run.dry_run else self.klaviyo_client())
        confirmed = None if run.dry_run else confirm(run, self.klaviyo_client())
        done = report(run, extracted, validated, shaped, pushed, confirmed)
        if not (run.dry_run or run.bounded or run.limit or run.history):
            highwater.advance(run, highwater.read(run))
        return done


def start(line: Line, flow: str, folder: Path) -> subprocess.Popen[bytes]:
    """A process that runs a flow of the demo store between the line's accounts, with the staging that
    ``new_line`` makes in the test's ``folder``.
    """
    known = {
        "netsuite": [line.netsuite.url, asdict(line.netsuite.credentials)],
        "klaviyo": [line.klaviyo.url, line.klaviyo.key],
        "staging": str(folder / "staging"),
        "flow": flow,
    }
    asked = folder / "asked.json"
    asked.write_text(json.dumps(known), encoding="utf-8")
    return subprocess.Popen([sys.executable, __file__, str(asked)])


def _run(asked: Path) -> None:
    known = json.loads(asked.read_text(encoding="utf-8"))
    (netsuite, credentials), klaviyo = known["netsuite"], known["klaviyo"]
    line = Line(
        NetSuite(netsuite, Credentials(**credentials), 0), Klaviyo(*klaviyo, 0), Staging(known["staging"])
    )
    line.run(known["flow"])


if __name__ == "__main__":
    _run(Path(sys.argv[1]))
