"""What is in trouble in real time is in trouble alone: a flow that fails, a store whose settings can't be, an
entry that nobody can read or delete.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from realtime_line import RealTime

from netsuite_connector.errors import ConnectorError, MendError
from netsuite_connector.flows import highwater, outbox
from netsuite_connector.flows.run import Run
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.stores.model import Store

pytestmark = pytest.mark.line

SUITECLOUD = Path(__file__).parents[2] / "include" / "suitecloud"
OUTBOX, CONFIG = "customrecord_nsk_outbox", "customrecord_nsk_config"
CUSTOMERS = "customsearch_nsk_customers"


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[NetSuite, Klaviyo]]:
    with running_netsuite(customers=12, items=10, orders=12) as netsuite, running_klaviyo() as klaviyo:
        yield netsuite, klaviyo


@pytest.fixture
def real_time(accounts: tuple[NetSuite, Klaviyo], new_line: Callable[..., Any]) -> Iterator[RealTime]:
    netsuite, _ = accounts
    columns = netsuite.search(CUSTOMERS)["columns"]
    real_time = RealTime(new_line(*accounts))
    netsuite.clear(OUTBOX)
    yield real_time
    netsuite.replace_search(CUSTOMERS, columns=columns)
    netsuite.clear(OUTBOX)
    netsuite.clear(CONFIG)


def moment(ago: timedelta = timedelta()) -> str:
    return (datetime.now(UTC) - ago).strftime("%Y-%m-%dT%H:%M:%SZ")


def entry(id_: int, record: Any, **change: Any) -> dict[str, Any]:
    told = {"type": "customer", "record": record, "event": "edit", "at": moment(), **change}
    stored = {f"custrecord_nsk_out_{name}": value for name, value in told.items()}
    return {"internalid": id_, "isinactive": False, "created": moment(), "lastmodified": moment(), **stored}


def break_customers(real_time: RealTime, entries: int) -> None:
    """The customers flow fails, and so many entries wait for it."""
    real_time.netsuite.remove_column(CUSTOMERS, "email")
    ids = real_time.customers
    waiting = [entry(number, ids[number % len(ids)]) for number in range(1, entries + 1)]
    real_time.netsuite.load(OUTBOX, waiting)


def placed(real_time: RealTime) -> set[str]:
    real_time.klaviyo.settled()
    return {each["unique_id"] for each in real_time.klaviyo.rows("events")}


def of_orders(real_time: RealTime) -> set[str]:
    return {f"netsuite-{id_}" for id_ in real_time.placed}


def another_store(real_time: RealTime, *flows: str, **changes: Any) -> Store:
    """The line's store once more, under the name ``two``; of these flows that have run once."""
    settings = real_time.line.store.model_dump(mode="json", exclude_unset=True)
    store = Store.model_validate({**settings, "store": "two", **changes})
    for flow in flows:
        run = real_time.a_run(flow)
        highwater.put(Run(store, run.domain, run.window, run.staging), datetime.now(UTC), "test")
    return store


def test_thousands_of_entries_of_a_flow_that_fails_hold_back_no_other(real_time: RealTime) -> None:
    break_customers(real_time, 2_100)
    real_time.order(0)
    drain = real_time.drain()
    with pytest.raises(ConnectorError, match="email"):
        drain.run(seconds=60, linger=0)
    assert of_orders(real_time) <= placed(real_time)
    assert real_time.waiting() == 2_100
    left = drain.left_behind
    assert left is not None
    assert (left.entries, left.types) == (2_100, ("contact", "customer", "lead", "prospect"))
    # The order's entry was written last, and perhaps others with it.
    assert left.last > 2_100


def test_a_look_ends_somewhere_and_the_next_goes_on_behind_it(
    real_time: RealTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST_LOOKED_AT", 1_000)
    monkeypatch.setattr(outbox, "MOST", 500)
    break_customers(real_time, 2_100)
    real_time.order(0)
    with pytest.raises(ConnectorError, match="email"):
        real_time.drain().run(seconds=60, linger=0)
    assert of_orders(real_time) <= placed(real_time)
    assert real_time.waiting() == 2_100


def test_what_one_store_has_had_does_not_come_again_while_another_fails(real_time: RealTime) -> None:
    two = another_store(
        real_time, "customers", klaviyo={**real_time.line.store.klaviyo.model_dump(), "connection": "broken"}
    )
    tries: Counter[str] = Counter()
    broken = True
    ahead = 0.0

    def klaviyo(name: str, client: KlaviyoClient) -> KlaviyoClient:
        tries[name] += 1
        if name == "broken" and broken:
            raise MendError("The key of store two was revoked.")
        return client

    real_time.edit(0)
    drain = real_time.drain(
        stores=[real_time.line.store, two], klaviyo=klaviyo, clock=lambda: time.monotonic() + ahead
    )
    with pytest.raises(MendError, match="revoked"):
        drain.run(seconds=6, linger=4)
    assert real_time.waiting() == 1
    mine = real_time.line.store.klaviyo.connection
    assert tries == {mine: 1, "broken": 1}
    # The same record saved again is news for both.
    real_time.edit(0)
    drain.once()
    assert tries[mine] == 2
    broken = False
    ahead = 60.0
    assert drain.run(seconds=5, linger=0).held == 0
    assert real_time.waiting() == 0
    assert tries[mine] == 2
    real_time.check()


@pytest.mark.parametrize("mistake", ["two records", "no address"])
def test_a_mistake_in_the_settings_of_one_store_stops_no_other(real_time: RealTime, mistake: str) -> None:
    changes: dict[str, Any] = {"netsuite": {**real_time.line.store.netsuite.model_dump(), "website": "99"}}
    if mistake == "no address":
        changes["site"] = {}
    else:
        for name in "ab":
            real_time.netsuite.create(CONFIG, name=name, custrecord_nsk_cfg_store="two")
    # Only its customers have run once, so its orders hold nothing.
    two = another_store(real_time, "customers", **changes)
    real_time.edit(0)
    real_time.order(0)
    drain = real_time.drain(stores=[two, real_time.line.store])
    with pytest.raises(MendError, match="two") as told:
        drain.run(seconds=30, linger=0)
    assert ("several configuration records" if mistake == "two records" else "no address") in str(told.value)
    real_time.check()
    assert {each.type for each in real_time.line.netsuite_client().outbox().entries} <= {
        *("customer", "lead", "prospect")
    }
    assert real_time.waiting() == 1
    assert drain.total.entries >= 1


def test_a_mark_that_is_damaged_stops_no_other_flow(real_time: RealTime) -> None:
    real_time.line.staging.write_json(real_time.a_run("customers").mark_place, {"moment": "torn"})
    real_time.edit(0)
    real_time.order(0)
    with pytest.raises(TypeError):
        real_time.drain().run(seconds=30, linger=0)
    assert of_orders(real_time) <= placed(real_time)
    assert real_time.waiting() == 1


def test_what_is_no_entry_is_let_go_and_an_unknown_event_is_an_edit(real_time: RealTime) -> None:
    id_ = real_time.customers[0]
    real_time.netsuite.update("customer", id_, lastname="Zed")
    real_time.netsuite.clear(OUTBOX)
    wrong = ({"record": ""}, {"at": ""}, {"at": "soon"}, {"type": ""})
    real_time.netsuite.load(
        OUTBOX,
        [entry(number, **{"record": id_, **each}) for number, each in enumerate(wrong, 1)]
        + [entry(9, id_, event="approve")],
    )
    assert real_time.drain().run(seconds=30, linger=0).entries == 5
    assert real_time.waiting() == 0
    real_time.check()


def test_an_entry_that_netsuite_does_not_delete_holds_back_none_behind_it(
    new_line: Callable[..., Any], tmp_path: Path
) -> None:
    project = tmp_path / "suitecloud"
    shutil.copytree(SUITECLOUD, project)
    script = project / "src/FileCabinet/SuiteScripts/nsk/lib_outbox.js"
    before = "record.delete({ type: TYPE, id });"
    fails = "if (id === 1) { throw { name: 'NO_WAY', message: 'Not this one.' }; }"
    script.write_text(script.read_text().replace(before, f"{fails} {before}"))
    with (
        running_netsuite("--suitecloud", str(project), customers=5, items=5, orders=4) as netsuite,
        running_klaviyo() as klaviyo,
    ):
        real_time = RealTime(new_line(netsuite, klaviyo))
        netsuite.clear(OUTBOX)
        ids = real_time.customers
        netsuite.load(OUTBOX, [entry(1, ids[0]), entry(2, ids[1])])
        tries: list[str] = []

        def counted(name: str, client: KlaviyoClient) -> KlaviyoClient:
            tries.append(name)
            return client

        drain = real_time.drain(klaviyo=counted)
        with pytest.raises(ConnectorError, match=r"does not delete 1 of .*NO_WAY: Not this one\."):
            drain.run(seconds=6, linger=3)
        assert (drain.total.entries, len(tries), real_time.waiting()) == (1, 1, 1)
        assert drain.left_behind is not None
        assert (drain.left_behind.entries, drain.left_behind.types) == (1, ())


def test_a_refund_finds_its_order_through_a_return_that_was_saved_long_before_it(real_time: RealTime) -> None:
    """The entry of the return concerned no flow, and only the scheduled run to come will read it."""
    highwater.put(real_time.a_run("orders"), datetime.now(UTC) - timedelta(minutes=30), "test")
    order = next(each for each in real_time.orders if each["status"] == "SalesOrd:G")
    kept = {name: order[name] for name in ("entity", "currency", "exchangerate", "email", "website")}
    kept |= {"subsidiary": order["subsidiary"], "total": -order["total"], "datecreated": moment()}
    items = [line for line in order["lines"] if line.get("kind") == "item"]
    lines = [
        {name: value for name, value in line.items() if name not in {"lineuniquekey", "line"}}
        | {"quantity": -line["quantity"], "amount": -line["amount"]}
        for line in items
    ]

    def make(type_: str, status: str, source: int, **more: Any) -> int:
        named = {"type": type_, "status": f"{type_}:{status}", "tranid": type_, "createdfrom": str(source)}
        made = real_time.netsuite.create("transaction", **kept, **named, lines=lines, **more)
        return int(made["internalid"])

    returned = make("RtnAuth", "G", order["internalid"], lastmodifieddate=moment(timedelta(minutes=20)))
    real_time.drain().run(seconds=20, linger=0)
    make("CustCred", "B", returned)
    real_time.drain().run(seconds=20, linger=0)
    assert real_time.waiting() == 0
    events = real_time.klaviyo.rows("events")
    refunds = {each["unique_id"] for each in events if each["metric"] == "Refunded Order"}
    assert f"netsuite-{order['internalid']}" in refunds
