"""The account as a command, and the SuiteCloud project that it runs."""

from __future__ import annotations

import json
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import requests
from nscalls import post

from netsuite_connector.sandbox.netsuite.suitecloud import DEFAULT_PROJECT, Kind, ProjectError, read_project
from netsuite_connector.sandbox.netsuite.testing import running_sandbox

COMMAND = [sys.executable, "-m", "netsuite_connector.sandbox.netsuite", "--port", "0"]
SMALL = ["--customers", "20", "--items", "10", "--orders", "10"]


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=60, check=False)


def test_it_says_where_it_is_and_nothing_else_and_ends_when_asked() -> None:
    with subprocess.Popen(
        [*COMMAND, *SMALL], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert re.fullmatch(r"Sandbox NetSuite account 1234567_SB1 ready at http://127\.0\.0\.1:\d+\n", line)
        url = line.split()[-1]
        assert requests.get(url, timeout=10).json()["account"] == "1234567_SB1"
        assert requests.get(f"{url}/sandbox/state", timeout=10).json()["records"]["customer"] == 20
        process.terminate()
        rest, errors = process.communicate(timeout=10)
    assert (process.returncode, rest, errors) == (0, "", "")


def test_credentials_are_kept_for_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "netsuite.json"
    with running_sandbox("--credentials", str(file)) as first:
        kept = json.loads(file.read_text())
        assert kept["url"] == first.url
        assert kept["token_url"] == first.token_url
        assert Path(kept["private_key_file"]).read_text() == kept["private_key"]
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    with running_sandbox("--credentials", str(file)) as again:
        assert again.credentials == first.credentials
        assert post(again).status_code == 200
    assert kept["consumer_secret"] not in repr(again.credentials)


@pytest.mark.parametrize("text", ["{}", "no json", '{"account": "1"}'])
def test_a_credentials_file_of_something_else_is_not_overwritten(tmp_path: Path, text: str) -> None:
    file = tmp_path / "netsuite.json"
    file.write_text(text)
    ended = run(*SMALL, "--credentials", str(file))
    assert ended.returncode == 1
    assert "remove it" in ended.stderr
    assert file.read_text() == text


def test_another_account_needs_other_credentials(tmp_path: Path) -> None:
    file = tmp_path / "netsuite.json"
    with running_sandbox("--credentials", str(file)):
        pass
    ended = run(*SMALL, "--credentials", str(file), "--account", "7654321")
    assert ended.returncode == 1
    assert "--account 1234567_SB1" in ended.stderr


def test_a_busy_port_is_told_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("--port", str(port))
    assert ended.returncode == 1
    assert str(port) in ended.stderr
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--timezone", "Mars/Olympus"], "Mars/Olympus"),
        (["--suitecloud", "/nowhere"], "--suitecloud"),
        (["--csv", "/nowhere"], "/nowhere"),
    ],
)
def test_what_can_not_start_says_why(options: list[str], word: str) -> None:
    ended = run(*SMALL, *options)
    assert ended.returncode == 1
    assert word in ended.stderr
    assert "Traceback" not in ended.stderr


# ---- the project ------------------------------------------------------------------------------------------


def test_the_project_deploys_what_it_holds() -> None:
    source = DEFAULT_PROJECT / "src"
    manifest = ET.parse(source / "manifest.xml").getroot()
    assert manifest.get("projecttype") == "ACCOUNTCUSTOMIZATION"
    assert "SERVERSIDESCRIPTING" in {each.text for each in manifest.iter("feature")}
    paths = [path.text or "" for path in ET.parse(source / "deploy.xml").getroot().iter("path")]
    deployed = {file for path in paths for file in source.glob(path.removeprefix("~/"))}
    kinds = ("FileCabinet", "Objects")
    assert deployed == {file for kind in kinds for file in (source / kind).rglob("*") if file.is_file()}
    assert all(len(file.stem) <= 40 for file in deployed)


def test_the_restlet_is_released_under_its_name() -> None:
    project = read_project(DEFAULT_PROJECT)
    (restlet,) = (each for each in project.deployments if each.kind is Kind.RESTLET)
    assert (restlet.script, restlet.deployment) == ("customscript_nsk_restlet", "customdeploy_nsk_restlet")
    assert restlet.released
    assert restlet.path == "/SuiteScripts/nsk/restlet.js"


def test_scripts_declare_their_version_and_load_only_what_netsuite_has() -> None:
    modules = {"N/error", "N/file", "N/format", "N/log", "N/record", "N/runtime", "N/search"}
    scripts = {
        path: text for path, text in read_project(DEFAULT_PROJECT).files.items() if path.endswith(".js")
    }
    for path, text in scripts.items():
        assert "@NApiVersion 2.1" in text, path
        named = set(re.findall(r"'(N/\w+)'", text))
        assert named <= modules, path
        assert not re.search(r"(?<!\.)\b(fetch|require|process|console|setTimeout|Intl)\b\s*[.(]", text), path


def test_a_project_with_a_mistake_is_refused(tmp_path: Path) -> None:
    objects = tmp_path / "src" / "Objects"
    objects.mkdir(parents=True)
    original = (DEFAULT_PROJECT / "src" / "Objects" / "customscript_nsk_restlet.xml").read_text()
    file = objects / "customscript_nsk_restlet.xml"
    file.write_text(original)
    with pytest.raises(ProjectError, match=r"restlet\.js"):
        read_project(tmp_path)
    file.write_text(original.replace("</restlet>", ""))
    with pytest.raises(ProjectError, match="well-formed"):
        read_project(tmp_path)


def test_a_deployment_in_testing_is_not_for_outsiders(tmp_path: Path) -> None:
    source = tmp_path / "src"
    (source / "Objects").mkdir(parents=True)
    cabinet = source / "FileCabinet" / "SuiteScripts" / "nsk"
    cabinet.mkdir(parents=True)
    (cabinet / "restlet.js").write_text("define([], () => ({ post: () => ({}) }));")
    original = (DEFAULT_PROJECT / "src" / "Objects" / "customscript_nsk_restlet.xml").read_text()
    (source / "Objects" / "customscript_nsk_restlet.xml").write_text(original.replace("RELEASED", "TESTING"))
    with running_sandbox("--suitecloud", str(tmp_path)) as account:
        answer = post(account)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "SSS_INVALID_SCRIPTLET_ID")
