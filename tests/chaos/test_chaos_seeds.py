"""The short form of `make chaos`: a few seeds; and that the reckoning would see what it looks for."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from chaos.line import Line
from chaos.reckoning import Accounts, added_up

from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite
from netsuite_connector.stores.load import load_stores

pytestmark = pytest.mark.line

ROOT = Path(__file__).resolve().parents[2]
FIRST, SEEDS = 16, 2


def test_seeds_survive_faults_and_kills() -> None:
    command = [sys.executable, "-m", "chaos", f"--first={FIRST}", f"--seeds={SEEDS}", "--airflow=0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{SEEDS} of {SEEDS} seeds passed" in done.stdout
    for what in ("Faults survived", "Processes killed (-9)", "Saves"):
        counted = re.search(rf"{re.escape(what)}: (\d+)", done.stdout)
        assert counted is not None
        assert int(counted[1]) > 0


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    with running_netsuite(customers=20, items=10, orders=15) as netsuite, running_klaviyo() as klaviyo:
        yield Line(load_stores()[0], netsuite, klaviyo, tmp_path)


def test_the_reckoning_sees_what_is_missing_and_what_nobody_wants(line: Line) -> None:
    def problems(*flows: str, said_no: frozenset[str] = frozenset()) -> str:
        return "\n".join(Accounts(line, set(), set(said_no), set()).problems(flows))

    told = problems("catalog")
    assert re.search(r"profiles: \d+ differ: the profile of NetSuite record \d+ is missing", told)
    assert re.search(r"events: \d+ differ: Placed Order netsuite-\d+ is missing", told)
    assert re.search(r"items: \d+ differ", told)
    assert re.search(r"customers \d+: of delivered and rejected it is neither", told)
    assert re.search(r"order \d+: of delivered and rejected it is neither", told)
    body = {"data": {"type": "profile", "attributes": {"email": "who@shop.example"}}}
    headers = line.klaviyo.headers() | {"Content-Type": "application/vnd.api+json"}
    requests.post(
        f"{line.klaviyo.url}/api/profiles", json=body, headers=headers, timeout=30
    ).raise_for_status()
    assert "one is of no address that NetSuite ever had" in problems()


def test_the_reckoning_sees_who_is_subscribed_and_should_not_be(line: Line) -> None:
    email = "no@shop.example"
    marketing = {"consent": "SUBSCRIBED", "consented_at": "2026-01-01T00:00:00Z"}
    wished = {"email": email, "subscriptions": {"email": {"marketing": marketing}}}
    people = {"type": "profile", "attributes": wished}
    headers = line.klaviyo.headers() | {"Content-Type": "application/vnd.api+json"}

    def post(path: str, data: dict[str, object]) -> requests.Response:
        done = requests.post(
            f"{line.klaviyo.url}/api/{path}", json={"data": data}, headers=headers, timeout=30
        )
        done.raise_for_status()
        line.klaviyo.settled()
        return done

    post("profiles", {"type": "profile", "attributes": {"email": email}})
    line.klaviyo.suppress(email)
    newsletter = post("lists", {"type": "list", "attributes": {"name": "News"}}).json()["data"]["id"]
    post(
        "profile-subscription-bulk-create-jobs",
        {
            "type": "profile-subscription-bulk-create-job",
            "attributes": {"historical_import": True, "profiles": {"data": [people]}},
            "relationships": {"list": {"data": {"type": "list", "id": newsletter}}},
        },
    )
    told = Accounts(line, {email}, {email}, set()).problems(["consents"])
    assert "consents: the profile of None (status None) opted out in Klaviyo and is subscribed" in told
    assert "consents: 1 opt-outs were lifted and left so" in told


def test_a_run_that_loses_rows_is_told() -> None:
    rows = {"extracted": 3, "delivered": 1, "unchanged": 0, "rejected": 1}
    assert list(added_up("orders", {"rows": rows, "adds_up": True})) == [
        "a run of orders read 3 rows and accounts for 2"
    ]
    assert list(added_up("history", {"all": rows | {"rejected": 2}, "adds_up": True})) == []
