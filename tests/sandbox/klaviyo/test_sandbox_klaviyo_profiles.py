"""The profile endpoints that answer at once."""

from __future__ import annotations


def _profile(attributes: dict, **more: object) -> dict:
    return {"type": "profile", "attributes": attributes, **more}


def _only(api, **query: str) -> dict:
    (profile,) = api.get("profiles", **query).json()["data"]
    return profile


def test_a_created_profile_can_be_read_back(api):
    sent = {
        "email": "Ann@Shop.example",
        "phone_number": "+12015550123",
        "external_id": "17",
        "first_name": "Ann",
        "location": {"city": "Lima", "country": "Peru"},
        "properties": {"Tier": "gold", "Website IDs": [1, 2]},
    }
    created = api.post("profiles", _profile(sent))
    assert created.status_code == 201
    read = api.get(f"profiles/{created.json()['data']['id']}").json()["data"]["attributes"]
    assert read["email"] == "ann@shop.example"
    assert read["location"]["city"] == "Lima"
    assert {name: read[name] for name in ("external_id", "first_name", "properties")} == {
        name: sent[name] for name in ("external_id", "first_name", "properties")
    }


def test_creating_what_exists_names_the_profile_that_does(api):
    first = api.post("profiles", _profile({"email": "ann@shop.example"})).json()["data"]["id"]
    answer = api.post("profiles", _profile({"email": "ANN@shop.example"}))
    assert answer.status_code == 409
    (error,) = answer.json()["errors"]
    assert error["code"] == "duplicate_profile"
    assert error["meta"] == {"duplicate_profile_id": first}


def test_create_or_update_says_which_it_did(api):
    assert (
        api.post("profile-import", _profile({"email": "ann@shop.example", "first_name": "Ann"})).status_code
        == 201
    )
    again = api.post("profile-import", _profile({"email": "ann@shop.example", "last_name": "Lee"}))
    assert again.status_code == 200
    assert again.json()["data"]["attributes"]["first_name"] == "Ann"


def test_a_null_clears_a_field_on_update(api):
    sent = {"email": "ann@shop.example", "first_name": "Ann", "properties": {"Tier": "gold", "Age": 4}}
    profile = api.post("profiles", _profile(sent)).json()["data"]["id"]
    change = {"first_name": None, "phone_number": "+12015550123", "properties": {"Tier": None}}
    answer = api.patch(f"profiles/{profile}", _profile(change, id=profile))
    attributes = answer.json()["data"]["attributes"]
    assert (attributes["first_name"], attributes["properties"]) == (None, {"Age": 4})
    api.patch(f"profiles/{profile}", _profile({"phone_number": None}, id=profile))
    # The phone number is free again.
    assert (
        api.post(
            "profiles", _profile({"email": "bob@shop.example", "phone_number": "+12015550123"})
        ).status_code
        == 201
    )


def test_identifiers_of_two_profiles_are_a_conflict(api):
    ann = api.post("profiles", _profile({"email": "ann@shop.example"})).json()["data"]["id"]
    api.post("profiles", _profile({"email": "bob@shop.example", "phone_number": "+12015550123"}))
    both = {"email": "ann@shop.example", "phone_number": "+12015550123"}
    assert api.post("profile-import", _profile(both)).status_code == 409
    assert api.patch(f"profiles/{ann}", _profile({"email": "bob@shop.example"}, id=ann)).status_code == 409


def test_properties_can_be_appended_and_unset(api):
    first = {"email": "ann@shop.example", "properties": {"Sites": [1], "Old": True}}
    api.post("profile-import", _profile(first))
    meta = {"patch_properties": {"append": {"Sites": 2, "New": "a"}, "unset": "Old"}}
    answer = api.post("profile-import", _profile({"email": "ann@shop.example"}, meta=meta))
    assert answer.json()["data"]["attributes"]["properties"] == {"Sites": [1, 2], "New": ["a"]}


def test_everything_that_is_wrong_is_said_at_once(api, pointers):
    bad = {"email": "not an address", "phone_number": "12345", "first_name": "x" * 256, "shoe_size": 44}
    assert pointers(api.post("profiles", _profile(bad))) == ["/data/attributes/shoe_size"]
    del bad["shoe_size"]
    assert pointers(api.post("profiles", _profile(bad))) == [
        "/data/attributes/email",
        "/data/attributes/phone_number",
        "/data/attributes/first_name",
    ]


def test_profiles_are_found_by_their_identifiers(api):
    for number in range(5):
        api.post("profiles", _profile({"email": f"a{number}@shop.example", "external_id": str(number)}))
    assert _only(api, filter='equals(email,"A3@shop.example")')["attributes"]["external_id"] == "3"
    assert _only(api, filter='equals(external_id,"4")')["attributes"]["email"] == "a4@shop.example"
    found = api.get(
        "profiles", filter='any(email,["a1@shop.example","a2@shop.example","nobody@shop.example"])'
    )
    assert [one["attributes"]["external_id"] for one in found.json()["data"]] == ["1", "2"]


def test_pages_follow_one_another_to_the_end(api):
    api.imported(*({"email": f"a{number}@shop.example"} for number in range(7)))
    seen, answer = [], api.get("profiles", **{"page[size]": "3", "sort": "-created"})
    while True:
        page = answer.json()
        seen += [one["attributes"]["email"] for one in page["data"]]
        if not page["links"]["next"]:
            break
        answer = api.session.get(page["links"]["next"], headers=api.account.headers(), timeout=30)
    assert seen == [f"a{number}@shop.example" for number in reversed(range(7))]


def test_sparse_fields_leave_out_the_rest(api):
    api.post("profiles", _profile({"email": "ann@shop.example", "location": {"city": "Lima"}}))
    profile = _only(api, **{"fields[profile]": "email,location.city"})
    assert profile["attributes"] == {"email": "ann@shop.example", "location": {"city": "Lima"}}


def test_an_unknown_profile_is_not_found(api):
    assert api.get("profiles/01SB0000000000000000000009").status_code == 404
    assert api.get("profiles/nonsense").status_code == 404
    unknown = _profile({"email": "a@shop.example"}, id="01SB0000000000000000000009")
    assert api.post("profile-import", unknown).status_code == 404
