"""The benches run: what they print is for people to look at."""

from __future__ import annotations

import pytest
from bench.line import STAGES, measure


@pytest.mark.parametrize("flow", ["customers", "orders"])
def test_each_stage_can_be_measured_alone(flow: str) -> None:
    results = measure(flow, 300)
    assert list(results) == list(STAGES)
    assert all(result["seconds"] > 0 for result in results.values())
