"""Columns on their way to Klaviyo, as a store wants them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.customers import CONTACTS, CUSTOMERS, ProfileShaper
from netsuite_connector.domains.mapping import ColumnRule, Mapper, SourceMapping
from netsuite_connector.domains.mapping_rules import check_mapped_columns, check_mapping
from netsuite_connector.domains.model import Site
from netsuite_connector.errors import MendError

SITE = Site("demo", "https://shop.example", "{url}/{urlcomponent}", "{url}/{image}", "US", "USD", "2026")
ROW: dict[str, Any] = {
    "internalid": 7,
    "entityid": "CUST7",
    "email": "jane@shop.example",
    "salesrep": "11",
    "salesrep__text": "Ann Rep",
    "isinactive": False,
    "custentity_tier": "3",
    "custentity_tier__text": "Gold",
    "custentity_points": " 12.5",
    "custentity_vip": "T",
    "custentity_since": datetime(2026, 11, 20, 23, 30, tzinfo=UTC),
    "custentity_job": "Buyer",
}


def mapped(
    mapping: SourceMapping, *rows: Mapping[str, Any], site: Site = SITE
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The attributes of the rows' profiles, and what the mapping left out."""
    batch = pa.RecordBatch.from_pylist([ROW | dict(row) for row in rows or [{}]])
    check_mapping(CUSTOMERS, mapping, "here")
    mapper = Mapper(CUSTOMERS, mapping, site)
    shaper = ProfileShaper(CUSTOMERS, mapper.site, mapper.columns(batch.schema))
    records = shaper.feed(mapper.batch(batch))
    return [json.loads(payload)["attributes"] for payload in records.payload], dict(mapper.warnings)


def properties(mapping: SourceMapping, *rows: Mapping[str, Any], site: Site = SITE) -> dict[str, Any]:
    (first, *_), _ = mapped(mapping, *rows, site=site)
    found: dict[str, Any] = first["properties"]
    return found


def columns(**rules: ColumnRule) -> SourceMapping:
    return SourceMapping(columns=rules)


def test_without_a_mapping_rows_and_site_are_the_very_same() -> None:
    mapper = Mapper(CUSTOMERS, SourceMapping(), SITE)
    batch = pa.RecordBatch.from_pylist([ROW])
    assert mapper.batch(batch) is batch
    assert mapper.site is SITE


def test_a_column_is_renamed_with_both_halves() -> None:
    rule = columns(custentity_tier=ColumnRule(property="Tier"))
    found = properties(rule)
    assert found["Tier"] == "Gold"
    assert "custentity_tier" not in found
    by_id = properties(rule, site=Site(**{**_parts(SITE), "as_id": frozenset({"custentity_tier"})}))
    assert by_id["Tier"] == "3"


def test_a_select_is_sent_as_its_id_or_its_text() -> None:
    rules = columns(custentity_tier=ColumnRule(send="id"), salesrep=ColumnRule(send="id"))
    found = properties(rules)
    assert (found["custentity_tier"], found["NetSuite Sales Rep"]) == ("3", "11")
    as_id = Site(**{**_parts(SITE), "as_id": frozenset({"salesrep"})})
    assert properties(SourceMapping(), site=as_id)["NetSuite Sales Rep"] == "11"
    assert (
        properties(columns(salesrep=ColumnRule(send="text")), site=as_id)["NetSuite Sales Rep"] == "Ann Rep"
    )


def test_types_change_and_what_cannot_is_left_out_and_counted() -> None:
    rules = columns(
        custentity_points=ColumnRule(type=ColumnType.NUMBER),
        custentity_vip=ColumnRule(property="VIP", type=ColumnType.BOOLEAN),
        custentity_since=ColumnRule(type=ColumnType.DATE),
        custentity_tier=ColumnRule(send="id", type=ColumnType.NUMBER),
    )
    found, warnings = mapped(
        rules, {}, {"internalid": 8, "custentity_points": "lots", "custentity_vip": "no"}
    )
    first, second = (each["properties"] for each in found)
    names = ("custentity_points", "VIP", "custentity_since", "custentity_tier")
    assert [first[name] for name in names] == [12.5, True, "2026-11-20", 3.0]
    assert "custentity_points" not in second
    assert second["VIP"] is False
    assert warnings == {"Value of custentity_points left out: can't be read as number": 1}


@pytest.mark.parametrize(
    ("value", "wanted", "becomes"),
    [
        (12.0, ColumnType.TEXT, "12"),
        (True, ColumnType.TEXT, "true"),
        (date(2026, 1, 2), ColumnType.TEXT, "2026-01-02"),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), ColumnType.TEXT, "2026-01-02T03:04:00Z"),
        ("+3", ColumnType.NUMBER, 3.0),
        ("1,200", ColumnType.NUMBER, None),
        (5, ColumnType.NUMBER, 5.0),
        ("Yes", ColumnType.BOOLEAN, True),
        (0, ColumnType.BOOLEAN, False),
        (2, ColumnType.BOOLEAN, None),
        ("2026-02-03T10:00:00Z", ColumnType.DATE, "2026-02-03"),
        ("2026-02-30", ColumnType.DATE, None),
        ("3.2.2026", ColumnType.DATE, None),
    ],
)
def test_what_becomes_of_a_value(value: Any, wanted: ColumnType, becomes: Any) -> None:
    found = properties(columns(custentity_x=ColumnRule(type=wanted)), {"custentity_x": value})
    assert found.get("custentity_x") == becomes


def test_a_column_fills_a_known_field_where_it_has_a_value() -> None:
    rules = columns(custentity_job=ColumnRule(to="title"))
    first, second = mapped(rules, {"title": "Clerk"}, {"title": "Clerk", "custentity_job": None})[0]
    assert (first["title"], second["title"]) == ("Buyer", "Clerk")
    assert "custentity_job" not in first["properties"]
    (alone,), _ = mapped(rules, {})
    assert alone["title"] == "Buyer"


def test_a_known_column_is_read_whatever_it_is_called() -> None:
    abroad = {"phone": "020 7946 0958", "countrycode": "GB", "city": "London"}
    (first,), _ = mapped(columns(countrycode=ColumnRule(property="Country")), abroad)
    assert (first["phone_number"], first["properties"]["Country"]) == ("+442079460958", "GB")
    assert first["location"] == {"city": "London", "country": "GB"}
    (first,), _ = mapped(columns(countrycode=ColumnRule(drop=True)), abroad)
    assert (first["phone_number"], first["location"]) == ("+442079460958", {"city": "London"})


def test_a_known_column_is_sent_under_the_name_that_it_is_given_and_no_other() -> None:
    for rule, becomes in (
        (ColumnRule(property="Manager"), "Ann Rep"),
        (ColumnRule(property="Manager", send="id"), "11"),
        (ColumnRule(property="Manager", send="id", type=ColumnType.NUMBER), 11.0),
    ):
        found = properties(columns(salesrep=rule))
        assert (found["Manager"], "NetSuite Sales Rep" in found) == (becomes, False)
    said = SourceMapping(
        columns={"salesrep": ColumnRule(property="Manager")}, properties={"NetSuite Sales Rep": None}
    )
    assert properties(said)["Manager"] == "Ann Rep"
    both = SourceMapping(columns=said.columns, properties={"NetSuite Sales Rep": "Rep"})
    assert {"Manager", "Rep"} <= set(properties(both))


def test_a_known_column_that_is_called_otherwise_can_be_filled_and_fill_another() -> None:
    filled = columns(custentity_job=ColumnRule(to="salesrep"), salesrep=ColumnRule(property="Manager"))
    assert properties(filled)["Manager"] == "Buyer"
    found = properties(columns(salesrep=ColumnRule(to="territory")))
    assert (found["NetSuite Territory"], "NetSuite Sales Rep" in found) == ("Ann Rep", False)


def test_a_select_fills_a_text_and_a_text_a_select() -> None:
    rules = columns(
        custentity_tier=ColumnRule(to="title"),
        custentity_job=ColumnRule(to="salesrep"),
        custentity_vip=ColumnRule(to="isperson"),
    )
    (first,), _ = mapped(rules)
    assert first["title"] == "Gold"
    assert first["properties"]["NetSuite Sales Rep"] == "Buyer"
    assert first["properties"]["NetSuite Individual"] is True


def test_columns_and_properties_are_left_out_or_renamed() -> None:
    mapping = SourceMapping(
        columns={"custentity_vip": ColumnRule(drop=True), "custentity_tier": ColumnRule(drop=True)},
        properties={"NetSuite Sales Rep": "Account Manager", "NetSuite Inactive": None, "title": None},
        constants={"Shop": "Outdoor", "countrycode": "ES", "Live": True, "custentity_points": 1},
    )
    (first,), _ = mapped(mapping, {"title": "Clerk", "countrycode": "US"})
    found = first["properties"]
    assert found["Account Manager"] == "Ann Rep"
    assert not {"NetSuite Sales Rep", "NetSuite Inactive", "custentity_vip", "custentity_tier"} & set(found)
    assert (found["Shop"], found["Live"], found["custentity_points"]) == ("Outdoor", True, 1)
    assert first["location"] == {"country": "ES"}
    assert "title" not in first


def test_without_extra_only_what_is_named_flows_through() -> None:
    mapping = SourceMapping(columns={"custentity_tier": ColumnRule(property="Tier")}, extra=False)
    found = properties(mapping)
    assert found["Tier"] == "Gold"
    assert found["NetSuite Sales Rep"] == "Ann Rep"
    assert not [name for name in found if name.startswith("custentity")]


def test_a_shaper_can_ask_for_the_column_behind_a_name() -> None:
    mapper = Mapper(CUSTOMERS, columns(custentity_tier=ColumnRule(property="Tier")), SITE)
    assert mapper.site.column_of("Tier") == "custentity_tier"
    assert mapper.site.column_of("custentity_vip") == "custentity_vip"


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        (
            columns(custentity_x=ColumnRule(to="titel")),
            "'titel', which is no column that the flow knows; did you",
        ),
        (columns(custentity_x=ColumnRule(to="email")), "would fill Email (email), whose values are checked"),
        (columns(pricelevel=ColumnRule(drop=True)), "columns.pricelevel' is a mandatory column"),
        (columns(entityid=ColumnRule(property="Name")), "columns.entityid' is a mandatory column"),
        (columns(internalid=ColumnRule(drop=True)), "a column that the flow tells records by"),
        (columns(stage=ColumnRule(type=ColumnType.NUMBER)), "the flow reads Stage as it is"),
        (
            columns(custentity_x=ColumnRule(to="title", type=ColumnType.DATE)),
            "but Job Title (title) is a text",
        ),
        (columns(custentity_x=ColumnRule(property="title")), "to fill it, write 'to'"),
        (columns(a=ColumnRule(property="X"), b=ColumnRule(property="X")), "has already"),
        (columns(a=ColumnRule(to="title"), b=ColumnRule(to="title")), "which the column a fills already"),
        (columns(a=ColumnRule(property="NetSuite Name")), "'properties.NetSuite Name' has already"),
        (SourceMapping(properties={"NetSuite Name": "NetSuite ID"}), "gives a name twice"),
        (SourceMapping(properties={"NetSuite Nam": "X"}), "did you mean 'NetSuite Name'?"),
        (SourceMapping(properties={"phone_number": "Phone"}), "can be left out (false), but not renamed"),
        (columns(a=ColumnRule(property="organization")), "'properties.organization' has already"),
        (SourceMapping(constants={"email": "x"}), "would fill Email (email)"),
        (SourceMapping(constants={"isperson": "yes"}), "which is a boolean"),
        (SourceMapping(constants={"internalid": "1"}), "tells records apart"),
        (SourceMapping(constants={"NetSuite Name": "1"}), "has already"),
    ],
)
def test_a_mapping_that_cannot_be_is_told(mapping: SourceMapping, sentence: str) -> None:
    with pytest.raises(MendError) as caught:
        check_mapping(CUSTOMERS, mapping, "demo: flows.customers.mapping.customers")
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("'demo: flows.customers.mapping.customers.")


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        (columns(custentity_y=ColumnRule(drop=True)), "Saved search 7 has no column custentity_y"),
        (columns(custentity_x=ColumnRule(send="id")), "chooses a half of a select, but the column is a text"),
        (columns(day=ColumnRule(type=ColumnType.NUMBER)), "is number, which a date column can't become"),
        (columns(day=ColumnRule(to="isperson")), "is isperson, a boolean, which a date can't fill"),
        (columns(day=ColumnRule(property="custentity_x")), "that of another column of 7"),
        (SourceMapping(constants={"custentity_x": 1}), None),
        (columns(custentity_x=ColumnRule(to="title")), None),
    ],
)
def test_a_mapping_must_suit_the_search(mapping: SourceMapping, sentence: str | None) -> None:
    found = {"custentity_x": ColumnType.TEXT, "day": ColumnType.DATE, "email": ColumnType.TEXT}
    if sentence is None:
        check_mapped_columns(CUSTOMERS, mapping, found, "7", "here")
        return
    with pytest.raises(MendError) as caught:
        check_mapped_columns(CUSTOMERS, mapping, found, "7", "here")
    assert sentence in str(caught.value)


def test_names_that_a_source_offers_are_those_it_sends() -> None:
    for source in (CUSTOMERS, CONTACTS):
        dropped = SourceMapping(properties=dict.fromkeys((*source.properties, *source.attributes)))
        check_mapping(source, dropped, "here")
        batch = pa.RecordBatch.from_pylist(
            [{**ROW, "lastname": "Doe", "phone": "4155552671", "city": "Oakland"}]
        )
        mapper = Mapper(source, SourceMapping(properties=dropped.properties, extra=False), SITE)
        shaper = ProfileShaper(source, mapper.site, mapper.columns(batch.schema))
        (payload,) = shaper.feed(mapper.batch(batch)).payload
        assert json.loads(payload)["attributes"] == {"email": "jane@shop.example"}


def _parts(site: Site) -> dict[str, Any]:
    return {name: getattr(site, name) for name in Site.__dataclass_fields__}
