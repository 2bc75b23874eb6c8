"""The dashboard within Airflow's own API server: who gets in, and what the pages say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import requests

from airflow_process import ROOT, new_home, surroundings
from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows import highwater
from netsuite_connector.flows.reconciliation.reconcile import FINDINGS
from netsuite_connector.flows.rejections import record
from netsuite_connector.flows.run import Run
from netsuite_connector.staging import rejected as rejected_rows
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_stores
from netsuite_connector.stores.model import Store
from netsuite_connector.window import Window

pytestmark = pytest.mark.line

HERE = Path(__file__).resolve().parent
EMAIL = "ann.lee@shop.example"
MARK = "2026-11-20T17:00:00Z"
STORE = """
store: {name}
name: {title}
netsuite: {{connection: netsuite_{name}}}
klaviyo: {{connection: klaviyo_{name}}}
realtime: {{enabled: true}}
country: US
currency: USD
timezone: America/New_York
flows:
  customers: {{}}
  orders: {{}}
"""
REPORT: dict[str, Any] = {
    "store": "demo",
    "flow": "orders",
    "window": {"from": "2026-11-20T16:00:00Z", "to": MARK},
    "dry_run": False,
    "rows": {"extracted": 1234, "delivered": 1200, "unchanged": 30, "rejected": 4},
    "records": {"shaped": 1234, "delivered": 1204, "unchanged": 30, "rejected": 0},
    "rejected_by_reason": {f"Klaviyo does not accept {EMAIL}": 4},
    "warnings": {"Phone left out: not a valid number": 7},
    "deleted": 0,
    "batches": 3,
    "read_back": {"checked": 10, "found": 10, "resent": 0, "requests": 2},
    "seconds": 75.0,
    "stages": {"extract": 5.0, "validate": 70.0},
    "adds_up": True,
    "gates": {"shut": ["Gate 'drop': too few."], "ignored": True},
}
KIND = {
    "kind": "Placed Order",
    "day": "2026-11-19",
    "netsuite": 512,
    "rejected": 2,
    "ledger": 510,
    "klaviyo": 507,
    "value_netsuite": 50000.5,
    "value_klaviyo": 49000.0,
    "not_yet": 0,
    "missing": 3,
    "extra": 0,
    "different": 0,
    "edited": 1,
    "agrees": False,
}


@dataclass(frozen=True)
class Server:
    url: str
    paths: list[str]
    stores: Path

    def get(self, path: str, user: str | None = "vera") -> requests.Response:
        headers = {} if user is None else {"Authorization": f"Bearer {self.token(user)}"}
        return requests.get(f"{self.url}{path}", headers=headers, timeout=60)

    def page(self, name: str, user: str = "vera") -> str:
        """A page's text, less its tags."""
        answer = self.get(f"/netsuite-klaviyo/{name}", user)
        assert answer.status_code == 200, answer.text
        return text_of(answer.text)

    def token(self, user: str) -> str:
        login = {"username": user, "password": f"{user}-secret"}
        answer = requests.post(f"{self.url}/auth/token", json=login, timeout=60)
        return str(answer.json()["access_token"])


def text_of(html: str) -> str:
    body = re.sub(r"(?s)<(style|script)>.*?</\1>", " ", html)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def reject(store: Store, staging: Staging, flow: str, rows: list[dict[str, Any]], reason: str) -> Run:
    run = Run(store, DOMAINS[flow], Window.parse(None, MARK), staging)
    source = run.domain.shaped[0]
    with run.dataset("extract", source).writer() as writer:
        ids = pa.array([row["internalid"] for row in rows], pa.int64())
        writer.write(pa.record_batch([ids], names=["internalid"]))
        writer.commit()
    lines = [
        {
            "stage": "validate",
            "source": source.name,
            "id": row["internalid"],
            "key": None,
            "reasons": [reason],
            "row": json.dumps(row),
        }
        for row in rows
    ]
    with run.dataset("rejected", source).writer(rejected_rows.SCHEMA) as writer:
        writer.write(pa.RecordBatch.from_pylist(lines, schema=rejected_rows.SCHEMA))
        writer.commit()
    record(run)
    return run


def fill(store: Store, staging: Staging) -> None:
    evil = {"internalid": 7, "email": EMAIL, "<script>alert(1)</script>": "x", "total": 12.5}
    reject(store, staging, "customers", [evil], f"Klaviyo does not accept {EMAIL}")
    many = [{"internalid": number} for number in range(120)]
    run = reject(store, staging, "orders", many, "Customer : Email is missing")
    highwater.put(run, Window.parse(MARK, None).start, "a test")  # type: ignore[arg-type]
    key = "2026-11-20T160000Z--2026-11-20T170000Z"
    staging.write_json(("demo", "orders", "runs", key, "report.json"), REPORT)
    staging.write_json(("demo", "orders", "runs", "2026-11-20T1700Z--2026-11-20T1800Z", "push", "x.json"), {})
    asked = {"flows": ["orders"], "start": "2024-01-01", "end": "2026-11-01", "size": "month"}
    progress = {
        "name": "manual__1",
        "asked": asked | {"order": "oldest first"},
        "began": MARK,
        "at": MARK,
        "all": 34,
        "passed_over": 4,
        "done": 17,
        "rows": {"extracted": 5000},
        "rows_per_second": 41.5,
        "seconds_left": 90,
    }
    staging.write_json(("demo", "history", "progress.json"), progress)
    place = ("demo", "reconciliation", "orders", "2026-11-19--2026-11-20")
    told = {"store": "demo", "flow": "orders", "from": "2026-11-19", "to": "2026-11-20", "at": MARK}
    told |= {"agrees": False, "healed": 5, "kinds": [KIND], "doubts": ["NetSuite gave too few rows."]}
    read = {"source": "orders", "read": "created", "counted": 1300, "staged": 1234, "rejected": 6}
    staging.write_json((*place, "report.json"), told | {"sources": [read]})
    found = {"store": "demo", "flow": "orders", "kind": "Placed Order", "day": "2026-11-19"}
    rows = [
        found
        | {"verdict": verdict, "identity": f"netsuite-{id_}", "internal_id": int(id_), "detail": "sent once"}
        | {"edited": verdict == "not yet"}
        for verdict, id_ in (("missing", "31"), ("missing", "32"), ("missing", "33"), ("not yet", "34"))
    ]
    with staging.dataset(*place, "findings").writer(FINDINGS) as writer:
        writer.write(pa.RecordBatch.from_pylist(rows, schema=FINDINGS))
        writer.commit()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, airflow_database: Path) -> Iterator[Server]:
    home = new_home(tmp_path_factory.mktemp("airflow"), airflow_database)
    stores = home / "stores"
    stores.mkdir()
    for name, title in (("demo", "Demo & Sons"), ("other", "Other Shop")):
        (stores / f"{name}.yaml").write_text(STORE.format(name=name, title=title), encoding="utf-8")
    fill(load_stores(stores)[0], Staging(str(home / "staging")))
    users = {"admin": "admin", "vera": "viewer", "lena": "viewer"}
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps({user: f"{user}-secret" for user in users}), encoding="utf-8")
    settings = {
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__AUTH_MANAGER": "dashboard_auth.LoginByStore",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(
            f"{user}:{role}" for user, role in users.items()
        ),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of this test, long enough for its signatures",
        "NETSUITE_CONNECTOR_STORES": str(stores),
        "NETSUITE_CONNECTOR_STAGING": str(home / "staging"),
        "PYTHONPATH": str(HERE),
    }
    environment = surroundings(home, **settings)
    log = (home / "server.log").open("w")
    command = [sys.executable, str(HERE / "dashboard_server.py")]
    with subprocess.Popen(command, env=environment, cwd=home, stdout=subprocess.PIPE, stderr=log) as process:
        try:
            assert process.stdout is not None
            lines = (line for line in process.stdout if line.startswith(b'{"port"'))
            told = json.loads(next(lines, b"null"))
            assert told, (home / "server.log").read_text()[-3000:]
            yield Server(f"http://127.0.0.1:{told['port']}", told["paths"], stores)
        finally:
            process.terminate()
            log.close()


def test_who_is_not_logged_in_gets_nothing(server: Server) -> None:
    assert len(server.paths) >= 7
    for path in server.paths:
        answer = server.get(f"{path}?store=demo&flow=orders&run=x&source=orders&id=1&span=x", None)
        assert answer.status_code == 401, path
        assert "demo" not in answer.text.casefold().replace("netsuite_demo", "")
    forged = {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."}
    assert requests.get(f"{server.url}/netsuite-klaviyo/", headers=forged, timeout=60).status_code in {
        401,
        403,
    }


@pytest.mark.parametrize("path", ["docs", "redoc", "openapi.json"])
def test_nothing_describes_the_app_to_strangers(server: Server, path: str) -> None:
    assert server.get(f"/netsuite-klaviyo/{path}", None).status_code == 404


def test_the_navigation_leads_to_a_page_that_shares_the_login(server: Server) -> None:
    plugins = server.get("/api/v2/plugins", "admin").json()["plugins"]
    (ours,) = (plugin for plugin in plugins if plugin["name"] == "netsuite_connector_dashboard")
    (view,) = ours["external_views"]
    assert view["destination"] == "nav"
    answer = requests.get(
        f"{server.url}/{view['href']}", cookies={"_token": server.token("admin")}, timeout=60
    )
    assert answer.status_code == 200
    assert "Demo & Sons" in text_of(answer.text)


def test_the_overview_says_how_each_flow_is(server: Server) -> None:
    page = server.page("")
    assert "orders failed" in page
    assert "1,234 1,200 30 4 1 min yes 120" in page
    assert "2026-11-20 12:00" in page, "the mark by the store's clock"
    assert "The last run of orders failed" in page
    assert "NetSuite and Klaviyo do not agree about orders: 3 missing, 0 extra, 0 different." in page
    assert "17 of 34 windows done (4 were delivered before)" in page
    assert "41.50 rows a second" in page


def test_the_overview_says_how_real_time_is(server: Server) -> None:
    page = server.page("")
    assert "41 entries acknowledged in 3 passes" in page
    assert "3.1 s (median), 20 s at most" in page
    assert "Real time has failed 4 times in a row" in page
    other = page[page.index("Other Shop") :]
    assert "was woken and has not begun" in other
    assert "No drain has come to its end yet." in other


def test_a_store_shows_only_to_those_who_may_read_its_dags(server: Server) -> None:
    page = server.page("", "lena")
    assert "Other Shop" in page
    assert "Demo" not in page
    for name in (
        "rejected?store=demo",
        "flow?store=demo&flow=orders",
        "report?store=demo&flow=orders&span=x",
    ):
        assert server.get(f"/netsuite-klaviyo/{name}", "lena").status_code == 404


def test_a_flow_lists_its_runs_and_one_that_did_not_end(server: Server) -> None:
    page = server.page("flow?store=demo&flow=orders")
    assert "under way, or stopped; push was the last to be written" in page
    assert "2026-11-20 11:00 to 2026-11-20 12:00" in page
    assert "set by a test" in page


def test_a_run_shows_its_numbers_and_no_address(server: Server) -> None:
    page = server.page("run?store=demo&flow=orders&run=2026-11-20T160000Z--2026-11-20T170000Z")
    assert "extracted 1,234 delivered 1,200 unchanged 30 rejected 4" in page
    assert "Klaviyo does not accept a•••@•••" in page
    assert EMAIL not in page
    assert "Gate 'drop': too few. It was ignored." in page
    assert "validate 70" not in page
    assert "validate 1 min" in page


def test_rejected_rows_come_a_page_at_a_time(server: Server) -> None:
    first = server.page("rejected?store=demo&flow=orders")
    assert "1 to 50 of 120" in first
    last = server.page("rejected?store=demo&flow=orders&page=3")
    assert "101 to 120 of 120" in last
    assert "next page" not in last
    assert "nothing here; there are 120" in server.page("rejected?store=demo&flow=orders&page=9999")


def test_rejected_rows_are_found_by_flow_reason_and_day(server: Server) -> None:
    assert "121 rows" in server.page("rejected?store=demo")
    assert "1 row " in server.page("rejected?store=demo&flow=customers")
    assert "120 rows" in server.page("rejected?store=demo&reason=EMAIL IS missing")
    assert "121 rows" in server.page("rejected?store=demo&since=2020-01-01")
    assert "0 rows" in server.page("rejected?store=demo&since=9000-01-01")
    answer = server.get("/netsuite-klaviyo/rejected?store=demo&since=soon")
    assert answer.status_code == 400
    assert "'soon' is no day: write it like 2026-11-30." in text_of(answer.text)


def test_what_is_masked_is_not_found_by_looking_for_it(server: Server) -> None:
    assert "1 row " in server.page("rejected?store=demo&reason=does not accept")
    assert "0 rows" in server.page(f"rejected?store=demo&reason={EMAIL}")


def test_a_rejected_row_shows_masked_and_harmless(server: Server) -> None:
    answer = server.get("/netsuite-klaviyo/row?store=demo&flow=customers&source=customers&id=7")
    page = text_of(answer.text)
    assert "email a•••@•••" in page
    assert "total 12.5" in page
    assert EMAIL not in answer.text
    assert "<script>alert" not in answer.text
    assert "script-src 'sha256-" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_reconciliation_shows_numbers_by_day_and_records(server: Server) -> None:
    listed = server.page("reconciliation?store=demo&flow=orders")
    assert "2026-11-19 2026-11-20 12:00" in listed
    assert "disagrees (5 healed) 512 507 3 0 0 0 2" in listed
    page = server.page("report?store=demo&flow=orders&span=2026-11-19--2026-11-20")
    assert "Placed Order 2026-11-19 disagrees 512 2 510 507 50,000.50 49,000 3 0 0 1 0" in page
    assert "netsuite-31" in page
    assert "orders created 1,300 1,234 6" in page
    assert "NetSuite gave too few rows." in page
    young = server.page("report?store=demo&flow=orders&span=2026-11-19--2026-11-20&verdict=not yet")
    assert "netsuite-34 sent once yes" in young
    assert "netsuite-31" not in young


def test_a_store_without_anything_has_pages_too(server: Server) -> None:
    for name in ("flow?flow=orders", "rejected?flow=orders", "reconciliation?flow=orders"):
        server.page(f"{name}&store=other")
    assert "no run has come to its end yet" in server.page("", "lena")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("flow?store=nope&flow=orders", "There is no store 'nope', or you may not see it."),
        ("flow?store=demo&flow=../x", "Store 'demo' has no flow '../x', or you may not see it."),
        ("run?store=demo&flow=orders&run=../../highwater", "There is no run '../../highwater' of orders"),
        ("row?store=demo&flow=orders&source=orders&id=99999", "Record 99999 is not on the list of orders"),
        ("nothing", "There is no such page."),
    ],
)
def test_what_is_not_there_is_told_in_a_sentence(server: Server, name: str, sentence: str) -> None:
    answer = server.get(f"/netsuite-klaviyo/{name}")
    assert answer.status_code == 404
    assert sentence in text_of(answer.text)


def test_a_mistake_in_a_store_file_is_told_in_a_sentence(server: Server) -> None:
    broken = server.stores / "third.yaml"
    broken.write_text(STORE.format(name="third", title="Third").replace("US", "USA"), encoding="utf-8")
    try:
        answer = server.get("/netsuite-klaviyo/")
    finally:
        broken.unlink()
    assert answer.status_code == 400
    assert "third.yaml: 'country' is 'USA'" in text_of(answer.text)


def test_pages_load_nothing_from_elsewhere(server: Server) -> None:
    html = server.get("/netsuite-klaviyo/").text
    assert re.findall(r"""(?:src|href|action)=["'](?:[a-z]+:)?//""", html) == []
    assert "url(" not in html
    assert "@import" not in html
