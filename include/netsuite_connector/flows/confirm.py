"""Confirm: jobs followed to their end, what Klaviyo refused rejected, what it took read back and written into
the ledger.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from netsuite_connector.domains.model import Source
from netsuite_connector.flows import feed, late, ledger
from netsuite_connector.flows.delivery import Delivery, Document
from netsuite_connector.flows.overtaken import newer_than, without
from netsuite_connector.flows.raced import note_raced
from netsuite_connector.flows.readback import PATIENCE, ReadBack
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.underway import Underway
from netsuite_connector.klaviyo.batching import Rejection
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.staging import rejected as rejected_rows
from netsuite_connector.stores.model import ReadBack as HowMuch

log = logging.getLogger(__name__)

PHONE_REFUSED = "Phone left out: Klaviyo refuses it or has it with another profile"
EXTERNAL_ID_REFUSED = "External id left out: Klaviyo refuses it or has it with another profile"


def confirm(run: Run, client: KlaviyoClient, *, patience: float = PATIENCE) -> dict[str, Any]:
    """Settle every batch and read back a sample of it, or all if the store says so. Returns ``rows`` and
    ``records`` (each ``delivered`` and ``rejected``), ``reasons``, ``warnings``, ``requests`` (those that
    delivered), ``read_back`` (``checked``, ``found`` and ``resent`` records, and the ``requests`` that it
    took) and ``seconds``.

    ``reasons`` counts rejected records by Klaviyo's words. ``patience`` is how long, in seconds, a source's
    records may take to show in Klaviyo. Run again, it comes to the same end.
    """
    if run.domain.feed:
        return feed.confirm(run)
    began = time.monotonic()
    rows: Counter[str] = Counter()
    records: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    warnings: Counter[str] = Counter()
    proof: Counter[str] = Counter(checked=0, found=0, resent=0, requests=0)
    requests = 0
    read = run.read_from
    for source in run.domain.delivered:
        refused: dict[str, tuple[str, ...]] = {}
        absent: set[str] = set()
        taken = 0
        delivery = Delivery(run, source, client)
        for batch in delivery.batches():
            if isinstance(batch, Rejection):
                refused[batch.key] = batch.reasons
                continue
            document = delivery.settle(batch)
            refused.update(document.rejected)
            absent.update(document.absent)
            taken += len(batch.records) - len(document.rejected) - len(document.absent)
            requests += len(document.sends)
            proof["resent"] += document.resent
            warnings += _left_out(document)
        read_back = ReadBack(
            delivery, client, everything=run.store.klaviyo.confirm is HowMuch.ALL, patience=patience
        )
        refused.update(read_back.prove(taken, refused | dict.fromkeys(absent, ())))
        proof.update(asdict(read_back.proof))
        for why in refused.values():
            reasons.update(set(why))
        _write_rejected(run, source, refused)
        note_raced(run, source)
        # Of what another run had read later and delivered meanwhile, the ledger keeps that.
        newer = newer_than(run, source)
        delivered = without(newer, _delivered(run, source, refused, rows, records))
        if source.always:
            # Nobody asks what was sent before, but the records are counted on the way.
            deque(delivered, maxlen=0)
        else:
            ledger.update(run.ledger(source), delivered, read)
        if run.domain.merge is not None:
            notes = without(newer, run.dataset("noted", source).batches())
            ledger.update(run.ledger(source), notes, read)
        Underway(run, source).end()
        log.info("%s: %s records confirmed", source.name, f"{records['delivered']:,}")
    late.note(run)
    names = ("delivered", "rejected")
    return {
        "rows": {name: rows[name] for name in names},
        "records": {name: records[name] for name in names},
        "reasons": dict(reasons),
        "warnings": dict(warnings),
        "requests": requests,
        "read_back": dict(proof),
        "seconds": round(time.monotonic() - began, 3),
    }


def _left_out(document: Document) -> Counter[str]:
    """How many profiles went without what stood in their way."""
    without: Counter[str] = Counter()
    for send in document.sends:
        without[PHONE_REFUSED] += len(send.keys) if send.without_phone else 0
        without[EXTERNAL_ID_REFUSED] += len(send.keys) if send.without_external_id else 0
    return without


def _delivered(
    run: Run, source: Source, refused: dict[str, tuple[str, ...]], rows: Counter[str], records: Counter[str]
) -> Iterator[pa.RecordBatch]:
    """The ledger's lines of what Klaviyo took; counts as it goes."""
    for batch in run.dataset("records", source).batches(columns=[*ledger.SCHEMA.names, "key", "rows"]):
        taken = pa.array([key not in refused for key in batch.column("key").to_pylist()], pa.bool_())
        delivered = batch.filter(taken)
        for name, part in (("delivered", delivered), ("all", batch)):
            rows[name] += int(np.sum(part.column("rows").to_numpy()))
            records[name] += part.num_rows
        for count in (rows, records):
            count["rejected"] = count["all"] - count["delivered"]
        yield delivered.select(ledger.SCHEMA.names)


def _write_rejected(run: Run, source: Source, refused: dict[str, tuple[str, ...]]) -> None:
    """The refused records as rejected rows; the row is the payload that Klaviyo refused."""
    with run.dataset("refused", source).writer(rejected_rows.SCHEMA) as writer:
        if refused:
            for batch in run.dataset("records", source).batches(columns=["id", "key", "payload"]):
                lines = [
                    {
                        "stage": "confirm",
                        "source": source.name,
                        "id": id_,
                        "key": key,
                        "reasons": list(refused[key]),
                        "row": payload.decode(),
                    }
                    for id_, key, payload in zip(
                        *(column.to_pylist() for column in batch.columns), strict=True
                    )
                    if key in refused
                ]
                writer.write(pa.RecordBatch.from_pylist(lines, schema=rejected_rows.SCHEMA))
        writer.commit()
