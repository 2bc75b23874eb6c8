"""What a store's file may say of running it: when a run stops before it sends, and how long data stays."""

from __future__ import annotations

from pydantic import Field

from netsuite_connector.stores.base import Settings


class VolumeGates(Settings):
    """Against the median of recent runs of the same kind: ``drop`` is the share of the rows that may be
    missing, ``jump`` how many times as many there may be. None: no gate.
    """

    drop: float | None = Field(default=None, gt=0, lt=1)
    jump: float | None = Field(default=None, gt=1)


class WholeGates(VolumeGates):
    """Of runs that read everything."""

    drop: float | None = Field(default=0.5, gt=0, lt=1)
    jump: float | None = Field(default=3.0, gt=1)


class IncrementGates(VolumeGates):
    """Of runs that go on from a mark, by rows an hour, which come and go with the time of day: they have no
    ``drop`` unless the store sets one.
    """

    jump: float | None = Field(default=50.0, gt=1)


class GateSettings(Settings):
    """What stops a run before it sends. ``rejected_share`` of the rows and ``rejected_rows``: at most so many
    may be rejected. ``least_rows``: with fewer, shares and volumes say nothing.
    """

    rejected_share: float | None = Field(default=0.5, gt=0, lt=1)
    rejected_rows: int | None = Field(default=None, ge=0)
    least_rows: int = Field(default=100, ge=1)
    whole: WholeGates = WholeGates()
    increments: IncrementGates = IncrementGates()


class RetentionDays(Settings):
    """How many days something stays in staging after it was last touched.

    ``raw``: rows as they were read, checked and deleted. ``records``: what was made of them and sent, and
    what a run rejected. ``rejected``: rows on the list of rejected rows, after they were last seen.
    ``reports``: numbers and quality results, which hold no rows.
    """

    raw: int = Field(default=7, ge=1)
    records: int = Field(default=14, ge=1)
    rejected: int = Field(default=90, ge=1)
    reports: int = Field(default=400, ge=1)


class ReconciliationSettings(Settings):
    """How NetSuite and Klaviyo are compared. ``schedule`` is five-field cron in the store's time zone, or
    none; such a run compares yesterday and the days before it, ``days`` in all. What changed in NetSuite
    within the last ``delay_minutes`` need not show in Klaviyo yet.
    """

    schedule: str | None = "20 5 * * *"
    days: int = Field(default=3, ge=1, le=31)
    delay_minutes: int = Field(default=60, ge=0, le=2880)
