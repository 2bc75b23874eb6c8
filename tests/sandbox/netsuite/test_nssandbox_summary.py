"""Summary searches: groups, counts, sums, averages and extremes instead of records."""

from __future__ import annotations

import json
from typing import Any

import pytest
from nssandbox import Inside, RefusedError, customer, order, script

RUN = """
    const results = search.create(value).run().getRange({ start: 0, end: 1000 });
    return { value: results.map((result) => result.toJSON()) };
"""


def summed(
    account: Inside, columns: list[Any], filters: Any = (), search_type: str = "transaction"
) -> list[Any]:
    value = {"type": search_type, "columns": columns, "filters": list(filters)}
    return list(script(account.engine, ["N/search"], RUN, value))


def column(summary: str, name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "summary": summary, **more}


@pytest.fixture
def sales(empty: Inside) -> Inside:
    empty.engine.load("customer", [customer(1, firstname="Ana"), customer(2, firstname="Bo")])
    orders = [
        order(10, 1, entity="1", total=10.1, trandate="2026-01-05", memo="gift"),
        order(11, 2, entity="1", total=20.2, trandate="2026-02-05"),
        order(12, 1, entity="2", total=5, trandate="2026-03-05"),
        order(13, 1, type="CustCred", status="CustCred:A", entity="2", total=-5, trandate="2026-04-05"),
    ]
    empty.engine.load("transaction", orders)
    return empty


HEADERS = [["mainline", "is", "T"]]


def test_groups_have_values_but_no_id(sales: Inside) -> None:
    columns = [column("GROUP", "type"), column("COUNT", "internalid"), column("SUM", "total")]
    assert summed(sales, columns, HEADERS) == [
        {
            "values": {
                "GROUP(type)": [{"value": "CustCred", "text": "Credit Memo"}],
                "COUNT(internalid)": "1",
                "SUM(total)": "-5.00",
            }
        },
        {
            "values": {
                "GROUP(type)": [{"value": "SalesOrd", "text": "Sales Order"}],
                "COUNT(internalid)": "3",
                "SUM(total)": "35.30",
            }
        },
    ]


def test_extremes_and_averages_keep_the_fields_form(sales: Inside) -> None:
    columns = [
        column("MIN", "trandate"),
        column("MAX", "tranid"),
        column("AVG", "total"),
        column("COUNT", "memo"),
    ]
    only = [*HEADERS, "AND", ["type", "anyof", "SalesOrd"]]
    (row,) = summed(sales, columns, only)
    assert row["values"] == {
        "MIN(trandate)": "1/5/2026",
        "MAX(tranid)": "SO12",
        "AVG(total)": "11.77",
        "COUNT(memo)": "1",  # nothing is not counted
    }


def test_groups_of_nothing_say_so(sales: Inside) -> None:
    columns = [column("GROUP", "memo", sort="DESC"), column("COUNT", "internalid")]
    found = [row["values"] for row in summed(sales, columns, HEADERS)]
    assert found == [
        {"GROUP(memo)": "gift", "COUNT(internalid)": "1"},
        {"GROUP(memo)": "- None -", "COUNT(internalid)": "3"},
    ]


def test_joined_and_formula_columns_are_named_within_the_summary(sales: Inside) -> None:
    columns = [
        column("GROUP", "firstname", join="customermain"),
        column("MAX", "formulatext", formula="UPPER({tranid})"),
        column("MIN", "formulatext", formula="LOWER({tranid})"),
        {"name": "memo"},  # without a summary it has no place in the rows
    ]
    first = summed(sales, columns, HEADERS)[0]
    assert first["values"] == {
        "GROUP(customermain.firstname)": "Ana",
        "MAX(formulatext)": "SO11",
        "MIN(formulatext)_1": "so10",
    }


def test_filters_on_summaries_choose_groups(sales: Inside) -> None:
    columns = [column("GROUP", "entity"), column("SUM", "total", sort="DESC")]
    rich = [*HEADERS, "AND", ["sum(total)", "greaterthan", 6]]
    (row,) = summed(sales, columns, rich)
    assert row["values"]["GROUP(entity)"] == [{"value": "1", "text": "C1 Ana"}]
    with pytest.raises(RefusedError) as refused:
        summed(sales, columns, [["sum(total)", "greaterthan", 6], "OR", ["mainline", "is", "T"]])
    assert refused.value.code == "SSS_INVALID_SRCH_FILTER_EXPR"


def test_values_are_read_by_name_and_summary(sales: Inside) -> None:
    body = """
        const columns = [{ name: 'type', summary: 'GROUP' }, { name: 'total', summary: 'SUM' }];
        const filters = [['mainline', 'is', 'T'], 'AND', ['type', 'anyof', 'SalesOrd']];
        const paged = search.create({ type: 'transaction', columns, filters }).runPaged({ pageSize: 5 });
        const [row] = paged.fetch({ index: 0 }).data;
        const total = row.getValue({ name: 'total', summary: 'SUM' });
        return { value: [paged.count, total, row.getText(columns[0]), 'id' in row, 'recordType' in row] };
    """
    assert script(sales.engine, ["N/search"], body) == [1, "35.30", "Sales Order", False, False]


def test_rows_for_a_map_reduce_script_are_numbered(sales: Inside) -> None:
    body = """
        const name = { name: 'firstname', join: 'customermain', summary: 'GROUP' };
        const columns = [name, { name: 'total', summary: 'SUM' }];
        const found = search.create({ type: 'transaction', filters: [['mainline', 'is', 'T']], columns });
        const results = found.run().getRange({ start: 0, end: 9 });
        return { value: results.map((row, index) => ns.mapReduceValue(row, index + 1)) };
    """
    first = json.loads(script(sales.engine, ["N/search"], body)[0])
    values = {"GROUP(firstname.customermain)": "Ana", "SUM(total)": "30.30"}
    assert first == {"recordType": None, "id": "1", "values": values}


@pytest.mark.parametrize("wrong", [column("SUM", "tranid"), column("MIDDLE", "total")])
def test_a_summary_that_does_not_suit_is_refused(sales: Inside, wrong: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as refused:
        summed(sales, [wrong])
    assert refused.value.code == "SSS_INVALID_SRCH_SUMMARY_TYP"


def test_the_restlet_refuses_to_page_groups(sales: Inside) -> None:
    usual = next(each for each in sales.engine.admin("searches") if each["id"] == "customsearch_nsk_orders")
    search = {**usual, "id": "customsearch_sums", "internalid": 9001}
    sales.engine.admin(
        "install", {**search, "columns": [{"name": "total", "summary": "SUM", "label": "All of it"}]}
    )
    with pytest.raises(RefusedError, match="All of it") as refused:
        sales.call("page", search="customsearch_sums")
    assert refused.value.code == "NSK_SUMMARY_SEARCH"
