"""What a store says of a source holds for what is made of its rows, and for no other run than it is meant
for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from flows_staged import NewRun, item, line, source_of, stage, write

from netsuite_connector.flows.run import Run
from netsuite_connector.flows.shape import shape


def mapped(run: Run, **mapping: Any) -> Run:
    """The run with a mapping of its flow's sources."""
    document = run.store.model_dump(mode="json", exclude_unset=True)
    document["flows"][run.domain.flow]["mapping"] = mapping
    return replace(run, store=type(run.store).model_validate(document))


def metadata(run: Run, source: str) -> Iterator[dict[str, Any]]:
    for batch in run.dataset("records", source_of(run, source)).batches(columns=["payload"]):
        for payload in batch.column("payload").to_pylist():
            yield orjson.loads(payload)["attributes"]["custom_metadata"]


def shaped(run: Run) -> Run:
    return stage(run, items=[item(1, custitem_color="9", custitem_color__text="Red", parent=None)])


def test_an_items_own_variant_is_called_as_the_item_is_unless_it_is_called_otherwise(new_run: NewRun) -> None:
    said = {
        "properties": {"sku": "Article", "type": False},
        "columns": {"custitem_color": {"property": "Color", "send": "id"}},
    }
    run = shaped(mapped(new_run("catalog"), items=said))
    expected = {"Article": "SKU-1", "quantity_available": 3.0, "Color": "9"}
    assert list(metadata(run, "items")) == [expected]
    assert list(metadata(run, "own_variants")) == [expected]
    own = {"properties": {"sku": "Size of"}}
    other = shaped(mapped(new_run("catalog", end="2026-11-02"), items=said, own_variants=own))
    assert list(metadata(other, "own_variants")) == [
        {"Size of": "SKU-1", "quantity_available": 3.0, "Color": "9"}
    ]


@pytest.mark.parametrize("shipped", [0.0, 1.0])
def test_a_rejected_line_tells_of_a_closed_order_in_the_column_that_the_store_names(
    new_run: NewRun, shipped: float
) -> None:
    said = {"columns": {"custcol_sent": {"to": "quantityshiprecv"}}}
    closed = {"statusref": "closed", "lastmodifieddate": "2026-03-02T09:30:00Z"}
    rows = [line(1, key) | closed | {"custcol_sent": sent} for key, sent in ((11, 0.0), (12, shipped))]
    run = stage(mapped(new_run("orders"), orders=said), orders=rows)
    (valid,) = run.dataset("valid", source_of(run, "orders")).batches()
    write(run, "valid", source_of(run, "orders"), valid.slice(0, 1))
    shape(run)
    manifest = run.dataset("records", source_of(run, "cancellations")).require()
    assert manifest.rows == (0 if shipped else 1)


def order(id_: int, status: str, *, shipped: float) -> dict[str, Any]:
    told = {"statusref": status, "statusref__text": status.title(), "quantityshiprecv": shipped}
    moment = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    return line(id_, id_) | told | {"lastmodifieddate": moment, "datecreated": moment}


def cancelled(run: Run) -> dict[int, dict[str, Any]]:
    """The properties of *Cancelled Order*, by order."""
    stage(
        run,
        orders=[
            order(1, "cancelled", shipped=0),
            order(2, "closed", shipped=0),
            order(3, "closed", shipped=1),
        ],
    )
    found = {}
    for batch in run.dataset("records", source_of(run, "cancellations")).batches(columns=["id", "payload"]):
        for id_, payload in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            (event,) = orjson.loads(payload)["attributes"]["events"]["data"]
            found[id_] = event["attributes"]["properties"]
    return found


def test_an_order_is_cancelled_whatever_is_said_of_the_columns_that_tell(new_run: NewRun) -> None:
    called = {"statusref": {"property": "Order Status"}, "quantityshiprecv": {"property": "Shipped"}}
    found = cancelled(mapped(new_run("orders"), orders={"columns": called}))
    assert {id_: each["Order Status"] for id_, each in found.items()} == {1: "Cancelled", 2: "Closed"}
    assert not {name for each in found.values() for name in each if name == "NetSuite Status"}
    dropped = {name: {"drop": True} for name in called}
    found = cancelled(mapped(new_run("orders", end="2026-11-02"), orders={"columns": dropped}))
    assert set(found) == {1, 2}
    assert not {name for each in found.values() for name in each if name.endswith("Status")}


def test_a_cancelled_order_can_have_another_name_for_a_column_than_the_order(new_run: NewRun) -> None:
    run = mapped(
        new_run("orders"),
        orders={"columns": {"statusref": {"property": "Order Status"}}},
        cancellations={"properties": {"NetSuite Status": "Ended As"}},
    )
    assert {id_: each["Ended As"] for id_, each in cancelled(run).items()} == {1: "Cancelled", 2: "Closed"}


def test_a_run_over_history_never_has_all_there_is(new_run: NewRun) -> None:
    run = new_run("orders")
    assert run.whole
    assert not replace(run, history=True).whole
