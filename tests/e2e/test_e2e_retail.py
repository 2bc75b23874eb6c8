"""A year of a real web shop through the whole line: every line of the file is accounted for, and the totals
are those of the file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import retail

from netsuite_connector.sandbox.klaviyo.testing import running_sandbox as running_klaviyo
from netsuite_connector.sandbox.netsuite.testing import running_sandbox as running_netsuite

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "online_retail_40k.csv.gz"

pytestmark = [
    pytest.mark.line,
    pytest.mark.skipif(not DATA.is_file(), reason="the Online Retail data is not beside this checkout"),
]


def test_every_line_is_accounted_for_and_the_totals_are_those_of_the_file(
    tmp_path: Path, new_line: Callable[..., Any]
) -> None:
    lines = retail.read(DATA)
    assert len(lines) == 40_000
    account = tmp_path / "account"
    account.mkdir()
    retail.write_account(lines, account)
    with running_netsuite("--csv", str(account)) as netsuite, running_klaviyo() as klaviyo:
        line = new_line(netsuite, klaviyo)
        report = line.run("orders")
        klaviyo.settled()
        events = klaviyo.rows("events")
        refunds = [record for record in netsuite.records("transaction") if record["type"] == "CashRfnd"]
        again = line.run("orders", end="2031-01-01T00:00:00Z")

    refunded = sum(len(record["lines"]) for record in refunds)
    delivered = sum(map(retail.is_delivered, lines))
    assert report["adds_up"]
    assert report["rows"]["extracted"] + refunded == len(lines)
    assert report["rows"]["delivered"] == delivered
    guests = sum(not line["CustomerID"] and not retail.is_refund(line) for line in lines)
    assert report["rejected_by_reason"] == {"Customer : Email is missing": guests}
    assert delivered + guests + refunded == len(lines)

    ordered = [event for event in events if event["metric"] == "Ordered Product"]
    placed = [event for event in events if event["metric"] == "Placed Order"]
    assert len(ordered) == delivered
    assert len(placed) == len({line["InvoiceNo"] for line in lines if retail.is_delivered(line)})
    assert _totals(placed) == retail.totals(lines)

    assert again["rows"]["delivered"] == 0, "a second run sends nothing twice"
    assert again["rows"]["unchanged"] == delivered


def _totals(placed: list[dict[str, Any]]) -> dict[tuple[str, str], Decimal]:
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for event in placed:
        key = event["properties"]["custbody_country"], event["datetime"][:7]
        sums[key] += Decimal(str(event["value"])).quantize(retail.CENT)
    return dict(sums)
