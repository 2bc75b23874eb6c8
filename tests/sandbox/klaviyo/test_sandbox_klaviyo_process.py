"""The sandbox as a process: its command, its memory, its faults and its page."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing

import pytest
import requests

from netsuite_connector.sandbox.klaviyo.testing import running_sandbox

COMMAND = [sys.executable, "-m", "netsuite_connector.sandbox.klaviyo"]


def test_a_restart_keeps_what_was_answered_and_finishes_what_was_taken(tmp_path, api_of):
    files = ("--database", str(tmp_path / "account.sqlite"), "--keys", str(tmp_path / "keys.json"))
    with running_sandbox(*files, job_seconds=0.02) as account:
        api_of(account).imported({"email": "ann@shop.example"})
        assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
        key = account.key
    with running_sandbox(*files, job_seconds=0.5) as account:
        assert account.key == key
        taken = api_of(account).send_events({"email": "ann@shop.example", "unique_id": "1"})
        assert taken.status_code == 202
        os.kill(account.pid, signal.SIGKILL)
    with running_sandbox(*files, job_seconds=0.02) as account:
        state = account.settled()
        assert (state["profiles"], state["events"]) == (1, 1)


def test_a_file_of_an_older_sandbox_goes_on(tmp_path, api_of):
    file = tmp_path / "account.sqlite"
    with closing(sqlite3.connect(file)) as old:
        old.executescript("""
            CREATE TABLE members (
                list INTEGER NOT NULL, profile INTEGER NOT NULL, PRIMARY KEY (list, profile)
            ) WITHOUT ROWID;
            CREATE TABLE catalog (
                seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, parent TEXT,
                sku TEXT, title TEXT, published INTEGER, document BLOB NOT NULL,
                created REAL NOT NULL, updated REAL NOT NULL, UNIQUE (kind, id)
            );
            INSERT INTO members VALUES (1, 1);
            INSERT INTO catalog VALUES (
                1, 'catalog-item', '$custom:::$default:::A', NULL, NULL, 'A', 1, '{"external_id":"A"}', 0, 0
            );
        """)
    for _ in range(2):
        with running_sandbox("--database", str(file), job_seconds=0.0) as account:
            api = api_of(account)
            if not account.state()["lists"]:
                api.post("lists", {"type": "list", "attributes": {"name": "News"}})
                api.imported({"email": "ann@shop.example"})
            assert account.rows("items")[0]["external_id"] == "A"
            assert len(api.get("lists/L00001/profiles").json()["data"]) == 1


def test_it_says_where_it_is_and_ends_in_order(tmp_path):
    command = [*COMMAND, "--port", "0", "--keys", str(tmp_path / "keys.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        assert line.startswith("Sandbox Klaviyo account ready at http://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


@pytest.mark.parametrize("trouble", ["port", "folder", "keys", "scale"])
def test_what_keeps_it_from_starting_is_said_in_a_sentence(tmp_path, trouble):
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [{"name": "no key"}]}))
    with socket.create_server(("127.0.0.1", 0)) as other:
        options = {
            "port": ["--port", str(other.getsockname()[1])],
            "folder": ["--port", "0", "--database", str(tmp_path / "missing" / "account.sqlite")],
            "keys": ["--port", "0", "--keys", str(tmp_path / "keys.json")],
            "scale": ["--limits-scale", "0"],
        }[trouble]
        ended = subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    assert ended.stderr.strip()


@pytest.mark.parametrize(
    ("fault", "status"), [(f"error_{status}", status) for status in (500, 502, 503, 504)]
)
def test_errors_can_be_asked_for_and_have_no_effect(account, api, fault, status):
    account.fault(fault, times=2, endpoint="POST /api/profile-bulk-import-jobs")
    assert api.get("profiles").status_code == 200
    assert [api.import_profiles({"email": "ann@shop.example"}).status_code for _ in range(3)] == [
        status,
        status,
        202,
    ]
    assert len(account.settled()["latest_jobs"]) == 1


@pytest.mark.parametrize(("fault", "status"), [("html_403", 403), ("html_502", 502)])
def test_pages_of_others_can_stand_in_front(account, api, fault, status):
    account.fault(fault)
    answer = api.get("profiles")
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_throttle_of_no_seconds_can_be_asked_for(account, api):
    account.fault("throttle", retry_after=0, skip=1)
    assert api.get("profiles").status_code == 200
    answer = api.get("profiles")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "0")


def test_a_lost_answer_leaves_the_effect(account, api):
    account.fault("reset", times=1)
    with pytest.raises(requests.ConnectionError):
        api.import_profiles({"email": "ann@shop.example"})
    assert account.settled()["profiles"] == 0
    account.fault("reset_after_commit")
    with pytest.raises(requests.ConnectionError):
        api.import_profiles({"email": "ann@shop.example"})
    assert account.settled()["profiles"] == 1


def test_an_answer_that_never_comes_leaves_the_effect(account):
    account.fault("timeout_after_commit")
    attributes = {"email": "ann@shop.example"}
    with pytest.raises(requests.Timeout):
        requests.post(
            f"{account.url}/api/profiles",
            json={"data": {"type": "profile", "attributes": attributes}},
            headers=account.headers(),
            timeout=0.3,
        )
    assert account.state()["profiles"] == 1


def test_an_answer_that_never_comes_may_leave_no_effect_either(account):
    account.fault("timeout")
    attributes = {"email": "ann@shop.example"}
    with pytest.raises(requests.Timeout):
        requests.post(
            f"{account.url}/api/profiles",
            json={"data": {"type": "profile", "attributes": attributes}},
            headers=account.headers(),
            timeout=0.3,
        )
    assert account.state()["profiles"] == 0


@pytest.mark.parametrize(
    ("path", "wish"),
    [
        ("clock", {}),
        ("clock", []),
        ("suppressions", {"email": "a@b.example", "reason": "NONE"}),
        ("feeds", {}),
    ],
)
def test_a_wish_that_cannot_be_read_is_refused(account, path, wish):
    answer = requests.post(f"{account.url}/sandbox/{path}", json=wish, timeout=30)
    assert (answer.status_code, "error" in answer.json()) == (400, True)


def test_a_malformed_fault_is_refused(account):
    for wish in (
        {"fault": "earthquake"},
        {"fault": "reset", "endpoint": "POST /nowhere"},
        {"fault": "reset", "times": -1},
    ):
        assert requests.post(f"{account.url}/sandbox/faults", json=wish, timeout=30).status_code == 400


def test_requests_are_counted_per_endpoint(account, api):
    api.get("profiles")
    api.get("profiles/nobody")
    account.fault("throttle")
    api.get("profiles")
    counted = account.state()["requests"]
    assert counted["GET /api/profiles"] == {"requests": 2, "throttled": 1, "statuses": {"200": 1, "429": 1}}
    assert counted["GET /api/profiles/{id}"]["statuses"] == {"404": 1}


def test_the_page_shows_what_is_there_and_escapes_it(account, api, make_item):
    evil = '<script>alert("x")</script>'
    api.imported({"email": "ann@shop.example", "first_name": evil})
    api.recorded({"email": "ann@shop.example", "metric": evil, "unique_id": "1", "value": 1234.5})
    api.post("catalog-items", make_item("A", title=evil))
    page = requests.get(account.url, timeout=30)
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "<script" not in page.text
    assert page.text.count("&lt;script&gt;") >= 3
    for shown in ("ann@shop.example", "1,234.50", "POST /api/event-bulk-create-jobs"):
        assert shown in page.text


@pytest.fixture
def api_of(api):
    """The same words for another account."""

    def make(account):
        return type(api)(account, requests.Session())

    return make
