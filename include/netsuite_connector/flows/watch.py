"""The watch: whom a store's imports may have subscribed lately, and since when nobody has looked at them.

Between the last look at a person's consent and the moment at which Klaviyo does the job that subscribes them,
they may opt out, and the job lifts it. No request can prevent that, so everybody is on the watch before the
first request that may subscribe them, and whoever turns out to have opted out since is unsubscribed again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.flows.guard import Guard, Noted, Why, entries_of
from netsuite_connector.flows.run import Run
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.consent import Address
from netsuite_connector.klaviyo.consent_state import ConsentState, MarketingConsent
from netsuite_connector.klaviyo.errors import KlaviyoFaultError
from netsuite_connector.klaviyo.opt_outs import BY_OTHERS

log = logging.getLogger(__name__)

KEPT = timedelta(days=7)
"""So long Klaviyo keeps jobs: by then each was done or never will be."""

CLOCKS = timedelta(minutes=5)
"""So far may Klaviyo's clock be ahead of ours."""

_MOMENT = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema([("email", pa.string()), ("since", _MOMENT), ("settled", _MOMENT), ("list", pa.string())])
"""``since``: the consent was read then or later; ``settled``: when the subscription was first seen; ``list``:
the id of the list into which they were imported, null where an earlier version did."""


@dataclass(frozen=True, slots=True)
class _Conflict:
    """What somebody on the watch said since, when they were seen to be subscribed, and to which list."""

    noted: list[Noted]
    settled: datetime | None
    list_id: str | None

    def lifted(self, state: ConsentState) -> bool:
        """Whether they are subscribed against what they said last."""
        # The guard does not know which list an opt-out was of, and a job lifts that of its own list.
        kept = tuple(
            each
            for each in state.suppressions
            if self.list_id is None or each.list_id in (None, self.list_id)
        )
        standing = {entry.why for entry in entries_of(replace(state, suppressions=kept))}
        if state.consent is not MarketingConsent.SUBSCRIBED or standing.issuperset(
            noted.why for noted in self.noted
        ):
            return False
        if state.changed_at is None or self.settled is None:
            return True
        # What was changed before our import was seen to be done may be our import itself. The one moment is
        # by Klaviyo's clock, the other by ours.
        said_no = max(noted.at or noted.seen for noted in self.noted)
        return state.changed_at <= max(self.settled + CLOCKS, said_no)


class Watch:
    """The watch of a store over its Klaviyo account."""

    def __init__(self, run: Run) -> None:
        store = run.store
        self._dataset = run.staging.dataset(store.store, run.domain.flow, "watch", store.klaviyo.connection)

    def open(self, emails: Iterable[str], since: datetime, list_id: str) -> None:
        """Put addresses on the watch that are imported into a list. They are on it when this returns."""
        new = pa.table({"email": list(emails)}, schema=pa.schema([("email", pa.string())]))
        if not new.num_rows:
            return
        new = new.append_column("since", pa.array([since] * new.num_rows, _MOMENT))
        new = new.append_column("settled", pa.nulls(new.num_rows, _MOMENT))
        new = new.append_column("list", pa.repeat(pa.scalar(list_id), new.num_rows))
        both = pa.concat_tables([self._read(), new])
        # An address that is on it already stays on it from when it was put there, and is not settled.
        merged = both.group_by("email", use_threads=False).aggregate([("since", "min"), ("list", "last")])
        merged = merged.rename_columns(["email", "since", "list"])
        known = new.column("email")
        settled = self._read().select(["email", "settled"])
        settled = settled.filter(pc.invert(pc.is_in(settled.column("email"), known)))
        self._write(merged.join(settled, "email").select(SCHEMA.names).cast(SCHEMA))

    def settle(self, emails: Collection[str], at: datetime) -> None:
        """Note that addresses were seen to be subscribed."""
        self._write(_settled(self._read(), emails, at))

    def mend(self, client: KlaviyoClient, guard: Guard, *, patience: float = 120.0) -> list[str]:
        """Unsubscribe again whoever opted out since they were put on the watch and is subscribed all the
        same. Returns their addresses; all of them show as unsubscribed by then.

        Whoever said yes themselves after both the opt-out and our import is left alone; so whoever shows as
        subscribed and did not opt out is settled. Addresses that were
        on the watch for :data:`KEPT` leave it. Raises KlaviyoFaultError when Klaviyo does not show somebody
        as unsubscribed after ``patience`` seconds: to be done again.
        """
        began = datetime.now(UTC)
        table = self._read()
        if not table.num_rows:
            return []
        known = guard.of(table.column("email").to_pylist())
        conflicts: dict[str, _Conflict] = {}
        lines = zip(*(column.to_pylist() for column in table.columns), strict=True)
        for email, since, settled, list_id in lines:
            later = [
                noted
                for noted in known.get(email, ())
                if noted.latest >= since.replace(microsecond=0) and by_klaviyo(noted)
            ]
            if later:
                conflicts[email] = _Conflict(later, settled, list_id)
        unsettled = table.filter(pc.is_null(table.column("settled"))).column("email").to_pylist()
        states = list(client.consent.subscriptions({*conflicts, *unsettled}))
        subscribed = {state.email for state in states if state.consent is MarketingConsent.SUBSCRIBED}
        # No run may have waited for them: it was killed, was out of patience, or left them as they were.
        kept = _settled(table, subscribed - conflicts.keys(), datetime.now(UTC))
        states = [state for state in states if state.email in conflicts]
        wrong = [state.email for state in states if conflicts[state.email].lifted(state)]
        if wrong:
            log.warning(
                "%d people opted out while they were imported: they are unsubscribed again", len(wrong)
            )
            client.consent.unsubscribe(Address(email, email) for email in wrong)
            _await_opt_outs(client, wrong, patience)
        kept = kept.filter(pc.greater(kept.column("since"), pa.scalar(began - KEPT, _MOMENT)))
        if not kept.equals(table):
            self._write(kept)
        return wrong

    def emails(self) -> set[str]:
        """Who is on the watch."""
        return set(self._read().column("email").to_pylist())

    def _read(self) -> pa.Table:
        manifest = self._dataset.manifest()
        if manifest is None:
            return SCHEMA.empty_table()
        table = pa.Table.from_batches(list(self._dataset.batches()), manifest.schema)
        if "list" not in table.column_names:
            table = table.append_column(SCHEMA.field("list"), pa.nulls(table.num_rows, pa.string()))
        return table

    def _write(self, table: pa.Table) -> None:
        with self._dataset.writer(SCHEMA) as writer:
            writer.write(table)
            writer.commit()


def by_klaviyo(noted: Noted) -> bool:
    """Whether a job may have lifted it. An opt-out in NetSuite after an import is no race: the store says
    whether it goes to Klaviyo. And what others call an unsubscribing may be something else.
    """
    return noted.why != Why.NETSUITE and not noted.why.endswith(BY_OTHERS)


def _settled(table: pa.Table, emails: Collection[str], at: datetime) -> pa.Table:
    """The watch once addresses were seen to be subscribed: the first time counts."""
    seen = pc.is_in(table.column("email"), value_set=pa.array(list(emails), pa.string()))
    first = pc.and_(seen, pc.is_null(table.column("settled")))
    settled = pc.if_else(first, pa.scalar(at, _MOMENT), table.column("settled"))
    return table.set_column(2, SCHEMA.field("settled"), settled)


def _await_opt_outs(client: KlaviyoClient, emails: Collection[str], patience: float) -> None:
    deadline = time.monotonic() + patience
    pause, left = 0.1, set(emails)
    while True:
        subscribed = MarketingConsent.SUBSCRIBED
        left = {state.email for state in client.consent.subscriptions(left) if state.consent is subscribed}
        if not left:
            return
        if time.monotonic() + pause > deadline:
            raise KlaviyoFaultError(
                f"Klaviyo does not show {len(left)} people as unsubscribed who opted out while they were "
                "imported: run this again."
            )
        time.sleep(pause)
        pause = min(pause * 1.5, 10.0)
