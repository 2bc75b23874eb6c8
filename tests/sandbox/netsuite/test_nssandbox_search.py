"""N/search and its neighbours, as a script of anybody's would use them."""

from __future__ import annotations

from typing import Any

import pytest
from nssandbox import Inside, RefusedError, customer, order, script


def found(account: Inside, search_type: str, filters: Any) -> list[int]:
    """The ids of the records that a filter expression finds."""
    body = """
        const columns = [{ name: 'internalid', sort: 'ASC' }];
        const found = search.create({ type: value.type, filters: value.filters, columns });
        return { value: found.run().getRange({ start: 0, end: 1000 }).map((result) => Number(result.id)) };
    """
    return list(script(account.engine, ["N/search"], body, {"type": search_type, "filters": filters}))


@pytest.fixture
def people(empty: Inside) -> Inside:
    empty.engine.settings(timezone="UTC")
    empty.engine.load(
        "customer",
        [
            customer(
                1, firstname="Ana", email="ana@mail.example", pricelevel="1", firstorderdate="2026-01-31"
            ),
            customer(
                2,
                firstname="Bo",
                email="",
                pricelevel="5",
                isinactive=True,
                lastmodifieddate="2026-03-01T12:01:00Z",
            ),
            customer(
                3, firstname="Ananda", email=None, stage="LEAD", lastmodifieddate="2026-03-02T00:00:00Z"
            ),
        ],
    )
    return empty


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ([], [1, 2, 3]),
        (["firstname", "is", "ANA"], [1]),
        ([["firstname", "startswith", "an"]], [1, 3]),
        ([["firstname", "doesnotcontain", "an"]], [2]),
        ([["email", "isempty", ""]], [2, 3]),
        ([["email", "isnotempty", ""]], [1]),
        ([["pricelevel", "anyof", "1", "5"]], [1, 2]),
        ([["pricelevel", "anyof", ["1", "@NONE@"]]], [1, 3]),
        ([["pricelevel", "noneof", "1"]], [2, 3]),
        ([["isinactive", "is", "F"]], [1, 3]),
        ([["isinactive", "is", True]], [2]),
        (["NOT", ["isinactive", "is", "T"]], [1, 3]),
        (
            [
                ["stage", "anyof", "LEAD"],
                "OR",
                ["pricelevel", "anyof", "1"],
                "AND",
                ["isinactive", "is", "F"],
            ],
            [1, 3],
        ),
        ([["internalidnumber", "between", 2, 3]], [2, 3]),
        (
            [["internalidnumber", "greaterthan", "1"], "AND", ["internalidnumber", "lessthanorequalto", 2]],
            [2],
        ),
        ([["firstorderdate", "on", "1/31/2026"]], [1]),
        ([["firstorderdate", "isempty", ""]], [2, 3]),
        ([["lastmodifieddate", "on", "3/1/2026"]], [1, 2]),
        ([["lastmodifieddate", "after", "3/1/2026 12:00 pm"]], [2, 3]),
        ([["lastmodifieddate", "onorafter", "3/1/2026 12:00 pm"]], [1, 2, 3]),
        ([["lastmodifieddate", "before", "3/1/2026 12:01 pm"]], [1]),
        ([["lastmodifieddate", "within", "3/1/2026 12:01 pm", "3/2/2026 12:00 am"]], [2, 3]),
        ([["lastmodifieddate", "notonorbefore", "3/1/2026"]], [3]),
        ([["formulatext: UPPER({firstname})", "is", "BO"]], [2]),
        ([["formulanumeric: CASE WHEN {pricelevel.id} = 5 THEN 1 ELSE 0 END", "equalto", 1]], [2]),
    ],
)
def test_filters_find(people: Inside, filters: Any, ids: list[int]) -> None:
    assert found(people, "customer", filters) == ids


def test_parts_of_a_type_are_types(people: Inside) -> None:
    assert found(people, "lead", []) == [3]
    people.engine.load("transaction", [order(1, 1), order(2, 1, type="CustInvc")])
    assert found(people, "invoice", [["mainline", "is", "T"]]) == [2]


def test_status_is_filtered_by_code_and_shown_in_words(people: Inside) -> None:
    people.engine.load("transaction", [order(1, 1), order(2, 1, status="SalesOrd:G")])
    assert found(
        people, "transaction", [["status", "anyof", "SalesOrd:G"], "AND", ["mainline", "is", "F"]]
    ) == [2]
    body = """
        const filters = [['status', 'anyof', 'SalesOrd:G']];
        const found = search.create({ type: 'salesorder', filters, columns: ['statusref'] });
        const [result] = found.run().getRange({ start: 0, end: 1 });
        const words = [result.getValue('statusref'), result.getText({ name: 'statusref' })];
        return { value: [result.recordType, ...words] };
    """
    assert script(people.engine, ["N/search"], body) == ["salesorder", "fullyBilled", "Billed"]


@pytest.mark.parametrize(
    ("search_type", "filters", "code"),
    [
        ("customer", [["modified", "on", "today"]], "SSS_INVALID_SRCH_FILTER"),
        ("item", [["modified", "on", "today"]], "SSS_INVALID_SRCH_FILTER"),
        ("customer", [["pricelevel", "contains", "1"]], "SSS_INVALID_SRCH_OPERATOR"),
        ("customer", [["spouse.email", "is", "x"]], "SSS_INVALID_SRCH_FILTER_JOIN"),
        ("customer", [["email", "is", "x"], "AND", "OR"], "SSS_INVALID_SRCH_FILTER_EXPR"),
        ("customer", [["lastmodifieddate", "after", "2026-01-31"]], "UNEXPECTED_ERROR"),
        ("customer", [["lastmodifieddate", "after", "1/31/2026 1:00:00 pm"]], "UNEXPECTED_ERROR"),
        ("planet", [], "INVALID_SEARCH_TYPE"),
    ],
)
def test_wrong_filters_are_refused(people: Inside, search_type: str, filters: Any, code: str) -> None:
    with pytest.raises(RefusedError) as refused:
        found(people, search_type, filters)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("column", "code"),
    [
        ({"name": "internalidnumber"}, "SSS_INVALID_SRCH_COL"),
        ({"name": "unsubscribe"}, "SSS_INVALID_SRCH_COL"),
        ({"name": "email", "join": "nobody"}, "SSS_INVALID_SRCH_COL_JOIN"),
    ],
)
def test_what_is_no_column_is_refused(people: Inside, column: dict[str, str], code: str) -> None:
    body = "return { value: search.create({ type: 'customer', columns: [value] }).runPaged().count };"
    with pytest.raises(RefusedError) as refused:
        script(people.engine, ["N/search"], body, column)
    assert refused.value.code == code


def test_results_have_the_platforms_json_form(people: Inside) -> None:
    body = """
        const columns = ['firstname', 'pricelevel', 'isinactive', 'firstorderdate', 'lastmodifieddate'];
        const found = search.create({ type: 'customer', filters: [['internalid', 'anyof', value]], columns });
        return { value: JSON.parse(JSON.stringify(found.run().getRange({ start: 0, end: 1 })[0])) };
    """
    assert script(people.engine, ["N/search"], body, "1") == {
        "recordType": "customer",
        "id": "1",
        "values": {
            "firstname": "Ana",
            "pricelevel": [{"value": "1", "text": "Base Price"}],
            "isinactive": False,
            "firstorderdate": "1/31/2026",
            "lastmodifieddate": "3/1/2026 12:00 pm",
        },
    }
    assert script(people.engine, ["N/search"], body, "3")["values"]["pricelevel"] == []


def test_long_text_is_cut_at_four_thousand_bytes(people: Inside) -> None:
    people.engine.load("customer", [customer(9, firstname="é" * 3000, lastname="😀" * 1500)])
    body = """
        const filters = ['internalid', 'anyof', '9'];
        const found = search.create({ type: 'customer', filters, columns: ['firstname', 'lastname'] });
        const [result] = found.run().getRange({ start: 0, end: 1 });
        return { value: [result.getValue('firstname'), result.getValue('lastname')] };
    """
    assert script(people.engine, ["N/search"], body) == ["é" * 2000, "😀" * 1000]


PAGING = """
    const found = search.create({ type: 'customer', columns: [{ name: value.sort, sort: 'ASC' }] });
    const paged = found.runPaged({ pageSize: value.size });
    return { value: { count: paged.count, pages: paged.pageRanges.length,
        ids: paged.pageRanges.map(({ index }) => paged.fetch({ index }).data.map(({ id }) => Number(id))) } };
"""


def test_paged_results(people: Inside) -> None:
    people.engine.load("customer", [customer(n) for n in range(4, 14)])
    pages = script(people.engine, ["N/search"], PAGING, {"sort": "internalid", "size": 5})
    assert pages == {"count": 13, "pages": 3, "ids": [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12, 13]]}


def test_rows_that_sort_alike_come_in_no_lasting_order(people: Inside) -> None:
    people.engine.load("customer", [customer(n, city="Leeds") for n in range(1, 200)])
    value = {"sort": "city", "size": 1000}
    orders = [script(people.engine, ["N/search"], PAGING, value)["ids"][0] for _ in range(2)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(1, 200))
    assert orders[0] != orders[1]


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("found.runPaged({ pageSize: 1001 })", "INVALID_PAGE_SIZE"),
        ("found.runPaged({ pageSize: 5 }).fetch({ index: 1 })", "INVALID_PAGE_RANGE"),
        ("found.run().getRange({ start: 0, end: 1001 })", "SSS_SEARCH_RESULT_LIMIT_EXCEEDED"),
        ("found.run().getRange({ start: -1, end: 5 })", "SSS_INVALID_SEARCH_RESULT_INDEX"),
        ("search.load({ id: 'customsearch_none' })", "INVALID_SEARCH"),
        ("search.load({})", "SSS_MISSING_REQD_ARGUMENT"),
        ("search.create({ type: 'customer', filters: [], columns: [] }).save()", "SSS_MISSING_REQD_ARGUMENT"),
    ],
)
def test_limits_and_wrong_calls(people: Inside, expression: str, code: str) -> None:
    body = f"const found = search.create({{ type: 'customer' }}); {expression}; return {{ value: null }};"
    with pytest.raises(RefusedError) as refused:
        script(people.engine, ["N/search"], body)
    assert refused.value.code == code


def test_each_ends_at_four_thousand(people: Inside) -> None:
    people.engine.load("customer", [customer(n) for n in range(1, 4002)])
    body = """
        let n = 0;
        search.create({ type: 'customer' }).run().each(() => { n += 1; return value > n; });
        return { value: n };
    """
    assert script(people.engine, ["N/search"], body, 4000) == 4000
    with pytest.raises(RefusedError) as refused:
        script(people.engine, ["N/search"], body, 4001)
    assert refused.value.code == "SSS_SEARCH_FOR_EACH_LIMIT_EXCEEDED"


def test_units_are_charged_as_published(people: Inside) -> None:
    body = """
        const left = () => runtime.getCurrentScript().getRemainingUsage();
        const cost = (work) => { const before = left(); work(); return before - left(); };
        const found = search.load({ id: 'customsearch_nsk_customers' });
        const paged = found.runPaged();
        const run = found.run();
        return { value: [
            cost(() => search.load({ id: "customsearch_nsk_customers" })),
            cost(() => search.create({ type: 'item' })),
            cost(() => found.runPaged()),
            cost(() => paged.fetch({ index: 0 })),
            cost(() => found.run()),
            cost(() => run.getRange({ start: 0, end: 1 })),
            cost(() => run.each(() => true)),
            cost(() => search.lookupFields({ type: 'customer', id: 1, columns: ['email'] })),
            cost(() => record.load({ type: 'customer', id: 1 })),
            cost(() => record.load({ type: 'customer', id: 1 }).save()),
        ] };
    """
    modules = ["N/search", "N/runtime", "N/record"]
    assert script(people.engine, modules, body) == [5, 0, 5, 5, 0, 10, 10, 1, 5, 15]


@pytest.mark.parametrize(
    ("change", "work", "code"),
    [
        ({"units": 20}, "search.load({ id: 'customsearch_nsk_customers' })", "SSS_USAGE_LIMIT_EXCEEDED"),
        ({"seconds": 100, "searchSeconds": 30}, "found.runPaged()", "SSS_TIME_LIMIT_EXCEEDED"),
    ],
)
def test_the_end_of_units_or_time_can_not_be_caught(
    people: Inside, change: dict[str, int], work: str, code: str
) -> None:
    people.engine.settings(**change)
    body = f"""
        const found = search.create({{ type: 'customer' }});
        for (let n = 0; n < 10; n += 1) {{ try {{ {work}; }} catch (ignored) {{ /* goes on */ }} }}
        return {{ value: 'got away' }};
    """
    with pytest.raises(RefusedError) as refused:
        script(people.engine, ["N/search"], body)
    assert (refused.value.status, refused.value.code) == (400, code)


def test_a_script_that_never_ends_is_ended(people: Inside) -> None:
    people.engine.settings(seconds=0.3)
    with pytest.raises(RefusedError) as refused:
        script(people.engine, ["N/search"], "for (;;) { /* busy */ }")
    assert refused.value.code == "SSS_TIME_LIMIT_EXCEEDED"
    people.engine.settings(seconds=300)
    assert found(people, "customer", []) == [1, 2, 3]


def test_an_answer_over_ten_megabytes_fails(people: Inside) -> None:
    with pytest.raises(RefusedError) as refused:
        script(people.engine, ["N/search"], "return { value: 'ß'.repeat(6 * 1024 * 1024) };")
    assert refused.value.code == "SSS_FILE_CONTENT_SIZE_EXCEEDED"


def test_an_error_of_the_script_carries_its_name(people: Inside) -> None:
    body = "throw error.create({ name: 'MY_CODE', message: 'what is wrong' });"
    with pytest.raises(RefusedError) as refused:
        script(people.engine, ["N/error"], body)
    assert (refused.value.status, refused.value.code, refused.value.message) == (
        400,
        "MY_CODE",
        "what is wrong",
    )
    with pytest.raises(RefusedError) as refused:
        script(people.engine, ["N/error"], "return value.nothing.more;")
    assert refused.value.code == "UNEXPECTED_ERROR"


def test_formatting_follows_the_user(people: Inside) -> None:
    people.engine.settings(timezone="Europe/Madrid", dateFormat="DD.MM.YYYY", timeFormat="H:mm")
    body = """
        const moment = new Date('2026-07-01T22:30:00Z');
        const { DATETIMETZ, DATE } = format.Type;
        const timezone = 'Europe/Madrid';
        return { value: [
            format.format({ value: moment, type: DATETIMETZ }),
            format.format({ value: moment, type: DATETIMETZ, timezone: 'America/New_York' }),
            format.parse({ value: '02.07.2026 0:30:00', type: DATETIMETZ, timezone }).toISOString(),
            format.parse({ value: '02.07.2026 0:30', type: DATETIMETZ, timezone }),
            format.parse({ value: '31.02.2026', type: DATE }),
        ] };
    """
    assert script(people.engine, ["N/format"], body) == [
        "02.07.2026 0:30:00",
        "01.07.2026 18:30:00",
        "2026-07-01T22:30:00.000Z",
        "02.07.2026 0:30",  # in a named time zone a text must have seconds; what can't be parsed comes back
        "31.02.2026",
    ]


def test_records_can_be_made_changed_and_deleted(people: Inside) -> None:
    body = """
        const made = record.create({ type: 'lead' });
        made.setValue({ fieldId: 'email', value: 'new@mail.example' });
        const id = made.save();
        record.submitFields({ type: 'lead', id, values: { stage: 'CUSTOMER' } });
        record.delete({ type: 'customer', id: 1 });
        return { value: [id, record.load({ type: 'customer', id }).getValue('email')] };
    """
    assert script(people.engine, ["N/record"], body) == [4, "new@mail.example"]
    assert found(people, "customer", [["stage", "anyof", "CUSTOMER"]]) == [2, 4]
    gone = people.engine.admin("dump", {"type": "deletedrecord", "after": 0, "limit": 9})["records"]
    assert [(each["recordtype"], each["recordid"], each["name"]) for each in gone] == [("customer", 1, "C1")]


def test_a_search_can_be_saved_and_loaded(people: Inside) -> None:
    body = """
        const columns = [search.createColumn({ name: 'firstname', label: 'First' })];
        const filters = [['stage', 'anyof', 'LEAD']];
        const id = 'customsearch_leads';
        search.create({ type: 'customer', title: 'Leads', id, filters, columns }).save();
        const loaded = search.load({ id });
        const { label, type } = JSON.parse(JSON.stringify(loaded.columns[0]));
        return { value: [loaded.title, label, type, loaded.runPaged().count] };
    """
    assert script(people.engine, ["N/search"], body) == ["Leads", "First", "text", 1]
