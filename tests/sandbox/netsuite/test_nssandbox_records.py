"""N/record on custom records and on the usual ones, and custom record types as tables of searches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nsproject import Made, answered, post, refused
from nssandbox import customer, order

from netsuite_connector.sandbox.netsuite.engine import Engine

Run = Callable[[str], Any]
NOTE = "const note = record.create({ type: 'customrecord_note' });"


@pytest.fixture
def made(tmp_path: Path) -> Made:
    project = Made(tmp_path)
    project.notes()
    return project


@pytest.fixture
def engine(made: Made) -> Iterator[Engine]:
    account = Engine(made.read())
    yield account
    account.close()


def write(made: Made, engine: Engine, body: str) -> None:
    """Make the RESTlet's body."""
    source = (
        "define(['N/record', 'N/search', 'N/runtime', 'N/format'], (record, search, runtime, format) => {"
        " const left = () => runtime.getCurrentScript().getRemainingUsage();"
        " const cost = (work) => { const before = left(); work(); return before - left(); };"
        f" return {{ post: () => {{ {body} }} }}; }});"
    )
    made.script("restlet", "customscript_own", source)
    engine.admin("files", made.read().files)


@pytest.fixture
def run(made: Made, engine: Engine) -> Run:
    def call(body: str) -> Any:
        write(made, engine, body)
        return answered(post(engine, made.read()))

    return call


@pytest.fixture
def refusal(made: Made, engine: Engine) -> Callable[[str], str]:
    def call(body: str) -> str:
        write(made, engine, body)
        return refused(post(engine, made.read()))

    return call


def test_a_custom_record_is_kept_with_its_types(run: Run, engine: Engine) -> None:
    made = run(
        NOTE
        + """note.setValue({ fieldId: 'custrecord_text', value: 'one' }).setValue('custrecord_count', '12')
            .setValue('custrecord_done', 'T')
            .setValue('custrecord_when', new Date(Date.UTC(2026, 0, 2, 3, 4, 5)));
        const id = note.save();
        const back = record.load({ type: 'customrecord_note', id });
        return [id, back.getValue('custrecord_text'), back.getValue({ fieldId: 'custrecord_count' }),
            back.getValue('custrecord_done')];"""
    )
    assert made == [1, "one", 12, True]
    (stored,) = engine.admin("dump", {"type": "customrecord_note", "after": 0, "limit": 10})["records"]
    assert stored["custrecord_when"] == "2026-01-02T03:04:00Z"
    assert stored["created"] == stored["lastmodified"]


def test_custom_records_are_searched_as_any_others(run: Run) -> None:
    found = run(
        """for (let n = 1; n <= 12; n += 1) {
            record.create({ type: 'customrecord_note' }).setValue('custrecord_text', `note ${n}`)
                .setValue('custrecord_count', n).save();
        }
        const paged = search.create({ type: 'customrecord_note',
            filters: [['internalidnumber', 'greaterthan', 3], 'AND', ['custrecord_count', 'lessthan', 10]],
            columns: [{ name: 'internalid', sort: 'DESC' }, 'custrecord_text', 'created'] })
            .runPaged({ pageSize: 5 });
        const [first] = paged.fetch({ index: 0 }).data;
        return [paged.count, first.id, first.recordType, first.getValue('custrecord_text'),
            format.parse({ value: first.getValue('created'), type: 'datetime' }) instanceof Date];"""
    )
    assert found == [6, "9", "customrecord_note", "note 9", True]


def test_units_of_records_by_kind(run: Run, engine: Engine) -> None:
    engine.load("customer", [customer(1)])
    engine.load("transaction", [order(5, 1)])
    costs = run(
        NOTE
        + """note.setValue('custrecord_text', 'a');
        const saved = (type, id) => {
            const found = record.load({ type, id });
            return cost(() => found.save());
        };
        const put = (type, values) => cost(() => record.submitFields({ type, id: 1, values }));
        return [
            cost(() => record.create({ type: 'customrecord_note' })), cost(() => note.save()),
            cost(() => record.load({ type: 'customrecord_note', id: 1 })),
            put('customrecord_note', { custrecord_count: 1 }),
            cost(() => record.delete({ type: 'customrecord_note', id: 1 })),
            cost(() => record.load({ type: 'customer', id: 1 })), saved('customer', 1),
            put('customer', { email: 'a@mail.example' }),
            cost(() => record.load({ type: 'salesorder', id: 5 })), saved('salesorder', 5),
            cost(() => record.delete({ type: 'salesorder', id: 5 })),
            cost(() => record.delete({ type: 'customer', id: 1 })),
        ];"""
    )
    assert costs == [2, 4, 2, 2, 4, 5, 10, 5, 10, 20, 20, 10]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("note.save();", "USER_ERROR"),
        ("note.setValue('custrecord_none', 1);", "SSS_INVALID_FIELD_ID"),
        ("note.setValue('custrecord_count', 'many');", "INVALID_FLD_VALUE"),
        ("note.setValue('custrecord_count', 1.5);", "INVALID_FLD_VALUE"),
        ("note.setValue('custrecord_text', 'x'.repeat(301));", "EXCEEDED_MAX_FIELD_LENGTH"),
        ("record.load({ type: 'customrecord_note', id: 99 });", "RCRD_DSNT_EXIST"),
        ("record.load({ type: 'customrecord_none', id: 1 });", "INVALID_SEARCH_TYPE"),
        ("record.load({ type: 'customrecord_note' });", "SSS_MISSING_REQD_ARGUMENT"),
        ("record.delete({ type: 'deletedrecord', id: 1 });", "SSS_INVALID_RECORD_TYPE"),
    ],
)
def test_what_a_record_can_not_be_is_refused(refusal: Callable[[str], str], body: str, code: str) -> None:
    assert refusal(NOTE + body) == code


def test_ids_are_never_given_twice(engine: Engine) -> None:
    values = {"type": "customrecord_note", "values": {"custrecord_text": "a"}}
    first = engine.save("create", values)["internalid"]
    engine.save("remove", {"type": "customrecord_note", "id": first})
    assert engine.save("create", values)["internalid"] == first + 1
    # Customers and contacts share their ids, as all entities do.
    one = engine.save("create", {"type": "customer", "values": {"stage": "LEAD"}})["internalid"]
    other = engine.save("create", {"type": "contact", "values": {}})["internalid"]
    assert other == one + 1


def test_a_deletion_leaves_an_entry_but_not_of_a_custom_record(engine: Engine) -> None:
    engine.load("customer", [customer(3, stage="LEAD")])
    engine.save("create", {"type": "customrecord_note", "values": {"custrecord_text": "a"}})
    engine.save("remove", {"type": "customrecord_note", "id": 1})
    engine.save("remove", {"type": "customer", "id": 3, "moment": "2026-02-03T04:05:00Z"})
    (entry,) = engine.admin("dump", {"type": "deletedrecord", "after": 0, "limit": 10})["records"]
    assert (entry["recordtype"], entry["recordid"], entry["deleteddate"]) == (
        "lead",
        3,
        "2026-02-03T04:05:00Z",
    )
