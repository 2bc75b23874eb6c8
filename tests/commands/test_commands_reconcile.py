"""``reconcile`` as people run it: in a process of its own, with its exit status and what it prints."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from airflow_process import DEMO, connections, run_command
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
        stores = tmp_path / "stores"
        stores.mkdir()
        (stores / "demo.yaml").write_text(DEMO.read_text() + "\nreconciliation: {delay_minutes: 0}\n")
        environment = connections(netsuite, klaviyo) | {
            "NETSUITE_CONNECTOR_STAGING": str(tmp_path / "staging"),
            "NETSUITE_CONNECTOR_STORES": str(stores),
        }

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            return run_command(tmp_path, "reconcile", "--flow", "catalog", *arguments, **environment)

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
