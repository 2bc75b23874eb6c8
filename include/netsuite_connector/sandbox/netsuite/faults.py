"""Faults that can be switched on, to see how a client bears them."""

from __future__ import annotations

import enum
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace


class Fault(enum.StrEnum):
    """What goes wrong with a request."""

    ERROR_500 = "error_500"  # an HTML page with status 500
    ERROR_503 = "error_503"  # an HTML page with status 503
    TRUNCATED = "truncated"  # half of the right answer, then the connection ends
    RESET = "reset"  # the connection is cut before anything is done
    SLOW = "slow"  # the right answer, ``seconds`` late
    SLOW_FIRST_BYTE = (
        "slow_first_byte"  # status and headers at once, the first byte of the body ``seconds`` late
    )
    IN_BODY_ERROR = "in_body_error"  # 200 with an error in the body, as from a script that caught its own
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


class Chances:
    """Faults by chance: each request of a target has one of ``faults`` with ``probability``. The same seed
    gives the same faults to the same sequence of requests.
    """

    def __init__(
        self,
        faults: Sequence[Fault],
        *,
        probability: float,
        seed: int = 0,
        target: Target = Target.RESTLET,
        seconds: float = 1.0,
    ) -> None:
        """ValueError for no faults or a probability that is none."""
        if not faults or not 0 <= probability <= 1:
            raise ValueError("faults by chance need a list of faults, and a probability from 0 to 1")
        self._plans = [Plan(fault, target=target, seconds=seconds) for fault in faults]
        self._probability = probability
        self._random = random.Random(seed)  # noqa: S311 - no secret

    def next(self, target: Target) -> Plan | None:
        """The fault that befalls this request, if any."""
        if target is not self._plans[0].target or self._random.random() >= self._probability:
            return None
        return self._random.choice(self._plans)


class Faults:
    """The planned faults of an account, in order. ``struck``: how often each has happened."""

    def __init__(self) -> None:
        self._plans: list[Plan] = []
        self._chances: Chances | None = None
        self.struck: Counter[str] = Counter()

    def play(self, chances: Chances | None) -> None:
        """Have faults happen by chance, besides the planned ones; None ends it."""
        self._chances = chances

    def plan(self, plan: Plan) -> None:
        """Add a fault."""
        self._plans.append(plan)

    def clear(self) -> None:
        """Take all back, also those by chance."""
        self._plans.clear()
        self._chances = None

    def next(self, target: Target, action: str | None = None) -> Plan | None:
        """The fault that befalls this request, if any; counts it."""
        plan = self._planned(target, action)
        if plan is None and self._chances is not None:
            plan = self._chances.next(target)
        if plan is not None:
            self.struck[plan.fault.value] += 1
        return plan

    def _planned(self, target: Target, action: str | None) -> Plan | None:
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
