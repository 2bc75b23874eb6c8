"""The batches of one source on their way to Klaviyo, with what is known of each kept in staging.

A batch is a fixed piece of the source's records, so a push that was killed finds on its next try which
batches Klaviyo already has. Its document says what was
sent, which jobs Klaviyo started for it, and, once these are done ("settled"), which records Klaviyo refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from netsuite_connector.domains.model import Kind, Source
from netsuite_connector.errors import RemoteFaultError
from netsuite_connector.flows.run import Run
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


@dataclass(frozen=True, slots=True)
class Send:
    """One request: what kind, which records it held, and the job that Klaviyo started for it, if it does for
    the kind.
    """

    bulk: Bulk
    job: str | None
    keys: tuple[str, ...]
    without_phone: bool = False


@dataclass(slots=True)
class Document:
    """What is known of a batch. ``rejected`` holds reasons by key; ``settled``: Klaviyo has nothing more to
    say.
    """

    sends: list[Send] = field(default_factory=list)
    rejected: dict[str, tuple[str, ...]] = field(default_factory=dict)
    settled: bool = False

    @classmethod
    def parse(cls, document: dict[str, Any]) -> Document:
        """The document from its JSON."""
        sends = [
            Send(**send | {"bulk": Bulk(send["bulk"]), "keys": tuple(send["keys"])})
            for send in document["sends"]
        ]
        return cls(sends, {key: tuple(why) for key, why in document["rejected"].items()}, document["settled"])


class Delivery:
    """Sends and follows the batches of one source of a run."""

    def __init__(self, run: Run, source: Source, client: KlaviyoClient | None) -> None:
        """``client`` may be None where batches are only counted."""
        self._run = run
        self._source = source
        self._client = client
        assert source.kind is not None, "a lookup is not delivered"  # noqa: S101
        self._bulk = _BULK[source.kind]
        # The documents belong to these very records: others have another manifest id.
        self._folder = run.document("push", source.name, run.dataset("records", source).require().id)

    def batches(self) -> Iterator[Batch | Rejection]:
        """The source's records in batches, and a rejection for each that no request can hold; the same on
        every try.
        """
        return split(self._records(), self._bulk)

    def document(self, batch: Batch) -> Document | None:
        """What is known of a batch; None before it was sent."""
        content = self._run.staging.read_json(self._place(batch))
        return None if content is None else Document.parse(content)

    def send(self, batch: Batch) -> Document:
        """Send a batch, unless an earlier try did, and write down what came of it."""
        document = self.document(batch)
        if document is None:
            document = Document()
            for bulk, records in self._by_request(batch):
                self._push(batch, records, bulk, document)
            document.settled = all(send.job is None for send in document.sends)
            self._write(batch, document)
        return document

    def settle(self, batch: Batch) -> Document:
        """Follow a sent batch's jobs to their end and write down which records Klaviyo refused."""
        document = self.send(batch)
        if document.settled:
            return document
        records = {record.key: record for record in batch.records}
        # What is sent again on the way comes to the end of the list and is followed too.
        position = 0
        while position < len(document.sends):
            self._follow(batch, document.sends[position], records, document)
            position += 1
        document.settled = True
        self._write(batch, document)
        return document

    def _follow(self, batch: Batch, send: Send, records: dict[str, Record], document: Document) -> None:
        if send.job is None:
            return
        sent = [self._as_sent(records[key], send.bulk, without_phone=send.without_phone) for key in send.keys]
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
        rerouted = [records[key] for key in result.rerouted]
        if rerouted and self._source.kind in _CHANGES:
            document.rejected |= {record.key: (NOT_THERE,) for record in rerouted}
        elif rerouted and send.bulk is _OTHER[self._bulk]:
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
        *,
        without_phone: bool = False,
    ) -> None:
        """Send records of the batch as one kind of request, and note in the document what came of it."""
        payloads = tuple(self._as_sent(record, bulk, without_phone=without_phone) for record in records)
        result = self._klaviyo.push(Batch(batch.number, payloads, batch.bytes), bulk)
        if result.jobs:
            for job in result.jobs:
                keys = tuple(record.key for record in job.records)
                document.sends.append(Send(bulk, job.id, keys, without_phone))
        elif result.accepted:
            keys = tuple(record.key for record in result.accepted)
            document.sends.append(Send(bulk, None, keys, without_phone))
        by_key = {record.key: record for record in records}
        self._refused(batch, result.rejected, by_key, Send(bulk, None, (), without_phone), document)

    def _refused(
        self,
        batch: Batch,
        rejections: Iterable[Rejection],
        records: dict[str, Record],
        send: Send,
        document: Document,
    ) -> None:
        """Reject what Klaviyo refused, but send a profile again without its phone if only that stands in the
        way.
        """
        again = []
        for rejection in rejections:
            if rejection.only_phone and not send.without_phone and self._run.domain.without_phone is not None:
                again.append(records[rejection.key])
            else:
                document.rejected[rejection.key] = rejection.reasons
        if again:
            self._push(batch, again, send.bulk, document, without_phone=True)

    def _by_request(self, batch: Batch) -> Iterator[tuple[Bulk, list[Record]]]:
        """The batch by request: what Klaviyo's catalog has already is changed, the rest created."""
        if self._bulk not in _UPDATE:
            yield self._bulk, list(batch.records)
            return
        ids = [record.key for record in batch.records]
        assert self._bulk.catalog is not None  # noqa: S101 - only the catalog tells new from changed
        known = self._klaviyo.catalog.existing(self._bulk.catalog, ids)
        for bulk, there in ((self._bulk, False), (_UPDATE[self._bulk], True)):
            records = [record for record in batch.records if (record.key in known) == there]
            if records:
                yield bulk, records

    def _as_sent(self, record: Record, bulk: Bulk, *, without_phone: bool) -> Record:
        domain = self._run.domain
        if without_phone and domain.without_phone is not None:
            return Record(record.key, domain.without_phone(record.payload), record.rows)
        if bulk in _UPDATE.values() and domain.to_update is not None:
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
