"""Small SuiteCloud projects for tests, made in a folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from netsuite_connector.sandbox.netsuite.engine import Engine, ScriptAnswer
from netsuite_connector.sandbox.netsuite.suitecloud import Kind, Project, read_project

RESTLET = "customscript_own"
DEPLOYED = "<isdeployed>T</isdeployed><status>RELEASED</status>"


@dataclass
class Made:
    """A project in ``folder``; each script's file is named after its id."""

    folder: Path
    restlet: str = "define([], () => ({ post: () => ({}) }));"
    files: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.script("restlet", RESTLET, self.restlet)

    def write(self, path: str, text: str) -> None:
        """Put a file into the File Cabinet's SuiteScripts/own."""
        file = self.folder / "src" / "FileCabinet" / "SuiteScripts" / "own" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def script(
        self, kind: str, name: str, source: str, deployments: tuple[str, ...] = (DEPLOYED,), more: str = ""
    ) -> None:
        """Add a script with so many deployments."""
        self.write(f"{name}.js", source)
        deployed = "".join(
            f'<scriptdeployment scriptid="customdeploy{number}">{each}</scriptdeployment>'
            for number, each in enumerate(deployments, start=1)
        )
        self.thing(
            kind,
            name,
            f"<scriptfile>[/SuiteScripts/own/{name}.js]</scriptfile>{more}"
            f"<scriptdeployments>{deployed}</scriptdeployments>",
        )

    def thing(self, tag: str, name: str, inner: str) -> None:
        """Add an object."""
        objects = self.folder / "src" / "Objects"
        objects.mkdir(parents=True, exist_ok=True)
        (objects / f"{name}.xml").write_text(f'<{tag} scriptid="{name}">{inner}</{tag}>')

    def user_event(self, source: str, *deployments: str) -> None:
        """Add the user event ``customscript_ue`` with an afterSubmit of this body over N/record, N/runtime,
        N/search and N/log.
        """
        body = (
            "define(['N/record', 'N/runtime', 'N/search', 'N/log'], (record, runtime, search, log) => ({"
            f" afterSubmit: (context) => {{ {source} }} }}));"
        )
        wanted = tuple(f"{DEPLOYED}{each}" for each in deployments)
        self.script("usereventscript", "customscript_ue", body, wanted)

    def notes(self) -> None:
        """Add the custom record type ``customrecord_note``: a text, a number, a check box and a moment."""
        kinds = {"text": "TEXT", "count": "INTEGER", "done": "CHECKBOX", "when": "DATETIMETZ"}
        fields = "".join(
            f'<customrecordcustomfield scriptid="custrecord_{name}"><fieldtype>{kind}</fieldtype>'
            f"<ismandatory>{'T' if name == 'text' else 'F'}</ismandatory></customrecordcustomfield>"
            for name, kind in kinds.items()
        )
        self.thing(
            "customrecordtype",
            "customrecord_note",
            "<accesstype>NONENEEDED</accesstype><includename>F</includename>"
            f"<customrecordcustomfields>{fields}</customrecordcustomfields>",
        )

    def read(self) -> Project:
        """The project as the account reads it."""
        return read_project(self.folder)


def post(engine: Engine, project: Project, value: object = None) -> ScriptAnswer:
    """Run the project's RESTlet."""
    (deployment,) = (each for each in project.deployments if each.kind is Kind.RESTLET)
    return engine.run(deployment, "post", value)


def answered(answer: ScriptAnswer) -> object:
    """What a RESTlet gave."""
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def refused(answer: ScriptAnswer) -> str:
    """The code of the error that a RESTlet ended with."""
    assert answer.status == 400, answer.body
    return str(json.loads(answer.body)["error"]["code"])
