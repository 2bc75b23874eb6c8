"""Bad things that the account can be told to do, as the real one sometimes does."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from netsuite_connector.sandbox.klaviyo.problems import Problem, Refusal, bad_parameter


class Fault(StrEnum):
    """What can go wrong. All but the last two happen before the request has any effect."""

    ERROR_500 = "error_500"
    ERROR_502 = "error_502"
    ERROR_503 = "error_503"
    ERROR_504 = "error_504"
    HTML_403 = "html_403"  # a firewall's page in front of the API
    HTML_502 = "html_502"  # a gateway's page
    THROTTLE = "throttle"  # 429, also with a Retry-After of 0
    RESET = "reset"  # the connection is cut
    TIMEOUT = "timeout"  # no answer and no effect
    TIMEOUT_AFTER_COMMIT = "timeout_after_commit"  # the request takes effect, but is never answered
    RESET_AFTER_COMMIT = "reset_after_commit"  # the request takes effect, then the connection is cut


AFTER_COMMIT = frozenset({Fault.TIMEOUT_AFTER_COMMIT, Fault.RESET_AFTER_COMMIT})


@dataclass(slots=True)
class Plan:
    """A fault that happens ``times`` more times, to one endpoint (``POST /api/profiles``) or to any.

    The first ``skip`` requests pass. ``retry_after`` (seconds) goes with THROTTLE, and with ERROR_503 when
    given.
    """

    fault: Fault
    times: int
    endpoint: str | None
    skip: int = 0
    retry_after: int | None = None

    def as_json(self) -> dict[str, Any]:
        """As the caller described it, with what is left of it."""
        return {
            "fault": self.fault.value,
            "times": self.times,
            "endpoint": self.endpoint,
            "skip": self.skip,
            "retry_after": self.retry_after,
        }


class Faults:
    """The planned faults, in the order in which they were asked for. ``struck``: how often each has
    happened.
    """

    def __init__(self) -> None:
        self._plans: list[Plan] = []
        self.struck: Counter[str] = Counter()

    def add(self, wish: Any, endpoints: frozenset[str]) -> Plan:
        """Plans a fault from ``{"fault", "times"?, "endpoint"?, "skip"?, "retry_after"?}``; a Refusal when it
        is malformed.
        """
        known = {"fault", "times", "endpoint", "skip", "retry_after"}
        if not isinstance(wish, dict) or wish.keys() - known or wish.get("fault") not in set(Fault):
            raise _malformed(
                f"A fault is an object of {', '.join(sorted(known))}; fault is one of {', '.join(Fault)}."
            )
        endpoint = wish.get("endpoint")
        if endpoint is not None and endpoint not in endpoints:
            raise _malformed(f"'{endpoint}' is not an endpoint of the sandbox.")
        numbers = {name: wish.get(name) for name in ("times", "skip", "retry_after")}
        if any(value is not None and (not isinstance(value, int) or value < 0) for value in numbers.values()):
            raise _malformed("times, skip and retry_after are whole numbers from 0.")
        times, skip = numbers["times"], numbers["skip"]
        plan = Plan(
            Fault(wish["fault"]), 1 if times is None else times, endpoint, skip or 0, numbers["retry_after"]
        )
        self._plans.append(plan)
        return plan

    def take(self, endpoint: str) -> Plan | None:
        """The fault that strikes this request, or None; counts it."""
        for plan in self._plans:
            if plan.endpoint in (None, endpoint) and plan.times > 0:
                if plan.skip > 0:
                    plan.skip -= 1
                    continue
                plan.times -= 1
                self.struck[plan.fault.value] += 1
                return plan
        return None

    def clear(self) -> None:
        """Plans no fault any more."""
        self._plans.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """The faults that are still to come."""
        return [plan.as_json() for plan in self._plans if plan.times > 0]


def throttled(wait: int) -> Refusal:
    """Klaviyo's 429, which has no RateLimit headers."""
    detail = f"Request was throttled. Expected available in {wait} second{'' if wait == 1 else 's'}."
    problem = Problem(429, "throttled", "Request was throttled.", detail, pointer="/data")
    return Refusal(problem, headers={"Retry-After": str(wait)})


def _malformed(detail: str) -> Refusal:
    return Refusal(bad_parameter(detail, "fault"))
