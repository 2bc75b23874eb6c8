"""Events: taken without a receipt, recorded once, never changed."""

from __future__ import annotations

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsuite_connector.sandbox.klaviyo.testing import running_sandbox

EVENTS = "/data/attributes/events-bulk-create/data"


def test_a_bulk_request_is_taken_with_an_empty_answer(account, api):
    answer = api.send_events(
        {"email": "ann@shop.example", "unique_id": "1", "value": 9.5, "value_currency": "USD"}
    )
    assert (answer.status_code, answer.content) == (202, b"")
    account.settled()
    (event,) = account.rows("events")
    assert (event["email"], event["value"], event["value_currency"]) == ("ann@shop.example", 9.5, "USD")


def test_an_event_makes_and_updates_its_profile(account, api):
    api.recorded({"profile": {"email": "ann@shop.example", "first_name": "Ann"}, "unique_id": "1"})
    api.recorded({"profile": {"email": "ann@shop.example", "last_name": "Lee"}, "unique_id": "2"})
    (profile,) = account.rows("profiles")
    assert (profile["first_name"], profile["last_name"]) == ("Ann", "Lee")


def test_an_event_may_patch_the_lists_of_its_profile(account, api):
    api.imported({"email": "ann@shop.example", "properties": {"Sites": [1, 2], "Old": 1, "Tags": ["a"]}})
    meta = {"patch_properties": {"append": {"Sites": 3}, "unappend": {"Tags": "a"}, "unset": "Old"}}
    group = {
        "profile": {"data": {"type": "profile", "attributes": {"email": "ann@shop.example"}, "meta": meta}},
        "events": {
            "data": [
                {
                    "type": "event",
                    "attributes": {
                        "unique_id": "1",
                        "properties": {},
                        "metric": {"data": {"type": "metric", "attributes": {"name": "Placed Order"}}},
                    },
                }
            ]
        },
    }
    groups = {"data": [{"type": "event-bulk-create", "attributes": group}]}
    body = {"type": "event-bulk-create-job", "attributes": {"events-bulk-create": groups}}
    assert api.post("event-bulk-create-jobs", body).status_code == 202
    account.settled()
    assert account.rows("profiles")[0]["properties"] == {"Sites": [1, 2, 3], "Tags": []}


def test_the_first_event_with_an_id_wins(account, api):
    api.recorded({"email": "ann@shop.example", "unique_id": "1", "value": 1})
    events = api.recorded(
        {"email": "ANN@shop.example", "unique_id": "1", "value": 2},
        {"email": "bob@shop.example", "unique_id": "1", "value": 3},
        {"email": "ann@shop.example", "unique_id": "1", "metric": "Ordered Product", "value": 4},
    )
    assert [event["value"] for event in events] == [1, 3, 4]
    assert account.state()["events_repeated"] == 1


def test_without_an_id_there_is_one_event_a_second(api):
    same = {"email": "ann@shop.example", "time": "2026-05-05T10:00:00.900Z"}
    events = api.recorded(
        same, {**same, "time": "2026-05-05T10:00:00.100Z"}, {**same, "time": "2026-05-05T10:00:01Z"}
    )
    assert [event["datetime"] for event in events] == [
        "2026-05-05T10:00:00+00:00",
        "2026-05-05T10:00:01+00:00",
    ]


def test_a_request_that_repeats_an_event_fails_as_a_whole(account, api, pointers):
    twice = {"email": "ann@shop.example", "unique_id": "1"}
    answer = api.send_events({"email": "bob@shop.example", "unique_id": "1"}, twice, twice)
    assert answer.status_code == 400
    assert pointers(answer) == [f"{EVENTS}/2/attributes/events/data/0/attributes/unique_id"]
    assert account.settled()["events"] == 0


def test_events_of_test_domains_are_taken_and_dropped(account, api):
    events = api.recorded(
        {"email": "ann@example.com"},
        {"email": "bob@test.com"},
        {"email": "cleo@best-test.com", "unique_id": "1"},
    )
    assert [event["email"] for event in events] == ["cleo@best-test.com"]
    assert account.state()["events_dropped"] == 2
    # Profiles there are kept.
    api.imported({"email": "ann@example.com"})
    assert account.state()["profiles"] == 2


def test_a_backfilled_event_wakes_no_flow(account, api):
    api.recorded({"email": "ann@shop.example", "unique_id": "1"}, backfill=True)
    api.recorded({"email": "ann@shop.example", "unique_id": "2", "backfill": True})
    assert account.state()["flows_woken"] == 0
    api.recorded({"email": "ann@shop.example", "unique_id": "3"})
    (metric,) = account.state()["metrics"]
    assert (metric["events"], metric["backfilled"], metric["flows_woken"]) == (3, 2, 1)


def test_an_older_revision_knows_no_backfill(api):
    profile = {"data": {"type": "profile", "attributes": {"email": "ann@shop.example"}}}
    metric = {"data": {"type": "metric", "attributes": {"name": "Placed Order"}}}
    attributes = {"properties": {}, "metric": metric, "profile": profile, "backfill": True}
    body = {"data": {"type": "event", "attributes": attributes}}
    answer = api.call("POST", "events", json=body, headers={"revision": "2026-04-15"})
    assert answer.status_code == 400
    assert api.call("POST", "events", json=body).status_code == 202


@pytest.mark.parametrize(
    ("attributes", "where"),
    [
        ({"time": "yesterday"}, "time"),
        ({"time": "1985-01-01T00:00:00Z"}, "time"),
        ({"time": "2999-01-01T00:00:00Z"}, "time"),
        ({"unique_id": "x" * 256}, "unique_id"),
        ({"value": "9.50"}, "value"),
        ({"value_currency": "dollars"}, "value_currency"),
        ({"metric": "m" * 128}, "metric/data/attributes/name"),
        ({"properties": {f"p{number}": 1 for number in range(401)}}, "properties"),
        ({"properties": {"Note": "x" * 100_001}}, "properties"),
        ({"properties": {"Note": "😀" * 25_001}}, "properties"),
        ({"properties": {"Number": 2**63}}, "properties"),
        ({"properties": {"Lines": list(range(4_001))}}, "properties"),
        (
            {"properties": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": {"j": {"k": 1}}}}}}}}}}}},
            "properties",
        ),
        ({"colour": "red"}, "colour"),
    ],
)
def test_an_event_is_held_to_its_limits(api, pointers, attributes, where):
    answer = api.send_events({"email": "bob@shop.example"}, {"email": "ann@shop.example", **attributes})
    assert answer.status_code == 400
    assert pointers(answer) == [f"{EVENTS}/1/attributes/events/data/0/attributes/{where}"]


def test_what_is_just_within_the_limits_is_taken(api):
    deep = {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": {"j": 1}}}}}}}}}}
    large = {"Note": "x" * 100_000, "Number": 2**63 - 1, "Lines": list(range(4_000))}
    many = {f"p{number}": None for number in range(400)}
    events = [
        {"email": f"{name}@shop.example", "properties": sent}
        for name, sent in zip("abc", (deep, large, many), strict=True)
    ]
    assert [event["properties"] for event in api.recorded(*events)] == [deep, large, many]


def test_a_bad_address_and_a_missing_one_refuse_the_request(api, pointers):
    answer = api.send_events({"email": "ann at shop"}, {"profile": {"first_name": "Ann"}})
    assert pointers(answer) == [
        f"{EVENTS}/0/attributes/profile/data/attributes/email",
        f"{EVENTS}/1/attributes/profile/data/attributes",
    ]


def test_a_request_holds_at_most_a_thousand_events(api, pointers):
    answer = api.send_events(*({"email": f"a{number}@shop.example"} for number in range(1_001)))
    assert pointers(answer) == [EVENTS]


def test_events_are_read_back_with_their_metric_and_profile(api):
    api.recorded(
        {"email": "ann@shop.example", "unique_id": "1", "value": 9.5, "time": "2026-01-01T00:00:00Z"},
        {
            "email": "ann@shop.example",
            "unique_id": "2",
            "time": "2026-02-01T00:00:00Z",
            "properties": {"OrderId": "2"},
        },
        {
            "email": "bob@shop.example",
            "metric": "Ordered Product",
            "unique_id": "3",
            "time": "2026-03-01T00:00:00Z",
        },
    )
    metrics = {one["attributes"]["name"]: one["id"] for one in api.get("metrics").json()["data"]}
    placed = f'equals(metric_id,"{metrics["Placed Order"]}")'
    found = api.get("events", filter=placed, include="metric,profile").json()
    assert [one["attributes"]["event_properties"].get("$value") for one in found["data"]] == [9.5, None]
    assert {(one["type"], one["attributes"].get("email")) for one in found["included"]} == {
        ("profile", "ann@shop.example"),
        ("metric", None),
    }
    late = api.get("events", filter=f"{placed},greater-than(datetime,2026-01-15T00:00:00Z)").json()["data"]
    assert [one["attributes"]["event_properties"]["OrderId"] for one in late] == ["2"]
    person = found["data"][0]["relationships"]["profile"]["data"]["id"]
    assert len(api.get("events", filter=f'equals(profile_id,"{person}")').json()["data"]) == 2
    newest = api.get("events", sort="-datetime", **{"page[size]": "1"}).json()["data"]
    assert newest[0]["attributes"]["datetime"] == "2026-03-01T00:00:00+00:00"
    assert api.get(f"events/{newest[0]['id']}").json()["data"] == newest[0]


def test_a_page_has_two_hundred_events(api):
    api.recorded(*({"email": "ann@shop.example", "unique_id": str(number)} for number in range(201)))
    page = api.get("events").json()
    assert len(page["data"]) == 200
    rest = api.session.get(page["links"]["next"], headers=api.account.headers(), timeout=30).json()
    assert [len(rest["data"]), rest["links"]["next"]] == [1, None]


def test_a_phone_that_is_somebody_elses_does_not_lose_the_event(account, api):
    api.imported({"email": "ann@shop.example", "phone_number": "+12015550123"})
    shared = {"email": "bob@shop.example", "phone_number": "+12015550123"}
    (event,) = api.recorded({"profile": shared, "unique_id": "1"})
    assert event["email"] == "bob@shop.example"
    assert [one["phone_number"] for one in account.rows("profiles")] == ["+12015550123", None]


@pytest.fixture(scope="module")
def discarding():
    with running_sandbox("--discard-repeats", job_seconds=0.0) as account:
        yield account


EVENT = st.tuples(
    st.sampled_from(["ann", "bob"]), st.sampled_from(["Placed Order", "Refunded Order"]), st.integers(1, 4)
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests_sent=st.lists(st.lists(EVENT, min_size=1, max_size=8), min_size=1, max_size=4))
def test_however_often_an_event_is_sent_it_is_recorded_once_and_the_first_stays(
    discarding, api_for, requests_sent
):
    discarding.reset()
    api, wanted, value = api_for(discarding), {}, 0
    for batch in requests_sent:
        events = []
        for name, metric, number in batch:
            value += 1
            wanted.setdefault((f"{name}@shop.example", metric, str(number)), value)
            events.append(
                {"email": f"{name}@shop.example", "metric": metric, "unique_id": str(number), "value": value}
            )
        assert api.send_events(*events).status_code == 202
        discarding.settled()
    found = {
        (one["email"], one["metric"], one["unique_id"]): one["value"] for one in discarding.rows("events")
    }
    assert found == wanted


@pytest.fixture
def api_for(api):
    """The same words for another account."""

    def make(account):
        return type(api)(account, requests.Session())

    return make
