"""Report: the numbers of a run, which must add up."""

from __future__ import annotations

from collections import Counter
from typing import Any

from netsuite_connector.errors import ConnectorError
from netsuite_connector.flows.run import Run

Counts = dict[str, Any]

# Of a dry run, and of a catalog that Klaviyo fetches by itself.
_NOTHING_OVERTAKEN = {"records": 0, "rows": 0}
_NOTHING_READ = dict.fromkeys(("checked", "found", "resent", "requests"), 0)


def report(  # noqa: PLR0913, PLR0917 - what each stage counted
    run: Run, extracted: Counts, validated: Counts, shaped: Counts, pushed: Counts, confirmed: Counts | None
) -> dict[str, Any]:
    """The run's numbers, written into staging and returned.

    ``rows`` are those of the saved searches, ``records`` what Klaviyo got for them; each holds extracted (or
    shaped), delivered, unchanged and rejected. ``read_back`` says how much of it was looked up in Klaviyo.
    A dry run has no ``confirmed``: delivered is then what would be sent. Raises ConnectorError when the rows
    don't add up.
    """
    sent = {"rows": pushed["rows"], "records": pushed["records"]}
    overtaken = pushed.get("overtaken", _NOTHING_OVERTAKEN)
    done = confirmed or {
        "rows": {"delivered": sent["rows"], "rejected": shaped["rows"]["to_send"] - sent["rows"]},
        "records": {"delivered": sent["records"], "rejected": shaped["records"]["to_send"] - sent["records"]},
        "reasons": {},
        "warnings": {},
        "requests": 0,
        "seconds": 0.0,
    }
    rows = {
        "extracted": extracted["rows"],
        "delivered": done["rows"]["delivered"],
        "unchanged": shaped["rows"]["unchanged"] + overtaken["rows"],
        "rejected": validated["rejected"] + done["rows"]["rejected"],
    }
    records = {
        "shaped": shaped["records"]["shaped"],
        "delivered": done["records"]["delivered"],
        "unchanged": shaped["records"]["unchanged"] + overtaken["records"],
        "rejected": done["records"]["rejected"],
    }
    adds_up = (
        rows["extracted"] == rows["delivered"] + rows["unchanged"] + rows["rejected"]
        and records["shaped"] == records["delivered"] + records["unchanged"] + records["rejected"]
        and validated["rows"] == extracted["rows"]
    )
    stages = {
        "extract": extracted,
        "validate": validated,
        "shape": shaped,
        "push": pushed,
        "confirm": done,
    }
    result = {
        "store": run.store.store,
        "flow": run.domain.flow,
        "window": {"from": run.window.start_text, "to": run.window.end_text},
        "dry_run": run.dry_run,
        "rows": rows,
        "records": records,
        "rejected_by_reason": dict(Counter(validated["reasons"]) + Counter(done["reasons"])),
        "warnings": dict(
            sum((Counter(counts["warnings"]) for counts in (extracted, shaped, done)), Counter())
        ),
        "deleted": extracted["deleted"],
        "batches": pushed["batches"],
        "read_back": done.get("read_back", _NOTHING_READ),
        "seconds": round(sum(stage["seconds"] for stage in stages.values()), 3),
        "stages": {name: stage["seconds"] for name, stage in stages.items()},
        "adds_up": adds_up,
    }
    run.staging.write_json(run.document("report.json"), result)
    if not adds_up:
        raise ConnectorError(
            f"The numbers of this {run.domain.flow} run don't add up: rows {rows}, records {records}. "
            "Nothing was lost in staging; clear the run to do it again, and report this."
        )
    return result
