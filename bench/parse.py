"""How long it takes to parse all DAG files, in a process that has Airflow imported already, as the
dag-processor has.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console

_SCRIPT = """
import json, sys, time
import airflow.sdk
from airflow.dag_processing.dagbag import DagBag
began = time.perf_counter()
bag = DagBag(sys.argv[1])
seconds = time.perf_counter() - began
heavy = [name for name in ("great_expectations", "pandas", "pyarrow", "numpy", "phonenumbers") if name in
sys.modules]
print(json.dumps({"seconds": seconds, "dags": sorted(bag.dags), "heavy": heavy, "errors":
len(bag.import_errors)}))
"""


def show(console: Console) -> None:
    """Print the time, and what heavy modules were imported."""
    dags = Path(__file__).resolve().parents[1] / "dags"
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        done = subprocess.run(
            [sys.executable, "-c", _SCRIPT, str(dags)],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
            timeout=120,
        )
    result = json.loads(done.stdout.splitlines()[-1])
    console.print(
        f"Parsing all DAG files ({', '.join(result['dags'])}): {result['seconds']:.2f} s; "
        f"heavy modules imported: {', '.join(result['heavy']) or 'none'}; errors: {result['errors']}"
    )
