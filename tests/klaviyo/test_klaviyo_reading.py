"""What a flow reads back to prove that it delivered."""

from __future__ import annotations

import datetime as dt
import urllib.parse

import pytest
from klaviyo_canned import Canned, Reply
from klaviyo_records import Connect, deliver, event, one_batch, profile

from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import Bulk
from netsuite_connector.klaviyo.errors import KlaviyoFaultError
from netsuite_connector.klaviyo.reading import portions
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount

START = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def at(number: int) -> str:
    return (START + dt.timedelta(minutes=number)).isoformat()


@pytest.fixture
def told(connect: Connect, sandbox: SandboxAccount) -> KlaviyoClient:
    """A client of an account with 1,200 events a minute apart, and some of another metric."""
    client = connect()
    other = {"metric": {"data": {"type": "metric", "attributes": {"name": "Fulfilled Order"}}}}
    for start in (0, 600):
        batch = (event(number, time=at(number), value=number / 4) for number in range(start, start + 600))
        client.push(one_batch(*batch), Bulk.EVENT_CREATE)
    client.push(
        one_batch(*(event(number, time=at(number), **other) for number in range(5))), Bulk.EVENT_CREATE
    )
    sandbox.settled()
    return client


def test_events_of_a_metric_come_back_in_order_with_identity_time_and_value(told: KlaviyoClient) -> None:
    seen = list(told.reading.events_of("Placed Order", START, START + DAY))
    assert [one.unique_id for one in seen] == [f"order-{number}" for number in range(1_200)]
    assert [one.value for one in seen] == [number / 4 for number in range(1_200)]
    assert [one.time for one in seen] == [START + dt.timedelta(minutes=number) for number in range(1_200)]
    assert len({one.profile_id for one in seen}) == 7
    assert len({one.id for one in seen}) == 1_200


def test_a_window_holds_its_beginning_and_not_its_end(told: KlaviyoClient) -> None:
    minute = dt.timedelta(minutes=1)
    since, until = START + 10 * minute, START + 13 * minute
    assert [one.unique_id for one in told.reading.events_of("Placed Order", since, until)] == [
        "order-10",
        "order-11",
        "order-12",
    ]
    # Klaviyo knows no fractions of a second, so an event of that second may be meant
    within = told.reading.events_of("Placed Order", since + dt.timedelta(milliseconds=500), until)
    assert next(within).unique_id == "order-10"
    elsewhere = dt.timezone(dt.timedelta(hours=5))
    assert len(list(told.reading.events_of("Placed Order", since.astimezone(elsewhere), until))) == 3
    with pytest.raises(ValueError, match="time zone"):
        list(told.reading.events_of("Placed Order", since.replace(tzinfo=None), until))


def test_the_events_of_one_profile(told: KlaviyoClient) -> None:
    [person] = told.reading.profiles_by_email(["p3@shop.klaviyo-demo.com"])
    seen = list(told.reading.events_of("Placed Order", START, START + DAY, profile_id=person["id"]))
    assert [one.unique_id for one in seen] == [f"order-{number}" for number in range(3, 1_200, 7)]


def test_events_are_counted_by_metric(told: KlaviyoClient) -> None:
    reading = told.reading
    assert reading.count_events("Placed Order", START, START + DAY) == 1_200
    assert reading.count_events("Fulfilled Order", START, START + DAY) == 5
    assert reading.count_events("Placed Order", START + DAY, START + 2 * DAY) == 0


def test_a_metric_is_asked_for_once_it_is_known_and_looked_for_while_it_is_not(
    connect: Connect, sandbox: SandboxAccount
) -> None:
    client = connect()
    assert client.reading.metric_id("Placed Order") is None
    assert list(client.reading.events_of("Placed Order", START, START + DAY)) == []
    assert client.reading.count_events("Placed Order", START, START + DAY) == 0
    client.push(one_batch(event(1, time=at(1))), Bulk.EVENT_CREATE)
    sandbox.settled()
    found = client.reading.metric_id("Placed Order")
    assert found
    asked = sandbox.state()["requests"]["GET /api/metrics"]["requests"]
    assert client.reading.metric_id("Placed Order") == found
    assert len(list(client.reading.events_of("Placed Order", START, START + DAY))) == 1
    assert sandbox.state()["requests"]["GET /api/metrics"]["requests"] == asked


def test_profiles_come_back_by_address_with_the_fields_that_are_asked_for(connect: Connect) -> None:
    client = connect()
    people = (
        profile(number, properties={"Tier": "gold"}, location={"city": "Köln", "zip": "50667"})
        for number in range(220)
    )
    deliver(client, Bulk.PROFILE_IMPORT, *people)
    addresses = [f"P{number}@shop.klaviyo-demo.com" for number in range(300)]
    found = list(client.reading.profiles_by_email(addresses, ["external_id", "location.city", "properties"]))
    assert len(found) == 220
    by_address = {one["attributes"]["email"]: one for one in found}
    one = by_address["p7@shop.klaviyo-demo.com"]
    assert one["id"]
    assert one["attributes"] == {
        "email": "p7@shop.klaviyo-demo.com",
        "external_id": "x7",
        "location": {"city": "Köln"},
        "properties": {"Tier": "gold"},
    }


def test_an_event_that_makes_no_sense_is_a_fault(client: KlaviyoClient, canned: Canned) -> None:
    metric = {"id": "M1", "attributes": {"name": "Placed Order"}}
    canned.replies = [
        Reply(200, {"data": [metric], "links": {}}),
        Reply(200, {"data": [{"id": "E1", "attributes": {"datetime": "?"}}], "links": {}}),
    ]
    with pytest.raises(KlaviyoFaultError, match="event makes no sense"):
        list(client.reading.events_of("Placed Order", START, START + DAY))
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(canned.requests[1].path).query)
    assert query["fields[event]"] == ["datetime,event_properties"]


def test_portions_fit_a_page_and_an_address() -> None:
    addresses = [f"{'ü' * 40}{number}@doe.org" for number in range(150)]
    found = list(portions([*addresses, "", addresses[0], "a@b.org", "a@b.org"]))
    assert [one for portion in found for one in portion][:150] == [f'"{address}"' for address in addresses]
    assert found[-1][-2:] == [f'"{addresses[0]}"', '"a@b.org"']
    for portion in found:
        assert 0 < len(portion) <= 100
        assert len(urllib.parse.quote(",".join(portion))) < 7_000
    assert [len(portion) for portion in portions(map(str, range(1, 251)))] == [100, 100, 50]
