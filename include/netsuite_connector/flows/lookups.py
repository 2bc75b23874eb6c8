"""What a flow looks things up in."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from netsuite_connector.domains.model import Site
from netsuite_connector.flows.run import Run

_ROWS = 10_000


def site_of(run: Run) -> Site:
    """The run's site with the rows of the flow's lookups, as they were extracted."""
    lookups = {
        source.name: partial(run.dataset("extract", source).batches, batch_rows=_ROWS)
        for source in run.domain.extracted
        if source.kind is None
    }
    return replace(run.site, lookups=lookups)
