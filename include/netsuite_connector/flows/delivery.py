"""The batches of one source on their way to Klaviyo, with what is known of each kept in staging.

A batch is a fixed piece of the source's records, so a push that was killed finds on its next try which
batches Klaviyo already has. Its document says what was
sent, which jobs Klaviyo started for it, and, once these are done ("settled"), which records Klaviyo refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from netsuite_connector.domains.model import Kind, Source
from netsuite_connector.errors import RemoteFaultError
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.underway import Underway
from netsuite_connector.klaviyo.batching import Batch, Record, Rejection, split
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import Bulk
from netsuite_connector.klaviyo.errors import KlaviyoJobError

# The bulk request that creates a record of each kind, and for the catalog the one that changes what is there.
_BULK = {
    Kind.PROFILE: Bulk.PROFILE_IMPORT,
    Kind.EVENT: Bulk.EVENT_CREATE,
    Kind.CATEGORY: Bulk.CATEGORY_CREATE,
    Kind.ITEM: Bulk.ITEM_CREATE,
    Kind.VARIANT: Bulk.VARIANT_CREATE,
    Kind.ITEM_CHANGE: Bulk.ITEM_UPDATE,
    Kind.VARIANT_CHANGE: Bulk.VARIANT_UPDATE,
    Kind.ITEM_DELETION: Bulk.ITEM_DELETE,
    Kind.VARIANT_DELETION: Bulk.VARIANT_DELETE,
}
_UPDATE = {
    Bulk.CATEGORY_CREATE: Bulk.CATEGORY_UPDATE,
    Bulk.ITEM_CREATE: Bulk.ITEM_UPDATE,
    Bulk.VARIANT_CREATE: Bulk.VARIANT_UPDATE,
}
# Records that only change what is there: they can't become a creation.
_CHANGES = {Kind.ITEM_CHANGE, Kind.VARIANT_CHANGE}
NOT_THERE = "Klaviyo's catalog does not have it yet"
_OTHER = _UPDATE | {update: create for create, update in _UPDATE.items()}


# What a profile may pass without, where Klaviyo has it with another profile.
_PHONE, _EXTERNAL_ID = "phone", "external id"


@dataclass(frozen=True, slots=True)
class Send:
    """One request: what kind, which records it held, and the job that Klaviyo started for it, if it does for
    the kind.
    """

    bulk: Bulk
    job: str | None
    keys: tuple[str, ...]
    without: tuple[str, ...] = ()

    @property
    def without_phone(self) -> bool:
        """Whether the profiles went without their phone numbers."""
        return _PHONE in self.without

    @property
    def without_external_id(self) -> bool:
        """Whether the profiles went without their external ids."""
        return _EXTERNAL_ID in self.without


@dataclass(slots=True)
class Document:
    """What is known of a batch. ``rejected`` holds reasons by key; ``absent`` are the keys of what was to be
    taken away and was not there; ``settled``: Klaviyo has nothing more to say; ``resent``: how many records
    were sent again because they did not show.
    """

    sends: list[Send] = field(default_factory=list)
    rejected: dict[str, tuple[str, ...]] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    settled: bool = False
    resent: int = 0

    @classmethod
    def parse(cls, document: dict[str, Any]) -> Document:
        """The document from its JSON."""
        sends = [
            Send(Bulk(send["bulk"]), send["job"], tuple(send["keys"]), tuple(send["without"]))
            for send in document["sends"]
        ]
        rejected = {key: tuple(why) for key, why in document["rejected"].items()}
        absent = document.get("absent", [])
        return cls(sends, rejected, absent, document["settled"], document.get("resent", 0))


class Delivery:
    """Sends and follows the batches of one source of a run. ``bulk`` is the request that its kind of record
    travels in first. Different batches may be sent by several threads.
    """

    def __init__(self, run: Run, source: Source, client: KlaviyoClient | None) -> None:
        """``client`` may be None where batches are only counted."""
        self._run = run
        self._source = source
        self._client = client
        assert source.kind is not None, "a lookup is not delivered"  # noqa: S101
        self.bulk = _BULK[source.kind]
        self._underway = Underway(run, source)
        # The documents belong to these very records: others have another manifest id.
        self._folder = run.document("push", source.name, run.dataset("records", source).require().id)

    def batches(self) -> Iterator[Batch | Rejection]:
        """The source's records in batches, and a rejection for each that no request can hold; the same on
        every try.
        """
        return split(self._records(), self.bulk)

    def document(self, batch: Batch) -> Document | None:
        """What is known of a batch; None before it was sent."""
        content = self._run.staging.read_json(self._place(batch))
        return None if content is None else Document.parse(content)

    def send(self, batch: Batch) -> Document:
        """Send a batch, unless an earlier try did, and write down what came of it."""
        document = self.document(batch)
        if document is None:
            document = Document()
            for bulk, records in self._by_request(batch, document):
                self._push(batch, records, bulk, document)
            document.settled = all(send.job is None for send in document.sends)
            self._write(batch, document)
        return document

    def settle(self, batch: Batch) -> Document:
        """Follow a sent batch's jobs to their end and write down which records Klaviyo refused."""
        document = self.send(batch)
        if document.settled:
            return document
        self._follow_all(batch, document, 0)
        return document

    def resend(self, batch: Batch, keys: Collection[str]) -> Document:
        """Send some records of a settled batch once more, follow their jobs, and write down what came of
        it.
        """
        document = self.settle(batch)
        records = tuple(record for record in batch.records if record.key in keys)
        sent = len(document.sends)
        for bulk, part in self._by_request(Batch(batch.number, records, batch.bytes), document):
            self._push(batch, part, bulk, document)
        document.resent += len(records)
        self._follow_all(batch, document, sent)
        return document

    def reject(self, batch: Batch, document: Document, reasons: Mapping[str, tuple[str, ...]]) -> None:
        """Write down that records of the batch are not there, and why."""
        document.rejected |= reasons
        self._write(batch, document)

    def _follow_all(self, batch: Batch, document: Document, position: int) -> None:
        records = {record.key: record for record in batch.records}
        # What is sent again on the way comes to the end of the list and is followed too.
        while position < len(document.sends):
            self._follow(batch, document.sends[position], records, document)
            position += 1
        document.settled = True
        self._write(batch, document)

    def _follow(self, batch: Batch, send: Send, records: dict[str, Record], document: Document) -> None:
        if send.job is None:
            return
        sent = [self._as_sent(records[key], send.bulk, send.without) for key in send.keys]
        try:
            result = self._klaviyo.follow(send.bulk, send.job, sent)
        except KlaviyoJobError as error:
            # Nobody knows what became of the records; stable identities make sending them again harmless.
            self._forget(batch)
            raise RemoteFaultError(f"{error} The next try does so.") from error
        if result.unplaced:
            self._forget(batch)
            raise RemoteFaultError(
                f"Klaviyo reports {result.unplaced} failures in job {send.job} but names no records: "
                "the next try sends the batch again; if this lasts, look the job up in Klaviyo."
            )
        self._refused(batch, result.rejected, records, send, document)
        self._not_there(result.absent, document)
        rerouted = [records[key] for key in result.rerouted]
        if rerouted and self._source.kind in _CHANGES:
            self._not_there([record.key for record in rerouted], document)
        elif rerouted and send.bulk is _OTHER[self.bulk]:
            reason = (
                "Klaviyo took it neither as new nor as a change: it was created or deleted at the same time"
            )
            document.rejected |= {record.key: (reason,) for record in rerouted}
        elif rerouted:
            self._push(batch, rerouted, _OTHER[send.bulk], document)

    def _push(
        self,
        batch: Batch,
        records: list[Record],
        bulk: Bulk,
        document: Document,
        without: tuple[str, ...] = (),
    ) -> None:
        """Send records of the batch as one kind of request, and note in the document what came of it."""
        self._underway.go_on()
        payloads = tuple(self._as_sent(record, bulk, without) for record in records)
        result = self._klaviyo.push(Batch(batch.number, payloads, batch.bytes), bulk)
        if result.jobs:
            for job in result.jobs:
                keys = tuple(record.key for record in job.records)
                document.sends.append(Send(bulk, job.id, keys, without))
        elif result.accepted:
            keys = tuple(record.key for record in result.accepted)
            document.sends.append(Send(bulk, None, keys, without))
        by_key = {record.key: record for record in records}
        self._refused(batch, result.rejected, by_key, Send(bulk, None, (), without), document)

    def _refused(
        self,
        batch: Batch,
        rejections: Iterable[Rejection],
        records: dict[str, Record],
        send: Send,
        document: Document,
    ) -> None:
        """Reject what Klaviyo refused, but send a profile again without its phone, or its external id, if
        only that stands in the way.
        """
        again: dict[str, list[Record]] = {}
        for rejection in rejections:
            record = records[rejection.key]
            less = self._to_leave_out(record, rejection, send)
            if less is None:
                document.rejected[rejection.key] = rejection.reasons
            else:
                again.setdefault(less, []).append(record)
        for less, group in again.items():
            self._push(batch, group, send.bulk, document, (*send.without, less))

    def _to_leave_out(self, record: Record, rejection: Rejection, send: Send) -> str | None:
        """What the profile may pass without, the phone before the external id; None where nothing helps."""
        in_the_way = {_PHONE: rejection.only_phone, _EXTERNAL_ID: rejection.only_external_id}
        for name, leave_out in self._lesser.items():
            if in_the_way[name] and name not in send.without and leave_out(record.payload) != record.payload:
                return name
        return None

    @property
    def _lesser(self) -> dict[str, Callable[[bytes], bytes]]:
        domain = self._run.domain
        known = {_PHONE: domain.without_phone, _EXTERNAL_ID: domain.without_external_id}
        return {name: leave_out for name, leave_out in known.items() if leave_out is not None}

    def _by_request(self, batch: Batch, document: Document) -> Iterator[tuple[Bulk, list[Record]]]:
        """The batch by request: what Klaviyo's catalog has already is changed, the rest created."""
        if self._source.kind in _CHANGES:
            changes = self._changes(batch, document)
            if changes:
                yield self.bulk, changes
            return
        if self.bulk not in _UPDATE:
            yield self.bulk, list(batch.records)
            return
        ids = [record.key for record in batch.records]
        assert self.bulk.catalog is not None  # noqa: S101 - only the catalog tells new from changed
        known = self._klaviyo.catalog.existing(self.bulk.catalog, ids)
        for bulk, there in ((self.bulk, False), (_UPDATE[self.bulk], True)):
            records = [record for record in batch.records if (record.key in known) == there]
            if records:
                yield bulk, records

    def _changes(self, batch: Batch, document: Document) -> list[Record]:
        """The records of the batch that change something: what Klaviyo has already is not sent, and what it
        does not have is left to the catalog.
        """
        wanted = {record.key: orjson.loads(record.payload)["attributes"] for record in batch.records}
        assert self.bulk.catalog is not None  # noqa: S101 - only the catalog is changed in parts
        fields = {name for attributes in wanted.values() for name in attributes}
        held = {
            str(resource["attributes"]["external_id"]): resource["attributes"]
            for resource in self._klaviyo.catalog.read(self.bulk.catalog, wanted, sorted(fields))
        }
        self._not_there([key for key in wanted if key not in held], document)
        return [
            record
            for record in batch.records
            if record.key in held and not wanted[record.key].items() <= held[record.key].items()
        ]

    def _not_there(self, keys: Collection[str], document: Document) -> None:
        if self._source.leaves:
            document.absent += [key for key in keys if key not in document.absent]
        else:
            document.rejected |= dict.fromkeys(keys, (NOT_THERE,))

    def _as_sent(self, record: Record, bulk: Bulk, without: tuple[str, ...]) -> Record:
        domain = self._run.domain
        for name in without:
            record = Record(record.key, self._lesser[name](record.payload), record.rows)
        if without:
            return record
        if bulk is not self.bulk and bulk in _UPDATE.values() and domain.to_update is not None:
            return Record(record.key, domain.to_update(record.payload), record.rows)
        return record

    def _records(self) -> Iterator[Record]:
        records = self._run.dataset("records", self._source)
        for batch in records.batches(columns=["key", "payload", "rows"], batch_rows=10_000):
            columns = (batch.column(name).to_pylist() for name in ("key", "payload", "rows"))
            for key, payload, rows in zip(*columns, strict=True):
                yield Record(key, payload, rows)

    @property
    def _klaviyo(self) -> KlaviyoClient:
        assert self._client is not None, "counting batches needs no client, sending them does"  # noqa: S101
        return self._client

    def _place(self, batch: Batch) -> tuple[str, ...]:
        return (*self._folder, f"batch-{batch.number:06}.json")

    def _write(self, batch: Batch, document: Document) -> None:
        self._run.staging.write_json(self._place(batch), asdict(document))

    def _forget(self, batch: Batch) -> None:
        self._run.staging.write_json(self._place(batch), None)
