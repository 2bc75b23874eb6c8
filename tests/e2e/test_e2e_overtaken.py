"""Runs of one flow that go on side by side: what was read later counts, whichever is sent first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows.confirm import confirm
from netsuite_connector.flows.domain import domain_with
from netsuite_connector.flows.extract import extract
from netsuite_connector.flows.push import push
from netsuite_connector.flows.report import report
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.shape import shape
from netsuite_connector.flows.validate import validate
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.window import Window

pytestmark = pytest.mark.line


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[NetSuite, Klaviyo]]:
    with running_netsuite(customers=20, items=5, orders=30) as netsuite, running_klaviyo() as klaviyo:
        yield netsuite, klaviyo


class Slow:
    """A run that stops when its records are made, and is gone on with later."""

    def __init__(self, line: Any, flow: str, *, end: str) -> None:
        domain = domain_with(line.store, DOMAINS[flow])
        self.line = line
        self.run = Run(line.store, domain, Window.parse(None, end), line.staging)
        self.extracted = extract(self.run, line.netsuite_client())
        self.validated = validate(self.run)
        self.shaped = shape(self.run)

    def goes_on(self) -> dict[str, Any]:
        client = self.line.klaviyo_client()
        pushed = push(self.run, client)
        # A task that is tried again comes to the same.
        assert push(self.run, client) == pushed | {"seconds": pytest.approx(pushed["seconds"], abs=60)}
        confirmed = confirm(self.run, client)
        return report(self.run, self.extracted, self.validated, self.shaped, pushed, confirmed)


def somebody(line: Any) -> dict[str, Any]:
    found: dict[str, Any] = next(
        each
        for each in line.netsuite.records("customer")
        if "@" in (each["email"] or "") and each["isperson"]
    )
    return found


def name_of(line: Any, customer: dict[str, Any]) -> str:
    line.klaviyo.settled()
    email = customer["email"].strip().lower()
    return str(next(row["first_name"] for row in line.klaviyo.rows("profiles") if row["email"] == email))


def test_a_profile_that_another_run_read_later_and_delivered_is_left_out_and_counts_as_unchanged(
    accounts: tuple[NetSuite, Klaviyo], new_line: Callable[..., Any]
) -> None:
    line = new_line(*accounts)
    customer = somebody(line)
    line.netsuite.update("customer", customer["internalid"], firstname="Old")
    slow = Slow(line, "customers", end="2030-01-01T00:00:00Z")
    line.netsuite.update("customer", customer["internalid"], firstname="New")
    line.run("customers", end="2031-01-01T00:00:00Z")
    done = slow.goes_on()
    assert done["adds_up"]
    assert done["rows"]["delivered"] == 0
    assert name_of(line, customer) == "New"


def test_a_profile_that_was_read_later_is_sent_though_a_slow_run_has_delivered_meanwhile(
    accounts: tuple[NetSuite, Klaviyo], new_line: Callable[..., Any]
) -> None:
    line = new_line(*accounts)
    customer = somebody(line)
    line.netsuite.update("customer", customer["internalid"], firstname="Old")
    slow = Slow(line, "customers", end="2032-01-01T00:00:00Z")
    line.netsuite.update("customer", customer["internalid"], firstname="New")
    quick = Slow(line, "customers", end="2033-01-01T00:00:00Z")
    assert slow.goes_on()["adds_up"]
    assert name_of(line, customer) == "Old"
    assert quick.goes_on()["adds_up"]
    assert name_of(line, customer) == "New"


def test_what_a_person_ordered_last_stays_when_an_older_run_comes_late(
    accounts: tuple[NetSuite, Klaviyo], new_line: Callable[..., Any]
) -> None:
    line = new_line(*accounts)
    line.klaviyo.reset()
    slow = Slow(line, "orders", end="2034-01-01T00:00:00Z")
    old = next(each for each in line.netsuite.records("transaction") if each["type"] == "SalesOrd")
    own = {"internalid", "tranid", "lastmodifieddate", "lineuniquekey", "lines", "datecreated"}
    lines = [{k: v for k, v in each.items() if k not in {"lineuniquekey", "line"}} for each in old["lines"]]
    new = {name: value for name, value in old.items() if name not in own}
    line.netsuite.create(
        "transaction", **new, tranid="SO-NEW", datecreated="2029-01-01T00:00:00Z", lines=lines
    )
    line.run("orders", end="2035-01-01T00:00:00Z")
    line.klaviyo.settled()
    before = {row["email"]: row["properties"] for row in line.klaviyo.rows("profiles")}
    assert slow.goes_on()["adds_up"]
    line.klaviyo.settled()
    assert {row["email"]: row["properties"] for row in line.klaviyo.rows("profiles")} == before
