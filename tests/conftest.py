"""For all tests: what is quick comes first, so that what is broken shows early."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the plain tests before those that drive a whole line, and these before those that start a
    scheduler.
    """
    items.sort(
        key=lambda item: (bool(item.get_closest_marker("scheduler")), bool(item.get_closest_marker("line")))
    )
