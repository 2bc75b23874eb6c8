"""The client against the sandbox account, which runs the very RESTlet that ships, in a time zone that is not
UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from netsuite_far_side import pem
from requests.auth import AuthBase

from netsuite_connector.netsuite import (
    Account,
    NetSuiteClient,
    NetSuiteColumnError,
    NetSuiteFaultError,
    NetSuiteLimitError,
    NetSuiteLoginError,
    NetSuiteScriptError,
    NetSuiteSearchError,
    NetSuiteTokenError,
    OAuth2ClientCredentials,
    token_based,
)
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox
from netsuite_connector.window import Window

CUSTOMERS = "customsearch_nsk_customers"
ORDERS = "customsearch_nsk_orders"
ALL = Window()
Login = Callable[[requests.Session], AuthBase]


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxAccount]:
    with running_sandbox("--timezone", "Asia/Kolkata", customers=150, items=30, orders=80) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: SandboxAccount) -> Iterator[SandboxAccount]:
    searches = [running.search(each) for each in (CUSTOMERS, ORDERS)]
    yield running
    running.clear_faults()
    running.settings(units=5000, output_bytes=10 * 1024 * 1024, concurrency=5, latency=0)
    for search in searches:
        running.replace_search(search["id"], **search)


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def oauth2(sandbox: SandboxAccount, session: requests.Session, **change: Any) -> OAuth2ClientCredentials:
    own = sandbox.credentials
    settings = {
        "client_id": own.client_id,
        "certificate_id": own.certificate_id,
        "private_key": own.private_key,
        **change,
    }
    return OAuth2ClientCredentials(session=session, token_url=sandbox.token_url, **settings)


def tokens(sandbox: SandboxAccount, **change: str) -> AuthBase:
    own = replace(sandbox.credentials, **change)
    return token_based(
        Account.of(own.account),
        consumer_key=own.consumer_key,
        consumer_secret=own.consumer_secret,
        token_id=own.token_id,
        token_secret=own.token_secret,
    )


@pytest.fixture(params=["oauth2", "tokens"])
def client(
    request: pytest.FixtureRequest, sandbox: SandboxAccount, session: requests.Session
) -> NetSuiteClient:
    auth = oauth2(sandbox, session) if request.param == "oauth2" else tokens(sandbox)
    return NetSuiteClient(session, sandbox.url, auth, sleep=lambda _: None)


@pytest.fixture
def oauth_client(sandbox: SandboxAccount, session: requests.Session) -> NetSuiteClient:
    return NetSuiteClient(session, sandbox.url, oauth2(sandbox, session), sleep=lambda _: None)


def table(client: NetSuiteClient, search: str = CUSTOMERS, window: Window = ALL, **bounded: Any) -> pa.Table:
    pages = client.pages(search, window, **{"page_rows": 40, **bounded})
    return pa.Table.from_batches([page.batch for page in pages])


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_both_logins_see_the_account(client: NetSuiteClient, sandbox: SandboxAccount) -> None:
    about = client.about()

    assert about.account == sandbox.credentials.account
    assert abs(about.now - datetime.now(UTC)) < timedelta(minutes=1)
    assert CUSTOMERS in {search.id for search in client.searches()}


def test_every_customer_comes_once_as_the_account_holds_it(
    client: NetSuiteClient, sandbox: SandboxAccount
) -> None:
    records = list(sandbox.records("customer"))

    rows = table(client)

    assert rows.num_rows == client.bounds(CUSTOMERS, ALL).count == len(records)
    for name in ("internalid", "isperson", "globalsubscriptionstatus"):
        assert rows[name].to_pylist() == [record[name] for record in records]
    assert rows["email"].to_pylist() == [record["email"] or None for record in records]
    assert rows["lastmodifieddate"].to_pylist() == [moment(record["lastmodifieddate"]) for record in records]
    assert set(rows["globalsubscriptionstatus__text"].to_pylist()) <= {
        "Soft Opt-In",
        "Soft Opt-Out",
        "Confirmed Opt-In",
        "Confirmed Opt-Out",
    }


def test_described_columns_are_those_of_the_pages(oauth_client: NetSuiteClient) -> None:
    info = oauth_client.describe(ORDERS)
    schema = table(oauth_client, ORDERS).schema

    assert info.lines
    assert [column.key for column in info.columns] == [name for name in schema.names if "__text" not in name]
    assert all(schema.field(column.key).metadata[b"type"] == column.type.encode() for column in info.columns)


@pytest.mark.parametrize("page_rows", [1, 7, 5000])
def test_no_page_ends_inside_a_transaction(oauth_client: NetSuiteClient, page_rows: int) -> None:
    pages = list(oauth_client.pages(ORDERS, ALL, page_rows=page_rows))

    ids = [set(page.batch.column("internalid").to_pylist()) for page in pages]
    keys = [key for page in pages for key in page.batch.column("lineuniquekey").to_pylist()]
    assert sum(map(len, ids)) == len(set().union(*ids))
    assert len(keys) == len(set(keys)) == oauth_client.bounds(ORDERS, ALL).count


@pytest.mark.parametrize("page_rows", [20, 50])
def test_lanes_give_what_one_call_after_another_gives(oauth_client: NetSuiteClient, page_rows: int) -> None:
    whole = table(oauth_client, ORDERS)

    assert table(oauth_client, ORDERS, page_rows=page_rows, lanes=4).equals(whole)


def test_lists_of_ids_and_another_stamp_narrow_an_extract(
    oauth_client: NetSuiteClient, sandbox: SandboxAccount
) -> None:
    made = {each["internalid"]: moment(each["datecreated"]) for each in sandbox.records("customer")}
    start = sorted(made.values())[100].replace(second=0)
    window = Window(start, None)
    stages = {each["internalid"]: each["stage"] for each in sandbox.records("customer")}
    only = {"stage": ["CUSTOMER"]}

    rows = table(oauth_client, window=window, stamp="datecreated", only=only, lanes=3)
    found = oauth_client.bounds(CUSTOMERS, window, stamp="datecreated", only=only)

    expected = [each for each, moment in made.items() if moment >= start and stages[each] == "CUSTOMER"]
    assert rows["internalid"].to_pylist() == expected
    assert 0 < found.count == len(expected) < 50


def test_a_window_gives_what_changed_in_it_to_the_minute(
    oauth_client: NetSuiteClient, sandbox: SandboxAccount
) -> None:
    changes = {each["internalid"]: moment(each["lastmodifieddate"]) for each in sandbox.records("customer")}
    ordered = sorted(changes.values())
    start, end = ordered[30], ordered[90]
    window = Window(start, end)

    rows = table(oauth_client, window=window)

    expected = [each for each, changed in changes.items() if start <= changed < end]
    assert rows["internalid"].to_pylist() == expected
    assert oauth_client.bounds(CUSTOMERS, window).count == len(expected)


def test_ids_bound_an_extract(oauth_client: NetSuiteClient, sandbox: SandboxAccount) -> None:
    ids = [record["internalid"] for record in sandbox.records("customer")]

    rows = table(oauth_client, after=ids[9], until=ids[99])
    found = oauth_client.bounds(CUSTOMERS, ALL, after=ids[9], until=ids[99])

    assert rows["internalid"].to_pylist() == ids[10:100]
    assert (found.count, found.first, found.last) == (90, ids[10], ids[99])


def test_a_window_in_which_nothing_changed_still_names_the_columns(oauth_client: NetSuiteClient) -> None:
    rows = table(oauth_client, window=Window.parse("1999-01-01T00:00:00Z", "1999-01-02T00:00:00Z"))

    assert rows.num_rows == 0
    assert "email" in rows.schema.names


@pytest.mark.parametrize(
    "fault", ["error_500", "error_503", "truncated", "reset", "login", "concurrency", "empty_search"]
)
def test_a_passing_fault_changes_nothing(client: NetSuiteClient, sandbox: SandboxAccount, fault: str) -> None:
    whole = table(client)
    sandbox.fault(fault, times=2, skip=1, action="page")
    if fault != "empty_search":
        sandbox.fault(fault, action="bounds")

    assert table(client).equals(whole)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("error_500", NetSuiteFaultError),
        ("truncated", NetSuiteFaultError),
        ("reset", NetSuiteFaultError),
        ("empty_search", NetSuiteFaultError),
        ("login", NetSuiteLoginError),
        ("concurrency", NetSuiteLimitError),
    ],
)
def test_a_lasting_fault_gets_its_typed_error(
    client: NetSuiteClient, sandbox: SandboxAccount, fault: str, kind: type[Exception]
) -> None:
    sandbox.fault(fault, times=99, skip=1, action="page")

    with pytest.raises(kind):
        table(client)


def test_tokens_that_are_withdrawn_during_an_extract_are_replaced(
    oauth_client: NetSuiteClient, sandbox: SandboxAccount
) -> None:
    ids: list[int] = []
    for page in oauth_client.pages(CUSTOMERS, ALL, page_rows=50):
        ids += page.batch.column("internalid").to_pylist()
        sandbox.revoke_tokens()

    assert ids == [record["internalid"] for record in sandbox.records("customer")]


def test_a_fault_of_the_token_endpoint_passes(oauth_client: NetSuiteClient, sandbox: SandboxAccount) -> None:
    sandbox.fault("error_503", times=2, target="token")

    assert oauth_client.about().account == sandbox.credentials.account


def test_an_rsa_certificate_works(
    sandbox: SandboxAccount, session: requests.Session, rsa_key: rsa.RSAPrivateKey
) -> None:
    auth = oauth2(
        sandbox, session, private_key=pem(rsa_key), certificate_id=sandbox.add_certificate(pem(rsa_key))
    )

    assert NetSuiteClient(session, sandbox.url, auth).about().account == sandbox.credentials.account


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "another"},
        {"certificate_id": "another"},
        {"private_key": pem(ec.generate_private_key(ec.SECP256R1()))},
    ],
)
def test_wrong_oauth2_credentials_say_what_to_check(
    sandbox: SandboxAccount, session: requests.Session, change: dict[str, str]
) -> None:
    client = NetSuiteClient(session, sandbox.url, oauth2(sandbox, session, **change))

    with pytest.raises(NetSuiteTokenError, match="certificate id"):
        client.about()


@pytest.mark.parametrize("name", ["consumer_key", "consumer_secret", "token_id", "token_secret", "account"])
def test_wrong_tokens_say_what_to_check(
    sandbox: SandboxAccount, session: requests.Session, name: str
) -> None:
    auth = tokens(sandbox, **{name: "7654321"})
    client = NetSuiteClient(session, sandbox.url, auth, sleep=lambda _: None)

    with pytest.raises(NetSuiteLoginError, match="tokens or the certificate"):
        client.about()


def test_a_search_that_does_not_exist_is_named(client: NetSuiteClient) -> None:
    for call in (
        client.describe,
        lambda search: client.bounds(search, ALL),
        lambda search: table(client, search),
    ):
        with pytest.raises(NetSuiteSearchError, match="customsearch_gone"):
            call("customsearch_gone")


def test_a_column_that_does_not_exist_is_named(oauth_client: NetSuiteClient, sandbox: SandboxAccount) -> None:
    columns = [*sandbox.search(CUSTOMERS)["columns"], {"name": "custentity_gone", "label": "Gone"}]
    sandbox.replace_search(CUSTOMERS, columns=columns)

    with pytest.raises(NetSuiteColumnError) as caught:
        table(oauth_client)

    assert caught.value.columns == ("custentity_gone",)
    assert CUSTOMERS in str(caught.value)


def test_a_column_removed_during_an_extract_is_named(
    oauth_client: NetSuiteClient, sandbox: SandboxAccount
) -> None:
    pages = oauth_client.pages(CUSTOMERS, ALL, page_rows=50)
    next(pages)
    sandbox.remove_column(CUSTOMERS, "phone")

    with pytest.raises(NetSuiteColumnError, match=r"phone \(gone\)"):
        next(pages)


def test_a_label_changed_during_an_extract_does_no_harm(
    oauth_client: NetSuiteClient, sandbox: SandboxAccount
) -> None:
    pages = oauth_client.pages(CUSTOMERS, ALL, page_rows=50)
    first = next(pages)
    columns = sandbox.search(CUSTOMERS)["columns"]
    sandbox.replace_search(CUSTOMERS, columns=[{**each, "label": "New " + each["label"]} for each in columns])

    rows = pa.Table.from_batches([page.batch for page in [first, *pages]])

    assert rows.num_rows == 150


def test_a_summary_search_is_refused(oauth_client: NetSuiteClient, sandbox: SandboxAccount) -> None:
    columns = [{**each, "summary": "GROUP"} for each in sandbox.search(CUSTOMERS)["columns"]]
    sandbox.replace_search(CUSTOMERS, columns=columns)

    with pytest.raises(NetSuiteSearchError, match="remove the summary types"):
        oauth_client.describe(CUSTOMERS)


@pytest.mark.parametrize("part", ["script", "deploy"])
def test_a_restlet_that_is_not_there_says_what_to_check(
    sandbox: SandboxAccount, session: requests.Session, part: str
) -> None:
    client = NetSuiteClient(session, sandbox.url, oauth2(sandbox, session), **{part: "customscript_other"})  # type: ignore[arg-type]

    with pytest.raises(NetSuiteScriptError, match="script and deployment ids"):
        client.about()


def test_a_record_made_during_an_extract_comes_too(
    oauth_client: NetSuiteClient, sandbox: SandboxAccount
) -> None:
    pages = oauth_client.pages(CUSTOMERS, ALL, page_rows=100)
    next(pages)
    made = sandbox.create("customer", entityid="NEW", stage="LEAD", email="new@inbox.example")

    ids = [each for page in pages for each in page.batch.column("internalid").to_pylist()]
    sandbox.delete("customer", made["internalid"])
    assert ids[-1] == made["internalid"]


def test_deleted_records_are_found_in_their_window(
    oauth_client: NetSuiteClient, sandbox: SandboxAccount
) -> None:
    gone = []
    for minute in range(4):
        record = sandbox.create("customer", entityid=f"GONE{minute}", stage="LEAD")
        sandbox.delete("customer", record["internalid"], f"2026-11-20T10:0{minute}:00Z")
        gone.append(record["internalid"])
    window = Window.parse("2026-11-20T10:01:00Z", "2026-11-20T10:03:00Z")

    pages = list(oauth_client.deleted(["customer", "lead"], window, page_rows=1))

    rows = pa.Table.from_batches([page.batch for page in pages])
    assert rows["internalid"].to_pylist() == gone[1:3]
    assert set(rows["recordtype"].to_pylist()) == {"lead"}
    assert rows.schema.names == ["internalid", "recordtype", "deleteddate"]
    assert len(pages) > 1


def test_pages_that_end_early_for_units_make_a_whole_extract(
    oauth_client: NetSuiteClient, sandbox: SandboxAccount
) -> None:
    whole = table(oauth_client, ORDERS)
    sandbox.settings(units=115)

    assert table(oauth_client, ORDERS, page_rows=5000).equals(whole)


def test_more_callers_than_netsuite_lets_in_all_get_their_rows(
    sandbox: SandboxAccount, session: requests.Session
) -> None:
    sandbox.settings(concurrency=2, latency=0.02)
    client = NetSuiteClient(session, sandbox.url, oauth2(sandbox, session), tries=12)

    with ThreadPoolExecutor(4) as callers:
        counts = list(callers.map(lambda _: client.bounds(CUSTOMERS, ALL).count, range(8)))

    assert len(set(counts)) == 1
