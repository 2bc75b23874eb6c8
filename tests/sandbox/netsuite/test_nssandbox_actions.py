"""What the RESTlet answers, action by action, as docs/netsuite/restlet.md has it."""

from __future__ import annotations

from typing import Any

import pytest
from nssandbox import Inside, RefusedError, customer, order, rows

CUSTOMERS = "customsearch_nsk_customers"
ORDERS = "customsearch_nsk_orders"


def install(account: Inside, **changes: Any) -> str:
    """A saved search of one's own."""
    usual = {"internalid": 900, "id": "customsearch_own", "title": "Own", "type": "customer", "filters": []}
    account.engine.admin("install", {**usual, **changes})
    return "customsearch_own"


def keys(page: dict[str, Any]) -> list[str]:
    return [column["key"] for column in page["columns"]]


def types(page: dict[str, Any]) -> dict[str, str]:
    return {column["key"]: column["type"] for column in page["columns"]}


def test_about_tells_whose_preferences_apply(empty: Inside) -> None:
    empty.engine.settings(timezone="Europe/Berlin", dateFormat="D.M.YYYY", timeFormat="H:mm")
    about = empty.call("about")
    assert about["format"] == 1
    assert about["account"] == "1234567_SB1"
    assert (about["timezone"], about["dateformat"], about["timeformat"]) == (
        "Europe/Berlin",
        "D.M.YYYY",
        "H:mm",
    )
    assert about["user"] == "5"
    assert about["role"] == "1005"
    assert about["units"] == 5000
    assert about["now"].endswith("Z")
    assert about["version"]


def test_searches_lists_what_can_be_read(empty: Inside) -> None:
    listed = empty.call("searches")["searches"]
    assert {(each["id"], each["type"]) for each in listed} >= {
        ("customsearch_nsk_customers", "customer"),
        ("customsearch_nsk_contacts", "contact"),
        ("customsearch_nsk_items", "item"),
        ("customsearch_nsk_variants", "item"),
        ("customsearch_nsk_orders", "transaction"),
        ("customsearch_nsk_cases", "supportcase"),
    }
    assert all(each["title"] for each in listed)


def test_describe_tells_columns_and_whether_rows_are_lines(empty: Inside) -> None:
    described = empty.call("describe", search=ORDERS)
    assert described["search"]["id"] == ORDERS
    assert described["search"]["type"] == "transaction"
    assert described["lines"] is True
    assert keys(described)[:3] == ["internalid", "lineuniquekey", "type"]
    by_key = {column["key"]: column for column in described["columns"]}
    assert by_key["item.parent"] == {
        "key": "item.parent",
        "name": "parent",
        "join": "item",
        "label": "Item : Parent",
        "type": "select",
    }
    assert empty.call("describe", search=CUSTOMERS)["lines"] is False


def test_a_search_may_be_named_by_its_number(empty: Inside) -> None:
    first = empty.engine.admin("searches")[0]
    for number in (first["internalid"], str(first["internalid"])):
        assert empty.call("describe", search=number)["search"]["id"] == first["id"]


def test_describe_and_page_agree_on_columns(empty: Inside) -> None:
    # Deleted records are read by an action of their own: a search of them has no internal id to page by.
    listed = [each for each in empty.call("searches")["searches"] if "deleted" not in each["type"]]
    for search in (each["id"] for each in listed):
        assert (
            empty.call("describe", search=search)["columns"] == empty.call("page", search=search)["columns"]
        )


def test_values_are_typed_and_free_of_preferences(empty: Inside) -> None:
    empty.engine.settings(timezone="Asia/Tokyo", dateFormat="D-Mon-YYYY", timeFormat="hh:mm a")
    empty.engine.load(
        "customer",
        [
            customer(
                7,
                firstname="Zoë",
                companyname="",
                isperson=False,
                globalsubscriptionstatus="3",
                pricelevel=None,
                firstorderdate="2024-02-29",
                lastmodifieddate="2026-01-02T15:04:00Z",
            )
        ],
    )
    page = empty.call("page", search=CUSTOMERS)
    row = rows(page)[0]
    assert row["internalid"] == 7
    assert row["firstname"] == "Zoë"
    assert row["companyname"] is None
    assert row["isperson"] is False
    assert (row["globalsubscriptionstatus"], row["globalsubscriptionstatus__text"]) == (
        "3",
        "Confirmed Opt-In",
    )
    assert (row["pricelevel"], row["pricelevel__text"]) == (None, None)
    assert row["firstorderdate"] == "2024-02-29"
    assert row["lastmodifieddate"] == "2026-01-02T15:04:00Z"
    assert page["unreadable"] == {}


def test_lines_carry_header_line_and_joined_values(empty: Inside) -> None:
    empty.engine.load("customer", [customer(3, email="ana@shopper.example")])
    empty.engine.load(
        "item",
        [
            {
                "internalid": 8,
                "itemid": "TEE",
                "type": "InvtPart",
                "baseprice": 20,
                "lastmodifieddate": "2026-01-01T00:00:00Z",
            },
            {
                "internalid": 9,
                "itemid": "TEE : TEE-S",
                "type": "InvtPart",
                "parent": "8",
                "baseprice": 0.5,
                "quantityavailable": 12,
                "lastmodifieddate": "2026-01-01T00:00:00Z",
            },
        ],
    )
    bought = order(50, 1, entity="3", exchangerate=1.27, total=3.18, custbody_order_channel="Web")
    bought["lines"][0].update(item="9", quantity=5, rate=0.5, amount=3.18, custcol_gift_note="Hi")
    bought["lines"].append({"line": 2, "lineuniquekey": 600_000, "kind": "tax", "amount": 0.2})
    empty.engine.load("transaction", [bought])
    (row,) = rows(empty.call("page", search=ORDERS))
    assert row["customermain.email"] == "ana@shopper.example"
    assert (row["type"], row["statusref"], row["statusref__text"]) == (
        "SalesOrd",
        "pendingFulfillment",
        "Pending Fulfillment",
    )
    assert (row["item"], row["item__text"]) == ("9", "TEE : TEE-S")
    assert (row["item.parent"], row["item.parent__text"]) == ("8", "TEE")
    assert (row["item.baseprice"], row["item.quantityavailable"]) == (0.5, 12)
    assert (row["quantity"], row["rate"], row["amount"], row["total"]) == (5, 0.5, 3.18, 3.18)
    assert (row["exchangerate"], row["line"]) == (1.27, 1)
    assert (row["custbody_order_channel"], row["custcol_gift_note"]) == ("Web", "Hi")


def test_keys_stay_whatever_the_labels_and_the_order(empty: Inside) -> None:
    search = install(
        empty,
        columns=[
            {"name": "formulatext", "formula": "{firstname}||' '||{lastname}", "label": "Whole Name"},
            {"name": "email", "sort": "DESC"},
            {"name": "formulatext", "formula": "CASE WHEN {isperson}='T' THEN 'person' ELSE 'company' END"},
            {"name": "email", "label": "again"},
            {"name": "formulanumeric", "formula": "LENGTH({email})"},
            {"name": "internalid", "label": "No."},
        ],
    )
    people = [
        customer(2, firstname="Ana", lastname="Roe", email="b@mail.example"),
        customer(1, email="a@mail.example"),
    ]
    empty.engine.load("customer", people)
    page = empty.call("page", search=search)
    assert keys(page) == ["internalid", "formulatext", "email", "formulatext_1", "email_1", "formulanumeric"]
    assert page["columns"][0]["label"] == "No."
    # The administrator's sort order gives way to the internal id.
    assert [row["internalid"] for row in rows(page)] == [1, 2]
    second = rows(page)[1]
    assert (second["formulatext"], second["formulatext_1"]) == ("Ana Roe", "person")
    assert (second["email"], second["email_1"], second["formulanumeric"]) == (
        "b@mail.example",
        "b@mail.example",
        14,
    )


def test_criteria_with_or_are_kept_whole(empty: Inside) -> None:
    search = install(
        empty,
        columns=[{"name": "email"}],
        filters=[["firstname", "is", "Ana"], "OR", ["firstname", "is", "Bo"]],
    )
    empty.engine.load(
        "customer", [customer(n, firstname=name) for n, name in enumerate(["Ana", "Cy", "Bo", "Ana"], 1)]
    )
    assert [row["internalid"] for row in rows(empty.call("page", search=search, after=1))] == [3, 4]


def test_header_rows_only_when_the_search_says_so(empty: Inside) -> None:
    search = install(
        empty,
        type="transaction",
        columns=[{"name": "mainline"}, {"name": "total"}],
        filters=[["type", "anyof", "SalesOrd"], "AND", ["mainline", "is", "T"]],
    )
    empty.engine.load("transaction", [order(1, 3), order(2, 1)])
    page = empty.call("page", search=search)
    assert empty.call("describe", search=search)["lines"] is False
    assert keys(page) == ["internalid", "mainline", "total"]
    assert [(row["internalid"], row["mainline"], row["total"]) for row in rows(page)] == [
        (1, "*", 7.5),
        (2, "*", 2.5),
    ]


def test_types_come_from_known_names_where_the_platform_is_silent(empty: Inside) -> None:
    told = {search: types(empty.call("describe", search=search)) for search in (CUSTOMERS, ORDERS)}
    empty.engine.settings(columnTypes=False)
    for search, expected in told.items():
        silent = types(empty.call("describe", search=search))
        standard = {key for key in expected if not key.startswith("cust")}
        assert {key: silent[key] for key in standard} == {key: expected[key] for key in standard}


def test_a_value_that_is_not_of_its_type_is_counted(empty: Inside) -> None:
    search = install(empty, columns=[{"name": "formulanumeric", "formula": "{nosuchfield}"}])
    empty.engine.load("customer", [customer(1), customer(2)])
    page = empty.call("page", search=search)
    assert page["unreadable"] == {"formulanumeric": 2}
    assert [row["formulanumeric"] for row in rows(page)] == [None, None]


def test_a_whole_number_that_javascript_can_not_hold_is_counted(empty: Inside) -> None:
    search = install(empty, columns=[{"name": "daysoverdue"}, {"name": "creditlimit"}])
    numbers = [2**53 - 1, 2**53, 576461413038785752, -(2**53), 1 - 2**53]
    empty.engine.load(
        "customer",
        [customer(n, daysoverdue=number, creditlimit=number) for n, number in enumerate(numbers, 1)],
    )
    page = empty.call("page", search=search)
    assert {key: types(page)[key] for key in ("daysoverdue", "creditlimit")} == {
        "daysoverdue": "integer",
        "creditlimit": "number",
    }
    assert page["unreadable"] == {"daysoverdue": 3}
    assert [row["daysoverdue"] for row in rows(page)] == [2**53 - 1, None, None, None, 1 - 2**53]
    assert [float(row["creditlimit"]) for row in rows(page)] == [float(number) for number in numbers]


def test_summary_searches_are_refused(empty: Inside) -> None:
    search = install(
        empty,
        columns=[
            {"name": "city", "summary": "GROUP", "label": "City"},
            {"name": "internalid", "summary": "COUNT"},
        ],
    )
    for action in ("page", "bounds", "describe"):
        with pytest.raises(RefusedError) as refused:
            empty.call(action, search=search)
        assert (refused.value.status, refused.value.code) == (400, "NSK_SUMMARY_SEARCH")
        assert "City, internalid" in refused.value.message


def test_an_unknown_search_is_named(empty: Inside) -> None:
    with pytest.raises(RefusedError) as refused:
        empty.call("page", search="customsearch_gone")
    assert refused.value.code == "NSK_SEARCH_NOT_FOUND"
    assert "customsearch_gone" in refused.value.message


def test_a_column_or_filter_that_does_not_exist_fails_as_it_does_there(empty: Inside) -> None:
    search = install(empty, columns=[{"name": "email"}, {"name": "custentity_gone"}])
    with pytest.raises(RefusedError) as refused:
        empty.call("page", search=search)
    assert refused.value.code == "SSS_INVALID_SRCH_COL"
    assert "custentity_gone" in refused.value.message
    install(empty, columns=[{"name": "email"}], filters=[["mobilephone", "is", "1"]])
    with pytest.raises(RefusedError) as refused:
        empty.call("bounds", search=search)
    assert refused.value.code == "SSS_INVALID_SRCH_FILTER"
    assert "mobilephone" in refused.value.message


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"action": "page"}, "search"),
        ({"action": "page", "search": " "}, "search"),
        ({"action": "page", "search": CUSTOMERS, "after": -1}, "after"),
        ({"action": "page", "search": CUSTOMERS, "until": "x"}, "until"),
        ({"action": "page", "search": CUSTOMERS, "limit": 0}, "limit"),
        ({"action": "page", "search": CUSTOMERS, "limit": 1.5}, "limit"),
        ({"action": "bounds", "search": CUSTOMERS, "from": "2026-01-01"}, "from"),
        ({"action": "bounds", "search": CUSTOMERS, "to": "2026-13-01T00:00:00Z"}, "to"),
        (
            {"action": "bounds", "search": CUSTOMERS, "from": "2026-01-02T00:00Z", "to": "2026-01-01T00:00Z"},
            "from",
        ),
        ({"action": "deleted"}, "types"),
        ({"action": "deleted", "types": []}, "types"),
        ({"action": "deleted", "types": ["customer"], "cursor": "item@2026-01-01T00:00:00Z"}, "cursor"),
        ({"action": "drop"}, "action"),
        ({}, "action"),
    ],
)
def test_a_malformed_call_is_refused_by_name(empty: Inside, arguments: dict[str, Any], word: str) -> None:
    call = {"action": None, **arguments}
    with pytest.raises(RefusedError) as refused:
        empty.call(**call)
    assert refused.value.code == "NSK_BAD_REQUEST"
    assert f'"{word}"' in refused.value.message


def deletions(account: Inside, **arguments: Any) -> list[dict[str, Any]]:
    """All rows of the deletions, page after page."""
    found: list[dict[str, Any]] = []
    cursor = None
    for _ in range(50):
        page = account.call("deleted", cursor=cursor, **arguments)
        found += rows(page)
        cursor = page["cursor"]
        if page["done"]:
            return found
    raise AssertionError("the pages never end")


def test_deleted_tells_records_of_the_asked_types_in_order(empty: Inside) -> None:
    empty.engine.load("customer", [customer(n, stage="CUSTOMER") for n in range(1, 31)])
    empty.engine.load("item", [{"internalid": 5, "itemid": "MUG", "type": "InvtPart"}])
    for n in range(1, 31):
        moment = f"2026-05-0{1 + n // 10}T10:0{n % 4}:00Z"
        empty.engine.admin("remove", {"type": "customer", "id": n, "moment": moment})
    empty.engine.admin("remove", {"type": "item", "id": 5, "moment": "2026-05-02T00:00:00Z"})

    everything = deletions(empty, types=["customer", "inventoryitem"], limit=4)
    assert sorted(row["internalid"] for row in everything if row["recordtype"] == "customer") == list(
        range(1, 31)
    )
    (item,) = (row for row in everything if row["recordtype"] == "inventoryitem")
    # Whose record it was, and who deleted it, is told to nobody.
    assert item == {"internalid": 5, "recordtype": "inventoryitem", "deleteddate": "2026-05-02T00:00:00Z"}
    moments = [row["deleteddate"] for row in everything if row["recordtype"] == "customer"]
    assert moments == sorted(moments)

    window = {"from": "2026-05-02T00:00:00Z", "to": "2026-05-02T10:02:00Z"}
    some = deletions(empty, types=["customer"], limit=2, **window)
    assert {row["internalid"] for row in some} == {n for n in range(10, 20) if n % 4 < 2}
    assert deletions(empty, types=["contact"]) == []


def test_deletions_in_the_repeated_hour_come_once(empty: Inside) -> None:
    empty.engine.settings(timezone="America/Los_Angeles")
    empty.engine.load("customer", [customer(n) for n in range(1, 41)])
    for n in range(1, 41):
        hour, minute = divmod(7 * 60 + 30 + n * 5, 60)
        moment = f"2026-11-01T{hour:02}:{minute:02}:00Z"
        empty.engine.admin("remove", {"type": "customer", "id": n, "moment": moment})
    found = [row["internalid"] for row in deletions(empty, types=["customer"], limit=3)]
    assert found == list(range(1, 41))
