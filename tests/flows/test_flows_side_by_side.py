"""Two flows and a backfill push at once: they share Klaviyo's limits and use what there is."""

from __future__ import annotations

from pathlib import Path

from flows_workers import push_at_once

from netsuite_connector.sandbox.klaviyo.testing import running_sandbox

EVENTS = "POST /api/event-bulk-create-jobs"
SCALE = 0.5  # five bulk requests a second
BATCHES, BATCH = 6, 1000


def test_two_flows_and_a_backfill_get_no_429_and_use_the_limit(tmp_path: Path) -> None:
    count = BATCHES * BATCH
    with running_sandbox("--limits-scale", str(SCALE)) as limited:
        pushed = push_at_once(
            (str(tmp_path), limited, SCALE, 1, count, False),
            (str(tmp_path), limited, SCALE, 100_001, count, False),
            (str(tmp_path), limited, SCALE, 200_001, count, True),
        )
        limited.settled()
        state = limited.state()
    traffic = state["requests"][EVENTS]
    assert traffic["throttled"] == 0
    assert traffic["requests"] == 3 * BATCHES
    assert state["events"] == 3 * count
    # A window is kept a little longer than Klaviyo's; three processes begin and end a moment apart.
    windows = 3 * BATCHES / (10 * SCALE) * 1.11
    assert max(end for _, end in pushed) - min(began for began, _ in pushed) < 1.5 * windows + 3
    both, backfill = [end for _, end in pushed[:2]], pushed[2][1]
    # A busy machine may let one of the processes wait for a moment.
    assert backfill >= min(both) - 1, "the backfill waits for the others"
