"""The flow *consents*: what is done about people who opted out in NetSuite."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from consents_shop import (
    COLUMN,
    CONFIRMED_IN,
    CONFIRMED_OUT,
    LIST,
    LONG_AGO,
    SOFT_OUT,
    Shop,
    email,
    join,
    leave,
    subscribe_as_a_form_does,
)

from netsuite_connector.flows import consents
from netsuite_connector.flows.addresses import Person
from netsuite_connector.flows.guard import Guard, Noted, Why
from netsuite_connector.flows.privacy import request_deletions
from netsuite_connector.klaviyo.consent_state import ConsentState, MarketingConsent
from netsuite_connector.stores.model import ConsentSettings


def can_receive(shop: Shop, number: int) -> bool:
    [state] = shop.client().consent.subscriptions([email(number)])
    return state.can_receive


def test_whoever_left_one_list_only_is_suppressed_too(shop: Shop) -> None:
    shop.suppress = True
    shop.people(1, CONFIRMED_OUT)
    vip = shop.new_list("VIP")
    subscribe_as_a_form_does(shop, email(1), after=1)
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


def test_whoever_comes_back_through_klaviyo_is_not_suppressed_again(shop: Shop) -> None:
    shop.suppress = True
    shop.people(2, SOFT_OUT)
    shop.customers[2] = (email(2), CONFIRMED_OUT, None)
    assert shop.sync()["people"] == {"suppressed": 2}
    for number in (1, 2):
        subscribe_as_a_form_does(shop, email(number))
    # Their records are saved for another reason.
    assert shop.sync(1, 2)["people"] == {"already subscribed": 2}
    assert shop.subscribed() == {email(1), email(2)}


def test_an_opt_out_anew_is_one_that_came_after_a_yes_to_klaviyo(shop: Shop) -> None:
    shop.suppress = True
    shop.people(1, SOFT_OUT)
    guard = consents.guard_of(shop.run())

    def opted_out_at() -> datetime:
        [noted] = [each for each in guard.of([email(1)])[email(1)] if each.why == Why.NETSUITE]
        assert noted.at is not None
        return noted.at

    shop.sync()
    first = opted_out_at()
    shop.sync(1)
    assert opted_out_at() == first
    for status in (CONFIRMED_IN, SOFT_OUT):
        shop.customers[1] = (email(1), status, LONG_AGO)
        shop.sync(1)
    second = opted_out_at()
    assert second > first
    shop.customers[1] = (email(1), CONFIRMED_OUT, LONG_AGO)
    shop.sync(1)
    assert opted_out_at() > second


@pytest.mark.parametrize("minutes", [1, 10])
def test_a_yes_counts_once_it_is_later_than_the_opt_out_by_either_clock(minutes: int) -> None:
    now = datetime.now(UTC)
    person = Person("customers", 1, email(1), SOFT_OUT, None, 1)
    asked = ConsentSettings(list=LIST, consented_at=COLUMN, suppress=True)
    said_yes = now + timedelta(minutes=minutes)
    state = ConsentState("1", email(1), MarketingConsent.SUBSCRIBED, said_yes, (), can_receive=True)
    noted = [Noted("USER_SUPPRESSED", now - timedelta(days=1), now), Noted(Why.NETSUITE, now, now)]
    assert person.decide(asked, state, noted)[0] == ("suppress" if minutes == 1 else "subscribed")
