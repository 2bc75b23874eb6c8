"""What entries of the outbox mean for a flow, and how often NetSuite is asked for what hardly changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.errors import MendError
from netsuite_connector.flows.changes import Changes, Gone, changes_for, types_for
from netsuite_connector.flows.realtime import read_from
from netsuite_connector.flows.recent import KEPT_SECONDS, Memory, RecentClient
from netsuite_connector.flows.served import Flow, Trouble
from netsuite_connector.netsuite.client import NetSuiteClient
from netsuite_connector.netsuite.custom_records import OutboxEntry, OutboxEvent
from netsuite_connector.stores.configuration import Configured
from netsuite_connector.stores.load import load_store
from netsuite_connector.stores.model import Store
from netsuite_connector.window import Window

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def entry(id_: int, type_: str, record: int, event: str = "edit", into: int | None = None) -> OutboxEntry:
    return OutboxEntry(id_, type_, record, OutboxEvent(event), into, NOON + timedelta(seconds=id_))


def test_a_flow_reads_the_records_of_its_types_and_leaves_the_rest() -> None:
    entries = [entry(1, "lead", 7), entry(2, "contact", 9), entry(3, "salesorder", 20), entry(4, "lead", 7)]
    changes = changes_for(DOMAINS["customers"], entries)
    assert changes is not None
    assert changes.ids == {"customers": [7], "contacts": [9]}
    assert changes.entries == {1, 2, 4}
    assert changes.since == NOON + timedelta(seconds=1)
    assert changes.gone == []


def test_transactions_go_to_the_source_of_their_kind() -> None:
    entries = [entry(1, "invoice", 1), entry(2, "itemfulfillment", 2), entry(3, "creditmemo", 3)]
    changes = changes_for(DOMAINS["orders"], entries)
    assert changes is not None
    assert changes.ids == {"orders": [1], "fulfilments": [2], "refunds": [3]}


def test_an_item_may_be_an_item_or_a_variant() -> None:
    changes = changes_for(DOMAINS["catalog"], [entry(1, "kititem", 5)])
    assert changes is not None
    assert {name: ids for name, ids in changes.ids.items() if name in {"items", "variants"}} == {
        "items": [5],
        "variants": [5],
    }


def test_entries_of_no_flow_concern_none() -> None:
    assert changes_for(DOMAINS["orders"], [entry(1, "customer", 7), entry(2, "vendor", 8)]) is None


def test_what_was_merged_is_gone_and_what_remains_is_read() -> None:
    entries = [entry(3, "customer", 7, "merge", into=8), entry(1, "customer", 7, "edit")]
    changes = changes_for(DOMAINS["customers"], entries)
    assert changes is not None
    assert changes.ids["customers"] == [7, 8]
    assert changes.gone == [Gone("customer", 7, NOON + timedelta(seconds=3))]


def test_the_last_entry_of_a_record_counts() -> None:
    entries = [entry(2, "inventoryitem", 7, "edit"), entry(1, "inventoryitem", 7, "delete")]
    changes = changes_for(DOMAINS["catalog"], entries)
    assert changes is not None
    assert changes.gone == []


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_answer_is_kept_for_a_while() -> None:
    clock = Clock()
    memory = Memory(clock)
    answers = iter(range(10))
    assert [memory.get("a", lambda: next(answers)) for _ in range(3)] == [0, 0, 0]
    assert memory.get("b", lambda: next(answers)) == 1
    clock.now += KEPT_SECONDS
    assert memory.get("a", lambda: next(answers)) == 2
    memory.forget()
    assert memory.get("a", lambda: next(answers)) == 3


@pytest.mark.parametrize("ids", [None, ()])
def test_what_is_kept_of_a_search_is_kept_by_what_narrows_it(
    monkeypatch: pytest.MonkeyPatch, ids: tuple[int, ...] | None
) -> None:
    asked: list[Any] = []

    def pages(*_: Any, only: Any, **__: Any) -> Iterator[Any]:
        asked.append(only)
        yield dict(only or {})

    monkeypatch.setattr(NetSuiteClient, "pages", pages)
    client = RecentClient(NetSuiteClient.__new__(NetSuiteClient), Memory(), [])
    wanted: list[Any] = [{"folder": ("3",)}, {"folder": ("77",)}, {"folder": ("3",)}, None, None]
    told = [list(client.pages("images", Window(), only=only, ids=ids)) for only in wanted]
    assert told == [[only or {}] for only in wanted]
    assert asked == [{"folder": ("3",)}, {"folder": ("77",)}, None]


def a_flow(overlap: int = 5) -> Flow:
    document: dict[str, Any] = {"store": "demo", "name": "Demo", "country": "US", "currency": "USD"}
    document |= {"site": {"url": "https://shop.example"}, "flows": {"orders": {}}}
    document |= {"netsuite": {"overlap_minutes": overlap}}
    store = Store.model_validate(document)
    return Flow(Configured(store), DOMAINS["orders"], types_for(DOMAINS["orders"]))


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@pytest.mark.parametrize(
    ("mark", "read_up_to", "start"),
    [
        (None, None, -5.0),  # nothing is known but the entries
        (-30.0, None, -37.0),  # the scheduled runs have read until then, and read an overlap again
        (10.0, None, -5.0),  # they have read all this
        (-30.0, -12.0, -19.0),  # an earlier pass of the drain has read until then
        (-30.0, -0.5, -7.5),
        (-30.0, -60.0, -37.0),
    ],
)
def test_lookups_are_read_from_where_the_scheduled_runs_have_read(
    mark: float | None, read_up_to: float | None, start: float
) -> None:
    flow = a_flow(overlap=7)
    flow.mark = None if mark is None else NOON + minutes(mark)
    flow.read_up_to = None if read_up_to is None else NOON + minutes(read_up_to)
    assert read_from(flow, Changes(NOON)) == NOON + minutes(start)


def test_a_trouble_is_looked_at_again_after_growing_pauses() -> None:
    trouble = Trouble()
    pauses = []
    for _ in range(9):
        trouble.add(ValueError("no"), 1000.0)
        pauses.append(trouble.again - 1000.0)
    assert pauses == [15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 900.0, 900.0, 900.0]
    trouble.end()
    assert (trouble.error, trouble.again) == (None, 0.0)


def test_known_deletions_are_given_by_type() -> None:
    gone = [Gone("customer", 9, NOON), Gone("contact", 3, NOON), Gone("lead", 4, NOON)]
    client = RecentClient(NetSuiteClient.__new__(NetSuiteClient), Memory(), gone)
    (page,) = client.deleted(("customer", "lead"), Window(NOON))
    assert page.batch.column("internalid").to_pylist() == [4, 9]
    assert page.batch.column("recordtype").to_pylist() == ["lead", "customer"]
    (page,) = client.deleted(("salesorder",), Window(NOON))
    assert page.batch.num_rows == 0
    assert page.batch.schema.field("internalid").type == pa.int64()


STORE = """
store: demo
name: Demo
country: US
currency: USD
site: {url: https://shop.example}
flows: {orders: {}}
"""


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("{interval: 5}", "did you mean 'interval_seconds'"),
        ("{flows: [stock]}", "give the flow 'stock' a short schedule"),
        ("{interval_seconds: 0}", "'realtime.interval_seconds' is 0"),
    ],
)
def test_settings_that_cannot_be_are_told(tmp_path: Any, setting: str, told: str) -> None:
    file = tmp_path / "demo.yaml"
    file.write_text(f"{STORE}realtime: {setting}\n")
    with pytest.raises(MendError, match=told):
        load_store(file)


def test_real_time_is_off_unless_asked_for(tmp_path: Any) -> None:
    file = tmp_path / "demo.yaml"
    file.write_text(STORE)
    assert not load_store(file).realtime.enabled
    file.write_text(f"{STORE}realtime: {{enabled: true, flows: [customers]}}\n")
    store = load_store(file)
    assert (store.realtime.enabled, store.realtime.interval_seconds) == (True, 10)
    assert store.realtime.flows == ("customers",)
