"""An Airflow home of its own for tests that need one, with a migrated database."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_HOME = tempfile.mkdtemp(prefix="airflow-test-")
_DAGS = Path(__file__).resolve().parents[2] / "dags"

# Airflow reads its settings when it is first imported, so they stand here and not in a fixture.
os.environ["AIRFLOW_HOME"] = _HOME
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(_DAGS)
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"
