"""``reconcile`` as people run it: in a process of its own, with its exit status and what it prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from netsuite_connector.commands.line import main
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["--store", "nobody"], "There is no store 'nobody': known are demo."),
        (["--flow", "quotes"], "'quotes' is no flow of 'demo' that can be compared: choose of catalog, "),
        (["--from", "monday"], "'From' (monday) is no day: write it like 2024-03-31."),
        (["--from", "2026-02-01", "--to", "2026-01-01"], "choose an earlier day to begin with."),
    ],
)
def test_what_cannot_be_is_one_sentence_before_anything_is_read(
    asked: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reconcile", *asked]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.line
def test_a_catalog_is_compared_healed_and_then_agrees(tmp_path: Path) -> None:
    with running_netsuite(items=8) as netsuite, running_klaviyo() as klaviyo:
        mine = netsuite.credentials
        extra = {
            "account": mine.account,
            "suitetalk_url": netsuite.url,
            "client_id": mine.client_id,
            "certificate_id": mine.certificate_id,
            "private_key": mine.private_key,
        }
        near = {"conn_type": "netsuite", "host": netsuite.url, "extra": extra}
        far = {"conn_type": "klaviyo", "host": klaviyo.url, "password": klaviyo.key}
        far["extra"] = json.dumps({"limits_scale": 100})
        stores = tmp_path / "stores"
        stores.mkdir()
        demo = Path(__file__).resolve().parents[2] / "include" / "stores" / "demo.yaml"
        (stores / "demo.yaml").write_text(demo.read_text() + "\nreconciliation: {delay_minutes: 0}\n")
        environment = os.environ | {
            "AIRFLOW_HOME": str(tmp_path),
            "NETSUITE_CONNECTOR_STAGING": str(tmp_path / "staging"),
            "NETSUITE_CONNECTOR_STORES": str(stores),
            "AIRFLOW_CONN_NETSUITE_DEMO": json.dumps(near),
            "AIRFLOW_CONN_KLAVIYO_DEMO": json.dumps(far),
        }

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-m", "netsuite_connector", "reconcile", "--flow", "catalog", *arguments],
                check=False,
                capture_output=True,
                text=True,
                timeout=180,
                env=environment,
            )

        first = run()
        assert first.returncode == 1, first.stderr
        said = " ".join(first.stdout.split())
        assert "NetSuite and Klaviyo don't agree about catalog: " in said
        assert "Klaviyo's catalog does not have it" in said
        assert klaviyo.state()["items"] == 0
        healed = run("--heal")
        assert healed.returncode == 0, healed.stdout + healed.stderr
        assert "agrees (" in healed.stdout
        assert "records delivered)" in healed.stdout
        assert klaviyo.settled()["items"] > 0
