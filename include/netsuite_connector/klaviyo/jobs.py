"""Follows bulk jobs to their end and tells what became of their records."""

from __future__ import annotations

import logging
import time
import typing
from collections.abc import Iterator, Sequence

from netsuite_connector.klaviyo import endpoints
from netsuite_connector.klaviyo.batching import Record
from netsuite_connector.klaviyo.catalog import Catalog
from netsuite_connector.klaviyo.endpoints import Action, Bulk, Endpoint
from netsuite_connector.klaviyo.errors import (
    Answer,
    KlaviyoFaultError,
    KlaviyoJobError,
    KlaviyoJobPendingError,
    KlaviyoRequestError,
    Problem,
)
from netsuite_connector.klaviyo.reading import PAGE
from netsuite_connector.klaviyo.results import (
    Identities,
    JobResult,
    JobStatus,
    Reason,
    external_id,
    rejections,
)
from netsuite_connector.klaviyo.transport import Transport

log = logging.getLogger(__name__)


class Jobs:
    """The bulk jobs of one account. ``pause`` is the first and the longest time between two looks at a job,
    in seconds.
    """

    def __init__(self, transport: Transport, catalog: Catalog) -> None:
        self._transport = transport
        self._catalog = catalog

    def follow(
        self,
        bulk: Bulk,
        job_id: str,
        records: Sequence[Record],
        *,
        timeout: float,
        pause: tuple[float, float],
    ) -> JobResult:
        """See :meth:`netsuite_connector.klaviyo.client.KlaviyoClient.follow`."""
        endpoint = bulk.envelope.job
        if endpoint is None:
            raise ValueError(f"Klaviyo starts no job for {bulk}.")
        attributes = self.wait(endpoint, job_id, timeout=timeout, pause=pause)
        failed = int(attributes.get("failed_count") or 0)
        reasons: dict[int, list[Reason]] = {}
        strangers = 0
        if bulk is Bulk.PROFILE_IMPORT:
            entries = self._import_errors(job_id) if failed else iter(())
        else:
            entries = iter(attributes.get("errors") or ())
        identities = Identities(bulk, records)
        for entry in entries:
            place = identities.locate(entry)
            if place is None:
                strangers += 1
            else:
                reasons.setdefault(place[0], []).append(Reason.of(Problem.parse(entry), place[1]))
        # Where Klaviyo leaves the count out, its entries are counted.
        failed = max(failed, len(reasons)) if failed else len(reasons) + strangers
        misdirected = self._misdirected(bulk, [records[position] for position in reasons])
        keys = tuple(
            records[position].key for position in sorted(reasons) if records[position].key in misdirected
        )
        log.info("Job %s: %d of %d records failed", job_id, failed, len(records))
        return JobResult(
            status=JobStatus.COMPLETE,
            total=int(attributes.get("total_count") or 0),
            completed=int(attributes.get("completed_count") or 0),
            failed=failed,
            rejected=tuple(r for r in rejections(records, reasons) if r.key not in misdirected),
            rerouted=() if bulk.action is Action.DELETE else keys,
            absent=keys if bulk.action is Action.DELETE else (),
            unplaced=failed - len(reasons),
        )

    def wait(
        self, endpoint: Endpoint, job_id: str, *, timeout: float, pause: tuple[float, float]
    ) -> dict[str, typing.Any]:
        """The attributes of the job once it is complete. Raises :class:`KlaviyoJobPendingError` when it isn't
        after ``timeout`` seconds, :class:`KlaviyoJobError` when it never will be.
        """
        deadline = time.monotonic() + timeout
        wait, longest = pause
        while True:
            try:
                attributes = self._transport.call(endpoint, job_id=job_id)["data"]["attributes"]
                status = JobStatus(attributes["status"])
            except KlaviyoRequestError as error:
                if error.answer is not None and error.answer.status == 404:
                    raise _job_error(
                        f"Klaviyo doesn't know the job {job_id} (it keeps jobs for 7 days): "
                        "push its records again.",
                        error.answer,
                    ) from error
                raise
            except (KeyError, TypeError, ValueError) as error:
                raise KlaviyoFaultError(f"Klaviyo's answer about the job {job_id} makes no sense.") from error
            done, total = attributes.get("completed_count") or 0, attributes.get("total_count") or 0
            if status is JobStatus.COMPLETE:
                return typing.cast("dict[str, typing.Any]", attributes)
            if status is JobStatus.CANCELLED:
                raise _job_error(
                    f"Klaviyo cancelled the job {job_id} after {done} of {total} records: "
                    "push its records again.",
                    None,
                )
            if time.monotonic() + wait > deadline:
                raise KlaviyoJobPendingError(
                    f"The job {job_id} is still {status} after {timeout:.0f} seconds "
                    f"({done} of {total} records): follow it again later."
                )
            time.sleep(wait)
            wait = min(wait * 1.5, longest)

    def _import_errors(self, job_id: str) -> Iterator[dict[str, typing.Any]]:
        query = {"page[size]": str(PAGE)}
        for resource in self._transport.get_all(endpoints.IMPORT_ERRORS, query, job_id=job_id):
            yield resource["attributes"]

    def _misdirected(self, bulk: Bulk, failed: Sequence[Record]) -> set[str]:
        """Keys of the failed catalog records that are there though they were to be created, or are not there
        though they were to be changed or deleted.

        Klaviyo publishes no code for either, so what is there decides.
        """
        if not failed or bulk.catalog is None:
            return set()
        there = self._catalog.existing(bulk.catalog, [external_id(record) for record in failed])
        created = bulk.action is Action.CREATE
        return {record.key for record in failed if (external_id(record) in there) == created}


def _job_error(message: str, answer: Answer | None) -> KlaviyoJobError:
    error = KlaviyoJobError(message)
    error.answer = answer
    return error
