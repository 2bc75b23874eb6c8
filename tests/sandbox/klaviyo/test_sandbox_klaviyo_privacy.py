"""Deletion requests: the profile goes with everything that belongs to it."""

from __future__ import annotations

import pytest

from netsuite_connector.sandbox.klaviyo.testing import running_sandbox


def ask(api, **identifiers):
    given = {"id": identifiers.pop("id")} if "id" in identifiers else {}
    profile = {"data": {"type": "profile", **given, "attributes": identifiers}}
    body = {"type": "data-privacy-deletion-job", "attributes": {"profile": profile}}
    return api.post("data-privacy-deletion-jobs", body)


@pytest.fixture
def people(api):
    """Two people with events; Ann is on a list and suppressed."""
    target = api.post("lists", {"type": "list", "attributes": {"name": "News"}}).json()["data"]["id"]
    api.imported({"email": "ann@shop.example", "phone_number": "+12015550123"}, {"email": "bob@shop.example"})
    ann = api.get("profiles", filter='equals(email,"ann@shop.example")').json()["data"][0]["id"]
    api.post(f"lists/{target}/relationships/profiles", [{"type": "profile", "id": ann}])
    api.recorded(
        {"email": "ann@shop.example", "unique_id": "1"}, {"email": "bob@shop.example", "unique_id": "2"}
    )
    api.account.suppress("ann@shop.example")
    return {"ann": ann, "list": target}


@pytest.mark.parametrize("by", ["email", "phone_number", "id"])
def test_a_deletion_request_takes_the_profile_and_its_events(api, people, by):
    known = {"email": "ANN@shop.example", "phone_number": "+12015550123", "id": people["ann"]}
    answer = ask(api, **{by: known[by]})
    assert (answer.status_code, answer.content) == (202, b"")
    api.account.settled()
    assert [one["email"] for one in api.account.rows("profiles")] == ["bob@shop.example"]
    assert [one["email"] for one in api.account.rows("events")] == ["bob@shop.example"]
    assert api.get(f"profiles/{people['ann']}").status_code == 404
    assert api.get(f"lists/{people['list']}/profiles").json()["data"] == []


def test_a_deletion_is_logged_and_leaves_nothing_personal(api, people):
    ask(api, email="ann@shop.example")
    api.account.settled()
    assert [one["id"] for one in api.account.rows("deleted")] == [people["ann"]]
    log = api.account.rows("consents")
    assert [(line["action"], line["email"]) for line in log] == [("UNSUBSCRIBED", None), ("DELETED", None)]
    assert [line["profile_id"] for line in log] == [people["ann"]] * 2


def test_whoever_comes_back_is_another_profile_without_a_past(api, people):
    ask(api, id=people["ann"])
    api.account.settled()
    api.imported({"email": "ann@shop.example"})
    found = api.get(
        "profiles",
        filter='equals(email,"ann@shop.example")',
        **{"additional-fields[profile]": "subscriptions"},
    ).json()["data"][0]
    assert found["id"] != people["ann"]
    # The opt-out went with the profile, as everything did: whoever deletes must not import again.
    assert found["attributes"]["subscriptions"]["email"]["marketing"]["suppression"] == []


def test_the_number_of_a_deleted_profile_is_never_given_again(api):
    api.imported({"email": "ann@shop.example"})
    first = api.account.rows("profiles")[0]["id"]
    ask(api, email="ann@shop.example")
    api.account.settled()
    api.imported({"email": "ann@shop.example"})
    assert api.account.rows("profiles")[0]["id"] != first


def test_nobody_is_meant_by_an_unknown_address(api, people):
    assert ask(api, email="nobody@shop.example").status_code == 202
    assert api.account.settled()["profiles"] == 2


@pytest.mark.parametrize(
    "identifiers",
    [{}, {"email": "ann@shop.example", "phone_number": "+12015550123"}, {"email": "ann"}],
)
def test_a_request_names_one_person_in_one_way(api, people, identifiers):
    assert ask(api, **identifiers).status_code == 400
    assert api.account.settled()["profiles"] == 2


def test_a_deletion_needs_its_own_scope(api):
    key = api.account.make_key("profiles:write")
    assert api.call("POST", "data-privacy-deletion-jobs", key=key, json={}).status_code == 403


def test_a_restart_deletes_what_was_asked_for(tmp_path, api):
    file = ("--database", str(tmp_path / "account.sqlite"))
    with running_sandbox(*file, job_seconds=0.0) as account:
        type(api)(account).imported({"email": "ann@shop.example"})
    with running_sandbox(*file, job_seconds=0.5) as account:
        assert ask(type(api)(account), email="ann@shop.example").status_code == 202
    with running_sandbox(*file, job_seconds=0.0) as account:
        assert account.settled()["profiles"] == 0
