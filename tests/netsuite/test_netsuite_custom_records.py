"""What the connector's own custom records say: configuration and outbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from netsuite_far_side import FarSide, Reply, answer

from netsuite_connector.netsuite import (
    Account,
    NetSuiteClient,
    NetSuiteFaultError,
    NetSuiteScriptError,
    OutboxEntry,
    OutboxEvent,
    WebsiteConfig,
    token_based,
)
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox


def entry(id_: int, event: str = "edit", **change: Any) -> dict[str, Any]:
    usual = {"id": id_, "type": "customer", "record": 700 + id_, "event": event, "into": None}
    return {**usual, "at": "2026-11-20T10:00:07Z", **change}


def test_a_websites_configuration_is_read(far: FarSide, client: NetSuiteClient) -> None:
    config = {
        "id": 3,
        "name": "Shop",
        "store": "demo",
        "website": "2",
        "domain": "https://shop.example",
        "item_url": None,
        "image_folder": None,
        "image_options": ["custcol_color"],
        "ids": ["pricelevel", "terms"],
        "types": [],
        "statuses": ["SalesOrd:B"],
        "flows": {"catalog": True, "orders": False},
    }
    far.replies = [answer(configs=[config])]

    assert client.config() == [
        WebsiteConfig(
            id=3,
            name="Shop",
            store="demo",
            website="2",
            domain="https://shop.example",
            item_url=None,
            image_folder=None,
            image_options=("custcol_color",),
            ids=("pricelevel", "terms"),
            types=(),
            statuses=("SalesOrd:B",),
            flows={"catalog": True, "orders": False},
        )
    ]


def test_an_account_without_configuration_has_none(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [answer(configs=[])]

    assert client.config() == []


def test_the_outbox_tells_what_happened_to_which_record_and_when(
    far: FarSide, client: NetSuiteClient
) -> None:
    far.replies = [answer(entries=[entry(4), entry(9, "merge", into=12)], left=31)]

    outbox = client.outbox(after=3, limit=2)

    moment = datetime(2026, 11, 20, 10, 0, 7, tzinfo=UTC)
    assert outbox.entries == (
        OutboxEntry(4, "customer", 704, OutboxEvent.EDIT, None, moment),
        OutboxEntry(9, "customer", 709, OutboxEvent.MERGE, 12, moment),
    )
    assert outbox.left == 31
    assert far.calls[0].asked == {"action": "outbox", "after": 3, "limit": 2}


def test_the_outbox_is_read_from_its_oldest_entry_unless_told_otherwise(
    far: FarSide, client: NetSuiteClient
) -> None:
    far.replies = [answer(entries=[], left=0)]

    assert client.outbox().entries == ()
    assert far.calls[0].asked == {"action": "outbox", "limit": 1000}


def test_an_event_that_is_unknown_is_not_taken_for_another(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [answer(entries=[entry(4, "explode")], left=0)]

    with pytest.raises(NetSuiteScriptError, match="event"):
        client.outbox()


def test_entries_are_acknowledged_one_by_one_a_thousand_a_call(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [answer(acknowledged=1000, left=[]), answer(acknowledged=500, left=[])]

    assert client.acknowledge(range(1, 1501)) == 1500
    assert [len(call.asked["ids"]) for call in far.calls] == [1000, 500]
    assert far.calls[1].asked["ids"][0] == 1001


def test_entries_that_netsuite_did_not_get_to_are_acknowledged_again(
    far: FarSide, client: NetSuiteClient
) -> None:
    far.replies = [answer(acknowledged=2, left=[5, 8]), Reply(reset=True), answer(acknowledged=2, left=[])]

    assert client.acknowledge([1, 3, 5, 8]) == 4
    assert [call.asked["ids"] for call in far.calls] == [[1, 3, 5, 8], [5, 8], [5, 8]]


def test_acknowledging_that_gets_nowhere_is_a_fault(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [answer(acknowledged=0, left=[5, 8])]

    with pytest.raises(NetSuiteFaultError, match="acknowledged none of 2"):
        client.acknowledge([5, 8])


def test_nothing_to_acknowledge_makes_no_call(far: FarSide, client: NetSuiteClient) -> None:
    assert client.acknowledge([]) == 0
    assert not far.calls


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxAccount]:
    with running_sandbox(customers=3) as running:
        yield running


@pytest.fixture
def real(sandbox: SandboxAccount) -> Iterator[NetSuiteClient]:
    own = sandbox.credentials
    auth = token_based(
        Account.of(own.account),
        consumer_key=own.consumer_key,
        consumer_secret=own.consumer_secret,
        token_id=own.token_id,
        token_secret=own.token_secret,
    )
    with requests.Session() as session:
        yield NetSuiteClient(session, sandbox.url, auth)


def test_what_is_saved_in_the_account_waits_until_it_is_acknowledged(
    real: NetSuiteClient, sandbox: SandboxAccount
) -> None:
    record = sandbox.create("customer", entityid="NEW", stage="LEAD", email="new@inbox.example")["internalid"]
    sandbox.update("customer", record, email="newer@inbox.example")

    first = real.outbox(limit=1)
    rest = real.outbox(after=first.entries[0].id)

    assert [each.event for each in first.entries + rest.entries] == [OutboxEvent.CREATE, OutboxEvent.EDIT]
    assert {each.record for each in first.entries + rest.entries} == {record}
    assert (first.left, rest.left) == (1, 0)
    assert real.outbox().entries == first.entries + rest.entries
    assert real.acknowledge([each.id for each in first.entries]) == 1
    assert real.outbox().entries == rest.entries


def test_a_configuration_record_of_the_account_is_read(real: NetSuiteClient, sandbox: SandboxAccount) -> None:
    values = {"store": "demo", "website": "2", "ids": "pricelevel, terms", "orders": True}
    sandbox.create(
        "customrecord_nsk_config",
        name="Shop",
        **{f"custrecord_nsk_cfg_{name}": value for name, value in values.items()},
    )

    (config,) = real.config()

    assert (config.name, config.store, config.website) == ("Shop", "demo", "2")
    assert config.ids == ("pricelevel", "terms")
    assert config.flows["orders"]
