"""Who may import whom (docs/architecture.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "include" / "netsuite_connector"

# A room may import itself, the small shared types, and what stands here.
SHARED = {"column_type", "errors", "web_address", "window"}
MAY_IMPORT: dict[str, set[str]] = {
    "netsuite": set(),
    "klaviyo": set(),
    "domains": set(),
    "staging": set(),
    "stores": set(),
    "quality": {"domains", "staging"},
    "flows": {"netsuite", "klaviyo", "domains", "staging", "quality", "stores"},
    "checks": {"flows", "netsuite", "klaviyo", "domains", "quality", "stores"},
    "airflow": {"checks", "flows", "netsuite", "klaviyo", "domains", "staging", "quality", "stores"},
    "commands": {
        *("airflow", "checks", "flows", "netsuite", "klaviyo", "domains", "staging", "quality", "stores"),
    },
    # Of the commands only their masking: see below.
    "dashboard": {"airflow", "commands", "flows", "staging", "stores"},
    "sandbox": set(),
    "demo": {"sandbox"},
}
NOTHING_OF_THE_PRODUCT = {"sandbox", "demo"}
MAY_IMPORT_AIRFLOW = {"airflow", "dashboard"}


def imports(file: Path) -> set[str]:
    """The absolute names of all modules that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively: write the whole name"
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rooms() -> list[str]:
    return sorted(path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__")


def test_every_room_has_its_rule() -> None:
    assert set(rooms()) == set(MAY_IMPORT)


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_what_it_may(room: str) -> None:
    shared = set() if room in NOTHING_OF_THE_PRODUCT else SHARED
    allowed = {room} | MAY_IMPORT[room] | shared
    for file in (PACKAGE / room).rglob("*.py"):
        for name in imports(file):
            if name.startswith("netsuite_connector."):
                other = name.split(".")[1]
                assert other in allowed, f"{file.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("room", sorted(set(MAY_IMPORT) - MAY_IMPORT_AIRFLOW))
def test_only_rooms_inside_airflow_import_airflow(room: str) -> None:
    for file in (PACKAGE / room).rglob("*.py"):
        assert not any(name.split(".")[0] == "airflow" for name in imports(file)), file


def test_the_dashboard_takes_only_the_masking_from_the_commands() -> None:
    for file in (PACKAGE / "dashboard").rglob("*.py"):
        taken = {name for name in imports(file) if name.startswith("netsuite_connector.commands")}
        assert all(name.startswith("netsuite_connector.commands.masking") for name in taken), file


def test_plugins_are_shims() -> None:
    for file in (ROOT / "plugins").rglob("*.py"):
        roots = {".".join(name.split(".")[:2]) for name in imports(file)}
        assert roots <= {"__future__.annotations", "__future__", "netsuite_connector.dashboard"}, file


def test_shared_types_import_nothing_but_each_other() -> None:
    for name in SHARED:
        for imported in imports(PACKAGE / f"{name}.py"):
            if imported.startswith("netsuite_connector."):
                assert imported.split(".")[1] in SHARED, f"{name}.py imports {imported}"


def test_dag_files_import_the_airflow_room_and_nothing_heavy() -> None:
    for file in (ROOT / "dags").rglob("*.py"):
        for name in imports(file):
            root = name.split(".")[0]
            assert root in {"__future__", "airflow", "netsuite_connector"}, f"{file.name} imports {name}"
            if root == "netsuite_connector":
                assert name.split(".")[1] == "airflow", f"{file.name} imports {name}"
