"""A seed under the real Airflow, whose scheduler, triggerer and task processes are killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos import stack

pytestmark = pytest.mark.scheduler


def test_a_seed_survives_kills_of_scheduler_triggerer_and_tasks(tmp_path: Path) -> None:
    outcome = stack.run(1, tmp_path, 60.0)
    assert outcome.problems == []
    assert outcome.record.kills.total() > 0
    assert outcome.faults.total() > 0
