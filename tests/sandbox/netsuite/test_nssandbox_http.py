"""Routing, limits, faults and the keeper's endpoints over HTTP."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from nscalls import post, restlet, signer

from netsuite_connector.sandbox.netsuite.testing import SandboxAccount

PAGE = {"action": "page", "search": "customsearch_nsk_customers"}


def ask(account: SandboxAccount, method: str, url: str, **options: Any) -> requests.Response:
    return requests.request(method, url, auth=signer(account), timeout=30, **options)


def code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize(
    ("script", "deploy"),
    [
        ("customscript_none", "customdeploy_nsk_restlet"),
        ("customscript_nsk_restlet", "9"),
        ("", ""),
        ("9999", "1"),
    ],
)
def test_what_is_not_deployed_is_not_found(account: SandboxAccount, script: str, deploy: str) -> None:
    answer = ask(account, "POST", restlet(account, script, deploy), json={})
    assert code(answer) == (404, "SSS_INVALID_SCRIPTLET_ID")


def test_a_restlet_may_be_called_by_numbers(account: SandboxAccount) -> None:
    assert ask(account, "POST", restlet(account, "1001", "1"), json={"action": "about"}).status_code == 200


def test_an_entry_point_that_is_not_there_is_not_allowed(account: SandboxAccount) -> None:
    assert ask(account, "PUT", restlet(account), json={}).status_code == 405
    assert ask(account, "GET", restlet(account)).status_code == 405
    assert ask(account, "PATCH", restlet(account), json={}).status_code == 405


@pytest.mark.parametrize("content_type", ["application/vnd.api+json", "text/html", ""])
def test_content_types_are_spelled_exactly(account: SandboxAccount, content_type: str) -> None:
    answer = ask(account, "POST", restlet(account), data=b"{}", headers={"Content-Type": content_type})
    assert answer.status_code == 415


def test_a_get_has_no_body(account: SandboxAccount) -> None:
    assert ask(account, "GET", restlet(account), json={}).status_code == 400


def test_a_body_that_is_no_json_is_refused(account: SandboxAccount) -> None:
    answer = ask(account, "POST", restlet(account), data=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


def test_errors_of_a_script_have_the_two_step_form(account: SandboxAccount) -> None:
    answer = post(account, {"action": "page", "search": "customsearch_none"})
    assert code(answer) == (400, "NSK_SEARCH_NOT_FOUND")
    assert answer.text.startswith('{"error" : {"code" : "NSK_SEARCH_NOT_FOUND", "message" : "{')
    inner = requests.models.complexjson.loads(answer.json()["error"]["message"])
    assert inner["type"] == "error.SuiteScriptError"
    assert inner["name"] == "NSK_SEARCH_NOT_FOUND"


def test_the_account_runs_so_many_requests_at_once(account: SandboxAccount) -> None:
    account.settings(concurrency=2, latency=0.4)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: post(account), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 400, 400]
    assert {code(answer)[1] for answer in answers if answer.status_code == 400} == {
        "SSS_REQUEST_LIMIT_EXCEEDED"
    }
    assert account.state()["active"] == 0
    assert post(account).status_code == 200


def test_limits_of_a_run_are_bad_requests(account: SandboxAccount) -> None:
    account.settings(units=12)
    assert code(post(account, {"action": "bounds", "search": "customsearch_nsk_orders"})) == (
        400,
        "SSS_USAGE_LIMIT_EXCEEDED",
    )
    account.settings(units=5000, output_bytes=100)
    assert code(post(account)) == (400, "SSS_FILE_CONTENT_SIZE_EXCEEDED")


@pytest.mark.parametrize(
    ("fault", "status", "word"),
    [
        ("error_500", 500, "<html>"),
        ("error_503", 503, "<html>"),
        ("login", 401, "INVALID_LOGIN_ATTEMPT"),
        ("concurrency", 400, "SSS_REQUEST_LIMIT_EXCEEDED"),
    ],
)
def test_faults_come_as_often_as_planned(account: SandboxAccount, fault: str, status: int, word: str) -> None:
    account.fault(fault, times=2, skip=1, action="page")
    answers = [post(account, body) for body in (PAGE, {"action": "about"}, PAGE, PAGE, PAGE)]
    assert [answer.status_code for answer in answers] == [200, 200, status, status, 200]
    assert word in answers[2].text


@pytest.mark.parametrize("fault", ["reset", "truncated"])
def test_connections_can_break(account: SandboxAccount, fault: str) -> None:
    account.fault(fault)
    with pytest.raises(requests.RequestException):
        post(account, PAGE)
    assert post(account, PAGE).status_code == 200


def test_an_answer_can_be_late(account: SandboxAccount) -> None:
    account.fault("slow", seconds=0.5)
    start = time.monotonic()
    assert post(account).status_code == 200
    assert time.monotonic() - start >= 0.5


def test_a_search_that_timed_out_looks_empty(account: SandboxAccount) -> None:
    account.fault("empty_search")
    empty, full = post(account, PAGE).json(), post(account, PAGE).json()
    assert (empty["rows"], empty["done"]) == (0, True)
    assert full["rows"] == account.state()["records"]["customer"]


@pytest.mark.parametrize(("fault", "status"), [("error_503", 503), ("login", 400)])
def test_the_token_endpoint_has_faults_of_its_own(account: SandboxAccount, fault: str, status: int) -> None:
    account.fault(fault, target="token")
    assert post(account).status_code == 200
    assert (
        requests.post(account.token_url, data={"grant_type": "client_credentials"}, timeout=30).status_code
        == status
    )


def test_raw_records_are_read_back_page_by_page(account: SandboxAccount) -> None:
    records = list(account.records("transaction", page=7))
    ids = [each["internalid"] for each in records]
    assert ids == sorted(set(ids))
    assert len(ids) == account.state()["records"]["transaction"]
    assert all(line["lineuniquekey"] for each in records for line in each["lines"])


def test_records_change_as_in_a_real_account(account: SandboxAccount) -> None:
    made = account.create("customer", firstname="Test", email="new@shopper.example", stage="LEAD")
    number = made["internalid"]
    before = account.update("customer", number, lastmodifieddate="2020-01-01T00:00:00Z")
    after = account.update("customer", number, stage="CUSTOMER")
    assert (after["internalid"], after["stage"]) == (number, "CUSTOMER")
    assert after["lastmodifieddate"] > before["lastmodifieddate"] == "2020-01-01T00:00:00Z"
    assert account.record("customer", number) == after
    account.delete("customer", number, "2026-05-01T00:00:00Z")
    with pytest.raises(ValueError, match="does not exist"):
        account.record("customer", number)
    (entry,) = [each for each in account.records("deletedrecord") if each["recordid"] == number]
    assert (entry["recordtype"], entry["deleteddate"]) == ("customer", "2026-05-01T00:00:00Z")


def test_a_saved_search_can_be_changed(account: SandboxAccount) -> None:
    search = "customsearch_nsk_contacts"
    before = account.search(search)
    try:
        account.remove_column(search, "mobilephone")
        keys = [
            column["key"]
            for column in post(account, {"action": "describe", "search": search}).json()["columns"]
        ]
        assert "mobilephone" not in keys
        assert "phone" in keys
    finally:
        account.replace_search(search, **before)


def test_unknown_types_and_settings_are_refused(account: SandboxAccount) -> None:
    with pytest.raises(ValueError, match="planet"):
        list(account.records("planet"))
    with pytest.raises(ValueError, match="colour"):
        account.settings(colour="red")
    with pytest.raises(ValueError, match="Mars"):
        account.settings(timezone="Mars/Olympus")
