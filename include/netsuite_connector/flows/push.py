"""Push: records to Klaviyo in batches."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from typing import Any

from netsuite_connector.flows import feed
from netsuite_connector.flows.delivery import Delivery
from netsuite_connector.flows.overtaken import leave_out
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.underway import Underway
from netsuite_connector.klaviyo.batching import Batch
from netsuite_connector.klaviyo.client import KlaviyoClient

log = logging.getLogger(__name__)

# Klaviyo lets an account have 500 catalog jobs in progress (API reference, bulk catalog endpoints); others
# may run some too.
MOST_JOBS = 200

# So many requests are on their way at once that Klaviyo's steady limit is used up even where it takes so many
# seconds to answer one, but no more than a session keeps connections for.
ANSWER_SECONDS = 2
MOST_LANES = 10


def push(run: Run, client: KlaviyoClient | None) -> dict[str, Any]:
    """Send the records of every source, in the order of the sources. Returns ``batches``, ``records``,
    ``rows`` and ``seconds``; ``overtaken``: the records and rows that were left out as another run has
    delivered newer ones.

    Batches of one source are sent a few at a time. A dry run counts what would be sent and needs no
    ``client``. Where later sources need earlier ones to be there (variants their items), a source's jobs are
    followed to their end before the next source is sent.
    """
    if run.domain.feed:
        return feed.publish(run)
    began = time.monotonic()
    tally: Counter[str] = Counter(batches=0, records=0, rows=0)
    overtaken: Counter[str] = Counter(records=0, rows=0)
    with ThreadPoolExecutor(MOST_LANES, thread_name_prefix="klaviyo-lane") as pool:
        for source in run.domain.delivered:
            if not run.dry_run:
                overtaken.update(asdict(leave_out(run, source)))
                Underway(run, source).begin()
            delivery = Delivery(run, source, client)
            batches = (batch for batch in delivery.batches() if isinstance(batch, Batch))
            lanes = min(MOST_LANES, delivery.bulk.envelope.push.steady * ANSWER_SECONDS // 60)
            at_once = partial(_at_once, pool, lanes)
            sent = batches if run.dry_run else at_once(delivery.send, batches)
            counted = _counted(source.name, sent, tally)
            if run.domain.in_order and not run.dry_run:
                counted = at_once(delivery.settle, _held_back(counted))
            for _ in counted:
                pass
    return {**tally, "overtaken": dict(overtaken), "seconds": round(time.monotonic() - began, 3)}


def _at_once(
    pool: Executor, lanes: int, work: Callable[[Batch], object], batches: Iterable[Batch]
) -> Iterator[Batch]:
    """The batches in their order, each once its work is done; raises what kept the first one from it."""
    on_the_way: deque[tuple[Batch, Future[object]]] = deque()
    for batch in batches:
        on_the_way.append((batch, pool.submit(work, batch)))
        if len(on_the_way) == lanes:
            yield _arrived(on_the_way)
    while on_the_way:
        yield _arrived(on_the_way)


def _arrived(on_the_way: deque[tuple[Batch, Future[object]]]) -> Batch:
    batch, working = on_the_way.popleft()
    working.result()
    return batch


def _held_back(batches: Iterable[Batch]) -> Iterator[Batch]:
    """The batches in their order, each when ``MOST_JOBS`` more were sent: by then its job may be done."""
    waiting: deque[Batch] = deque()
    for batch in batches:
        waiting.append(batch)
        if len(waiting) > MOST_JOBS:
            yield waiting.popleft()
    yield from waiting


def _counted(name: str, batches: Iterable[Batch], tally: Counter[str]) -> Iterator[Batch]:
    for batch in batches:
        tally.update(batches=1, records=len(batch.records), rows=batch.rows)
        log.info("%s: batch %s sent (%s records so far)", name, batch.number, f"{tally['records']:,}")
        yield batch
