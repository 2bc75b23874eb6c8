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
    OutboxEntry,
    OutboxEvent,
    WebsiteConfig,
    token_based,
)
from netsuite_connector.netsuite.custom_records import Acknowledged
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox


def entry(id_: int, event: str | None = "edit", **change: Any) -> dict[str, Any]:
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


def test_an_event_that_is_unknown_is_an_edit(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [answer(entries=[entry(4, "explode"), entry(5, None)], left=0)]

    assert [each.event for each in client.outbox().entries] == [OutboxEvent.EDIT, OutboxEvent.EDIT]


@pytest.mark.parametrize(
    "wrong",
    [
        *({"record": value} for value in (None, 0, -3, 7.5, "7", True, 2**60)),
        *({"at": value} for value in (None, "", "yesterday", 7, "0001-01-01T00:00:00Z")),
        *({"type": value} for value in (None, "", 7)),
    ],
)
def test_what_is_no_entry_is_told_and_holds_back_no_other(
    far: FarSide, client: NetSuiteClient, wrong: dict[str, Any]
) -> None:
    far.replies = [answer(entries=[entry(3), entry(4, **wrong), entry(5)], left=2)]

    outbox = client.outbox()

    assert [each.id for each in outbox.entries] == [3, 5]
    assert (outbox.unreadable, outbox.last, outbox.waiting) == ((4,), 5, 5)


def test_behind_what_is_no_entry_the_first_entry_is_looked_for(far: FarSide, client: NetSuiteClient) -> None:
    nothing = [answer(entries=[entry(id_, record=None)], left=left) for id_, left in ((3, 4), (4, 3))]
    far.replies = [*nothing, answer(entries=[entry(5)], left=2)]

    outbox = client.outbox(limit=1)

    assert [each.id for each in outbox.entries] == [5]
    assert (outbox.unreadable, outbox.left, outbox.waiting) == ((3, 4), 2, 5)
    assert [call.asked.get("after") for call in far.calls] == [None, 3, 4]


def test_a_moment_without_an_offset_is_utc(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [answer(entries=[entry(4, at="2026-11-20T10:00:07")], left=0)]

    assert client.outbox().entries[0].at == datetime(2026, 11, 20, 10, 0, 7, tzinfo=UTC)


def test_entries_are_acknowledged_one_by_one_a_thousand_a_call(far: FarSide, client: NetSuiteClient) -> None:
    # As a RESTlet before 1.2.0 answers, which knows no 'failed'.
    far.replies = [answer(acknowledged=1000, left=[]), answer(acknowledged=500, left=[])]

    assert client.acknowledge(range(1, 1501)) == Acknowledged(1500)
    assert [len(call.asked["ids"]) for call in far.calls] == [1000, 500]
    assert far.calls[1].asked["ids"][0] == 1001


def test_entries_that_netsuite_did_not_get_to_are_acknowledged_again(
    far: FarSide, client: NetSuiteClient
) -> None:
    far.replies = [answer(acknowledged=2, left=[5, 8]), Reply(reset=True), answer(acknowledged=2, left=[])]

    assert client.acknowledge([1, 3, 5, 8]).acknowledged == 4
    assert [call.asked["ids"] for call in far.calls] == [[1, 3, 5, 8], [5, 8], [5, 8]]


def test_entries_that_netsuite_does_not_delete_are_told(far: FarSide, client: NetSuiteClient) -> None:
    why = "THIS_RECORD_CANNOT_BE_DELETED: It has dependent records."
    far.replies = [
        answer(acknowledged=1, left=[5, 8], failed=[3], reason=why),
        answer(acknowledged=1, left=[], failed=[8], reason=why),
    ]

    assert client.acknowledge([1, 3, 5, 8]) == Acknowledged(2, failed=[3, 8], reason=why)
    assert [call.asked["ids"] for call in far.calls] == [[1, 3, 5, 8], [5, 8]]


def test_acknowledging_that_gets_nowhere_is_a_fault(far: FarSide, client: NetSuiteClient) -> None:
    far.replies = [answer(acknowledged=0, left=[5, 8])]

    with pytest.raises(NetSuiteFaultError, match="acknowledged none of 2"):
        client.acknowledge([5, 8])


def test_nothing_to_acknowledge_makes_no_call(far: FarSide, client: NetSuiteClient) -> None:
    assert client.acknowledge([]) == Acknowledged(0)
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
    assert real.acknowledge([each.id for each in first.entries]).acknowledged == 1
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
