"""The account's inside: an embedded V8 that holds the records, the N/* modules and the SuiteCloud project's
own scripts.

Data goes in and comes out as JSON text; one lock keeps one script running at a time, as V8 is
single-threaded.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from py_mini_racer import JSTimeoutException, MiniRacer

from netsuite_connector.sandbox.netsuite.suitecloud import Deployment, Kind, Project

_HERE = Path(__file__).parent
_SCRIPTS = (
    "core",
    "run",
    "dates",
    "store",
    "kinds",
    "lists",
    "values",
    "fields",
    "formula",
    "filters",
    "rows",
    "modules",
    "results",
    "summary",
    "search",
    "loader",
    "record",
    "scripts",
    "words",
    "chance",
    "people",
    "shelves",
    "images",
    "goods",
    "sales",
    "chains",
    "cases",
    "generate",
    "admin",
)
_CHUNK = 5000  # records per call when an account is filled
INSTALLER = ("customscript_nsk_installer", "customdeploy_nsk_installer")


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


@dataclass(frozen=True, slots=True)
class SuiteletCall:
    """A request to a Suitelet."""

    method: str = "GET"
    parameters: dict[str, str] | None = None
    body: str = ""
    headers: dict[str, str] | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class SuiteletAnswer:
    """What a Suitelet gave; of one that failed, the body is ``{"error": {"code", "message"}}``."""

    status: int
    units: int
    headers: dict[str, str]
    body: str


class Engine:
    """One account. All methods may be called from any thread."""

    def __init__(self, project: Project) -> None:
        self._lock = threading.Lock()
        self._seconds = 300.0
        self._project = project
        self._v8 = MiniRacer()
        catalogue = (_HERE / "catalogue.json").read_text(encoding="utf-8")
        texts = (_HERE / "texts.json").read_text(encoding="utf-8")
        for name in _SCRIPTS:
            self._v8.eval((_HERE / "js" / f"{name}.js").read_text(encoding="utf-8"))
        self._v8.eval(f"ns.catalogue = {catalogue}; ns.texts = {texts}; undefined")
        self.admin("project", asdict(project))

    def close(self) -> None:
        """Give back V8's memory."""
        with self._lock:
            self._v8.close()

    def admin(self, action: str, value: Any = None) -> Any:
        """Run one of js/admin.js's actions and return its outcome.

        Raises AccountError where the account refuses.
        """
        return self._admin(action, value, None)

    def _admin(self, action: str, value: Any, seconds: float | None) -> Any:
        with self._lock:
            try:
                text = str(self._v8.call("ns.admin", action, json.dumps(value), timeout_sec=seconds))
            except JSTimeoutException:
                self._v8.eval("ns.forgetRun()")
                raise AccountError("SSS_TIME_LIMIT_EXCEEDED", "Script Execution Time Exceeded.") from None
        answer = json.loads(text)
        if "error" in answer:
            raise AccountError(answer["error"]["code"], answer["error"]["message"])
        return answer["ok"]

    def save(self, action: str, value: Any) -> Any:
        """An administrator's action that user events may follow, and the tasks that those submit.

        Raises AccountError where the account refuses.
        """
        answer = self._admin(action, value, self._seconds)
        self._admin("tasks", None, self._seconds)
        return answer

    def install_searches(self) -> None:
        """Have the project's own installer make its saved searches, and add the account's custom fields to
        them as an administrator would. A project without an installer gets no searches.

        Raises AccountError where the installer fails.
        """
        deployment = self._project.find(*INSTALLER, Kind.SUITELET)
        if deployment is None:
            return
        answer = self.suitelet(deployment, SuiteletCall("POST", {"format": "json"}))
        if answer.status != 200:
            error = json.loads(answer.body)["error"]
            raise AccountError(error["code"], f"the project's installer failed: {error['message']}")
        self.admin("addCustomFields")

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
        request = {
            "deployment": asdict(deployment),
            "method": method,
            "input": value,
            "emptySearches": empty_searches,
        }
        return self._script("ns.runRestlet", request)

    def suitelet(self, deployment: Deployment, call: SuiteletCall) -> SuiteletAnswer:
        """Run a Suitelet, as the account's administrator."""
        request = {
            "deployment": asdict(deployment),
            "method": call.method,
            "parameters": call.parameters or {},
            "headers": call.headers or {},
            "body": call.body,
            "url": call.url,
        }
        answer = self._script("ns.runSuitelet", request)
        if answer.status != 200:
            return SuiteletAnswer(answer.status, answer.units, {}, answer.body)
        given = json.loads(answer.body)
        return SuiteletAnswer(200, answer.units, given["headers"], given["body"])

    def _script(self, function: str, request: dict[str, Any]) -> ScriptAnswer:
        """Run a script, then the tasks that it has submitted."""
        with self._lock:
            try:
                answer = str(self._v8.call(function, json.dumps(request), timeout_sec=self._seconds))
            except JSTimeoutException:
                self._v8.eval("ns.forgetRun()")
                error = {"code": "SSS_TIME_LIMIT_EXCEEDED", "message": "Script Execution Time Exceeded."}
                return ScriptAnswer(400, 0, json.dumps({"error": error}))
        self._admin("tasks", None, self._seconds)
        status, units, body = answer.split("\n", 2)
        return ScriptAnswer(int(status), int(units), body)
