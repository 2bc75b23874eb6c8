"""``rejected`` and ``housekeeping`` as people run them: in a process of their own, and masked."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from airflow_process import DEMO, connections, run_command
from netsuite_connector.commands.line import main
from netsuite_connector.commands.masking import masked, masked_text
from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.flows.rejections import record, rejected
from netsuite_connector.flows.run import Run
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.staging import rejected as rejected_rows
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.load import load_stores
from netsuite_connector.window import Window

EMAIL = "ann.lee@shop.example"
ROW = {
    "internalid": 7,
    "email": EMAIL,
    "firstname": "Ann",
    "phone": "+1 202 555 0199",
    "stage": {"id": "CUSTOMER", "text": "Customer"},
    "salesrep": {"id": "12", "text": "Bob Stone"},
    "lastmodifieddate": "2026-11-01T10:00:00Z",
    "balance": 12.5,
    "isinactive": False,
    "company": None,
}


@pytest.fixture
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.delenv("NETSUITE_CONNECTOR_STAGING", raising=False)
    return tmp_path / "staging"


def listed(staging: Path, rows: list[dict[str, Any]], flow: str = "customers") -> Run:
    """A run that has put these rows on the list."""
    window = Window.parse(None, "2026-11-01T00:00:00Z")
    run = Run(load_stores()[0], DOMAINS[flow], window, Staging(str(staging)))
    source = run.domain.shaped[0]
    with run.dataset("extract", source).writer() as writer:
        writer.write(pa.record_batch([pa.array([row["id"] for row in rows])], names=["internalid"]))
        writer.commit()
    usual = {"stage": "validate", "source": source.name, "key": None, "row": json.dumps(ROW)}
    with run.dataset("rejected", source).writer(rejected_rows.SCHEMA) as writer:
        made = [usual | row for row in rows]
        writer.write(pa.RecordBatch.from_pylist(made, schema=rejected_rows.SCHEMA))
        writer.commit()
    record(run)
    return run


def words(text: str) -> str:
    return " ".join(text.split())


def test_rows_are_listed_with_reasons_and_counted(staging: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reasons = [["Email is missing"], ["Email is missing", "Name is missing"], [f"Klaviyo refuses {EMAIL}"]]
    listed(staging, [{"id": id_, "reasons": why} for id_, why in enumerate(reasons, 1)])
    assert main(["rejected", "list"]) == 0
    said = capsys.readouterr().out
    assert "3 rejected rows." in said
    assert re.search(r"2\s+customers\s+Email is missing", said)
    assert EMAIL not in said
    assert "a•••@•••" in said
    assert main(["rejected", "list", "--show-personal", "--most", "1"]) == 0
    said = capsys.readouterr().out
    assert EMAIL in said
    assert "3 rejected rows; the 1 that were seen last are shown." in said


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--store", "demo", "--flow", "customers"], 2),
        (["--flow", "orders"], 0),
        (["--source", "customers"], 2),
        (["--reason", "name"], 1),
        (["--since", "2026-01-01T00:00:00Z"], 2),
    ],
)
def test_a_list_is_filtered(
    staging: Path, capsys: pytest.CaptureFixture[str], options: list[str], count: int
) -> None:
    listed(staging, [{"id": 1, "reasons": ["Email is missing"]}, {"id": 2, "reasons": ["Name is missing"]}])
    assert main(["rejected", "list", *options]) == 0
    said = capsys.readouterr().out
    assert (f"{count} rejected rows." if count else "No rejected rows.") in said


def test_a_record_is_shown_without_what_is_personal_unless_asked(
    staging: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed(staging, [{"id": 7, "reasons": ["Phone is wrong"]}])
    assert main(["rejected", "show", "7"]) == 0
    said = capsys.readouterr().out
    for personal in (EMAIL, "Ann", "555", "Bob Stone"):
        assert personal not in said
    for harmless in ("Phone is wrong", "CUSTOMER", "2026-11-01T10:00:00Z", "12.5"):
        assert harmless in said
    assert main(["rejected", "show", "7", "--show-personal"]) == 0
    said = capsys.readouterr().out
    for personal in (EMAIL, "Ann", "+1 202 555 0199", "Bob Stone"):
        assert personal in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["show", "99"], "The lists of rejected rows have no such record"),
        (["list", "--store", "demmo"], "There is no store 'demmo'"),
        (["list", "--flow", "catalogue"], "has no flow 'catalogue'"),
        (["list", "--source", "peple"], "There is no source 'peple': known are"),
        (["replay"], "Say which rejected rows to replay"),
        (["replay", "--store", "demo", "--source", "customers"], "Say which rejected rows to replay"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    staging: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(["rejected", *arguments]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert len(said.splitlines()) == 1
    assert not staging.exists()


@pytest.mark.parametrize(
    "command", [["rejected"], ["rejected", "list"], ["rejected", "replay"], ["housekeeping"]]
)
def test_the_commands_explain_themselves(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    assert len(capsys.readouterr().out) > 200


def test_nothing_to_replay_needs_no_connections(staging: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rejected", "replay", "--all"]) == 0
    assert "No rejected rows to replay." in capsys.readouterr().out


def test_housekeeping_shows_and_removes(staging: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = Staging(str(staging))
    for key in ("old", "new"):
        place.write_json(("demo", "orders", "runs", key, "extract", "orders", "part"), {"x": key})
    old = staging / "demo" / "orders" / "runs" / "old"
    moment = (datetime.now(UTC) - timedelta(days=9)).timestamp()
    os.utime(old / "extract" / "orders" / "part", (moment, moment))
    assert main(["housekeeping"]) == 0
    said = words(capsys.readouterr().out)
    assert "raw demo/orders/runs/old/extract 1" in said
    assert "would go: --remove removes them." in said
    assert old.exists()
    assert main(["housekeeping", "--store", "demo", "--remove"]) == 0
    assert "rejected rows gone." in words(capsys.readouterr().out)
    assert not old.exists()
    assert main(["housekeeping"]) == 0
    assert "Nothing is older than its store wants it kept." in capsys.readouterr().out


@given(
    name=st.from_regex(r"[A-Z][a-z]{4,12}", fullmatch=True),
    number=st.from_regex(r"\+[1-9][0-9]{9,13}", fullmatch=True),
)
def test_no_name_address_or_number_gets_through(name: str, number: str) -> None:
    email = f"{name}@{name}.example"
    row = {"email": email, "entityid": name, "addresses": [{"addr1": name, "phone": number}], "tranid": email}
    said = json.dumps(masked(row)) + masked_text(f"Klaviyo refuses {email} with the phone {number}.")
    assert name not in said
    assert number not in said
    assert number[1:] not in said


def test_what_is_not_personal_stays_readable() -> None:
    row = {
        "internalid": 7,
        "type": {"id": "SalesOrd", "text": "Sales Order"},
        "trandate": "2026-11-01",
        "n": None,
        "pricelevel__text": "Gold",
        "NetSuite Price Level": "Gold",
        "metric": {"data": {"type": "metric", "attributes": {"name": "Placed Order"}}},
    }
    assert masked(row) == row


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[NetSuite, Klaviyo]]:
    with running_netsuite() as netsuite, running_klaviyo() as klaviyo:
        yield netsuite, klaviyo


@pytest.fixture
def command(
    accounts: tuple[NetSuite, Klaviyo], staging: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs ``python -m netsuite_connector rejected`` with both connections."""
    return lambda *arguments: run_command(staging.parent, "rejected", *arguments, **connections(*accounts))


@pytest.mark.line
def test_a_replay_from_the_command_line(
    command: Callable[..., subprocess.CompletedProcess[str]],
    accounts: tuple[NetSuite, Klaviyo],
    staging: Path,
) -> None:
    netsuite, klaviyo = accounts
    mended = netsuite.create("customer", stage="CUSTOMER", entityid="A", email=EMAIL)["internalid"]
    bad = netsuite.create("customer", stage="CUSTOMER", entityid="B", email=None)["internalid"]
    run = listed(staging, [{"id": id_, "reasons": ["Email is missing"]} for id_ in (mended, bad)])

    tried = command("replay", "--all", "--dry-run")
    assert "2 rows read anew, 1 would be delivered, 0 unchanged, 1 rejected again" in words(tried.stdout)
    assert klaviyo.rows("profiles") == []
    assert len(list(rejected(run))) == 2

    done = command("replay", "--flow", "customers", "--id", str(mended), "--id", str(bad))
    assert (done.returncode, done.stderr) == (1, "")
    assert "2 rows read anew, 1 delivered, 0 unchanged, 1 rejected again; 1 left the list." in words(
        done.stdout
    )
    assert [each["email"] for each in klaviyo.rows("profiles")] == [EMAIL]
    assert [(row.id, row.tries) for row in rejected(run)] == [(bad, 2)]

    netsuite.update("customer", bad, email="bob@shop.example")
    done = command("replay", "--reason", "email")
    assert (done.returncode, done.stderr) == (0, "")
    assert list(rejected(run)) == []


@pytest.mark.line
def test_flows_that_cannot_be_replayed_are_told_and_the_others_go_on(
    accounts: tuple[NetSuite, Klaviyo], staging: Path, tmp_path: Path
) -> None:
    netsuite, klaviyo = accounts
    klaviyo.reset()
    store = yaml.safe_load(DEMO.read_text())
    feed = tmp_path / "feed"
    store["catalog"] = {"feed": {"files": str(feed), "url": "http://127.0.0.1:9/shop"}}
    del store["flows"]["stock"]
    store["flows"]["orders"]["enabled"] = False
    # The flow that can be replayed comes last.
    store["flows"]["customers"] = store["flows"].pop("customers")
    (tmp_path / "stores").mkdir()
    (tmp_path / "stores" / "demo.yaml").write_text(yaml.safe_dump(store, sort_keys=False))
    mended = netsuite.create("customer", stage="CUSTOMER", entityid="A", email=EMAIL)["internalid"]
    item = netsuite.create("item", itemid="A", type="InvtPart", isonline=True)["internalid"]
    lists = [
        listed(staging, [{"id": id_, "reasons": ["Was missing"]}], flow)
        for flow, id_ in (("catalog", item), ("orders", 1), ("customers", mended))
    ]

    environment = connections(*accounts) | {"NETSUITE_CONNECTOR_STORES": str(tmp_path / "stores")}
    done = run_command(staging.parent, "rejected", "replay", "--all", **environment)
    assert (done.returncode, done.stderr) == (1, "")
    said = words(done.stdout)
    assert "The catalog of store 'demo' is a feed" in said
    assert "The flow 'orders' of store 'demo' is switched off in the store's YAML file" in said
    assert "demo customers: 1 rows read anew, 1 delivered" in said
    assert not feed.exists()
    assert [each["email"] for each in klaviyo.rows("profiles")] == [EMAIL]
    assert [[row.id for row in rejected(run)] for run in lists] == [[item], [1], []]
