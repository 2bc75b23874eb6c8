"""The official SDK as an independent witness: what it does with the sandbox account works as with a real one.

The SDK lives in an environment of its own: the interpreter that KLAVIYO_WITNESS_PYTHON names, else
``.witness/bin/python`` of this checkout.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

from netsuite_connector.sandbox.klaviyo.testing import running_sandbox

ROOT = Path(__file__).parents[3]
PYTHON = Path(os.environ.get("KLAVIYO_WITNESS_PYTHON") or ROOT / ".witness/bin/python")
WITNESS = Path(__file__).with_name("klaviyo_sdk_witness.py")
PREFIX = "$custom:::$default:::"


def _has_sdk() -> bool:
    if not PYTHON.exists():
        return False
    command = [str(PYTHON), "-c", "import klaviyo_api"]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


pytestmark = pytest.mark.skipif(
    not _has_sdk(), reason="needs an interpreter with klaviyo-api: KLAVIYO_WITNESS_PYTHON or .witness"
)


@pytest.fixture(scope="module")
def seen() -> Any:
    """What the SDK saw, and the account afterwards."""
    with running_sandbox(job_seconds=0.02) as account:
        app = account.make_app("profiles:read")
        form = {"grant_type": "refresh_token", "refresh_token": app["refresh_token"]}
        headers = {"Authorization": app["authorization"]}
        token = requests.post(f"{account.url}/oauth/token", data=form, headers=headers, timeout=30).json()
        command = [str(PYTHON), str(WITNESS), account.url, account.key, token["access_token"]]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert ended.returncode == 0, ended.stderr
        account.settled()
        yield json.loads(ended.stdout) | {"consents": account.rows("consents"), "state": account.state()}


def test_the_sdk_imports_profiles_and_reads_them_back(seen):
    people = seen["people"]
    assert people["job"] == {"total_count": 3, "completed_count": 3, "failed_count": 0}
    assert people["pages"] == [2, 1]
    assert people["read"] == [
        ["ann@shop.example", "1", {}],
        ["bob@shop.example", "2", {}],
        ["cleo@shop.example", "3", {"Sites": [1, 2]}],
    ]
    assert (people["city"], people["consent"]) == ("Lyon", "NEVER_SUBSCRIBED")


def test_the_sdk_understands_every_refusal(seen):
    people = seen["people"]
    assert people["partial"] == [1, 1]
    assert people["import_errors"] == [["required", "/data/attributes/profiles/data/0/attributes"]]
    pointer = {"pointer": "/data/attributes/profiles/data/0/attributes/email"}
    assert people["bad"] == {"status": 400, "errors": [["invalid", pointer]]}
    assert people["duplicate"]["errors"] == [["duplicate_profile", {"pointer": "/data/attributes"}]]


def test_the_sdk_creates_events_in_bulk_and_reads_them_back(seen):
    events = seen["events"]
    assert events["metrics"] == ["Fulfilled Order", "Placed Order"]
    assert (events["orders"], events["values"]) == (["SO1", "SO2"], [12.5, 7.5])
    assert events["included"] == 3
    sent = [one for one in seen["state"]["metrics"] if one["name"] in events["metrics"]]
    backfilled = {one["name"]: one["backfilled"] for one in sent}
    assert backfilled == {"Fulfilled Order": 1, "Placed Order": 0}


def test_the_sdk_fills_the_catalog_and_reads_it_back(seen):
    catalog = seen["catalog"]
    assert catalog["jobs"] == [[1, 0], [2, 1], [1, 0], [1, 0], [1, 0]]
    assert catalog["items"] == [[f"{PREFIX}{name}", 20.0, {"Brand": "Own"}] for name in "AB"]
    assert (catalog["included"], catalog["categories"]) == ([f"{PREFIX}A1"], ["Shoes"])
    assert catalog["variant"] == [4, 15.0, "A1"]
    assert catalog["left"] == [f"{PREFIX}A"]
    assert seen["state"]["flows"] == {"added_to_list": 0, "back_in_stock": 1, "price_drop": 1}


def test_the_sdk_subscribes_unsubscribes_suppresses_and_deletes(seen):
    consent = seen["consent"]
    assert consent["members"] == ["dora@shop.example", "emil@shop.example"]
    assert consent["unsubscribed"] == ["emil@shop.example"]
    assert consent["suppressed"] == [2, 0]
    assert consent["again"] == [0, 2]
    assert [line["action"] for line in seen["consents"]] == [
        *["SUBSCRIBED"] * 2,
        "UNSUBSCRIBED_FROM_LIST",
        *["SUPPRESSED"] * 2,
        "DELETED",
    ]


def test_an_app_of_the_sdk_may_do_what_its_scopes_say(seen):
    read, refused = seen["app"]
    assert read is True
    assert refused["status"] == 403
