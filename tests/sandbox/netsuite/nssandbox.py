"""What the tests of the sandbox NetSuite account share: scripts and RESTlet calls without HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from netsuite_connector.sandbox.netsuite.engine import Engine, ScriptAnswer
from netsuite_connector.sandbox.netsuite.suitecloud import DEFAULT_PROJECT, Deployment, read_project

SCRIPT_PATH = "/SuiteScripts/test/restlet.js"


class RefusedError(Exception):
    """The RESTlet answered with an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message


def opened(answer: ScriptAnswer) -> dict[str, Any]:
    """A script's answer; RefusedError where it is an error."""
    if answer.status == 200:
        return dict(json.loads(answer.body))
    error = json.loads(answer.body)["error"]
    try:
        message = json.loads(error["message"])["message"]
    except ValueError:
        message = error["message"]
    raise RefusedError(answer.status, error["code"], message)


@dataclass(frozen=True)
class Inside:
    """An account without its HTTP side."""

    engine: Engine
    deployment: Deployment

    def call(self, action: str, **arguments: Any) -> dict[str, Any]:
        """A call of the connector's RESTlet."""
        return opened(self.engine.run(self.deployment, "post", {"action": action, **arguments}))

    def pages(self, **arguments: Any) -> list[dict[str, Any]]:
        """All pages of a search, each called with the cursor of the one before."""
        pages = [self.call("page", **arguments)]
        while not pages[-1]["done"]:
            pages.append(self.call("page", **{**arguments, "after": pages[-1]["cursor"]}))
            assert pages[-1]["done"] or pages[-1]["cursor"] > pages[-2]["cursor"], "the pages make no headway"
        return pages


def inside() -> Inside:
    """An empty account with its saved searches."""
    project = read_project(DEFAULT_PROJECT)
    engine = Engine(project)
    engine.admin(
        "generate", {"seed": 1, "now": "2026-11-01T00:00:00Z", "customers": 0, "items": 0, "orders": 0}
    )
    engine.install_searches()
    return Inside(engine, project.deployments[0])


def script(engine: Engine, modules: list[str], body: str, value: Any = None) -> Any:
    """Run a SuiteScript function body over N modules; the parameters are their last names, and ``value``."""
    names = [module.rpartition("/")[2] for module in modules]
    source = f"define({json.dumps(modules)}, ({', '.join(names)}) => ({{ post: (value) => {{ {body} }} }}));"
    engine.admin("files", {**read_project(DEFAULT_PROJECT).files, SCRIPT_PATH: source})
    deployment = Deployment(
        "customscript_test", 1, "customdeploy_test", 1, SCRIPT_PATH, released=True, run_as="administrator"
    )
    answer = engine.run(deployment, "post", value)
    return opened(answer)["value"] if answer.status != 200 else json.loads(answer.body)["value"]


def rows(page: dict[str, Any]) -> list[dict[str, Any]]:
    """A page's rows as key -> value; of a select its id, its text under ``<key>__text``."""
    columns: dict[str, list[Any]] = {}
    for column, values in zip(page["columns"], page["values"], strict=True):
        if not isinstance(values, dict):
            columns[column["key"]] = values
            continue
        names = {"id": column["key"], "text": f"{column['key']}__text", "values": column["key"]}
        at = values.get("at", range(page["rows"]))
        for part in values.keys() - {"at"}:
            columns[names[part]] = [None if place is None else values[part][place] for place in at]
    assert {len(values) for values in columns.values()} <= {page["rows"]}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def customer(internalid: int, **values: Any) -> dict[str, Any]:
    """A customer as the account stores one."""
    moment = "2026-03-01T12:00:00Z"
    usual = {
        "entityid": f"C{internalid}",
        "isperson": True,
        "stage": "CUSTOMER",
        "isinactive": False,
        "datecreated": moment,
        "lastmodifieddate": moment,
    }
    return {**usual, "internalid": internalid, **values}


def order(internalid: int, lines: int, *, first_key: int = 0, **values: Any) -> dict[str, Any]:
    """A sales order of so many item lines."""
    key = first_key or internalid * 10_000
    moment = "2026-03-01T12:00:00Z"
    items = [
        {
            "line": n,
            "lineuniquekey": key + n,
            "kind": "item",
            "item": None,
            "quantity": 1,
            "rate": 2.5,
            "amount": 2.5,
        }
        for n in range(1, lines + 1)
    ]
    return {
        "internalid": internalid,
        "lineuniquekey": key,
        "type": "SalesOrd",
        "status": "SalesOrd:B",
        "tranid": f"SO{internalid}",
        "trandate": "2026-03-01",
        "datecreated": moment,
        "lastmodifieddate": moment,
        "exchangerate": 1,
        "total": 2.5 * lines,
        "lines": items,
        **values,
    }
