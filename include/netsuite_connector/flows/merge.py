"""Which of several rows that share an identity becomes the record, and when another takes over.

The ledger of a flow that merges knows more than what was delivered. A line without a fingerprint says of a
record that another one speaks for its identity (the hash is there), or that it is gone, or was rejected (no
hash). One with ``sub`` 1 says that the record was delivered under another identity before. So a run over a
few changed rows comes to the same records as one over all of them: when the record that speaks for others
changes or goes, ``flows/companions.py`` has read the others with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.domains.model import Source
from netsuite_connector.flows import ledger
from netsuite_connector.flows.ledger import Ints
from netsuite_connector.flows.run import Run
from netsuite_connector.flows.sorted_merge import side_by_side
from netsuite_connector.flows.speaking import speaking

# Rows whose identities are compared at once; more rows take more rounds over staging, not more memory (54
# bytes a row).
ROUND_ROWS = 1_000_000

# What a line is: a valid row of this run, a record that speaks since an earlier run, or one that only has, or
# had, the identity.
_ROW, _SPEAKER, _OTHER = 0, 1, 2
_LINE = np.dtype(
    [
        ("high", "u8"),
        ("low", "u8"),
        ("rank", "i8"),
        ("id", "i8"),
        ("rows", "i4"),
        ("source", "i2"),
        ("kind", "i1"),
    ]
)
_IDENTITIES = pa.schema([*ledger.SCHEMA, ("rows", pa.int32())])
_HASH_BYTES = 16
_BEFORE = 1  # the ``sub`` of the ledger's line about an identity that a record had before


@dataclass(frozen=True, slots=True)
class Merged:
    """The outcome for one source: the rows that another speaks for, for how many others a row speaks, and
    which rows share their identity with another, or had one before. Ids are ordered. ``noted`` is what the
    ledger must know beside what is delivered.
    """

    absorbed: Ints
    winners: Ints
    extra: Ints
    shared: Ints
    noted: pa.Table

    def rows(self, ids: Ints) -> Ints:
        """For how many rows each of ``ids`` speaks, itself among them."""
        if not len(self.winners):
            return np.ones(len(ids), dtype=np.int64)
        at = np.minimum(np.searchsorted(self.winners, ids), len(self.winners) - 1)
        return np.where(self.winners[at] == ids, self.extra[at] + 1, 1)

    def alone(self, ids: Ints) -> npt.NDArray[np.bool_]:
        """Which of ``ids`` have their identity to themselves."""
        return ~np.isin(ids, self.shared)


def merge(run: Run) -> tuple[list[Merged], int]:
    """The outcome for each source of the flow, and how many rows a record of an earlier run speaks for.

    What earlier runs delivered takes part, unless it is gone by now.
    """
    sources = run.domain.shaped
    absorbed: list[list[Ints]] = [[] for _ in sources]
    winners: list[list[npt.NDArray[np.void]]] = [[] for _ in sources]
    shared: list[list[Ints]] = [[] for _ in sources]
    touched = [touched_ids(run, source) for source in sources]
    past = [_past(run, index, each) for index, each in enumerate(touched)]
    noted = [[each] for _, each in past]
    spoken_for_before = 0
    total = sum(run.dataset("valid", source).require().rows for source in sources)
    total += sum(run.ledger(source).most_rows for source in sources)
    rounds = max(1, -(-total // ROUND_ROWS))
    for number in range(rounds):
        lines = _lines(run, touched, number, rounds)
        lines = lines[np.lexsort((lines["rank"], lines["kind"] == _OTHER, lines["low"], lines["high"]))]
        first = np.ones(len(lines), dtype=bool)
        first[1:] = (lines["high"][1:] != lines["high"][:-1]) | (lines["low"][1:] != lines["low"][:-1])
        group = np.cumsum(first) - 1
        winner = lines[first]
        several = np.bincount(group, minlength=len(winner)) > 1
        losers = ~first & (lines["kind"] == _ROW)
        for index in range(len(sources)):
            mine = lines["source"] == index
            won = (winner["source"] == index) & (winner["kind"] == _ROW)
            speaks_for = winner[group[losers]]
            absorbed[index].append(lines["id"][losers & mine])
            by_mine = (speaks_for["source"] == index) & (speaks_for["kind"] == _ROW)
            winners[index].append(_more(speaks_for["id"][by_mine], lines["rows"][losers][by_mine]))
            manifold = won & (winner["rows"] > 1)
            winners[index].append(_more(winner["id"][manifold], winner["rows"][manifold] - 1))
            shared[index].append(winner["id"][won & several])
            noted[index].append(_notes(lines[mine & ~first & (lines["kind"] != _OTHER)], 0))
        by_before = winner["kind"][group[losers]] == _SPEAKER
        spoken_for_before += int(lines["rows"][losers][by_before].sum())
    outcome = []
    for index, (moved, _) in enumerate(past):
        more = np.concatenate(winners[index])
        ids, places = np.unique(more["id"], return_inverse=True)
        outcome.append(
            Merged(
                np.sort(np.concatenate(absorbed[index])),
                ids,
                np.bincount(places, more["rows"], minlength=len(ids)).astype(np.int64),
                np.unique(np.concatenate([*shared[index], moved])),
                pa.concat_tables(noted[index]).sort_by([("id", "ascending"), ("sub", "ascending")]),
            )
        )
    return outcome, spoken_for_before


def touched_ids(run: Run, source: Source) -> Ints:
    """The ids of all records that the run has read of a source, and of those deleted within its window;
    nothing where it reads all there is.
    """
    found = [np.empty(0, dtype=np.int64)]
    for stage in () if run.whole else ("extract", "deleted"):
        dataset = run.dataset(stage, source)
        manifest = dataset.manifest()
        if manifest is not None and "internalid" in manifest.columns:
            found += [batch.column(0).to_numpy() for batch in dataset.batches(columns=["internalid"])]
    return np.unique(np.concatenate(found))


def _past(run: Run, index: int, touched: Ints) -> tuple[Ints, pa.Table]:
    """Which records of a source had another identity before, and what is to be noted of those that have
    another one now or are gone.
    """
    source = run.domain.shaped[index]
    moved: list[Ints] = [np.empty(0, dtype=np.int64)]
    notes = [_notes(np.empty(0, dtype=_LINE), 0)]
    if not run.ledger(source).exists:
        return moved[0], notes[0]
    for old, new in side_by_side(ledger.read(run.ledger(source)), _identities(run, index)):
        if old is None:
            continue
        before = pc.not_equal(old.column("sub"), 0)
        moved.append(old.filter(before).column("id").to_numpy())
        old = old.filter(pc.and_(pc.invert(before), pc.is_valid(old.column("key_hash"))))  # noqa: PLW2901
        ids = old.column("id").to_numpy()
        now = np.empty(0, dtype=np.int64) if new is None else new.column("id").to_numpy()
        gone = ~np.isin(ids, now) & (run.whole | np.isin(ids, touched))
        lines = _of_ledger(old.filter(pa.array(gone)), index)
        notes.append(_notes(lines, 0, known=False))
        if new is None or not len(ids):
            continue
        there = np.isin(ids, now)
        hashes = ledger.hashes_of(new.column("key_hash"))[np.searchsorted(now, ids[there])]
        old = old.filter(pa.array(there))  # noqa: PLW2901
        other = (ledger.hashes_of(old.column("key_hash")) != hashes).any(axis=1)
        was = old.filter(pc.and_(pa.array(other), pc.is_valid(old.column("fingerprint"))))
        moved.append(was.column("id").to_numpy())
        notes.append(_notes(_of_ledger(was, index), _BEFORE))
    return np.unique(np.concatenate(moved)), pa.concat_tables(notes)


def _lines(run: Run, touched: list[Ints], number: int, rounds: int) -> npt.NDArray[np.void]:
    """This round's share of identities: of the valid rows, and of the ledger where a record has not come up
    again and is not gone.
    """
    pieces = [np.empty(0, dtype=_LINE)]
    for index, source in enumerate(run.domain.shaped):
        for batch in _identities(run, index):
            lines = _of_ledger(batch, index)
            lines["kind"] = _ROW
            pieces.append(_share(lines, number, rounds))
        for batch in ledger.read(run.ledger(source)):
            before = batch.column("sub").to_numpy() != 0
            ids = batch.column("id").to_numpy()
            stays = before | ~(np.isin(ids, touched[index]) | run.whole)
            kept = batch.filter(pc.and_(pa.array(stays), pc.is_valid(batch.column("key_hash"))))
            pieces.append(_share(_of_ledger(kept, index), number, rounds))
    return np.concatenate(pieces)


def _identities(run: Run, index: int) -> Iterator[pa.RecordBatch]:
    """The records that the valid rows of a source make, as the ledger's lines without fingerprints, and how
    many rows each has.
    """
    rule = run.domain.merge
    assert rule is not None  # noqa: S101 - merge() is called for domains that merge
    source = run.domain.shaped[index]
    valid = run.dataset("valid", source)
    known = valid.require().columns
    rows = valid.batches(columns=[name for name in rule.columns if name in known])
    # All rows of a record have its identity and its rank: any of them will do here.
    for batch, counts in speaking(rows, ()):
        count = batch.num_rows
        hashes = pa.py_buffer(ledger.key_hashes(rule.key(batch)))
        columns = [
            pa.array(batch.column("internalid"), pa.int64()),
            pa.array(np.zeros(count, dtype=np.int64)),
            pa.nulls(count, pa.int64()),
            pa.FixedSizeBinaryArray.from_buffers(pa.binary(_HASH_BYTES), count, [None, hashes]),
            pa.array(rule.rank(source, batch)),
            pa.array(counts, pa.int32()),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=_IDENTITIES)


def _of_ledger(batch: pa.RecordBatch, index: int) -> npt.NDArray[np.void]:
    """The ledger's lines, all of which have an identity, to be compared."""
    hashes = ledger.hashes_of(batch.column("key_hash"))
    lines = np.empty(batch.num_rows, dtype=_LINE)
    lines["high"], lines["low"] = hashes[:, 0], hashes[:, 1]
    lines["rank"] = batch.column("rank").fill_null(0).to_numpy()
    lines["id"], lines["source"] = batch.column("id").to_numpy(), index
    lines["rows"] = batch.column("rows").to_numpy() if "rows" in batch.schema.names else 0
    speaks = pc.and_(pc.equal(batch.column("sub"), 0), pc.is_valid(batch.column("fingerprint")))
    lines["kind"] = np.where(speaks.to_numpy(zero_copy_only=False), _SPEAKER, _OTHER)
    return lines


def _share(lines: npt.NDArray[np.void], number: int, rounds: int) -> npt.NDArray[np.void]:
    return lines[lines["high"] % rounds == number] if rounds > 1 else lines


def _more(ids: Ints, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.void]:
    """For how many more rows records speak."""
    more = np.empty(len(ids), dtype=np.dtype([("id", "i8"), ("rows", "i8")]))
    more["id"], more["rows"] = ids, rows
    return more


def _notes(lines: npt.NDArray[np.void], sub: int, *, known: bool = True) -> pa.Table:
    """The ledger's lines about records that were not delivered under the identity: it is another's, or theirs
    no more; without ``known`` they have none.
    """
    count = len(lines)
    hashes = pa.py_buffer(np.column_stack((lines["high"], lines["low"])).tobytes())
    columns = [
        pa.array(lines["id"]),
        pa.array(np.full(count, sub, dtype=np.int64)),
        pa.nulls(count, pa.int64()),
        pa.FixedSizeBinaryArray.from_buffers(pa.binary(_HASH_BYTES), count, [None, hashes])
        if known
        else pa.nulls(count, pa.binary(_HASH_BYTES)),
        pa.array(lines["rank"]),
    ]
    return pa.Table.from_arrays(columns, schema=ledger.SCHEMA)
