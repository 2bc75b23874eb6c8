"""Klaviyo's side of the check: each thing that can be wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from check_line import Line

from netsuite_connector.checks.finding import Verdict
from netsuite_connector.checks.klaviyo import AFTER_KEY
from netsuite_connector.checks.store import check_store
from netsuite_connector.errors import MendError
from netsuite_connector.klaviyo.client import KlaviyoClient

WRITING = {
    "catalog": ["catalogs:write"],
    "customers": ["lists:write", "profiles:write"],
    "orders": ["events:write", "lists:write", "profiles:write"],
}


@pytest.fixture
def short(line: Line) -> Line:
    """A store with the one flow, so that NetSuite's side takes less."""
    return line.with_store(flows={"customers": {}})


def test_whose_key_it_is(short: Line) -> None:
    finding = short.check()["Klaviyo account"]
    assert finding.verdict is Verdict.RIGHT
    assert "Sandbox account" in finding.sentence


def test_a_wrong_key(short: Line) -> None:
    findings = short.but(key="pk_wrong").check()
    assert findings.wrong == ["Klaviyo key"]
    assert "Put a valid private key into the Klaviyo connection" in findings["Klaviyo key"].sentence
    assert "pk_wrong" not in findings["Klaviyo key"].sentence
    assert findings.steps(Verdict.SKIPPED) == list(AFTER_KEY)
    assert findings["page of customers"].verdict is Verdict.RIGHT


def test_a_connection_without_a_key(short: Line) -> None:
    def open_klaviyo() -> KlaviyoClient:
        raise MendError("Connection 'x' has no private API key: fill in the field 'password'.")

    findings = list(check_store(short.store, short.netsuite_client, open_klaviyo))
    assert [each.step for each in findings if each.verdict is Verdict.WRONG] == ["Klaviyo key"]


def test_a_key_without_the_scopes_of_a_flow(line: Line) -> None:
    key = line.klaviyo.make_key("accounts:read", "catalogs:read", "events:write")
    findings = line.but(key=key).check()
    assert findings.wrong == ["Klaviyo reading"]
    assert "needs lists:read and profiles:read" in findings["Klaviyo reading"].sentence
    assert "needs metrics:read" in findings["Klaviyo reading"].sentence
    assert findings["Klaviyo revision"].verdict is Verdict.RIGHT
    catalog_only = line.but(key=key).with_store(flows={"catalog": {}}).check()
    assert catalog_only.wrong == []


def test_a_key_that_may_not_say_whose_it_is(short: Line) -> None:
    findings = short.but(key=short.klaviyo.make_key("lists:read", "profiles:read")).check()
    assert findings.wrong == []
    assert findings["Klaviyo account"].verdict is Verdict.WARNING
    assert "accounts:read" in findings["Klaviyo account"].sentence
    assert findings["Klaviyo reading"].verdict is Verdict.RIGHT


@pytest.mark.parametrize("flow", sorted(WRITING))
def test_what_the_key_must_be_able_to_write_is_said(line: Line, flow: str) -> None:
    finding = line.with_store(flows={flow: {}}).check()["Klaviyo writing"]
    assert finding.verdict is Verdict.SKIPPED
    assert finding.sentence.endswith(f"whether the key has {', '.join(WRITING[flow])}.")


def test_events_are_read_back_and_that_needs_scopes_too(line: Line) -> None:
    finding = line.with_store(flows={"quotes": {}}).check()["Klaviyo reading"]
    assert finding.verdict is Verdict.RIGHT
    assert "events:read, metrics:read" in finding.sentence


def test_another_currency_than_the_accounts(short: Line) -> None:
    finding = short.with_store(currency="EUR").check()["Klaviyo account"]
    assert finding.verdict is Verdict.WARNING
    assert "currency is USD, while the store sends amounts in EUR" in finding.sentence


def test_a_retired_revision(short: Line) -> None:
    findings = short.but(revision="2020-01-01").check()
    assert findings.wrong == ["Klaviyo revision"]
    assert "Set a newer revision" in findings["Klaviyo revision"].sentence
    assert findings["Klaviyo key"].verdict is Verdict.SKIPPED


def test_a_revision_that_ends_soon(short: Line) -> None:
    # The oldest one that Klaviyo still serves: they come out every quarter and last two years.
    today = datetime.now(UTC).date()
    published = [date(today.year - age, month, 15) for age in (2, 1) for month in (1, 4, 7, 10)]
    revision = next(day for day in published if day.replace(year=day.year + 2) > today).isoformat()
    finding = short.but(revision=revision).check()["Klaviyo revision"]
    assert finding.verdict is Verdict.WARNING
    assert f"serves the API revision {revision} only until" in finding.sentence
