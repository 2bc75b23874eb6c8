"""Profiles and how Klaviyo tells that two of them are one person.

A profile is found by its id, else by e-mail address (in any case), else by phone number. An external id finds
a profile only when it comes alone: it takes no part in merging, so a known external id with a new e-mail
address makes a second profile. Identifiers that belong to two different profiles are a conflict; nothing is
merged by force.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from netsuite_connector.sandbox.klaviyo.database import Database, as_list, dump, load
from netsuite_connector.sandbox.klaviyo.identifiers import PROFILE_PREFIX, decode, profile_id

PLAIN_FIELDS: Final = ("first_name", "last_name", "organization", "locale", "title", "image")
LOCATION_FIELDS: Final = (
    "address1", "address2", "city", "country", "latitude", "longitude", "region", "zip", "timezone", "ip",
)  # fmt: skip

_SAVE: Final = """
INSERT INTO profiles (
    seq, email, phone, external_id, document, consent, suppressed, created, updated, last_event
) VALUES (?,?,?,?,?,?,?,?,?,?)
ON CONFLICT (seq) DO UPDATE SET
    email = excluded.email, phone = excluded.phone, external_id = excluded.external_id,
    document = excluded.document, consent = excluded.consent, suppressed = excluded.suppressed,
    updated = excluded.updated, last_event = excluded.last_event
"""


class IdentityConflictError(Exception):
    """An identifier belongs to another profile; ``owner`` is that one's id."""

    def __init__(self, owner: str) -> None:
        super().__init__("an identifier belongs to another profile")
        self.owner = owner


@dataclass(slots=True)
class Profile:
    """A profile. ``document`` holds its fields and properties, ``consent`` its subscriptions."""

    seq: int
    email: str | None
    phone: str | None
    external_id: str | None
    document: dict[str, Any]
    consent: dict[str, Any]
    suppressed: float | None
    created: float
    updated: float
    last_event: int | None = None

    @property
    def id(self) -> str:
        """The id that callers see."""
        return profile_id(self.seq)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a caller knows of a person. All parts may be None. The e-mail address is in lower case."""

    seq: int | None
    email: str | None
    phone: str | None
    external_id: str | None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to tell a person by."""
        return self.seq is None and not (self.email or self.phone or self.external_id)


def identity_of(resource: Mapping[str, Any]) -> Identity:
    """The identity in a profile resource as callers send it (``id`` and ``attributes``)."""
    attributes = resource["attributes"]
    identifier = resource.get("id")
    email = attributes.get("email")
    return Identity(
        # An id that is none of ours finds nobody: no profile has the number 0.
        None if identifier is None else decode(PROFILE_PREFIX, identifier) or 0,
        email.lower() if email else None,
        attributes.get("phone_number") or None,
        attributes.get("external_id") or None,
    )


@dataclass(slots=True)
class People:
    """The profiles that one transaction works on: loaded at once, changed in memory, written at the end."""

    database: Database
    now: float
    _by_seq: dict[int, Profile] = field(default_factory=dict)
    _by_email: dict[str, Profile] = field(default_factory=dict)
    _by_phone: dict[str, Profile] = field(default_factory=dict)
    _by_external: dict[str, Profile] = field(default_factory=dict)
    _changed: dict[int, Profile] = field(default_factory=dict)
    _moved: set[int] = field(default_factory=set)
    _next: int = 0

    def load(self, identities: Iterable[Identity]) -> None:
        """Fetches every profile that one of the identities may mean."""
        known = list(identities)
        self._fetch("seq", {identity.seq for identity in known if identity.seq is not None})
        self._fetch("email", {identity.email for identity in known if identity.email})
        self._fetch("phone", {identity.phone for identity in known if identity.phone})
        self._fetch("external_id", {identity.external_id for identity in known if identity.external_id})

    def find(self, identity: Identity) -> Profile | None:
        """The profile that an identity means among those loaded, or None. An unknown id is no profile at
        all.
        """
        if identity.seq is not None:
            return self._by_seq.get(identity.seq)
        if identity.email and (profile := self._by_email.get(identity.email)):
            return profile
        if identity.phone and (profile := self._by_phone.get(identity.phone)):
            return profile
        if identity.external_id and not identity.email and not identity.phone:
            return self._by_external.get(identity.external_id)
        return None

    def check(self, profile: Profile | None, identity: Identity) -> None:
        """Raises IdentityConflictError unless ``profile`` (None: a new one) may have these identifiers."""
        by_email = self._by_email.get(identity.email) if identity.email else None
        by_phone = self._by_phone.get(identity.phone) if identity.phone else None
        for owner in (by_email, by_phone):
            if owner is not None and owner is not profile:
                raise IdentityConflictError(owner.id)
        # Found by phone only: a different address means a different person who shares the phone.
        if (
            profile
            and identity.seq is None
            and identity.email
            and profile.email not in (None, identity.email)
        ):
            raise IdentityConflictError(profile.id)

    def create(self) -> Profile:
        """A new, empty profile."""
        if not self._next:
            # The number of a deleted profile is never given to another.
            self._next = (
                max(
                    self.database.number("SELECT max(seq) FROM profiles"),
                    self.database.number("SELECT max(seq) FROM deleted"),
                )
                + 1
            )
        profile = Profile(self._next, None, None, None, {}, {}, None, self.now, self.now)
        self._next += 1
        self._by_seq[profile.seq] = profile
        return profile

    def ensure(self, identity: Identity, *, create: bool) -> Profile | None:
        """The profile that an identity means; a new one with its identifiers when there is none and
        ``create``.
        """
        profile = self.find(identity)
        if profile is None and create and identity.seq is None:
            profile = self.create()
            self.identify(profile, identity)
            self.touch(profile)
        return profile

    def identify(self, profile: Profile, identity: Identity) -> None:
        """Gives a profile the identifiers that were sent; those that weren't stay."""
        if identity.email and identity.email != profile.email:
            if profile.email:
                del self._by_email[profile.email]
                self._moved.add(profile.seq)
            profile.email = identity.email
            self._by_email[identity.email] = profile
        if identity.phone and identity.phone != profile.phone:
            if profile.phone:
                del self._by_phone[profile.phone]
                self._moved.add(profile.seq)
            profile.phone = identity.phone
            self._by_phone[identity.phone] = profile
        if identity.external_id:
            profile.external_id = identity.external_id
            self._by_external.setdefault(identity.external_id, profile)

    def clear_identifiers(self, profile: Profile, attributes: Mapping[str, Any]) -> None:
        """Takes away the identifiers that were sent as null."""
        if attributes.get("email", "") is None and profile.email:
            del self._by_email[profile.email]
            profile.email = None
        if attributes.get("phone_number", "") is None and profile.phone:
            del self._by_phone[profile.phone]
            profile.phone = None
        if attributes.get("external_id", "") is None:
            profile.external_id = None

    def touch(self, profile: Profile) -> None:
        """Marks a profile as changed now."""
        profile.updated = self.now
        self._changed[profile.seq] = profile

    def save(self) -> None:
        """Writes all changed profiles."""
        # An identifier that one profile gave up may be another's now, so it is freed before it is taken.
        self.database.change_many(
            "UPDATE profiles SET email = NULL, phone = NULL WHERE seq = ?", ((seq,) for seq in self._moved)
        )
        self.database.change_many(
            _SAVE,
            (
                (
                    profile.seq, profile.email, profile.phone, profile.external_id, dump(profile.document),
                    dump(profile.consent), profile.suppressed, profile.created, profile.updated,
                    profile.last_event,
                )
                for profile in self._changed.values()
            ),
        )  # fmt: skip
        self._changed.clear()
        self._moved.clear()

    def _fetch(self, column: str, values: set[Any]) -> None:
        if not values:
            return
        statement = f"SELECT * FROM profiles WHERE {column} IN (SELECT value FROM json_each(?)) ORDER BY seq"  # noqa: S608
        for row in self.database.rows(statement, (as_list(values),)):
            if row["seq"] not in self._by_seq:
                self._keep(profile_from(row))

    def _keep(self, profile: Profile) -> None:
        self._by_seq[profile.seq] = profile
        if profile.email:
            self._by_email[profile.email] = profile
        if profile.phone:
            self._by_phone[profile.phone] = profile
        if profile.external_id:
            # Several profiles may share an external id; the oldest is the one found.
            self._by_external.setdefault(profile.external_id, profile)


def profile_from(row: sqlite3.Row) -> Profile:
    """A profile from its row."""
    return Profile(
        row["seq"], row["email"], row["phone"], row["external_id"], load(row["document"]),
        load(row["consent"]), row["suppressed"], row["created"], row["updated"], row["last_event"],
    )  # fmt: skip


def merge(document: dict[str, Any], attributes: Mapping[str, Any], *, null_clears: bool) -> None:
    """Merges sent attributes into a profile's document, key by key in location and properties.

    A null clears a field where ``null_clears`` (PATCH and profile-import) and is ignored elsewhere (bulk
    import, events).
    """
    for name in PLAIN_FIELDS:
        if name in attributes:
            _put(document, name, attributes[name], null_clears=null_clears)
    for name in ("location", "properties"):
        sent = attributes.get(name)
        if sent is not None:
            known = document.setdefault(name, {})
            for key, value in sent.items():
                _put(known, key, value, null_clears=null_clears)
        elif name in attributes and null_clears:
            document.pop(name, None)


def patch_properties(document: dict[str, Any], meta: Mapping[str, Any] | None) -> None:
    """Applies ``meta.patch_properties``. An append doesn't look for what is there already: Klaviyo doesn't
    say that it does.
    """
    patch = (meta or {}).get("patch_properties")
    if not patch:
        return
    properties = document.setdefault("properties", {})
    for key, value in (patch.get("append") or {}).items():
        properties[key] = _as_list(properties.get(key)) + _as_list(value)
    for key, value in (patch.get("unappend") or {}).items():
        if key in properties:
            gone = _as_list(value)
            properties[key] = [held for held in _as_list(properties[key]) if held not in gone]
    for key in _as_list(patch.get("unset")):
        properties.pop(key, None)


def _put(holder: dict[str, Any], key: str, value: Any, *, null_clears: bool) -> None:
    if value is not None:
        holder[key] = value
    elif null_clears:
        holder.pop(key, None)


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
