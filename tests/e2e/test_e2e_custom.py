"""A flow of one's own by YAML alone: support cases, through both accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netsuite_connector.flows.confirm import confirm
from netsuite_connector.flows.domain import domain_of
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
from netsuite_connector.stores.load import load_store
from netsuite_connector.window import Window

pytestmark = pytest.mark.line

YAML = """
store: demo
name: Demo
site: {url: https://shop.example}
country: US
currency: USD
as_id: [priority]
flows:
  cases:
    searches: {cases: customsearch_nsk_cases}
    custom: {metric: Support Case, time: createddate, mandatory: [casenumber, status]}
  case_writers:
    searches: {case_writers: customsearch_nsk_cases}
    custom: {email: email}
"""


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[NetSuite, Klaviyo]]:
    with (
        running_netsuite(customers=400, items=20, orders=20) as netsuite,
        running_klaviyo() as klaviyo,
    ):
        yield netsuite, klaviyo


@pytest.fixture
def run_flow(
    accounts: tuple[NetSuite, Klaviyo], new_line: Callable[..., Any], tmp_path: Path
) -> Callable[[str], dict[str, Any]]:
    netsuite, klaviyo = accounts
    klaviyo.reset()
    line = new_line(netsuite, klaviyo)
    file = tmp_path / "demo.yaml"
    file.write_text(YAML)
    store = load_store(file)

    def go(flow: str) -> dict[str, Any]:
        run = Run(store, domain_of(store, flow), Window.parse(None, "2030-01-01T00:00:00Z"), line.staging)
        extracted = extract(run, line.netsuite_client())
        validated, shaped = validate(run), shape(run)
        pushed = push(run, line.klaviyo_client())
        return report(run, extracted, validated, shaped, pushed, confirm(run, line.klaviyo_client()))

    return go


def test_each_case_is_an_event_once(
    accounts: tuple[NetSuite, Klaviyo], run_flow: Callable[[str], dict[str, Any]]
) -> None:
    netsuite, klaviyo = accounts
    raw = {str(record["internalid"]): record for record in netsuite.records("supportcase")}
    first = run_flow("cases")
    assert first["rows"]["extracted"] == len(raw)
    assert first["rows"]["delivered"] > 0
    assert first["adds_up"]
    klaviyo.settled()
    events = {row["unique_id"]: row for row in klaviyo.rows("events")}
    assert len(events) == first["rows"]["delivered"]
    for key, event in events.items():
        record = raw[key.removeprefix("netsuite-cases-")]
        assert event["metric"] == "Support Case"
        assert event["properties"]["casenumber"] == record["casenumber"]
        assert event["properties"]["priority"] == record["priority"], "as its id, as the store says"
        assert event["properties"]["status"] != record["status"], "as its text"
    second = run_flow("cases")
    assert (second["rows"]["delivered"], second["rows"]["unchanged"]) == (0, first["rows"]["delivered"])


def test_rows_become_properties_of_profiles_and_subscribe_nobody(
    accounts: tuple[NetSuite, Klaviyo], run_flow: Callable[[str], dict[str, Any]]
) -> None:
    _, klaviyo = accounts
    report_ = run_flow("case_writers")
    assert report_["adds_up"]
    klaviyo.settled()
    profiles = list(klaviyo.rows("profiles"))
    assert len(profiles) == report_["records"]["delivered"]
    assert all(profile["properties"]["casenumber"] for profile in profiles)
    assert not list(klaviyo.rows("consents"))
