"""The flow *consents*: a run that is cleared later than a newer one neither subscribes nor suppresses."""

from __future__ import annotations

import pytest
from consents_shop import CONFIRMED_IN, CONFIRMED_OUT, LONG_AGO, SOFT_OUT, Shop, email

from netsuite_connector.errors import MendError
from netsuite_connector.flows import consents
from netsuite_connector.flows.guard import Entry, Why
from netsuite_connector.flows.validate import validate


def test_an_old_run_that_is_cleared_does_nothing_by_what_netsuite_said_then(shop: Shop) -> None:
    shop.suppress = True
    shop.people(2)
    shop.customers[2] = (email(2), CONFIRMED_OUT, None)
    old, client = shop.run(), shop.client()
    validate(old)
    consents.guard(old, client)
    shop.customers = {1: (email(1), SOFT_OUT, LONG_AGO), 2: (email(2), CONFIRMED_IN, LONG_AGO)}
    shop.suppress = False
    shop.sync()
    for stage in (consents.guard, consents.import_, consents.suppress):
        with pytest.raises(MendError, match="newer run"):
            stage(old, client)
    states = list(client.consent.subscriptions([email(1), email(2)]))
    assert all(state.can_receive and not state.opted_out for state in states)
    assert shop.subscribed() == set()


def test_whoever_was_forgotten_before_the_run_suppresses_is_left_alone(shop: Shop) -> None:
    shop.suppress = True
    shop.people(2, SOFT_OUT)
    run, client = shop.run(), shop.client()
    validate(run)
    assert consents.guard(run, client)["people"] == {"suppress": 2}
    consents.import_(run, client)
    consents.guard_of(run).enter([Entry(email(1), Why.DELETION)])
    client.privacy.request_deletion(email=email(1))
    shop.klaviyo.settled()
    assert consents.suppress(run, client)["suppressed"] == 1
    done = consents.confirm(run, client, patience=1, grace=0.1, pauses=(0.02, 0.1))
    assert done["people"] == {"guarded": 1, "suppressed": 1}
    assert [row["email"] for row in shop.klaviyo.rows("profiles")] == [email(2)]
