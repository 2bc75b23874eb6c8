"""Validate: raw rows to valid ones and rejected ones, by the domain's Great Expectations suite."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from netsuite_connector.flows import rejections
from netsuite_connector.flows.lookups import site_of
from netsuite_connector.flows.run import Run
from netsuite_connector.quality.columns import check_columns
from netsuite_connector.quality.normalise import normalise
from netsuite_connector.quality.repeats import REASON, Repeats
from netsuite_connector.quality.validator import STAGE, Validator
from netsuite_connector.staging import rejected

log = logging.getLogger(__name__)

# Rows that Great Expectations sees at once: peak memory stays the same however many rows there are (measured:
# `make bench`).
CHUNK_ROWS = 100_000


def validate(run: Run) -> dict[str, Any]:
    """Check every source's rows, and put what is rejected on the list. Returns ``rows``, ``valid``,
    ``rejected`` (rows), ``reasons`` (by text) and ``seconds``.
    """
    began = time.monotonic()
    rows = valid = turned_down = 0
    reasons: Counter[str] = Counter()
    site = site_of(run)
    for source in run.domain.shaped:
        raw = run.dataset("extract", source)
        manifest = raw.require()
        check_columns(source, manifest.columns, run.search(source))
        validator, repeats = Validator(source), Repeats()
        enrich = run.domain.enrich(source, site) if run.domain.enrich is not None else None
        valid_rows, rejected_rows = run.dataset("valid", source), run.dataset("rejected", source)
        schema = _enriched(manifest.schema, enrich)
        with valid_rows.writer(schema) as good, rejected_rows.writer(rejected.SCHEMA) as bad:
            for batch in raw.batches(batch_rows=CHUNK_ROWS):
                batch = normalise(batch)  # noqa: PLW2901 - the same rows
                first, again = (batch, batch.slice(0, 0)) if source.several else repeats.split(batch)
                verdict = validator.run(first if enrich is None else enrich(first))
                good.write(verdict.valid)
                bad.write(verdict.rejected)
                reasons.update(verdict.reasons)
                if again.num_rows:
                    why = [[REASON]] * again.num_rows
                    bad.write(rejected.rejected_batch(again, why, stage=STAGE, source=source.name))
                    reasons[REASON] += again.num_rows
                log.info("%s: %s rows checked", source.name, f"{good.rows + bad.rows:,}")
            run.staging.write_json(
                run.document("quality", f"{source.name}.json"), validator.result_document()
            )
            rows += manifest.rows
            valid += good.rows
            turned_down += bad.rows
            bad.commit()
            good.commit(upstream=manifest.id)
    rejections.record(run, ended=False)
    return {
        "rows": rows,
        "valid": valid,
        "rejected": turned_down,
        "reasons": dict(reasons),
        "seconds": round(time.monotonic() - began, 3),
    }


def _enriched(schema: pa.Schema, enrich: Callable[[pa.RecordBatch], pa.RecordBatch] | None) -> pa.Schema:
    """The schema of rows that columns were added to."""
    if enrich is None:
        return schema
    none = pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)
    return enrich(none).schema
