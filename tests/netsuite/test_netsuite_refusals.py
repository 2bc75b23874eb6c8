from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import orjson
import pytest
import requests
from netsuite_far_side import FarSide, Reply, answer, bounds, raised, refused
from requests.auth import HTTPBasicAuth

from netsuite_connector.errors import LimitError, MendError, RemoteFaultError
from netsuite_connector.netsuite import (
    NetSuiteClient,
    NetSuiteColumnError,
    NetSuiteError,
    NetSuiteFaultError,
    NetSuiteLimitError,
    NetSuiteLoginError,
    NetSuitePermissionError,
    NetSuiteRequestError,
    NetSuiteScriptError,
    NetSuiteSearchError,
)
from netsuite_connector.window import Window

HTML = {"Content-Type": "text/html"}


def ask(client: NetSuiteClient) -> object:
    return client.bounds("customsearch_x", Window())


MENDS = [
    (raised("NSK_SEARCH_NOT_FOUND", "nicht da"), NetSuiteSearchError, "no saved search customsearch_x"),
    (refused(400, "INVALID_SEARCH"), NetSuiteSearchError, "no saved search customsearch_x"),
    (raised("NSK_SUMMARY_SEARCH", "Summe: Betrag"), NetSuiteSearchError, "summary columns.*Summe: Betrag"),
    (raised("SSS_INVALID_SRCH_FILTER", "Filter: x"), NetSuiteSearchError, "filter"),
    (
        raised("SSS_INVALID_SRCH_COL", "Eine Spalte ist ungültig: customer.custentity_gone."),
        NetSuiteColumnError,
        "column customer.custentity_gone, which does not exist",
    ),
    (
        refused(400, "SSS_INVALID_SRCH_COL", "Spalte?"),
        NetSuiteColumnError,
        "columns that do not exist.*Spalte",
    ),
    (raised("NSK_BAD_REQUEST", '"limit" must be'), NetSuiteRequestError, '"limit" must be'),
    (refused(400, "SSS_MISSING_REQD_ARGUMENT"), NetSuiteRequestError, "deploy the SuiteCloud project"),
    (refused(403, "INSUFFICIENT_PERMISSION", "Brauche: Kunden"), NetSuitePermissionError, "Brauche: Kunden"),
    (refused(400, "INSUFFICIENT_PERMISSION"), NetSuitePermissionError, "permission"),
    (Reply(b"<html>", 403, HTML), NetSuitePermissionError, "HTTP 403"),
    (refused(404, "SSS_INVALID_SCRIPTLET_ID"), NetSuiteScriptError, "script and deployment ids"),
    (refused(401, "INVALID_LOGIN_INVALID_SCRIPT_ID"), NetSuiteScriptError, "script and deployment ids"),
    (Reply(b"", 405), NetSuiteScriptError, "Released"),
    (Reply(b"", 302, {"Location": "https://elsewhere.example/"}), NetSuiteScriptError, "Company URLs"),
    (answer(format=2), NetSuiteScriptError, "format 1"),
    (Reply(b'{"anything": 1}'), NetSuiteScriptError, "format 1"),
    (answer(first=1, last=2), NetSuiteScriptError, "count"),
    (answer(count=1, first="x", last=2), NetSuiteScriptError, "first"),
    (answer(error={"code": "INVALID_SEARCH", "message": ""}), NetSuiteSearchError, "no saved search"),
]


@pytest.mark.parametrize(("reply", "kind", "sentence"), MENDS)
def test_what_a_person_must_mend_is_said_at_once(
    far: FarSide, client: NetSuiteClient, reply: Reply, kind: type[NetSuiteError], sentence: str
) -> None:
    far.replies = [reply]

    with pytest.raises(kind, match=sentence) as caught:
        ask(client)

    assert isinstance(caught.value, MendError)
    assert len(far.calls) == 1


def test_a_column_error_names_search_and_column_as_data(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [
        raised("SSS_INVALID_SRCH_COL", "An nlobjSearchColumn contains an invalid column: custentity_x.")
    ]

    with pytest.raises(NetSuiteColumnError) as caught:
        ask(client)

    error = caught.value
    assert (error.search, error.columns, error.status) == ("customsearch_x", ("custentity_x",), 400)
    assert error.code == "SSS_INVALID_SRCH_COL"


FAULTS = [
    Reply(b"<html>oops</html>", 500, HTML),
    refused(503, "ANYTHING"),
    refused(500, "INVALID_SEARCH"),
    refused(400, "UNEXPECTED_ERROR"),
    raised("SSS_TIME_LIMIT_EXCEEDED", "Zeit"),
    Reply(b"<html>please wait</html>", 200, HTML),
    Reply(b"", 200),
    Reply(b"[]", 200),
    Reply(b"null", 200),
    Reply(b'{"format": 1, "count": 5', 200),
    Reply(b'{"format": 1, "count": "\\ud83d', 200),
    Reply(b'{"format": 1, "count": 5}', 200, missing=40),
    Reply(reset=True),
    Reply(b"garbage", 200, {"Content-Encoding": "gzip"}),
    Reply(b"<html>bad</html>", 400, HTML),
]


@pytest.mark.parametrize("reply", FAULTS)
def test_a_fault_of_netsuite_is_tried_again(far: FarSide, client: NetSuiteClient, reply: Reply) -> None:
    far.replies = [reply, bounds(7)]

    assert client.bounds("customsearch_x", Window()).count == 7
    assert len(far.calls) == 2


@pytest.mark.parametrize("reply", FAULTS)
def test_a_fault_that_stays_is_raised_for_a_later_try(
    far: FarSide, client: NetSuiteClient, reply: Reply
) -> None:
    far.replies = [reply]

    with pytest.raises(NetSuiteFaultError) as caught:
        ask(client)

    assert isinstance(caught.value, RemoteFaultError)
    assert len(far.calls) == 5


def test_an_answer_that_takes_too_long_is_a_fault(far: FarSide) -> None:
    far.replies = [Reply(bounds(7).body, seconds=1.0), bounds(8)]
    with requests.Session() as session:
        client = NetSuiteClient(
            session, far.url, HTTPBasicAuth("a", "b"), timeout=(5.0, 0.5), sleep=lambda _: None
        )

        assert client.bounds("customsearch_x", Window()).count == 8


@pytest.mark.parametrize("status", [400, 429])
def test_a_limit_is_waited_out_and_then_handed_on(
    far: FarSide, client: NetSuiteClient, naps: list[float], status: int
) -> None:
    far.replies = [refused(status, "SSS_REQUEST_LIMIT_EXCEEDED")]

    with pytest.raises(NetSuiteLimitError) as caught:
        ask(client)

    assert isinstance(caught.value, LimitError)
    assert (caught.value.status, caught.value.retry_after) == (status, None)
    assert len(far.calls) == 5
    assert all(nap <= bound for nap, bound in zip(naps, (1, 2, 4, 8), strict=True))


def test_waits_are_spread_so_that_callers_do_not_come_back_together(
    far: FarSide, client: NetSuiteClient, naps: list[float]
) -> None:
    far.replies = [refused(400, "SSS_REQUEST_LIMIT_EXCEEDED")]
    for _ in range(3):
        with pytest.raises(NetSuiteLimitError):
            ask(client)

    assert len(set(naps)) == 12


def test_a_short_wait_that_netsuite_asks_for_is_kept(
    far: FarSide, client: NetSuiteClient, naps: list[float]
) -> None:
    far.replies = [Reply(b"{}", 429, {"Retry-After": "7"}), bounds(7)]

    ask(client)

    assert len(naps) == 1
    assert 7 <= naps[0] <= 8


def test_a_long_wait_is_handed_on_at_once_also_as_a_date(far: FarSide, client: NetSuiteClient) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)
    far.replies = [Reply(b"{}", 429, {"Retry-After": moment})]

    with pytest.raises(NetSuiteLimitError) as caught:
        ask(client)

    assert caught.value.retry_after == pytest.approx(600, abs=5)
    assert len(far.calls) == 1


@pytest.mark.parametrize("value", ["", "soon", "-3", "Fri, 99 Nov 2026"])
def test_a_retry_after_that_says_nothing_is_left_out(
    far: FarSide, client: NetSuiteClient, value: str
) -> None:
    far.replies = [Reply(b"{}", 429, {"Retry-After": value})]

    with pytest.raises(NetSuiteLimitError) as caught:
        ask(client)

    assert caught.value.retry_after is None


def test_a_login_refused_because_of_too_many_requests_recovers(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [refused(401, "INVALID_LOGIN_ATTEMPT"), refused(401, "INVALID_LOGIN_ATTEMPT"), bounds(7)]

    assert client.bounds("customsearch_x", Window()).count == 7


@pytest.mark.parametrize("reply", [refused(401, "INVALID_LOGIN_ATTEMPT"), refused(400, "INVALID_REQUEST")])
def test_a_login_that_stays_refused_is_for_a_person(
    far: FarSide, client: NetSuiteClient, reply: Reply
) -> None:
    far.replies = [reply]

    with pytest.raises(NetSuiteLoginError, match="Web Services Only"):
        ask(client)

    assert len(far.calls) == 3


def test_no_connection_at_all_is_a_fault_that_says_where_to_look(
    client: NetSuiteClient, far: FarSide
) -> None:
    far.close()

    with pytest.raises(NetSuiteFaultError, match="account id or base URL"):
        ask(client)


def test_personal_data_and_tokens_in_netsuites_words_are_not_passed_on(
    far: FarSide, client: NetSuiteClient
) -> None:
    far.replies = [
        raised("NSK_BAD_REQUEST", f"ann@example.com  sent\nBearer abc.def and eyJhbGciOi.x.y {'z' * 900}")
    ]

    with pytest.raises(NetSuiteRequestError) as caught:
        ask(client)

    text = str(caught.value)
    assert not [secret for secret in ("ann@", "abc.def", "eyJ", "\n") if secret in text]
    assert len(text) < 600


@pytest.mark.parametrize("message", ["{not json", '{"message": 5, "name": ["x"]}', '{"name": "a b"}'])
def test_a_malformed_script_error_keeps_its_code(far: FarSide, client: NetSuiteClient, message: str) -> None:
    far.replies = [refused(400, "NSK_SUMMARY_SEARCH", message)]

    with pytest.raises(NetSuiteSearchError) as caught:
        ask(client)

    assert caught.value.code == "NSK_SUMMARY_SEARCH"


def test_errors_survive_the_way_between_processes() -> None:
    error = NetSuiteLimitError("wait", status=429, code="X", retry_after=3.0)
    column = NetSuiteColumnError("gone", status=400, code="Y", search="s", columns=("a",))

    limit_back, column_back = pickle.loads(pickle.dumps((error, column)))

    assert (str(limit_back), limit_back.status, limit_back.retry_after) == ("wait", 429, 3.0)
    assert (column_back.search, column_back.columns) == ("s", ("a",))


def test_script_errors_tell_their_name_even_when_the_outer_code_is_general(
    far: FarSide, client: NetSuiteClient
) -> None:
    inner = orjson.dumps({"name": "NSK_SEARCH_NOT_FOUND", "message": "x"}).decode()
    far.replies = [refused(400, "UNEXPECTED_ERROR", inner)]

    with pytest.raises(NetSuiteSearchError):
        ask(client)
