"""Klaviyo refuses an external id that another profile has: in whatever way it says so, the profile is there
in the end, without the id. The sandbox never refuses one, as the documentation says that external ids take no
part in merging; so refusals are put into the way to it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from flows_staged import NewRun, customer, stage
from requests.adapters import HTTPAdapter

from netsuite_connector.flows.confirm import EXTERNAL_ID_REFUSED, confirm
from netsuite_connector.flows.ledger import read as read_ledger
from netsuite_connector.flows.push import push
from netsuite_connector.flows.run import Run
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.limiter import Limiter, ProcessWindows
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount

IMPORT = "/api/profile-bulk-import-jobs"
ROWS = "/data/attributes/profiles/data"


@dataclass(frozen=True)
class Refusal:
    """How a taken external id is refused: by the request's ``status``, or by the job's errors (None); the
    code, and what the pointer says behind the row.
    """

    status: int | None
    code: str
    pointer: str


WAYS = [
    Refusal(400, "invalid", "/attributes/external_id"),
    Refusal(409, "duplicate_profile", "/attributes/external_id"),
    Refusal(409, "duplicate_profile", ""),
    Refusal(None, "duplicate_profile", "/attributes"),
    Refusal(None, "invalid", "/attributes/external_id"),
]


@dataclass
class Way(HTTPAdapter):
    """The way to Klaviyo, on which ids that are ``taken`` are refused."""

    refusal: Refusal
    taken: set[str]
    failed: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    refused: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:  # type: ignore[override]
        path = request.path_url.partition("?")[0]
        if request.method == "POST" and path == IMPORT:
            return self._import(request, settings)
        answer = super().send(request, **settings)
        if path.startswith(IMPORT):
            self._of_job(path, answer)
        return answer

    def _import(self, request: requests.PreparedRequest, settings: Any) -> requests.Response:
        assert request.body is not None
        document = json.loads(request.body)
        rows = document["data"]["attributes"]["profiles"]["data"]
        refused = [
            number for number, row in enumerate(rows) if row["attributes"].get("external_id") in self.taken
        ]
        self.refused += len(refused)
        errors = [self._error(number, rows[number]) for number in refused]
        if refused and self.refusal.status is not None:
            return answered(request, self.refusal.status, {"errors": errors})
        # What fails in the job was taken with the request.
        left = [row for number, row in enumerate(rows) if number not in refused]
        document["data"]["attributes"]["profiles"]["data"] = left or [innocent()]
        request.prepare_body(json.dumps(document), None)
        answer = super().send(request, **settings)
        self.failed[answer.json()["data"]["id"]] = errors
        return answer

    def _of_job(self, path: str, answer: requests.Response) -> None:
        """The answer about a job, with what has failed."""
        job, _, listing = path.removeprefix(f"{IMPORT}/").partition("/")
        document, errors = answer.json(), self.failed.get(job, [])
        if listing:
            document["data"] += [
                {"type": "import-error", "id": f"E{number}", "attributes": error}
                for number, error in enumerate(errors)
            ]
        else:
            attributes = document["data"]["attributes"]
            attributes["total_count"] += len(errors)
            attributes["failed_count"] += len(errors)
        answer._content = json.dumps(document).encode()

    def _error(self, number: int, row: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": "01J",
            "status": self.refusal.status,
            "code": self.refusal.code,
            "title": "Conflict.",
            "detail": "A profile already exists with one of these identifiers.",
            "source": {"pointer": f"{ROWS}/{number}{self.refusal.pointer}"},
            "original_payload": row,
        }


def innocent() -> dict[str, Any]:
    return {"type": "profile", "attributes": {"email": "nobody@shop.example"}}


def answered(request: requests.PreparedRequest, status: int, document: dict[str, Any]) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = json.dumps(document).encode()
    response.headers["Content-Type"] = "application/vnd.api+json"
    response.request = request
    response.url = str(request.url)
    return response


def client_on(way: Way, sandbox: SandboxAccount) -> KlaviyoClient:
    session = requests.Session()
    session.mount("http://", way)
    limiter = Limiter(ProcessWindows(), account="test", scale=100)
    return KlaviyoClient(session, base_url=sandbox.url, api_key=sandbox.key, limiter=limiter, backoff=0.01)


def delivered(run: Run, sandbox: SandboxAccount, way: Way) -> dict[str, Any]:
    client = client_on(way, sandbox)
    push(run, client)
    return confirm(run, client)


def people(sandbox: SandboxAccount) -> dict[str, dict[str, Any]]:
    sandbox.settled()
    return {row["email"]: row for row in sandbox.rows("profiles")}


@pytest.mark.parametrize("refusal", WAYS, ids=lambda each: f"{each.status}{each.pointer}")
def test_a_refused_external_id_never_costs_the_profile(
    sandbox: SandboxAccount, new_run: NewRun, refusal: Refusal
) -> None:
    rows = [customer(number, lastname=f"Doe {number}") for number in range(1, 7)]
    way = Way(refusal, {"2", "5"})
    counts = delivered(stage(new_run("customers"), customers=rows), sandbox, way)
    assert way.refused == 2, "each is refused once"
    assert counts["records"] == {"delivered": 6, "rejected": 0}
    assert counts["warnings"] == {EXTERNAL_ID_REFUSED: 2}
    found = people(sandbox)
    for number in range(1, 7):
        row = found[f"c{number}@shop.example"]
        assert row["last_name"] == f"Doe {number}"
        assert row["external_id"] == (None if number in {2, 5} else str(number))


def test_where_all_external_ids_are_refused_all_profiles_are_there(
    sandbox: SandboxAccount, new_run: NewRun
) -> None:
    run = stage(new_run("customers"), customers=[customer(number) for number in range(1, 31)])
    counts = delivered(run, sandbox, Way(WAYS[1], {str(number) for number in range(1, 31)}))
    assert counts["records"] == {"delivered": 30, "rejected": 0}
    assert {f"c{number}@shop.example" for number in range(1, 31)} <= people(sandbox).keys()
    ids = [
        id_
        for batch in read_ledger(run.ledger(run.domain.sources[0]), ["id"])
        for id_ in batch[0].to_pylist()
    ]
    assert ids == list(range(1, 31)), "and they are remembered as delivered"


def test_a_phone_and_an_external_id_that_others_have_cost_the_profile_neither(
    sandbox: SandboxAccount, new_run: NewRun
) -> None:
    number = {"mobilephone": "+14155552671"}
    run = stage(new_run("customers"), customers=[customer(1, **number), customer(2, **number)])
    counts = delivered(run, sandbox, Way(WAYS[0], {"2"}))
    assert counts["records"] == {"delivered": 2, "rejected": 0}
    second = people(sandbox)["c2@shop.example"]
    assert (second["phone_number"], second["external_id"]) == (None, None)
    assert second["properties"]["NetSuite Phone"] == "+14155552671"


def test_a_refusal_of_something_else_beside_it_is_rejected_with_klaviyos_words(
    sandbox: SandboxAccount, new_run: NewRun
) -> None:
    run = stage(new_run("customers"), customers=[customer(1), customer(2)])
    counts = delivered(run, sandbox, Way(Refusal(400, "invalid", "/attributes/locale"), {"2"}))
    assert counts["records"] == {"delivered": 1, "rejected": 1}
    assert people(sandbox).keys() == {"c1@shop.example"}
