"""Starts the sandbox account as a process of its own, for tests and benchmarks."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from netsuite_connector.sandbox.started import started

REVISION = "2026-07-15"
START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class SandboxAccount:
    """A running sandbox. ``key`` is an API key of full access, ``pid`` the process."""

    url: str
    key: str
    pid: int

    def headers(self, key: str | None = None) -> dict[str, str]:
        """The headers of an API call with the given key, or with full access."""
        return {"Authorization": f"Klaviyo-API-Key {key or self.key}", "revision": REVISION}

    def make_key(self, *scopes: str) -> str:
        """A new API key that has only these scopes."""
        return str(self._post("keys", {"scopes": scopes})["key"])

    def fault(
        self,
        fault: str,
        *,
        times: int = 1,
        endpoint: str | None = None,
        skip: int = 0,
        retry_after: int | None = None,
    ) -> None:
        """Plans a fault (see ``faults.Fault``) for an endpoint such as ``POST /api/profiles``, or for any."""
        plan = {
            "fault": fault,
            "times": times,
            "endpoint": endpoint,
            "skip": skip,
            "retry_after": retry_after,
        }
        self._post("faults", plan)

    def clear_faults(self) -> None:
        """Takes back all planned faults."""
        requests.delete(f"{self.url}/sandbox/faults", timeout=30).raise_for_status()

    def suppress(self, email: str, reason: str = "UNSUBSCRIBE") -> None:
        """A person unsubscribes (UNSUBSCRIBE), or their address bounces (HARD_BOUNCE), outside of any
        sync.
        """
        self._post("suppressions", {"email": email, "reason": reason})

    def confirm(self, email: str) -> None:
        """A person confirms a double opt-in."""
        self._post("confirmations", {"email": email})

    def make_app(self, *scopes: str) -> dict[str, Any]:
        """An OAuth app with these scopes: ``refresh_token``, and the ``authorization`` header that
        ``POST /oauth/token`` wants.
        """
        return self._post("apps", {"scopes": scopes})

    def register_feed(self, url: str) -> dict[str, Any]:
        """Has the account read a catalog feed (loopback http, or a file path) and gives what it says of it;
        requests.HTTPError when the account can't have a feed.
        """
        return self._post("feeds", {"url": url})

    def poll_feeds(self) -> list[dict[str, Any]]:
        """Has all feeds read now and gives what the account says of each."""
        return list(self._post("feeds/poll", {})["feeds"])

    def skip_time(self, seconds: float) -> None:
        """Moves the account's clock forward."""
        self._post("clock", {"skip_seconds": seconds})

    def reset(self) -> None:
        """Empties the account; keys stay."""
        self._post("reset", {})

    def state(self) -> dict[str, Any]:
        """Counts of everything, as ``GET /sandbox/state`` gives them."""
        answer = requests.get(f"{self.url}/sandbox/state", timeout=60)
        answer.raise_for_status()
        return dict(answer.json())

    def settled(self, seconds: float = 60.0) -> dict[str, Any]:
        """The state once all jobs are done; TimeoutError when that takes longer than ``seconds``."""
        until = time.monotonic() + seconds
        while not requests.get(f"{self.url}/sandbox/idle", timeout=60).json()["idle"]:
            if time.monotonic() > until:
                raise TimeoutError("The sandbox still has jobs to do.")
            time.sleep(0.02)
        return self.state()

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of profiles, events, items, variants, categories, consents, alerts or deleted."""
        answer = requests.get(f"{self.url}/sandbox/{table}", timeout=120)
        answer.raise_for_status()
        return [json.loads(line) for line in answer.content.splitlines()]

    def _post(self, action: str, wish: dict[str, Any]) -> dict[str, Any]:
        answer = requests.post(f"{self.url}/sandbox/{action}", json=wish, timeout=60)
        answer.raise_for_status()
        return dict(answer.json())


@contextmanager
def running_sandbox(*options: str, job_seconds: float = 0.05, port: int = 0) -> Iterator[SandboxAccount]:
    """Runs ``python -m netsuite_connector.sandbox.klaviyo`` with the given options, and ends it afterwards.

    There are no rate limits unless ``--limits-scale`` is among the options.
    """
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder, "keys.json")
        command = _command(options, port=port, job_seconds=job_seconds, keys=keys)
        with started(command, seconds=START_SECONDS) as (url, pid):
            file = Path(options[options.index("--keys") + 1]) if "--keys" in options else keys
            known = json.loads(file.read_text())["keys"]
            yield SandboxAccount(url, next(one["key"] for one in known if one["scopes"] == "full"), pid)


def _command(options: Iterable[str], *, port: int, job_seconds: float, keys: Path) -> list[str]:
    given = list(options)
    command = [sys.executable, "-m", "netsuite_connector.sandbox.klaviyo", "--port", str(port)]
    if "--job-seconds" not in given:
        command += ["--job-seconds", str(job_seconds)]
    if "--keys" not in given:
        command += ["--keys", str(keys)]
    if "--limits-scale" not in given:
        command.append("--no-limits")
    return command + given
