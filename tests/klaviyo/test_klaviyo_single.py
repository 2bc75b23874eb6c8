"""A few records at once, for real time: the same records as in bulk, the same rejections."""

from __future__ import annotations

import orjson
import pytest
from klaviyo_canned import Canned, Reply, errors
from klaviyo_records import Connect, deliver, encode, event, one_batch, profile

from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import Bulk
from netsuite_connector.klaviyo.errors import KlaviyoRequestError, KlaviyoScopeError
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount

UPSERT = "POST /api/profile-import"
EVENT = "POST /api/events"


def test_a_profile_is_created_and_updated_at_once(connect: Connect, sandbox: SandboxAccount) -> None:
    client = connect()
    assert client.upsert_profile(profile(1, first_name="Jane", properties={"Tier": "gold"})) is None
    assert client.upsert_profile(profile(1, last_name="Doe", properties={"Since": 2020})) is None
    [row] = sandbox.rows("profiles")
    assert (row["first_name"], row["last_name"], row["external_id"]) == ("Jane", "Doe", "x1")
    assert row["properties"] == {"Tier": "gold", "Since": 2020}


def test_a_profile_with_a_list_of_stores_is_appended_to(connect: Connect, sandbox: SandboxAccount) -> None:
    client = connect()
    record = profile(1)
    document = orjson.loads(record.payload) | {"meta": {"patch_properties": {"append": {"Stores": "2"}}}}
    client.upsert_profile(profile(1, properties={"Stores": ["1"]}))
    assert client.upsert_profile(encode("x1", document)) is None
    [row] = sandbox.rows("profiles")
    assert row["properties"]["Stores"] == ["1", "2"]


@pytest.mark.parametrize(
    ("attributes", "field", "only_phone"),
    [({"email": "nobody"}, "email", False), ({"phone_number": "12"}, "phone_number", True)],
)
def test_a_bad_profile_is_rejected_as_in_bulk(
    connect: Connect,
    attributes: dict[str, object],
    field: str,
    only_phone: bool,  # noqa: FBT001
) -> None:
    rejection = connect().upsert_profile(profile(1, **attributes))
    assert rejection is not None
    assert (rejection.key, rejection.rows, rejection.only_phone) == ("x1", 1, only_phone)
    assert rejection.reasons[0].startswith(f"Klaviyo on {field}: ")


def test_a_phone_of_somebody_else_is_what_stands_in_the_way(connect: Connect) -> None:
    client = connect()
    deliver(client, Bulk.PROFILE_IMPORT, profile(1, phone_number="+14155550100"), profile(2))
    rejection = client.upsert_profile(profile(2, phone_number="+14155550100"))
    assert rejection is not None
    assert rejection.only_phone


def test_an_event_is_recorded_once_with_its_own_time_and_profile(
    connect: Connect, sandbox: SandboxAccount
) -> None:
    client = connect()
    assert client.create_event(event(1)) is None
    assert client.create_event(event(1)) is None
    sandbox.settled()
    [row] = sandbox.rows("events")
    assert (row["metric"], row["unique_id"], row["value"], row["value_currency"], row["backfill"]) == (
        "Placed Order",
        "order-1",
        10.5,
        "EUR",
        True,
    )
    assert row["email"] == "p1@shop.klaviyo-demo.com"
    assert row["datetime"].startswith("2026-01-02T03:04:05")


def test_an_event_that_is_sent_at_once_and_in_bulk_is_one_event(
    connect: Connect, sandbox: SandboxAccount
) -> None:
    client = connect()
    client.create_event(event(1))
    sandbox.settled()
    client.push(one_batch(event(1), event(2)), Bulk.EVENT_CREATE)
    sandbox.settled()
    assert sorted(row["unique_id"] for row in sandbox.rows("events")) == ["order-1", "order-2"]


def test_what_a_bulk_event_says_of_its_profile_arrives_too(connect: Connect, sandbox: SandboxAccount) -> None:
    client = connect()
    document = orjson.loads(event(1).payload)
    person = document["attributes"]["profile"]["data"]
    person["attributes"] |= {"properties": {"Store": 3}, "first_name": None}
    person["meta"] = {"patch_properties": {"append": {"Stores": "3"}}}
    document["attributes"]["backfill"] = True
    del document["attributes"]["events"]["data"][0]["attributes"]["backfill"]
    assert client.create_event(encode("order-1", document)) is None
    sandbox.settled()
    [row] = sandbox.rows("profiles")
    assert row["properties"] == {"Store": 3, "Stores": ["3"]}
    assert sandbox.rows("events")[0]["backfill"]


def test_a_bad_event_is_rejected_as_in_bulk(connect: Connect) -> None:
    client = connect()
    early = client.create_event(event(1, time="1985-01-01T00:00:00Z"))
    assert early is not None
    assert early.key == "order-1"
    assert early.reasons[0].startswith("Klaviyo on time: ")
    document = orjson.loads(event(1).payload)
    document["attributes"]["profile"]["data"]["attributes"]["email"] = "nobody"
    nobody = client.create_event(encode("order-1", document))
    assert nobody is not None
    assert nobody.reasons == ("Klaviyo on profile.email: Invalid email address",)


@pytest.mark.parametrize("fault", ["timeout_after_commit", "reset_after_commit", "error_503", "throttle"])
def test_a_call_that_breaks_is_made_again_and_changes_nothing_twice(
    connect: Connect, sandbox: SandboxAccount, fault: str
) -> None:
    client = connect(read=0.4)
    sandbox.fault(fault, endpoint=UPSERT)
    sandbox.fault(fault, endpoint=EVENT)
    assert client.upsert_profile(profile(1)) is None
    assert client.create_event(event(1)) is None
    sandbox.settled()
    assert len(sandbox.rows("profiles")) == 1
    assert len(sandbox.rows("events")) == 1


def test_a_record_that_is_too_large_is_rejected(client: KlaviyoClient, canned: Canned) -> None:
    canned.replies = [Reply(413, b"<html>too large</html>")]
    rejection = client.upsert_profile(profile(1))
    assert rejection is not None
    assert rejection.reasons == ("Klaviyo: the record is too large for a request.",)


def test_a_refusal_that_is_not_about_the_record_is_raised(client: KlaviyoClient, canned: Canned) -> None:
    canned.replies = [Reply(400, errors({"detail": "What?", "source": {"pointer": "/data"}}))]
    with pytest.raises(KlaviyoRequestError, match=r"What\?"):
        client.upsert_profile(profile(1))
    canned.replies = [Reply(403, errors({"code": "permission_denied", "detail": "No."}))]
    with pytest.raises(KlaviyoScopeError, match="events:write"):
        client.create_event(event(1))
