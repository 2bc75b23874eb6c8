"""What a user installs, and the Docker stack: pinned, whole, and without secrets."""

from __future__ import annotations

import inspect
import re
import shutil
import stat
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from airflow_process import in_airflow
from netsuite_connector.demo import environment

ROOT = Path(__file__).resolve().parent.parent
COMPOSE_TEXT = (ROOT / "docker-compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
ENV_EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
DEMANDED = set(re.findall(r"\$\{(\w+):\?", COMPOSE_TEXT))


def requirements(name: str) -> list[Requirement]:
    lines = (
        line.partition("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines()
    )
    return [Requirement(line) for line in lines if line]


def is_set(name: str) -> bool:
    return re.search(rf"^{name}=", ENV_EXAMPLE, re.MULTILINE) is not None


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-docker.txt"])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_every_requirement_is_pinned_once_on_every_python(name: str, python: str) -> None:
    environment = {"python_version": python, "python_full_version": f"{python}.4"}
    pins: dict[str, list[str]] = {}
    for pin in requirements("constraints.txt"):
        assert str(pin.specifier).startswith("=="), f"{pin} is no pin"
        if pin.marker is None or pin.marker.evaluate(environment):
            pins.setdefault(pin.name, []).append(str(pin.specifier).removeprefix("=="))
    for wanted in requirements(name):
        found = pins.get(wanted.name.lower(), [])
        assert len(found) == 1, f"{wanted.name}: run `make lock`"
        assert wanted.specifier.contains(found[0]), f"{wanted} is not met by {found[0]}: run `make lock`"


def test_airflow_finds_the_connection_types() -> None:
    """Airflow asks every installed package's entry point; without it the connection form does not know our
    types.
    """
    (found,) = (
        entry
        for entry in entry_points(group="apache_airflow_provider")
        if entry.module.startswith("netsuite_connector")
    )
    types = {entry["connection-type"] for entry in found.load()()["connection-types"]}
    assert types == {"netsuite", "klaviyo"}


def test_the_image_has_the_airflow_that_is_required() -> None:
    (airflow,) = (wanted for wanted in requirements("requirements.txt") if wanted.name == "apache-airflow")
    version = str(airflow.specifier).removeprefix("==")
    (image,) = re.findall(
        r"^FROM apache/airflow:(\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert re.fullmatch(rf"slim-{re.escape(version)}-python3\.1[123]", image)


def test_what_the_image_copies_is_not_ignored() -> None:
    allowed = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    copied = re.findall(
        r"^COPY --chown=\S+ (.+) \S+$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE
    )
    names = {name for line in copied for name in line.split()}
    assert names == allowed
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_the_stack_is_complete() -> None:
    always = {name for name, service in COMPOSE["services"].items() if "profiles" not in service}
    airflow = {"apiserver", "scheduler", "dag-processor", "triggerer", "worker", "init"}
    assert always == {"postgres", "redis"} | {f"airflow-{name}" for name in airflow}
    profiles = {
        name: service.get("profiles")
        for name, service in COMPOSE["services"].items()
        if "profiles" in service
    }
    sandbox = ("sandbox-netsuite", "sandbox-klaviyo", "sandbox-connections")
    assert profiles == {"airflow-cli": ["cli"]} | {name: ["sandbox"] for name in sandbox}


def test_what_stays_up_has_a_health_check() -> None:
    staying = [name for name, service in COMPOSE["services"].items() if service["restart"] != "no"]
    assert [name for name in staying if "healthcheck" not in COMPOSE["services"][name]] == []


def test_services_depend_on_services_that_are_there() -> None:
    for name, service in COMPOSE["services"].items():
        for other, how in service.get("depends_on", {}).items():
            assert other in COMPOSE["services"], f"{name} depends on {other}"
            if how["condition"] == "service_healthy":
                assert "healthcheck" in COMPOSE["services"][other], f"{name} waits for {other}"
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or source.startswith("./"), f"{name}: {volume}"


def test_every_secret_is_demanded_and_explained() -> None:
    secrets = {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "AIRFLOW_FERNET_KEY", "AIRFLOW_JWT_SECRET"}
    secrets |= {"AIRFLOW_API_SECRET_KEY", "AIRFLOW_ADMIN_PASSWORD"}
    assert secrets == DEMANDED
    for name in secrets:
        assert is_set(name), name
        assert re.search(rf"^#.+\n{name}=$", ENV_EXAMPLE, re.MULTILINE), (
            f"{name} must be explained, and have no value"
        )
    optional = set(re.findall(r"(?<!\$)\$\{(\w+):-", COMPOSE_TEXT))
    assert [name for name in optional if f"# {name}=" not in ENV_EXAMPLE] == []


def test_airflow_is_told_the_names_of_what_it_must_mask(tmp_path: Path) -> None:
    """The same with Docker, in the demo and in the README; what people type goes into the audit log."""
    names = COMPOSE["x-airflow"]["environment"]["AIRFLOW__CORE__SENSITIVE_VAR_CONN_NAMES"]
    assert f"`{names}`" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert f'"SENSITIVE_VAR_CONN_NAMES": "{names}"' in inspect.getsource(environment)
    code = """
import json
import airflow.settings
from airflow._shared.secrets_masker import redact
typed = {"conf": {"emails": ["jane@shop.example"], "reason": "T-1"}, "limiter": "redis://:p@h", "slots": "redis://:p@h"}
print("answer: " + json.dumps(redact(typed)))
"""
    shown, _ = in_airflow(code, tmp_path, AIRFLOW__CORE__SENSITIVE_VAR_CONN_NAMES=names)
    assert shown == {"conf": {"emails": ["***"], "reason": "T-1"}, "limiter": "***", "slots": "***"}


def test_no_secret_stands_in_the_compose_file() -> None:
    def settings(found: object) -> list[tuple[str, str]]:
        if isinstance(found, dict):
            here = [(str(key), value) for key, value in found.items() if isinstance(value, str)]
            return here + [pair for value in found.values() for pair in settings(value)]
        return [pair for value in found for pair in settings(value)] if isinstance(found, list) else []

    for name, value in settings(COMPOSE):
        if re.search(r"PASSWORD|SECRET|FERNET|REDISCLI_AUTH", name):
            assert re.fullmatch(r"\$\{\w+:\?.+\}", value), f"{name} is not demanded from .env"
        for password in re.findall(r"://[a-z]*:(.*)@", value):
            assert re.fullmatch(r"\$\{\w+:\?.+\}", password), f"{name} holds a password"


def test_ports_are_open_to_this_machine_only() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what tools/env.py reads."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "env.py", tmp_path / "tools")
    shutil.copy(ROOT / ".env.example", tmp_path)
    return tmp_path


def test_env_has_a_secret_of_its_own_for_each(checkout: Path) -> None:
    command = [sys.executable, "tools/env.py"]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)
    written = checkout / ".env"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    values = dict(
        line.split("=", 1) for line in written.read_text().splitlines() if not line.startswith("#") and line
    )
    assert values.keys() == DEMANDED
    assert len(set(values.values())) == len(values)
    assert all(len(value) >= 24 for value in values.values())
    assert re.fullmatch(r"[\w-]+", values["POSTGRES_PASSWORD"] + values["REDIS_PASSWORD"]), (
        "they become parts of URLs"
    )
    from cryptography.fernet import Fernet

    Fernet(values["AIRFLOW_FERNET_KEY"])
    again = subprocess.run(command, cwd=checkout, check=False, capture_output=True, text=True)
    assert again.returncode == 1
    assert "left as it is" in again.stderr
    assert values["AIRFLOW_JWT_SECRET"] in written.read_text()


def test_docker_compose_accepts_the_file(checkout: Path) -> None:
    try:
        subprocess.run(["docker", "compose", "version"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("docker compose is not on this machine")
    shutil.copy(ROOT / "docker-compose.yaml", checkout)
    command = ["docker", "compose", "--profile", "sandbox", "--profile", "cli", "config", "--quiet"]
    refused = subprocess.run(command, cwd=checkout, check=False, capture_output=True, text=True)
    assert refused.returncode
    assert 'run "make env"' in refused.stderr
    subprocess.run([sys.executable, "tools/env.py"], cwd=checkout, check=True, capture_output=True)
    subprocess.run(command, cwd=checkout, check=True)


def test_make_help_explains_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    told = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert set(re.findall(r"^  ([a-z-]+)  +\S", told, re.MULTILINE)) == set(phony.split())


def test_the_sandbox_accounts_understand_their_commands() -> None:
    from netsuite_connector.sandbox.klaviyo.__main__ import parser as klaviyo
    from netsuite_connector.sandbox.netsuite.__main__ import parser as netsuite

    for name, parser in (("netsuite", netsuite), ("klaviyo", klaviyo)):
        command = COMPOSE["services"][f"sandbox-{name}"]["command"]
        assert command[:3] == ["python", "-m", f"netsuite_connector.sandbox.{name}"]
        parser().parse_args(command[3:])


def test_the_readme_names_what_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", readme, re.MULTILINE))
    assert len(named) > 5
    assert named - targets == set()
    links = re.findall(r"\]\((?!http)([^)#]+)", readme)
    assert [link for link in links if not (ROOT / link).exists()] == []
