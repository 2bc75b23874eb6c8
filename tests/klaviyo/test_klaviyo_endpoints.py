"""Our endpoints are those of Klaviyo's document, which the sandbox carries."""

from __future__ import annotations

import re
from importlib import resources

import orjson
import pytest

from netsuite_connector.klaviyo import consent, endpoints
from netsuite_connector.klaviyo.endpoints import Bulk, Endpoint

CONTRACT = orjson.loads(
    resources.files("netsuite_connector.sandbox.klaviyo").joinpath("contract.json").read_bytes()
)
DOCUMENTED = {
    (entry["method"], re.sub(r"\{\w+\}", "{id}", entry["path"])): entry for entry in CONTRACT["endpoints"]
}
OURS = [value for value in vars(endpoints).values() if isinstance(value, Endpoint)]
ENVELOPES = [bulk.envelope for bulk in Bulk] + list(consent.ENVELOPES)
OURS += [envelope.push for envelope in ENVELOPES]
OURS += [envelope.job for envelope in ENVELOPES if envelope.job]


@pytest.mark.parametrize("endpoint", OURS, ids=str)
def test_limits_and_scopes_are_the_documented_ones(endpoint: Endpoint) -> None:
    entry = DOCUMENTED[endpoint.method, endpoint.path]
    assert [[endpoint.burst, 1], [endpoint.steady, 60]] == entry["limits"]
    assert sorted(endpoint.scopes) == sorted(entry["scopes"])


def test_every_bulk_request_is_one_that_klaviyo_documents() -> None:
    assert CONTRACT["revision"] == endpoints.REVISION
    for envelope in ENVELOPES:
        schema = DOCUMENTED["POST", envelope.push.path]["body"]
        document = orjson.loads(envelope.request([]))
        data = schema["properties"]["data"]["properties"]
        assert [document["data"]["type"]] == data["type"]["enum"]
        # suppressions may name a list instead of profiles, so nothing is required of those
        assert list(document["data"]["attributes"]) == data["attributes"].get("required", ["profiles"])
