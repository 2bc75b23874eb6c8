"""Reads a SuiteCloud project: which scripts are deployed, and the files of its File Cabinet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

# include/netsuite_connector/sandbox/netsuite/suitecloud.py -> include/suitecloud
DEFAULT_PROJECT = Path(__file__).resolve().parents[3] / "suitecloud"


class ProjectError(Exception):
    """The SuiteCloud project can't be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployed RESTlet: ``script`` and ``deployment`` as ids and as the numbers an account gives them,
    ``path`` in the File Cabinet.
    """

    script: str
    script_number: int
    deployment: str
    deployment_number: int
    path: str
    released: bool


@dataclass(frozen=True, slots=True)
class Project:
    """RESTlet deployments and File Cabinet sources (path -> text)."""

    deployments: tuple[Deployment, ...]
    files: dict[str, str]

    def find(self, script: str, deployment: str) -> Deployment | None:
        """The deployment that a RESTlet URL names, by ids or by numbers; None when there is none that
        outsiders may call.
        """
        for each in self.deployments:
            named = script in (each.script, str(each.script_number))
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
        for path in sorted(cabinet.rglob("*.js"))
    }
    deployments: list[Deployment] = []
    for number, path in enumerate(sorted((folder / "src" / "Objects").glob("*.xml")), start=1001):
        try:
            # The project's own files, not input from outside.
            root = ET.parse(path).getroot()  # noqa: S314
        except ET.ParseError as error:
            raise ProjectError(f"{path} is no well-formed XML: {error}") from error
        if root.tag == "restlet":
            deployments.extend(_deployments(root, number, path))
    for each in deployments:
        if each.path not in files:
            raise ProjectError(f"{each.script} names {each.path}, which is not in {cabinet}")
    if not deployments:
        raise ProjectError(
            f"{folder} holds no SuiteCloud project with a RESTlet; name another with --suitecloud"
        )
    return Project(tuple(deployments), files)


def _deployments(root: ET.Element, number: int, path: Path) -> list[Deployment]:
    script = root.get("scriptid", "")
    if script != path.stem:
        raise ProjectError(f"{path} must be named after its scriptid, {script}")
    file = root.findtext("scriptfile", "").strip("[] \n")
    return [
        Deployment(
            script=script,
            script_number=number,
            deployment=each.get("scriptid", ""),
            deployment_number=position,
            path=file,
            released=each.findtext("isdeployed") == "T" and each.findtext("status") == "RELEASED",
        )
        for position, each in enumerate(root.iter("scriptdeployment"), start=1)
    ]
