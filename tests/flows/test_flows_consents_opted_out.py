"""The flow *consents*: what is done about people who opted out in NetSuite."""

from __future__ import annotations

from consents_shop import CONFIRMED_OUT, SOFT_OUT, Shop, email, join, leave, subscribe_as_a_form_does

from netsuite_connector.flows.guard import Guard
from netsuite_connector.flows.privacy import request_deletions


def can_receive(shop: Shop, number: int) -> bool:
    [state] = shop.client().consent.subscriptions([email(number)])
    return state.can_receive


def test_whoever_left_one_list_only_is_suppressed_too(shop: Shop) -> None:
    shop.suppress = True
    shop.people(1, CONFIRMED_OUT)
    vip = shop.new_list("VIP")
    subscribe_as_a_form_does(shop, email(1))
    join(shop, vip, email(1))
    leave(shop, vip, email(1))
    assert can_receive(shop, 1)
    assert shop.sync()["people"] == {"suppressed": 1}
    assert not can_receive(shop, 1)
    assert shop.sync()["people"] == {"already opted out": 1}


def test_whoever_is_forgotten_gets_no_new_profile_to_be_suppressed(shop: Shop) -> None:
    shop.suppress = True
    shop.people(2, SOFT_OUT)
    shop.customers[2] = (email(2), CONFIRMED_OUT, None)
    guard = Guard(shop.staging, shop.run().store.klaviyo.connection, "demo.privacy_deletion")
    request_deletions(guard, shop.client(), [email(1), email(2)])
    shop.klaviyo.settled()
    assert shop.sync()["people"] == {"guarded": 2}
    assert shop.klaviyo.rows("profiles") == []
