"""Real time in one process: a line whose flows have run once, the saves made since, and the drains."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import requests

from netsuite_connector.demo import expectation
from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows import highwater
from netsuite_connector.flows.realtime import Drain
from netsuite_connector.flows.run import Run
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.limiter import Limiter, ProcessWindows
from netsuite_connector.netsuite import NetSuiteClient, OAuth2ClientCredentials
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.stores.model import Store
from netsuite_connector.window import Window

FLOWS = ("customers", "orders")


class KilledError(BaseException):
    """The process is gone. Nothing that handles errors handles this."""


class Life:
    """Ends with the request of this number: before it is sent, or when its answer comes."""

    def __init__(self, requests_left: int | None = None, *, after: bool = False) -> None:
        self.left = requests_left
        self.after = after

    def session(self) -> requests.Session:
        session = requests.Session()
        send = session.send

        def mortal(request: requests.PreparedRequest, **more: Any) -> requests.Response:
            if self.left is not None:
                self.left -= 1
                if self.left <= 0 and self.after:
                    send(request, **more)
                if self.left <= 0:
                    raise KilledError
            return send(request, **more)

        session.send = mortal  # type: ignore[method-assign]
        return session


class RealTime:
    """A line whose flows have run once, and the saves that are made since."""

    def __init__(self, line: Any) -> None:
        self.line = line
        self.netsuite: NetSuite = line.netsuite
        self.klaviyo: Klaviyo = line.klaviyo
        for flow in FLOWS:
            line.run(flow)
            highwater.put(self.a_run(flow), datetime.now(UTC), "test")
        self.customers = [each["internalid"] for each in self.netsuite.records("customer")]
        self.orders = [each for each in self.netsuite.records("transaction") if each["type"] == "SalesOrd"]
        self.placed: list[int] = []
        self.number = itertools.count(1)

    def a_run(self, flow: str) -> Run:
        return Run(self.line.store, DOMAINS[flow], Window(), self.line.staging)

    def drain(
        self,
        life: Life | None = None,
        *,
        stores: Sequence[Store] = (),
        klaviyo: Callable[[str, KlaviyoClient], KlaviyoClient] = lambda _, client: client,
        clock: Callable[[], float] = time.monotonic,
    ) -> Drain:
        """A drain as a process of its own would have it. ``klaviyo`` may have something to say about the
        client of a connection.
        """
        session = (life or Life()).session()
        mine = self.netsuite.credentials
        auth = OAuth2ClientCredentials(
            session=session,
            token_url=self.netsuite.token_url,
            client_id=mine.client_id,
            certificate_id=mine.certificate_id,
            private_key=mine.private_key,
        )
        netsuite = NetSuiteClient(session, self.netsuite.restlet_url, auth, sleep=lambda _: None)
        client = KlaviyoClient(
            session,
            base_url=self.klaviyo.url,
            api_key=self.klaviyo.key,
            limiter=Limiter(ProcessWindows(), account="line", scale=1000),
            backoff=0.01,
        )
        return Drain(
            stores or [self.line.store],
            netsuite,
            lambda name: klaviyo(name, client),
            self.line.staging,
            clock=clock,
        )

    def waiting(self) -> int:
        """How many entries the outbox holds."""
        return int(self.line.netsuite_client().outbox().waiting)

    def folders(self) -> list[str]:
        """What runs in real time have left in staging."""
        store, staging = self.line.store.store, self.line.staging
        names = (name for flow in FLOWS for name in staging.list((store, flow, "runs")))
        return [name for name in names if "realtime" in name]

    def edit(self, which: int) -> None:
        id_ = self.customers[which % len(self.customers)]
        self.netsuite.update("customer", id_, lastname=f"Edited{next(self.number)}")

    def create(self, which: int) -> None:
        number = next(self.number)
        email = f"new.{number}@inbox.example" if which % 5 else "nobody at all"
        person = {"isperson": True, "stage": "CUSTOMER", "subsidiary": "1", "isinactive": False}
        made = self.netsuite.create(
            "customer", firstname="New", lastname=f"New{number}", email=email, **person
        )
        self.customers.append(made["internalid"])

    def delete(self, which: int) -> None:
        # Orders of a customer that is gone have no address any more, and are rejected.
        buyers = {int(each["entity"]) for each in self.orders}
        gone = [id_ for id_ in self.customers if id_ not in buyers]
        if gone:
            self.customers.remove(gone[which % len(gone)])
            self.netsuite.delete("customer", gone[which % len(gone)])

    def order(self, which: int) -> None:
        old = self.orders[which % len(self.orders)]
        own = {"internalid", "tranid", "lastmodifieddate", "lineuniquekey", "lines", "status", "datecreated"}
        lines = [{k: v for k, v in line.items() if k != "lineuniquekey"} for line in old["lines"]]
        made = self.netsuite.create(
            "transaction",
            **{name: value for name, value in old.items() if name not in own},
            tranid=f"SO-{next(self.number)}",
            datecreated=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            status="SalesOrd:B",
            lines=lines,
        )
        self.placed.append(made["internalid"])

    def cancel(self, which: int) -> None:
        if self.placed:
            id_ = self.placed[which % len(self.placed)]
            self.netsuite.update("transaction", id_, status="SalesOrd:C")

    def check(self) -> None:
        """Klaviyo shows the customers as NetSuite has them, and each order's event once."""
        wanted = expectation.profiles(self.netsuite.records("customer"), self.netsuite.records("contact"))
        shown = {each["email"]: each for each in self.klaviyo.rows("profiles") if each["email"]}
        names = {email: each["last_name"] for email, each in wanted.items() if each.get("last_name")}
        assert {email: shown[email]["last_name"] for email in names} == names
        events = self.klaviyo.rows("events")
        ids = Counter((each["metric"], each["unique_id"]) for each in events)
        assert max(ids.values()) == 1
        placed = {uid for metric, uid in ids if metric == "Placed Order"}
        assert {f"netsuite-{id_}" for id_ in self.placed} <= placed
        live = [each for each in events if each["unique_id"] in {f"netsuite-{id_}" for id_ in self.placed}]
        assert not any(each["backfill"] for each in live)
        cancelled = {
            each["internalid"]
            for each in self.netsuite.records("transaction")
            if each["internalid"] in self.placed and each["status"] == "SalesOrd:C"
        }
        told = {uid for metric, uid in ids if metric == "Cancelled Order"}
        assert {f"netsuite-{id_}" for id_ in cancelled} <= told
