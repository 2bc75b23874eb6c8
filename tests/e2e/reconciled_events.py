"""What tests of the reconciliation share: days of a store, a comparison of them, and what it found."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import requests

from netsuite_connector.flows.reconciliation.model import ask
from netsuite_connector.flows.reconciliation.reconcile import reconcile

# Fourteen hours ahead of UTC: most of its days begin on the day before.
ZONE = ZoneInfo("Pacific/Kiritimati")


def today() -> date:
    return datetime.now(ZONE).date()


def at(day: date, hour: int, minute: int = 0) -> str:
    """A moment of a day in the store's time zone, as the account stores it."""
    return datetime.combine(day, time(hour, minute), ZONE).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def compare(line: Any, flow: str, *, first: int = 6, last: int = 0, heal: bool = False) -> dict[str, Any]:
    """A reconciliation from the ``first`` day to the ``last``, both so many days ago."""
    days = {
        "from": str(today() - timedelta(days=first)),
        "to": str(today() - timedelta(days=last) + timedelta(days=1)),
    }
    (asked,) = ask(line.store, {"flows": [flow], **days, "heal": heal}, datetime.now(UTC))
    report = reconcile(line.store, line.staging, line.netsuite_client(), line.klaviyo_client(), asked)
    line.klaviyo.settled()
    return report


def told(line: Any, report: dict[str, Any]) -> list[dict[str, Any]]:
    """The report's findings about events."""
    place = ("demo", "reconciliation", report["flow"], f"{report['from']}--{report['to']}", "findings")
    rows = [row for batch in line.staging.dataset(*place).batches() for row in batch.to_pylist()]
    return [row for row in rows if row["kind"] != "profiles"]


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
    account = line.klaviyo
    requests.post(
        f"{account.url}/api/events",
        json={"data": {"type": "event", "attributes": attributes}},
        headers=account.headers() | {"Content-Type": "application/vnd.api+json"},
        timeout=30,
    ).raise_for_status()
    account.settled()


def held(line: Any, unique_id: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Klaviyo's events of this identity, by metric and address."""
    line.klaviyo.settled()
    rows = line.klaviyo.rows("events")
    return {(row["metric"], row["email"]): row for row in rows if row["unique_id"] == unique_id}
