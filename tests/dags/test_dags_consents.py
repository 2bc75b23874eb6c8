"""The DAGs of consents and of privacy deletions, as the dag-processor parses them and Airflow runs them."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
import requests

from airflow_process import Parsed, klaviyo_connection, new_home, running_airflow
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount, running_sandbox


def test_consents_are_off_unless_a_store_asks_for_them_and_deletions_are_always_there(parsed: Parsed) -> None:
    assert (parsed.errors, parsed.heavy) == ({}, [])
    dags = parsed.made_by("consents", "privacy_deletion")
    assert dags.keys() == {"privacy_deletion"}
    deletion = dags["privacy_deletion"]
    assert deletion["doc"].startswith("### Privacy deletion")
    assert {name: (param["title"], param["default"]) for name, param in deletion["params"].items()} == {
        "emails": ("E-mail addresses", []),
        "reason": ("Reason", ""),
        "confirm": ("Confirm", ""),
    }


def test_a_store_that_asks_for_consents_has_a_dag_of_them_and_each_store_its_own(
    parsed_with_more: Parsed, parsed_two_stores: Parsed
) -> None:
    for each in (parsed_with_more, parsed_two_stores):
        assert (each.errors, each.heavy) == ({}, [])
    consents = parsed_with_more.dags["consents"]
    order = ["extract", "validate", "guard", "import", "suppress", "confirm"]
    assert {name: task["after"] for name, task in consents["tasks"].items()} == {
        "plan": [],
        "extract": ["plan"],
        **{after: sorted([before, "plan"]) for before, after in itertools.pairwise(order)},
        "report": sorted([*order, "plan"]),
    }
    assert {name for name, task in consents["tasks"].items() if task["pool"] == "netsuite"} == {
        "plan",
        "extract",
    }
    assert [name for name, task in consents["tasks"].items() if task["result"]] == ["report"]
    assert consents["runs"] == 1
    assert consents["params"].keys() == {"from", "to", "full", "limit", "dry_run"}
    assert parsed_two_stores.made_by("consents", "privacy_deletion").keys() == {
        "consents__demo",
        "privacy_deletion__demo",
        "privacy_deletion__outlet",
    }


@pytest.mark.line
def test_a_deletion_runs_only_when_it_is_confirmed_and_shows_no_address(
    tmp_path: Path, airflow_database: Path
) -> None:
    home = new_home(tmp_path, airflow_database, "privacy_deletion")
    with (
        running_sandbox() as account,
        running_airflow(home, AIRFLOW_CONN_KLAVIYO_DEMO=klaviyo_connection(account)) as airflow,
    ):
        for name in ("ann", "bob"):
            known(account, f"{name}@shop.klaviyo-demo.com")
        asked = {"emails": ["Ann@shop.klaviyo-demo.com"], "reason": "ticket 7", "confirm": "DELETE 2"}
        refused = airflow.run("privacy_deletion", asked)
        assert (refused.state, account.settled()["deleted"]) == ("failed", 0)
        assert "type exactly 'DELETE 1'" in refused.log
        done = airflow.run("privacy_deletion", asked | {"confirm": "DELETE 1"})
        assert done.state == "success"
        (kept,) = done.results.values()
        assert (kept["requested"], kept["new_in_guard"]) == (1, 1)
        assert (account.settled()["deleted"], len(account.rows("profiles"))) == (1, 1)
        task = [line for line in done.log.splitlines() if "equested" in line]
        assert task
        assert not [line for line in [*task, json.dumps(kept)] if "ann@shop" in line.lower()]


def known(account: SandboxAccount, email: str) -> None:
    body = {"data": {"type": "profile", "attributes": {"email": email}}}
    headers = account.headers() | {"Content-Type": "application/vnd.api+json"}
    requests.post(
        f"{account.url}/api/profile-import", json=body, headers=headers, timeout=10
    ).raise_for_status()
