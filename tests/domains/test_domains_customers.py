"""Rows of customers and contacts to profiles."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from netsuite_connector.domains.customers import CONTACTS, CUSTOMERS, DOMAIN, PHONE_DROPPED, ProfileShaper
from netsuite_connector.domains.model import Site, Source

SITE = Site(
    "demo",
    "https://shop.example",
    "{url}/{urlcomponent}",
    "{url}/{image}",
    "US",
    "USD",
    "2026-01-01T00:00:00Z",
)
ROW: dict[str, Any] = {
    "internalid": 7,
    "entityid": "CUST7",
    "email": "Jane.Doe@Shop.example",
    "firstname": "Jane",
    "lastname": "Doe",
    "companyname": None,
    "phone": "(415) 555-2671",
    "mobilephone": None,
    "globalsubscriptionstatus": "2",
    "globalsubscriptionstatus__text": "Soft Opt-Out",
    "pricelevel": "1",
    "pricelevel__text": "Base Price",
    "isperson": True,
    "stage": "CUSTOMER",
    "city": "Oakland",
    "countrycode": "US",
    "lastmodifieddate": datetime(2026, 11, 1, 10, 30, tzinfo=UTC),
}


def profiles(*rows: dict[str, Any], source: Source = CUSTOMERS) -> tuple[list[dict[str, Any]], ProfileShaper]:
    batch = pa.RecordBatch.from_pylist([ROW | row for row in rows])
    shaper = ProfileShaper(source, SITE, batch.schema.names)
    records = shaper.feed(batch)
    assert records.id == [row.get("internalid", 7) for row in rows]
    return [json.loads(payload) for payload in records.payload], shaper


def test_a_profile_holds_the_mandatory_fields_of_a_customer() -> None:
    (profile,), _ = profiles({})
    assert profile == {
        "type": "profile",
        "attributes": {
            "email": "jane.doe@shop.example",
            "first_name": "Jane",
            "last_name": "Doe",
            "phone_number": "+14155552671",
            "location": {"city": "Oakland", "country": "US"},
            "properties": {
                "NetSuite ID": "7",
                "NetSuite Name": "CUST7",
                "NetSuite Stage": "CUSTOMER",
                "NetSuite Individual": True,
                "NetSuite Subscription Status": "Soft Opt-Out",
                "NetSuite Subscription Status ID": "2",
                "NetSuite Price Level": "Base Price",
            },
        },
    }


def test_the_mobile_phone_comes_before_the_other_and_reads_by_country() -> None:
    (mobile, spanish, other), shaper = profiles(
        {"mobilephone": "415 555 0132"},
        {"internalid": 8, "mobilephone": "612 34 56 78", "countrycode": "ES"},
        {"internalid": 9, "mobilephone": "n/a"},
    )
    assert mobile["attributes"]["phone_number"] == "+14155550132"
    assert spanish["attributes"]["phone_number"] == "+34612345678"
    assert other["attributes"]["phone_number"] == "+14155552671"
    assert shaper.warnings == {PHONE_DROPPED: 1}


def test_a_phone_that_is_none_is_left_out_and_counted() -> None:
    (profile,), shaper = profiles({"phone": "call my wife"})
    assert "phone_number" not in profile["attributes"]
    assert shaper.warnings == {PHONE_DROPPED: 1}


def test_columns_that_an_administrator_added_become_properties() -> None:
    (profile,), _ = profiles(
        {
            "custentity_tier": "3",
            "custentity_tier__text": "Gold",
            "custentity_points": 12.5,
            "custentity_x": None,
        }
    )
    properties = profile["attributes"]["properties"]
    assert (properties["custentity_tier"], properties["custentity_points"]) == ("Gold", 12.5)
    assert "custentity_x" not in properties
    assert "custentity_tier__text" not in properties


def test_a_save_that_changes_nothing_else_changes_no_profile() -> None:
    before, _ = profiles({})
    after, _ = profiles({"lastmodifieddate": datetime(2026, 11, 20, tzinfo=UTC)})
    assert before == after


def test_a_contact_carries_its_company() -> None:
    (profile,), _ = profiles(
        {"company": "12", "company__text": "Acme GmbH", "title": "Buyer"}, source=CONTACTS
    )
    assert (profile["attributes"]["organization"], profile["attributes"]["title"]) == ("Acme GmbH", "Buyer")
    assert profile["attributes"]["properties"]["NetSuite Stage"] == "CONTACT"


def test_who_speaks_for_an_address_is_ranked() -> None:
    assert DOMAIN.merge is not None
    batch = pa.RecordBatch.from_pylist(
        [
            {"internalid": 1, "stage": "LEAD", "isinactive": False},
            {"internalid": 9, "stage": "CUSTOMER", "isinactive": True},
            {"internalid": 8, "stage": "Prospect", "isinactive": False},
            {"internalid": 7, "stage": "CUSTOMER", "isinactive": False},
            {"internalid": 5, "stage": "CUSTOMER", "isinactive": None},
        ]
    )
    ranks = DOMAIN.merge.rank(CUSTOMERS, batch)
    assert [batch.column("internalid")[int(i)].as_py() for i in ranks.argsort()] == [5, 7, 8, 1, 9]
    contacts = DOMAIN.merge.rank(
        CONTACTS, pa.RecordBatch.from_pylist([{"internalid": 2, "isinactive": False}])
    )
    assert ranks[3] < contacts[0] < ranks[1], "an active contact speaks before an inactive customer"
