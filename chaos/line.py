"""The product between both accounts, as a task's process has it: clients of its own, and the stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from netsuite_connector.flows import consents, consents_report, gates, history, history_window
from netsuite_connector.flows.confirm import confirm
from netsuite_connector.flows.domain import domain_of
from netsuite_connector.flows.extract import extract
from netsuite_connector.flows.history import Piece
from netsuite_connector.flows.plan import Asked, Plan, finish
from netsuite_connector.flows.plan import plan as plan_run
from netsuite_connector.flows.push import push
from netsuite_connector.flows.realtime import Drain
from netsuite_connector.flows.report import report
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.shape import shape
from netsuite_connector.flows.validate import validate
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.connection import connect
from netsuite_connector.klaviyo.limiter import open_windows
from netsuite_connector.netsuite import AccountInfo, NetSuiteClient, OAuth2ClientCredentials, open_slots
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.model import Store
from netsuite_connector.window import Window

Counts = dict[str, Any]

LIMITS_SCALE = 20
"""How many times its published limits the sandbox Klaviyo account allows."""


class _AheadClient(NetSuiteClient):
    """The client in an account whose clock is ``ahead`` of ours, as its records are stamped."""

    ahead = timedelta()

    def about(self) -> AccountInfo:
        info = super().about()
        return replace(info, now=info.now + self.ahead)


@dataclass(frozen=True, slots=True)
class Line:
    """``folder``: staging and what processes share; ``ahead``: seconds that NetSuite's clock is ahead;
    ``patience``: seconds that an answer may take.
    """

    store: Store
    netsuite: NetSuite
    klaviyo: Klaviyo
    folder: Path
    ahead: float = 0.0
    patience: float = 60.0

    @property
    def staging(self) -> Staging:
        """Where all processes of this line stage."""
        return Staging(f"file://{self.folder / 'staging'}")

    def run(self, flow: str) -> Run:
        """A run of a flow, before it is planned."""
        if flow == "consents":
            return consents.open_run(self.store, self.staging)
        return Run(self.store, domain_of(self.store, flow), Window(), self.staging)

    def netsuite_client(self) -> NetSuiteClient:
        """A client that keeps to the share of the concurrency that all processes have together."""
        session = requests.Session()
        session.trust_env = False
        mine = self.netsuite.credentials
        auth = OAuth2ClientCredentials(
            session=session,
            token_url=self.netsuite.token_url,
            client_id=mine.client_id,
            certificate_id=mine.certificate_id,
            private_key=mine.private_key,
        )
        client = _AheadClient(
            session,
            self.netsuite.restlet_url,
            auth,
            timeout=(5.0, self.patience),
            # As many tries as ever, only that nobody waits half a minute between them.
            sleep=lambda seconds: _sleep(min(seconds, 0.05)),
            slots=open_slots(self.folder / "slots", "chaos", self.store.netsuite.concurrency),
        )
        client.ahead = timedelta(seconds=self.ahead)
        return client

    def klaviyo_client(self, *, background: bool = False) -> KlaviyoClient:
        """A client that keeps the account's limits together with all other processes."""
        session = requests.Session()
        session.trust_env = False
        return connect(
            session,
            open_windows(self.folder / "klaviyo-limits.sqlite"),
            base_url=self.klaviyo.url,
            api_key=self.klaviyo.key,
            scale=LIMITS_SCALE,
            background=background,
            timeout=(5.0, self.patience),
        )


def _sleep(seconds: float) -> None:
    import time

    time.sleep(seconds)


# ---- the stages of a run ---------------------------------------------------------------------------------


def plan(line: Line, flow: str, asked: Asked) -> Counts:
    """What a run reads, as it travels to its other stages."""
    decide = consents.plan_run if flow == "consents" else plan_run
    return decide(line.run(flow), line.netsuite_client(), asked).to_json()


def stages(flow: str) -> dict[str, Callable[[Run, Line], Counts]]:
    """The stages between plan and report, in their order."""
    first: dict[str, Callable[[Run, Line], Counts]] = {
        "extract": lambda run, line: extract(run, line.netsuite_client()),
        "validate": lambda run, _: validate(run),
    }
    if flow == "consents":
        return first | {
            "guard": lambda run, line: consents.guard(run, line.klaviyo_client()),
            "import": lambda run, line: consents.import_(run, line.klaviyo_client()),
            "suppress": lambda run, line: consents.suppress(run, line.klaviyo_client()),
            "confirm": lambda run, line: consents.confirm(
                run, line.klaviyo_client(), patience=20, grace=0.5, pauses=(0.02, 0.2)
            ),
        }
    return first | {
        "shape": _shape,
        "push": lambda run, line: push(run, line.klaviyo_client()),
        "confirm": lambda run, line: confirm(run, line.klaviyo_client()),
    }


def _shape(run: Run, _: Line) -> Counts:
    gates.check(run, like_others=True, ignored=False)
    return shape(run)


def stage(line: Line, flow: str, name: str, planned: Mapping[str, Any]) -> Counts:
    """One stage of a planned run."""
    return stages(flow)[name](Plan.of_json(planned).run(line.run(flow)), line)


def tell(line: Line, flow: str, planned: Mapping[str, Any], counts: list[Counts]) -> Counts:
    """The report, which moves the high-water mark."""
    made = Plan.of_json(planned)
    run = made.run(line.run(flow))
    if flow == "consents":
        return consents_report.finish(run, made, consents_report.report(run, *counts))
    return finish(run, made, report(run, *counts))


# ---- history and real time -------------------------------------------------------------------------------


def plan_history(line: Line, form: Mapping[str, Any], name: str) -> list[dict[str, str]]:
    """The windows of a backfill."""
    asked = history.ask(line.store, form, datetime.now(UTC))
    made = history.plan(line.store, line.staging, line.netsuite_client(), asked, name)
    return [asdict(piece) for piece in made.pieces]


def history_ahead(line: Line, name: str) -> list[dict[str, str]]:
    """Those windows that are read before any is delivered."""
    return [asdict(piece) for piece in history.planned(line.store.store, line.staging, name).read]


def read_window(line: Line, name: str, piece: Mapping[str, str]) -> Counts:
    """Read a window into the order book."""
    made = history.planned(line.store.store, line.staging, name)
    return history_window.read(made.run(line.staging, Piece(**piece)), line.netsuite_client(), made)


def deliver_window(line: Line, name: str, piece: Mapping[str, str]) -> Counts:
    """Take a window through all stages."""
    made = history.planned(line.store.store, line.staging, name)
    run = made.run(line.staging, Piece(**piece))
    klaviyo = line.klaviyo_client(background=True)
    told = history_window.deliver(run, line.netsuite_client(), klaviyo, made)
    return {**piece, "numbers": told["rows"], "report": told}


def total(line: Line, name: str, delivered: list[Counts]) -> Counts:
    """The sums of a backfill."""
    return history.total(history.planned(line.store.store, line.staging, name), delivered)


def drain(line: Line, seconds: float, linger: float) -> Counts:
    """Drain the outbox."""
    klaviyo = line.klaviyo_client()
    drained = Drain([line.store], line.netsuite_client(), lambda _: klaviyo, line.staging)
    return drained.run(seconds=seconds, linger=linger).numbers()
