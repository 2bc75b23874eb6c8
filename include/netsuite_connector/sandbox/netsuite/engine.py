"""The account's inside: an embedded V8 that holds the records, the N/* modules and the SuiteCloud project's
own scripts.

Data goes in and comes out as JSON text; one lock keeps one script running at a time, as V8 is
single-threaded.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from py_mini_racer import JSTimeoutException, MiniRacer

from netsuite_connector.sandbox.netsuite.suitecloud import Deployment, Project

_HERE = Path(__file__).parent
_SCRIPTS = (
    "core",
    "dates",
    "store",
    "fields",
    "formula",
    "filters",
    "rows",
    "modules",
    "results",
    "search",
    "loader",
    "words",
    "chance",
    "people",
    "goods",
    "sales",
    "generate",
    "admin",
)
_CHUNK = 5000  # records per call when an account is filled


class AccountError(Exception):
    """The account refused an administrator's action; ``code`` is NetSuite's word for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class ScriptAnswer:
    """What a script run gave: HTTP status, governance units used, and the body as text."""

    status: int
    units: int
    body: str


class Engine:
    """One account. All methods may be called from any thread."""

    def __init__(self, project: Project) -> None:
        self._lock = threading.Lock()
        self._seconds = 300.0
        self._v8 = MiniRacer()
        catalogue = (_HERE / "catalogue.json").read_text(encoding="utf-8")
        for name in _SCRIPTS:
            self._v8.eval((_HERE / "js" / f"{name}.js").read_text(encoding="utf-8"))
        self._v8.eval(f"ns.catalogue = {catalogue}; undefined")
        self.admin("files", project.files)

    def close(self) -> None:
        """Give back V8's memory."""
        with self._lock:
            self._v8.close()

    def admin(self, action: str, value: Any = None) -> Any:
        """Run one of js/admin.js's actions and return its outcome.

        Raises AccountError where the account refuses.
        """
        with self._lock:
            answer = json.loads(str(self._v8.call("ns.admin", action, json.dumps(value))))
        if "error" in answer:
            raise AccountError(answer["error"]["code"], answer["error"]["message"])
        return answer["ok"]

    def install_searches(self) -> None:
        """Put the usual saved searches (searches.json) into the account, with its custom fields."""
        for search in json.loads((_HERE / "searches.json").read_text(encoding="utf-8")):
            self.admin("installUsual", search)

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change settings of js/core.js (``timezone``, ``units``, …) and return all of them."""
        settings: dict[str, Any] = self.admin("settings", changes)
        self._seconds = float(settings["seconds"])
        return settings

    def load(self, record_type: str, records: Iterable[Mapping[str, Any]]) -> None:
        """Add records as they are stored: native values, dates and moments as ISO text, lines of a
        transaction under ``lines``.
        """
        chunk: list[Mapping[str, Any]] = []
        for record in records:
            chunk.append(record)
            if len(chunk) == _CHUNK:
                self.admin("load", {"type": record_type, "records": chunk})
                chunk = []
        self.admin("load", {"type": record_type, "records": chunk})

    def run(
        self, deployment: Deployment, method: str, value: Any, *, empty_searches: bool = False
    ) -> ScriptAnswer:
        """Run a RESTlet's entry point with the parsed body (or the query parameters of a GET).

        ``empty_searches``: its searches find nothing, whatever there is.
        """
        request = json.dumps(
            {
                "path": deployment.path,
                "method": method,
                "input": value,
                "script": deployment.script,
                "deployment": deployment.deployment,
                "emptySearches": empty_searches,
            }
        )
        with self._lock:
            try:
                answer = str(self._v8.call("ns.runRestlet", request, timeout_sec=self._seconds))
            except JSTimeoutException:
                error = {"code": "SSS_TIME_LIMIT_EXCEEDED", "message": "Script Execution Time Exceeded."}
                return ScriptAnswer(400, 0, json.dumps({"error": error}))
        status, units, body = answer.split("\n", 2)
        return ScriptAnswer(int(status), int(units), body)
