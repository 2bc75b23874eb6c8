"""User events: they run when a record is saved or deleted, within limits of their own, and stop no save."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from nsproject import Made, answered, post
from nssandbox import customer

from netsuite_connector.sandbox.netsuite.engine import AccountError, Engine
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount

NOTE = """
    const note = record.create({ type: 'customrecord_note' });
    note.setValue({ fieldId: 'custrecord_text', value: JSON.stringify(WHAT) });
    note.save();
"""
TOLD = """{ type: context.type, of: context.newRecord.type, id: context.newRecord.id,
    now: context.newRecord.getValue('email'),
    was: context.oldRecord ? context.oldRecord.getValue('email') : null,
    name: context.newRecord.getValue('firstname') }"""
CUSTOMER = "<recordtype>CUSTOMER</recordtype>"
LEAD = "<recordtype>LEAD</recordtype>"


@pytest.fixture
def made(tmp_path: Path) -> Made:
    project = Made(tmp_path)
    project.notes()
    return project


@contextmanager
def running(made: Made) -> Iterator[Engine]:
    engine = Engine(made.read())
    try:
        yield engine
    finally:
        engine.close()


def notes(engine: Engine) -> list[Any]:
    page = engine.admin("dump", {"type": "customrecord_note", "after": 0, "limit": 100})
    return [json.loads(each["custrecord_text"]) for each in page["records"]]


def change(engine: Engine, number: int, *, inline: bool = False, **values: Any) -> None:
    engine.save("update", {"type": "customer", "id": number, "values": values, "inline": inline})


def test_they_see_what_happened_to_a_record(made: Made) -> None:
    made.user_event(NOTE.replace("WHAT", TOLD), CUSTOMER)
    with running(made) as engine:
        values = {"firstname": "Ada", "email": "a@mail.example", "stage": "CUSTOMER"}
        engine.save("create", {"type": "customer", "values": values})
        change(engine, 1, email="b@mail.example")
        change(engine, 1, inline=True, email="c@mail.example")
        engine.save("remove", {"type": "customer", "id": 1})
        seen = notes(engine)
    assert seen == [
        {"type": "create", "of": "customer", "id": 1, "now": "a@mail.example", "was": None, "name": "Ada"},
        {
            "type": "edit",
            "of": "customer",
            "id": 1,
            "now": "b@mail.example",
            "was": "a@mail.example",
            "name": "Ada",
        },
        # An inline edit shows the fields that it touched, a deletion none.
        {
            "type": "xedit",
            "of": "customer",
            "id": 1,
            "now": "c@mail.example",
            "was": "b@mail.example",
            "name": "",
        },
        {"type": "delete", "of": "customer", "id": 1, "now": "", "was": "c@mail.example", "name": ""},
    ]


def test_they_run_for_the_record_type_event_and_context_of_their_deployment(made: Made) -> None:
    made.user_event(
        NOTE.replace(
            "WHAT", "[runtime.getCurrentScript().deploymentId, context.type, runtime.executionContext]"
        ),
        CUSTOMER,
        f"{CUSTOMER}<eventtype>DELETE</eventtype>",
        f"{CUSTOMER}<executioncontext>RESTLET|CSVIMPORT</executioncontext>",
        LEAD,
    )
    made.script(
        "restlet",
        "customscript_own",
        "define(['N/record'], (record) => ({ post: (id) => record.submitFields("
        "{ type: 'customer', id, values: { email: 'x@mail.example' } }) }));",
    )
    project = made.read()
    with running(made) as engine:
        engine.load("customer", [customer(7)])
        engine.admin("clear", {"type": "customrecord_note"})
        change(engine, 7, firstname="Ada")
        assert notes(engine) == [["customdeploy1", "edit", "USERINTERFACE"]]
        engine.admin("clear", {"type": "customrecord_note"})
        answered(post(engine, project, 7))
        assert notes(engine) == [["customdeploy1", "xedit", "RESTLET"], ["customdeploy3", "xedit", "RESTLET"]]
        engine.admin("clear", {"type": "customrecord_note"})
        engine.save("remove", {"type": "customer", "id": 7})
        assert [each[0] for each in notes(engine)] == ["customdeploy1", "customdeploy2"]


@pytest.mark.parametrize(
    "deployment",
    [
        "<isdeployed>T</isdeployed><status>TESTING</status>",
        "<isdeployed>F</isdeployed><status>RELEASED</status>",
    ],
)
def test_a_deployment_that_is_not_released_does_not_run(made: Made, deployment: str) -> None:
    source = "define([], () => ({ afterSubmit: () => { throw new Error('not to run'); } }));"
    made.script("usereventscript", "customscript_ue", source, (f"{deployment}{CUSTOMER}",))
    with running(made) as engine:
        engine.load("customer", [customer(1)])
        change(engine, 1, firstname="Ada")
        assert engine.admin("userEvents")["runs"] == 0


def test_one_that_never_ends_is_cut_off_and_the_account_goes_on(made: Made) -> None:
    made.user_event("for (;;) {}", CUSTOMER)
    with running(made) as engine:
        engine.load("customer", [customer(1)])
        engine.settings(seconds=0.3)
        with pytest.raises(AccountError, match="Time Exceeded"):
            change(engine, 1, firstname="Ada")
        assert engine.admin("get", {"type": "customer", "id": 1})["firstname"] == "Ada"


def test_loading_many_records_runs_none(made: Made) -> None:
    made.user_event("throw new Error('not to run');", CUSTOMER)
    with running(made) as engine:
        engine.load("customer", [customer(1), customer(2)])
        assert engine.admin("userEvents")["runs"] == 0


def test_an_error_leaves_the_save_as_it_is_and_is_counted(made: Made) -> None:
    made.user_event("throw new Error('broken');", CUSTOMER)
    with running(made) as engine:
        engine.load("customer", [customer(1)])
        change(engine, 1, email="new@mail.example")
        assert engine.admin("get", {"type": "customer", "id": 1})["email"] == "new@mail.example"
        told = engine.admin("userEvents")
        assert (told["runs"], told["failed"]) == (1, 1)
        assert engine.admin("log")[-1]["details"] == "broken"


def test_each_has_a_thousand_units_of_its_own_and_no_way_to_go_on_beyond(made: Made) -> None:
    made.user_event(
        "for (;;) { try { search.lookupFields({ type: 'customer', id: 1, columns: ['email'] }); }"
        " catch (over) { if (over.name === 'SSS_USAGE_LIMIT_EXCEEDED') { return; } } }",
        CUSTOMER,
    )
    made.script(
        "restlet",
        "customscript_own",
        "define(['N/record', 'N/runtime'], (record, runtime) => ({ post: () => {"
        " record.submitFields({ type: 'customer', id: 1, values: { email: 'x@mail.example' } });"
        " return runtime.getCurrentScript().getRemainingUsage(); } }));",
    )
    project = made.read()
    with running(made) as engine:
        engine.load("customer", [customer(1)])
        assert answered(post(engine, project)) == 4995
        told = engine.admin("userEvents")
        assert told == {**told, "runs": 1, "failed": 1, "most_units": 1001}


def test_one_does_not_set_off_others(made: Made) -> None:
    made.user_event(
        NOTE.replace("WHAT", "context.newRecord.type")
        + "record.submitFields({ type: 'customer', id: context.newRecord.id, values: { firstname: 'X' } });",
        CUSTOMER,
        "<recordtype>[scriptid=customrecord_note]</recordtype>",
    )
    with running(made) as engine:
        engine.load("customer", [customer(1)])
        change(engine, 1, email="new@mail.example")
        assert notes(engine) == ["customer"]
        assert engine.admin("userEvents") == {**engine.admin("userEvents"), "runs": 1, "failed": 0}


def test_a_lead_becomes_a_customer_under_the_same_id(made: Made) -> None:
    what = "[context.type, context.oldRecord.type, context.newRecord.type, context.newRecord.id]"
    made.user_event(NOTE.replace("WHAT", what), CUSTOMER, LEAD)
    with running(made) as engine:
        engine.load("customer", [customer(5, stage="LEAD")])
        change(engine, 5, stage="CUSTOMER")
        assert notes(engine) == [["edit", "lead", "customer", 5]]


# ---- the project's own, over HTTP --------------------------------------------------------------------------

Outbox = Callable[[], list[tuple[Any, ...]]]


@pytest.fixture
def outbox(account: SandboxAccount) -> Outbox:
    account.clear("customrecord_nsk_outbox")

    def entries() -> list[tuple[Any, ...]]:
        fields = [f"custrecord_nsk_out_{name}" for name in ("type", "record", "event", "into")]
        return [
            tuple(each.get(name) for name in fields) for each in account.records("customrecord_nsk_outbox")
        ]

    return entries


def test_the_outbox_tells_what_happened(account: SandboxAccount, outbox: Outbox) -> None:
    lead = account.create("customer", firstname="Ada", stage="LEAD", isinactive=False)["internalid"]
    account.update("customer", lead, firstname="Ada Maria")
    account.convert(lead)
    account.update("customer", lead, isinactive=True)
    account.edit_inline("customer", lead, isinactive=False)
    account.delete("customer", lead)
    assert outbox() == [
        ("lead", lead, "create", None),
        ("lead", lead, "edit", None),
        ("customer", lead, "convert", None),
        ("customer", lead, "inactivate", None),
        ("customer", lead, "activate", None),
        ("customer", lead, "delete", None),
    ]
    told = account.user_events()
    assert told["failed"] == 0
    assert told["most_units"] <= 20


def test_a_merge_is_told_apart_from_a_deletion(account: SandboxAccount, outbox: Outbox) -> None:
    ids = [
        account.create("customer", email="twice@mail.example", stage="CUSTOMER")["internalid"]
        for _ in range(2)
    ]
    contact = account.create("contact", company=str(ids[1]), firstname="Eve")["internalid"]
    sale = account.create(
        "transaction", type="SalesOrd", status="SalesOrd:B", entity=str(ids[1]), tranid="M1"
    )
    account.clear("customrecord_nsk_outbox")
    assert account.merge("customer", ids[1], into=ids[0])["internalid"] == ids[0]
    assert outbox() == [("customer", ids[1], "merge", ids[0])]
    assert account.record("transaction", sale["internalid"])["entity"] == str(ids[0])
    assert account.record("contact", contact)["company"] == str(ids[0])
    assert [each["recordid"] for each in account.records("deletedrecord")][-1] == ids[1]
    with pytest.raises(ValueError, match="merge"):
        account.merge("customer", ids[0], into=ids[0])
    assert account.user_events()["most_units"] <= 20


def test_entries_are_old_after_two_weeks(account: SandboxAccount, outbox: Outbox) -> None:
    for number, moment in ((1, "2026-01-01T00:00:00Z"), (2, None)):
        values = {"type": "customer", "record": number, "event": "edit", "at": "2026-01-01T00:00:00Z"}
        stamps = {} if moment is None else {"created": moment}
        fields = {f"custrecord_nsk_out_{name}": value for name, value in values.items()}
        account.create("customrecord_nsk_outbox", **fields, **stamps)
    told = account.run_script("customscript_nsk_outbox_cleaning")
    assert told["errors"] == []
    assert told["calls"]["map"] == 1
    assert [record for _, record, *_ in outbox()] == [2]
