"""The Airflow connections of the demo store, which lead to the sandbox accounts.

``python -m netsuite_connector.demo.connections FOLDER NETSUITE_URL KLAVIYO_URL`` prints them for
``airflow connections import``; FOLDER holds what the two accounts have written about their credentials.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson

NETSUITE_CREDENTIALS = "netsuite.json"
KLAVIYO_KEYS = "klaviyo-keys.json"


def connections(
    folder: Path, netsuite_url: str, klaviyo_url: str, limits_scale: int
) -> dict[str, dict[str, Any]]:
    """Both connections by id. ``limits_scale``: how many times the published limits the sandbox Klaviyo
    account allows.
    """
    netsuite = orjson.loads((folder / NETSUITE_CREDENTIALS).read_bytes())
    klaviyo = orjson.loads((folder / KLAVIYO_KEYS).read_bytes())
    return {
        "netsuite_demo": {
            "conn_type": "netsuite",
            "host": netsuite_url,
            "extra": {
                "account": netsuite["account"],
                "suitetalk_url": netsuite_url,
                "auth": "oauth2",
                "client_id": netsuite["client_id"],
                "certificate_id": netsuite["certificate_id"],
                "private_key": netsuite["private_key"],
            },
        },
        "klaviyo_demo": {
            "conn_type": "klaviyo",
            "host": klaviyo_url,
            "password": next(entry["key"] for entry in klaviyo["keys"] if entry["scopes"] == "full"),
            "extra": {"limits_scale": limits_scale},
        },
    }


if __name__ == "__main__":
    sys.stdout.write(orjson.dumps(connections(Path(sys.argv[1]), sys.argv[2], sys.argv[3], 1)).decode())
