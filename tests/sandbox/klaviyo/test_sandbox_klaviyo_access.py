"""Who may call the account, and how a call must look before it is even read."""

from __future__ import annotations

import pytest
import requests

from netsuite_connector.sandbox.klaviyo.testing import running_sandbox


def _error(answer: requests.Response) -> dict:
    (error,) = answer.json()["errors"]
    assert error["status"] == answer.status_code
    assert error["id"] == answer.headers["X-Klaviyo-Req-Id"]
    return error


@pytest.mark.parametrize("header", [None, "Bearer abc", "Klaviyo-API-Key pk_unknown"])
def test_a_call_without_a_known_key_is_not_authenticated(api, header):
    answer = requests.get(
        f"{api.account.url}/api/profiles",
        headers={"revision": "2026-07-15", **({"Authorization": header} if header else {})},
        timeout=30,
    )
    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer.headers
    _error(answer)


def test_a_key_may_only_do_what_its_scopes_say(api):
    reader = api.account.make_key("profiles:read", "events:write")
    assert api.call("GET", "profiles", key=reader).status_code == 200
    answer = api.call("POST", "profile-import", key=reader, json={})
    assert answer.status_code == 403
    assert "profiles:write" in _error(answer)["detail"]


def test_a_bulk_import_needs_the_scope_for_lists_too(api):
    key = api.account.make_key("profiles:write")
    answer = api.call("POST", "profile-bulk-import-jobs", key=key, json={})
    assert "lists:write" in _error(answer)["detail"]


@pytest.mark.parametrize("revision", ["", "latest", "2026-13-45", "20260715"])
def test_a_call_needs_a_revision(api, revision):
    answer = api.call("GET", "profiles", headers={"revision": revision})
    assert answer.status_code == 400
    assert _error(answer)["source"] == {"parameter": "revision"}


def test_an_answer_names_its_revision_and_when_that_ends(api):
    answer = api.get("profiles")
    assert answer.headers["X-Klaviyo-Api-Revision"] == "2026-07-15"
    assert answer.headers["X-Klaviyo-Api-Retirement-Date"] == "2028-07-15"


def test_a_retired_revision_falls_forward_unless_the_caller_opts_out(api):
    answer = api.call("GET", "profiles", headers={"revision": "2020-01-15"})
    assert answer.status_code == 200
    assert answer.headers["X-Klaviyo-Api-Revision"] > "2023"
    opted_out = {"revision": "2020-01-15", "X-Klaviyo-Revision-Fall-Forward-Opt-Out": "1"}
    assert api.call("GET", "profiles", headers=opted_out).status_code == 410


@pytest.mark.parametrize(
    ("asked", "answered"), [("2026-05-01", "2026-07-15"), ("2026-07-16", "2026-10-15"), ("2026-04-15", None)]
)
def test_a_revision_that_was_never_published_falls_forward_too(api, asked, answered):
    answer = api.call("GET", "profiles", headers={"revision": asked})
    assert answer.headers["X-Klaviyo-Api-Revision"] == (answered or asked)
    opted_out = {"revision": asked, "X-Klaviyo-Revision-Fall-Forward-Opt-Out": "1"}
    assert api.call("GET", "profiles", headers=opted_out).status_code == (410 if answered else 200)


def test_a_revision_of_the_future_is_answered_by_the_newest(api):
    answer = api.call("GET", "profiles", headers={"revision": "2999-01-15"})
    assert answer.headers["X-Klaviyo-Api-Revision"] >= "2026-10-15"


def test_an_unknown_path_and_a_wrong_method_are_told_apart(api):
    assert _error(api.get("nothing-here"))["code"] == "not_found"
    answer = api.delete("profiles")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, POST"


def test_a_trailing_slash_is_allowed(api):
    assert api.get("profiles/").status_code == 200


def test_other_content_types_and_broken_json_are_refused(api):
    form = api.call("POST", "profiles", data="a=b", headers={"Content-Type": "text/plain"})
    assert form.status_code == 415
    broken = api.call("POST", "profiles", data="{", headers={"Content-Type": "application/vnd.api+json"})
    assert broken.status_code == 400
    assert _error(broken)["code"] == "invalid"


def test_more_than_five_megabytes_are_refused(api):
    answer = api.call(
        "POST",
        "profile-bulk-import-jobs",
        data=b" " * 5_000_001,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 413


def test_a_query_is_held_to_the_endpoints_parameters(api):
    assert _error(api.get("profiles", limit="5"))["source"] == {"parameter": "limit"}
    assert _error(api.get("profiles", **{"page[size]": "101"}))["source"] == {"parameter": "page[size]"}
    assert "nonsense" in _error(api.get("profiles", **{"fields[profile]": "email,nonsense"}))["detail"]
    assert _error(api.get("profiles", sort="shoe_size"))["source"] == {"parameter": "sort"}


@pytest.mark.parametrize(
    "text", ["equals(email", 'equals(shoe_size,"44")', 'greater-than(email,"a")', "equals(created,1)"]
)
def test_a_filter_that_is_not_offered_is_refused(api, text):
    answer = api.get("profiles", filter=text)
    assert answer.status_code == 400
    assert _error(answer)["source"] == {"parameter": "filter"}


def test_a_cursor_must_be_one_of_ours(api):
    assert api.get("profiles", **{"page[cursor]": "abc"}).status_code == 400


def test_the_account_says_who_it_is(api):
    (one,) = api.get("accounts").json()["data"]
    assert api.get(f"accounts/{one['id']}").json()["data"]["attributes"]["preferred_currency"] == "USD"


def test_an_account_may_be_another_one(api):
    with running_sandbox(
        "--account-id", "SHOPEU", "--currency", "EUR", "--timezone", "Europe/Paris"
    ) as other:
        (one,) = type(api)(other).get("accounts").json()["data"]
    shown = one["attributes"]
    assert (one["id"], shown["public_api_key"]) == ("SHOPEU", "SHOPEU")
    assert (shown["preferred_currency"], shown["timezone"]) == ("EUR", "Europe/Paris")
