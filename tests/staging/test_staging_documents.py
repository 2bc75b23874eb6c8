"""Small JSON documents."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from netsuite_connector.errors import MendError
from netsuite_connector.staging.staging import Staging


def test_documents_come_back_and_are_replaced(staging: Staging) -> None:
    path = ("demo", "customers", "2026-11-20T10:00:00Z", "push.json")
    assert staging.read_json(path) is None
    assert not staging.exists(path)
    staging.write_json(path, {"sent": 3, "jobs": ["a", "b"], "done": False})
    staging.write_json(path, {"sent": 4, "jobs": [], "done": None})
    assert staging.read_json(path) == {"sent": 4, "jobs": [], "done": None}
    assert staging.read_json("demo/customers/2026-11-20T10:00:00Z/push.json") == staging.read_json(path)
    assert staging.exists(path)


def test_folders_are_listed_in_order(staging: Staging) -> None:
    for name in ("b.json", "a.json", "c"):
        staging.write_json(("demo", "reports", name), {})
    assert staging.list(("demo", "reports")) == ["a.json", "b.json", "c"]
    assert staging.list("demo") == ["reports"]
    assert staging.list() == ["demo"]
    assert staging.list("demo/nothing") == []
    assert staging.exists("demo/reports")


def test_a_new_folder_is_for_its_user_and_group(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        Staging(str(tmp_path / "some" / "staging")).write_json("demo/report.json", {})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "some" / "staging").stat().st_mode) == 0o750


def test_a_folder_that_is_there_stays_as_open_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    Staging(str(tmp_path)).write_json("demo/report.json", {})
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_damaged_document_is_named(disk: Staging, folder: Path) -> None:
    disk.write_json("demo/push.json", {"sent": 3})
    (folder / "demo" / "push.json").write_text('{"sent": ')
    with pytest.raises(MendError, match=r"demo/push\.json is damaged"):
        disk.read_json("demo/push.json")


def test_a_document_that_json_cannot_hold_leaves_the_old_one(staging: Staging) -> None:
    staging.write_json("push.json", {"sent": 1})
    with pytest.raises(TypeError):
        staging.write_json("push.json", {"sent": object()})
    assert staging.read_json("push.json") == {"sent": 1}
