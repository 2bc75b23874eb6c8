"""The batches of one source on their way to Klaviyo, with what is known of each kept in staging.

A batch is a fixed piece of the source's records, so a push that was killed finds on its next try which
batches Klaviyo already has. Its document says what was
sent, which jobs Klaviyo started for it, and, once these are done ("settled"), which records Klaviyo refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netsuite_connector.domains.model import Kind, Source
from netsuite_connector.errors import RemoteFaultError
from netsuite_connector.flows.run import Run
from netsuite_connector.klaviyo.batching import Batch, Record, Rejection, split
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.endpoints import Bulk
from netsuite_connector.klaviyo.errors import KlaviyoJobError

# The bulk request that creates a record of each kind, and for the catalog the one that changes what is there.
_CREATE = {
    Kind.PROFILE: Bulk.PROFILE_IMPORT,
    Kind.EVENT: Bulk.EVENT_CREATE,
    Kind.ITEM: Bulk.ITEM_CREATE,
    Kind.VARIANT: Bulk.VARIANT_CREATE,
}
_UPDATE = {Bulk.ITEM_CREATE: Bulk.ITEM_UPDATE, Bulk.VARIANT_CREATE: Bulk.VARIANT_UPDATE}
_OTHER = _UPDATE | {update: create for create, update in _UPDATE.items()}

Document = dict[str, Any]


class Delivery:
    """Sends and follows the batches of one source of a run."""

    def __init__(self, run: Run, source: Source, client: KlaviyoClient | None) -> None:
        """``client`` may be None where batches are only counted."""
        self._run = run
        self._source = source
        self._client = client
        self._bulk = _CREATE[run.domain.kinds[run.domain.sources.index(source)]]
        # The documents belong to these very records: others have another manifest id.
        self._folder = run.document("push", source.name, run.dataset("records", source).require().id)

    def batches(self) -> Iterator[Batch | Rejection]:
        """The source's records in batches, and a rejection for each that no request can hold; the same on
        every try.
        """
        return split(self._records(), self._bulk)

    def document(self, batch: Batch) -> Document | None:
        """What is known of a batch; None before it was sent."""
        document: Document | None = self._run.staging.read_json(self._place(batch))
        return document

    def send(self, batch: Batch) -> Document:
        """Send a batch, unless an earlier try did, and write down what came of it."""
        document = self.document(batch)
        if document is None:
            sends: list[Document] = []
            rejected: list[tuple[str, list[str]]] = []
            for bulk, records in self._by_request(batch):
                self._push(batch, bulk, records, sends, rejected)
            document = {
                "sends": sends,
                "rejected": rejected,
                "settled": not any(send["job"] for send in sends),
            }
            self._write(batch, document)
        return document

    def settle(self, batch: Batch) -> Document:
        """Follow a sent batch's jobs to their end and write down which records Klaviyo refused."""
        document = self.document(batch)
        if document is None:
            document = self.send(batch)
        if document["settled"]:
            return document
        records = {record.key: record for record in batch.records}
        rejected = list(document["rejected"])
        sends = list(document["sends"])
        # Records that belong into the other kind of request are sent again as that kind, once.
        again: list[Document] = []
        for send in document["sends"]:
            self._follow(batch, send, records, rejected, again)
        for send in again:
            self._follow(batch, send, records, rejected, None)
        settled = {"sends": sends + again, "rejected": rejected, "settled": True}
        self._write(batch, settled)
        return settled

    def _follow(
        self,
        batch: Batch,
        send: Document,
        records: dict[str, Record],
        rejected: list[tuple[str, list[str]]],
        again: list[Document] | None,
    ) -> None:
        if send["job"] is None:
            return
        bulk = Bulk(send["bulk"])
        sent = [self._as_sent(records[key], bulk) for key in send["keys"]]
        try:
            result = self._klaviyo.follow(bulk, send["job"], sent)
        except KlaviyoJobError as error:
            # Nobody knows what became of the records; stable identities make sending them again harmless.
            self._forget(batch)
            raise RemoteFaultError(f"{error} The next try does so.") from error
        if result.unplaced:
            self._forget(batch)
            raise RemoteFaultError(
                f"Klaviyo reports {result.unplaced} failures in job {send['job']} but names no records: "
                "the next try sends the batch again; if this lasts, look the job up in Klaviyo."
            )
        rejected.extend((rejection.key, list(rejection.reasons)) for rejection in result.rejected)
        rerouted = [records[key] for key in result.rerouted]
        if rerouted and again is not None:
            other = _OTHER[bulk]
            self._push(batch, other, [self._as_sent(record, other) for record in rerouted], again, rejected)
        elif rerouted:
            reason = (
                "Klaviyo took it neither as new nor as a change: it was created or deleted at the same time"
            )
            rejected.extend((record.key, [reason]) for record in rerouted)

    def _push(
        self,
        batch: Batch,
        bulk: Bulk,
        records: list[Record],
        sends: list[Document],
        rejected: list[tuple[str, list[str]]],
    ) -> None:
        result = self._klaviyo.push(Batch(batch.number, tuple(records), batch.bytes), bulk)
        rejected.extend((rejection.key, list(rejection.reasons)) for rejection in result.rejected)
        if result.jobs:
            sends.extend(
                {"bulk": bulk.value, "job": job.id, "keys": [record.key for record in job.records]}
                for job in result.jobs
            )
        elif result.accepted:
            sends.append(
                {"bulk": bulk.value, "job": None, "keys": [record.key for record in result.accepted]}
            )

    def _by_request(self, batch: Batch) -> Iterator[tuple[Bulk, list[Record]]]:
        """The batch by the request that each record needs: what Klaviyo's catalog has already is changed, the
        rest created.
        """
        if self._bulk not in _UPDATE:
            yield self._bulk, list(batch.records)
            return
        ids = [record.key for record in batch.records]
        known = (
            self._klaviyo.existing_items(ids)
            if self._bulk is Bulk.ITEM_CREATE
            else self._klaviyo.existing_variants(ids)
        )
        new = [record for record in batch.records if record.key not in known]
        if new:
            yield self._bulk, new
        update = _UPDATE[self._bulk]
        changed = [self._as_sent(record, update) for record in batch.records if record.key in known]
        if changed:
            yield update, changed

    def _as_sent(self, record: Record, bulk: Bulk) -> Record:
        if bulk not in _UPDATE.values() or self._run.domain.to_update is None:
            return record
        return Record(record.key, self._run.domain.to_update(record.payload), record.rows)

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
        self._run.staging.write_json(self._place(batch), document)

    def _forget(self, batch: Batch) -> None:
        self._run.staging.write_json(self._place(batch), None)
