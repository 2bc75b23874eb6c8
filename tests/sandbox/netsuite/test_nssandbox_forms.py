"""How values look: both JSON forms of results, statuses, websites, and users of other languages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from nssandbox import Inside, RefusedError, customer, order, rows, script

CUSTOMERS = "customsearch_nsk_customers"


@pytest.fixture
def people(empty: Inside) -> Inside:
    empty.engine.settings(timezone="UTC")
    first = customer(
        1, firstname="Ana", pricelevel="1", globalsubscriptionstatus="3", firstorderdate="2026-03-31"
    )
    empty.engine.load("customer", [first, customer(2, stage="LEAD")])
    made = order(10, 1, entity="1", website="2", custbody_tags=["1", "3"])
    empty.engine.load("transaction", [made])
    return empty


BOTH = """
    const found = search.create(value).run().getRange({ start: 0, end: 1 });
    return { value: [found[0].toJSON(), ns.mapReduceValue(found[0], 1)] };
"""


def both_forms(account: Inside, search_type: str, columns: list[Any], filters: Any) -> tuple[Any, Any]:
    value = {"type": search_type, "columns": columns, "filters": filters}
    direct, given = script(account.engine, ["N/search"], BOTH, value)
    return direct, json.loads(given)


def test_the_direct_form_and_that_of_map_reduce_differ(people: Inside) -> None:
    columns = ["pricelevel", "category", "isinactive", "firstorderdate"]
    direct, given = both_forms(people, "customer", columns, ["internalid", "anyof", "1"])
    shared = {"recordType": "customer", "id": "1"}
    assert direct == shared | {
        "values": {
            "pricelevel": [{"value": "1", "text": "Base Price"}],
            "category": [],
            "isinactive": False,
            "firstorderdate": "3/31/2026",
        }
    }
    assert given == shared | {
        "values": {
            "pricelevel": {"value": "1", "text": "Base Price"},
            "category": "",
            "isinactive": "F",
            "firstorderdate": "3/31/2026",
        }
    }


def test_joined_keys_turn_round_in_map_reduce(people: Inside) -> None:
    columns = [
        {"name": "email", "join": "customermain"},
        {"name": "entityid", "join": "customermain"},
        {"name": "formulatext", "formula": "'a'"},
        {"name": "formulatext", "formula": "'b'"},
    ]
    direct, given = both_forms(people, "transaction", columns, [["mainline", "is", "T"]])
    assert list(direct["values"]) == [
        "customermain.email",
        "customermain.entityid",
        "formulatext",
        "formulatext_1",
    ]
    assert list(given["values"]) == [
        "email.customermain",
        "entityid.customermain",
        "formulatext",
        "formulatext_1",
    ]


def test_a_website_is_filtered_by_id_and_shown_by_name(people: Inside) -> None:
    filters = [["website", "anyof", "2"], "AND", ["mainline", "is", "T"]]
    direct, _ = both_forms(people, "transaction", ["website"], filters)
    assert direct["values"] == {"website": "Demo Outlet"}


@pytest.mark.parametrize(
    ("kind", "code", "word", "text"),
    [
        ("SalesOrd", "SalesOrd:E", "pendingBillingPartFulfilled", "Pending Billing/Partially Fulfilled"),
        ("Estimate", "Estimate:X", "expired", "Expired"),
        ("Opprtnty", "Opprtnty:D", "closedLost", "Closed - Lost"),
        ("ItemShip", "ItemShip:C", "shipped", "Shipped"),
        ("RtnAuth", "RtnAuth:G", "refunded", "Refunded"),
        ("CustInvc", "CustInvc:A", "open", "Open"),
    ],
)
def test_a_status_is_a_code_in_filters_and_a_word_in_columns(
    people: Inside, kind: str, code: str, word: str, text: str
) -> None:
    people.engine.load("transaction", [order(20, 0, type=kind, status=code)])
    direct, _ = both_forms(people, "transaction", ["statusref"], [["status", "anyof", code]])
    assert (direct["id"], direct["values"]) == ("20", {"statusref": [{"value": word, "text": text}]})
    count = "return { value: search.create({ type: 'transaction', filters: value }).runPaged().count };"
    assert script(people.engine, ["N/search"], count, [["status", "anyof", code]]) == 1
    assert script(people.engine, ["N/search"], count, [["status", "anyof", word]]) == 0


def test_mainline_is_true_or_false_in_filters_and_a_star_in_columns(people: Inside) -> None:
    body = """
        const columns = [{ name: 'lineuniquekey', sort: 'ASC' }, 'mainline'];
        const found = search.create({ type: 'transaction', columns });
        return { value: found.run().getRange({ start: 0, end: 9 }).map((row) => row.getValue('mainline')) };
    """
    assert script(people.engine, ["N/search"], body) == ["*", ""]


@pytest.mark.parametrize("language", ["en_US", "de_DE", "es_ES"])
@pytest.mark.parametrize("form", ["M/D/YYYY", "DD-Mon-YYYY", "D MONTH, YYYY"])
def test_the_language_of_the_user_changes_nothing_on_the_wire(
    people: Inside, language: str, form: str
) -> None:
    people.engine.settings(language=language, dateFormat=form)
    window = {"from": "2026-03-01T12:00:00Z", "to": "2026-03-01T12:01:00Z"}
    page = people.call("page", search=CUSTOMERS, **window)
    ana, other = rows(page)
    assert not any(page["unreadable"].values())
    assert (ana["isperson"], ana["isinactive"], ana["firstorderdate"]) == (True, False, "2026-03-31")
    assert ana["lastmodifieddate"] == "2026-03-01T12:00:00Z"
    assert (ana["globalsubscriptionstatus"], ana["stage"], other["stage"]) == ("3", "CUSTOMER", "LEAD")


def test_the_words_of_the_platform_are_in_the_users_language(people: Inside) -> None:
    people.engine.settings(language="de_DE", dateFormat="D MONTH, YYYY")
    direct, _ = both_forms(
        people, "transaction", ["statusref", "type", "trandate"], [["mainline", "is", "T"]]
    )
    assert direct["values"] == {
        "statusref": [{"value": "pendingFulfillment", "text": "Ausführung ausstehend"}],
        "type": [{"value": "SalesOrd", "text": "Kundenauftrag"}],
        "trandate": "1 März, 2026",
    }
    assert rows(people.call("page", search=CUSTOMERS))[0]["pricelevel__text"] == "Base Price"  # a user's own


@pytest.mark.parametrize("written", ["2026-03-01", "31/12/2026", "March 1, 2026", "3/1/2026 12:00:00 pm"])
def test_a_date_that_is_not_in_the_users_format_is_refused(people: Inside, written: str) -> None:
    with pytest.raises(RefusedError) as refused:
        both_forms(people, "customer", ["email"], [["lastmodifieddate", "onorafter", written]])
    assert refused.value.code == "UNEXPECTED_ERROR"


def test_filters_may_be_objects(people: Inside) -> None:
    filters = [
        {"name": "mainline", "operator": "is", "values": ["T"]},
        {"name": "stage", "join": "customermain", "operator": "anyof", "values": ["CUSTOMER"]},
    ]
    direct, _ = both_forms(people, "transaction", ["tranid"], filters)
    assert direct["values"] == {"tranid": "SO10"}
