"""Looks things up in Klaviyo: whose an event is, and where one is that the compared days don't have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from netsuite_connector.flows.reconciliation.expected import Expected
from netsuite_connector.flows.reconciliation.identities import Name
from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.reading import SeenEvent

# Klaviyo takes no events from before it, nor from more than a year ahead (its guide to events).
_EARLIEST, _AHEAD = datetime(2000, 1, 1, tzinfo=UTC), timedelta(days=366)


class Lookup:
    """Looks up events and people of one account. Whose an address is, is asked once."""

    def __init__(self, klaviyo: KlaviyoClient) -> None:
        self._reading = klaviyo.reading
        self._people: dict[str, str | None] = {}
        self._ahead = datetime.now(UTC) + _AHEAD

    def know(self, emails: Iterable[str]) -> None:
        """Ask for these addresses (in lower case) at once."""
        new = sorted(set(emails) - self._people.keys())
        self._people |= dict.fromkeys(new)
        for profile in self._reading.profiles_by_email(new):
            self._people[str(profile["attributes"]["email"]).lower()] = str(profile["id"])

    def person(self, email: str) -> str | None:
        """The id of the profile that has the address now; None if there is none."""
        self.know([email])
        return self._people[email]

    def with_their_person(self, asked: Collection[Expected]) -> dict[int, SeenEvent]:
        """Those of the events that the profile of their record's address has, at any time, by Python's id."""
        self.know(each.email for each in asked)
        wanted: defaultdict[Name, list[Expected]] = defaultdict(list)
        for each in asked:
            person = self.person(each.email)
            if person is not None:
                wanted[person, each.form.metric].append(each)
        found: dict[int, SeenEvent] = {}
        for (person, metric), some in wanted.items():
            events = {event.unique_id: event for event in self._events(metric, person)}
            found |= {id(each): events[each.form.unique_id] for each in some if each.form.unique_id in events}
        return found

    def with_anybody(self, names: Collection[Name]) -> set[Name]:
        """Those of the events that any profile has, at any time. It goes through all events of their metrics,
        since Klaviyo can't be asked for one by its ``unique_id``.
        """
        found: set[Name] = set()
        for metric in {metric for metric, _ in names}:
            left = {unique_id for name, unique_id in names if name == metric}
            for event in self._events(metric) if left else ():
                if event.unique_id in left:
                    left.discard(event.unique_id)
                    found.add((metric, event.unique_id))
                    if not left:
                        break
        return found

    def _events(self, metric: str, person: str | None = None) -> Iterable[SeenEvent]:
        return self._reading.events_of(metric, _EARLIEST, self._ahead, profile_id=person)
