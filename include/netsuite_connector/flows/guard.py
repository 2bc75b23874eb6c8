"""The guard: who ever opted out, by the hash of the address, kept for good.

Klaviyo shows how somebody stands now, and forgets all of it with a profile that is deleted. The guard
remembers what was seen once: that an address unsubscribed, complained, bounced, was suppressed, opted out in
NetSuite for certain, or is to be forgotten, and when. Whoever is in it is never subscribed by an import.

It belongs to a Klaviyo account and not to a store, since what one store has seen holds for every other one
with the same account. Each writer has a dataset of its own, so that none loses what another enters.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from netsuite_connector.flows.ledger import key_hashes
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.consent_state import ConsentState
from netsuite_connector.klaviyo.opt_outs import OF_A_LIST
from netsuite_connector.staging.dataset import Dataset
from netsuite_connector.staging.staging import Staging

log = logging.getLogger(__name__)

# No store can be called so: a store's name has no hyphen.
_ROOT = "klaviyo-guard"
SCHEMA = pa.schema(
    [
        ("hash", pa.binary(16)),
        ("why", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("seen", pa.timestamp("us", tz="UTC")),
    ]
)
"""``why``: one of Klaviyo's reasons for a suppression, or of :class:`Why`; ``at``: when it happened, null
when nobody says; ``seen``: when it was entered."""

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
# Klaviyo shows an event some time after it happened; what shows later than this is missed.
_OVERLAP = timedelta(days=1)
_AT_ONCE = 10_000


class Why(StrEnum):
    """What the guard knows of beside Klaviyo's own reasons."""

    UNSUBSCRIBED = "UNSUBSCRIBED"  # the consent says so, without a suppression
    NETSUITE = "NETSUITE_OPT_OUT"  # status 4, or 2 where it is suppressed
    DELETION = "DELETION_REQUEST"


@dataclass(frozen=True, slots=True)
class Entry:
    """That an address opted out. ``why`` and ``at`` as in :data:`SCHEMA`."""

    email: str
    why: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """What the guard knows of an address: one of its entries."""

    why: str
    at: datetime | None
    seen: datetime

    @property
    def latest(self) -> datetime:
        """The last moment at which it was known to hold."""
        return max(self.at or self.seen, self.seen)


class Guard:
    """The guard of a Klaviyo account, as one writer sees it: it enters into its own dataset, and reads all.

    A writer (a flow of a store) must not run twice at the same time, which Airflow sees to.
    """

    def __init__(self, staging: Staging, connection: str, writer: str) -> None:
        self._staging = staging
        self._place = (_ROOT, connection)
        self._writer = writer
        self._known: dict[str, tuple[str, pa.Table, npt.NDArray[np.bytes_]]] = {}

    def enter(self, entries: Iterable[Entry]) -> int:
        """Enter what is not known yet, and return how much that is. It is there when this returns."""
        new = {(entry.email.lower(), entry.why): entry.at for entry in sorted(entries, key=_when)}
        if not new:
            return 0
        hashes = _hashes(email for email, _ in new)
        now = datetime.now(UTC)
        dataset = self._dataset(self._writer)
        standing, sorted_hashes = self._load(self._writer, dataset)
        known = {
            (row["hash"], row["why"]): row["at"]
            for row in standing.filter(_among(sorted_hashes, hashes)).to_pylist()
        }
        fresh = [
            {"hash": hash_, "why": why, "at": at, "seen": now}
            for hash_, ((_, why), at) in zip(hashes, new.items(), strict=True)
            if (hash_, why) not in known or _later(at, known[hash_, why])
        ]
        if not fresh:
            return 0
        replaced = {(row["hash"], row["why"]) for row in fresh} & known.keys()
        if replaced:
            pairs = zip(standing.column("hash").to_pylist(), standing.column("why").to_pylist(), strict=True)
            standing = standing.filter(pa.array([pair not in replaced for pair in pairs], pa.bool_()))
        with dataset.writer(SCHEMA) as writer:
            writer.write(standing)
            writer.write(pa.RecordBatch.from_pylist(fresh, schema=SCHEMA))
            writer.commit()
        log.info("%d opt-outs entered into the guard", len(fresh))
        return len(fresh)

    def of(self, emails: Collection[str]) -> dict[str, list[Noted]]:
        """What is known of the addresses; nothing for those that never opted out."""
        by_hash = dict(zip(_hashes(emails), (email for email in emails), strict=True))
        found: dict[str, list[Noted]] = {}
        for writer in self._staging.list((*self._place, "entries")):
            table, sorted_hashes = self._load(writer, self._dataset(writer))
            for row in table.filter(_among(sorted_hashes, by_hash)).to_pylist():
                noted = Noted(row["why"], row["at"], row["seen"])
                found.setdefault(by_hash[row["hash"]], []).append(noted)
        return found

    def sweep(self, client: KlaviyoClient) -> int:
        """Enter everybody who opted out in Klaviyo since the last sweep, at the first one: ever. Returns how
        many entries are new.
        """
        place = (*self._place, "swept", self._writer)
        swept = self._staging.read_json(place)
        # Where the entries are lost, what was swept once is too.
        anew = swept is None or self._dataset(self._writer).manifest() is None
        since = _BEGINNING if anew else datetime.fromisoformat(swept["until"]) - _OVERLAP
        began = datetime.now(UTC)
        events = (Entry(out.email, out.reason, out.at) for out in client.consent.opt_outs(since))
        states = (entry for state in client.consent.suppressed(since) for entry in entries_of(state))
        found = itertools.chain(events, states)
        entered = 0
        while portion := list(itertools.islice(found, _AT_ONCE)):
            entered += self.enter(portion)
        self._staging.write_json(place, {"until": began.isoformat()})
        return entered

    def _dataset(self, writer: str) -> Dataset:
        return self._staging.dataset(*self._place, "entries", writer)

    def _load(self, writer: str, dataset: Dataset) -> tuple[pa.Table, npt.NDArray[np.bytes_]]:
        """A writer's entries and their hashes, read again only when they have changed."""
        manifest = dataset.manifest()
        if manifest is None:
            return SCHEMA.empty_table(), np.array([], dtype="S16")
        if writer not in self._known or self._known[writer][0] != manifest.id:
            table = pa.Table.from_batches(list(dataset.batches()), SCHEMA)
            hashes = np.array(table.column("hash").to_pylist(), dtype="S16")
            self._known[writer] = (manifest.id, table, hashes)
        return self._known[writer][1:]


def entries_of(state: ConsentState) -> Iterator[Entry]:
    """What a state that is an opt-out gives to enter; nothing for others."""
    if not state.opted_out:
        return
    for suppression in state.suppressions:
        why = suppression.reason if suppression.list_id is None else f"{suppression.reason}{OF_A_LIST}"
        yield Entry(state.email, why, suppression.at)
    if not state.suppressions:
        yield Entry(state.email, Why.UNSUBSCRIBED, state.changed_at)


def _hashes(emails: Iterable[str]) -> list[bytes]:
    together = key_hashes(email.lower() for email in emails)
    return [together[first : first + 16] for first in range(0, len(together), 16)]


def _among(hashes: npt.NDArray[np.bytes_], wanted: Iterable[bytes]) -> pa.Array:
    """Which of the hashes are wanted. Trailing zeros, which NumPy drops, are dropped on both sides."""
    return pa.array(np.isin(hashes, np.array(list(wanted), dtype="S16")), pa.bool_())


def _when(entry: Entry) -> datetime:
    return entry.at or _BEGINNING


def _later(new: datetime | None, old: datetime | None) -> bool:
    return new is not None and (old is None or new > old)
