"""One sandbox account for all tests of a run, emptied before each, and short words for what they send."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount, running_sandbox


@dataclass
class Api:
    """Calls the account as a program would."""

    account: SandboxAccount
    session: requests.Session = field(default_factory=requests.Session)

    def call(self, method: str, path: str, *, key: str | None = None, **more: Any) -> requests.Response:
        headers = {**self.account.headers(key), **more.pop("headers", {})}
        return self.session.request(
            method, f"{self.account.url}/api/{path}", headers=headers, timeout=30, **more
        )

    def get(self, path: str, **query: str) -> requests.Response:
        return self.call("GET", path, params=query)

    def post(self, path: str, body: Any) -> requests.Response:
        return self.call("POST", path, json={"data": body})

    def patch(self, path: str, body: Any) -> requests.Response:
        return self.call("PATCH", path, json={"data": body})

    def delete(self, path: str) -> requests.Response:
        return self.call("DELETE", path)

    def import_profiles(self, *rows: dict[str, Any]) -> requests.Response:
        """Starts a bulk import of profiles given by their attributes."""
        data = [{"type": "profile", "attributes": row} for row in rows]
        return self.post(
            "profile-bulk-import-jobs",
            {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": data}}},
        )

    def imported(self, *rows: dict[str, Any]) -> dict[str, Any]:
        """Imports profiles and gives the finished job's resource."""
        answer = self.import_profiles(*rows)
        assert answer.status_code == 202, answer.text
        self.account.settled()
        return self.get(f"profile-bulk-import-jobs/{answer.json()['data']['id']}").json()["data"]

    def import_errors(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        return self.get(f"profile-bulk-import-jobs/{job['id']}/import-errors").json()["data"]

    def send_events(self, *events: dict[str, Any], backfill: bool | None = None) -> requests.Response:
        """Sends events in bulk, each with ``email`` or ``profile``, and the attributes of an event."""
        groups = []
        for event in events:
            given = {**event}
            profile = given.pop("profile", None) or {"email": given.pop("email")}
            name = given.pop("metric", "Placed Order")
            metric = {"data": {"type": "metric", "attributes": {"name": name}}}
            attributes = {"properties": {}, **given, "metric": metric}
            group: dict[str, Any] = {
                "profile": {"data": {"type": "profile", "attributes": profile}},
                "events": {"data": [{"type": "event", "attributes": attributes}]},
            }
            if backfill is not None:
                group["backfill"] = backfill
            groups.append({"type": "event-bulk-create", "attributes": group})
        body = {"type": "event-bulk-create-job", "attributes": {"events-bulk-create": {"data": groups}}}
        return self.post("event-bulk-create-jobs", body)

    def recorded(self, *events: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
        """Sends events and gives all that the account holds afterwards."""
        answer = self.send_events(*events, **more)
        assert answer.status_code == 202, answer.text
        self.account.settled()
        return self.account.rows("events")

    def catalog_job(self, action: str, kind: str, *rows: dict[str, Any]) -> dict[str, Any]:
        """Runs a bulk job of ``items`` or ``variants`` and gives its finished resource."""
        path = f"catalog-{kind.removesuffix('s')}-bulk-{action}-jobs"
        answer = self.post(path, {"type": path[:-1], "attributes": {kind: {"data": rows}}})
        assert answer.status_code == 202, answer.text
        self.account.settled()
        return self.get(f"{path}/{answer.json()['data']['id']}").json()["data"]


def item(number: str, **attributes: Any) -> dict[str, Any]:
    """A catalog item to create."""
    given = {
        "external_id": number,
        "title": f"Item {number}",
        "description": "-",
        "url": "https://shop.example",
    }
    return {"type": "catalog-item", "attributes": {**given, **attributes}}


def variant(number: str, parent: str, **attributes: Any) -> dict[str, Any]:
    """A catalog variant to create, of the item with the external id ``parent``."""
    given = {**item(number)["attributes"], "sku": number, "inventory_quantity": 3, "price": 9.5}
    owner = {"data": {"type": "catalog-item", "id": f"$custom:::$default:::{parent}"}}
    return {
        "type": "catalog-variant",
        "attributes": {**given, **attributes},
        "relationships": {"item": owner},
    }


@pytest.fixture(scope="session")
def running() -> Iterator[SandboxAccount]:
    with running_sandbox(job_seconds=0.02) as account:
        yield account


@pytest.fixture
def account(running: SandboxAccount) -> SandboxAccount:
    """The account, empty."""
    running.reset()
    return running


@pytest.fixture
def api(account: SandboxAccount) -> Iterator[Api]:
    with requests.Session() as session:
        yield Api(account, session)


@pytest.fixture
def make_item() -> Any:
    return item


@pytest.fixture
def make_variant() -> Any:
    return variant


def _pointers(answer: requests.Response) -> list[str]:
    return [error["source"].get("pointer") for error in answer.json()["errors"]]


@pytest.fixture
def pointers() -> Any:
    """Where an answer's errors are."""
    return _pointers
