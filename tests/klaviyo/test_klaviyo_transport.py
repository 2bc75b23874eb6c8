"""How the client takes what Klaviyo, and what stands between, may answer."""

from __future__ import annotations

import datetime as dt
import email.utils
import logging
import pathlib
import time
import traceback
from contextlib import suppress

import orjson
import pytest
import requests
from klaviyo_canned import KEY, Canned, Reply, errors

from netsuite_connector.errors import ConnectorError, LimitError, MendError, RemoteFaultError
from netsuite_connector.klaviyo import endpoints
from netsuite_connector.klaviyo.batching import Batch, Record
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import Bulk
from netsuite_connector.klaviyo.errors import (
    KlaviyoFaultError,
    KlaviyoKeyError,
    KlaviyoLimitError,
    KlaviyoRequestError,
    KlaviyoRevisionError,
    KlaviyoScopeError,
    redact,
    retry_after,
)
from netsuite_connector.klaviyo.limiter import Limiter, ProcessWindows

ACCOUNT = Reply(200, {"data": [{"id": "ABC123", "attributes": {"timezone": "UTC"}}], "links": {}})
PERSON = "jane@" + "doe.org"  # in two, so that a traceback's lines of this file don't show it
HTML = b"<html><head><title>Attention Required! | Cloudflare</title></head><body>blocked</body></html>"
THROTTLED = errors({"code": "throttled", "detail": "Request was throttled. Expected available in 0 seconds."})


def html(status: int) -> Reply:
    return Reply(status, HTML, {"Content-Type": "text/html"})


@pytest.mark.parametrize(
    "bad",
    [
        html(502),
        html(403),
        html(503),
        Reply(524, b""),
        Reply(500, errors({"code": "error", "detail": "A server error occurred."})),
        Reply(200, HTML, {"Content-Type": "text/html"}),
        Reply(act="hang"),
        Reply(act="reset"),
        Reply(429, THROTTLED, {"Retry-After": "0"}),
        Reply(429, HTML),
    ],
    ids=["502", "cloudflare", "503", "524", "500", "200html", "hang", "reset", "429", "429html"],
)
def test_a_passing_fault_or_limit_is_tried_again(client: KlaviyoClient, canned: Canned, bad: Reply) -> None:
    canned.replies = [bad, ACCOUNT]
    assert client.account()["id"] == "ABC123"
    assert len(canned.requests) == 2


@pytest.mark.parametrize(
    "bad",
    [html(502), html(403), Reply(act="hang"), Reply(act="reset")],
    ids=["502", "cloudflare", "hang", "reset"],
)
def test_a_lasting_fault_ends_after_the_tries_as_one_that_may_pass(
    client: KlaviyoClient, canned: Canned, bad: Reply
) -> None:
    canned.replies = [bad]
    with pytest.raises(KlaviyoFaultError) as caught:
        client.account()
    assert isinstance(caught.value, RemoteFaultError)
    assert len(canned.requests) == 3
    assert "GET /api/accounts" in str(caught.value)


def test_a_server_that_nobody_listens_on_is_a_fault_that_names_no_query(session: requests.Session) -> None:
    client = KlaviyoClient(
        session,
        base_url="http://127.0.0.1:9",
        api_key=KEY,
        limiter=Limiter(ProcessWindows(), account="x"),
        tries=1,
    )
    with pytest.raises(KlaviyoFaultError) as caught:
        list(client.profiles({"filter": f'any(email,["{PERSON}"])'}))
    told = "".join(traceback.format_exception(caught.value))
    assert "GET /api/profiles" in told
    assert PERSON not in told
    assert KEY not in told


def test_after_a_429_nothing_is_sent_before_the_time_that_klaviyo_gave(
    client: KlaviyoClient, canned: Canned
) -> None:
    canned.replies = [Reply(429, THROTTLED, {"Retry-After": "1"}), ACCOUNT]
    start = time.monotonic()
    client.account()
    assert time.monotonic() - start >= 1.0


def test_a_limit_that_lasts_long_is_left_to_whoever_runs_us(client: KlaviyoClient, canned: Canned) -> None:
    canned.replies = [Reply(429, THROTTLED, {"Retry-After": "3600"})]
    with pytest.raises(KlaviyoLimitError) as caught:
        client.account()
    assert isinstance(caught.value, LimitError)
    assert caught.value.retry_after == 3600
    assert len(canned.requests) == 1


def test_retry_after_is_read_as_seconds_and_as_a_date() -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=30)
    assert retry_after("7") == 7.0
    assert retry_after("0") == 0.0
    assert retry_after(email.utils.format_datetime(soon, usegmt=True)) == pytest.approx(30, abs=3)
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert retry_after("soon") is None
    assert retry_after(None) is None


def refusal(client: KlaviyoClient, canned: Canned, reply: Reply) -> ConnectorError:
    canned.replies = [reply]
    with pytest.raises(MendError) as caught:
        client.push(Batch(1, (Record("1", b"{}"),), 2), Bulk.EVENT_CREATE)
    assert len(canned.requests) == 1, "trying again is useless"
    return caught.value


def test_a_key_that_klaviyo_does_not_know(client: KlaviyoClient, canned: Canned) -> None:
    problem = errors({"code": "not_authenticated", "detail": "Incorrect authentication credentials."})
    error = refusal(client, canned, Reply(401, problem, {"X-Klaviyo-Req-Id": "01SUPPORT"}))
    assert isinstance(error, KlaviyoKeyError)
    assert "Incorrect authentication credentials." in str(error)
    assert "01SUPPORT" in str(error)
    assert KEY not in str(error)
    assert error.answer is not None
    assert (error.answer.status, error.answer.request_id) == (401, "01SUPPORT")


def test_a_missing_scope_is_named(client: KlaviyoClient, canned: Canned) -> None:
    error = refusal(client, canned, Reply(403, errors({"code": "permission_denied", "detail": "No."})))
    assert isinstance(error, KlaviyoScopeError)
    assert "events:write" in str(error)
    assert "POST /api/event-bulk-create-jobs" in str(error)
    assert "01REQUEST" in str(error)


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (410, {"code": "gone", "detail": "This revision has been retired."}),
        (400, {"detail": "Not a valid revision.", "source": {"parameter": "revision"}}),
    ],
)
def test_a_retired_or_unknown_revision(
    client: KlaviyoClient, canned: Canned, status: int, problem: dict[str, object]
) -> None:
    error = refusal(client, canned, Reply(status, errors(problem)))
    assert isinstance(error, KlaviyoRevisionError)
    assert "Set a newer revision" in str(error)


def test_a_400_that_points_at_no_record_is_told_in_klaviyos_words(
    client: KlaviyoClient, canned: Canned
) -> None:
    problem = {"detail": "'data' is a required property.", "source": {"pointer": "/data"}}
    error = refusal(client, canned, Reply(400, errors(problem)))
    assert type(error).__mro__[1] is KlaviyoRequestError
    assert "'data' is a required property." in str(error)


def test_an_address_without_a_klaviyo_behind_it(client: KlaviyoClient, canned: Canned) -> None:
    error = refusal(client, canned, html(404))
    assert "check the address in the Klaviyo connection" in str(error)


def test_a_redirect_is_not_followed(client: KlaviyoClient, canned: Canned) -> None:
    error = refusal(client, canned, Reply(307, b"", {"Location": canned.url + "/elsewhere"}))
    assert "(307)" in str(error)


def test_a_key_that_cannot_be_one_is_refused_before_any_call(session: requests.Session) -> None:
    for key in ("", "pk_1\n", "pk_ü"):
        with pytest.raises(MendError, match="private API key"):
            KlaviyoClient(session, api_key=key, limiter=Limiter(ProcessWindows(), account="x"))


def test_what_a_request_looks_like_on_the_wire(client: KlaviyoClient, canned: Canned) -> None:
    canned.replies = [Reply(202, {"data": {"id": "J1"}})]
    client.push(Batch(1, (Record("1", b'{"a":1}'), Record("2", b'{"a":2}')), 0), Bulk.ITEM_UPDATE)
    [request] = canned.requests
    assert (request.method, request.path) == ("POST", "/api/catalog-item-bulk-update-jobs")
    assert request.headers["Authorization"] == f"Klaviyo-API-Key {KEY}"
    assert request.headers["Content-Type"] == "application/vnd.api+json"
    assert request.headers["revision"] == endpoints.REVISION
    assert request.headers["User-Agent"].startswith("netsuite-connector/")
    assert "Content-Encoding" not in request.headers
    assert orjson.loads(request.body) == {
        "data": {
            "type": "catalog-item-bulk-update-job",
            "attributes": {"items": {"data": [{"a": 1}, {"a": 2}]}},
        }
    }


def test_a_netrc_file_does_not_replace_the_key(
    client: KlaviyoClient, canned: Canned, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    canned.replies = [ACCOUNT]
    client.account()
    assert canned.requests[0].headers["Authorization"] == f"Klaviyo-API-Key {KEY}"


def test_the_next_page_is_asked_for_at_the_same_server(client: KlaviyoClient, canned: Canned) -> None:
    elsewhere = "https://elsewhere.invalid/api/profiles?page%5Bcursor%5D=bmV4dA"
    canned.replies = [
        Reply(200, {"data": [{"id": "1"}], "links": {"next": elsewhere}}),
        Reply(200, {"data": [{"id": "2"}], "links": {"next": None}}),
    ]
    assert [profile["id"] for profile in client.profiles()] == ["1", "2"]
    assert "page%5Bcursor%5D=bmV4dA" in canned.requests[1].path


def test_a_next_link_that_turns_in_a_circle_does_not_run_for_ever(
    client: KlaviyoClient, canned: Canned
) -> None:
    again = canned.url + "/api/profiles?page%5Bcursor%5D=same"
    canned.replies = [Reply(200, {"data": [{"id": "1"}], "links": {"next": again}})]
    with pytest.raises(KlaviyoFaultError, match="leads nowhere"):
        list(client.profiles())


def test_logs_hold_neither_key_nor_personal_data(
    client: KlaviyoClient, canned: Canned, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="netsuite_connector")
    problem = {"detail": "jane@doe.org is invalid, so is +44 20 7946 0018", "source": {"pointer": "/data"}}
    canned.replies = [Reply(503, errors(problem)), Reply(400, errors(problem))]
    with pytest.raises(KlaviyoRequestError) as caught:
        client.push(Batch(1, (Record("1", b'{"email":"jane@doe.org"}'),), 0), Bulk.PROFILE_IMPORT)
    told = caplog.text + str(caught.value)
    assert "<e-mail> is invalid, so is <phone>" in told
    assert "01REQUEST" in caplog.text
    for secret in ("doe.org", "7946", KEY):
        assert secret not in told


def test_what_the_http_library_logs_holds_no_query(
    client: KlaviyoClient, canned: Canned, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    canned.replies = [Reply(200, {"data": [], "links": {}}, {"X-Odd": "1\r\nno header at all"})]
    with suppress(KlaviyoFaultError):  # the odd line hides where the body ends
        list(client.profiles({"filter": f'any(email,["{PERSON}"])'}))
    told = [each.getMessage() for each in caplog.records if each.name.startswith("urllib3")]
    assert any("/api/profiles?…" in each for each in told), told
    assert any("parse headers" in each for each in told), told
    assert "doe.org" not in caplog.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Invalid email address 'a.b+c@d-e.co.uk'.", "Invalid email address '<e-mail>'."),
        ("The number +12025550123 is invalid", "The number <phone> is invalid"),
        ("(202) 555-0123 and 202-555-0123", "<phone> and <phone>"),
        ("12025550123", "<phone>"),
        ("At most 10000 profiles, not 10001, before 2027-07-15", None),
        ("item $custom:::$default:::1234567890123 exists", None),
    ],
)
def test_redaction_takes_out_addresses_and_numbers_of_people_only(text: str, expected: str | None) -> None:
    assert redact(text) == (expected or text)


def test_too_many_unfinished_jobs_are_a_limit_and_not_a_bad_request(
    canned: Canned, session: requests.Session
) -> None:
    canned.replies = [
        Reply(400, errors({"code": "too_many_jobs", "detail": "At most 500 jobs may be in progress."}))
    ]
    client = KlaviyoClient(
        session,
        base_url=canned.url,
        api_key=KEY,
        limiter=Limiter(ProcessWindows(), account="x"),
        tries=1,
    )
    with pytest.raises(KlaviyoLimitError, match="too many unfinished jobs") as caught:
        client.push(Batch(1, (Record("1", b"{}"),), 2), Bulk.ITEM_CREATE)
    assert caught.value.retry_after


@pytest.mark.parametrize("status", [400, 409])
def test_a_collision_is_the_fault_of_the_record_that_klaviyo_points_at(
    client: KlaviyoClient, canned: Canned, status: int
) -> None:
    pointer = "/data/attributes/items/data/0/attributes/external_id"
    problem = {"code": "duplicate_result", "detail": "Is there.", "source": {"pointer": pointer}}
    canned.replies = [Reply(status, errors(problem)), Reply(202, {"data": {"id": "J1"}})]
    result = client.push(Batch(1, (Record("1", b"{}"), Record("2", b"{}")), 4), Bulk.ITEM_CREATE)
    assert [(r.key, r.reasons) for r in result.rejected] == [("1", ("Klaviyo on external_id: Is there.",))]
    assert [record.key for record in result.accepted] == ["2"]


def test_a_collision_that_points_at_nothing_is_told_once(client: KlaviyoClient, canned: Canned) -> None:
    error = refusal(client, canned, Reply(409, errors({"code": "conflict", "detail": "In use."})))
    assert isinstance(error, KlaviyoRequestError)
    assert "409 conflict: In use." in str(error)


def ending(days: int) -> Reply:
    """An answer of a revision that ends in so many days."""
    day = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days)
    return Reply(200, ACCOUNT.body, {"X-Klaviyo-Api-Retirement-Date": day.isoformat()})


@pytest.mark.parametrize("days", [-3, 0, 89])
def test_a_revision_that_ends_soon_is_warned_of_once(
    client: KlaviyoClient, canned: Canned, caplog: pytest.LogCaptureFixture, days: int
) -> None:
    canned.replies = [ending(days)]
    for _ in range(3):
        client.account()
    [warning] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert endpoints.REVISION in warning
    assert str(client.revision_ends) in warning
    assert "set a newer revision" in warning


@pytest.mark.parametrize(
    "reply", [ending(120), ACCOUNT, Reply(200, ACCOUNT.body, {"X-Klaviyo-Api-Retirement-Date": "soon"})]
)
def test_a_revision_that_lasts_is_not_warned_of(
    client: KlaviyoClient, canned: Canned, caplog: pytest.LogCaptureFixture, reply: Reply
) -> None:
    canned.replies = [reply]
    client.account()
    assert not caplog.records


def test_the_revision_is_a_setting(canned: Canned, session: requests.Session) -> None:
    canned.replies = [ACCOUNT]
    KlaviyoClient(
        session,
        base_url=canned.url,
        api_key=KEY,
        revision="2026-10-15",
        limiter=Limiter(ProcessWindows(), account="x"),
    ).account()
    assert canned.requests[0].headers["revision"] == "2026-10-15"
    assert canned.requests[0].headers["X-Klaviyo-Revision-Fall-Forward-Opt-Out"] == "1"
