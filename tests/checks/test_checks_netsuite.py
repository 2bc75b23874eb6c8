"""NetSuite's side of the check: everything right, and each thing that can be wrong."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from check_line import Line
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from netsuite_connector.checks.finding import Verdict
from netsuite_connector.checks.netsuite import AFTER_LOGIN
from netsuite_connector.checks.store import check_store
from netsuite_connector.errors import MendError
from netsuite_connector.netsuite import NetSuiteClient
from netsuite_connector.netsuite.restlet import RESTLET_VERSION
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox

ROOT = Path(__file__).resolve().parents[2]
SUITECLOUD = ROOT / "include" / "suitecloud"
SCRIPTS = Path("src", "FileCabinet", "SuiteScripts", "nsk")
ITEMS, CUSTOMERS, ORDERS = (f"customsearch_nsk_{name}" for name in ("items", "customers", "orders"))
SEARCHES = [
    *(
        "catalog.items",
        "catalog.variants",
        "catalog.matrix_parents",
        "catalog.item_categories",
        "catalog.images",
    ),
    *("stock", "stock.changed_items", "stock.changed_variants", "stock.matrix_parents"),
    *("customers", "customers.contacts"),
    *("orders", "orders.fulfilments", "orders.refunds", "orders.links", "orders.matrix_children"),
]


def test_the_wanted_version_is_the_one_that_ships() -> None:
    (version,) = re.findall(r"VERSION = '(.+)'", (SUITECLOUD / SCRIPTS / "restlet.js").read_text())
    assert version == RESTLET_VERSION


def test_everything_is_right(line: Line) -> None:
    findings = line.check()
    assert findings.steps(Verdict.WRONG, Verdict.WARNING) == []
    assert [each.step for each in findings.all] == [
        *("store", "NetSuite login", "RESTlet", "NetSuite account", "clock", "dates", "configuration record"),
        *(f"search {name}" for name in SEARCHES),
        "concurrency",
        *(f"page of {name}" for name in SEARCHES),
        *("deleted records", "outbox"),
        *("Klaviyo key", "Klaviyo account", "Klaviyo reading", "Klaviyo writing", "Klaviyo revision"),
    ]
    rows = sum(1 for _ in line.netsuite.records("customer"))
    assert f"{rows} rows, 15 units" in findings["page of customers"].sentence
    assert "2 calls at once are answered" in findings["concurrency"].sentence
    assert "M/D/YYYY" in findings["dates"].sentence


def test_no_sentence_is_personal(line: Line) -> None:
    said = " ".join(each.sentence for each in line.check().all)
    people = [*line.netsuite.records("customer"), *line.netsuite.records("contact")]
    values = {person[name] for person in people for name in ("email", "phone", "entityid", "lastname")}
    telling = [value for value in values if value and len(value) > 6]
    assert len(telling) > 50
    assert "@" not in said
    assert [value for value in telling if value in said] == []


def test_a_revoked_certificate(line: Line) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    certificate = line.netsuite.add_certificate(pem)
    line.netsuite.revoke_certificate(certificate)
    findings = line.but(certificate=certificate).check()
    assert findings.wrong == ["NetSuite login"]
    assert "OAuth 2.0 Client Credentials (M2M) Setup" in findings["NetSuite login"].sentence
    assert findings.steps(Verdict.SKIPPED) == [*AFTER_LOGIN, "Klaviyo writing"]
    assert findings["Klaviyo key"].verdict is Verdict.RIGHT


def test_netsuite_that_does_not_answer(line: Line) -> None:
    line.netsuite.fault("error_503", times=5)
    try:
        findings = line.check()
    finally:
        line.netsuite.clear_faults()
    assert findings.wrong == ["NetSuite login"]
    assert "HTTP 503" in findings["NetSuite login"].sentence


def test_a_restlet_that_is_not_deployed(line: Line) -> None:
    findings = line.but(deploy="customdeploy_other").check()
    assert findings.wrong == ["RESTlet"]
    assert findings["NetSuite login"].verdict is Verdict.RIGHT
    assert "deployment is Released" in findings["RESTlet"].sentence
    assert findings["outbox"].verdict is Verdict.SKIPPED


def test_a_connection_that_lacks_something(line: Line) -> None:
    def open_netsuite() -> NetSuiteClient:
        raise MendError("Connection 'x' has no client id: fill in the field 'client_id'.")

    findings = list(check_store(line.store, open_netsuite, line.klaviyo_client))
    assert [each.sentence for each in findings if each.verdict is Verdict.WRONG] == [
        "Connection 'x' has no client id: fill in the field 'client_id'."
    ]
    assert findings[-1].verdict is Verdict.RIGHT


def test_a_source_that_the_flow_does_not_have(line: Line) -> None:
    findings = line.with_store(flows={"catalog": {"searches": {"item": ITEMS}}}).check()
    assert findings.wrong == ["store"]
    assert "'flows.catalog.searches.item' is not a source of the flow" in findings["store"].sentence


def test_a_flow_that_is_off_is_not_tried(line: Line) -> None:
    findings = line.with_store(flows={"catalog": {"enabled": False}, "orders": {}}).check()
    assert "switched on: orders; off: catalog" in findings["store"].sentence
    tried = [each.step for each in findings.all if each.step.startswith("search ")]
    assert "search orders" in tried
    assert not [step for step in tried if "catalog" in step]


def test_a_missing_search(line: Line) -> None:
    flows = {"customers": {"searches": {"customers": "customsearch_gone"}}, "orders": {}}
    findings = line.with_store(flows=flows).check()
    assert findings.wrong == ["search customers"]
    assert "no saved search customsearch_gone" in findings["search customers"].sentence
    assert findings.steps(Verdict.SKIPPED) == ["page of customers", "Klaviyo writing"]
    # Dates are tried with the next search that can be read.
    assert findings["dates"].verdict is Verdict.RIGHT


@pytest.mark.parametrize(
    ("search", "step", "column", "named"),
    [
        (CUSTOMERS, "search customers", ("pricelevel", None), "Price Level (pricelevel)"),
        (ORDERS, "search orders", ("parent", "item"), "item.parent"),
    ],
)
def test_a_missing_mandatory_column(
    line: Line, search: str, step: str, column: tuple[str, str | None], named: str
) -> None:
    kept = [
        each for each in line.netsuite.search(search)["columns"] if (each["name"], each.get("join")) != column
    ]
    with line.search(search, columns=kept):
        findings = line.check()
    assert findings.wrong == [step]
    assert search in findings[step].sentence
    assert named in findings[step].sentence


def test_summary_columns(line: Line) -> None:
    columns = line.netsuite.search(ITEMS)["columns"]
    with line.search(ITEMS, columns=[{**each, "summary": "GROUP"} for each in columns]):
        findings = line.check()
    assert findings.wrong == ["search catalog.items", "search stock.changed_items"]
    assert "has summary columns" in findings["search catalog.items"].sentence


def test_a_search_of_another_type(line: Line) -> None:
    flows = {"catalog": {"searches": {"items": CUSTOMERS}}, "orders": {}}
    findings = line.with_store(flows=flows).check()
    assert findings.wrong == ["search catalog.items"]
    sentence = findings["search catalog.items"].sentence
    assert f"{CUSTOMERS} searches records of type customer, and catalog.items needs item" in sentence


def test_a_column_of_another_type(line: Line) -> None:
    custom = {"metric": "Registered", "time": "entityid"}
    flows = {"registrations": {"searches": {"registrations": CUSTOMERS}, "custom": custom}}
    finding = line.with_store(flows=flows).check()["search registrations"]
    assert finding.verdict is Verdict.WARNING
    assert "entityid comes as text and not as datetime" in finding.sentence


def test_a_search_that_finds_nothing(line: Line) -> None:
    with line.search(CUSTOMERS, filters=[["internalidnumber", "equalto", 987654321]]):
        finding = line.check()["page of customers"]
    assert finding.verdict is Verdict.WARNING
    assert f"{CUSTOMERS} finds no rows" in finding.sentence


def test_values_that_are_not_of_their_type(line: Line) -> None:
    columns = line.netsuite.search(CUSTOMERS)["columns"]
    columns.append({"name": "formulanumeric", "formula": "{nosuchfield}", "label": "Odd"})
    with line.search(CUSTOMERS, columns=columns):
        finding = line.check()["page of customers"]
    assert finding.verdict is Verdict.WARNING
    assert "left out: formulanumeric (50)" in finding.sentence


def test_less_concurrency_than_the_store_asks_for(line: Line) -> None:
    line.netsuite.settings(concurrency=1, latency=0.3)
    try:
        findings = line.with_store(netsuite={"concurrency": 3}, flows={"orders": {}}).check()
    finally:
        line.netsuite.settings(concurrency=5, latency=0.0)
    assert findings.wrong == ["concurrency"]
    assert "refused 2 of 3 calls at once: set 'netsuite.concurrency'" in findings["concurrency"].sentence
    assert findings["page of orders"].verdict is Verdict.RIGHT


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize("formats", [("D.M.YYYY", "H:mm"), ("YYYY-MM-DD", "h:mm a")])
def test_dates_are_right_in_other_time_zones_and_formats(
    line: Line, zone: str, formats: tuple[str, str]
) -> None:
    usual = {"timezone": "America/Los_Angeles", "date_format": "M/D/YYYY", "time_format": "h:mm a"}
    line.netsuite.settings(timezone=zone, date_format=formats[0], time_format=formats[1])
    try:
        finding = line.with_store(flows={"customers": {}}).check()["dates"]
    finally:
        line.netsuite.settings(**usual)
    assert finding.verdict is Verdict.RIGHT
    assert zone in finding.sentence
    assert formats[0] in finding.sentence


@pytest.fixture
def record(line: Line) -> Iterator[Callable[..., None]]:
    """Makes configuration records, as an administrator would."""

    def make(**values: Any) -> None:
        given = {f"custrecord_nsk_cfg_{name}": value for name, value in values.items()}
        switches = {f"custrecord_nsk_cfg_{flow}": True for flow in ("catalog", "customers", "orders")}
        line.netsuite.create("customrecord_nsk_config", name="Shop", **switches, **given)

    yield make
    line.netsuite.clear("customrecord_nsk_config")


def test_no_configuration_record(line: Line) -> None:
    finding = line.check()["configuration record"]
    assert "its YAML file says all" in finding.sentence


def test_a_configuration_record(line: Line, record: Callable[..., None]) -> None:
    record(store="demo", ids="pricelevel, stage")
    finding = line.check()["configuration record"]
    assert finding.verdict is Verdict.RIGHT
    assert "as_id" in finding.sentence


def test_two_configuration_records(line: Line, record: Callable[..., None]) -> None:
    record(store="demo")
    record(store="demo")
    findings = line.check()
    assert findings.wrong == ["configuration record"]
    assert "make all but one inactive" in findings["configuration record"].sentence


def test_entries_that_wait_in_the_outbox(line: Line) -> None:
    customer = next(line.netsuite.records("customer"))["internalid"]
    line.netsuite.update("customer", customer, firstname="Ada")
    try:
        assert "1 entry waits in it, the first since 2" in line.check()["outbox"].sentence
    finally:
        line.netsuite.clear("customrecord_nsk_outbox")


def test_deletions_are_counted(line: Line) -> None:
    line.netsuite.create("customer", internalid=777_001, entityid="gone", lastname="Gone")
    line.netsuite.delete("customer", 777_001)
    assert "1 in the last day" in line.check()["deleted records"].sentence


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxAccount]:
    """An account with an older RESTlet, run by an administrator, where the clock goes 10 minutes slow and
    bounds of moments are a day off.
    """
    project = tmp_path_factory.mktemp("suitecloud") / "suitecloud"
    shutil.copytree(SUITECLOUD, project)
    for name, before, after in (
        ("restlet.js", f"VERSION = '{RESTLET_VERSION}'", "VERSION = '0.9.0'"),
        ("restlet.js", "role: String(user.role)", "role: '3'"),
        ("restlet.js", "now: time.iso(new Date())", "now: time.iso(new Date(Date.now() - 600000))"),
        (
            "lib_time.js",
            "const lower = (date) =>",
            "const lower = (moment) => { const date = new Date(moment.getTime() + 86400000); return",
        ),
        ("lib_time.js", "* MINUTE), -HOUR);", "* MINUTE), -HOUR); };"),
    ):
        file = project / SCRIPTS / name
        text = file.read_text()
        assert text.count(before) == 1, f"{name} has no {before}"
        file.write_text(text.replace(before, after))
    with running_sandbox("--suitecloud", str(project), customers=20, items=20, orders=20) as account:
        yield account


def test_an_old_restlet_a_slow_clock_and_dates_that_are_off(
    other: SandboxAccount, line_to: Callable[[SandboxAccount], Line]
) -> None:
    findings = line_to(other).check()
    assert findings.wrong == ["RESTlet", "dates"]
    assert f"version 0.9.0, and this connector needs {RESTLET_VERSION}" in findings["RESTlet"].sentence
    assert "not found by the minute of their last change" in findings["dates"].sentence
    assert findings.steps(Verdict.WARNING) == ["NetSuite account", "clock"]
    assert re.search(r"clock is (600|601|599) s ahead of NetSuite's", findings["clock"].sentence)
    assert "Administrator" in findings["NetSuite account"].sentence
    assert findings["page of orders"].verdict is Verdict.RIGHT
