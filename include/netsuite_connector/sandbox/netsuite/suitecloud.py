"""Reads a SuiteCloud project: scripts and their deployments, custom records, the integration's role, and the
files of its File Cabinet.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

# include/netsuite_connector/sandbox/netsuite/suitecloud.py -> include/suitecloud
DEFAULT_PROJECT = Path(__file__).resolve().parents[3] / "suitecloud"
FIRST_SCRIPT_NUMBER = 1001

# Field types of SuiteCloud objects -> types of search columns; of a type that is not named here, its name.
_TYPES = {
    "TEXT": "text",
    "TEXTAREA": "textarea",
    "CLOBTEXT": "clobtext",
    "CHECKBOX": "checkbox",
    "INTEGER": "integer",
    "FLOAT": "float",
    "CURRENCY": "currency",
    "PERCENT": "percent",
    "DATE": "date",
    "DATETIMETZ": "datetimetz",
    "SELECT": "select",
    "MULTISELECT": "multiselect",
}


class ProjectError(Exception):
    """The SuiteCloud project can't be used; the message says why."""


class Kind(enum.StrEnum):
    """The kinds of script that the account runs, by the names of their objects. An account numbers its
    scripts in this order.
    """

    RESTLET = "restlet"
    SUITELET = "suitelet"
    USER_EVENT = "usereventscript"
    MAP_REDUCE = "mapreducescript"


# Statuses that let a deployment run for everybody.
_RELEASED = {
    Kind.RESTLET: {"RELEASED"},
    Kind.SUITELET: {"RELEASED"},
    Kind.USER_EVENT: {"RELEASED"},
    Kind.MAP_REDUCE: {"NOTSCHEDULED", "SCHEDULED"},
}


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployed script: ``script`` and ``deployment`` as ids and as the numbers an account gives them,
    ``path`` in the File Cabinet.

    ``parameters`` are the script's, with their defaults. Of a user event, ``record_type`` is what it is for,
    ``events`` and ``contexts`` when it runs (none: always); ``run_as`` is ``administrator`` or
    ``integration`` where it runs as another than the user who saves.
    """

    script: str
    script_number: int
    deployment: str
    deployment_number: int
    path: str
    released: bool
    kind: Kind = Kind.RESTLET
    parameters: dict[str, Any] = field(default_factory=dict)
    record_type: str = ""
    events: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    run_as: str = ""


@dataclass(frozen=True, slots=True)
class CustomRecord:
    """A custom record type: ``fields`` as field -> type of search column; ``mandatory`` ones can't be empty.

    ``roles`` (role id -> level) may use it; where it is not ``restricted``, everyone may.
    """

    id: str
    fields: dict[str, str]
    mandatory: tuple[str, ...]
    restricted: bool
    roles: dict[str, str]


@dataclass(frozen=True, slots=True)
class Role:
    """A role: ``permissions`` as key -> level."""

    id: str
    permissions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Project:
    """Deployments in the order of ``Kind``, File Cabinet texts (path -> text), custom record types, and the
    role that the integration's user has; without one it may do everything.
    """

    deployments: tuple[Deployment, ...]
    files: dict[str, str]
    custom_records: tuple[CustomRecord, ...] = ()
    role: Role | None = None

    def find(self, script: str, deployment: str, kind: Kind = Kind.RESTLET) -> Deployment | None:
        """The deployment that a URL names, by ids or by numbers; None when none may be called so."""
        for each in self.deployments:
            named = each.kind is kind and script in (each.script, str(each.script_number))
            if named and deployment in (each.deployment, str(each.deployment_number)):
                return each if each.released else None
        return None


def read_project(folder: Path) -> Project:
    """Read ``folder/src``.

    Raises ProjectError where a script or its file is missing or an object file is no XML.
    """
    cabinet = folder / "src" / "FileCabinet"
    files = {
        f"/{path.relative_to(cabinet).as_posix()}": path.read_text(encoding="utf-8")
        for path in sorted(cabinet.rglob("*"))
        if path.is_file()
    }
    objects = [_object(path) for path in sorted((folder / "src" / "Objects").glob("*.xml"))]
    deployments = tuple(_all_deployments(objects))
    for each in deployments:
        if each.path not in files:
            raise ProjectError(f"{each.script} names {each.path}, which is not in {cabinet}")
    if not any(each.kind is Kind.RESTLET for each in deployments):
        raise ProjectError(
            f"{folder} holds no SuiteCloud project with a RESTlet; name another with --suitecloud"
        )
    roles = [_role(each) for each in objects if each.tag == "role"]
    return Project(
        deployments,
        files,
        tuple(_custom_record(each) for each in objects if each.tag == "customrecordtype"),
        roles[0] if roles else None,
    )


def _object(path: Path) -> ET.Element:
    try:
        # The project's own files, not input from outside.
        root = ET.parse(path).getroot()  # noqa: S314
    except ET.ParseError as error:
        raise ProjectError(f"{path} is no well-formed XML: {error}") from error
    if root.get("scriptid") != path.stem:
        raise ProjectError(f"{path} must be named after its scriptid, {root.get('scriptid')}")
    return root


def _all_deployments(objects: list[ET.Element]) -> Iterator[Deployment]:
    scripts = [(kind, root) for kind in Kind for root in objects if root.tag == kind]
    for number, (kind, root) in enumerate(scripts, start=FIRST_SCRIPT_NUMBER):
        yield from _deployments(kind, root, number)


def _deployments(kind: Kind, root: ET.Element, number: int) -> Iterator[Deployment]:
    for position, each in enumerate(root.iter("scriptdeployment"), start=1):
        yield Deployment(
            script=_id(root),
            script_number=number,
            deployment=_id(each),
            deployment_number=position,
            path=_text(root, "scriptfile").strip("[]"),
            released=_text(root, "isinactive") != "T"
            and _text(each, "isdeployed") == "T"
            and _text(each, "status") in _RELEASED[kind],
            kind=kind,
            parameters=_parameters(root, each),
            record_type=_reference(_text(each, "recordtype")).lower(),
            events=tuple(word.lower() for word in _text(each, "eventtype").split("|") if word),
            contexts=tuple(word for word in _text(each, "executioncontext").split("|") if word),
            run_as=_run_as(_text(each, "runasrole")),
        )


def _run_as(role: str) -> str:
    if role == "ADMINISTRATOR":
        return "administrator"
    return "integration" if role.startswith("[scriptid=") else ""


def _parameters(root: ET.Element, deployment: ET.Element) -> dict[str, Any]:
    """A script's parameters: what the deployment sets, else the default."""
    found = {}
    for each in root.iter("scriptcustomfield"):
        name = _id(each)
        text = _text(deployment, name) or _text(each, "defaultvalue")
        found[name] = _value(_text(each, "fieldtype"), text)
    return found


def _value(kind: str, text: str) -> Any:
    if kind == "CHECKBOX":
        return text == "T"
    if not text:
        return None
    if kind == "INTEGER":
        return int(text)
    return float(text) if kind in ("FLOAT", "PERCENT", "CURRENCY") else text


def _custom_record(root: ET.Element) -> CustomRecord:
    fields = list(root.iter("customrecordcustomfield"))
    mandatory = [_id(each) for each in fields if _text(each, "ismandatory") == "T"]
    if _text(root, "includename") == "T":
        mandatory.append("name")
    return CustomRecord(
        id=_id(root),
        fields={
            _id(each): _TYPES.get(_text(each, "fieldtype"), _text(each, "fieldtype").lower())
            for each in fields
        },
        mandatory=tuple(mandatory),
        restricted=_text(root, "accesstype") != "NONENEEDED",
        roles={
            _reference(_text(each, "permittedrole")): _text(each, "permittedlevel")
            for each in root.iter("permission")
        },
    )


def _role(root: ET.Element) -> Role:
    return Role(
        _id(root),
        {_reference(_text(each, "permkey")): _text(each, "permlevel") for each in root.iter("permission")},
    )


def _id(element: ET.Element) -> str:
    return element.get("scriptid", "")


def _text(element: ET.Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


def _reference(text: str) -> str:
    """The id in ``[scriptid=customrecord_…]``, or the text itself."""
    return text.removeprefix("[scriptid=").removesuffix("]")
