"""Confirm proves delivery: what Klaviyo took is read back, and what does not show is sent again or told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import orjson
import pytest
from flows_staged import NewRun, catalog_item, event, new_client, profile, ready, source_of
from hypothesis import given
from hypothesis import strategies as st

from netsuite_connector.domains.model import Kind
from netsuite_connector.flows.confirm import confirm
from netsuite_connector.flows.push import push
from netsuite_connector.flows.readback import NOT_SHOWN, SAMPLE, sample
from netsuite_connector.flows.run import Run
from netsuite_connector.klaviyo.batching import Batch, Record
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import COMPOUND, Bulk
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount, running_sandbox
from netsuite_connector.stores.model import ReadBack

EVENTS = "POST /api/event-bulk-create-jobs"
READS = ("GET /api/profiles", "GET /api/events", "GET /api/metrics", "GET /api/catalog-items")


def reading_all(run: Run) -> Run:
    """The run of a store that wants all of it read back."""
    klaviyo = run.store.klaviyo.model_copy(update={"confirm": ReadBack.ALL})
    return replace(run, store=run.store.model_copy(update={"klaviyo": klaviyo}))


def reads(sandbox: SandboxAccount) -> int:
    traffic = sandbox.state()["requests"]
    return sum(traffic[name]["requests"] for name in READS if name in traffic)


def change(client: KlaviyoClient, bulk: Bulk, element: dict[str, Any]) -> None:
    """Somebody else changes the catalog."""
    record = Record("theirs", orjson.dumps(element))
    client.push(Batch(1, (record,), len(record.payload)), bulk)


def deliver(sandbox: SandboxAccount, run: Run, patience: float = 5.0) -> dict[str, Any]:
    client = new_client(sandbox)
    push(run, client)
    return confirm(run, client, patience=patience)


def test_a_sample_of_events_is_read_back_in_a_handful_of_requests(
    sandbox: SandboxAccount, new_run: NewRun
) -> None:
    run = ready(new_run("orders"), Kind.EVENT, [event(number) for number in range(1, 2401)])
    counts = deliver(sandbox, run)["read_back"]
    assert (counts["checked"], counts["found"], counts["resent"]) == (SAMPLE, SAMPLE, 0)
    assert counts["requests"] == reads(sandbox) <= 2 * SAMPLE


@pytest.mark.parametrize(
    ("kind", "make"), [(Kind.PROFILE, profile), (Kind.EVENT, event), (Kind.ITEM, catalog_item)]
)
def test_all_that_was_delivered_is_read_back_when_asked(
    sandbox: SandboxAccount, new_run: NewRun, kind: Kind, make: Callable[[int], Record]
) -> None:
    run = reading_all(ready(new_run("orders"), kind, [make(number) for number in range(1, 1201)]))
    counts = deliver(sandbox, run)
    proof = counts["read_back"]
    assert proof["checked"] == proof["found"] == counts["records"]["delivered"] == 1200
    assert proof["resent"] == 0
    assert proof["requests"] <= 12 + 8, "a hundred profiles or items at a time, a thousand events"


def test_events_that_klaviyo_took_and_dropped_are_told(sandbox: SandboxAccount, new_run: NewRun) -> None:
    records = [event(1), event(2, "example.com"), event(3)]
    run = reading_all(ready(new_run("orders"), Kind.EVENT, records))
    counts = deliver(sandbox, run, patience=0.3)
    assert counts["records"] == counts["rows"] == {"delivered": 2, "rejected": 1}
    assert counts["reasons"] == {NOT_SHOWN: 1}
    proof = counts["read_back"]
    assert (proof["checked"], proof["found"], proof["resent"]) == (3, 2, 1)
    (refused,) = run.dataset("refused", source_of(run, "these")).batches()
    assert refused.column("id").to_pylist() == [2]
    # Confirmed again, as a task that was cleared is, it says the same and sends nothing.
    sent = sandbox.state()["requests"][EVENTS]["requests"]
    again = confirm(run, new_client(sandbox), patience=0.3)
    assert (again["records"], again["reasons"]) == (counts["records"], counts["reasons"])
    assert sandbox.state()["requests"][EVENTS]["requests"] == sent


def test_where_one_of_the_sample_is_missing_its_whole_batch_is_looked_up(
    sandbox: SandboxAccount, new_run: NewRun
) -> None:
    # Three batches, and half of the last one's people have events that Klaviyo drops.
    records = [event(number, "example.com" if number > 2200 else "shop.example") for number in range(1, 2401)]
    counts = deliver(sandbox, ready(new_run("orders"), Kind.EVENT, records), patience=0.3)
    assert counts["records"] == {"delivered": 2200, "rejected": 200}
    assert counts["read_back"]["resent"] == 200


def test_events_that_show_late_are_waited_for(new_run: NewRun) -> None:
    with running_sandbox("--job-seconds", "1.5") as slow:
        run = ready(new_run("orders"), Kind.EVENT, [event(1), event(2)])
        proof = deliver(slow, run, patience=20)["read_back"]
        assert (proof["checked"], proof["found"], proof["resent"]) == (2, 2, 0)
        looks = slow.state()["requests"]["GET /api/metrics"]["requests"]
        assert looks > 1, "the metric comes into being with its first event"


def test_what_went_missing_is_sent_again_and_then_found(sandbox: SandboxAccount, new_run: NewRun) -> None:
    client = new_client(sandbox)
    run = ready(new_run("catalog"), Kind.ITEM, [catalog_item(number) for number in range(1, 6)])
    push(run, client)
    sandbox.settled()
    # Somebody deletes an item between its delivery and the look.
    change(client, Bulk.ITEM_DELETE, {"type": "catalog-item", "id": f"{COMPOUND}3"})
    sandbox.settled()
    counts = confirm(run, client, patience=0.2)
    proof = counts["read_back"]
    assert (proof["checked"], proof["found"], proof["resent"]) == (5, 5, 1)
    assert counts["records"] == {"delivered": 5, "rejected": 0}
    assert {row["external_id"] for row in sandbox.rows("items")} == set("12345")


def test_an_item_that_somebody_unpublished_is_published_again(
    sandbox: SandboxAccount, new_run: NewRun
) -> None:
    client = new_client(sandbox)
    run = ready(new_run("catalog"), Kind.ITEM, [catalog_item(1), catalog_item(2)])
    push(run, client)
    sandbox.settled()
    hidden = {"type": "catalog-item", "id": f"{COMPOUND}2", "attributes": {"published": False}}
    change(client, Bulk.ITEM_UPDATE, hidden)
    sandbox.settled()
    assert confirm(run, client, patience=0.2)["read_back"]["resent"] == 1
    assert [row["published"] for row in sandbox.rows("items")] == [True, True]


def test_an_item_that_is_back_after_its_deletion_is_deleted_again(
    sandbox: SandboxAccount, new_run: NewRun
) -> None:
    client = new_client(sandbox)
    deliver(sandbox, ready(new_run("catalog"), Kind.ITEM, [catalog_item(1), catalog_item(2)]))
    gone = Record("2", orjson.dumps({"type": "catalog-item", "id": f"{COMPOUND}2"}))
    run = ready(new_run("catalog", end="2026-11-02"), Kind.ITEM_DELETION, [gone])
    push(run, client)
    sandbox.settled()
    change(client, Bulk.ITEM_CREATE, orjson.loads(catalog_item(2).payload))
    sandbox.settled()
    proof = confirm(run, client, patience=0.2)["read_back"]
    assert (proof["checked"], proof["found"], proof["resent"]) == (1, 1, 1)
    assert [row["external_id"] for row in sandbox.rows("items")] == ["1"]


def test_an_event_that_klaviyo_had_before_with_another_time_counts_as_there(
    sandbox: SandboxAccount, new_run: NewRun
) -> None:
    deliver(sandbox, ready(new_run("orders"), Kind.EVENT, [event(1)]))
    # Staging is lost, and NetSuite gives the order another time by now: Klaviyo keeps the first event.
    moved = ready(new_run("orders", end="2026-11-02"), Kind.EVENT, [event(1, time="2026-10-01T00:00:00Z")])
    proof = deliver(sandbox, moved, patience=0.2)["read_back"]
    assert (proof["checked"], proof["found"], proof["resent"]) == (1, 1, 0)


def test_many_events_of_one_second_among_others_are_all_found(
    sandbox: SandboxAccount, new_run: NewRun
) -> None:
    # A shop that knows only the day of an order: more events in a second than fit on a page.
    day = "2026-03-01T00:00:00Z"
    crowd = [event(number, time=day) for number in range(1, 1301)]
    deliver(sandbox, ready(new_run("orders"), Kind.EVENT, crowd))
    late = [event(number, time=day) for number in range(2001, 2011)] + [event(3000), event(3001)]
    run = ready(new_run("orders", end="2026-11-02"), Kind.EVENT, late)
    proof = deliver(sandbox, reading_all(run))["read_back"]
    assert proof["checked"] == proof["found"] == 12


def test_what_lies_between_two_events_is_not_read_through(sandbox: SandboxAccount, new_run: NewRun) -> None:
    crowd = [event(number, time="2026-03-01T00:00:00Z") for number in range(1, 4001)]
    deliver(sandbox, ready(new_run("orders"), Kind.EVENT, crowd))
    two = [event(9001, time="2026-02-01T00:00:00Z"), event(9002, time="2026-04-01T00:00:00Z")]
    run = ready(new_run("orders", end="2026-11-02"), Kind.EVENT, two)
    client = new_client(sandbox)
    push(run, client)
    sandbox.settled()
    proof = confirm(reading_all(run), client)["read_back"]
    assert (proof["found"], proof["requests"]) == (2, 3), "the metric, and a page at either end"


@given(st.integers(0, 100_000))
def test_a_sample_is_spread_from_the_first_record_to_the_last(count: int) -> None:
    positions = sample(count)
    assert len(positions) == len(set(positions)) == min(count, SAMPLE)
    if count:
        assert (positions[0], positions[-1]) == (0, count - 1)
        gaps = [after - before for before, after in pairwise(positions)]
        assert not gaps or max(gaps) - min(gaps) <= 1
