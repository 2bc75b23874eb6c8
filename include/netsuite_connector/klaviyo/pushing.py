"""Sends records: batches in bulk requests, or one at a time where it must be quick."""

from __future__ import annotations

import logging
import typing
from collections.abc import Mapping, Sequence

import orjson

from netsuite_connector.klaviyo import endpoints
from netsuite_connector.klaviyo.batching import Record, Rejection
from netsuite_connector.klaviyo.endpoints import Endpoint, Envelope, field_of
from netsuite_connector.klaviyo.errors import (
    KlaviyoFaultError,
    KlaviyoRecordsError,
    KlaviyoTooLargeError,
)
from netsuite_connector.klaviyo.results import Job, PushResult, Reason, rejections
from netsuite_connector.klaviyo.transport import Transport

log = logging.getLogger(__name__)

_ONE = "/data/attributes/"
"""Where the pointers of a request with one record lead when they mean that record."""


class Pushing:
    """Sends records to one account."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def push(self, records: Sequence[Record], envelope: Envelope) -> PushResult:
        """Sends the records of one request. What Klaviyo points at is rejected with its words, and the rest
        is sent again. A request that is too large on the way is halved.
        """
        accepted: list[Record] = []
        rejected: dict[int, Rejection] = {}
        jobs: list[Job] = []
        parts = [list(enumerate(records))]
        while parts:
            part = parts.pop()
            if not part:
                continue
            sent = [record for _, record in part]
            try:
                document = self._transport.call(
                    envelope.push, body=envelope.request(record.payload for record in sent)
                )
            except KlaviyoTooLargeError as error:
                if len(part) == 1:
                    position, record = part[0]
                    rejected[position] = Rejection(record.key, record.rows, (_words(error),))
                else:
                    parts += [part[len(part) // 2 :], part[: len(part) // 2]]
                continue
            except KlaviyoRecordsError as error:
                refused = pointed_at(error, envelope, len(sent))
                if not refused:
                    raise
                for position, rejection in zip(sorted(refused), rejections(sent, refused), strict=True):
                    rejected[part[position][0]] = rejection
                log.info("%s: %d of %d records refused", envelope.push, len(refused), len(sent))
                parts.append([entry for position, entry in enumerate(part) if position not in refused])
                continue
            accepted += sent
            if envelope.job is not None:
                jobs.append(Job(_job_id(document, envelope), tuple(sent)))
        return PushResult(
            tuple(accepted), tuple(rejected[position] for position in sorted(rejected)), tuple(jobs)
        )

    def upsert_profile(self, record: Record) -> Rejection | None:
        """Creates or updates the profile of a record of ``Bulk.PROFILE_IMPORT`` at once; None when Klaviyo
        has it. Here, other than in bulk, null clears an attribute.
        """
        return self._send_one(endpoints.PROFILE_UPSERT, record, b'{"data":' + record.payload + b"}")

    def create_event(self, record: Record) -> Rejection | None:
        """Sends the event of a record of ``Bulk.EVENT_CREATE`` at once; None when Klaviyo took it, which is
        not yet proof that it records it.
        """
        group = orjson.loads(record.payload)["attributes"]
        [event] = group["events"]["data"]
        profile = group["profile"]["data"]
        # Here, other than in bulk, the meta of the profile is one of its attributes.
        meta = {"meta": profile["meta"]} if profile.get("meta") else {}
        attributes = {name: value for name, value in profile["attributes"].items() if value is not None}
        person = {key: value for key, value in profile.items() if key != "meta"}
        backfill = {"backfill": True} if group.get("backfill") else {}
        whose = {"profile": {"data": {**person, "attributes": attributes | meta}}}
        document = {"data": {"type": "event", "attributes": backfill | event["attributes"] | whose}}
        return self._send_one(endpoints.EVENT_CREATE, record, orjson.dumps(document))

    def _send_one(self, endpoint: Endpoint, record: Record, body: bytes) -> Rejection | None:
        try:
            self._transport.call(endpoint, body=body)
        except KlaviyoTooLargeError as error:
            return Rejection(record.key, record.rows, (_words(error),))
        except KlaviyoRecordsError as error:
            problems = error.answer.problems if error.answer else ()
            reasons = [
                Reason.of(problem, field_of((problem.pointer or "").removeprefix(_ONE)))
                for problem in problems
                if (problem.pointer or "").startswith(_ONE) or problem.code == "duplicate_profile"
            ]
            if not reasons:
                raise
            return rejections([record], {0: reasons})[0]
        return None


def pointed_at(error: KlaviyoRecordsError, envelope: Envelope, count: int) -> dict[int, list[Reason]]:
    """Reasons by the position of the record that Klaviyo points at."""
    reasons: dict[int, list[Reason]] = {}
    for problem in error.answer.problems if error.answer else ():
        place = envelope.locate(problem.pointer)
        if place is not None and place[0] < count:
            reasons.setdefault(place[0], []).append(Reason.of(problem, place[1]))
    return reasons


def _words(error: KlaviyoTooLargeError) -> str:
    problems = error.answer.problems if error.answer else ()
    return (
        Reason.of(problems[0], "").sentence if problems else "Klaviyo: the record is too large for a request."
    )


def _job_id(document: Mapping[str, typing.Any], envelope: Envelope) -> str:
    try:
        return str(document["data"]["id"])
    except (KeyError, TypeError) as error:
        raise KlaviyoFaultError(f"Klaviyo took the request to {envelope.push} but named no job.") from error
