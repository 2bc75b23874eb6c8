"""Switches on every fault that the sandbox accounts know, by chance, and counts those that happened."""

from __future__ import annotations

import random
from collections import Counter

import requests

from netsuite_connector.sandbox.klaviyo.faults import Fault as KlaviyoFault
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.netsuite.faults import Fault as NetSuiteFault
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite

PATIENCE = 1.5
"""Seconds that the line waits for an answer in bad weather."""

# Some answers come late, and some so late that nobody waits for them any more.
_LATE = (0.2, 2 * PATIENCE)
_TOKEN_FAULTS = (NetSuiteFault.ERROR_503, NetSuiteFault.RESET, NetSuiteFault.SLOW, NetSuiteFault.LOGIN)
_TOKENS_TO_COME = 3
_AHEAD = 40  # requests to Klaviyo among which a fault falls


class Weather:
    """Both accounts' faults. ``share``: of the requests that fail, roughly."""

    def __init__(self, netsuite: NetSuite, klaviyo: Klaviyo, luck: random.Random) -> None:
        self._netsuite = netsuite
        self._klaviyo = klaviyo
        self._luck = luck
        self.share = luck.choice((0.02, 0.05, 0.1))

    def begin(self) -> None:
        """From now on NetSuite fails by chance; each call changes with what, and when."""
        faults = self._luck.sample(list(NetSuiteFault), k=self._luck.randint(3, len(NetSuiteFault)))
        self._netsuite.random_faults(
            *faults,
            probability=self.share,
            seed=self._luck.randrange(1_000_000),
            seconds=self._luck.choice(_LATE),
        )
        self._netsuite.fault(
            self._luck.choice(_TOKEN_FAULTS), target="token", skip=self._luck.randrange(_TOKENS_TO_COME)
        )
        self.worsen()

    def worsen(self) -> None:
        """A few more faults of Klaviyo, at requests to come."""
        waiting = requests.get(f"{self._klaviyo.url}/sandbox/faults", timeout=30).json()["faults"]
        for _ in range(max(0, round(_AHEAD * self.share) + 1 - len(waiting))):
            fault = self._luck.choice(list(KlaviyoFault))
            retry_after = self._luck.choice((0, 1)) if fault is KlaviyoFault.THROTTLE else None
            self._klaviyo.fault(fault, skip=self._luck.randrange(_AHEAD), retry_after=retry_after)

    def end(self) -> None:
        """All is well from now on."""
        self._netsuite.clear_faults()
        self._klaviyo.clear_faults()

    def struck(self) -> Counter[str]:
        """How often each fault has happened, as ``NetSuite error_503``."""
        sides = {"NetSuite": self._netsuite.state(), "Klaviyo": self._klaviyo.state()}
        return Counter(
            {
                f"{side} {fault}": count
                for side, state in sides.items()
                for fault, count in state["faults_struck"].items()
            }
        )
