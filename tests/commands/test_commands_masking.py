"""Masking: nobody can be told by what is shown of a row, and the record can still be found."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsuite_connector.commands.masking import masked, masked_text

WORDS = [
    "id",
    "status",
    "location",
    "class",
    "department",
    "units",
    "type",
    "item",
    "sku",
    "brand",
    "currency",
]
PREFIXES = ["custentity", "custbody", "custcol", "custitem", "custrecord", "custevent"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("custentity_personal_id", "12345678Z"),
        ("custentity_passport_id", "X1234567"),
        ("custentity_tax_id", 123456789),
        ("custentity_line_id", "annlee77"),
        ("custentity_home_location", "12 Baker Street, London"),
        ("custentity_birthdate", "1980-05-17"),
        ("custentity_birthdate", date(1980, 5, 17)),
        ("custentity_met_on", datetime(1980, 5, 17, 9, tzinfo=UTC)),
        ("custentity_birthday_number", 800517),
        ("custentity_mobile", 34600123456),
        ("custentity_mobile", 34600123456.0),
        ("custentity_latitude", 51.523767),
        ("custentitystatus", "Widowed in May"),
        ("custbody_gift_class", "For my daughter Eve"),
        ("custbody_location__text", "12 Baker Street, London"),
        ("custcol_engraving_type", "Eve 1980"),
        ("custrecord_pet_item", "Rex of Baker Street"),
        ("customermain.custentity_tax_id", "123456789"),
        ("custentity_sponsor.location", "12 Baker Street, London"),
        ("custrecord_owner.birthdate", "1980-05-17"),
        ("formulatext", "Ann Lee, 1980"),
        ("formuladate_1", "1980-05-17"),
        ("formulanumeric", 34600123456),
        ("mobilephone", 34600123456),
    ],
)
def test_what_an_account_keeps_in_fields_of_its_own_is_masked(name: str, value: Any) -> None:
    for row in ({name: value}, {name: [value]}, {name: {"id": value, "text": value}}):
        said = json.dumps(masked(row), ensure_ascii=False)
        assert str(value) not in said
        assert "•••" in said


@given(
    prefix=st.sampled_from(PREFIXES),
    join=st.sampled_from(["", "customermain.", "custentity_friend."]),
    between=st.sampled_from(["", "_", "_of_", "_home_"]),
    word=st.sampled_from(WORDS),
    text=st.from_regex(r"[A-Z][a-z]{3,9} [0-9]{2,12}", fullmatch=True),
)
def test_no_word_at_the_end_of_a_name_opens_a_field(
    prefix: str, join: str, between: str, word: str, text: str
) -> None:
    assert text not in json.dumps(masked({f"{join}{prefix}{between}{word}": text}))
    assert text not in json.dumps(masked({f"{prefix}{between}x.{word}": text}))
    assert text not in json.dumps(masked({f"their_{word}": text}))


@pytest.mark.parametrize("value", [True, False, None, "", 0, 120, -3, 99999, 12.5, 12500.0])
def test_yes_no_and_short_numbers_of_such_fields_stay(value: Any) -> None:
    assert masked({"custentity_points_id": value}) == {"custentity_points_id": value}


def test_what_it_takes_to_find_the_record_stays() -> None:
    row = {
        "internalid": 123456789,
        "lineuniquekey": 987654321,
        "tranid": "SO-10042",
        "createdfrom.tranid": "SO-10041",
        "itemid": "TSHI-00012 : TSHI-00012-N",
        "item": {"id": "11", "text": "TSHI-00012"},
        "item.type": {"id": "InvtPart", "text": "Inventory Item"},
        "item.displayname": "Navy shirt",
        "statusref": {"id": "pendingBilling", "text": "Pending Billing"},
        "location": {"id": "5", "text": "Warehouse East"},
        "department__text": "Web",
        "class": "Retail",
        "trandate": "2026-11-01",
        "lastmodifieddate": datetime(2026, 11, 1, 10, tzinfo=UTC),
        "total": 1234567.89,
    }
    assert masked(row) == row


def test_of_what_was_sent_only_the_connectors_own_names_are_trusted() -> None:
    ours = {
        "NetSuite ID": "1042",
        "NetSuite Status": "Billed",
        "NetSuite Customer First Order Date": "2026-11-01",
        "OrderId": "SO-10042",
        "OrderTotal": 1234567.89,
        "ShipDate": "2026-11-02",
        "Items": [{"SKU": "TSHI-00012", "ProductName": "Navy shirt", "ItemPrice": 1234.56}],
    }
    theirs = {
        "Birthday": "1980-05-17",
        "Member Since": "1999-05-17T10:00:00Z",
        "Location": "12 Baker Street, London",
        "ID": "12345678Z",
        "metric": {"name": "Ann Lee"},
        "custentity_tax_id": 123456789,
        "WhatsApp": 34600123456,
    }
    event = {
        "type": "event",
        "attributes": {"unique_id": "netsuite-1042", "value_currency": "USD", "time": "2026-11-01T10:00:00Z"},
    }
    shown = masked(event | {"properties": ours | theirs})
    assert {name: shown[name] for name in event} == event
    assert {name: shown["properties"][name] for name in ours} == ours
    said = json.dumps(shown)
    for value in theirs.values():
        assert (value["name"] if isinstance(value, dict) else str(value)) not in said
    profile = {"attributes": {"external_id": "1042", "location": {"address1": "12 Baker Street"}}}
    shown = masked(profile)
    assert shown["attributes"]["external_id"] == "1042"
    assert "Baker" not in json.dumps(shown)
    variant = {"custom_metadata": {"sku": "TSHI-00012", "type": "Inventory Item", "Made By": "Ann Lee"}}
    assert masked(variant) == {
        "custom_metadata": variant["custom_metadata"] | {"Made By": "A••• (7 characters)"}
    }


def test_addresses_and_numbers_in_sentences() -> None:
    assert masked_text("ann@shop.example, +34 600 123 456") == "a•••@•••, •••56"
    assert masked({"custentity_second_id": "ann@shop.example"}) == {"custentity_second_id": "a•••@•••"}
