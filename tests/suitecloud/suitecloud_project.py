"""Where the SuiteCloud project's parts lie, for the tests of the project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

PROJECT = Path(__file__).parents[2] / "include" / "suitecloud" / "src"
CABINET = PROJECT / "FileCabinet"
SCRIPTS = CABINET / "SuiteScripts" / "nsk"
RECORD_TYPES = (
    "customer",
    "lead",
    "prospect",
    "contact",
    "inventoryitem",
    "noninventoryitem",
    "assemblyitem",
    "kititem",
    "serviceitem",
    "salesorder",
    "invoice",
    "cashsale",
    "opportunity",
    "estimate",
    "itemfulfillment",
    "returnauthorization",
    "creditmemo",
    "cashrefund",
    "supportcase",
)


def objects() -> dict[str, ET.Element]:
    """The project's objects by script id."""
    roots = [ET.parse(path).getroot() for path in sorted((PROJECT / "Objects").glob("*.xml"))]
    return {root.get("scriptid", ""): root for root in roots}


def definitions() -> list[dict[str, Any]]:
    """The saved searches that the installer makes."""
    found: list[dict[str, Any]] = json.loads((SCRIPTS / "searches.json").read_text(encoding="utf-8"))
    return found


def keys(search: dict[str, Any], *, mandatory: bool = False) -> list[str]:
    """The keys of a definition's columns, ``name`` or ``join.name``;
    only those of mandatory ones if asked.
    """
    return [
        f"{column['join']}.{column['name']}" if "join" in column else column["name"]
        for column in search["columns"]
        if column.get("mandatory") or not mandatory
    ]
