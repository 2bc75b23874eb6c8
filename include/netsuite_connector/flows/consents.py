"""The flow *consents*: confirmed opt-ins of NetSuite to Klaviyo, where nobody ever said no (docs/consent.md).

Its stages after validate: *guard* decides about every address, *import* and *suppress* do it, *confirm*
looks whether it came out so and mends what a race spoiled. Each can be run again, whatever an earlier try
left.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from netsuite_connector.domains.consents import consents_domain
from netsuite_connector.errors import MendError
from netsuite_connector.flows import addresses, plan
from netsuite_connector.flows.addresses import DECISIONS, Decision, Person
from netsuite_connector.flows.guard import Entry, Guard, Why, entries_of
from netsuite_connector.flows.plan import Asked, Plan
from netsuite_connector.flows.run import READ_FROM, Run
from netsuite_connector.flows.watch import Watch
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.consent import Address, OptIn
from netsuite_connector.klaviyo.consent_state import ConsentState, MarketingConsent
from netsuite_connector.netsuite.client import NetSuiteClient
from netsuite_connector.staging import rejected
from netsuite_connector.staging.staging import Staging
from netsuite_connector.stores.model import ConsentSettings, Store
from netsuite_connector.window import Window

log = logging.getLogger(__name__)

Counts = dict[str, Any]
Decided = tuple[Decision, tuple[str, ...]]

_AT_ONCE = 1_000
"""Addresses that are decided about together: one request's worth of opt-ins."""

_SUPPRESSED_AT_ONCE = 100
"""As many as one request suppresses."""

_LEFT = "Opted out while being imported, and was unsubscribed again"
_OUT = "Opted out while being imported"
_UNSEEN = "Klaviyo took the opt-in but does not show it yet"


def open_run(store: Store, staging: Staging) -> Run:
    """A run of the flow, before it is planned. Raises MendError when the store has no ``consents``."""
    settings = settings_of(store)
    return Run(store, consents_domain(settings.consented_at, store.timezone), Window(), staging)


def settings_of(store: Store) -> ConsentSettings:
    """The store's consent settings. Raises MendError when it has none any more."""
    if store.consents is None:
        raise MendError(
            f"Store '{store.store}' has no 'consents' in its file any more: nobody is subscribed by it."
        )
    return store.consents


def guard_of(run: Run) -> Guard:
    """The guard of the run's Klaviyo account, into which the store's flow enters."""
    return Guard(run.staging, run.store.klaviyo.connection, f"{run.store.store}.{run.domain.flow}")


def plan_run(run: Run, client: NetSuiteClient, asked: Asked) -> Plan:
    """Decide the window as every flow does; a first run must read all, since several records may share an
    address. Raises MendError.
    """
    check_first(run, asked)
    return plan.plan(run, client, asked)


def check_first(run: Run, asked: Asked) -> None:
    """Raise MendError for a run over a part when no run over everything came before."""
    if not asked.moves_mark and not asked.dry_run and not _was_whole(run):
        raise MendError(
            "The first run of consents must read everything, since several records may share an address: run "
            "it once without 'Changed from', 'Changed before' and 'Limit'."
        )


def guard(run: Run, client: KlaviyoClient | None) -> Counts:
    """Enter into the guard who opted out in Klaviyo and NetSuite, mend what an earlier run spoiled, and
    decide about every address of the window. A dry run asks nobody and decides by what is known.

    Returns ``people`` by decision, ``entered`` (new entries), ``mended`` and ``seconds``. Raises MendError
    when a run that read NetSuite later has decided since, as :func:`import_` and :func:`suppress` do.
    """
    began = time.monotonic()
    _check_newest(run)
    # Before anything is read: whoever opts out from now on is found by when they did.
    read_from = datetime.now(UTC)
    known = guard_of(run)
    entered = mended = 0
    if client is not None:
        entered = known.sweep(client)
        mended = len(Watch(run).mend(client, known))
    settings = settings_of(run.store)
    people: Counter[str] = Counter()
    keep = {} if run.dry_run else {"whole": run.whole or _was_whole(run), READ_FROM: run.read_from}
    with run.staging.dataset(*run.place, "decisions").writer(DECISIONS) as writer:
        for portion in addresses.portions(addresses.people(run, keep), _AT_ONCE):
            if not run.dry_run:
                entered += known.enter(
                    Entry(person.email, Why.NETSUITE, read_from if person.opted_out_anew else None)
                    for person in portion
                    if person.opted_out_for_certain or (person.opted_out_anew and settings.suppress)
                )
            states: Mapping[str, ConsentState] = {}
            if client is not None:
                asked = [person.email for person in portion if person.concerns(settings)]
                states = {state.email: state for state in client.consent.subscriptions(asked)}
                entered += known.enter(entry for state in states.values() for entry in entries_of(state))
            noted = known.of([person.email for person in portion])
            decided = [
                person.decide(settings, states.get(person.email), noted.get(person.email, ()))
                for person in portion
            ]
            if not run.dry_run:
                # Also a soft one: from then on, whoever says yes to Klaviyo has come back.
                entered += known.enter(
                    Entry(person.email, Why.NETSUITE)
                    for person, (what, _) in zip(portion, decided, strict=True)
                    if what is Decision.SUPPRESS
                )
            people.update(what for what, _ in decided)
            writer.write(addresses.decided(portion, decided))
        writer.commit(read_from=read_from.isoformat())
    return {
        "people": dict(people),
        "entered": entered,
        "mended": mended,
        "seconds": round(time.monotonic() - began, 3),
    }


def import_(run: Run, client: KlaviyoClient | None) -> Counts:
    """Subscribe those for whom nothing speaks against it, a thousand a request. Returns ``people`` by what
    became of them, ``entered`` (new entries of the guard) and ``seconds``.

    Everybody is on the watch before the first request is made, and their consent and the guard are looked at
    once more before each.
    """
    began = time.monotonic()
    outcome: Counter[str] = Counter()
    entered = 0
    decisions = run.staging.dataset(*run.place, "decisions").require()
    if client is not None:
        _check_newest(run)
        settings, known, watch = settings_of(run.store), guard_of(run), Watch(run)
        target = client.reading.find_list(settings.list).id
        since = datetime.fromisoformat(decisions.facts["read_from"])
        watch.open((person.email for person in _decided(run, Decision.IMPORT)), since, target)
        for number, portion in _numbered(_decided(run, Decision.IMPORT)):
            document = run.document("import", decisions.id, f"{number:06}.json")
            done = run.staging.read_json(document)
            if done is None:
                emails = [person.email for person in portion]

                def refuse(states: Mapping[str, ConsentState], emails: list[str] = emails) -> Collection[str]:
                    nonlocal entered
                    said_no = (entry for state in states.values() for entry in entries_of(state))
                    entered += known.enter(said_no)
                    return known.of(emails).keys()

                entries = [OptIn(person.key, person.email, person.moment) for person in portion]
                result = client.consent.import_opt_ins(target, entries, refuse=refuse)
                done = {
                    "sent_at": datetime.now(UTC).isoformat(),
                    "accepted": result.accepted,
                    "subscribed": result.subscribed,
                    "opted_out": result.opted_out,
                    "rejected": {rejection.key: rejection.reasons for rejection in result.rejected},
                }
                run.staging.write_json(document, done)
            outcome.update(
                {name: len(done[name]) for name in ("accepted", "subscribed", "opted_out", "rejected")}
            )
            log.info("%s opt-ins sent so far", f"{outcome['accepted']:,}")
    return {"people": dict(outcome), "entered": entered, "seconds": round(time.monotonic() - began, 3)}


def suppress(run: Run, client: KlaviyoClient | None) -> Counts:
    """Suppress who opted out in NetSuite, where the store says so. Returns ``suppressed``, ``skipped`` (were
    already) and ``rejected`` people, and ``seconds``. Whoever came back or was forgotten since they were
    decided about is left alone.
    """
    began = time.monotonic()
    counts = {"suppressed": 0, "skipped": 0, "rejected": 0}
    if client is not None:
        _check_newest(run)
        spared: dict[str, Decided] = {}
        result = client.consent.suppress(_still_to_suppress(run, client, spared))
        refused = {rejection.key: rejection.reasons for rejection in result.rejected}
        run.staging.write_json(run.document("spared.json"), spared)
        run.staging.write_json(run.document("suppress.json"), refused)
        counts = {"suppressed": result.suppressed, "skipped": result.skipped, "rejected": len(refused)}
    return counts | {"seconds": round(time.monotonic() - began, 3)}


def _still_to_suppress(run: Run, client: KlaviyoClient, spared: dict[str, Decided]) -> Iterator[Address]:
    """Those for whom it is still to be done, by what Klaviyo and the guard say right before; the others, by
    key, go into ``spared``. Who is out already may be so by an earlier try, and is asked for again.
    """
    settings, known = settings_of(run.store), guard_of(run)
    for portion in addresses.portions(_decided(run, Decision.SUPPRESS), _SUPPRESSED_AT_ONCE):
        emails = [person.email for person in portion]
        states = {state.email: state for state in client.consent.subscriptions(emails)}
        noted = known.of(emails)
        for person in portion:
            now = person.decide(settings, states.get(person.email), noted.get(person.email, ()))
            if now[0] in {Decision.SUPPRESS, Decision.ALREADY_OUT}:
                yield Address(person.key, person.email)
            else:
                spared[person.key] = now


def confirm(
    run: Run,
    client: KlaviyoClient | None,
    *,
    patience: float = 900.0,
    grace: float = 120.0,
    pauses: tuple[float, float] = (0.5, 15.0),
) -> Counts:
    """Wait until Klaviyo shows what was imported, then look who opted out meanwhile and unsubscribe them
    again. Returns ``rows`` and ``people`` (by what finally became of them), ``reasons``, ``mended``,
    ``entered`` and ``seconds``.

    Whoever isn't shown after ``patience`` seconds is rejected with that reason, and stays on the watch. Who
    shows as opted out is waited for ``grace`` seconds, since the job may still be to come.
    """
    began = time.monotonic()
    mended: list[str] = []
    entered = 0
    seen = _Seen()
    results = _Results(run)
    if client is not None:
        watch, known = Watch(run), guard_of(run)
        accepted = [p.email for p in _decided(run, Decision.IMPORT) if p.key in results.accepted]
        seen = _await(client, accepted, patience, grace, pauses)
        watch.settle(seen.subscribed, datetime.now(UTC))
        entered = known.sweep(client)
        mended = watch.mend(client, known)
    gone = set(mended)
    rows: Counter[str] = Counter()
    people: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    with run.staging.dataset(*run.place, "refused").writer(rejected.SCHEMA) as writer:
        for portion in addresses.portions(_decided(run, None), _AT_ONCE):
            turned_down = []
            for person in portion:
                what, why = results.of(person, seen, gone, dry_run=run.dry_run)
                people[what] += 1
                rows[_ACCOUNT.get(what, "rejected")] += person.rows
                if why:
                    reasons.update(dict.fromkeys(set(why), person.rows))
                    turned_down.append((person, why))
            if turned_down:
                writer.write(addresses.refusals(turned_down))
        writer.commit()
    return {
        "rows": {name: rows[name] for name in ("delivered", "unchanged", "rejected")},
        "people": dict(people),
        "reasons": dict(reasons),
        "mended": len(mended),
        "entered": entered,
        "seconds": round(time.monotonic() - began, 3),
    }


_ACCOUNT = {
    "imported": "delivered",
    "suppressed": "delivered",
    "already subscribed": "unchanged",
    "already opted out": "unchanged",
}


@dataclass(frozen=True, slots=True)
class _Seen:
    """Of those who were imported, whom Klaviyo showed as subscribed, and whom as opted out in the end."""

    subscribed: Collection[str] = ()
    opted_out: Collection[str] = ()


class _Results:
    """What the stages noted of people, by key."""

    def __init__(self, run: Run) -> None:
        decisions = run.staging.dataset(*run.place, "decisions").require()
        self.accepted: set[str] = set()
        self.subscribed: set[str] = set()
        self.opted_out: set[str] = set()
        self.refused: dict[str, list[str]] = dict(run.staging.read_json(run.document("suppress.json")) or {})
        self.spared: dict[str, Any] = run.staging.read_json(run.document("spared.json")) or {}
        for name in run.staging.list(run.document("import", decisions.id)):
            done = run.staging.read_json(run.document("import", decisions.id, name))
            self.accepted.update(done["accepted"])
            self.subscribed.update(done["subscribed"])
            self.opted_out.update(done["opted_out"])
            self.refused.update(done["rejected"])

    def of(  # noqa: PLR0911 - one for each end
        self, person: Person, seen: _Seen, gone: set[str], *, dry_run: bool
    ) -> tuple[str, tuple[str, ...]]:
        """What became of a person, and for those who are rejected why."""
        assert person.decision is not None  # noqa: S101 - they are read from the decisions
        if person.email in gone:
            return "opted out meanwhile", (_LEFT,)
        if person.key in self.refused:
            return "rejected", tuple(self.refused[person.key])
        if person.key in self.spared:
            now, why = self.spared[person.key]
            return _NAMES[Decision(now)], tuple(why)
        if person.decision is not Decision.IMPORT:
            return _NAMES[person.decision], person.reasons
        if dry_run or person.email in seen.subscribed:
            return "imported", ()
        if person.email in seen.opted_out:
            return "opted out meanwhile", (_OUT,)
        if person.key in self.subscribed:
            return "already subscribed", ()
        if person.key in self.opted_out:
            return "guarded", (addresses.GUARDED,)
        return "not seen yet", (_UNSEEN,)


_NAMES = {
    Decision.IMPORT: "imported",
    Decision.SUBSCRIBED: "already subscribed",
    Decision.GUARDED: "guarded",
    Decision.SUPPRESS: "suppressed",
    Decision.ALREADY_OUT: "already opted out",
    Decision.OPTED_OUT: "opted out in NetSuite",
    Decision.NOT_CONFIRMED: "not confirmed",
}


def _await(
    client: KlaviyoClient,
    emails: Iterable[str],
    patience: float,
    grace: float,
    pauses: tuple[float, float],
) -> _Seen:
    """Whom Klaviyo shows as subscribed, and who of the others opted out, once that is all or time is up."""
    began = time.monotonic()
    waiting, subscribed, opted_out = set(emails), set[str](), set[str]()
    pause, longest = pauses
    while waiting:
        opted_out = set()
        for state in client.consent.subscriptions(waiting):
            if state.consent is MarketingConsent.SUBSCRIBED:
                subscribed.add(state.email)
            elif state.opted_out:
                opted_out.add(state.email)
        waiting -= subscribed
        elapsed = time.monotonic() - began
        if elapsed > patience or (elapsed > grace and waiting == opted_out):
            break
        if waiting:
            time.sleep(pause)
            pause = min(pause * 1.5, longest)
    return _Seen(subscribed, opted_out)


def _decided(run: Run, decision: Decision | None) -> Iterator[Person]:
    return addresses.read_decided(run.staging.dataset(*run.place, "decisions"), decision)


def _numbered(people: Iterator[Person]) -> Iterator[tuple[int, list[Person]]]:
    return enumerate(addresses.portions(people, _AT_ONCE))


def _check_newest(run: Run) -> None:
    """Raise MendError when a run that read NetSuite later has decided since: somebody cleared an old one."""
    manifest = addresses.book_of(run).manifest()
    newest = None if manifest is None else manifest.facts.get(READ_FROM)
    if not run.dry_run and newest is not None and newest > (run.read_from or 0):
        raise MendError(
            "A newer run of consents has read NetSuite since this one did, and people may have opted out "
            "there meanwhile. Nobody was subscribed or suppressed by this: let the next run do it."
        )


def _was_whole(run: Run) -> bool:
    manifest = addresses.book_of(run).manifest()
    return manifest is not None and bool(manifest.facts.get("whole"))
