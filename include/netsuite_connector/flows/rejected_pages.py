"""The lists of rejected rows as people look through them: those seen last come first, a page at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.flows.rejections import SCHEMA, Rejected, segments_of
from netsuite_connector.flows.run import Run

_COLUMNS = ("stage", "key", "reasons", "first_seen", "last_seen", "tries")
_LISTED = pa.schema(
    [
        ("flow", pa.string()),
        ("source", pa.string()),
        ("id", pa.int64()),
        *(SCHEMA.field("rows").type.value_type.field(name) for name in _COLUMNS),
    ]
)


@dataclass(frozen=True, slots=True)
class Sought:
    """Which rejected rows: of a source, with a reason of which ``reason`` is true, last seen at or after
    ``since`` (ISO 8601 UTC). None is all.
    """

    source: str | None = None
    reason: Callable[[str], bool] | None = None
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A rejected row of a flow, without what stands in the row."""

    flow: str
    rejected: Rejected


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the rows that were sought; ``total`` is how many there are in all, ``reasons`` how many of them
    have each reason, by flow and reason.
    """

    rows: tuple[Listed, ...]
    total: int
    reasons: Counter[tuple[str, str]]


def rejected_page(runs: Sequence[Run], sought: Sought, first: int = 0, count: int = 0) -> Page:
    """``count`` rows of the flows' lists from the ``first`` on. Walks through the lists once; holds as many
    rows as the page's end is away from the beginning.
    """
    total = 0
    reasons: Counter[tuple[str, str]] = Counter()
    kept = _LISTED.empty_table()
    for run in runs:
        for rows in _rows(run, sought):
            total += rows.num_rows
            reasons.update({(run.domain.flow, why): n for why, n in _count_reasons(rows).items()})
            if count:
                kept = _newest(pa.concat_tables([kept, rows]), first + count)
    found = kept.slice(first, count).to_pylist()
    return Page(tuple(_listed(row) for row in found), total, reasons)


def _rows(run: Run, sought: Sought) -> Iterator[pa.Table]:
    for source in run.domain.delivered:
        if sought.source not in (None, source.name):
            continue
        for batch in segments_of(run, source).read(SCHEMA.names):
            lines = batch.column("rows")
            rows = lines.flatten()
            names = [pa.repeat(pa.scalar(name), len(rows)) for name in (run.domain.flow, source.name)]
            ids = batch.column("id").take(pc.list_parent_indices(lines))
            columns = [pc.struct_field(rows, name) for name in _COLUMNS]
            table = pa.table([*names, ids, *columns], schema=_LISTED)
            if sought.since is not None:
                table = table.filter(pc.greater_equal(table.column("last_seen"), sought.since))
            if sought.reason is not None:
                table = table.filter(_with_reason(table, sought.reason))
            if table.num_rows:
                yield table


def _with_reason(rows: pa.Table, wanted: Callable[[str], bool]) -> pa.Array:
    reasons = rows.column("reasons").combine_chunks()
    flat = reasons.flatten()
    chosen = pa.array([why for why in flat.unique().to_pylist() if wanted(why)], pa.string())
    found = np.zeros(rows.num_rows, dtype=bool)
    found[pc.list_parent_indices(reasons).filter(pc.is_in(flat, value_set=chosen)).to_numpy()] = True
    return pa.array(found)


def _count_reasons(rows: pa.Table) -> dict[str, int]:
    """How many rows have each reason; a row that has one twice counts once."""
    reasons = rows.column("reasons").combine_chunks()
    pairs = pa.table({"row": pc.list_parent_indices(reasons), "why": reasons.flatten()})
    counts = pairs.group_by(["row", "why"]).aggregate([]).column("why").combine_chunks().value_counts()
    return {each["values"]: each["counts"] for each in counts.to_pylist()}


def _newest(rows: pa.Table, count: int) -> pa.Table:
    order = [("last_seen", "descending"), ("flow", "ascending"), ("source", "ascending"), ("id", "ascending")]
    return rows.take(pc.sort_indices(rows, sort_keys=order)[:count])


def _listed(row: dict[str, object]) -> Listed:
    flow = str(row.pop("flow"))
    reasons = row.pop("reasons")
    assert isinstance(reasons, list)  # noqa: S101 - by the schema
    return Listed(flow, Rejected(**row, reasons=tuple(reasons), row=""))  # type: ignore[arg-type]
