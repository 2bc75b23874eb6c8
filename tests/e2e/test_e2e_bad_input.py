"""What a person must mend: one sentence that says what, and nothing lost or delivered twice once it is
mended.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from e2e_line import start

from netsuite_connector.errors import MendError
from netsuite_connector.klaviyo.errors import KlaviyoKeyError
from netsuite_connector.netsuite import (
    NetSuiteClient,
    NetSuiteLoginError,
    OAuth2ClientCredentials,
    token_based,
)
from netsuite_connector.netsuite.account import Account
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.window import Window

pytestmark = pytest.mark.line
NewLine = Callable[[NetSuite, Klaviyo], Any]


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[NetSuite, Klaviyo]]:
    with running_netsuite(customers=60, items=30, orders=60) as netsuite, running_klaviyo() as klaviyo:
        yield netsuite, klaviyo


@pytest.fixture
def line(accounts: tuple[NetSuite, Klaviyo], new_line: NewLine) -> Any:
    netsuite, klaviyo = accounts
    netsuite.clear_faults()
    klaviyo.clear_faults()
    klaviyo.reset()
    return new_line(netsuite, klaviyo)


def test_wrong_netsuite_credentials_name_what_to_check(line: Any) -> None:
    netsuite: NetSuite = line.netsuite
    session = requests.Session()
    wrong = OAuth2ClientCredentials(
        session=session,
        token_url=netsuite.token_url,
        client_id="somebody-else",
        certificate_id=netsuite.credentials.certificate_id,
        private_key=netsuite.credentials.private_key,
    )
    with pytest.raises(MendError, match="client id"):
        NetSuiteClient(session, netsuite.restlet_url, wrong, sleep=lambda _: None).about()
    signer = token_based(
        Account.of(netsuite.credentials.account, restlet_base=netsuite.url),
        consumer_key=netsuite.credentials.consumer_key,
        consumer_secret="wrong",
        token_id=netsuite.credentials.token_id,
        token_secret=netsuite.credentials.token_secret,
    )
    with pytest.raises(NetSuiteLoginError):
        NetSuiteClient(session, netsuite.restlet_url, signer, sleep=lambda _: None).about()


def test_a_wrong_klaviyo_key_is_told_without_showing_it(line: Any) -> None:
    with pytest.raises(KlaviyoKeyError) as caught:
        line.klaviyo_client("pk_wrong").account()
    assert "key" in str(caught.value)
    assert "pk_wrong" not in str(caught.value)


def test_a_search_that_does_not_exist_is_named(line: Any) -> None:
    flows = line.store.flows | {
        "orders": line.store.flows["orders"].model_copy(update={"searches": {"orders": "customsearch_gone"}})
    }
    line.store = line.store.model_copy(update={"flows": flows})
    with pytest.raises(MendError, match="customsearch_gone"):
        line.run("orders")
    assert line.klaviyo.state()["requests"] == {}


@pytest.mark.parametrize(
    ("flow", "search", "column", "label"),
    [
        ("customers", "customsearch_nsk_contacts", "email", r"Email \(email\)"),
        ("catalog", "customsearch_nsk_items", "baseprice", r"Base Price \(baseprice\)"),
        ("orders", "customsearch_nsk_orders", "amount", r"Amount \(amount\)"),
    ],
)
def test_a_removed_mandatory_column_stops_the_run_before_a_row_moves(
    line: Any, flow: str, search: str, column: str, label: str
) -> None:
    before = line.netsuite.search(search)["columns"]
    line.netsuite.remove_column(search, column)
    try:
        with pytest.raises(MendError, match=f"{search}.*{label}"):
            line.run(flow)
        assert line.klaviyo.state()["requests"] == {}
    finally:
        line.netsuite.replace_search(search, columns=before)
    assert line.run(flow)["adds_up"], "mended, it goes on"


def test_columns_added_and_labels_renamed_by_an_administrator_flow_through(line: Any) -> None:
    before = line.netsuite.search("customsearch_nsk_customers")["columns"]
    renamed = [column | {"label": f"Mi {column['label']}"} for column in before]
    added = [*renamed, {"name": "comments", "label": "Notes"}]
    line.netsuite.replace_search("customsearch_nsk_customers", columns=list(reversed(added)))
    somebody = next(
        record for record in line.netsuite.records("customer") if "@" in (record.get("email") or "")
    )
    line.netsuite.update("customer", somebody["internalid"], comments="Likes tents")
    try:
        assert line.run("customers")["adds_up"]
    finally:
        line.netsuite.replace_search("customsearch_nsk_customers", columns=before)
    noted = [
        row
        for row in line.klaviyo.rows("profiles")
        if (row["properties"] or {}).get("comments") == "Likes tents"
    ]
    assert len(noted) == 1


def test_a_summary_search_is_refused_with_the_reason(line: Any) -> None:
    search = "customsearch_nsk_orders"
    before = line.netsuite.search(search)["columns"]
    grouped = [column | ({"summary": "GROUP"} if column["name"] == "tranid" else {}) for column in before]
    line.netsuite.replace_search(search, columns=grouped)
    try:
        with pytest.raises(MendError, match="summary"):
            line.run("orders")
    finally:
        line.netsuite.replace_search(search, columns=before)


def test_faults_on_both_sides_end_in_the_same_numbers(line: Any) -> None:
    whole = line.run("customers", end="2029-01-01T00:00:00Z", dry_run=True)
    for fault in ("error_503", "truncated", "reset"):
        line.netsuite.fault(fault, times=1)
    line.klaviyo.fault("throttle", retry_after=0)
    line.klaviyo.fault("reset_after_commit", endpoint="POST /api/profile-bulk-import-jobs")
    line.klaviyo.fault("html_502", skip=2)
    report = line.run("customers")
    assert report["rows"] == whole["rows"]
    assert len(line.klaviyo.rows("profiles")) == report["records"]["delivered"]


def test_a_search_that_timed_out_as_empty_is_not_taken_for_no_rows(line: Any) -> None:
    line.netsuite.fault("empty_search", action="page")
    assert line.run("customers")["rows"]["extracted"] > 60


def begun(folder: Path, stage: str, since: float) -> bool:
    """Whether a run of orders has written anything of a stage since a moment."""
    written = (folder / "staging" / "demo" / "orders" / "runs").glob(f"*/{stage}/**/*")
    with suppress(FileNotFoundError):  # replaced meanwhile: the next look tells
        return any(file.is_file() and file.stat().st_mtime >= since for file in written)
    return False


def test_a_run_that_is_killed_in_each_stage_goes_on_when_it_is_run_again(line: Any, tmp_path: Path) -> None:
    expected = line.run("orders", end="2029-01-01T00:00:00Z", dry_run=True)
    for stage in ("extract", "valid", "records", "push"):
        since = time.time()
        process = start(line, "orders", tmp_path)
        try:
            while not begun(tmp_path, stage, since):
                assert process.poll() is None
                assert time.time() < since + 60
                time.sleep(0.01)
        finally:
            process.kill()
            process.wait()
    report = line.run("orders")
    rows = report["rows"]
    assert rows["extracted"] == expected["rows"]["extracted"]
    assert rows["rejected"] == expected["rows"]["rejected"]
    assert rows["delivered"] + rows["unchanged"] == expected["rows"]["delivered"]
    line.klaviyo.settled()
    events = line.klaviyo.rows("events")
    # The order's cancellation has the order's identity, under a name of its own.
    identities = {(event["metric"], event["unique_id"]) for event in events}
    profiles = {event["email"] for event in events if event["metric"] == "Placed Order"}
    assert len(events) == len(identities)
    assert len(events) + len(profiles) == expected["records"]["delivered"]


def test_a_full_disk_is_told_and_a_run_with_room_delivers(line: Any, tmp_path: Path) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(MendError, match=r"(?i)space|room|large"):
            line.run("customers")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert line.klaviyo.rows("profiles") == []
    assert line.run("customers")["adds_up"]


def test_a_source_that_the_flow_does_not_have_is_named(line: Any) -> None:
    from netsuite_connector.domains.registry import DOMAINS
    from netsuite_connector.flows.run import check_searches

    settings = line.store.flows["orders"].model_copy(update={"searches": {"order": "customsearch_x"}})
    store = line.store.model_copy(update={"flows": {**line.store.flows, "orders": settings}})
    with pytest.raises(MendError, match=r"'flows\.orders\.searches\.order' is not a source"):
        check_searches(store, DOMAINS["orders"])


def test_a_window_that_cannot_be_is_told() -> None:
    with pytest.raises(MendError, match="not before its end"):
        Window.parse("2026-11-02T00:00:00Z", "2026-11-01T00:00:00Z")
    with pytest.raises(MendError, match="is no moment"):
        Window.parse("yesterday", None)


def test_a_limit_reads_no_more_than_asked_for_and_tears_no_order(line: Any) -> None:
    report = line.run("orders", limit=20)
    # Of each of the three searches: orders, fulfilments, refunds.
    assert 20 <= report["rows"]["extracted"] < 90
    events = line.klaviyo.rows("events")
    orders = {event["properties"]["OrderId"] for event in events if event["metric"] == "Placed Order"}
    raw = {record["tranid"]: record for record in line.netsuite.records("transaction")}
    ordered = [event for event in line.klaviyo.rows("events") if event["metric"] == "Ordered Product"]
    for order in orders:
        lines = [each for each in raw[order]["lines"] if each["kind"] == "item"]
        assert sum(event["properties"]["OrderId"] == order for event in ordered) == len(lines)


def test_a_window_reads_only_what_changed_in_it(line: Any) -> None:
    assert line.run("customers", end="2030-01-01T00:00:00Z")["adds_up"]
    someone = next(
        record for record in line.netsuite.records("customer") if "@" in (record.get("email") or "")
    )
    line.netsuite.update(
        "customer", someone["internalid"], lastname="Changed", lastmodifieddate="2030-02-01T10:00:00Z"
    )
    report = line.run("customers", start="2030-02-01T09:59:00Z", end="2030-02-01T10:01:00Z")
    assert report["rows"]["extracted"] == 1
