"""What a person can ask of a run in the trigger form, by CLI and by REST."""

from __future__ import annotations

from airflow.sdk import Param


def flow_params() -> dict[str, Param]:
    """The parameters of every flow."""
    return {
        "from": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Changed from",
            description="Only records last changed at or after this moment (UTC). Empty: since the last run "
            "(the high-water mark), or from the beginning when 'Changed before' is given.",
        ),
        "to": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Changed before",
            description="Only records last changed before this moment (UTC). Empty: until now.",
        ),
        "full": Param(
            False,  # noqa: FBT003 - the parameter's default
            type="boolean",
            title="Everything again",
            description="Read all records, whatever the high-water mark says. What has not changed is not "
            "sent again.",
        ),
        "limit": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Limit",
            description="Stop after about so many rows of each saved search; a record's lines stay together. "
            "Empty: all.",
        ),
        "dry_run": Param(
            False,  # noqa: FBT003 - the parameter's default
            type="boolean",
            title="Dry run",
            description="Read, check and shape everything, and count what would be sent; send nothing.",
        ),
    }
