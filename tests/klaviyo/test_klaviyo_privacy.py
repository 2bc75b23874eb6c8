"""Requests that a person be forgotten."""

from __future__ import annotations

import orjson
import pytest
from klaviyo_canned import Canned, Reply, errors
from klaviyo_records import Connect, deliver, profile

from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import Bulk
from netsuite_connector.klaviyo.errors import KlaviyoScopeError
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount

DELETION = "POST /api/data-privacy-deletion-jobs"


def emails(sandbox: SandboxAccount) -> list[str]:
    sandbox.settled()
    return sorted(row["email"] for row in sandbox.rows("profiles"))


def test_a_person_is_forgotten_by_address_or_by_id(connect: Connect, sandbox: SandboxAccount) -> None:
    client = connect()
    deliver(client, Bulk.PROFILE_IMPORT, *(profile(number) for number in range(3)))
    client.privacy.request_deletion(email="p0@shop.klaviyo-demo.com")
    assert emails(sandbox) == ["p1@shop.klaviyo-demo.com", "p2@shop.klaviyo-demo.com"]
    [person] = client.reading.profiles_by_email(["p1@shop.klaviyo-demo.com"])
    client.privacy.request_deletion(profile_id=person["id"])
    assert emails(sandbox) == ["p2@shop.klaviyo-demo.com"]


@pytest.mark.parametrize("fault", ["timeout_after_commit", "error_503"])
def test_asking_again_after_a_broken_call_is_harmless(
    connect: Connect, sandbox: SandboxAccount, fault: str
) -> None:
    client = connect(read=0.4)
    deliver(client, Bulk.PROFILE_IMPORT, profile(0), profile(1))
    sandbox.fault(fault, endpoint=DELETION)
    client.privacy.request_deletion(email="p0@shop.klaviyo-demo.com")
    assert emails(sandbox) == ["p1@shop.klaviyo-demo.com"]


def test_exactly_one_identifier_is_sent(client: KlaviyoClient, canned: Canned) -> None:
    canned.replies = [Reply(202)]
    for wrong in ({}, {"email": "a@doe.org", "profile_id": "1"}, {"email": ""}):
        with pytest.raises(ValueError, match="either"):
            client.privacy.request_deletion(**wrong)
    client.privacy.request_deletion(email="a@doe.org")
    client.privacy.request_deletion(profile_id="01ABC")
    assert [orjson.loads(request.body)["data"]["attributes"] for request in canned.requests] == [
        {"profile": {"data": {"type": "profile", "attributes": {"email": "a@doe.org"}}}},
        {"profile": {"data": {"type": "profile", "attributes": {}, "id": "01ABC"}}},
    ]


def test_a_key_that_may_not_is_told_so(client: KlaviyoClient, canned: Canned) -> None:
    canned.replies = [Reply(403, errors({"code": "permission_denied", "detail": "No."}))]
    with pytest.raises(KlaviyoScopeError, match="data-privacy:write"):
        client.privacy.request_deletion(profile_id="01ABC")
