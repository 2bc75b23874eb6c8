"""Consents as they stand now: nobody in the guard is subscribed, and those that were to be imported are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from netsuite_connector.flows import addresses, consents
from netsuite_connector.flows.addresses import Decision, Person
from netsuite_connector.flows.guard import Noted, entries_of
from netsuite_connector.flows.reconciliation.model import Finding, Outcome, Verdict
from netsuite_connector.flows.reconciliation.reading import Reading, changed, rejected_rows
from netsuite_connector.flows.watch import by_klaviyo
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.consent_state import ConsentState, MarketingConsent

KIND = "consents"
_AT_ONCE = 1_000
_SUBSCRIBED = MarketingConsent.SUBSCRIBED


def compare(reading: Reading, klaviyo: KlaviyoClient, young_from: datetime) -> Outcome:
    """Compare every address of NetSuite with what Klaviyo shows of its consent, and with the guard.

    *netsuite* counts the addresses that are to be subscribed (or suppressed, where the store has it so),
    *klaviyo* those that are; what keeps the others from it is the guard's to know, and no disagreement.
    """
    outcome = Outcome()
    settings = consents.settings_of(reading.store)
    guard = consents.guard_of(reading)
    moments = changed(reading)
    tally = outcome.tally(KIND, None)
    tally.rejected += sum(1 for _ in rejected_rows(reading))
    for portion in addresses.portions(addresses.people(reading, {}), _AT_ONCE):
        states = {
            state.email: state for state in klaviyo.consent.subscriptions(each.email for each in portion)
        }
        noted = guard.of([person.email for person in portion])
        for person in portion:
            state = states.get(person.email)
            known = noted.get(person.email, ())
            decision, _ = person.decide(settings, state, known)
            if _against_the_guard(state, known):
                tally.klaviyo += 1
                detail = "subscribed in Klaviyo, though the guard has a later opt-out: run 'consents'"
                outcome.found(_finding(Verdict.DIFFERENT, person, detail))
            elif decision in (Decision.SUBSCRIBED, Decision.ALREADY_OUT):
                tally.netsuite += 1
                tally.klaviyo += 1
            elif decision in (Decision.IMPORT, Decision.SUPPRESS):
                tally.netsuite += 1
                last = moments.get(person.id)
                if last is not None and last >= young_from:
                    outcome.found(_finding(Verdict.NOT_YET, person, "changed in NetSuite since the last run"))
                else:
                    what = "subscribed" if decision is Decision.IMPORT else "suppressed"
                    outcome.found(_finding(Verdict.MISSING, person, f"not {what} in Klaviyo: run 'consents'"))
    return outcome


def _against_the_guard(state: ConsentState | None, noted: Sequence[Noted]) -> bool:
    """Whether somebody is subscribed though they opted out later. An opt-out in NetSuite, or one that others
    record, unsubscribes nobody by itself (docs/consent.md), and who is suppressed gets no mail though Klaviyo
    calls them subscribed.
    """
    if state is None or state.consent is not _SUBSCRIBED:
        return False
    standing = {entry.why for entry in entries_of(state)}
    against = [each for each in noted if by_klaviyo(each) and each.why not in standing]
    return any(state.changed_at is None or state.changed_at < (each.at or each.seen) for each in against)


def _finding(verdict: Verdict, person: Person, detail: str) -> Finding:
    return Finding(KIND, None, verdict, person.key, person.id, detail)
