"""Push: records to Klaviyo in batches."""

from __future__ import annotations

import logging
import time
from collections import deque

from netsuite_connector.flows.delivery import Delivery
from netsuite_connector.flows.run import Run
from netsuite_connector.klaviyo.batching import Batch
from netsuite_connector.klaviyo.client import KlaviyoClient

log = logging.getLogger(__name__)

# Klaviyo lets an account have 500 catalog jobs in progress (API reference, bulk catalog endpoints); others
# may run some too.
MOST_JOBS = 200


def push(run: Run, client: KlaviyoClient | None) -> dict[str, int | float]:
    """Send the records of every source, in the order of the sources. Returns ``batches``, ``records``,
    ``rows`` and ``seconds``.

    A dry run counts what would be sent and needs no ``client``. Where later sources need earlier ones to be
    there (variants their items), a source's jobs are
    followed to their end before the next source is sent.
    """
    began = time.monotonic()
    batches = records = rows = 0
    for number, source in enumerate(run.domain.delivered):
        delivery = Delivery(run, source, client)
        in_order = run.domain.in_order and number < len(run.domain.delivered) - 1
        under_way: deque[Batch] = deque()
        for batch in delivery.batches():
            if not isinstance(batch, Batch):
                continue
            batches += 1
            records += len(batch.records)
            rows += batch.rows
            if run.dry_run:
                continue
            delivery.send(batch)
            log.info("%s: batch %s sent (%s records so far)", source.name, batch.number, f"{records:,}")
            if run.domain.in_order:
                under_way.append(batch)
            if len(under_way) > MOST_JOBS:
                delivery.settle(under_way.popleft())
        while in_order and under_way:
            delivery.settle(under_way.popleft())
    return {
        "batches": batches,
        "records": records,
        "rows": rows,
        "seconds": round(time.monotonic() - began, 3),
    }
