"""Klaviyo's side of the check: each thing that can be wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
import requests
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
    assert f"whether the key has {', '.join(WRITING[flow])}, and data-privacy:write" in finding.sentence


def test_events_are_read_back_and_that_needs_scopes_too(line: Line) -> None:
    finding = line.with_store(flows={"quotes": {}}).check()["Klaviyo reading"]
    assert finding.verdict is Verdict.RIGHT
    assert "events:read, metrics:read" in finding.sentence


CONSENTS = {"list": "News", "consented_at": "custentity_opted_in_at"}


def with_consents(line: Line, **settings: Any) -> Line:
    """A store whose flow consents is all that needs Klaviyo's lists and events."""
    return line.with_store(flows={"catalog": {}}, consents=CONSENTS | settings)


def make_list(line: Line, opt_in: str, name: str = "News") -> None:
    body = {"data": {"type": "list", "attributes": {"name": name, "opt_in_process": opt_in}}}
    headers = line.klaviyo.headers() | {"Content-Type": "application/vnd.api+json"}
    requests.post(f"{line.klaviyo.url}/api/lists", json=body, headers=headers, timeout=10).raise_for_status()


@pytest.fixture
def emptied(line: Line) -> Line:
    line.klaviyo.reset()
    return line


def test_consents_need_scopes_of_their_own(emptied: Line) -> None:
    key = emptied.klaviyo.make_key("accounts:read", "catalogs:read", "profiles:read")
    assert emptied.but(key=key).with_store(flows={"catalog": {}}).check().wrong == []
    findings = with_consents(emptied.but(key=key)).check()
    assert findings.wrong == ["Klaviyo reading"]
    for scope in ("lists:read", "events:read", "metrics:read"):
        assert f"needs {scope}" in findings["Klaviyo reading"].sentence
    assert "subscriptions:read" not in findings["Klaviyo reading"].sentence
    assert findings["Klaviyo list"].verdict is Verdict.SKIPPED
    assert "lists:write, profiles:write, subscriptions:write" in findings["Klaviyo writing"].sentence


def test_suppressing_is_followed_and_that_needs_a_scope_too(emptied: Line) -> None:
    make_list(emptied, "double_opt_in")
    reads = ("accounts", "catalogs", "profiles", "lists", "events", "metrics")
    key = emptied.klaviyo.make_key(*(f"{each}:read" for each in reads))
    assert with_consents(emptied.but(key=key)).check().wrong == []
    findings = with_consents(emptied.but(key=key), suppress=True).check()
    assert "needs subscriptions:read" in findings["Klaviyo reading"].sentence
    assert with_consents(emptied, suppress=True).check().wrong == []


def test_consents_that_are_off_need_nothing(emptied: Line) -> None:
    findings = with_consents(emptied, enabled=False).check()
    assert findings.wrong == []
    assert "Klaviyo list" not in findings.steps(*Verdict)
    assert "subscriptions:write" not in findings["Klaviyo writing"].sentence


def test_the_list_of_the_opt_ins(emptied: Line) -> None:
    missing = with_consents(emptied).check()["Klaviyo list"]
    assert missing.verdict is Verdict.WRONG
    assert "has no lists with the id or name 'News'" in missing.sentence
    assert "'consents.list'" in missing.sentence
    make_list(emptied, "double_opt_in")
    assert with_consents(emptied).check()["Klaviyo list"].verdict is Verdict.RIGHT
    make_list(emptied, "single_opt_in", "Open")
    single = with_consents(emptied, list="Open").check()["Klaviyo list"]
    assert single.verdict is Verdict.WARNING
    assert "single opt-in" in single.sentence
    make_list(emptied, "single_opt_in", "Open")
    twice = with_consents(emptied, list="Open").check()["Klaviyo list"]
    assert twice.verdict is Verdict.WRONG
    assert "2 lists" in twice.sentence


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
