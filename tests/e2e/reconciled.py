"""What the tests of the reconciliation share: an account, a line, and what a comparison of it found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import requests

from netsuite_connector.flows.reconciliation.model import ask
from netsuite_connector.flows.reconciliation.reconcile import reconcile
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.operations import ReconciliationSettings

# Fourteen hours ahead of UTC: most of its days begin on the day before.
ZONE = ZoneInfo("Pacific/Kiritimati")
JSON = {"Content-Type": "application/vnd.api+json"}
_numbers = count()


def today() -> date:
    return datetime.now(ZONE).date()


def at(day: date, hour: int, minute: int = 0, seconds: int = 0) -> str:
    """A moment of a day in the store's time zone, as the account stores it."""
    moment = datetime.combine(day, time(hour, minute, seconds), ZONE).astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def account() -> Iterator[NetSuite]:
    """An account whose orders and what became of them lie in the last days, some at either end of one."""
    with running_netsuite(customers=30, items=20, orders=60) as running:
        found = sorted(running.records("transaction"), key=lambda record: record["datecreated"])
        for number, record in enumerate(found):
            day = today() - timedelta(days=5 - number * 3 // len(found))
            created = at(day, *((0, 0), (23, 59), (12, number % 60), (13, 59), (14, 0))[number % 5])
            moments = {"datecreated": created, "lastmodifieddate": created}
            if record["type"] == "SalesOrd" and number % 7 == 0 and record["status"] == "SalesOrd:B":
                moments |= {"status": "SalesOrd:C", "lastmodifieddate": at(day + timedelta(days=1), 0)}
            running.update("transaction", record["internalid"], **moments)
        yield running


def fresh_line(netsuite: NetSuite, klaviyo: Klaviyo, new_line: Callable[..., Any]) -> Any:
    """A line with an empty Klaviyo account and staging of its own, whose changes show at once."""
    klaviyo.reset()
    made = replace(new_line(netsuite, klaviyo), staging=Staging(f"memory://reconciled-{next(_numbers)}"))
    prompt = ReconciliationSettings(delay_minutes=0)
    made.store = made.store.model_copy(update={"timezone": ZONE.key, "reconciliation": prompt})
    return made


def compare(
    line: Any, flow: str, *, heal: bool = False, client: Any = None, days: int = 6, last: int = 0
) -> dict[str, Any]:
    """A reconciliation of the last ``days`` before today up to the day ``last`` days ago."""
    wishes = {
        "flows": [flow],
        "from": str(today() - timedelta(days=days)),
        "to": str(today() + timedelta(days=1 - last)),
        "heal": heal,
    }
    (asked,) = ask(line.store, wishes, datetime.now(UTC))
    return reconcile(line.store, line.staging, line.netsuite_client(), client or line.klaviyo_client(), asked)


def rows(line: Any, report: dict[str, Any]) -> list[dict[str, Any]]:
    """The report's findings."""
    place = ("demo", "reconciliation", report["flow"], f"{report['from']}--{report['to']}", "findings")
    return [row for batch in line.staging.dataset(*place).batches() for row in batch.to_pylist()]


def findings(line: Any, report: dict[str, Any]) -> dict[str, set[tuple[str, str]]]:
    """What the report's findings say: kind and identity, by verdict."""
    found: dict[str, set[tuple[str, str]]] = {}
    for row in rows(line, report):
        found.setdefault(row["verdict"], set()).add((row["kind"], row["identity"]))
    return found


def sums(report: dict[str, Any], name: str) -> dict[tuple[str, str], float]:
    """A number of the report by kind and day, where it is not nothing."""
    return {(each["kind"], each["day"]): each[name] for each in report["kinds"] if each[name]}


def ask_klaviyo(line: Any, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """What somebody else does in the Klaviyo account, and the answer."""
    account = line.klaviyo
    answer = requests.request(
        method, f"{account.url}{path}", json=body, headers=account.headers() | JSON, timeout=30
    )
    answer.raise_for_status()
    account.settled()
    return answer.json() if answer.content else {}


def place_order(line: Any, unique_id: str, email: str, moment: str, value: float) -> None:
    """Somebody else sends a *Placed Order*."""
    send(line, ("Placed Order", unique_id), email, moment, value)


def send(line: Any, name: tuple[str, str], email: str, moment: str, value: float) -> None:
    """Somebody else sends an event of a metric and identity to the Klaviyo account."""
    metric, unique_id = name
    attributes = {
        "metric": {"data": {"type": "metric", "attributes": {"name": metric}}},
        "profile": {"data": {"type": "profile", "attributes": {"email": email}}},
        "properties": {},
        "time": moment,
        "value": value,
        "unique_id": unique_id,
    }
    ask_klaviyo(line, "POST", "/api/events", {"data": {"type": "event", "attributes": attributes}})


def held(line: Any) -> dict[tuple[str, str], tuple[str, Any]]:
    line.klaviyo.settled()
    return {
        (row["metric"], row["unique_id"]): (row["datetime"], row["value"])
        for row in line.klaviyo.rows("events")
    }


def forget(line: Any, email: str) -> None:
    """Somebody has a profile deleted, and all its events with it."""
    line.klaviyo_client().privacy.request_deletion(email=email)
    line.klaviyo.settled()


def orders_of(line: Any) -> dict[str, set[tuple[str, str]]]:
    """The events of each address that Klaviyo holds."""
    found: dict[str, set[tuple[str, str]]] = {}
    for row in line.klaviyo.rows("events"):
        found.setdefault(row["email"], set()).add((row["metric"], row["unique_id"]))
    return found
