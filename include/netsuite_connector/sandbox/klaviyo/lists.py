"""Lists and who is on them. Being on a list says nothing about consent."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from netsuite_connector.sandbox.klaviyo.account import Account, Answer, Call, Handler
from netsuite_connector.sandbox.klaviyo.checks import check_count
from netsuite_connector.sandbox.klaviyo.clock import iso
from netsuite_connector.sandbox.klaviyo.database import Database, as_list
from netsuite_connector.sandbox.klaviyo.identifiers import PROFILE_PREFIX, decode, encode, profile_id
from netsuite_connector.sandbox.klaviyo.members import join, leave
from netsuite_connector.sandbox.klaviyo.people import profile_from
from netsuite_connector.sandbox.klaviyo.problems import Problem, Refusal, invalid, not_found
from netsuite_connector.sandbox.klaviyo.profiles import IDENTIFIERS, profile_resource
from netsuite_connector.sandbox.klaviyo.query import Filterable, Page, moment, page, sparse, where

MOST_MEMBERS: Final = 1_000
_FILTERS: Final = {
    "name": Filterable("name"),
    "id": Filterable("seq", lambda identifier: decode("L", identifier) or 0),
    "created": Filterable("created", moment),
    "updated": Filterable("created", moment),
}
# The number comes from the index, so that a page of a long list is found at once.
_MEMBERS: Final = """
SELECT * FROM (
    SELECT list, joined, members.profile AS seq, email, phone, external_id, document, consent, suppressed,
        created, updated, last_event
    FROM members JOIN profiles ON profiles.seq = members.profile
)
"""
_MEMBER_FILTERS: Final = {**IDENTIFIERS, "joined_group_at": Filterable("joined", moment)}


def list_id(seq: int) -> str:
    """The id of a list that callers see."""
    return encode("L", seq, 6)


def existing_list(database: Database, identifier: str) -> sqlite3.Row:
    """The row of a list; a Refusal with 404 when there is none."""
    row = database.row("SELECT * FROM lists WHERE seq = ?", (decode("L", identifier),))
    if row is None:
        raise Refusal(not_found("list", identifier))
    return row


def _resource(account: Account, row: sqlite3.Row, call: Call) -> dict[str, Any]:
    identifier = list_id(row["seq"])
    attributes = {
        "name": row["name"],
        "created": iso(row["created"]),
        "updated": iso(row["created"]),
        "opt_in_process": row["opt_in"],
    }
    if call.query.get("additional-fields[list]") == "profile_count":
        attributes["profile_count"] = account.database.number(
            "SELECT count(*) FROM members WHERE list = ?", (row["seq"],)
        )
    address = f"{call.base}/api/lists/{identifier}"
    resource = {"type": "list", "id": identifier, "attributes": attributes, "links": {"self": address}}
    return sparse(resource, call.query)


def _list(account: Account, call: Call) -> Answer:
    sort = call.query.get("sort", "id")
    column = {"id": "seq", "updated": "created"}.get(sort.removeprefix("-"), sort.removeprefix("-"))
    found = page(
        account.database,
        "SELECT * FROM lists",
        where(call, _FILTERS),
        call,
        sort=f"-{column}" if sort.startswith("-") else column,
    )
    data = [_resource(account, row, call) for row in found.rows]
    return Answer(200, {"data": data, "links": found.links})


def _get(account: Account, call: Call) -> Answer:
    return Answer(200, {"data": _resource(account, existing_list(account.database, call.id), call)})


def _create(account: Account, call: Call) -> Answer:
    attributes = call.body["data"]["attributes"]
    _check_name(attributes["name"])
    # Klaviyo's own default for new accounts.
    opt_in = attributes.get("opt_in_process") or "double_opt_in"
    seq = account.database.insert(
        "INSERT INTO lists (name, opt_in, created) VALUES (?,?,?)",
        (attributes["name"], opt_in, account.clock.now()),
    )
    return Answer(201, {"data": _resource(account, existing_list(account.database, list_id(seq)), call)})


def _update(account: Account, call: Call) -> Answer:
    row = existing_list(account.database, call.id)
    if call.body["data"]["id"] != call.id:
        raise Refusal(invalid("The id must be the one of the path.", "/data/id"))
    attributes = call.body["data"]["attributes"]
    name = attributes.get("name")
    if name is not None:
        _check_name(name)
    account.database.change(
        "UPDATE lists SET name = ?, opt_in = ? WHERE seq = ?",
        (name or row["name"], attributes.get("opt_in_process") or row["opt_in"], row["seq"]),
    )
    return _get(account, call)


def _delete(account: Account, call: Call) -> Answer:
    row = existing_list(account.database, call.id)
    account.database.change("DELETE FROM members WHERE list = ?", (row["seq"],))
    account.database.change("DELETE FROM lists WHERE seq = ?", (row["seq"],))
    return Answer(204)


def _check_name(name: str) -> None:
    if not name.strip():
        raise Refusal(invalid("A list needs a name.", "/data/attributes/name"))


def _members(account: Account, call: Call) -> Page:
    target = existing_list(account.database, call.id)["seq"]
    conditions = where(call, _MEMBER_FILTERS)
    conditions.add("list = ?", target)
    newest_first = call.query.get("sort", "-joined_group_at").startswith("-")
    return page(
        account.database,
        _MEMBERS,
        conditions,
        call,
        sort="-joined" if newest_first else "joined",
    )


def _list_members(account: Account, call: Call) -> Answer:
    found = _members(account, call)
    data = []
    for row in found.rows:
        resource = profile_resource(profile_from(row), call.query, call.base)
        wanted = call.query.get("fields[profile]")
        if wanted is None or "joined_group_at" in wanted.split(","):
            resource["attributes"]["joined_group_at"] = iso(row["joined"])
        data.append(resource)
    return Answer(200, {"data": data, "links": found.links})


def _list_member_ids(account: Account, call: Call) -> Answer:
    found = _members(account, call)
    data = [{"type": "profile", "id": profile_id(row["seq"])} for row in found.rows]
    return Answer(200, {"data": data, "links": found.links})


def _add_members(account: Account, call: Call) -> Answer:
    target = existing_list(account.database, call.id)["seq"]
    join(account.database, target, _profiles(account.database, call), account.clock.now())
    return Answer(204)


def _remove_members(account: Account, call: Call) -> Answer:
    target = existing_list(account.database, call.id)["seq"]
    leave(account.database, target, _profiles(account.database, call))
    return Answer(204)


def _profiles(database: Database, call: Call) -> set[int]:
    """The profiles that a request names, all of which must exist."""
    rows = call.body["data"]
    check_count(rows, MOST_MEMBERS, "profile", "/data")
    seqs = [decode(PROFILE_PREFIX, row["id"]) or 0 for row in rows]
    found = database.rows(
        "SELECT seq FROM profiles WHERE seq IN (SELECT value FROM json_each(?))", (as_list(seqs),)
    )
    known = {row["seq"] for row in found}
    problems = [
        Problem(404, "not_found", "Not found.", "No profile has this id.", pointer=f"/data/{number}/id")
        for number, seq in enumerate(seqs)
        if seq not in known
    ]
    if problems:
        raise Refusal(*problems)
    return known


def _of_profile(account: Account, call: Call) -> Answer:
    rows = _lists_of(account.database, call)
    address = {"self": call.address}
    return Answer(200, {"data": [_resource(account, row, call) for row in rows], "links": address})


def _ids_of_profile(account: Account, call: Call) -> Answer:
    data = [{"type": "list", "id": list_id(row["seq"])} for row in _lists_of(account.database, call)]
    return Answer(200, {"data": data, "links": {"self": call.address}})


def _lists_of(database: Database, call: Call) -> list[sqlite3.Row]:
    seq = decode(PROFILE_PREFIX, call.id)
    if database.row("SELECT 1 FROM profiles WHERE seq = ?", (seq,)) is None:
        raise Refusal(not_found("profile", call.id))
    return database.rows(
        "SELECT * FROM lists WHERE seq IN (SELECT list FROM members WHERE profile = ?) ORDER BY seq", (seq,)
    )


HANDLERS: Final[dict[str, Handler]] = {
    "get_lists": _list,
    "get_list": _get,
    "create_list": _create,
    "update_list": _update,
    "delete_list": _delete,
    "get_profiles_for_list": _list_members,
    "get_profile_ids_for_list": _list_member_ids,
    "add_profiles_to_list": _add_members,
    "remove_profiles_from_list": _remove_members,
    "get_lists_for_profile": _of_profile,
    "get_list_ids_for_profile": _ids_of_profile,
}
