"""The Klaviyo client: pushes batches, follows jobs to their end, and reads back what is there."""

from __future__ import annotations

import logging
import time
import typing
import urllib.parse
from collections.abc import Collection, Iterator, Mapping, Sequence

import orjson
import requests

from netsuite_connector.klaviyo import endpoints
from netsuite_connector.klaviyo.batching import Batch, Record, Rejection
from netsuite_connector.klaviyo.endpoints import COMPOUND, Bulk, Endpoint
from netsuite_connector.klaviyo.errors import (
    Answer,
    KlaviyoFaultError,
    KlaviyoJobError,
    KlaviyoJobPendingError,
    KlaviyoRecordsError,
    KlaviyoRequestError,
    KlaviyoTooLargeError,
    Problem,
)
from netsuite_connector.klaviyo.limiter import Limiter
from netsuite_connector.klaviyo.results import (
    Identities,
    Job,
    JobResult,
    JobStatus,
    PushResult,
    Reason,
    external_id,
    rejections,
)
from netsuite_connector.klaviyo.transport import Transport

log = logging.getLogger(__name__)

_QUERY_BYTES = 6_000
"""Servers refuse addresses much over 8,000 bytes; ids are asked for in portions that stay below."""

_PAGE = 100


class KlaviyoClient:
    """Calls Klaviyo for one account, with a private API key.

    ``timeout`` is seconds to connect and between bytes of an answer. Limits, faults and time-outs are tried
    again up to ``tries`` times, after pauses that begin at ``backoff`` seconds and double; then the typed
    error is raised. Repeats are safe as long as records carry stable identities (e-mail or external id,
    ``unique_id``, catalog ids).
    """

    def __init__(  # noqa: PLR0913 - each is a setting of its own
        self,
        session: requests.Session,
        *,
        base_url: str = "https://a.klaviyo.com",
        api_key: str,
        revision: str = endpoints.REVISION,
        limiter: Limiter,
        timeout: tuple[float, float] = (10, 60),
        tries: int = 5,
        backoff: float = 0.5,
    ) -> None:
        self._transport = Transport(
            session,
            base_url=base_url,
            api_key=api_key,
            revision=revision,
            limiter=limiter,
            timeout=timeout,
            tries=tries,
            backoff=backoff,
        )

    def push(self, batch: Batch, bulk: Bulk) -> PushResult:
        """Sends a batch. What Klaviyo points at is rejected with its words, and the rest is sent again.

        A request that is too large on the way is halved. Raises the errors of
        :mod:`netsuite_connector.klaviyo.errors`; what Klaviyo took before an error stays there, so push the
        same batch again.
        """
        accepted: list[Record] = []
        rejected: dict[int, Rejection] = {}
        jobs: list[Job] = []
        parts = [list(enumerate(batch.records))]
        while parts:
            part = parts.pop()
            if not part:
                continue
            records = [record for _, record in part]
            try:
                document = self._transport.call(
                    bulk.envelope.push, body=bulk.body(record.payload for record in records)
                )
            except KlaviyoTooLargeError as error:
                if len(part) == 1:
                    position, record = part[0]
                    rejected[position] = Rejection(record.key, record.rows, (_words(error),))
                else:
                    parts += [part[len(part) // 2 :], part[: len(part) // 2]]
                continue
            except KlaviyoRecordsError as error:
                refused = _pointed_at(error, bulk, len(records))
                if not refused:
                    raise
                for position, rejection in zip(sorted(refused), rejections(records, refused), strict=True):
                    rejected[part[position][0]] = rejection
                log.info("Batch %d: %d of %d records refused", batch.number, len(refused), len(records))
                parts.append([entry for position, entry in enumerate(part) if position not in refused])
                continue
            accepted += records
            if bulk.envelope.job is not None:
                jobs.append(Job(_job_id(document, bulk), tuple(records)))
        return PushResult(
            tuple(accepted), tuple(rejected[position] for position in sorted(rejected)), tuple(jobs)
        )

    def follow(
        self,
        bulk: Bulk,
        job_id: str,
        records: Sequence[Record],
        *,
        timeout: float = 1800.0,
        pause: tuple[float, float] = (0.5, 15.0),
    ) -> JobResult:
        """Waits until the job is complete and tells which of its records failed, with Klaviyo's words.

        ``records`` are those of the job in the order in which they were sent (:attr:`Job.records`). Payloads
        may be empty where the key is the external id. ``pause`` is the first and the longest time between two
        looks, in seconds.

        Raises :class:`KlaviyoJobPendingError` when it is not done after ``timeout`` seconds, and
        :class:`KlaviyoJobError` when it was cancelled or is gone: then nothing is known of its records, and
        they must be pushed again.
        """
        endpoint = bulk.envelope.job
        if endpoint is None:
            raise ValueError(f"Klaviyo starts no job for {bulk}.")
        attributes = self._wait(endpoint, job_id, timeout, pause)
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
        rerouted = self._rerouted(bulk, [records[position] for position in reasons])
        log.info("Job %s: %d of %d records failed", job_id, failed, len(records))
        return JobResult(
            status=JobStatus.COMPLETE,
            total=int(attributes.get("total_count") or 0),
            completed=int(attributes.get("completed_count") or 0),
            failed=failed,
            rejected=tuple(r for r in rejections(records, reasons) if r.key not in rerouted),
            rerouted=tuple(
                records[position].key for position in sorted(reasons) if records[position].key in rerouted
            ),
            unplaced=failed - len(reasons),
        )

    def account(self) -> dict[str, typing.Any]:
        """The account that the key belongs to: its ``id`` and ``attributes`` (timezone, currency …)."""
        for account in self.get_all(endpoints.ACCOUNTS, {}):
            return account
        raise KlaviyoRequestError(
            "Klaviyo names no account for this key: put another private key into the connection."
        )

    def existing_items(self, ids: Collection[str]) -> set[str]:
        """Those of the external ids that are catalog items in Klaviyo."""
        return self._existing(endpoints.ITEMS, "catalog-item", ids)

    def existing_variants(self, ids: Collection[str]) -> set[str]:
        """Those of the external ids that are catalog variants in Klaviyo."""
        return self._existing(endpoints.VARIANTS, "catalog-variant", ids)

    def profiles(self, query: Mapping[str, str] | None = None) -> Iterator[dict[str, typing.Any]]:
        """Profiles, ``{"id", "attributes"}`` each; ``query`` as in Klaviyo's reference."""
        return self.get_all(endpoints.PROFILES, {"page[size]": str(_PAGE), **(query or {})})

    def events(self, query: Mapping[str, str] | None = None) -> Iterator[dict[str, typing.Any]]:
        """Events with their ``relationships``; ``query`` as in Klaviyo's reference."""
        return self.get_all(endpoints.EVENTS, {"page[size]": "1000", **(query or {})})

    def get_all(
        self, endpoint: Endpoint, query: Mapping[str, str], *, job_id: str = ""
    ) -> Iterator[dict[str, typing.Any]]:
        """All resources of a listing, page after page; holds one page at a time."""
        query = dict(query)
        while True:
            document = self._transport.call(endpoint, job_id=job_id, query=query)
            yield from document.get("data") or ()
            following = (document.get("links") or {}).get("next")
            if not following:
                return
            # Only the cursor is taken from the link, so that the key can't be led to another host.
            cursor = urllib.parse.parse_qs(urllib.parse.urlsplit(following).query).get("page[cursor]")
            if not cursor or query.get("page[cursor]") == cursor[0]:
                raise KlaviyoFaultError(f"Klaviyo's link to the next page of {endpoint} leads nowhere.")
            query["page[cursor]"] = cursor[0]

    def _wait(
        self, endpoint: Endpoint, job_id: str, timeout: float, pause: tuple[float, float]
    ) -> dict[str, typing.Any]:
        """The attributes of the completed job."""
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
        for resource in self.get_all(endpoints.IMPORT_ERRORS, {"page[size]": str(_PAGE)}, job_id=job_id):
            yield resource["attributes"]

    def _rerouted(self, bulk: Bulk, failed: Sequence[Record]) -> set[str]:
        """Keys of the failed catalog records that belong into the other kind of job.

        Klaviyo publishes no code for "is there already" and "is not there", so what is there decides.
        """
        if not failed or bulk is Bulk.PROFILE_IMPORT:
            return set()
        existing = (
            self.existing_items if bulk in (Bulk.ITEM_CREATE, Bulk.ITEM_UPDATE) else self.existing_variants
        )
        there = existing([external_id(record) for record in failed])
        created = bulk in (Bulk.ITEM_CREATE, Bulk.VARIANT_CREATE)
        return {record.key for record in failed if (external_id(record) in there) == created}

    def _existing(self, endpoint: Endpoint, kind: str, ids: Collection[str]) -> set[str]:
        found: set[str] = set()
        for portion in _portions(ids):
            query = {
                "filter": f"any(ids,[{','.join(portion)}])",
                f"fields[{kind}]": "external_id",
                "page[size]": str(_PAGE),
            }
            found.update(item["attributes"]["external_id"] for item in self.get_all(endpoint, query))
        return found


def _portions(ids: Collection[str]) -> Iterator[list[str]]:
    """The ids as quoted compound ids of a filter, in portions that one page and one address can hold."""
    portion: list[str] = []
    size = 0
    for identifier in dict.fromkeys(ids):
        quoted = orjson.dumps(COMPOUND + identifier).decode()
        length = len(urllib.parse.quote(quoted)) + 3
        if portion and (len(portion) == _PAGE or size + length > _QUERY_BYTES):
            yield portion
            portion, size = [], 0
        portion.append(quoted)
        size += length
    if portion:
        yield portion


def _pointed_at(error: KlaviyoRecordsError, bulk: Bulk, count: int) -> dict[int, list[Reason]]:
    """Reasons by the position of the record that Klaviyo points at."""
    reasons: dict[int, list[Reason]] = {}
    for problem in error.answer.problems if error.answer else ():
        place = bulk.locate(problem.pointer)
        if place is not None and place[0] < count:
            reasons.setdefault(place[0], []).append(Reason.of(problem, place[1]))
    return reasons


def _words(error: KlaviyoTooLargeError) -> str:
    problems = error.answer.problems if error.answer else ()
    return (
        Reason.of(problems[0], "").sentence if problems else "Klaviyo: the record is too large for a request."
    )


def _job_id(document: Mapping[str, typing.Any], bulk: Bulk) -> str:
    try:
        return str(document["data"]["id"])
    except (KeyError, TypeError) as error:
        raise KlaviyoFaultError(
            f"Klaviyo took the request to {bulk.envelope.push} but named no job."
        ) from error


def _job_error(message: str, answer: Answer | None) -> KlaviyoJobError:
    error = KlaviyoJobError(message)
    error.answer = answer
    return error
