"""Which of several rows that share an identity becomes the record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netsuite_connector.domains.model import Domain
from netsuite_connector.flows import ledger
from netsuite_connector.flows.run import Run

# Rows whose identities are compared at once; more rows take more rounds over staging, not more memory (40
# bytes a row).
ROUND_ROWS = 1_000_000

Ints = npt.NDArray[np.int64]
_LINE = np.dtype([("high", "u8"), ("low", "u8"), ("rank", "i8"), ("id", "i8"), ("source", "i2")])
_FROM_LEDGER = -1


@dataclass(frozen=True, slots=True)
class Merged:
    """The outcome for one source: the rows that another speaks for, and for how many others a row speaks. Ids
    are ordered.
    """

    absorbed: Ints
    winners: Ints
    extra: Ints

    def rows(self, ids: Ints) -> Ints:
        """For how many rows each of ``ids`` speaks, itself among them."""
        if not len(self.winners):
            return np.ones(len(ids), dtype=np.int64)
        at = np.minimum(np.searchsorted(self.winners, ids), len(self.winners) - 1)
        return np.where(self.winners[at] == ids, self.extra[at] + 1, 1)


def merge(run: Run) -> tuple[list[Merged], int]:
    """The outcome for each source of the flow, and how many rows a record of an earlier run speaks for.

    What earlier runs delivered takes part, so that a run over a few changed rows comes to the same record as
    one over all of them.
    """
    absorbed: list[list[Ints]] = [[] for _ in run.domain.shaped]
    winners: list[list[Ints]] = [[] for _ in run.domain.shaped]
    spoken_for_before = 0
    total = sum(run.dataset("valid", source).require().rows for source in run.domain.shaped)
    total += sum(manifest.rows for source in run.domain.shaped if (manifest := run.ledger(source).manifest()))
    rounds = max(1, -(-total // ROUND_ROWS))
    for number in range(rounds):
        lines = _lines(run, number, rounds)
        lines = lines[np.lexsort((lines["rank"], lines["low"], lines["high"]))]
        first = np.ones(len(lines), dtype=bool)
        first[1:] = (lines["high"][1:] != lines["high"][:-1]) | (lines["low"][1:] != lines["low"][:-1])
        group = np.cumsum(first) - 1
        winner = lines[first]
        losers = ~first & (lines["source"] != _FROM_LEDGER)
        for index in range(len(run.domain.shaped)):
            absorbed[index].append(lines["id"][losers & (lines["source"] == index)])
            winners[index].append(winner["id"][group[losers]][winner["source"][group[losers]] == index])
        spoken_for_before += int(np.count_nonzero(winner["source"][group[losers]] == _FROM_LEDGER))
    outcome = []
    for gone, speaking in zip(absorbed, winners, strict=True):
        ids, counts = np.unique(np.concatenate(speaking), return_counts=True)
        outcome.append(Merged(np.sort(np.concatenate(gone)), ids, counts.astype(np.int64)))
    return outcome, spoken_for_before


def _lines(run: Run, number: int, rounds: int) -> npt.NDArray[np.void]:
    """This round's share of identities: of the valid rows, and of the ledger where a row has not come up
    again.
    """
    pieces = [np.empty(0, dtype=_LINE)]
    for index, source in enumerate(run.domain.shaped):
        seen: list[Ints] = [np.empty(0, dtype=np.int64)]
        for hashes, ranks, ids in _valid_identities(run.domain, run, index):
            seen.append(ids)
            pieces.append(_share(hashes, ranks, ids, index, number, rounds))
        current = np.concatenate(seen)
        for batch in ledger.read(run.ledger(source), ["id", "key_hash", "rank"]):
            ids = batch.column("id").to_numpy()
            fresh = ~np.isin(ids, current, assume_unique=True)
            hashes = np.frombuffer(b"".join(batch.column("key_hash").to_pylist()), dtype="u8").reshape(-1, 2)
            ranks = batch.column("rank").to_numpy()
            pieces.append(_share(hashes[fresh], ranks[fresh], ids[fresh], _FROM_LEDGER, number, rounds))
    return np.concatenate(pieces)


def _valid_identities(
    domain: Domain, run: Run, index: int
) -> Iterator[tuple[npt.NDArray[np.uint64], Ints, Ints]]:
    assert domain.merge is not None  # noqa: S101 - merge() is called for domains that merge
    source = domain.shaped[index]
    valid = run.dataset("valid", source)
    known = valid.require().columns
    for batch in valid.batches(columns=[name for name in domain.merge.columns if name in known]):
        hashes = np.frombuffer(ledger.key_hashes(domain.merge.key(batch)), dtype="u8").reshape(-1, 2)
        yield hashes, domain.merge.rank(source, batch), batch.column("internalid").to_numpy()


def _share(  # noqa: PLR0913, PLR0917 - the columns of a line and the round it belongs to
    hashes: npt.NDArray[np.uint64], ranks: Ints, ids: Ints, source: int, number: int, rounds: int
) -> npt.NDArray[np.void]:
    mine = hashes[:, 0] % rounds == number if rounds > 1 else slice(None)
    lines = np.empty(len(ids[mine]), dtype=_LINE)
    lines["high"], lines["low"] = hashes[mine, 0], hashes[mine, 1]
    lines["rank"], lines["id"], lines["source"] = ranks[mine], ids[mine], source
    return lines
