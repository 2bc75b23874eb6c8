"""The profile endpoints that answer at once: read, create, update, create-or-update."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from netsuite_connector.sandbox.klaviyo.account import Account, Answer, Call, Handler
from netsuite_connector.sandbox.klaviyo.checks import LARGEST_PROFILE, profile_problems
from netsuite_connector.sandbox.klaviyo.clock import iso
from netsuite_connector.sandbox.klaviyo.consent import subscriptions
from netsuite_connector.sandbox.klaviyo.identifiers import PROFILE_PREFIX, decode
from netsuite_connector.sandbox.klaviyo.people import (
    LOCATION_FIELDS,
    PLAIN_FIELDS,
    Identity,
    IdentityConflictError,
    People,
    Profile,
    identity_of,
    merge,
    patch_properties,
    profile_from,
)
from netsuite_connector.sandbox.klaviyo.problems import (
    Refusal,
    duplicate_profile,
    invalid,
    not_found,
)
from netsuite_connector.sandbox.klaviyo.query import Filterable, moment, page, sparse, where

_MARKETING: Final = "subscriptions.email.marketing"


def _within(part: str) -> str:
    """The condition that an entry of the e-mail consent must meet; most profiles have no consent."""
    each = f"json_each(CAST(consent AS TEXT), '$.email.{part}')"
    return f"length(consent) > 2 AND EXISTS (SELECT 1 FROM {each} WHERE {{}})"  # noqa: S608


def _held(part: str) -> dict[str, Filterable]:
    """The filters of the suppressions that a profile has, or of those from lists."""
    inside, prefix = _within(part), f"{_MARKETING}.{part}"
    return {
        f"{prefix}.reason": Filterable("json_extract(value, '$.reason')", inside=inside),
        f"{prefix}.list_id": Filterable("json_extract(value, '$.list_id')", inside=inside),
        f"{prefix}.timestamp": Filterable(
            "unixepoch(json_extract(value, '$.timestamp'))", moment, inside=inside
        ),
    }


IDENTIFIERS: Final = {"email": Filterable("email", str.lower), "phone_number": Filterable("phone")}
FILTERS: Final = {
    **IDENTIFIERS,
    "id": Filterable("seq", lambda identifier: decode(PROFILE_PREFIX, identifier) or 0),
    "external_id": Filterable("external_id"),
    "created": Filterable("created", moment),
    "updated": Filterable("updated", moment),
    **_held("suppression"),
    **_held("list_suppressions"),
}
_LAST_FROM_LIST: Final = (
    "coalesce((SELECT max(unixepoch(json_extract(value, '$.timestamp')))"
    " FROM json_each(CAST(consent AS TEXT), '$.email.list_suppressions')), 0)"
)
SORTS: Final = {
    "id": "seq",
    "created": "created",
    "updated": "updated",
    "email": "coalesce(email, '')",
    f"{_MARKETING}.suppression.timestamp": "coalesce(suppressed, 0)",
    f"{_MARKETING}.list_suppressions.timestamp": _LAST_FROM_LIST,
}


def profile_resource(profile: Profile, query: Mapping[str, str], base: str) -> dict[str, Any]:
    """A profile as callers see it, with ``subscriptions`` when ``additional-fields[profile]`` asks for
    them.
    """
    document = profile.document
    location = document.get("location", {})
    attributes: dict[str, Any] = {
        "email": profile.email,
        "phone_number": profile.phone,
        "external_id": profile.external_id,
        **{name: document.get(name) for name in PLAIN_FIELDS},
        "created": iso(profile.created),
        "updated": iso(profile.updated),
        "last_event_date": iso(profile.last_event),
        "location": {name: location.get(name) for name in LOCATION_FIELDS},
        "properties": document.get("properties", {}),
    }
    resource: dict[str, Any] = {
        "type": "profile",
        "id": profile.id,
        "attributes": attributes,
        "links": {"self": f"{base}/api/profiles/{profile.id}"},
    }
    resource = sparse(resource, query)
    more = query.get("additional-fields[profile]", "").split(",")
    if "subscriptions" in more:
        resource["attributes"]["subscriptions"] = subscriptions(profile)
    if "predictive_analytics" in more:
        # Klaviyo predicts nothing for accounts as small as a sandbox.
        resource["attributes"]["predictive_analytics"] = None
    return resource


def _list(account: Account, call: Call) -> Answer:
    sort = call.query.get("sort", "id")
    found = page(
        account.database,
        f"SELECT *, {SORTS[sort.removeprefix('-')]} AS place FROM profiles",  # noqa: S608
        where(call, FILTERS),
        call,
        sort="-place" if sort.startswith("-") else "place",
    )
    data = [profile_resource(profile_from(row), call.query, call.base) for row in found.rows]
    return Answer(200, {"data": data, "links": found.links})


def _get(account: Account, call: Call) -> Answer:
    return Answer(200, {"data": profile_resource(_existing(account, call.id), call.query, call.base)})


def _create(account: Account, call: Call) -> Answer:
    resource = call.body["data"]
    _check(resource)
    people, identity = _people(account, resource)
    if owner := people.find(identity):
        raise Refusal(duplicate_profile(owner.id))
    return Answer(201, {"data": profile_resource(_write(people, None, resource), call.query, call.base)})


def _update(account: Account, call: Call) -> Answer:
    resource = call.body["data"]
    if resource["id"] != call.id:
        raise Refusal(invalid("The id must be the one of the path.", "/data/id"))
    _check(resource)
    _existing(account, call.id)
    people, identity = _people(account, resource)
    profile = _write(people, people.find(identity), resource)
    return Answer(200, {"data": profile_resource(profile, call.query, call.base)})


def _create_or_update(account: Account, call: Call) -> Answer:
    resource = call.body["data"]
    _check(resource)
    people, identity = _people(account, resource)
    if identity.empty:
        raise Refusal(
            invalid("One of email, phone_number, external_id or id is required.", "/data/attributes")
        )
    known = people.find(identity)
    if known is None and identity.seq is not None:
        raise Refusal(not_found("profile", resource["id"]))
    profile = _write(people, known, resource)
    return Answer(200 if known else 201, {"data": profile_resource(profile, call.query, call.base)})


def _check(resource: dict[str, Any]) -> None:
    problems = list(profile_problems(resource, "/data", largest=LARGEST_PROFILE))
    if problems:
        raise Refusal(*problems)


def _people(account: Account, resource: dict[str, Any]) -> tuple[People, Identity]:
    people = People(account.database, account.clock.now())
    identity = identity_of(resource)
    people.load([identity])
    return people, identity


def _write(people: People, profile: Profile | None, resource: dict[str, Any]) -> Profile:
    """Merges a resource into a profile, or into a new one; a Refusal with 409 on a conflict. A null
    clears.
    """
    identity = identity_of(resource)
    try:
        people.check(profile, identity)
    except IdentityConflictError as conflict:
        raise Refusal(duplicate_profile(conflict.owner)) from None
    profile = profile or people.create()
    people.identify(profile, identity)
    people.clear_identifiers(profile, resource["attributes"])
    merge(profile.document, resource["attributes"], null_clears=True)
    patch_properties(profile.document, resource.get("meta"))
    people.touch(profile)
    people.save()
    return profile


def _existing(account: Account, identifier: str) -> Profile:
    seq = decode(PROFILE_PREFIX, identifier)
    row = account.database.row("SELECT * FROM profiles WHERE seq = ?", (seq,))
    if row is None:
        raise Refusal(not_found("profile", identifier))
    return profile_from(row)


HANDLERS: Final[dict[str, Handler]] = {
    "get_profiles": _list,
    "get_profile": _get,
    "create_profile": _create,
    "update_profile": _update,
    "create_or_update_profile": _create_or_update,
}
