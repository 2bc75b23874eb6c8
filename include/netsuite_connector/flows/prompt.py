"""Sends a few records at once and one by one, where a bulk request would have to be followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from netsuite_connector.klaviyo.batching import Batch, Record, Rejection
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import Bulk
from netsuite_connector.klaviyo.results import PushResult

# Klaviyo takes 75 profiles a second and 750 a minute one by one, 350 and 3,500 events (its OpenAPI document,
# revision 2026-07-15). So many at once leave most of a minute's share to others; more are quicker in bulk.
FEW: Mapping[Bulk, int] = {Bulk.PROFILE_IMPORT: 50, Bulk.EVENT_CREATE: 100}
_LANES = 4


class PromptClient(KlaviyoClient):
    """A client's calls, but for the push of a few profiles or events: each is sent by itself, and Klaviyo's
    answer is its outcome, without a job.
    """

    def __init__(self, client: KlaviyoClient) -> None:
        # Shares the other client's session, login and limits.
        self.__dict__.update(client.__dict__)

    def push(self, batch: Batch, bulk: Bulk) -> PushResult:
        """See :meth:`KlaviyoClient.push`."""
        if len(batch.records) > FEW.get(bulk, 0):
            return super().push(batch, bulk)
        send = self.upsert_profile if bulk is Bulk.PROFILE_IMPORT else self.create_event
        return _one_by_one(send, batch)


def _one_by_one(send: Callable[[Record], Rejection | None], batch: Batch) -> PushResult:
    with ThreadPoolExecutor(_LANES, thread_name_prefix="klaviyo-one") as pool:
        outcomes = list(pool.map(send, batch.records))
    accepted = (record for record, outcome in zip(batch.records, outcomes, strict=True) if outcome is None)
    return PushResult(tuple(accepted), tuple(each for each in outcomes if each is not None), ())
