"""Faults that can be switched on, to see how a client bears them."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace


class Fault(enum.StrEnum):
    """What goes wrong with a request."""

    ERROR_500 = "error_500"  # an HTML page with status 500
    ERROR_503 = "error_503"  # an HTML page with status 503
    TRUNCATED = "truncated"  # half of the right answer, then the connection ends
    RESET = "reset"  # the connection is cut before anything is done
    SLOW = "slow"  # the right answer, ``seconds`` late
    LOGIN = "login"  # 401, whatever the credentials
    CONCURRENCY = "concurrency"  # 400 SSS_REQUEST_LIMIT_EXCEEDED
    EMPTY_SEARCH = "empty_search"  # the script's searches find no rows, as one that timed out may


class Target(enum.StrEnum):
    """Which requests a fault is for."""

    RESTLET = "restlet"
    TOKEN = "token"  # noqa: S105 - no secret


@dataclass(frozen=True, slots=True)
class Plan:
    """``fault`` happens to the next ``times`` requests after ``skip`` others; ``action`` narrows RESTlet
    calls to one action.
    """

    fault: Fault
    times: int = 1
    skip: int = 0
    target: Target = Target.RESTLET
    action: str | None = None
    seconds: float = 1.0


class Faults:
    """The planned faults of an account, in order."""

    def __init__(self) -> None:
        self._plans: list[Plan] = []

    def plan(self, plan: Plan) -> None:
        """Add a fault."""
        self._plans.append(plan)

    def clear(self) -> None:
        """Take all back."""
        self._plans.clear()

    def next(self, target: Target, action: str | None = None) -> Plan | None:
        """The fault that befalls this request, if any."""
        for index, plan in enumerate(self._plans):
            if plan.target is not target or plan.action not in (None, action):
                continue
            if plan.skip > 0:
                self._plans[index] = replace(plan, skip=plan.skip - 1)
                continue
            if plan.times > 1:
                self._plans[index] = replace(plan, times=plan.times - 1)
            else:
                del self._plans[index]
            return plan
        return None
