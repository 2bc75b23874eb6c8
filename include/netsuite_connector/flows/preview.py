"""What would become of a few records: each with its rows, its payloads, and why something is not sent.

It runs the flow's own stages over staging that nobody keeps, and sends nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from netsuite_connector.domains.model import Source
from netsuite_connector.flows import shape as shaping
from netsuite_connector.flows.mapping import check_search
from netsuite_connector.flows.run import Run
from netsuite_connector.netsuite.client import NetSuiteClient
from netsuite_connector.quality.columns import check_columns

SPOKEN_FOR = "Another record with this address speaks for it"
NOTHING = "Nothing is sent for it"
# A lookup is read for the records that are shown, at most so many rows of it.
_LOOKUP_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Shown:
    """One record of a source: its ``rows`` as the saved search gives them, the ``payloads`` that Klaviyo
    would get, by source and identity, and the ``reasons`` why something is not sent.
    """

    source: str
    id: int
    rows: tuple[dict[str, Any], ...]
    payloads: tuple[tuple[str, Any], ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """The records, and what was left out of their payloads (``warnings``: counts by text)."""

    shown: tuple[Shown, ...]
    warnings: dict[str, int]


def preview(
    run: Run, client: NetSuiteClient, *, rows: int, ids: Collection[int] = (), only: str | None = None
) -> Preview:
    """The first ``rows`` rows of each source, or the records with these ``ids``; of one source with ``only``.

    ``run`` has staging of its own. Raises MendError for a search, a column or a mapping that can't be, and
    the client's errors.
    """
    # What checks rows takes seconds to import, and other commands must not wait for it.
    from netsuite_connector.flows.validate import validate

    for source in run.domain.extracted:
        described = client.describe(run.search(source))
        types = {column.key: column.type for column in described.columns}
        check_columns(source, list(types), run.search(source))
        check_search(run.store, run.domain.flow, source, types, run.search(source))
    chosen = set(ids)
    for source in run.domain.shaped:
        wanted = ids if only in (None, source.name) else ()
        _extract(run, client, source, rows, wanted if ids or only not in (None, source.name) else None)
        if not ids:
            chosen |= _ids(run, source)
    for source in run.domain.extracted:
        if source.kind is None:
            _extract(run, client, source, _LOOKUP_ROWS, chosen)
    validate(run)
    warnings = shaping.shape(run)["warnings"]
    payloads = list(_payloads(run))
    shown = [each for source in run.domain.shaped for each in _shown(run, source, payloads)]
    return Preview(tuple(shown), warnings)


def _extract(
    run: Run, client: NetSuiteClient, source: Source, rows: int, ids: Collection[int] | None
) -> None:
    with run.dataset("extract", source).writer() as writer:
        for page in client.pages(
            run.search(source), run.window, only=run.only(source), ids=ids, limit=rows, page_rows=rows
        ):
            writer.write(page.batch)
        writer.commit()


def _ids(run: Run, source: Source) -> set[int]:
    batches = run.dataset("extract", source).batches(columns=["internalid"])
    return {id_ for batch in batches for id_ in batch.column(0).to_pylist()}


def _payloads(run: Run) -> Iterator[tuple[str, int, str, Any]]:
    for source in run.domain.delivered:
        for batch in run.dataset("records", source).batches(columns=["id", "key", "payload"]):
            columns = (batch.column(name).to_pylist() for name in ("id", "key", "payload"))
            for id_, key, payload in zip(*columns, strict=True):
                yield source.name, id_, key, orjson.loads(payload)


def _shown(run: Run, source: Source, payloads: list[tuple[str, int, str, Any]]) -> Iterator[Shown]:
    extract = run.dataset("extract", source)
    if not extract.require().columns:
        return
    found = pa.Table.from_batches(list(extract.batches()), extract.require().schema)
    valid = {
        id_
        for batch in run.dataset("valid", source).batches(columns=["internalid"])
        for id_ in batch.column(0).to_pylist()
    }
    reasons: dict[int, list[str]] = {}
    for batch in run.dataset("rejected", source).batches(columns=["id", "reasons"]):
        for id_, why in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            reasons.setdefault(id_, []).extend(why)
    lookups_apart = {each.name for each in run.domain.shaped} - {source.name}
    for id_ in np.unique(found.column("internalid").to_numpy()).tolist():
        mine = tuple(
            (f"{name} {key}", payload)
            for name, of, key, payload in payloads
            if of == id_ and name not in lookups_apart
        )
        why = reasons.get(id_, [])
        if not mine and id_ in valid:
            why = [*why, SPOKEN_FOR if run.domain.merge is not None else NOTHING]
        rows = found.filter(pa.compute.equal(found.column("internalid"), id_)).to_pylist()
        yield Shown(source.name, id_, tuple(rows), mine, tuple(dict.fromkeys(why)))
