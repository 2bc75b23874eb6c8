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
    bad_parameter,
    duplicate_profile,
    invalid,
    not_found,
)
from netsuite_connector.sandbox.klaviyo.query import Filterable, moment, page, sparse, where

_SAME: Final = frozenset({"equals", "any"})
_BETWEEN: Final = frozenset({"greater-than", "greater-or-equal", "less-than", "less-or-equal"})
_SUPPRESSED: Final = "subscriptions.email.marketing.suppression.timestamp"

FILTERS: Final = {
    "id": Filterable("seq", _SAME, lambda identifier: decode(PROFILE_PREFIX, identifier) or 0),
    "email": Filterable("email", _SAME, str.lower),
    "phone_number": Filterable("phone", _SAME),
    "external_id": Filterable("external_id", _SAME),
    "created": Filterable("created", _BETWEEN, moment),
    "updated": Filterable("updated", _BETWEEN, moment),
    _SUPPRESSED: Filterable("suppressed", _BETWEEN, moment),
}
SORTS: Final = {
    "id": "seq", "created": "created", "updated": "updated",
}  # fmt: skip


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
    if "subscriptions" in query.get("additional-fields[profile]", "").split(","):
        resource["attributes"]["subscriptions"] = subscriptions(profile)
    return resource


def _list(account: Account, call: Call) -> Answer:
    sort = call.query.get("sort", "id")
    column = SORTS.get(sort.removeprefix("-"))
    if column is None:
        raise Refusal(bad_parameter(f"The sandbox can't sort profiles by '{sort}'.", "sort"))
    found = page(
        account.database,
        "SELECT * FROM profiles",
        where(call.query.get("filter"), FILTERS),
        call,
        sort=f"-{column}" if sort.startswith("-") else column,
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
