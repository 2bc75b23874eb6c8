"""Who may be written to. Klaviyo is the source of truth for it: this reads consents, imports opt-ins that
were confirmed elsewhere, suppresses, and unsubscribes. Nothing here, or anywhere in the product, lifts an
opt-out that it knows of.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import logging
import re
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import orjson

from netsuite_connector.klaviyo import endpoints
from netsuite_connector.klaviyo.batching import Record, Rejection
from netsuite_connector.klaviyo.consent_state import ConsentState, MarketingConsent, state_of
from netsuite_connector.klaviyo.endpoints import Envelope, envelope
from netsuite_connector.klaviyo.errors import KlaviyoRecordsError
from netsuite_connector.klaviyo.jobs import Jobs
from netsuite_connector.klaviyo.opt_outs import OptOut, opt_outs
from netsuite_connector.klaviyo.pushing import Pushing, pointed_at
from netsuite_connector.klaviyo.reading import PAGE, moment, portions
from netsuite_connector.klaviyo.results import rejections
from netsuite_connector.klaviyo.transport import Transport

log = logging.getLogger(__name__)

# Not kinds of ``Bulk``, so that nobody pushes to them by the way.
_SUBSCRIBE = envelope(
    "/api/profile-subscription-bulk-create-jobs",
    "profiles",
    records=1_000,
    limits=(75, 750),
    write=("lists:write", "profiles:write", "subscriptions:write"),
    read=None,
)
_SUPPRESS = envelope(
    "/api/profile-suppression-bulk-create-jobs",
    "profiles",
    records=100,
    limits=(75, 750),
    write=("profiles:write", "subscriptions:write"),
    read=("subscriptions:read",),
)
_UNSUBSCRIBE = envelope(
    "/api/profile-subscription-bulk-delete-jobs",
    "profiles",
    records=100,
    limits=(75, 750),
    write=("lists:write", "profiles:write", "subscriptions:write"),
    read=None,
)
ENVELOPES = (_SUBSCRIBE, _SUPPRESS, _UNSUBSCRIBE)


_WITH_CONSENT = {
    "additional-fields[profile]": "subscriptions",
    "fields[profile]": "email,subscriptions",
    "page[size]": str(PAGE),
}
_SUPPRESSED_AT = "subscriptions.email.marketing.suppression.timestamp"

# What can't be looked up for certain is not imported: Klaviyo might know the address under another spelling.
_ADDRESS = re.compile(r"[!-~]+@[!-~]+", re.ASCII)
_NO_ADDRESS = "The opt-in has no e-mail address that can be looked up in Klaviyo."
_WITHOUT_DATE = "An opt-in is imported only with the time at which it was given, and this one has none."
_WITHOUT_ZONE = "The time at which the opt-in was given lacks its time zone."
_IN_FUTURE = "The opt-in was given in the future."


@dataclass(frozen=True, slots=True)
class Address:
    """An e-mail address, and the key that names it in rejected rows."""

    key: str
    email: str


@dataclass(frozen=True, slots=True)
class OptIn:
    """A confirmed opt-in from elsewhere. Without ``consented_at`` it is refused."""

    key: str
    email: str
    consented_at: dt.datetime | None


Refuse = Callable[[Mapping[str, ConsentState]], Collection[str]]
"""Given what Klaviyo has just said of people whom it knows, by address: the addresses that must not be
subscribed, whatever Klaviyo says of them.
"""


@dataclass(slots=True)
class Imported:
    """What came of an import of opt-ins, by key; each entry is in exactly one of the four.

    ``accepted`` were sent, ``subscribed`` already are, ``opted_out`` said no some time and were left alone.
    """

    accepted: list[str] = field(default_factory=list)
    subscribed: list[str] = field(default_factory=list)
    opted_out: list[str] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)


@dataclass(slots=True)
class Suppressed:
    """What came of suppressing: how many Klaviyo suppressed, how many it skipped because they are already,
    and the addresses that it refuses.
    """

    suppressed: int = 0
    skipped: int = 0
    rejected: list[Rejection] = field(default_factory=list)


@dataclass(slots=True)
class _SortedOut:
    """Opt-ins by what may be done with them. ``free`` is by address, ``repeated`` are more of the same."""

    free: dict[str, OptIn] = field(default_factory=dict)
    repeated: list[OptIn] = field(default_factory=list)
    subscribed: list[str] = field(default_factory=list)
    opted_out: list[str] = field(default_factory=list)


class Consent:
    """The consents of one account."""

    def __init__(self, transport: Transport, pushing: Pushing, jobs: Jobs) -> None:
        self._transport = transport
        self._pushing = pushing
        self._jobs = jobs

    def subscriptions(self, emails: Iterable[str]) -> Iterator[ConsentState]:
        """The current consent and suppressions of the profiles with these addresses, in no order; nothing for
        an address that Klaviyo doesn't know. Up to 100 addresses a call.
        """
        for portion in portions(email.lower() for email in emails):
            yield from self._states(f"any(email,[{','.join(portion)}])")

    def suppressed(self, since: dt.datetime) -> Iterator[ConsentState]:
        """The profiles that were suppressed at or after ``since``, to the second, a page at a time.

        Klaviyo's help says that not every unsubscribing is a suppression: ask :meth:`subscriptions` before
        anybody is written to.
        """
        second = moment(since.replace(microsecond=0))
        yield from self._states(f"greater-or-equal({_SUPPRESSED_AT},{second})")

    def import_opt_ins(
        self,
        list_id: str,
        entries: Iterable[OptIn],
        *,
        custom_source: str = "NetSuite",
        refuse: Refuse | None = None,
    ) -> Imported:
        """Subscribes people to a list who confirmed elsewhere, up to 1,000 a request, as an import of
        history: no confirmation is asked for, no flow starts. Whoever opted out in Klaviyo is left alone.

        Consents are read back right before each request, and again before it is repeated, so that neither an
        old picture nor a lost answer subscribes anybody who said no meanwhile. Klaviyo starts no job for it:
        :meth:`subscriptions` shows the outcome some seconds later. ``custom_source`` is kept with the
        consents. ``refuse`` is asked each time the consents were read; whom it names counts as opted out.

        What no reading can see is an opt-out between it and the moment at which Klaviyo does the job:
        :meth:`opt_outs` shows it afterwards, and :meth:`unsubscribe` makes it good.
        """
        target = _for_list(list_id, custom_source)
        result = Imported()
        valid = self._valid(entries, result)
        while portion := list(itertools.islice(valid, target.records)):
            self._import(target, portion, result, refuse)
        return result

    def opt_outs(self, since: dt.datetime) -> Iterator[OptOut]:
        """Who unsubscribed, from everything or from a list, complained or was suppressed by hand at or after
        ``since``, to the second, by the events that Klaviyo records of it: also of those who are subscribed
        again. Several for whoever did it several times; nothing of profiles that are gone.
        """
        return opt_outs(self._transport, since)

    def unsubscribe(self, addresses: Iterable[Address]) -> list[Rejection]:
        """Unsubscribes addresses from everything, 100 a request, and gives those that Klaviyo refuses. It
        starts no job for it: :meth:`subscriptions` shows the outcome some seconds later.
        """
        rejected: list[Rejection] = []
        marketing = {"email": {"marketing": {"consent": "UNSUBSCRIBED"}}}
        records = (
            Record(address.key, _element({"email": address.email, "subscriptions": marketing}))
            for address in addresses
        )
        while portion := list(itertools.islice(records, _UNSUBSCRIBE.records)):
            rejected += self._pushing.push(portion, _UNSUBSCRIBE).rejected
        return rejected

    def suppress(
        self,
        addresses: Iterable[Address],
        *,
        timeout: float = 1800.0,
        pause: tuple[float, float] = (0.5, 15.0),
    ) -> Suppressed:
        """Suppresses addresses, 100 a request, and follows each job to its end. Unknown ones become profiles
        that are suppressed. ``timeout`` and ``pause`` as in
        :meth:`netsuite_connector.klaviyo.client.KlaviyoClient.follow`.
        """
        assert _SUPPRESS.job is not None  # noqa: S101 - see above
        result = Suppressed()
        records = (Record(address.key, _element({"email": address.email})) for address in addresses)
        while portion := list(itertools.islice(records, _SUPPRESS.records)):
            pushed = self._pushing.push(portion, _SUPPRESS)
            result.rejected += pushed.rejected
            for job in pushed.jobs:
                counts = self._jobs.wait(_SUPPRESS.job, job.id, timeout=timeout, pause=pause)
                skipped = int(counts.get("skipped_count") or 0)
                result.skipped += skipped
                result.suppressed += len(job.records) - skipped
        return result

    def _valid(self, entries: Iterable[OptIn], result: Imported) -> Iterator[OptIn]:
        """Those that may be imported as far as their address and time go; the others are rejected."""
        for entry in entries:
            reason = None
            if not _ADDRESS.fullmatch(entry.email.strip()):
                reason = _NO_ADDRESS
            elif entry.consented_at is None:
                reason = _WITHOUT_DATE
            elif entry.consented_at.tzinfo is None:
                reason = _WITHOUT_ZONE
            elif entry.consented_at > dt.datetime.now(dt.UTC):
                reason = _IN_FUTURE
            if reason is None:
                yield dataclasses.replace(entry, email=entry.email.strip().lower())
            else:
                result.rejected.append(Rejection(entry.key, 1, (reason,)))

    def _import(
        self, target: Envelope, entries: list[OptIn], result: Imported, refuse: Refuse | None
    ) -> None:
        """Sends those of the entries that are free to be subscribed at that very moment."""
        left, sorted_out = entries, _SortedOut()

        def body() -> bytes | None:
            nonlocal sorted_out
            sorted_out = self._sort_out(left, refuse)
            sending = sorted_out.free.values()
            return target.request(map(_opt_in, sending)) if sending else None

        while left:
            try:
                self._transport.call(target.push, body=body)
            except KlaviyoRecordsError as error:
                sent = list(sorted_out.free.values())
                refused = pointed_at(error, target, len(sent))
                if not refused:
                    raise
                result.rejected += rejections([Record(entry.key, b"") for entry in sent], refused)
                gone = {sent[position].key for position in refused}
                left, sorted_out = [entry for entry in left if entry.key not in gone], _SortedOut()
            else:
                break
        result.accepted += [entry.key for entry in (*sorted_out.free.values(), *sorted_out.repeated)]
        result.subscribed += sorted_out.subscribed
        result.opted_out += sorted_out.opted_out
        log.info(
            "%d opt-ins sent; %d are subscribed already, %d opted out",
            len(sorted_out.free),
            len(sorted_out.subscribed),
            len(sorted_out.opted_out),
        )

    def _sort_out(self, entries: list[OptIn], refuse: Refuse | None) -> _SortedOut:
        """The entries by what Klaviyo says of them now."""
        states = {state.email: state for state in self.subscriptions(entry.email for entry in entries)}
        refused = refuse(states) if refuse is not None else ()
        found = _SortedOut()
        for entry in entries:
            state = states.get(entry.email)
            if state is not None and state.opted_out:
                found.opted_out.append(entry.key)
            elif state is not None and state.consent is MarketingConsent.SUBSCRIBED:
                found.subscribed.append(entry.key)
            elif entry.email in refused:
                found.opted_out.append(entry.key)
            elif entry.email in found.free:
                found.repeated.append(entry)
            else:
                found.free[entry.email] = entry
        return found

    def _states(self, condition: str) -> Iterator[ConsentState]:
        query = {**_WITH_CONSENT, "filter": condition}
        for profile in self._transport.get_all(endpoints.PROFILES, query):
            yield state_of(profile)


def _for_list(list_id: str, custom_source: str) -> Envelope:
    """The request that imports opt-ins into a list: ``historical_import`` is part of it, always."""
    source = orjson.dumps(custom_source)
    relation = orjson.dumps({"list": {"data": {"type": "list", "id": list_id}}})
    suffix = b']},"historical_import":true,"custom_source":%b},"relationships":%b}}' % (source, relation)
    return dataclasses.replace(_SUBSCRIBE, suffix=suffix)


def _opt_in(entry: OptIn) -> bytes:
    assert entry.consented_at is not None  # noqa: S101 - no other is sent
    marketing = {"consent": "SUBSCRIBED", "consented_at": moment(entry.consented_at)}
    return _element({"email": entry.email, "subscriptions": {"email": {"marketing": marketing}}})


def _element(attributes: dict[str, typing.Any]) -> bytes:
    return orjson.dumps({"type": "profile", "attributes": attributes})
