"""The environment that the demo's processes run in: Airflow's settings and the two connections."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from netsuite_connector.demo.connections import connections as sandbox_connections
from netsuite_connector.demo.options import Options, Places
from netsuite_connector.demo.secrets import USER, Secrets

# The sandbox Klaviyo account allows this many times what the real one would, so that the demo shows flows
# and not waiting.
LIMITS_SCALE = 10


def base(places: Places) -> dict[str, str]:
    """The caller's environment without what would lead Python or Airflow elsewhere."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "NETSUITE_CONNECTOR_", "PYTHON")) and name != "HOME"
    }
    here = "127.0.0.1,localhost"
    return kept | {
        # Libraries keep small files at home; the demo must also work where there is none, and leave nothing
        # there.
        "HOME": str(places.state),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        # A company's proxy must not get to see calls within this machine.
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), here])),
        "no_proxy": ",".join(filter(None, [os.environ.get("no_proxy"), here])),
        "PYTHONUNBUFFERED": "1",
        "DO_NOT_TRACK": "1",
        "SCARF_ANALYTICS": "false",
        "GX_ANALYTICS_ENABLED": "false",
    }


def airflow(places: Places, options: Options, secrets: Secrets) -> dict[str, str]:
    """Airflow on SQLite, listening on this machine only, with a few workers of the LocalExecutor."""
    settings: Mapping[str, Mapping[str, object]] = {
        "CORE": {
            "DAGS_FOLDER": places.root / "dags",
            "PLUGINS_FOLDER": places.root / "plugins",
            "LOAD_EXAMPLES": False,
            "EXECUTOR": "LocalExecutor",
            "PARALLELISM": 4,
            "FERNET_KEY": secrets.fernet,
            "EXECUTION_API_SERVER_URL": f"{options.ui_url}/execution/",
            "SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": places.passwords,
            # Airflow masks secrets by their names; these are not on its list.
            "SENSITIVE_VAR_CONN_NAMES": "consumer_key,emails,limiter,slots",
            "TEST_CONNECTION": "Enabled",
            # The default asks the DNS for this machine's full name, which may take long or fail.
            "HOSTNAME_CALLABLE": "socket.gethostname",
        },
        "API": {
            "HOST": "127.0.0.1",
            "PORT": options.ui_port,
            "WORKERS": 1,
            "BASE_URL": options.ui_url,
            "SECRET_KEY": secrets.session,
        },
        "API_AUTH": {"JWT_SECRET": secrets.jwt},
        "DATABASE": {"SQL_ALCHEMY_CONN": f"sqlite:///{places.airflow / 'airflow.db'}"},
        # No runs by schedule: the demo starts its own, and a second one at the same time would blur its
        # numbers.
        "SCHEDULER": {"SCHEDULER_IDLE_SLEEP_TIME": 0.2, "USE_JOB_SCHEDULE": False},
        "DAG_PROCESSOR": {"REFRESH_INTERVAL": 30, "MIN_FILE_PROCESS_INTERVAL": 30},
        "USAGE_DATA_COLLECTION": {"ENABLED": False},
    }
    return base(places) | {
        "AIRFLOW_HOME": str(places.airflow),
        "NETSUITE_CONNECTOR_STAGING": f"file://{places.staging}",
        "NETSUITE_CONNECTOR_STORES": str(places.root / "include" / "stores"),
        **{
            f"AIRFLOW__{section}__{name}": str(value)
            for section, values in settings.items()
            for name, value in values.items()
        },
    }


def write(file: Path, settings: Mapping[str, str]) -> None:
    """Write the surroundings that the demo gives to Airflow as a file for a shell to read (``. FILE``), so
    that commands of this checkout find the demo's Airflow and connections.

    The file does nothing once the demo has ended, however it ended. Its owner alone may read it.
    """
    lines = [
        "# The running demo's surroundings; `make check` reads them.",
        f"kill -0 {os.getpid()} 2>/dev/null || return 0",
    ]
    lines += [
        f"export {name}={shlex.quote(value)}"
        for name, value in sorted(settings.items())
        if name.startswith(("AIRFLOW", "NETSUITE_CONNECTOR_")) or name in {"NO_PROXY", "no_proxy"}
    ]
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")


def connections(options: Options, places: Places) -> dict[str, str]:
    """The connections of the demo store, as the environment variables that Airflow reads connections from."""
    found = sandbox_connections(places.state, options.netsuite_url, options.klaviyo_url, LIMITS_SCALE)
    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(connection) for name, connection in found.items()}
