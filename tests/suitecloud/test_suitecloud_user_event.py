"""The user event script tells apart what happened to a record, costs little, and never fails a save."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from suitecloud_account import OUTBOX, entries, events
from suitecloud_project import RECORD_TYPES

from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox

BUDGET = 20
# Record type -> the account's table and the values that make it one.
MAKES: dict[str, tuple[str, dict[str, Any]]] = {
    "customer": ("customer", {"entityid": "A customer", "stage": "CUSTOMER"}),
    "lead": ("customer", {"entityid": "A lead", "stage": "LEAD"}),
    "prospect": ("customer", {"entityid": "A prospect", "stage": "PROSPECT"}),
    "contact": ("contact", {"entityid": "A contact"}),
    "inventoryitem": ("item", {"itemid": "I", "type": "InvtPart"}),
    "noninventoryitem": ("item", {"itemid": "N", "type": "NonInvtPart"}),
    "assemblyitem": ("item", {"itemid": "A", "type": "Assembly"}),
    "kititem": ("item", {"itemid": "K", "type": "Kit"}),
    "serviceitem": ("item", {"itemid": "S", "type": "Service"}),
    "salesorder": ("transaction", {"type": "SalesOrd", "status": "SalesOrd:B"}),
    "invoice": ("transaction", {"type": "CustInvc", "status": "CustInvc:A"}),
    "cashsale": ("transaction", {"type": "CashSale", "status": "CashSale:C"}),
    "opportunity": ("transaction", {"type": "Opprtnty", "status": "Opprtnty:A"}),
    "estimate": ("transaction", {"type": "Estimate", "status": "Estimate:A"}),
    "itemfulfillment": ("transaction", {"type": "ItemShip", "status": "ItemShip:C"}),
    "returnauthorization": ("transaction", {"type": "RtnAuth", "status": "RtnAuth:B"}),
    "creditmemo": ("transaction", {"type": "CustCred", "status": "CustCred:A"}),
    "cashrefund": ("transaction", {"type": "CashRfnd", "status": "CashRfnd:A"}),
    "supportcase": ("supportcase", {"title": "A case"}),
}


def new(account: SandboxAccount, record_type: str, **values: Any) -> tuple[str, int]:
    """A record of a type, of which the outbox says nothing any more: its table and id."""
    table, usual = MAKES[record_type]
    id_ = int(account.create(table, **{**usual, **values})["internalid"])
    events(account)
    return table, id_


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_every_record_type_tells_of_its_life(account: SandboxAccount, record_type: str) -> None:
    table, values = MAKES[record_type]
    id_ = int(account.create(table, **values)["internalid"])
    account.update(table, id_, externalid="X-1")
    account.delete(table, id_)
    assert events(account) == [
        (record_type, id_, "create", None),
        (record_type, id_, "edit", None),
        (record_type, id_, "delete", None),
    ]


def test_an_entry_says_when_in_utc_to_the_second(account: SandboxAccount) -> None:
    account.create("contact", entityid="A contact")
    (entry,) = entries(account)
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", entry["at"])
    assert abs(datetime.now(UTC) - datetime.fromisoformat(entry["at"])) < timedelta(minutes=1)


@pytest.mark.parametrize("record_type", ["customer", "contact", "inventoryitem"])
def test_inactivation_and_its_end(account: SandboxAccount, record_type: str) -> None:
    table, id_ = new(account, record_type)
    account.update(table, id_, isinactive=True)
    account.update(table, id_, isinactive=True)
    account.update(table, id_, isinactive=False)
    assert [event for _, _, event, _ in events(account)] == ["inactivate", "edit", "activate"]


def test_conversions_keep_the_id(account: SandboxAccount) -> None:
    table, id_ = new(account, "lead")
    account.update(table, id_, stage="PROSPECT")
    account.update(table, id_, stage="CUSTOMER")
    assert events(account) == [("prospect", id_, "convert", None), ("customer", id_, "convert", None)]


def test_edits_in_a_list_are_told_apart_too(account: SandboxAccount) -> None:
    table, id_ = new(account, "lead")
    account.edit_inline(table, id_, phone="1")
    account.edit_inline(table, id_, stage="CUSTOMER")
    account.edit_inline(table, id_, isinactive=True)
    account.edit_inline(table, id_, phone="2")
    account.edit_inline(table, id_, isinactive=False)
    told = [event for _, _, event, _ in events(account)]
    assert told == ["edit", "convert", "inactivate", "edit", "activate"]


def test_a_save_that_means_two_things_gives_two_entries(account: SandboxAccount) -> None:
    table, id_ = new(account, "lead")
    account.update(table, id_, stage="CUSTOMER", isinactive=True)
    assert [event for _, _, event, _ in events(account)] == ["convert", "inactivate"]


@pytest.mark.parametrize("record_type", ["lead", "customer", "contact"])
def test_a_merge_names_the_record_that_remains(account: SandboxAccount, record_type: str) -> None:
    address = f"{record_type}@merge.example"
    _, oldest = new(account, record_type, email=address)
    table, middle = new(account, record_type, email=address)
    _, youngest = new(account, record_type, email=address)
    account.merge(table, youngest, into=middle)
    account.merge(table, middle, into=oldest)
    # What the merge moved is none of this test's business.
    told = [each for each in events(account) if each[2] == "merge"]
    assert told == [(record_type, youngest, "merge", oldest), (record_type, middle, "merge", oldest)]


def test_a_lead_may_become_part_of_a_customer(account: SandboxAccount) -> None:
    _, customer = new(account, "customer", email="both@merge.example")
    table, lead = new(account, "lead", email="both@merge.example")
    account.merge(table, lead, into=customer)
    assert ("lead", lead, "merge", customer) in events(account)


def test_other_deletions_are_deletions(account: SandboxAccount) -> None:
    _, customer = new(account, "customer", email="same@delete.example")
    table, contact = new(account, "contact", email="same@delete.example")
    _, other = new(account, "contact", email="other@delete.example")
    _, without = new(account, "contact")
    for id_ in (contact, other, without):
        account.delete(table, id_)
    assert events(account) == [("contact", id_, "delete", None) for id_ in (contact, other, without)]
    assert account.record("customer", customer)


def test_units_of_each_kind_of_event() -> None:
    with running_sandbox() as account:

        def most() -> int:
            return int(account.user_events()["most_units"])

        ids = [int(account.create("customer", email="units@example.com")["internalid"]) for _ in range(2)]
        account.update("customer", ids[1], phone="1")
        assert most() == 6
        account.update("customer", ids[1], isinactive=True, stage="LEAD")
        assert most() == 12
        account.delete("customer", ids[1])
        assert most() == 16 <= BUDGET
        assert account.user_events()["runs"] == 5
        assert account.user_events()["failed"] == 0


def test_a_failure_fails_no_save_and_tells_nothing_personal(account: SandboxAccount) -> None:
    failed = account.user_events()["failed"]
    account.settings(lacking_permissions=[OUTBOX])
    try:
        made = account.create("customer", entityid="Kim Person", email="kim@private.example")
        changed = account.update("customer", made["internalid"], phone="0700")
        account.delete("customer", made["internalid"])
    finally:
        account.settings(lacking_permissions=[])
    assert changed["phone"] == "0700"
    assert events(account) == []
    # The script caught it itself; the platform had nothing to complain about.
    assert account.user_events()["failed"] == failed
    told = [each for each in account.log() if each["title"] == "No outbox entry"]
    assert len(told) >= 3
    assert f"create of customer {made['internalid']}" in told[-3]["details"]
    assert "INSUFFICIENT_PERMISSION" in told[-3]["details"]
    assert not any(word in str(told) for word in ("Kim", "private.example"))
