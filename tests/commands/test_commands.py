"""The command line, as people run it: in a process of its own, with connections that Airflow knows."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from airflow_process import DEMO, airflow_commands, connections, klaviyo_connection, new_home, run_command
from netsuite_connector.commands.line import main
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def netsuite() -> Iterator[NetSuite]:
    with running_netsuite(customers=10, items=20, orders=10) as account:
        yield account


@pytest.fixture(scope="module")
def klaviyo() -> Iterator[Klaviyo]:
    with running_klaviyo() as account:
        yield account


@pytest.fixture
def command(netsuite: NetSuite, klaviyo: Klaviyo, tmp_path: Path) -> Command:
    """Runs ``python -m netsuite_connector`` with both connections as environment variables, which Airflow
    reads, and an AIRFLOW_HOME of its own; a keyword sets another variable, None takes one away.
    """

    def run(*arguments: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
        given = connections(netsuite, klaviyo) | changes
        kept = {name: value for name, value in given.items() if value is not None}
        return run_command(tmp_path / "airflow", *arguments, **kept)

    return run


def words(text: str) -> str:
    """The text without the line breaks and columns of a table."""
    return " ".join(text.split())


def test_everything_is_right(command: Command) -> None:
    done = command("check", "--store", "demo")
    assert done.stderr == ""
    assert done.returncode == 0
    assert "Demo Outfitters (demo)" in done.stdout
    assert "The RESTlet answers; its version" in words(done.stdout)
    assert re.search(r"\d+ right, 0 wrong, 0 warning, 1 skipped", done.stdout)


def test_something_is_wrong(command: Command, klaviyo: Klaviyo) -> None:
    done = command("check", AIRFLOW_CONN_KLAVIYO_DEMO=klaviyo_connection(klaviyo, "pk_wrong"))
    assert done.returncode == 1
    assert done.stderr == ""
    assert "wrong Klaviyo key Klaviyo does not accept the private API key" in words(done.stdout)
    assert "pk_wrong" not in done.stdout
    assert " 1 wrong," in done.stdout


def test_a_connection_that_airflow_does_not_have(command: Command) -> None:
    done = command("check", AIRFLOW_CONN_NETSUITE_DEMO=None)
    assert done.returncode == 1
    assert done.stderr == ""
    assert "Airflow has no connection 'netsuite_demo': create it under Admin" in words(done.stdout)
    assert "right Klaviyo key" in words(done.stdout)


@pytest.mark.line
def test_connections_in_airflows_database(
    command: Command, klaviyo: Klaviyo, tmp_path: Path, airflow_database: Path
) -> None:
    home = new_home(tmp_path / "airflow", airflow_database)
    added = ["connections", "add", "klaviyo_demo", "--conn-json", klaviyo_connection(klaviyo)]
    airflow_commands(home, added)
    done = command("check", AIRFLOW_CONN_KLAVIYO_DEMO=None)
    assert done.returncode == 0, done.stdout
    assert done.stderr == ""


def test_an_unknown_store_is_one_sentence(command: Command) -> None:
    done = command("check", "--store", "demmo")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "python -m netsuite_connector: There is no store 'demmo': known are demo.\n"


def test_a_mistake_in_a_stores_file_is_one_sentence(command: Command, tmp_path: Path) -> None:
    demo = DEMO.read_text()
    (tmp_path / "a.yaml").write_text(demo.replace("currency:", "curency:"))
    for arguments in (["check"], ["highwater", "show"]):
        done = command(*arguments, NETSUITE_CONNECTOR_STORES=str(tmp_path))
        assert done.returncode == 2
        assert "did you mean 'currency'?" in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        ("yesterday", "'yesterday' is no moment: write it like 2026-11-20T10:00:00Z"),
        ("2026-11-20T10:00:00", "does not say its time zone: add Z for UTC"),
        ("2026-01-20", "does not say its time zone"),
        ("2999-01-01T00:00:00Z", "lies in the future"),
    ],
)
def test_a_moment_that_cannot_be(moment: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["highwater", "set", "--store", "demo", "--flow", "orders", moment])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert told in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["chek"], "invalid choice: 'chek'"),
        (["highwater"], "the following arguments are required: ACTION"),
        (["highwater", "set", "2026-01-01T00:00:00Z"], "required: --store, --flow"),
    ],
)
def test_a_command_that_cannot_be(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert told in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("action", ["show", "set"])
def test_an_unknown_flow(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    moment = ["2026-01-01T00:00:00Z"] if action == "set" else []
    assert main(["highwater", action, "--store", "demo", "--flow", "catalogue", *moment]) == 2
    assert (
        "Store 'demo' has no flow 'catalogue': it has catalog, stock, customers, orders."
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    "command", [[], ["check"], ["highwater"], ["highwater", "show"], ["highwater", "set"]]
)
def test_every_command_explains_itself(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert len(said) > 200
    for option in re.findall(r"^  (--\w+)", said, re.MULTILINE):
        assert re.search(rf"^  {option}.*\n?.* {{2,}}\w+", said, re.MULTILINE), f"{option} is not explained"


def test_a_command_begins_without_what_only_checks_rows_and_takes_seconds_to_load() -> None:
    code = "import sys, netsuite_connector.commands.line; print('great_expectations' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_marks_are_shown_and_set(command: Command, tmp_path: Path) -> None:
    before = command("highwater", "show")
    assert (before.returncode, before.stderr) == (0, "")
    assert before.stdout.count("none: the next run reads all") == 4
    done = command("highwater", "set", "--store", "demo", "--flow", "orders", "2026-01-01T02:00:00+02:00")
    assert (done.returncode, done.stderr) == (0, "")
    assert "The high-water mark of demo orders is 2026-01-01T00:00:00Z" in words(done.stdout)
    assert list((tmp_path / "airflow" / "staging" / "demo" / "orders" / "highwater").iterdir())
    after = command("highwater", "show", "--store", "demo", "--flow", "orders")
    assert re.search(r"demo\s+orders\s+2026-01-01T00:00:00Z\s+hand \(", after.stdout)
    again = command("highwater", "set", "--store", "demo", "--flow", "orders", "2026-01-02T00:00:00Z")
    assert "(it was 2026-01-01T00:00:00Z)" in words(again.stdout)


def test_the_mark_of_consents_is_shown_and_set_too(command: Command, tmp_path: Path) -> None:
    shop = yaml.safe_load(DEMO.read_text())
    shop["consents"] = {"list": "News", "consented_at": "custentity_opted_in_at"}
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(shop))
    stores = {"NETSUITE_CONNECTOR_STORES": str(tmp_path)}
    asked = ("--store", "demo", "--flow", "consents")
    done = command("highwater", "set", *asked, "2026-01-01T00:00:00Z", **stores)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"demo\s+consents\s+2026-01-01T00:00:00Z", command("highwater", "show", **stores).stdout)
    without = command("highwater", "show", "--flow", "consents")
    assert without.returncode == 2
    assert "has no flow 'consents'" in without.stderr


def test_the_next_run_goes_on_from_a_mark_that_was_set(
    command: Command, netsuite: NetSuite, tmp_path: Path
) -> None:
    """Also where NetSuite's configuration record narrows what the flow reads."""
    given = {"store": "demo", "types": "SalesOrd", "orders": True, "catalog": True, "customers": True}
    values = {f"custrecord_nsk_cfg_{name}": value for name, value in given.items()}
    netsuite.create("customrecord_nsk_config", name="Shop", **values)
    try:
        done = command("highwater", "set", "--store", "demo", "--flow", "orders", "2026-01-02T00:00:00Z")
        assert done.returncode == 0, done.stderr
        planned = _planned(netsuite, tmp_path / "airflow" / "staging")
    finally:
        netsuite.clear("customrecord_nsk_config")
    assert planned == "2026-01-01T23:55:00Z"


def _planned(netsuite: NetSuite, staging: Path) -> str | None:
    import requests

    from netsuite_connector.domains.registry import DOMAINS
    from netsuite_connector.flows.plan import Asked, plan
    from netsuite_connector.flows.run import Run
    from netsuite_connector.netsuite import Account, NetSuiteClient, token_based
    from netsuite_connector.staging.staging import Staging
    from netsuite_connector.stores.load import load_stores
    from netsuite_connector.window import Window

    mine = netsuite.credentials
    auth = token_based(
        Account.of(mine.account),
        consumer_key=mine.consumer_key,
        consumer_secret=mine.consumer_secret,
        token_id=mine.token_id,
        token_secret=mine.token_secret,
    )
    run = Run(load_stores()[0], DOMAINS["orders"], Window(), Staging(str(staging)))
    with requests.Session() as session:
        return plan(run, NetSuiteClient(session, netsuite.restlet_url, auth), Asked()).window.start_text


def test_setting_a_mark_needs_netsuite(command: Command) -> None:
    asked = ["highwater", "set", "--store", "demo", "--flow", "orders", "2026-01-02T00:00:00Z"]
    done = command(*asked, AIRFLOW_CONN_NETSUITE_DEMO=None)
    assert done.returncode == 2
    assert "Airflow has no connection 'netsuite_demo'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_two_stores_are_checked_one_after_the_other(command: Command, tmp_path: Path) -> None:
    demo = yaml.safe_load(DEMO.read_text())
    for name, flow in (("one", "customers"), ("two", "orders")):
        store = demo | {"store": name, "name": name.title(), "flows": {flow: {}}}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(store))
    both = command("check", NETSUITE_CONNECTOR_STORES=str(tmp_path))
    assert both.returncode == 0, both.stdout
    assert both.stdout.index("One (one)") < both.stdout.index("Two (two)")
    one = command("check", "--store", "two", NETSUITE_CONNECTOR_STORES=str(tmp_path))
    assert "One (one)" not in one.stdout
    assert "search orders" in one.stdout
