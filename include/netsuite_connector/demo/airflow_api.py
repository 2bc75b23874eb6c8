"""The few calls of Airflow's REST API (version 2) that the demo needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests

from netsuite_connector.demo.options import DemoError

_TIMEOUT = 30


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task of a run. ``state`` is None before it is scheduled; ``seconds`` is None before it ends."""

    task: str
    map_index: int
    state: str | None
    try_number: int
    seconds: float | None


class AirflowApi:
    """Airflow at an address, as one user. Every call raises DemoError when Airflow refuses it."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = url
        self._login = {"username": user, "password": password}
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy between two processes of one machine

    def unhealthy(self) -> list[str]:
        """The parts that don't run (yet), by name; empty when all do."""
        try:
            answer = self._session.get(f"{self._url}/api/v2/monitor/health", timeout=5)
            answer.raise_for_status()
            parts = answer.json()
        except requests.RequestException:
            return ["api-server"]
        wanted = ("metadatabase", "scheduler", "dag_processor", "triggerer")
        return [name for name in wanted if (parts.get(name) or {}).get("status") != "healthy"]

    def log_in(self) -> None:
        """Gets a token, which lasts a day."""
        token = self._call("POST", "/auth/token", json=self._login)["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

    def dag(self, dag_id: str) -> dict[str, Any] | None:
        """What Airflow knows of a DAG; None when it knows none of that id."""
        return self._find(f"/api/v2/dags/{quote(dag_id)}")

    def import_errors(self) -> list[dict[str, Any]]:
        """DAG files that could not be read: ``filename``, ``timestamp``, ``stack_trace``."""
        found: list[dict[str, Any]] = self._call("GET", "/api/v2/importErrors")["import_errors"]
        return found

    def make_pool(self, name: str, slots: int, description: str) -> None:
        """Makes an Airflow pool, or gives the one there is that many slots."""
        pool = {"slots": slots, "description": description, "include_deferred": False}
        if self._find(f"/api/v2/pools/{quote(name)}") is None:
            self._call("POST", "/api/v2/pools", json={"name": name} | pool)
        else:
            self._call("PATCH", f"/api/v2/pools/{quote(name)}", json={"pool": name} | pool)

    def unpause(self, dag_id: str) -> None:
        """Lets a DAG's runs start."""
        self._call("PATCH", f"/api/v2/dags/{quote(dag_id)}?update_mask=is_paused", json={"is_paused": False})

    def runs(self, dag_id: str, kind: str) -> list[str]:
        """The ids of a DAG's runs of a kind: ``manual``, ``scheduled``, ``backfill`` or the like."""
        found = self._call("GET", f"/api/v2/dags/{quote(dag_id)}/dagRuns?run_type={kind}")["dag_runs"]
        return [run["dag_run_id"] for run in found]

    def unfinished(self, dag_id: str) -> list[str]:
        """The ids of a DAG's runs that have not ended."""
        runs = self._call("GET", f"/api/v2/dags/{quote(dag_id)}/dagRuns?state=running&state=queued")[
            "dag_runs"
        ]
        return [run["dag_run_id"] for run in runs]

    def fail_run(self, dag_id: str, run_id: str, note: str) -> None:
        """Ends a run as failed, and says why in its note."""
        self._call("PATCH", _run(dag_id, run_id), json={"state": "failed", "note": note})

    def trigger(self, dag_id: str, conf: Mapping[str, Any]) -> str:
        """Starts a run with these parameters now and returns its id."""
        asked = {"logical_date": None, "conf": dict(conf)}
        run = self._call("POST", f"/api/v2/dags/{quote(dag_id)}/dagRuns", json=asked)
        return str(run["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """``queued``, ``running``, ``success`` or ``failed``."""
        return str(self._call("GET", _run(dag_id, run_id))["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        """The tasks of a run, in the order in which they started."""
        found = self._call("GET", f"{_run(dag_id, run_id)}/taskInstances?limit=100")["task_instances"]
        found.sort(key=lambda task: (task["start_date"] is None, task["start_date"] or "", task["map_index"]))
        return [
            TaskState(task["task_id"], task["map_index"], task["state"], task["try_number"], task["duration"])
            for task in found
        ]

    def result(self, dag_id: str, run_id: str, task: TaskState) -> Any:
        """What a task returned, or None."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{quote(task.task)}/xcomEntries/return_value"
        entry = self._find(f"{path}?map_index={task.map_index}")
        return entry["value"] if entry else None

    def log(self, dag_id: str, run_id: str, task: TaskState) -> list[Any]:
        """The log of a task's last try: messages, or plain lines."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{quote(task.task)}/logs/{max(task.try_number, 1)}"
        answer = self._find(f"{path}?map_index={task.map_index}&full_content=true")
        content: list[Any] = answer["content"] if answer else []
        return content

    def _find(self, path: str) -> dict[str, Any] | None:
        answer = self._send("GET", path)
        return None if answer.status_code == 404 else self._body("GET", path, answer)

    def _call(self, method: str, path: str, json: Any = None) -> dict[str, Any]:
        return self._body(method, path, self._send(method, path, json))

    def _send(self, method: str, path: str, json: Any = None) -> requests.Response:
        try:
            answer = self._session.request(
                method, self._url + path, json=json, headers={"Accept": "application/json"}, timeout=_TIMEOUT
            )
        except requests.RequestException as error:
            raise DemoError(
                f"Airflow's web server does not answer ({type(error).__name__} at {path})."
            ) from error
        return answer

    def _body(self, method: str, path: str, answer: requests.Response) -> dict[str, Any]:
        if not answer.ok:
            raise DemoError(f"Airflow refused {method} {path}: {answer.status_code} {answer.text[:300]}")
        body: dict[str, Any] = answer.json() if answer.content else {}
        return body


def _run(dag_id: str, run_id: str) -> str:
    return f"/api/v2/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"
