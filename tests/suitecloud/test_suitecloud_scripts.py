"""The scripts are ones that NetSuite loads: syntax, tags, imports and entry points."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from py_mini_racer import MiniRacer
from suitecloud_project import SCRIPTS

FILES = sorted(SCRIPTS.glob("*.js"))
ENTRY_POINTS = {
    "Restlet": {"post"},
    "Suitelet": {"onRequest"},
    "UserEventScript": {"afterSubmit"},
    "MapReduceScript": {"getInputData", "map", "summarize"},
}
# What a browser or Node has and NetSuite has not.
ABSENT = re.compile(
    r"\b(URLSearchParams|localStorage|setTimeout|console\.|process\.)|(?<![.\w])(fetch|require)\("
)


@pytest.fixture(scope="module")
def v8() -> Iterator[MiniRacer]:
    racer = MiniRacer()
    yield racer
    racer.close()


def source(name: str) -> str:
    return (SCRIPTS / name).read_text(encoding="utf-8")


def imports(text: str) -> list[str]:
    listed = re.search(r"define\(\[(.*?)\]", text, re.DOTALL)
    assert listed is not None
    return re.findall(r"'([^']+)'", listed[1])


@pytest.mark.parametrize("name", [path.name for path in FILES])
def test_a_script_is_well_formed(name: str, v8: MiniRacer) -> None:
    # Throws a syntax error for a script that is not.
    assert v8.eval(f"typeof new Function('define', {json.dumps(source(name))})") == "function"


@pytest.mark.parametrize("name", [path.name for path in FILES])
def test_a_script_says_its_version_and_scope(name: str) -> None:
    text = source(name)
    assert " * @NApiVersion 2.1\n" in text
    assert " * @NModuleScope SameAccount\n" in text
    assert ("@NScriptType" in text) is not name.startswith("lib_")


@pytest.mark.parametrize("name", [path.name for path in FILES])
def test_what_a_script_asks_for_is_there_and_used(name: str) -> None:
    text = source(name)
    parameters = re.search(r"define\(\[.*?\],\s*\((.*?)\) => \{", text, re.DOTALL)
    assert parameters is not None
    names = [each.strip() for each in parameters[1].split(",") if each.strip()]
    wanted = imports(text)
    assert len(names) == len(wanted)
    for module, parameter in zip(wanted, names, strict=True):
        assert module.startswith("N/") or (SCRIPTS / f"{module.removeprefix('./')}.js").is_file(), module
        assert re.search(rf"\b{parameter}\.", text.split("=> {", 1)[1]), f"{module} is not used"


@pytest.mark.parametrize("name", [path.name for path in FILES if not path.name.startswith("lib_")])
def test_a_script_has_the_entry_points_of_its_type(name: str, v8: MiniRacer) -> None:
    text = source(name)
    kind = re.search(r"@NScriptType (\w+)", text)
    assert kind is not None
    # NetSuite's modules can't be used while a script is loaded, so loading must do without them.
    load = """(text) => {
        let made;
        const define = (names, make) => {
            made = make(...names.map((name) => (name.startsWith('N/') ? undefined : {})));
        };
        new Function('define', text)(define);
        return JSON.stringify(Object.keys(made));
    }"""
    found = json.loads(str(v8.eval(f"({load})({json.dumps(text)})")))
    assert set(found) == ENTRY_POINTS[kind[1]]


@pytest.mark.parametrize("name", [path.name for path in FILES])
def test_a_script_does_without_what_netsuite_lacks(name: str) -> None:
    text = source(name)
    assert ABSENT.search(text) is None
