"""One seed: two accounts, a plan, saves, faults and kills, and at the end the reckoning."""

from __future__ import annotations

import gc
import logging
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import requests
import yaml

from chaos import weather
from chaos.line import LIMITS_SCALE, Line
from chaos.reckoning import Accounts, added_up
from chaos.runs import Tasks, backfill, realtime, scheduled
from chaos.scheduler import Record, Scheduler
from chaos.weather import Weather
from chaos.world import Clock, World
from netsuite_connector.flows import raced
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.stores.load import load_stores
from netsuite_connector.stores.model import Store

ROOT = Path(__file__).resolve().parents[1]
LIST = "Newsletter"
FLOWS = ("catalog", "customers", "orders", "stock", "consents")
_ROUNDS = (2, 2, 3)
_SAVES = 16  # a round, at most
_DRAIN = 2.0  # seconds
_ARRIVES = 4.0  # seconds in which all that was sent has arrived: the sandbox answers 3 late at most

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Outcome:
    """What a seed came to. ``problems`` is empty when both accounts agree."""

    seed: int
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    saves: Counter[str] = field(default_factory=Counter)
    record: Record = field(default_factory=Record)
    again: int = 0
    problems: list[str] = field(default_factory=list)


def run(seed: int, folder: Path) -> Outcome:
    """Run one seed in an empty folder."""
    began = time.monotonic()
    luck = random.Random(seed)  # noqa: S311 - no secret
    sizes = {"customers": luck.randint(15, 30), "items": luck.randint(8, 16), "orders": luck.randint(20, 45)}
    outcome = Outcome(seed)
    # A seed has no ten minutes to wait until nothing is on its way any more.
    raced.ARRIVES_WITHIN = int(_ARRIVES * 10**9)
    # What is loaded by now is shared with all children, instead of being copied into each.
    gc.freeze()
    pa.set_cpu_count(1)
    with _accounts(seed, sizes) as (netsuite, klaviyo):
        _make_list(klaviyo)
        _Course(outcome, Line(_store(folder, luck), netsuite, klaviyo, folder), luck).run()
    outcome.seconds = time.monotonic() - began
    return outcome


class _Course:
    """What happens in a seed."""

    def __init__(self, outcome: Outcome, line: Line, luck: random.Random) -> None:
        self._outcome = outcome
        self._luck = luck
        self._clock = Clock()
        self._line = line
        self._patience = weather.PATIENCE
        self._world = World(line.netsuite, line.klaviyo, luck, self._clock)
        self._weather = Weather(line.netsuite, line.klaviyo, luck)
        self._scheduler = Scheduler(self._now, luck)
        self._left = 0
        self._next_save = 0.0
        self._next_faults = 0.0

    def run(self) -> None:
        """Some rounds in bad weather, then one in good weather; then all must be there."""
        kill_share = self._luck.choice((0.2, 0.35, 0.5))
        rounds = self._luck.choice(_ROUNDS)
        history = self._luck.randrange(1, rounds)
        for number in range(rounds):
            self._weather.begin()
            self._scheduler.kill_share = kill_share
            self._left = self._luck.randint(_SAVES // 2, _SAVES)
            self._scheduler.run(self._round(number, history=number == history), self._meanwhile)
            while self._left > 0:
                self._save()
            self._clock.skip(self._luck.choice((0, 7, 45, 200)))
        self._finish()

    def _round(self, number: int, *, history: bool) -> Iterator[tuple[str, list[Tasks]]]:
        flows = list(FLOWS)
        self._luck.shuffle(flows)
        for flow in flows:
            # Some flows begin later than others, and not every one runs in each round.
            if (number == 0 and flow == "orders") or self._luck.random() < 0.6:
                yield flow, [scheduled(flow)]
        if history:
            yield "history", [backfill(self._form(), f"manual-{number}-{each}") for each in range(2)]
        yield "realtime", [realtime(_DRAIN, 0.3) for _ in range(2)]

    def _finish(self) -> None:
        outcome, scheduler = self._outcome, self._scheduler
        outcome.faults = self._weather.struck()
        outcome.record = scheduler.record
        outcome.saves = self._world.kinds
        self._weather.end()
        time.sleep(_ARRIVES)
        self._patience = 60.0
        scheduler.kill_share = 0.0
        self._clock.skip(5)
        before = len(scheduler.record.surprises), scheduler.record.failed.copy()
        last = [realtime(60.0, 0.0), *(scheduled(flow) for flow in FLOWS)]
        names = ["realtime", *FLOWS]
        for name, tasks in zip(names, last, strict=True):
            scheduler.run([(name, [tasks])], lambda: None)
        failed = scheduler.record.failed - before[1]
        outcome.problems += [f"the last run of {name} fails in good weather" for name in failed]
        outcome.problems += [
            problem for name, result in scheduler.record.results for problem in added_up(name, result)
        ]
        left = self._line.netsuite.state()["records"]["customrecord_nsk_outbox"]
        if left:
            outcome.problems.append(f"{left} entries are left in the outbox")
        accounts = Accounts(self._now(), self._world.addresses, self._world.said_no, self._world.said_yes)
        outcome.problems += accounts.problems(FLOWS)
        outcome.problems += [f"an error of no known kind: {each}" for each in scheduler.record.surprises]
        outcome.again = self._line.klaviyo.state()["events_repeated"]

    def _meanwhile(self) -> None:
        now = time.monotonic()
        if self._left > 0 and now >= self._next_save:
            self._save()
            self._next_save = now + self._luck.expovariate(3.0)
        if now >= self._next_faults:
            self._weather.worsen()
            self._next_faults = now + 0.5

    def _save(self) -> None:
        self._left -= 1
        self._world.save()

    def _now(self) -> Line:
        """The line as a process that starts now finds it."""
        line = self._line
        return Line(line.store, line.netsuite, line.klaviyo, line.folder, self._clock.ahead, self._patience)

    def _form(self) -> dict[str, Any]:
        days = self._luck.choice((60, 200, 400))
        return {
            "flows": self._luck.sample(["customers", "orders"], k=2),
            "from": (datetime.now(UTC) - timedelta(days=days)).date().isoformat(),
            "to": None,
            "window": "month" if days == 60 else "quarter",
            "order": self._luck.choice(("oldest first", "newest first")),
            "dry_run": False,
            "resume": True,
            "limit": None,
            "ignore_gates": False,
        }


def _store(folder: Path, luck: random.Random) -> Store:
    """The demo's store with real time and consents, and small pages."""
    document = yaml.safe_load((ROOT / "include/stores/demo.yaml").read_text())
    document["netsuite"] |= {"page_rows": 100, "concurrency": luck.randint(1, 3)}
    document["klaviyo"]["confirm"] = luck.choice(("sample", "all"))
    document["realtime"] = {"enabled": True}
    document["consents"] = {"list": LIST, "consented_at": "datecreated", "suppress": True}
    # Nothing is usual here, and shares of few rows say nothing.
    document["gates"] = {"least_rows": 1_000_000}
    place = folder / "stores"
    place.mkdir()
    (place / "demo.yaml").write_text(yaml.safe_dump(document))
    return load_stores(place)[0]


@contextmanager
def _accounts(seed: int, sizes: dict[str, int]) -> Iterator[tuple[NetSuite, Klaviyo]]:
    with (
        running_netsuite("--seed", str(seed), "--timezone", "GMT", **sizes) as netsuite,
        running_klaviyo("--limits-scale", str(LIMITS_SCALE)) as klaviyo,
    ):
        yield netsuite, klaviyo


def _make_list(klaviyo: Klaviyo) -> None:
    body = {"data": {"type": "list", "attributes": {"name": LIST}}}
    headers = klaviyo.headers() | {"Content-Type": "application/vnd.api+json"}
    requests.post(f"{klaviyo.url}/api/lists", json=body, headers=headers, timeout=30).raise_for_status()
