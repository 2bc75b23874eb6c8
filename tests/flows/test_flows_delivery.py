"""Push and confirm against the sandbox Klaviyo: nothing lost, nothing twice, whatever happens in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import requests

from netsuite_connector.flows.confirm import PHONE_REFUSED, confirm
from netsuite_connector.flows.delivery import Delivery
from netsuite_connector.flows.push import push
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.shape import shape
from netsuite_connector.klaviyo.batching import Batch
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.errors import KlaviyoScopeError
from netsuite_connector.klaviyo.limiter import Limiter, ProcessWindows
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount, running_sandbox
from netsuite_connector.staging.staging import Staging

NewRun = Callable[..., Run]
ITEM = {
    "salesdescription": "A thing",
    "type": "InvtPart",
    "quantityavailable": 3.0,
    "baseprice": 10.0,
    "parent": None,
}


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxAccount]:
    with running_sandbox() as account:
        yield account


@pytest.fixture
def sandbox(server: SandboxAccount) -> SandboxAccount:
    server.clear_faults()
    server.reset()
    return server


def new_client(sandbox: SandboxAccount, key: str | None = None) -> KlaviyoClient:
    limiter = Limiter(ProcessWindows(), account="test", scale=100)
    return KlaviyoClient(
        requests.Session(), base_url=sandbox.url, api_key=key or sandbox.key, limiter=limiter, backoff=0.01
    )


def stage(run: Run, *sources: list[dict[str, Any]]) -> Run:
    """Write valid rows, one list a source, and shape them."""
    columns = {name for rows in sources for row in rows for name in row}
    for source, rows in zip(run.domain.sources, sources, strict=True):
        table = pa.Table.from_pylist(
            [dict.fromkeys(columns) | row for row in rows or [dict.fromkeys(columns)]]
        )
        with run.dataset("valid", source).writer() as writer:
            writer.write(table if rows else table.slice(0, 0))
            writer.commit()
    shape(run)
    return run


def item(id_: int, **changes: Any) -> dict[str, Any]:
    return ITEM | {"internalid": id_, "itemid": f"SKU-{id_}", "urlcomponent": f"thing-{id_}"} | changes


def customer(id_: int, **changes: Any) -> dict[str, Any]:
    return {"internalid": id_, "email": f"c{id_}@shop.example", "isinactive": False} | changes


def line(order: int, key: int) -> dict[str, Any]:
    return {
        "internalid": order,
        "lineuniquekey": key,
        "tranid": f"SO{order}",
        "datecreated": "2026-03-01T09:30:00Z",
        "total": 12.0,
        "customermain.email": f"c{order}@shop.example",
        "item": "1",
        "quantity": 1.0,
        "rate": 12.0,
        "amount": 12.0,
    }


def test_items_come_before_their_variants_and_changes_are_updates(
    sandbox: SandboxAccount, new_run: NewRun
) -> None:
    client = new_client(sandbox)
    children = [item(100 + n, parent="1") for n in range(150)]
    run = stage(new_run("catalog"), [item(1), item(2)], children)
    assert push(run, client)["records"] == 152
    counts = confirm(run, client)
    assert counts["records"] == {"delivered": 152, "rejected": 0}
    assert {row["external_id"] for row in sandbox.rows("items")} == {"1", "2"}
    assert len(sandbox.rows("variants")) == 150

    again = stage(new_run("catalog", end="2026-11-02"), [item(1), item(2, baseprice=8.0)], children)
    assert push(again, client)["records"] == 1, "only what changed is sent"
    assert confirm(again, client)["records"]["delivered"] == 1
    assert {row["external_id"]: row["price"] for row in sandbox.rows("items")} == {"1": 10.0, "2": 8.0}


def test_what_klaviyo_has_already_is_changed_instead_of_created(
    sandbox: SandboxAccount, new_run: NewRun, tmp_path: Path
) -> None:
    client = new_client(sandbox)
    first = stage(new_run("catalog"), [item(1)], [])
    push(first, client)
    confirm(first, client)
    # Another staging knows nothing of the first delivery.
    elsewhere = replace(new_run("catalog"), staging=Staging(str(tmp_path / "elsewhere")))
    fresh = stage(elsewhere, [item(1, displayname="New name"), item(2)], [])
    push(fresh, client)
    assert confirm(fresh, client)["records"] == {"delivered": 2, "rejected": 0}
    assert {row["title"] for row in sandbox.rows("items")} == {"New name", "SKU-2"}


def test_a_variant_whose_parent_is_missing_is_rejected_in_klaviyos_words(
    sandbox: SandboxAccount, new_run: NewRun
) -> None:
    client = new_client(sandbox)
    run = stage(new_run("catalog"), [item(1)], [item(10, parent="1"), item(11, parent="99")])
    push(run, client)
    counts = confirm(run, client)
    assert counts["rows"] == {"delivered": 2, "rejected": 1}
    assert all(reason.startswith("Klaviyo") for reason in counts["reasons"])
    (refused,) = run.dataset("refused", run.domain.sources[1]).batches()
    assert refused.column("id").to_pylist() == [11]
    # It is not in the ledger, so the next run tries it again.
    again = stage(
        new_run("catalog", end="2026-11-02"), [item(1)], [item(10, parent="1"), item(11, parent="99")]
    )
    assert push(again, client)["records"] == 1


def test_a_push_that_is_run_again_sends_nothing_twice(sandbox: SandboxAccount, new_run: NewRun) -> None:
    run = stage(new_run("orders"), [line(order, order * 10) for order in range(1, 1201)])
    client = new_client(sandbox)
    first = push(run, client)
    before = sandbox.settled()
    second = push(run, client)
    assert {k: v for k, v in first.items() if k != "seconds"} == {
        k: v for k, v in second.items() if k != "seconds"
    }
    assert sandbox.settled()["requests"] == before["requests"], "all batches were sent by the first push"
    assert confirm(run, client)["rows"] == confirm(run, client)["rows"] == {"delivered": 1200, "rejected": 0}
    assert Counter(event["metric"] for event in sandbox.rows("events")) == {
        "Placed Order": 1200,
        "Ordered Product": 1200,
    }


def test_a_push_that_dies_half_way_goes_on_where_it_stopped(sandbox: SandboxAccount, new_run: NewRun) -> None:
    run = stage(new_run("orders"), [line(order, order * 10) for order in range(1, 1201)])
    # The third batch is taken by Klaviyo, but the answer never comes back and the task dies of it.
    sandbox.fault("reset_after_commit", endpoint="POST /api/event-bulk-create-jobs", skip=2, times=9)
    with pytest.raises(Exception, match="Klaviyo"):
        push(run, new_client(sandbox))
    sent = [
        batch.number
        for batch in Delivery(run, run.domain.sources[0], None).batches()
        if isinstance(batch, Batch) and Delivery(run, run.domain.sources[0], None).document(batch)
    ]
    assert sent == [1, 2]
    sandbox.clear_faults()
    client = new_client(sandbox)
    push(run, client)
    assert confirm(run, client)["rows"] == {"delivered": 1200, "rejected": 0}
    sandbox.settled()
    events = sandbox.rows("events")
    assert len(events) == len({event["unique_id"] for event in events}) == 2400


def test_a_missing_scope_stops_the_push_and_loses_nothing(sandbox: SandboxAccount, new_run: NewRun) -> None:
    run = stage(new_run("customers"), [customer(n) for n in range(1, 4)], [])
    with pytest.raises(KlaviyoScopeError, match="profiles:write"):
        push(run, new_client(sandbox, sandbox.make_key("profiles:read")))
    client = new_client(sandbox)
    push(run, client)
    assert confirm(run, client)["rows"] == {"delivered": 3, "rejected": 0}
    assert len(sandbox.rows("profiles")) == 3


def test_rows_of_shared_addresses_are_delivered_together(sandbox: SandboxAccount, new_run: NewRun) -> None:
    client = new_client(sandbox)
    rows = [customer(1), customer(2, email="C1@shop.example"), customer(3)]
    run = stage(new_run("customers"), rows, [customer(9, email="c3@shop.example")])
    assert push(run, client)["rows"] == 4
    assert confirm(run, client)["rows"] == {"delivered": 4, "rejected": 0}
    assert {row["email"] for row in sandbox.rows("profiles")} == {"c1@shop.example", "c3@shop.example"}


def test_a_phone_that_two_people_share_loses_neither_profile(
    sandbox: SandboxAccount, new_run: NewRun
) -> None:
    client = new_client(sandbox)
    rows = [customer(n, phone="(415) 555-2671", entityid=f"C{n}") for n in (1, 2, 3)]
    run = stage(new_run("customers"), rows, [])
    push(run, client)
    counts = confirm(run, client)
    assert counts["records"] == {"delivered": 3, "rejected": 0}
    assert counts["warnings"] == {PHONE_REFUSED: 2}
    profiles = sandbox.rows("profiles")
    assert [profile["phone_number"] for profile in profiles].count("+14155552671") == 1
    kept = [profile["properties"].get("NetSuite Phone") for profile in profiles]
    assert kept.count("+14155552671") == 2
    again = stage(new_run("customers", end="2026-11-02"), rows, [])
    assert push(again, client)["records"] == 0, "they are not sent again and again"


def test_items_that_klaviyo_took_without_saying_so_are_not_rejected_as_there_already(
    sandbox: SandboxAccount, new_run: NewRun
) -> None:
    client = new_client(sandbox)
    sandbox.fault("reset_after_commit", endpoint="POST /api/catalog-item-bulk-create-jobs")
    run = stage(new_run("catalog"), [item(n) for n in range(1, 4)], [])
    push(run, client)
    assert confirm(run, client)["records"] == {"delivered": 3, "rejected": 0}
    assert len(sandbox.rows("items")) == 3


def test_a_dry_run_counts_and_sends_nothing(sandbox: SandboxAccount, new_run: NewRun) -> None:
    run = stage(new_run("customers", dry_run=True), [customer(n) for n in range(1, 4)], [])
    assert push(run, None)["records"] == 3
    assert sandbox.rows("profiles") == []
    assert sandbox.state()["requests"] == {}
