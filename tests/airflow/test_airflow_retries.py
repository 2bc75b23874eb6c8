"""What is tried again, and when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.sdk.definitions.retry_policy import RetryAction

from netsuite_connector.airflow.retries import FIRST_PAUSE, LONGEST_PAUSE, ByFault
from netsuite_connector.errors import LimitError, MendError, RemoteFaultError


def test_a_limit_waits_as_long_as_it_is_told() -> None:
    decision = ByFault().evaluate(LimitError("slow down", retry_after=7), 3, 5)
    assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(seconds=7))
    assert ByFault().evaluate(LimitError("slow down", retry_after=0), 1, 5).retry_delay == timedelta(0)


@pytest.mark.parametrize("tried", [1, 2, 5, 20])
def test_a_fault_of_the_other_side_waits_longer_each_time(tried: int) -> None:
    decision = ByFault().evaluate(RemoteFaultError("502"), tried, 5)
    assert decision.retry_delay is not None
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tried - 1))
    assert pause / 2 <= decision.retry_delay.total_seconds() <= pause
    assert decision.reason == "502"


def test_what_a_person_must_mend_fails_at_once_and_says_what() -> None:
    decision = ByFault().evaluate(MendError("fill in the key"), 1, 5)
    assert (decision.action, decision.reason) == (RetryAction.FAIL, "fill in the key")


def test_anything_else_follows_the_tasks_settings() -> None:
    assert ByFault().evaluate(MemoryError(), 1, 5).action is RetryAction.DEFAULT
    assert isinstance(ByFault.deserialize(ByFault().serialize()), ByFault)
