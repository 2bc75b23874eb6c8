"""Lists: who is on them, and that being on one is no consent."""

from __future__ import annotations

import pytest


@pytest.fixture
def news(api) -> str:
    body = {"type": "list", "attributes": {"name": "News", "opt_in_process": "single_opt_in"}}
    return api.post("lists", body).json()["data"]["id"]


@pytest.fixture
def people(api) -> dict[str, str]:
    api.imported(*({"email": f"{name}@shop.example"} for name in ("ann", "bob", "cleo")))
    return {one["email"][:3]: one["id"] for one in api.account.rows("profiles")}


def refs(*identifiers: str) -> list[dict]:
    return [{"type": "profile", "id": one} for one in identifiers]


def emails(answer) -> list[str]:
    return [one["attributes"]["email"] for one in answer.json()["data"]]


def test_profiles_are_added_to_a_list_and_taken_off_without_consent(api, news, people):
    path = f"lists/{news}/relationships/profiles"
    assert api.post(path, refs(people["ann"], people["bob"])).status_code == 204
    assert api.call("DELETE", path, json={"data": refs(people["ann"])}).status_code == 204
    assert emails(api.get(f"lists/{news}/profiles")) == ["bob@shop.example"]
    assert [one["id"] for one in api.get(path).json()["data"]] == [people["bob"]]
    assert api.account.rows("consents") == []


def test_members_are_found_by_address_and_by_when_they_joined(api, news, people):
    path = f"lists/{news}/relationships/profiles"
    api.post(path, refs(people["ann"]))
    api.account.skip_time(3_600)
    api.post(path, refs(people["bob"]))
    members = f"lists/{news}/profiles"
    assert emails(api.get(members)) == ["bob@shop.example", "ann@shop.example"]
    assert emails(api.get(members, sort="joined_group_at")) == ["ann@shop.example", "bob@shop.example"]
    assert emails(api.get(members, filter='any(email,["ANN@shop.example","cleo@shop.example"])')) == [
        "ann@shop.example"
    ]
    first = api.get(members, sort="joined_group_at", **{"page[size]": "1"}).json()
    joined = first["data"][0]["attributes"]["joined_group_at"]
    assert emails(api.get(members, filter=f"greater-than(joined_group_at,{joined})")) == ["bob@shop.example"]
    second = api.session.get(first["links"]["next"], headers=api.account.headers(), timeout=30)
    assert emails(second) == ["bob@shop.example"]


def test_members_come_with_their_subscriptions_when_asked(api, news, people):
    api.post(f"lists/{news}/relationships/profiles", refs(people["ann"]))
    (one,) = api.get(f"lists/{news}/profiles", **{"additional-fields[profile]": "subscriptions"}).json()[
        "data"
    ]
    assert one["attributes"]["subscriptions"]["email"]["marketing"]["consent"] == "NEVER_SUBSCRIBED"


def test_a_profile_knows_its_lists(api, news, people):
    api.post(f"lists/{news}/relationships/profiles", refs(people["ann"]))
    (one,) = api.get(f"profiles/{people['ann']}/lists").json()["data"]
    assert (one["id"], one["attributes"]["name"]) == (news, "News")
    (ref,) = api.get(f"profiles/{people['ann']}/relationships/lists").json()["data"]
    assert ref == {"type": "list", "id": news}


def test_who_is_not_there_is_not_added(api, news, people, pointers):
    answer = api.post(f"lists/{news}/relationships/profiles", refs(people["ann"], "01SBNOBODY"))
    assert (answer.status_code, pointers(answer)) == (404, ["/data/1/id"])
    many = refs(*[people["ann"]] * 1_001)
    assert api.post(f"lists/{news}/relationships/profiles", many).status_code == 400
    assert api.get(f"lists/{news}/profiles").json()["data"] == []


def test_a_list_is_renamed_counted_and_deleted(api, news, people):
    api.post(f"lists/{news}/relationships/profiles", refs(people["ann"]))
    renamed = {"type": "list", "id": news, "attributes": {"name": "Letters"}}
    assert api.patch(f"lists/{news}", renamed).json()["data"]["attributes"]["name"] == "Letters"
    counted = api.get(f"lists/{news}", **{"additional-fields[list]": "profile_count"}).json()["data"]
    assert counted["attributes"]["profile_count"] == 1
    assert api.delete(f"lists/{news}").status_code == 204
    assert api.get(f"lists/{news}").status_code == 404
    assert api.account.state()["profiles"] == 3


def test_being_added_to_a_list_wakes_its_flows_once(api, news, people):
    path = f"lists/{news}/relationships/profiles"
    api.post(path, refs(people["ann"]))
    api.post(path, refs(people["ann"], people["bob"]))
    assert api.account.state()["flows"]["added_to_list"] == 2
