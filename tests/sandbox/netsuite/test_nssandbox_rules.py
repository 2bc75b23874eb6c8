"""The rules of section 9 of the facts that no other file holds; each test is named after its line."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from nscalls import bearer, post, restlet, signer

from netsuite_connector.sandbox.netsuite.testing import SandboxAccount

PAGE = {"action": "page", "search": "customsearch_nsk_customers"}


def code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.fixture
def changed(account: SandboxAccount) -> Iterator[SandboxAccount]:
    """An account whose rarer settings are put back afterwards."""
    yield account
    account.settings(
        domain="", moved_to="", web_services_only=False, lacking_permissions=[], language="en_US"
    )


def test_a_wrong_domain_is_forbidden(changed: SandboxAccount) -> None:
    changed.settings(domain="1234567-sb1.restlets.api.netsuite.com")
    assert code(post(changed)) == (403, "FORBIDDEN")


def test_a_wrong_data_centre_points_to_the_right_one(changed: SandboxAccount) -> None:
    changed.settings(moved_to="https://eu.restlets.example")
    answer = post(changed, allow_redirects=False)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(
        "https://eu.restlets.example/app/site/hosting/restlet.nl?script="
    )
    assert "deploy=customdeploy_nsk_restlet" in answer.headers["Location"]


def test_a_role_for_web_services_only_runs_no_restlet(changed: SandboxAccount) -> None:
    changed.settings(web_services_only=True)
    assert code(post(changed)) == (401, "INVALID_LOGIN_CREDENTIALS")
    assert code(post(changed, auth=None, headers=bearer(changed))) == (401, "INVALID_LOGIN_CREDENTIALS")


@pytest.mark.parametrize(
    ("permission", "body", "named"),
    [
        ("LIST_CUSTJOB", PAGE, "Lists -> Customers"),
        ("TRAN_FIND", {"action": "bounds", "search": "customsearch_nsk_orders"}, "Find Transaction"),
        ("ADMI_CUSTOMSCRIPT", {"action": "about"}, "SuiteScript"),
        ("customrecord_nsk_outbox", {"action": "outbox"}, "customrecord_nsk_outbox"),
    ],
)
def test_a_permission_that_the_role_lacks_is_named(
    changed: SandboxAccount, permission: str, body: dict[str, Any], named: str
) -> None:
    assert post(changed, body).status_code == 200
    changed.settings(lacking_permissions=[permission])
    answer = post(changed, body)
    assert code(answer) == (400, "INSUFFICIENT_PERMISSION")
    assert named in answer.text
    assert post(changed, {"action": "bounds", "search": "customsearch_nsk_items"}).status_code == (
        400 if permission == "ADMI_CUSTOMSCRIPT" else 200
    )


def test_a_type_of_transaction_that_the_role_may_not_see_is_left_out_without_a_word(
    changed: SandboxAccount,
) -> None:
    def count() -> int:
        body = {"action": "bounds", "search": "customsearch_nsk_orders", "only": {"type": ["CashSale"]}}
        return int(post(changed, body).json()["count"])

    assert count() > 0
    changed.settings(lacking_permissions=["TRAN_CASHSALE"])
    assert count() == 0
    changed.settings(lacking_permissions=["TRAN_CUSTINVC"])
    assert count() > 0


def test_error_texts_are_in_the_users_language_and_codes_are_not(changed: SandboxAccount) -> None:
    changed.settings(language="de_DE", concurrency=0)
    answer = post(changed)
    assert code(answer) == (400, "SSS_REQUEST_LIMIT_EXCEEDED")
    assert answer.json()["error"]["message"] == "Anforderungslimit überschritten!"
    changed.settings(concurrency=5, units=12)
    answer = post(changed, {"action": "bounds", "search": "customsearch_nsk_orders"})
    assert code(answer) == (400, "SSS_USAGE_LIMIT_EXCEEDED")
    assert "Nutzungslimit" in answer.json()["error"]["message"]
    with pytest.raises(ValueError, match="xx_XX"):
        changed.settings(language="xx_XX")


# ---- latency and concurrency -------------------------------------------------------------------------------


def test_latency_is_the_least_time_of_a_call(account: SandboxAccount) -> None:
    account.settings(latency=0.3)
    start = time.monotonic()
    assert post(account).status_code == 200
    assert 0.3 <= time.monotonic() - start < 1.5
    # A call that takes longer anyway is not made to wait besides.
    account.settings(latency=0.001)
    start = time.monotonic()
    assert post(account).status_code == 200
    assert time.monotonic() - start < 0.3


def test_a_refused_call_holds_its_place_as_long_as_any(account: SandboxAccount) -> None:
    account.settings(latency=0.4, concurrency=1)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(post, account, {"action": "nonsense"})
        time.sleep(0.15)
        second = pool.submit(post, account)
        assert code(second.result()) == (400, "SSS_REQUEST_LIMIT_EXCEEDED")
        assert code(first.result()) == (400, "NSK_BAD_REQUEST")


# ---- faults ------------------------------------------------------------------------------------------------


def test_a_slow_first_byte(account: SandboxAccount) -> None:
    account.fault("slow_first_byte", seconds=0.4)
    start = time.monotonic()
    with requests.post(restlet(account), json=PAGE, auth=signer(account), timeout=10, stream=True) as answer:
        assert answer.status_code == 200
        assert time.monotonic() - start < 0.35
        assert answer.json()["rows"] >= 60
    assert time.monotonic() - start >= 0.4


def test_an_error_in_the_body_of_a_200(account: SandboxAccount) -> None:
    account.fault("in_body_error", action="page")
    answer = post(account, PAGE)
    assert code(answer) == (200, "UNEXPECTED_ERROR")
    assert post(account, PAGE).json()["rows"] >= 60


def test_faults_by_chance_are_the_same_for_the_same_seed(account: SandboxAccount) -> None:
    def met(seed: int) -> list[int]:
        account.random_faults("error_503", "login", "concurrency", probability=0.5, seed=seed)
        answers = [post(account).status_code for _ in range(24)]
        account.clear_faults()
        return answers

    first = met(3)
    assert met(3) == first
    assert met(4) != first
    counted = Counter(first)
    assert set(counted) <= {200, 400, 401, 503}
    assert len(counted) >= 3
    assert 5 <= counted[200] <= 19
    assert post(account).status_code == 200


def test_faults_by_chance_need_sense(account: SandboxAccount) -> None:
    with pytest.raises(ValueError, match="probability"):
        account.random_faults("login", probability=2)
    with pytest.raises(ValueError, match="thunder"):
        account.random_faults("thunder", probability=0.5)


def test_the_token_endpoint_has_faults_by_chance_of_its_own(account: SandboxAccount) -> None:
    account.random_faults("error_500", probability=1, target="token")
    assert requests.post(account.token_url, data={}, timeout=10).status_code == 500
    assert post(account).status_code == 200
