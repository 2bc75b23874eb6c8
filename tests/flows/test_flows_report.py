"""The numbers of a run must add up, or the run fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from netsuite_connector.errors import ConnectorError
from netsuite_connector.flows.report import report
from netsuite_connector.flows.run import Run

NewRun = Callable[..., Run]


def stages(**changes: int) -> list[dict[str, Any]]:
    """What the stages count for 10 rows: 2 rejected, 3 unchanged, 4 delivered, 1 refused by Klaviyo."""
    count = {
        "extracted": 10,
        "checked": 10,
        "invalid": 2,
        "unchanged": 3,
        "delivered": 4,
        "refused": 1,
    } | changes
    return [
        {"rows": count["extracted"], "deleted": 2, "warnings": {}, "seconds": 1.0},
        {
            "rows": count["checked"],
            "rejected": count["invalid"],
            "reasons": {"Email is missing": 2},
            "seconds": 1.0,
        },
        {
            "rows": {"to_send": 5, "unchanged": count["unchanged"]},
            "records": {"shaped": 8, "to_send": 5, "unchanged": 3},
            "warnings": {"Phone left out": 1},
            "seconds": 1.0,
        },
        {"batches": 1, "records": 5, "rows": 5, "seconds": 1.0},
        {
            "rows": {"delivered": count["delivered"], "rejected": count["refused"]},
            "records": {"delivered": 4, "rejected": 1},
            "reasons": {"Klaviyo: no": 1},
            "warnings": {"Phone left out": 2},
            "read_back": {"checked": 4, "found": 4, "resent": 1, "requests": 3},
            "seconds": 1.0,
        },
    ]


def test_numbers_that_add_up_are_reported_and_kept(new_run: NewRun) -> None:
    run = new_run("customers")
    result = report(run, *stages())
    assert result["rows"] == {"extracted": 10, "delivered": 4, "unchanged": 3, "rejected": 3}
    assert result["rejected_by_reason"] == {"Email is missing": 2, "Klaviyo: no": 1}
    assert result["warnings"] == {"Phone left out": 3}
    assert result["read_back"] == {"checked": 4, "found": 4, "resent": 1, "requests": 3}
    assert run.staging.read_json(run.document("report.json")) == result


@pytest.mark.parametrize("stage", ["extracted", "checked", "invalid", "unchanged", "delivered", "refused"])
def test_a_row_that_is_lost_or_counted_twice_anywhere_fails_the_run(new_run: NewRun, stage: str) -> None:
    right = {"extracted": 10, "checked": 10, "invalid": 2, "unchanged": 3, "delivered": 4, "refused": 1}[
        stage
    ]
    for wrong in (right - 1, right + 1):
        with pytest.raises(ConnectorError, match="don't add up"):
            report(new_run("customers"), *stages(**{stage: wrong}))


def test_a_dry_run_reads_nothing_back(new_run: NewRun) -> None:
    extracted, validated, shaped, pushed, _ = stages(refused=0)
    result = report(new_run("customers", dry_run=True), extracted, validated, shaped, pushed, None)
    assert result["read_back"] == {"checked": 0, "found": 0, "resent": 0, "requests": 0}
