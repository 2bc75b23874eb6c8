"""What the bench of history does in processes of their own: the steps of the DAGs over a large account."""

from __future__ import annotations

import json
import resource
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from netsuite_connector.flows import history, history_window
from netsuite_connector.flows.domain import domain_of
from netsuite_connector.flows.reconciliation import model as reconciliation
from netsuite_connector.flows.reconciliation import reconcile
from netsuite_connector.flows.rejections import Wanted, rejected
from netsuite_connector.flows.replay import replay
from netsuite_connector.flows.retention import clean
from netsuite_connector.flows.run import Run
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.limiter import Limiter, ProcessWindows
from netsuite_connector.netsuite import Account, NetSuiteClient, token_based
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_stores
from netsuite_connector.stores.model import Store
from netsuite_connector.window import Window

NO_ADDRESS = "Email is missing"
_YEARS = 6  # the sandbox's orders begin five years before the present or a little earlier
_MONTH = timedelta(days=30)
TOKEN = ("consumer_key", "consumer_secret", "token_id", "token_secret")


@dataclass(frozen=True, slots=True)
class Accounts:
    """Where a child finds everything."""

    netsuite: str
    credentials: dict[str, str]
    klaviyo: str
    key: str
    staging: str


@dataclass(frozen=True, slots=True)
class Work:
    """What a child works with."""

    store: Store
    staging: Staging
    netsuite: NetSuiteClient
    klaviyo: KlaviyoClient
    now: datetime
    flows: tuple[str, ...] = ("customers", "orders")

    @classmethod
    def of(cls, accounts: Accounts) -> Work:
        """What a process works with that is told where the accounts are."""
        own = accounts.credentials
        auth = token_based(Account.of(own["account"]), **{name: own[name] for name in TOKEN})
        limiter = Limiter(ProcessWindows(), account="bench", background=True)
        return cls(
            load_stores()[0].model_copy(update={"history_years": _YEARS}),
            Staging(accounts.staging),
            NetSuiteClient(requests.Session(), accounts.netsuite, auth),
            KlaviyoClient(
                requests.Session(), base_url=accounts.klaviyo, api_key=accounts.key, limiter=limiter
            ),
            datetime.now(UTC),
        )

    @property
    def days(self) -> dict[str, Any]:
        """All that the account has."""
        return {"flows": self.flows, "from": f"{self.now.year - _YEARS + 1}-01-01", "to": None}

    def backfill(self, name: str) -> None:
        """Plan, read and deliver as the DAG's tasks do; a line of JSON tells each window, and the end."""
        wishes = self.days | {
            "window": "month",
            "order": history.Order.OLDEST.value,
            "dry_run": False,
            "resume": True,
            "limit": None,
            "ignore_gates": False,
        }
        asked = history.ask(self.store, wishes, self.now)
        made = history.plan(self.store, self.staging, self.netsuite, asked, name)
        for piece in made.read:
            history_window.read(made.run(self.staging, piece), self.netsuite, made)
            tell(read=piece.label)
        results = []
        for piece in made.pieces:
            run = made.run(self.staging, piece)
            report = history_window.deliver(run, self.netsuite, self.klaviyo, made)
            results.append({"flow": piece.flow, "numbers": report["rows"]})
            tell(delivered=piece.label, rows=report["rows"]["extracted"])
        tell(total=history.total(made, results), peak_mb=_peak())

    def reconcile(self) -> None:
        """Compare all days and heal what is missing, as the DAG's tasks do."""
        for asked in reconciliation.ask(self.store, self.days | {"heal": True}, self.now):
            report = reconcile.reconcile(self.store, self.staging, self.netsuite, self.klaviyo, asked)
            names = ("netsuite", "rejected", "klaviyo", "missing", "extra", "different", "not_yet")
            sums = {name: sum(kind[name] for kind in report["kinds"]) for name in names}
            about = {"flow": asked.flow, "agrees": report["agrees"], "healed": report["healed"]}
            tell(reconciled=about | sums, peak_mb=_peak())

    def rejected(self) -> None:
        """Look at the lists of rejected rows: ``listed`` by flow and reason, ``ids`` of customers without an
        address, and the ``seconds`` that it takes.
        """
        began = time.monotonic()
        reasons: Counter[str] = Counter()
        for flow in self.flows:
            reasons.update(f"{flow}: {why}" for row in rejected(self._run(flow)) for why in row.reasons)
        seconds = round(time.monotonic() - began, 2)
        mine = (row.id for row in rejected(self._run("customers"), Wanted("customers", reason=NO_ADDRESS)))
        tell(listed=dict(reasons.most_common(4)), ids=list(mine), took=seconds)

    def replay(self) -> None:
        """Replay all customers without an address, and the orders of such."""
        began = time.monotonic()
        replayed = {}
        for flow in self.flows:
            report = replay(self._run(flow), self.netsuite, self.klaviyo, Wanted(reason=NO_ADDRESS), "bench")
            assert report is not None
            replayed[flow] = report["rows"] | {"left_the_list": report["rejected_list"]["left"]}
        tell(replayed=replayed, took=round(time.monotonic() - began, 2), peak_mb=_peak())

    def housekeeping(self) -> None:
        """Remove what the store need not keep in a month, and say what would go before and does."""
        began = time.monotonic()
        sums = {}
        for really in (False, True):
            gone = list(clean(self.staging, self.store, really=really, now=self.now + _MONTH))
            sums["removed" if really else "shown"] = {
                "pieces": len(gone),
                "files": sum(each.files for each in gone),
                "mb": sum(each.bytes for each in gone) // 1_000_000,
            }
        tell(housekeeping=sums, took=round(time.monotonic() - began, 2), peak_mb=_peak())

    def _run(self, flow: str) -> Run:
        return Run(self.store, domain_of(self.store, flow), Window(), self.staging)


def _peak() -> int:
    """The most megabytes that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def tell(**what: Any) -> None:
    """A line of JSON for whoever started this."""
    print(json.dumps(what), flush=True)
