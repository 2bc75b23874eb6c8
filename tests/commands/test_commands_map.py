"""``python -m netsuite_connector map``: what becomes of a few records, with nothing sent and nothing kept."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from airflow_process import DEMO, netsuite_connection, run_command
from netsuite_connector.commands.line import main
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def netsuite() -> Iterator[NetSuite]:
    with running_netsuite(items=12) as account:
        person = {"lastname": "Doe", "globalsubscriptionstatus": "2", "countrycode": "US", "pricelevel": "5"}
        account.create("customer", entityid="C1", stage="CUSTOMER", email="jane@shop.example", **person)
        account.create("customer", entityid="C2", stage="LEAD", email="jane@shop.example", **person)
        account.create("customer", entityid="C3", stage="CUSTOMER", email="nobody", **person)
        account.create(
            "customer", entityid="C4", stage="CUSTOMER", email="al@shop.example", phone="4155552671", **person
        )
        account.create("contact", entityid="K1", email="kim@shop.example", lastname="Poe")
        yield account


@pytest.fixture
def command(netsuite: NetSuite, tmp_path: Path) -> Command:
    """Runs the command for the demo store, whose customers flow has the settings ``flow`` besides. There is
    no connection to Klaviyo.
    """
    (tmp_path / "temporary").mkdir()
    environment = {
        "AIRFLOW_CONN_NETSUITE_DEMO": netsuite_connection(netsuite),
        "NETSUITE_CONNECTOR_STORES": str(tmp_path / "stores"),
        "TMPDIR": str(tmp_path / "temporary"),
    }

    def run(*arguments: str, **flow: object) -> subprocess.CompletedProcess[str]:
        demo = yaml.safe_load(DEMO.read_text())
        demo["flows"]["customers"] |= flow
        (tmp_path / "stores").mkdir(exist_ok=True)
        (tmp_path / "stores" / "demo.yaml").write_text(yaml.safe_dump(demo))
        return run_command(tmp_path / "airflow", "map", "--store", "demo", *arguments, **environment)

    return run


def words(text: str) -> str:
    return " ".join(text.split())


def test_rows_payloads_and_reasons_stand_side_by_side(command: Command, tmp_path: Path) -> None:
    done = command(
        "--flow",
        "customers",
        "--rows",
        "5",
        mapping={
            "customers": {
                "columns": {"leadsource": {"property": "Source"}},
                "properties": {"NetSuite Price Level": "Tier"},
                "constants": {"Shop": "Outdoor"},
            }
        },
    )
    assert (done.returncode, done.stderr) == (0, "")
    shown = done.stdout
    assert re.search(r"row\s+payload\s+reasons", shown)
    assert '"Tier": "' in shown
    assert '"Shop": "O•••' in shown
    assert re.search(r"customers 3\b[^}]*Email is not an e-mail address", shown)
    assert "Another record with this" in words(shown)
    assert "contacts" in shown
    # Personal data is masked, and nothing stays behind.
    assert "jane@" not in shown
    assert "j•••@•••" in shown
    assert "5552671" not in shown
    assert "Doe" not in shown
    assert '"NetSuite Stage": "CUSTOMER"' in shown
    assert not list((tmp_path / "temporary").glob("netsuite-connector-map-*"))
    assert not (tmp_path / "airflow" / "staging").exists()


def test_chosen_records_are_shown_unmasked_on_demand(command: Command) -> None:
    done = command(
        "--flow", "customers", "--id", "4", "--id", "99", "--source", "customers", "--show-personal"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "al@shop.example" in done.stdout
    assert "+14155552671" in done.stdout
    assert "C1" not in done.stdout
    assert "K1" not in done.stdout
    assert "No saved search of the flow gives 99." in done.stdout


def test_a_column_that_the_search_lacks_is_named(command: Command) -> None:
    mapping = {"customers": {"columns": {"custentity_nowhere": {"drop": True}}}}
    done = command("--flow", "customers", mapping=mapping)
    assert done.returncode == 2
    assert (
        "has no column custentity_nowhere, of which 'demo: flows.customers.mapping.customers'" in done.stderr
    )
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ({"people": {}}, "'flows.customers.mapping.people' is not a source of the flow"),
        ({"customers": {"columns": {"email": {"drop": True}}}}, "columns.email' is a mandatory column"),
    ],
)
def test_a_mapping_that_cannot_be_is_one_sentence(
    command: Command, mapping: dict[str, object], told: str
) -> None:
    done = command("--flow", "customers", mapping=mapping)
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_unknown_source_is_one_sentence(command: Command) -> None:
    done = command("--flow", "customers", "--source", "people")
    assert done.returncode == 2
    assert "has no source 'people' whose rows are shown: it has customers, contacts." in done.stderr


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_numbers_that_cannot_be(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["map", "--store", "demo", "--flow", "customers", f"--rows={number}"])
    assert ended.value.code == 2
    assert f"'{number}' is no whole number above zero" in capsys.readouterr().err
