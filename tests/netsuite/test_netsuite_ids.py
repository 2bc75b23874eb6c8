"""Chosen records of a saved search, by their internal ids."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsuite_connector.netsuite import NetSuiteClient, OAuth2ClientCredentials
from netsuite_connector.netsuite import client as client_module
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox
from netsuite_connector.window import Window

SEARCH = "customsearch_nsk_customers"
COUNT = 12


@pytest.fixture(scope="module")
def account() -> Iterator[SandboxAccount]:
    with running_sandbox() as running:
        for number in range(COUNT):
            of = {"subsidiary": str(number % 3 + 1)}
            running.create("customer", stage="CUSTOMER", entityid="C", email="c@shop.example", **of)
        yield running


@pytest.fixture(scope="module")
def client(account: SandboxAccount) -> NetSuiteClient:
    session, mine = requests.Session(), account.credentials
    auth = OAuth2ClientCredentials(
        session=session,
        token_url=account.token_url,
        client_id=mine.client_id,
        certificate_id=mine.certificate_id,
        private_key=mine.private_key,
    )
    return NetSuiteClient(session, account.restlet_url, auth)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    places=st.lists(st.integers(-1, COUNT + 1), max_size=10),
    most=st.integers(1, 4),
    page_rows=st.integers(1, 3),
    lanes=st.integers(1, 3),
)
def test_exactly_the_records_asked_for_come_in_order(  # noqa: PLR0917
    account: SandboxAccount,
    client: NetSuiteClient,
    monkeypatch: pytest.MonkeyPatch,
    places: list[int],
    most: int,
    page_rows: int,
    lanes: int,
) -> None:
    """Also ids that are asked for twice, or that there are none of; and none at all."""
    monkeypatch.setattr(client_module, "_MOST_IDS", most)
    there = [record["internalid"] for record in account.records("customer")]
    asked = [there[0] + place for place in places]
    pages = list(client.pages(SEARCH, Window(), ids=asked, page_rows=page_rows, lanes=lanes))
    read = [id_ for page in pages for id_ in page.batch.column("internalid").to_pylist()]
    assert read == sorted(set(asked) & set(there))
    assert pages[0].batch.num_columns > 1
    assert [page.done for page in pages] == [False] * (len(pages) - 1) + [True]


def test_a_window_narrows_further(account: SandboxAccount, client: NetSuiteClient) -> None:
    there = [record["internalid"] for record in account.records("customer")]
    window = Window.parse(None, "2001-01-01T00:00:00Z")
    (page,) = client.pages(SEARCH, window, ids=there)
    assert page.batch.num_rows == 0


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.sampled_from(["1", "2", "3", "9"]), min_size=1, unique=True),
    most=st.integers(1, 3),
    page_rows=st.integers(1, 3),
)
def test_records_with_a_value_come_however_many_values_there_are(  # noqa: PLR0917
    account: SandboxAccount,
    client: NetSuiteClient,
    monkeypatch: pytest.MonkeyPatch,
    values: list[str],
    most: int,
    page_rows: int,
) -> None:
    monkeypatch.setattr(client_module, "_MOST_IDS", most)
    records = list(account.records("customer"))
    pages = client.related(SEARCH, "subsidiary", values, page_rows=page_rows)
    read = [id_ for page in pages for id_ in page.batch.column("internalid").to_pylist()]
    assert sorted(read) == [each["internalid"] for each in records if each["subsidiary"] in values]
    chosen = {"internalid": [str(records[0]["internalid"])]}
    (page,) = client.related(SEARCH, "subsidiary", ["1"], only=chosen)
    assert page.batch.column("internalid").to_pylist() == [records[0]["internalid"]]
