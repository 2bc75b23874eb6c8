"""The official SDK as an independent witness: what the product sends is what the SDK's models allow.

Whole flows run through a proxy that writes down every request. The SDK lives in an environment of its own:
the interpreter that KLAVIYO_WITNESS_PYTHON names, else ``.witness/bin/python`` of this checkout.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from proxies import proxy

from netsuite_connector.klaviyo.batching import Batch, Record
from netsuite_connector.klaviyo.consent import Address, OptIn
from netsuite_connector.klaviyo.endpoints import Bulk
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount as Klaviyo
from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount as NetSuite
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite

PYTHON = Path(os.environ.get("KLAVIYO_WITNESS_PYTHON") or Path(__file__).parents[2] / ".witness/bin/python")
WITNESS = Path(__file__).with_name("sdk_models.py")
MODELS = {
    "/api/event-bulk-create-jobs": "EventsBulkCreateJob",
    "/api/profile-bulk-import-jobs": "ProfileImportJobCreateQuery",
    "/api/profile-subscription-bulk-create-jobs": "SubscriptionCreateJobCreateQuery",
    "/api/profile-suppression-bulk-create-jobs": "SuppressionCreateJobCreateQuery",
    "/api/data-privacy-deletion-jobs": "DataPrivacyCreateDeletionJobQuery",
    **{
        f"/api/catalog-{kind}-bulk-{action}-jobs": f"Catalog{kind.title()}{action.title()}JobCreateQuery"
        for kind in ("category", "item", "variant")
        for action in ("create", "update", "delete")
    },
}


def _has_sdk() -> bool:
    if not PYTHON.exists():
        return False
    command = [str(PYTHON), "-c", "import klaviyo_api"]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


pytestmark = [
    pytest.mark.line,
    pytest.mark.skipif(
        not _has_sdk(), reason="needs an interpreter with klaviyo-api: KLAVIYO_WITNESS_PYTHON or .witness"
    ),
]


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[NetSuite, Klaviyo]]:
    with running_netsuite(customers=60, items=30, orders=60) as netsuite, running_klaviyo() as klaviyo:
        yield netsuite, klaviyo


def judged(sent: list[tuple[str, bytes]]) -> Counter[str]:
    """How many requests of each path the SDK's models have nothing against; fails for any other."""
    lines = [json.dumps({"model": MODELS[path], "body": json.loads(body)}) for path, body in sent]
    ended = subprocess.run(
        [str(PYTHON), str(WITNESS)],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    verdicts = [json.loads(line) for line in ended.stdout.splitlines()]
    wrong = {path: why for (path, _), why in zip(sent, verdicts, strict=True) if why}
    assert wrong == {}
    return Counter(path for path, _ in sent)


def test_whole_flows_send_what_the_sdks_models_allow(
    accounts: tuple[NetSuite, Klaviyo], new_line: Callable[[NetSuite, Klaviyo], Any], tmp_path: Path
) -> None:
    netsuite, klaviyo = accounts
    with proxy(klaviyo.url) as traffic:
        line = new_line(netsuite, replace(klaviyo, url=traffic.url))
        for flow in ("customers", "catalog", "orders"):
            assert line.run(flow)["records"]["delivered"] > 0
        # Another staging does not know what was delivered, so what is there is updated.
        line.staging = type(line.staging)(str(tmp_path / "elsewhere"))
        line.run("catalog")
    paths = judged(traffic.passed)
    for path in (
        "/api/event-bulk-create-jobs",
        "/api/profile-bulk-import-jobs",
        "/api/catalog-item-bulk-create-jobs",
        "/api/catalog-item-bulk-update-jobs",
        "/api/catalog-variant-bulk-create-jobs",
        "/api/catalog-variant-bulk-update-jobs",
    ):
        assert paths[path] > 0


def test_categories_deletions_and_consents_are_what_the_sdks_models_allow(
    accounts: tuple[NetSuite, Klaviyo], new_line: Callable[[NetSuite, Klaviyo], Any]
) -> None:
    netsuite, klaviyo = accounts
    name = "$custom:::$default:::9"
    elements = {
        Bulk.CATEGORY_CREATE: {
            "type": "catalog-category",
            "attributes": {"external_id": "9", "name": "Hats"},
        },
        Bulk.CATEGORY_UPDATE: {"type": "catalog-category", "id": name, "attributes": {"name": "Caps"}},
        Bulk.VARIANT_DELETE: {"type": "catalog-variant", "id": name},
        Bulk.ITEM_DELETE: {"type": "catalog-item", "id": name},
        Bulk.CATEGORY_DELETE: {"type": "catalog-category", "id": name},
    }
    lists = {"data": {"type": "list", "attributes": {"name": "News"}}}
    made = requests.post(f"{klaviyo.url}/api/lists", json=lists, headers=klaviyo.headers(), timeout=30)
    with proxy(klaviyo.url) as traffic:
        client = new_line(netsuite, replace(klaviyo, url=traffic.url)).klaviyo_client()
        for bulk, element in elements.items():
            record = Record("9", json.dumps(element).encode())
            client.push(Batch(1, (record,), len(record.payload)), bulk)
        client.consent.import_opt_ins(
            made.json()["data"]["id"],
            [OptIn("1", "ann@shop.example", dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC))],
        )
        client.consent.suppress([Address("2", "bob@shop.example")], pause=(0.03, 0.1))
        client.privacy.request_deletion(email="cleo@shop.example")
    paths = judged(traffic.passed)
    assert len(paths) == len(elements) + 3


def test_the_witness_tells_what_is_wrong(tmp_path: Path) -> None:
    bad = {"data": {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": [{"type": "x"}]}}}}
    with pytest.raises(AssertionError):
        judged([("/api/profile-bulk-import-jobs", json.dumps(bad).encode())])
