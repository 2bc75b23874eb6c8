from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from netsuite_connector.staging.staging import Staging


@pytest.fixture(params=["folder", "memory"])
def staging(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Staging]:
    """A staging area on the disk, and one on a filesystem that puts whole objects."""
    yield Staging(str(tmp_path / "staging") if request.param == "folder" else "memory://staging")
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "staging"


@pytest.fixture
def disk(folder: Path) -> Staging:
    return Staging(str(folder))
