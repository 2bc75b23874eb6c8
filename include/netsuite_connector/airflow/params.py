"""What a person can ask of a run in the trigger form, by CLI and by REST."""

from __future__ import annotations

from airflow.sdk import Param

# The date picker gives moments in UTC, whatever time zone the web UI shows.
_BY_WHICH_CLOCK = "Picked here it is by the time zone that Airflow shows; as text it needs an offset, or Z."


def flow_params() -> dict[str, Param]:
    """The parameters of every flow."""
    return {
        "from": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Changed from",
            description="Only records last changed at or after this moment. Empty: since the last run "
            f"(the high-water mark), or from the beginning when 'Changed before' is given. {_BY_WHICH_CLOCK}",
        ),
        "to": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Changed before",
            description=f"Only records last changed before this moment. Empty: until now. {_BY_WHICH_CLOCK}",
        ),
        "full": Param(
            False,  # noqa: FBT003 - the parameter's default
            type="boolean",
            title="Everything again",
            description="Read all records, whatever the high-water mark says. What has not changed is not "
            "sent again.",
        ),
        "resend": Param(
            False,  # noqa: FBT003 - the parameter's default
            type="boolean",
            title="Send everything again",
            description="Read all records (or those within the bounds above) and send them even if they have "
            "not changed: after something was changed or deleted in Klaviyo. Events are never sent twice.",
        ),
        "ignore_gates": Param(
            False,  # noqa: FBT003 - the parameter's default
            type="boolean",
            title="Ignore gates",
            description="Send even if more rows than usual are rejected, or the volume is not the usual one.",
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


def replay_params(flows: list[str]) -> dict[str, Param]:
    """What a person asks of a replay: which rejected rows of which of the store's ``flows``."""
    return {
        "flow": Param(
            flows[0],
            enum=flows,
            title="Flow",
            description="The flow whose rejected rows are to be read and sent again.",
        ),
        "all": Param(
            False,  # noqa: FBT003 - the parameter's default
            type="boolean",
            title="All",
            description="Switch it on to replay all of the flow's rejected rows, or all that the source and "
            "moment below leave. Off: a reason or internal ids are needed.",
        ),
        "reason": Param(
            None,
            type=["null", "string"],
            title="Reason",
            description="Only rows with a reason that has this text in it, such as 'Email'.",
        ),
        "ids": Param(
            [],
            type=["null", "array"],
            items={"type": "string", "pattern": "^[0-9]+$"},
            title="Internal ids",
            description="Only these NetSuite records: an internal id a line.",
        ),
        "source": Param(
            None,
            type=["null", "string"],
            title="Source",
            description="Only rows of this source of the flow. Empty: all its sources.",
        ),
        "since": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Last seen since",
            description=f"Only rows that were last rejected at or after this moment. {_BY_WHICH_CLOCK}",
        ),
        "dry_run": Param(
            False,  # noqa: FBT003 - the parameter's default
            type="boolean",
            title="Dry run",
            description="Read, check and shape the records anew, and count what would be sent; send nothing.",
        ),
    }


def housekeeping_params() -> dict[str, Param]:
    """What a person can ask of the housekeeping."""
    return {
        "dry_run": Param(
            False,  # noqa: FBT003 - the parameter's default
            type="boolean",
            title="Dry run",
            description="Only say in the task's log what would go; remove nothing.",
        ),
    }


def history_params(flows: list[str], years: int) -> dict[str, Param]:
    """What a person asks of a backfill of some of the store's ``flows``, up to ``years`` back."""
    return {
        "flows": Param(
            flows,
            type="array",
            items={"type": "string", "enum": flows},
            examples=flows,
            title="Flows",
            description="Whose history is delivered: flow after flow, in this order.",
        ),
        "from": Param(
            type="string",
            format="date",
            title="From",
            description=f"Only records created on or after this day, at most {years} years ago (the store's "
            "setting 'history_years'). Days are those of the store's time zone.",
        ),
        "to": Param(
            None,
            type=["null", "string"],
            format="date",
            title="To",
            description="Only records created before this day. Empty: before today.",
        ),
        "window": Param(
            "month",
            enum=["day", "week", "month", "quarter"],
            title="Window",
            description="How much one task covers. A window that failed or was stopped is done again alone.",
        ),
        "order": Param(
            "oldest first",
            enum=["oldest first", "newest first"],
            title="Order",
            description="Which windows come first.",
        ),
        "dry_run": Param(
            True,  # noqa: FBT003 - the parameter's default
            type="boolean",
            title="Dry run",
            description="Count the rows and estimate the requests and minutes that it would take; read and "
            "send nothing. Switch it off to deliver.",
        ),
        "resume": Param(
            True,  # noqa: FBT003 - the parameter's default
            type="boolean",
            title="Resume",
            description="Pass over windows that an earlier backfill has delivered with the same saved "
            "searches and filters. Off: read all of them again; what has not changed is not sent again.",
        ),
        "limit": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Limit",
            description="Stop after about so many rows of each saved search in each window. Empty: all.",
        ),
        "ignore_gates": Param(
            False,  # noqa: FBT003 - the parameter's default
            type="boolean",
            title="Ignore gates",
            description="Send a window even if more of its rows than usual are rejected.",
        ),
    }


def reconciliation_params(flows: list[str], days: int) -> dict[str, Param]:
    """What a person asks of a reconciliation of some of the store's ``flows``; ``days`` are compared unless
    they say which.
    """
    return {
        "flows": Param(
            flows,
            type="array",
            items={"type": "string", "enum": flows},
            examples=flows,
            title="Flows",
            description="Which are compared. A catalog, its stock and consents are compared as a whole.",
        ),
        "from": Param(
            None,
            type=["null", "string"],
            format="date",
            title="From",
            description="The first day to compare, in the store's time zone. "
            f"Empty: {days} days before the last.",
        ),
        "to": Param(
            None,
            type=["null", "string"],
            format="date",
            title="To",
            description="The day before which the comparison ends. Empty: before today.",
        ),
        "heal": Param(
            False,  # noqa: FBT003 - the parameter's default
            type="boolean",
            title="Heal",
            description="Deliver what is missing, and what is different and can be changed, then compare "
            "again. Nothing is ever deleted.",
        ),
    }
