"""SuiteQL over REST: what it answers, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from nscalls import bearer, signer

from netsuite_connector.sandbox.netsuite.testing import SandboxAccount


def ask(account: SandboxAccount, query: Any, more: str = "", **options: Any) -> requests.Response:
    usual = {"json": {"q": query}, "auth": signer(account), "headers": {"Prefer": "transient"}, "timeout": 30}
    return requests.post(f"{account.suiteql_url}{more}", **{**usual, **options})


def items(account: SandboxAccount, query: str, more: str = "") -> list[dict[str, str]]:
    answer = ask(account, query, more)
    assert answer.status_code == 200, answer.text
    return [{name: value for name, value in row.items() if name != "links"} for row in answer.json()["items"]]


def refusal(answer: requests.Response) -> tuple[int, str, str]:
    body = answer.json()
    (detail,) = body["o:errorDetails"]
    assert body["status"] == answer.status_code
    assert body["title"]
    return answer.status_code, detail["o:errorCode"], detail["detail"]


def test_a_query_is_answered_page_by_page(account: SandboxAccount) -> None:
    ids = sorted(each["internalid"] for each in account.records("customer"))
    query = "SELECT ID, Email FROM Customer ORDER BY id"
    pages = []
    for offset in range(0, len(ids), 25):
        answer = ask(account, query, f"?limit=25&offset={offset}").json()
        assert (answer["offset"], answer["totalResults"]) == (offset, len(ids))
        assert answer["count"] == len(answer["items"])
        assert answer["hasMore"] is (offset + 25 < len(ids))
        assert ("next" in {each["rel"] for each in answer["links"]}) is answer["hasMore"]
        pages += answer["items"]
    assert [row["id"] for row in pages] == [str(each) for each in ids]
    assert pages[0]["links"] == []


def test_names_are_in_lower_case_and_empty_columns_are_missing(account: SandboxAccount) -> None:
    made = account.create("customer", firstname="Ada", email="", stage="LEAD", isinactive=True)["internalid"]
    (row,) = items(account, f"SELECT ID, FirstName, EMAIL, isInactive, 1 + 1 FROM customer WHERE id = {made}")
    assert row == {"id": str(made), "firstname": "Ada", "isinactive": "T", "expr5": "2"}


def test_transactions_have_lines(account: SandboxAccount) -> None:
    orders = [each for each in account.records("transaction") if each["type"] == "SalesOrd" and each["lines"]]
    (row,) = items(
        account,
        "SELECT COUNT(DISTINCT transaction.id) AS orders, COUNT(*) AS lines FROM transaction"
        " INNER JOIN transactionline ON transactionline.transaction = transaction.id"
        " WHERE transaction.type = 'SalesOrd' AND transactionline.mainline = 'F'",
    )
    assert row == {"orders": str(len(orders)), "lines": str(sum(len(each["lines"]) for each in orders))}


def test_changes_are_seen_at_once(account: SandboxAccount) -> None:
    count = "SELECT COUNT(*) AS n FROM customer WHERE email = 'ql@mail.example'"
    assert items(account, count) == [{"n": "0"}]
    made = account.create("customer", email="ql@mail.example", stage="LEAD")["internalid"]
    assert items(account, count) == [{"n": "1"}]
    account.delete("customer", made)
    assert items(account, count) == [{"n": "0"}]


def test_custom_records_are_tables(account: SandboxAccount) -> None:
    account.clear("customrecord_nsk_config")
    account.create(
        "customrecord_nsk_config",
        name="One",
        custrecord_nsk_cfg_store="emporium",
        custrecord_nsk_cfg_orders=True,
    )
    query = "SELECT custrecord_nsk_cfg_store, custrecord_nsk_cfg_orders FROM customrecord_nsk_config"
    assert items(account, query) == [
        {"custrecord_nsk_cfg_store": "emporium", "custrecord_nsk_cfg_orders": "T"}
    ]
    account.clear("customrecord_nsk_config")


def test_no_more_than_a_hundred_thousand_rows_are_given(account: SandboxAccount) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100050)"
    query = f"{numbers} SELECT i FROM n ORDER BY i"
    answer = ask(account, query, "?limit=1000&offset=99000").json()
    assert (answer["totalResults"], answer["count"], answer["hasMore"]) == (100_000, 1000, False)


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ("?limit=1001", "limit"),
        ("?limit=0", "limit"),
        ("?limit=ten", "limit"),
        ("?limit=10&offset=5", "offset"),
        ("?offset=-10", "offset"),
    ],
)
def test_limit_and_offset_have_rules(account: SandboxAccount, more: str, word: str) -> None:
    answer = ask(account, "SELECT id FROM customer", more)
    assert refusal(answer)[:2] == (400, "INVALID_PARAMETER")
    assert answer.json()["o:errorDetails"][0]["o:errorQueryParam"] == word


@pytest.mark.parametrize(
    "query",
    [
        "SELECT nothing FROM customer",
        "SELECT id FROM planet",
        "SELEC id FROM customer",
        "DELETE FROM customer",
        "DROP TABLE customer",
        "PRAGMA user_version",
        "ATTACH DATABASE '/etc/passwd' AS other",
        "SELECT name FROM sqlite_master",
        "SELECT id FROM customer; SELECT id FROM item",
        "SELECT id FROM customer LIMIT 5",
    ],
)
def test_only_a_select_of_records_is_run(account: SandboxAccount, query: str) -> None:
    before = account.state()["records"]
    assert refusal(ask(account, query))[:2] == (400, "INVALID_PARAMETER")
    assert account.state()["records"] == before


def test_words_in_texts_are_left_alone(account: SandboxAccount) -> None:
    assert items(account, "SELECT 'transaction limit' AS said, NVL(NULL, 'x') AS given /* limit */") == [
        {"said": "transaction limit", "given": "x"}
    ]


def test_the_header_prefer_and_a_query_are_needed(account: SandboxAccount) -> None:
    answer = ask(account, "SELECT id FROM customer", headers={})
    assert refusal(answer)[:2] == (400, "INVALID_HEADER")
    assert answer.json()["o:errorDetails"][0]["o:errorHeader"] == "Prefer"
    for body in ({}, [], {"q": ""}, {"q": 5}):
        assert refusal(ask(account, "", json=body))[:2] == (400, "INVALID_CONTENT")


def test_an_access_token_needs_the_scope_of_rest_web_services(account: SandboxAccount) -> None:
    query = "SELECT id FROM item"
    headers = {"Prefer": "transient", **bearer(account, scope="rest_webservices")}
    assert ask(account, query, auth=None, headers=headers).status_code == 200
    headers = {"Prefer": "transient", **bearer(account, scope="restlets")}
    assert refusal(ask(account, query, auth=None, headers=headers))[:2] == (401, "INVALID_LOGIN")
    assert refusal(ask(account, query, auth=None))[:2] == (401, "INVALID_LOGIN")


def test_rest_requests_beyond_the_concurrency_are_429(account: SandboxAccount) -> None:
    account.settings(concurrency=0)
    assert refusal(ask(account, "SELECT id FROM item"))[:2] == (429, "CONCURRENCY_LIMIT_EXCEEDED")


def test_what_the_role_may_not_see_can_not_be_queried(account: SandboxAccount) -> None:
    account.settings(lacking_permissions=["LIST_CUSTJOB", "TRAN_FIND"])
    try:
        for table in ("customer", "transaction", "transactionline"):
            assert ask(account, f"SELECT COUNT(*) FROM {table}").status_code == 400
        assert ask(account, "SELECT id FROM item").status_code == 200
    finally:
        account.settings(lacking_permissions=[])
