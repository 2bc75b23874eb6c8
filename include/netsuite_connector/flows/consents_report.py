"""Report of the flow *consents*: its numbers, and the high-water mark that moves when they add up."""

from __future__ import annotations

from collections import Counter
from typing import Any

from netsuite_connector.errors import ConnectorError
from netsuite_connector.flows import highwater, rejections
from netsuite_connector.flows.plan import Plan
from netsuite_connector.flows.run import Run

Counts = dict[str, Any]


def report(  # noqa: PLR0913, PLR0917 - what each stage counted
    run: Run,
    extracted: Counts,
    validated: Counts,
    guarded: Counts,
    imported: Counts,
    suppressed: Counts,
    confirmed: Counts,
) -> Counts:
    """The run's numbers, written into staging and returned. ``rows`` are those of the saved searches: each is
    accounted for by what became of its address. Raises ConnectorError when they don't add up.
    """
    rows = {
        "extracted": extracted["rows"],
        "delivered": confirmed["rows"]["delivered"],
        "unchanged": confirmed["rows"]["unchanged"],
        "rejected": validated["rejected"] + confirmed["rows"]["rejected"],
    }
    adds_up = rows["extracted"] == rows["delivered"] + rows["unchanged"] + rows["rejected"]
    stages = {
        "extract": extracted,
        "validate": validated,
        "guard": guarded,
        "import": imported,
        "suppress": suppressed,
        "confirm": confirmed,
    }
    result = {
        "store": run.store.store,
        "flow": run.domain.flow,
        "window": {"from": run.window.start_text, "to": run.window.end_text},
        "dry_run": run.dry_run,
        "rows": rows,
        "people": confirmed["people"],
        "rejected_by_reason": dict(Counter(validated["reasons"]) + Counter(confirmed["reasons"])),
        "warnings": extracted["warnings"],
        # A run that began with an earlier version did not count it in all stages.
        "entered_into_guard": sum(stage.get("entered", 0) for stage in (guarded, imported, confirmed)),
        "unsubscribed_again": guarded["mended"] + confirmed["mended"],
        "deleted": extracted["deleted"],
        "seconds": round(sum(stage["seconds"] for stage in stages.values()), 3),
        "stages": {name: stage["seconds"] for name, stage in stages.items()},
        "adds_up": adds_up,
    }
    run.staging.write_json(run.document("report.json"), result)
    if not adds_up:
        raise ConnectorError(
            f"The numbers of this consents run don't add up: rows {rows}. "
            "Nothing was lost in staging; clear the run to do it again, and report this."
        )
    return result


def finish(run: Run, made: Plan, numbers: Counts) -> Counts:
    """Bring the list of rejected rows up to date after a run that adds up, then move the high-water mark.
    Returns ``numbers`` with what was planned.
    """
    listed = rejections.record(run)
    mark = highwater.advance(run, made.mark) if made.asked.moves_mark else highwater.read(run)
    done = numbers | {
        "high_water_mark": None if mark is None else mark.moment,
        "settings_from": dict(made.origins),
        "rejected_list": listed,
    }
    run.staging.write_json(run.document("report.json"), done)
    return done
