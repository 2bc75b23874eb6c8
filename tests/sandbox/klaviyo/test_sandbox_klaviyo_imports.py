"""Bulk profile imports: refused as a whole, or taken and merged row by row."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROW = "/data/attributes/profiles/data"


def test_a_job_waits_then_works_then_is_complete(account, api):
    with_time = api.import_profiles({"email": "ann@shop.example"}).json()["data"]
    assert with_time["attributes"]["status"] == "queued"
    assert with_time["attributes"]["total_count"] == 1
    account.settled()
    done = api.get(f"profile-bulk-import-jobs/{with_time['id']}").json()["data"]["attributes"]
    assert (done["status"], done["completed_count"], done["failed_count"]) == ("complete", 1, 0)
    assert done["completed_at"]


def test_one_bad_row_and_nothing_is_imported(account, api, pointers):
    answer = api.import_profiles(
        {"email": "ann@shop.example"},
        {"email": "ann at shop"},
        {"email": "bob@shop.example", "phone_number": "0201555"},
        {"email": "x" * 95 + "@b.com"},
        {"email": "cleo@shop.example", "external_id": "", "organization": "o" * 256},
    )
    assert answer.status_code == 400
    assert pointers(answer) == [
        f"{ROW}/1/attributes/email",
        f"{ROW}/2/attributes/phone_number",
        f"{ROW}/3/attributes/email",
        f"{ROW}/4/attributes/external_id",
        f"{ROW}/4/attributes/organization",
    ]
    assert account.settled()["profiles"] == 0


def test_a_number_that_its_country_does_not_have_is_refused(api):
    assert api.import_profiles({"email": "a@b.co", "phone_number": "+34600"}).status_code == 400
    assert api.import_profiles({"email": "a@b.co", "phone_number": "+999123456789"}).status_code == 400
    assert api.import_profiles({"email": "a@b.co", "phone_number": "+34600111222"}).status_code == 202


def test_fields_and_types_are_held_to_the_schema(api, pointers):
    answer = api.import_profiles({"email": "a@b.co", "tier": 1}, {"email": 5}, {"properties": []})
    assert pointers(answer) == [
        f"{ROW}/0/attributes/tier",
        f"{ROW}/1/attributes/email",
        f"{ROW}/2/attributes/properties",
    ]


def test_counts_and_sizes_are_capped(api, pointers):
    assert api.import_profiles().status_code == 400
    many = api.import_profiles(*({"email": f"a{number}@b.co"} for number in range(10_001)))
    assert pointers(many) == [ROW]
    large = api.import_profiles(
        {"email": "a@b.co"}, {"email": "b@b.co", "properties": {"Note": "x" * 100_001}}
    )
    assert pointers(large) == [f"{ROW}/1"]


def test_a_job_holds_up_to_ten_thousand_profiles(api):
    rows = [
        {
            "email": f"a{number}@b.co",
            "phone_number": f"+1201{5_550_000 + number}",
            "properties": {"Tier": number},
        }
        for number in range(10_000)
    ]
    assert api.import_profiles(*rows).status_code == 202
    assert api.account.settled()["profiles"] == 10_000


def test_an_import_changes_what_is_sent_and_keeps_the_rest(account, api):
    api.imported({"email": "ann@shop.example", "first_name": "Ann", "properties": {"Tier": "gold", "Age": 4}})
    api.imported({"email": "ANN@shop.example", "first_name": None, "properties": {"Tier": None, "Age": 5}})
    (profile,) = account.rows("profiles")
    assert (profile["first_name"], profile["properties"]) == ("Ann", {"Tier": "gold", "Age": 5})


def test_rows_of_one_person_become_one_profile_without_an_error(account, api):
    job = api.imported(
        {"email": "ann@shop.example", "phone_number": "+12015550123"},
        {"email": "Ann@shop.example", "last_name": "Lee"},
        {"phone_number": "+12015550123", "first_name": "Ann"},
    )
    assert (job["attributes"]["completed_count"], job["attributes"]["failed_count"]) == (3, 0)
    (profile,) = account.rows("profiles")
    assert (profile["first_name"], profile["last_name"]) == ("Ann", "Lee")


def test_an_external_id_merges_nobody(account, api):
    api.imported(
        {"email": "ann@shop.example", "external_id": "1"}, {"email": "bob@shop.example", "external_id": "1"}
    )
    assert len(account.rows("profiles")) == 2
    api.imported({"external_id": "1", "first_name": "Ann"})
    assert [one.get("first_name") for one in account.rows("profiles")] == ["Ann", None]


def test_rows_that_cannot_be_merged_fail_alone(account, api):
    api.imported({"email": "ann@shop.example", "phone_number": "+12015550123"})
    shared = {"email": "bob@shop.example", "phone_number": "+12015550123"}
    job = api.imported(
        {"email": "cleo@shop.example"}, shared, {"first_name": "Nobody"}, {"phone_number": "+12015550199"}
    )
    assert (job["attributes"]["completed_count"], job["attributes"]["failed_count"]) == (1, 3)
    errors = [one["attributes"] for one in api.import_errors(job)]
    assert [(error["code"], error["source"]["pointer"]) for error in errors] == [
        ("duplicate_profile", f"{ROW}/1/attributes"),
        ("required", f"{ROW}/2/attributes"),
        ("invalid", f"{ROW}/3/attributes/phone_number"),
    ]
    assert errors[0]["original_payload"]["attributes"] == shared
    assert {one["email"] for one in account.rows("profiles")} == {"ann@shop.example", "cleo@shop.example"}


def test_import_errors_come_in_pages(api):
    job = api.imported(*({"first_name": f"Nobody {number}"} for number in range(25)))
    first = api.get(f"profile-bulk-import-jobs/{job['id']}/import-errors").json()
    assert len(first["data"]) == 20
    second = api.session.get(first["links"]["next"], headers=api.account.headers(), timeout=30).json()
    pointers = [one["attributes"]["source"]["pointer"] for one in first["data"] + second["data"]]
    assert pointers == [f"{ROW}/{number}/attributes" for number in range(25)]


def test_a_job_knows_its_profiles_and_is_listed(api):
    job = api.imported({"email": "ann@shop.example"}, {"email": "bob@shop.example"})
    found = api.get(f"profile-bulk-import-jobs/{job['id']}/profiles").json()["data"]
    assert [one["attributes"]["email"] for one in found] == ["ann@shop.example", "bob@shop.example"]
    listed = api.get("profile-bulk-import-jobs", filter='equals(status,"complete")').json()["data"]
    assert [one["id"] for one in listed] == [job["id"]]


def test_a_job_is_forgotten_after_seven_days(account, api):
    job = api.imported({"email": "ann@shop.example"})
    account.skip_time(7 * 86_400 + 1)
    assert api.get(f"profile-bulk-import-jobs/{job['id']}").status_code == 404


def test_an_import_may_patch_lists_and_take_properties_away(account, api):
    api.imported({"email": "ann@shop.example", "properties": {"Sites": [1, 2], "Old": 1, "Kept": "x"}})

    def patch(**changes):
        rows = [
            {
                "type": "profile",
                "attributes": {"email": "ann@shop.example"},
                "meta": {"patch_properties": changes},
            }
        ]
        body = {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": rows}}}
        assert api.post("profile-bulk-import-jobs", body).status_code == 202
        account.settled()
        return account.rows("profiles")[0]["properties"]

    assert patch(append={"Sites": 3, "New": ["a", "b"]})["Sites"] == [1, 2, 3]
    # Klaviyo does not say that an append looks for what is there already.
    assert patch(append={"Sites": 3})["Sites"] == [1, 2, 3, 3]
    assert patch(unappend={"Sites": [3, 9], "New": "a"}) == {
        "Sites": [1, 2],
        "New": ["b"],
        "Old": 1,
        "Kept": "x",
    }
    assert patch(unset=["Old", "None"]) == {"Sites": [1, 2], "New": ["b"], "Kept": "x"}


def test_an_import_can_add_to_a_list_that_exists(account, api, pointers):
    made = api.post("lists", {"type": "list", "attributes": {"name": "Customers"}}).json()["data"]
    body = {
        "type": "profile-bulk-import-job",
        "attributes": {
            "profiles": {"data": [{"type": "profile", "attributes": {"email": "ann@shop.example"}}]}
        },
        "relationships": {"lists": {"data": [{"type": "list", "id": made["id"]}]}},
    }
    assert api.post("profile-bulk-import-jobs", body).status_code == 202
    body["relationships"]["lists"]["data"][0]["id"] = "LNONE9"
    assert api.post("profile-bulk-import-jobs", body).status_code == 404
    account.settled()
    # An import never touches consent, list or not.
    assert account.rows("consents") == []


NAMES = st.sampled_from(["ann", "bob", "cleo"])
ROWS = st.lists(
    st.fixed_dictionaries(
        {"name": NAMES, "upper": st.booleans()},
        optional={
            "first_name": st.sampled_from(["A", "B", None]),
            "properties": st.dictionaries(
                st.sampled_from(["x", "y"]), st.sampled_from([1, "two", None]), max_size=2
            ),
        },
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(ROWS, min_size=1, max_size=3))
def test_however_rows_are_batched_the_last_value_of_each_field_stays(running, batches):
    """Merging is per person and field, in the order of rows, and a null never takes part."""
    running.reset()
    wanted: dict[str, dict] = {}
    for batch in batches:
        rows = []
        for row in batch:
            email = f"{row['name']}@shop.example"
            rows.append({**{key: row[key] for key in ("first_name", "properties") if key in row}})
            rows[-1]["email"] = email.upper() if row["upper"] else email
            person = wanted.setdefault(email, {"first_name": None, "properties": {}})
            if row.get("first_name") is not None:
                person["first_name"] = row["first_name"]
            person["properties"] |= {
                key: value for key, value in row.get("properties", {}).items() if value is not None
            }
        _import(running, rows)
    found = {
        one["email"]: {"first_name": one.get("first_name"), "properties": one.get("properties", {})}
        for one in running.rows("profiles")
    }
    assert found == wanted


def _import(account, rows):
    import requests

    data = [{"type": "profile", "attributes": row} for row in rows]
    body = {"data": {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": data}}}}
    answer = requests.post(
        f"{account.url}/api/profile-bulk-import-jobs", json=body, headers=account.headers(), timeout=30
    )
    assert answer.status_code == 202, answer.text
    account.settled()
