"""The flow *consents*: whom the watch leaves alone, and whom it unsubscribes again."""

from __future__ import annotations

import time
from pathlib import Path

from consents_shop import Shop, email, subscribe_as_a_form_does

from netsuite_connector.flows import consents
from netsuite_connector.flows.validate import validate
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
