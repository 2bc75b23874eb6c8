"""Starts the sandbox account as a process of its own, for tests and benchmarks."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import requests

from netsuite_connector.sandbox.netsuite.credentials import Credentials
from netsuite_connector.sandbox.netsuite.engine import INSTALLER
from netsuite_connector.sandbox.netsuite.server import (
    RESTLET_PATH,
    SUITELET_PATH,
    SUITEQL_PATH,
    TOKEN_PATH,
)
from netsuite_connector.sandbox.started import started

START_SECONDS = 120.0
SCRIPT = "customscript_nsk_restlet"
DEPLOYMENT = "customdeploy_nsk_restlet"


@dataclass(frozen=True, slots=True)
class SandboxAccount:
    """A running sandbox account; ``pid`` is its process."""

    url: str
    credentials: Credentials
    pid: int

    @property
    def restlet_url(self) -> str:
        """Where RESTlets are called, without script and deployment."""
        return self.url + RESTLET_PATH

    @property
    def token_url(self) -> str:
        """Where access tokens come from."""
        return self.url + TOKEN_PATH

    @property
    def suiteql_url(self) -> str:
        """Where SuiteQL is asked."""
        return self.url + SUITEQL_PATH

    def records(self, record_type: str, page: int = 5000) -> Iterator[dict[str, Any]]:
        """All raw records of customer, contact, item, transaction or deletedrecord, as the account stores
        them.
        """
        after: int | None = 0
        while after is not None:
            answer = self._ask("GET", f"records/{record_type}?after={after}&limit={page}")
            yield from answer["records"]
            after = answer["next"]

    def clear(self, record_type: str) -> None:
        """Drop all records of a type, without a trace."""
        self._ask("DELETE", f"records/{record_type}")

    def record(self, record_type: str, internal_id: int) -> dict[str, Any]:
        """One raw record."""
        return dict(self._ask("GET", f"records/{record_type}/{internal_id}"))

    def create(self, record_type: str, **values: Any) -> dict[str, Any]:
        """A new record; the id is given by the account unless ``internalid`` is. Returns it as stored."""
        return dict(self._ask("POST", f"records/{record_type}", values))

    def update(self, record_type: str, internal_id: int, **values: Any) -> dict[str, Any]:
        """Change fields; ``lastmodifieddate`` becomes now unless it is given. Returns what is stored."""
        return dict(self._ask("PATCH", f"records/{record_type}/{internal_id}", values))

    def edit_inline(self, record_type: str, internal_id: int, **values: Any) -> dict[str, Any]:
        """Change fields as in a list: a user event sees only those. Returns what is stored."""
        return dict(self._ask("PATCH", f"records/{record_type}/{internal_id}?inline=1", values))

    def delete(self, record_type: str, internal_id: int, moment: str | None = None) -> None:
        """Delete a record, now or at a moment such as 2026-11-20T10:00:00Z; the account keeps an entry of the
        deletion.
        """
        self._ask(
            "DELETE", f"records/{record_type}/{internal_id}" + ("" if moment is None else f"?moment={moment}")
        )

    def merge(self, record_type: str, internal_id: int, into: int) -> dict[str, Any]:
        """Merge a duplicate customer or contact into another one. Returns the one that remains."""
        return dict(self._ask("POST", f"records/{record_type}/{internal_id}/merge", {"into": into}))

    def convert(self, internal_id: int, stage: str = "CUSTOMER") -> dict[str, Any]:
        """Make a prospect or customer of a lead; it keeps its id."""
        return self.update("customer", internal_id, stage=stage)

    def run_script(self, script_id: str, **parameters: Any) -> dict[str, Any]:
        """Run a map/reduce script to its end: ``units``, ``calls`` by stage and ``errors``."""
        return dict(self._ask("POST", f"scripts/{script_id}", {"parameters": parameters}))

    def installer(self, *, install: bool = True) -> dict[str, Any]:
        """Run the project's installer, or only have it look at what is there. Returns its JSON answer."""
        script, deployment = INSTALLER
        answer = requests.request(
            "POST" if install else "GET",
            f"{self.url}{SUITELET_PATH}",
            params={"script": script, "deploy": deployment, "format": "json"},
            timeout=120,
        )
        if not answer.ok:
            raise ValueError(f"the installer fails: {answer.text}")
        return dict(answer.json())

    def user_events(self) -> dict[str, Any]:
        """``runs``, ``failed``, ``most_units`` and ``seconds`` of user events since the start."""
        return dict(self.state()["user_events"])

    def log(self) -> list[dict[str, str]]:
        """What scripts have logged lately: ``level``, ``script``, ``title`` and ``details``."""
        return list(self._ask("GET", "log"))

    def load(self, record_type: str, records: list[dict[str, Any]]) -> None:
        """Add many records as they are stored."""
        self._ask("POST", f"load/{record_type}", records)

    def search(self, search_id: str) -> dict[str, Any]:
        """A saved search's definition: ``id``, ``internalid``, ``title``, ``type``, ``filters`` and
        ``columns``.
        """
        return next(dict(each) for each in self._ask("GET", "searches") if each["id"] == search_id)

    def replace_search(self, search_id: str, **changes: Any) -> None:
        """Change a saved search, or make a new one from a whole definition."""
        known = [each for each in self._ask("GET", "searches") if each["id"] == search_id]
        self._ask("PUT", f"searches/{search_id}", {**(known[0] if known else {}), **changes})

    def remove_column(self, search_id: str, name: str, join: str | None = None) -> None:
        """Take a column out of a saved search."""
        columns = self.search(search_id)["columns"]
        kept = [each for each in columns if (each["name"], each.get("join")) != (name, join)]
        self.replace_search(search_id, columns=kept)

    def fault(  # noqa: PLR0913 - a fault's parts
        self,
        fault: str,
        *,
        times: int = 1,
        skip: int = 0,
        target: str = "restlet",
        action: str | None = None,
        seconds: float = 1.0,
    ) -> None:
        """Plan a fault (``faults.Fault``) for RESTlet calls or (target ``token``) token requests."""
        plan = {
            "fault": fault,
            "times": times,
            "skip": skip,
            "target": target,
            "action": action,
            "seconds": seconds,
        }
        self._ask("POST", "faults", plan)

    def random_faults(
        self,
        *faults: str,
        probability: float,
        seed: int = 0,
        target: str = "restlet",
        seconds: float = 1.0,
    ) -> None:
        """Have faults happen by chance, the same ones each time for the same seed, until they are cleared."""
        chances = {"probability": probability, "seed": seed, "target": target, "seconds": seconds}
        self._ask("POST", "faults/random", {**chances, "faults": faults})

    def clear_faults(self) -> None:
        """Take back all planned faults, and those by chance."""
        self._ask("DELETE", "faults")

    def settings(self, **changes: Any) -> None:
        """Change ``timezone``, ``date_format``, ``time_format``, ``units``, ``time_limit``, ``output_bytes``,
        ``search_seconds``, ``column_types``, ``concurrency``, ``latency``, ``language``,
        ``lacking_permissions``, ``web_services_only``, ``domain`` or ``moved_to``.
        """
        self._ask("PATCH", "settings", changes)

    def add_certificate(self, key: str) -> str:
        """Map another certificate to the integration, given its key as PEM text. Returns the certificate's
        id.
        """
        return str(self._ask("POST", "certificates", {"key": key})["certificate_id"])

    def revoke_certificate(self, certificate_id: str) -> None:
        """Take a certificate away."""
        self._ask("DELETE", f"certificates/{certificate_id}")

    def revoke_tokens(self) -> None:
        """End all access tokens."""
        self._ask("DELETE", "tokens")

    def state(self) -> dict[str, Any]:
        """Counts: ``records`` by type, ``user_events``, ``faults_struck``, ``calls``, ``actions``,
        ``tokens``, ``active`` and ``peak`` (requests at once).
        """
        return dict(self._ask("GET", "state"))

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self.url}/sandbox/{path}", json=body, timeout=120)
        if not answer.ok:
            raise ValueError(f"the sandbox account refuses {method} {path}: {answer.text}")
        return answer.json()


@contextmanager
def running_sandbox(
    *options: str, customers: int = 0, items: int = 0, orders: int = 0, port: int = 0
) -> Iterator[SandboxAccount]:
    """Runs ``python -m netsuite_connector.sandbox.netsuite`` with the given options, and ends it afterwards.

    The account is empty of records unless sizes or ``--csv`` are given; its saved searches are there.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "credentials.json")
        sizes = ["--customers", str(customers), "--items", str(items), "--orders", str(orders)]
        own = [] if "--credentials" in options else ["--credentials", str(file)]
        command = [
            sys.executable,
            "-m",
            "netsuite_connector.sandbox.netsuite",
            "--port",
            str(port),
            *sizes,
            *own,
            *options,
        ]
        with started(command, seconds=START_SECONDS) as (url, pid):
            written = file if own else Path(options[options.index("--credentials") + 1])
            kept = json.loads(written.read_text())
            credentials = Credentials(**{field.name: kept[field.name] for field in fields(Credentials)})
            yield SandboxAccount(url, credentials, pid)
