"""The finer rules of consent: who asks, which list, what a flow notices, and what a log can prove."""

from __future__ import annotations

import pytest

from netsuite_connector.sandbox.klaviyo.testing import running_sandbox


def _list(api, opt_in: str = "single_opt_in") -> str:
    body = {"type": "list", "attributes": {"name": "News", "opt_in_process": opt_in}}
    return api.post("lists", body).json()["data"]["id"]


def _subscribe(api, *emails: str, to: str | None = None, since: str | None = None, **attributes):
    """Subscribes people; ``since`` makes it a historical import."""
    marketing = {"consent": "SUBSCRIBED"} | ({"consented_at": since} if since else {})
    rows = [
        {
            "type": "profile",
            "attributes": {
                "email": email,
                "subscriptions": {"email": {"marketing": marketing}},
                **attributes,
            },
        }
        for email in emails
    ]
    sent: dict = {"profiles": {"data": rows}} | ({"historical_import": True} if since else {})
    return _post(api, "profile-subscription-bulk-create-jobs", sent, to)


def _post(api, path: str, attributes: dict, to: str | None):
    body: dict = {"type": path[:-1], "attributes": attributes}
    if to:
        body["relationships"] = {"list": {"data": {"type": "list", "id": to}}}
    answer = api.post(path, body)
    api.account.settled()
    return answer


def _marketing(account, email: str) -> dict:
    (one,) = (row for row in account.rows("profiles") if row["email"] == email)
    return one["subscriptions"]["email"]["marketing"]


def test_a_confirmed_double_opt_in_subscribes_and_joins_the_list(account, api):
    target = _list(api, "double_opt_in")
    _subscribe(api, "ann@shop.example", to=target)
    assert api.get(f"lists/{target}/profiles").json()["data"] == []
    account.confirm("ann@shop.example")
    after = _marketing(account, "ann@shop.example")
    assert (after["consent"], after["double_optin"]) == ("SUBSCRIBED", True)
    assert len(api.get(f"lists/{target}/profiles").json()["data"]) == 1
    assert [(line["action"], line["method"]) for line in account.rows("consents")] == [
        ("CONFIRMATION_SENT", "API"),
        ("SUBSCRIBED", "person"),
    ]


def test_an_unsubscribe_in_between_voids_the_confirmation(account, api):
    _subscribe(api, "ann@shop.example", to=_list(api, "double_opt_in"))
    marketing = {"email": {"marketing": {"consent": "UNSUBSCRIBED"}}}
    rows = [{"type": "profile", "attributes": {"email": "ann@shop.example", "subscriptions": marketing}}]
    _post(api, "profile-subscription-bulk-delete-jobs", {"profiles": {"data": rows}}, None)
    with pytest.raises(Exception, match="404"):
        account.confirm("ann@shop.example")
    assert _marketing(account, "ann@shop.example")["consent"] == "UNSUBSCRIBED"


def test_a_historical_import_skips_double_opt_in_and_the_lists_flows(account, api):
    target = _list(api, "double_opt_in")
    _subscribe(api, "ann@shop.example", to=target, since="2020-05-05T00:00:00Z")
    assert _marketing(account, "ann@shop.example")["consent"] == "SUBSCRIBED"
    assert account.state()["flows"]["added_to_list"] == 0
    _subscribe(api, "bob@shop.example", to=_list(api))
    assert account.state()["flows"]["added_to_list"] == 1


def test_a_historical_import_lifts_a_newer_opt_out_all_the_same(account, api):
    # The trap that a connector must guard against: the moment of consent protects nobody.
    api.imported({"email": "ann@shop.example"})
    account.suppress("ann@shop.example")
    _subscribe(api, "ann@shop.example", since="2020-05-05T00:00:00Z")
    line = account.rows("consents")[-1]
    assert (line["action"], line["lifted"], line["historical"]) == ("SUBSCRIBED", ["UNSUBSCRIBE"], True)


def test_the_account_itself_may_want_double_opt_in(api):
    with running_sandbox("--double-opt-in", job_seconds=0.0) as account:
        calls = type(api)(account)
        calls.imported({"email": "ann@shop.example"})
        _subscribe(calls, "ann@shop.example")
        assert [line["action"] for line in account.rows("consents")] == ["CONFIRMATION_SENT"]


def test_subscribing_sets_no_properties(api, pointers):
    answer = _subscribe(api, "ann@shop.example", first_name="Ann", properties={"Tier": "Gold"})
    prefix = "/data/attributes/profiles/data/0/attributes"
    assert (answer.status_code, sorted(pointers(answer))) == (
        400,
        [f"{prefix}/first_name", f"{prefix}/properties"],
    )


def test_a_channel_needs_its_address(api, pointers):
    marketing = {"sms": {"marketing": {"consent": "SUBSCRIBED"}}}
    rows = [{"type": "profile", "attributes": {"email": "ann@shop.example", "subscriptions": marketing}}]
    answer = _post(api, "profile-subscription-bulk-create-jobs", {"profiles": {"data": rows}}, None)
    assert (answer.status_code, pointers(answer)) == (
        400,
        ["/data/attributes/profiles/data/0/attributes/phone_number"],
    )


def test_everybody_on_a_list_is_suppressed_and_unsuppressed(account, api):
    target = _list(api)
    _subscribe(api, "ann@shop.example", "bob@shop.example", to=target)
    api.imported({"email": "cleo@shop.example"})
    for action, counts in (("create", (2, 0)), ("create", (0, 2)), ("delete", (2, 0))):
        path = f"profile-suppression-bulk-{action}-jobs"
        answer = _post(api, path, {}, target)
        job = api.get(f"{path}/{answer.json()['data']['id']}").json()["data"]["attributes"]
        assert (job["status"], job["completed_count"], job["skipped_count"]) == ("complete", *counts)
    assert _marketing(account, "ann@shop.example")["consent"] == "SUBSCRIBED"


def test_suppression_jobs_are_listed(api):
    path = "profile-suppression-bulk-create-jobs"
    rows = [{"type": "profile", "attributes": {"email": "ann@shop.example"}}]
    made = _post(api, path, {"profiles": {"data": rows}}, None).json()["data"]["id"]
    assert [one["id"] for one in api.get(path, filter='equals(status,"complete")').json()["data"]] == [made]
    assert api.get(path, filter='equals(status,"processing")').json()["data"] == []


@pytest.mark.parametrize("given", ["nothing", "both", "segment", "unknown list"])
def test_a_suppression_names_addresses_or_a_list(api, given):
    rows = {"profiles": {"data": [{"type": "profile", "attributes": {"email": "ann@shop.example"}}]}}
    body: dict = {
        "type": "profile-suppression-bulk-create-job",
        "attributes": rows if given == "both" else {},
    }
    relation = {"both": ("list", _list(api)), "segment": ("segment", "S1"), "unknown list": ("list", "L9")}
    if given in relation:
        kind, identifier = relation[given]
        body["relationships"] = {kind: {"data": {"type": kind, "id": identifier}}}
    answer = api.post("profile-suppression-bulk-create-jobs", body)
    assert answer.status_code == (404 if given in ("segment", "unknown list") else 400)


def test_a_suppression_is_taken_for_addresses_up_to_a_hundred(api, pointers):
    rows = [{"type": "profile", "attributes": {"email": f"a{number}@shop.example"}} for number in range(101)]
    answer = _post(api, "profile-suppression-bulk-create-jobs", {"profiles": {"data": rows}}, None)
    assert (answer.status_code, pointers(answer)) == (400, ["/data/attributes/profiles/data"])


def test_an_import_into_a_list_wakes_its_flows_and_gives_no_consent(account, api):
    target = _list(api)
    rows = [{"type": "profile", "attributes": {"email": "ann@shop.example"}}]
    body = {
        "type": "profile-bulk-import-job",
        "attributes": {"profiles": {"data": rows}},
        "relationships": {"lists": {"data": [{"type": "list", "id": target}]}},
    }
    for _ in range(2):
        assert api.post("profile-bulk-import-jobs", body).status_code == 202
        account.settled()
    assert account.state()["flows"]["added_to_list"] == 1
    assert _marketing(account, "ann@shop.example")["consent"] == "NEVER_SUBSCRIBED"
