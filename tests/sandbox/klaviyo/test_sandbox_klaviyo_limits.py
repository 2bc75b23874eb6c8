"""Rate limits: two fixed windows per endpoint, Klaviyo's headers, Klaviyo's 429."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsuite_connector.sandbox.klaviyo.clock import Clock
from netsuite_connector.sandbox.klaviyo.contract import Contract
from netsuite_connector.sandbox.klaviyo.limits import Limits
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox


class SetClock(Clock):
    """A clock that stands where it is put."""

    moment = 1_800_000_000.0

    def now(self) -> float:
        return self.moment


@pytest.fixture(scope="module")
def limited():
    with running_sandbox("--limits-scale", "1") as account:
        yield account


@pytest.fixture
def limited_api(limited, api):
    limited.reset()
    api.account = limited
    return api


def test_a_good_answer_says_what_is_left(limited_api):
    answer = limited_api.get("profiles")
    assert answer.headers["RateLimit-Limit"] == "75, 75;w=1, 750;w=60"
    assert answer.headers["RateLimit-Remaining"] == "74"
    assert answer.headers["RateLimit-Reset"] == "1"


def test_a_throttled_answer_says_only_how_long_to_wait(limited_api):
    answers = [limited_api.get("accounts") for _ in range(4)]
    throttled = next(answer for answer in answers if answer.status_code == 429)
    (error,) = throttled.json()["errors"]
    wait = throttled.headers["Retry-After"]
    assert wait in ("0", "1")
    assert error["code"] == "throttled"
    assert error["detail"].startswith(f"Request was throttled. Expected available in {wait} second")
    assert error["source"] == {"pointer": "/data"}
    assert not [name for name in throttled.headers if name.lower().startswith("ratelimit")]


def test_the_long_window_ends_with_its_minute(limited_api):
    account = limited_api.account
    account.skip_time(60 - dt.datetime.fromisoformat(account.state()["now"]).second)  # a minute begins
    for _ in range(15):
        assert limited_api.get("accounts").status_code == 200
        account.skip_time(1.0)
    throttled = limited_api.get("accounts")
    assert throttled.status_code == 429
    assert 30 < int(throttled.headers["Retry-After"]) <= 45
    account.skip_time(int(throttled.headers["Retry-After"]))
    assert limited_api.get("accounts").status_code == 200


def test_endpoints_do_not_share_windows(limited_api):
    for _ in range(3):
        limited_api.get("accounts")
    assert limited_api.get("metrics").status_code == 200


def test_a_refused_caller_costs_nothing(limited_api):
    stranger = limited_api.account.make_key("events:read")
    for _ in range(5):
        assert limited_api.call("GET", "accounts", key=stranger).status_code == 403
    assert limited_api.get("accounts").status_code == 200


def test_limits_can_be_scaled():
    limits = Limits(SetClock(), 20)
    endpoint = Contract().endpoints["bulk_create_events"]
    assert limits.admit(endpoint).headers["RateLimit-Limit"] == "200, 200;w=1, 3000;w=60"


def test_a_costly_parameter_has_limits_of_its_own(limited_api):
    costly = {"additional-fields[profile]": "subscriptions,predictive_analytics"}
    answers = [limited_api.get("profiles", **costly) for _ in range(12)]
    assert answers[0].headers["RateLimit-Limit"] == "10, 10;w=1, 150;w=60"
    assert 429 in [answer.status_code for answer in answers]
    free = limited_api.get("profiles", **{"additional-fields[profile]": "subscriptions"})
    assert free.headers["RateLimit-Limit"] == "75, 75;w=1, 750;w=60"


def test_limits_are_those_that_klaviyo_publishes():
    published = {
        "bulk_create_events": ((10, 1), (150, 60)),
        "bulk_import_profiles": ((10, 1), (150, 60)),
        "get_bulk_import_profiles_job": ((10, 1), (150, 60)),
        "bulk_subscribe_profiles": ((75, 1), (750, 60)),
        "bulk_create_catalog_categories": ((75, 1), (750, 60)),
        "create_back_in_stock_subscription": ((350, 1), (3500, 60)),
        "request_profile_deletion": ((3, 1), (60, 60)),
        "get_lists_for_profile": ((3, 1), (60, 60)),
    }
    assert {name: CONTRACT.endpoints[name].windows for name in published} == published


def test_waiting_less_than_half_a_second_is_told_as_zero():
    clock, endpoint = SetClock(), CONTRACT.endpoints["get_accounts"]
    limits = Limits(clock, 1.0)
    waits = []
    for fraction in (0.0, 0.3, 0.6, 0.9):
        clock.moment = 1_800_000_000.0 + fraction
        waits.append((verdict := limits.admit(endpoint)).allowed or verdict.wait)
    assert waits == [True, 1, 0, 0]


@given(
    steps=st.lists(st.floats(0, 20, allow_nan=False), min_size=1, max_size=200),
    operation=st.sampled_from(["get_accounts", "get_metrics", "bulk_create_events", "create_list"]),
)
def test_no_window_ever_admits_more_than_published(steps, operation):
    clock, endpoint = SetClock(), CONTRACT.endpoints[operation]
    limits = Limits(clock, 1.0)
    admitted: Counter[tuple[int, float]] = Counter()
    for step in steps:
        clock.moment += step
        verdict = limits.admit(endpoint)
        room = [
            (seconds, clock.moment // seconds, calls - admitted[seconds, clock.moment // seconds])
            for calls, seconds in endpoint.windows
        ]
        assert verdict.allowed == all(left > 0 for _, _, left in room)
        if verdict.allowed:
            admitted.update((seconds, window) for seconds, window, _ in room)
            assert int(verdict.headers["RateLimit-Remaining"]) == min(left for _, _, left in room) - 1


@given(times=st.lists(st.floats(0, 3, allow_nan=False), max_size=60), fraction=st.floats(0, 0.999))
def test_waiting_as_told_and_a_little_more_is_enough(times, fraction):
    clock, endpoint = SetClock(), CONTRACT.endpoints["get_accounts"]
    clock.moment += fraction
    limits = Limits(clock, 1.0)
    for step in times:
        clock.moment += step
        verdict = limits.admit(endpoint)
        if not verdict.allowed:
            clock.moment += verdict.wait + 0.5
            assert limits.admit(endpoint).allowed


CONTRACT = Contract()
