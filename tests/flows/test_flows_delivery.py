"""Push and confirm against the sandbox Klaviyo: nothing lost, nothing twice, whatever happens in between."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from flows_staged import NewRun, customer, item, line, new_client, source_of, stage

from netsuite_connector.flows.confirm import PHONE_REFUSED, confirm
from netsuite_connector.flows.delivery import Delivery
from netsuite_connector.flows.push import push
from netsuite_connector.klaviyo.batching import Batch
from netsuite_connector.klaviyo.errors import KlaviyoScopeError
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount
from netsuite_connector.staging.staging import Staging


def ids(sandbox: SandboxAccount, table: str) -> set[str]:
    return {row["external_id"] for row in sandbox.rows(table)}


def test_items_come_before_their_variants_and_changes_are_updates(
    sandbox: SandboxAccount, new_run: NewRun
) -> None:
    client = new_client(sandbox)
    rows = {
        "items": [item(1), item(2)],
        "variants": [item(100 + n, parent="1") for n in range(150)],
        "matrix_parents": [{"internalid": 1}],
    }
    run = stage(new_run("catalog"), **rows)
    sent = push(run, client)["records"]
    counts = confirm(run, client)
    # An item that is sold as it is has a variant of its own.
    assert counts["records"] == {"delivered": sent, "rejected": 0}
    assert sent == 153
    assert ids(sandbox, "items") == {"1", "2"}
    assert ids(sandbox, "variants") == {"2", *(str(100 + n) for n in range(150))}

    cheaper = rows | {"items": [item(1), item(2, baseprice=8.0, price=8.0)]}
    again = stage(new_run("catalog", end="2026-11-02"), **cheaper)
    assert push(again, client)["records"] == 2, "only what changed is sent"
    assert confirm(again, client)["records"]["delivered"] == 2
    assert {row["external_id"]: row["price"] for row in sandbox.rows("items")} == {"1": 10.0, "2": 8.0}


def test_what_klaviyo_has_already_is_changed_instead_of_created(
    sandbox: SandboxAccount, new_run: NewRun, tmp_path: Path
) -> None:
    client = new_client(sandbox)
    first = stage(new_run("catalog"), items=[item(1)])
    push(first, client)
    confirm(first, client)
    # Another staging knows nothing of the first delivery.
    elsewhere = replace(new_run("catalog"), staging=Staging(str(tmp_path / "elsewhere")))
    fresh = stage(elsewhere, items=[item(1, displayname="New name"), item(2)])
    push(fresh, client)
    assert confirm(fresh, client)["records"]["rejected"] == 0
    assert {row["title"] for row in sandbox.rows("items")} == {"New name", "SKU-2"}


def test_a_variant_whose_parent_is_missing_is_rejected_in_klaviyos_words(
    sandbox: SandboxAccount, new_run: NewRun
) -> None:
    client = new_client(sandbox)
    rows = {
        "items": [item(1)],
        "variants": [item(10, parent="1"), item(11, parent="99")],
        "matrix_parents": [{"internalid": 1}],
    }
    run = stage(new_run("catalog"), **rows)
    push(run, client)
    counts = confirm(run, client)
    assert counts["rows"] == {"delivered": 2, "rejected": 1}
    assert all(reason.startswith("Klaviyo") for reason in counts["reasons"])
    (refused,) = run.dataset("refused", source_of(run, "variants")).batches()
    assert refused.column("id").to_pylist() == [11]
    # It is not in the ledger, so the next run tries it again.
    again = stage(new_run("catalog", end="2026-11-02"), **rows)
    assert push(again, client)["records"] == 1


def test_a_push_that_is_run_again_sends_nothing_twice(sandbox: SandboxAccount, new_run: NewRun) -> None:
    run = stage(new_run("orders"), orders=[line(order, order * 10) for order in range(1, 1201)])
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
    run = stage(new_run("orders"), orders=[line(order, order * 10) for order in range(1, 1201)])
    # The third batch is taken by Klaviyo, but the answer never comes back and the task dies of it.
    sandbox.fault("reset_after_commit", endpoint="POST /api/event-bulk-create-jobs", skip=2, times=9)
    with pytest.raises(Exception, match="Klaviyo"):
        push(run, new_client(sandbox))
    sent = [
        batch.number
        for batch in Delivery(run, source_of(run, "orders"), None).batches()
        if isinstance(batch, Batch) and Delivery(run, source_of(run, "orders"), None).document(batch)
    ]
    assert len(sent) == 2
    sandbox.clear_faults()
    client = new_client(sandbox)
    push(run, client)
    assert confirm(run, client)["rows"] == {"delivered": 1200, "rejected": 0}
    sandbox.settled()
    events = sandbox.rows("events")
    assert len(events) == len({event["unique_id"] for event in events}) == 2400


def test_a_missing_scope_stops_the_push_and_loses_nothing(sandbox: SandboxAccount, new_run: NewRun) -> None:
    run = stage(new_run("customers"), customers=[customer(n) for n in range(1, 4)])
    with pytest.raises(KlaviyoScopeError, match="profiles:write"):
        push(run, new_client(sandbox, sandbox.make_key("profiles:read")))
    client = new_client(sandbox)
    push(run, client)
    assert confirm(run, client)["rows"] == {"delivered": 3, "rejected": 0}
    assert len(sandbox.rows("profiles")) == 3


def test_rows_of_shared_addresses_are_delivered_together(sandbox: SandboxAccount, new_run: NewRun) -> None:
    client = new_client(sandbox)
    rows = [customer(1), customer(2, email="C1@shop.example"), customer(3)]
    run = stage(new_run("customers"), customers=rows, contacts=[customer(9, email="c3@shop.example")])
    assert push(run, client)["rows"] == 4
    assert confirm(run, client)["rows"] == {"delivered": 4, "rejected": 0}
    assert {row["email"] for row in sandbox.rows("profiles")} == {"c1@shop.example", "c3@shop.example"}


def test_a_phone_that_two_people_share_loses_neither_profile(
    sandbox: SandboxAccount, new_run: NewRun
) -> None:
    client = new_client(sandbox)
    rows = [customer(n, phone="(415) 555-2671", entityid=f"C{n}") for n in (1, 2, 3)]
    run = stage(new_run("customers"), customers=rows)
    push(run, client)
    counts = confirm(run, client)
    assert counts["records"] == {"delivered": 3, "rejected": 0}
    assert counts["warnings"] == {PHONE_REFUSED: 2}
    profiles = sandbox.rows("profiles")
    assert [profile["phone_number"] for profile in profiles].count("+14155552671") == 1
    kept = [profile["properties"].get("NetSuite Phone") for profile in profiles]
    assert kept.count("+14155552671") == 2
    again = stage(new_run("customers", end="2026-11-02"), customers=rows)
    assert push(again, client)["records"] == 0, "they are not sent again and again"


def test_items_that_klaviyo_took_without_saying_so_are_not_rejected_as_there_already(
    sandbox: SandboxAccount, new_run: NewRun
) -> None:
    client = new_client(sandbox)
    sandbox.fault("reset_after_commit", endpoint="POST /api/catalog-item-bulk-create-jobs")
    run = stage(new_run("catalog"), items=[item(n) for n in range(1, 4)])
    push(run, client)
    assert confirm(run, client)["records"]["rejected"] == 0
    assert ids(sandbox, "items") == {"1", "2", "3"}


def test_a_dry_run_counts_and_sends_nothing(sandbox: SandboxAccount, new_run: NewRun) -> None:
    run = stage(new_run("customers", dry_run=True), customers=[customer(n) for n in range(1, 4)])
    assert push(run, None)["records"] == 3
    assert sandbox.rows("profiles") == []
    assert sandbox.state()["requests"] == {}
