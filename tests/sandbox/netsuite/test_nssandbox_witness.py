"""An independent client, PyPI's `netsuite`, logs in with token-based authentication: the signatures that the
account takes are the real ones.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from nscalls import restlet

from netsuite_connector.sandbox.netsuite.testing import SandboxAccount

CHECKOUT = Path(__file__).parents[3]
PYTHON = Path(os.environ.get("NETSUITE_WITNESS_PYTHON") or CHECKOUT / ".witness" / "bin" / "python")

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason=f"there is no {PYTHON}: tools/witness.sh makes it"
)


def witness(running: SandboxAccount, changes: dict[str, str] | None = None) -> dict[str, Any]:
    """What the client gets; ``changes`` are to the credentials."""
    given = {
        **asdict(running.credentials),
        "restlet": restlet(running),
        "suiteql": running.suiteql_url,
        **(changes or {}),
    }
    ended = subprocess.run(
        [str(PYTHON), "-W", "ignore", str(Path(__file__).with_name("nswitness.py"))],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return dict(json.loads(ended.stdout))


def test_the_independent_client_is_let_in(account: SandboxAccount) -> None:
    answers = witness(account)
    assert answers["about"]["account"] == account.credentials.account
    assert answers["page"]["rows"] == 7
    ids = [each["internalid"] for each in account.records("customer")]
    assert [row["id"] for row in answers["suiteql"]["items"]] == [str(each) for each in ids[5:10]]
    assert answers["suiteql"]["totalResults"] == len(ids)


@pytest.mark.parametrize("wrong", ["consumer_secret", "token_secret", "token_id", "account"])
def test_the_independent_client_is_refused_with_anything_wrong(account: SandboxAccount, wrong: str) -> None:
    refused = {"about": [401], "page": [401], "suiteql": [401]}
    assert witness(account, {wrong: "7654321"}) == refused
