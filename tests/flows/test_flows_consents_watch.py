"""The flow *consents*: whom the watch leaves alone, and whom it unsubscribes again."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from consents_shop import Shop, email, join, leave, subscribe_as_a_form_does

from netsuite_connector.flows import consents
from netsuite_connector.flows.validate import validate
from netsuite_connector.flows.watch import SCHEMA, Watch
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox
from netsuite_connector.staging.staging import Staging


def leaves_and_comes_back(shop: Shop, number: int) -> None:
    """Somebody unsubscribes, which a run sees, and an hour later subscribes again."""
    shop.klaviyo.suppress(email(number))
    shop.sync()
    time.sleep(1.1)  # Klaviyo keeps the times of events to the second
    shop.klaviyo.skip_time(2)
    subscribe_as_a_form_does(shop, email(number))


def test_whoever_subscribed_while_being_imported_may_leave_and_come_back(shop: Shop) -> None:
    shop.people(1)
    run = shop.run()
    validate(run)
    consents.guard(run, shop.client())
    subscribe_as_a_form_does(shop, email(1), after=1)
    assert consents.import_(run, shop.client())["people"]["subscribed"] == 1
    consents.confirm(run, shop.client(), patience=1, grace=0.1, pauses=(0.02, 0.1))
    leaves_and_comes_back(shop, 1)
    assert shop.sync()["unsubscribed_again"] == 0
    assert shop.subscribed() == {email(1)}


def test_whoever_was_imported_after_the_run_gave_up_may_leave_and_come_back(tmp_path: Path) -> None:
    with running_sandbox(job_seconds=1.0) as account:
        shop = Shop(account, Staging(str(tmp_path / "staging")))
        shop.people(1)
        shop.klaviyo.settled()
        assert shop.stages(shop.run(), patience=0.05, grace=0.05)["people"] == {"not seen yet": 1}
        shop.klaviyo.settled()
        shop.sync()
        leaves_and_comes_back(shop, 1)
        assert shop.sync()["unsubscribed_again"] == 0
        assert shop.subscribed() == {email(1)}


def test_whoever_leaves_two_lists_while_being_imported_into_one_is_unsubscribed(tmp_path: Path) -> None:
    with running_sandbox(job_seconds=0.6) as account:
        shop = Shop(account, Staging(str(tmp_path / "staging")))
        vip = shop.new_list("VIP")
        shop.people(1)
        shop.klaviyo.settled()
        for list_ in (vip, shop.list):
            join(shop, list_, email(1))

        def leave_both() -> None:
            for list_ in (vip, shop.list):
                leave(shop, list_, email(1))

        shop.session.before = leave_both
        assert shop.stages(shop.run(), grace=8)["unsubscribed_again"] == 1
        assert shop.subscribed() == set()


def test_whoever_leaves_the_list_later_stays_subscribed_otherwise(shop: Shop) -> None:
    shop.people(1)
    shop.sync()
    leave(shop, shop.list, email(1))
    assert shop.sync()["unsubscribed_again"] == 0


def test_a_watch_that_an_earlier_version_wrote_goes_on(shop: Shop) -> None:
    run = shop.run()
    old = SCHEMA.remove(SCHEMA.get_field_index("list"))
    dataset = run.staging.dataset(run.store.store, "consents", "watch", run.store.klaviyo.connection)
    with dataset.writer(old) as writer:
        writer.write(pa.Table.from_pylist([{"email": email(1), "since": datetime.now(UTC)}], schema=old))
        writer.commit()
    watch = Watch(run)
    watch.open([email(2)], datetime.now(UTC), "list")
    assert watch.emails() == {email(1), email(2)}
    assert watch.mend(shop.client(), consents.guard_of(run)) == []


def test_an_event_of_ones_own_called_unsubscribed_keeps_from_imports_and_unsubscribes_nobody(
    shop: Shop,
) -> None:
    shop.people(2)
    event = {
        "properties": {"Plan": "Coffee box"},
        "unique_id": "x1",
        "metric": {"data": {"type": "metric", "attributes": {"name": "Unsubscribed"}}},
    }

    def cancels(number: int) -> None:
        person = {"data": {"type": "profile", "attributes": {"email": email(number)}}}
        data = {"type": "event", "attributes": {**event, "profile": person}}
        shop.post("/api/events", {"data": data})
        shop.klaviyo.settled()

    cancels(2)
    assert shop.sync()["people"] == {"imported": 1, "guarded": 1}
    cancels(1)
    assert shop.sync()["unsubscribed_again"] == 0
    assert shop.subscribed() == {email(1)}
