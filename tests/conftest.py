"""For all tests: what is quick comes first, so that what is broken shows early, and one Airflow database."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from airflow_process import migrated

# How long an example takes says more of the machine than of the code.
settings.register_profile("project", deadline=None)
settings.load_profile("project")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores, since much of the time goes by in waiting for a server or a scheduler;
    four at most.
    """
    return min((os.cpu_count() or 1) + 1, 4)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the plain tests before those that drive a whole line, and these before those that start a
    scheduler.
    """
    items.sort(
        key=lambda item: (bool(item.get_closest_marker("scheduler")), bool(item.get_closest_marker("line")))
    )


@pytest.fixture(scope="session")
def airflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database of Airflow: use a copy of it (``airflow_process.new_home``)."""
    return migrated(tmp_path_factory.mktemp("airflow"))
