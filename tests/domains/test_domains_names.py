"""What a store says of names, in every flow: each property of the connector's own can be left out or called
otherwise, columns that nothing is said of stay behind where they should, and what belongs to a line stays
there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from netsuite_connector.column_type import TEXT_SUFFIX, ColumnType
from netsuite_connector.domains.catalog_feed import feed_domain
from netsuite_connector.domains.columns import values as sent_values
from netsuite_connector.domains.custom import event_domain, profile_domain
from netsuite_connector.domains.events import WEBSITE_TAG
from netsuite_connector.domains.mapping import ColumnRule, Mapper, SourceMapping
from netsuite_connector.domains.mapping_rules import check_mapping
from netsuite_connector.domains.model import Domain, Field, Site, Source
from netsuite_connector.domains.order_flow import DOMAIN as ORDERS
from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.errors import MendError

SITE = Site("demo", "https://shop.example", "{url}/{urlcomponent}", "{url}/{image}", "US", "USD", "2026")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
# What a shaper must find, whatever its field's type.
SPECIAL: dict[str, Any] = {
    "email": "jane@shop.example",
    "customermain.email": "jane@shop.example",
    "phone": "4155552671",
    "mobilephone": "4155552671",
    "countrycode": "US",
    "exchangerate": 1.25,
    "categories": ["5"],
    # Quotes and opportunities have another event when they end so.
    "statusref": "closed",
}
FALLING_BACK = {"ProductName", "ItemNames", "title"}
ALWAYS: dict[str, Any] = {
    "internalid": 7,
    "lineuniquekey": 70,
    "datecreated": NOON,
    "lastmodifieddate": NOON,
    "formulatext_2": f"{WEBSITE_TAG}4",
}
ADDED: dict[str, Any] = {
    "formulatext_3": "an administrator's own",
    "custbody_gift": "yes",
    "custcol_engraving": "Ann",
    "custitem_color": "9",
    f"custitem_color{TEXT_SUFFIX}": "Red",
    "custentity_tier": "Gold",
}
# Only transactions know the formula of the website.
OF_NO_TRANSACTION = {"formulatext_2", "lineuniquekey", "datecreated", "lastmodifieddate"}
REVIEWS = event_domain(
    "reviews",
    "customsearch_reviews",
    metric="Review",
    email="email",
    time="day",
    value="stars",
    mandatory=["text"],
)
MEMBERS = profile_domain("members", "customsearch_members", email="email", mandatory=["club"])


@dataclass(frozen=True)
class Case:
    domain: Domain
    source: Source

    def __str__(self) -> str:
        return f"{self.domain.flow}.{self.source.name}"


CASES = [
    Case(domain, source)
    for domain in (*DOMAINS.values(), feed_domain(), REVIEWS, MEMBERS)
    for source in domain.shaped
    if source.kind is not None and "change" not in source.kind
]
cases = pytest.mark.parametrize("case", CASES, ids=str)


def sample(field: Field, number: int) -> Any:
    """A value that no other column has, where the type has enough."""
    samples: dict[ColumnType, Any] = {
        ColumnType.TEXT: f"some {field.name}",
        ColumnType.SELECT: str(1000 + number),
        ColumnType.NUMBER: 100.0 + number,
        ColumnType.BOOLEAN: True,
        ColumnType.DATE: date(2026, 3, 1) + timedelta(days=number),
        ColumnType.DATETIME: NOON + timedelta(days=number),
    }
    return samples[field.type]


def rows_of(source: Source) -> pa.RecordBatch:
    row = {
        field.name: SPECIAL.get(field.name, sample(field, number))
        for number, field in enumerate(source.fields)
    }
    row |= {
        field.name + TEXT_SUFFIX: f"Text of {field.name}"
        for field in source.fields
        if field.type is ColumnType.SELECT
    }
    if "categories" in row:
        row[f"categories{TEXT_SUFFIX}"] = ["Tents"]
    return pa.RecordBatch.from_pylist([row | ALWAYS | ADDED])


def payloads(case: Case, mapping: SourceMapping) -> list[dict[str, Any]]:
    """What becomes of a row that has a value in every column."""
    check_mapping(case.source, mapping, "here")

    def no_rows() -> Iterator[pa.RecordBatch]:
        return iter(())

    site = replace(SITE, lookups={source.name: no_rows for source in case.domain.sources})
    batch = rows_of(case.source)
    mapper = Mapper(case.source, mapping, site)
    shaper = case.domain.shaper(case.source, mapper.site, mapper.columns(batch.schema))
    alone = case.domain.merge.alone if case.domain.merge is not None else None
    mapped = mapper.batch(batch)
    if alone is not None:
        mapped = mapped.append_column(alone, pa.array([True]))
    made = [*shaper.feed(mapped).payload, *shaper.finish().payload]
    return [json.loads(payload) for payload in made]


def names_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from names_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from names_in(inner)


Leaf = tuple[tuple[str, ...], Any]


def leaves(value: Any, *path: str) -> set[Leaf]:
    """The values in a payload, each with the names that lead to it."""
    if isinstance(value, dict):
        return {leaf for name, inner in value.items() for leaf in leaves(inner, *path, name)}
    if isinstance(value, list):
        return {leaf for place, inner in enumerate(value) for leaf in leaves(inner, *path, str(place))}
    return {(path, value)}


def optional_columns(case: Case) -> list[Field]:
    """The columns that a search may have, and of which a store may say anything."""
    return [
        each for each in case.source.fields if not each.mandatory and not each.added and each.name != "item"
    ]


def is_of_line(column: str) -> bool:
    return column.startswith("item.") or column in {"quantity", "rate", "amount", "memo"}


def values_of(case: Case, column: Field) -> set[Any]:
    """What can be sent of a column: nearly always what no other has the value of."""
    values: set[Any] = set()
    for half in (column.name, column.name + TEXT_SUFFIX):
        values |= set(sent_values(rows_of(case.source), half))
    return values - {None}


def event_of(payload: dict[str, Any]) -> dict[str, Any]:
    """The properties of the one event."""
    (event,) = payload["attributes"]["events"]["data"]
    found: dict[str, Any] = event["attributes"]["properties"]
    return found


def names(case: Case, mapping: SourceMapping) -> set[str]:
    return set(names_in(payloads(case, mapping)))


@cases
def test_every_name_of_the_connectors_own_can_be_called_otherwise(case: Case) -> None:
    usual = names(case, SourceMapping())
    renamed = names(
        case, SourceMapping(properties={name: f"{name} of mine" for name in case.source.properties})
    )
    for name in set(case.source.properties) & usual:
        assert f"{name} of mine" in renamed, name
    own = {name for name in usual if name.startswith("NetSuite ")}
    assert own <= set(case.source.properties)
    assert not own & renamed


@cases
def test_every_name_that_a_store_may_leave_out_is_left_out(case: Case) -> None:
    dropped = (*case.source.properties, *case.source.attributes)
    left = names(case, SourceMapping(properties=dict.fromkeys(dropped)))
    # A catalog's records have attributes of Klaviyo's of the same name.
    attributes = {"sku", "type", "price", "title"} if case.domain.flow == "catalog" else {"type"}
    assert not set(dropped) & left - attributes


@cases
def test_without_extra_columns_all_that_is_the_connectors_own_is_still_sent(case: Case) -> None:
    usual, bare = names(case, SourceMapping()), names(case, SourceMapping(extra=False))
    assert usual - bare <= set(ADDED) | OF_NO_TRANSACTION
    assert not set(ADDED) & bare
    assert set(ADDED) & usual


@cases
def test_without_extra_columns_those_that_are_named_are_sent(case: Case) -> None:
    named = SourceMapping(
        columns={"custcol_engraving": ColumnRule(property="Engraving")}, constants={"Shop": "Outdoor"}
    )
    everything, bare = names(case, named), names(case, replace(named, extra=False))
    assert "Shop" in bare
    assert ("Engraving" in bare) == ("Engraving" in everything)
    assert not set(ADDED) & bare


@cases
def test_known_columns_that_are_dropped_take_nothing_with_them(case: Case) -> None:
    usual = leaves(payloads(case, SourceMapping()))
    columns = optional_columns(case)
    bare = leaves(
        payloads(case, SourceMapping(columns={each.name: ColumnRule(drop=True) for each in columns}))
    )
    # A thing has another name then, and its product's is that of its parent.
    assert {leaf for leaf in bare if not FALLING_BACK & set(leaf[0])} <= usual
    for column in columns:
        values = values_of(case, column) - {True}
        left = {path[-1] for path, value in bare if value in values}
        assert left <= {"ProductID"}, column.name


@cases
def test_known_columns_under_another_name_stay_what_they_are(case: Case) -> None:
    usual = leaves(payloads(case, SourceMapping()))
    columns = optional_columns(case)
    rules = {each.name: ColumnRule(property=f"Called {each.name}") for each in columns}
    called = leaves(payloads(case, SourceMapping(columns=rules)))
    own = {name for name, column in case.source.made_of.items() if column in rules}
    assert called >= {leaf for leaf in usual if not own & set(leaf[0])}
    assert not own & {name for path, _ in called for name in path}
    for column in columns:
        values = values_of(case, column)
        assert {value for path, value in called if f"Called {column.name}" in path} <= values, column.name
        # Once, and not under a name of the connector's own as well.
        names = {path[-1] for path, value in called if value in values and value is not True}
        assert not names & set(case.source.properties), column.name
    there = {
        name.removeprefix("Called ") for path, _ in called for name in path if name.startswith("Called ")
    }
    # Only orders have an event for each line, and they alone send what is a line's.
    lines = set() if case.source is ORDERS.sources[0] else {each for each in rules if is_of_line(each)}
    assert there == set(rules) - lines


def test_a_website_that_is_dropped_is_no_reason_to_tell_of_the_subsidiary() -> None:
    case = Case(ORDERS, ORDERS.sources[0])
    placed, ordered = payloads(case, SourceMapping(columns={"website": ColumnRule(drop=True)}))
    for event in (event_of(placed), event_of(ordered)):
        assert not {name for name in event if "Website" in name or "Subsidiary" in name}


def test_the_money_of_an_order_is_told_by_a_rate_that_is_called_otherwise() -> None:
    case = Case(ORDERS, ORDERS.sources[0])
    mapping = SourceMapping(columns={"exchangerate": ColumnRule(property="Exchange Rate")})
    (placed, ordered), (usual, _) = payloads(case, mapping), payloads(case, SourceMapping())
    assert event_of(placed) == event_of(usual) | {"Exchange Rate": 1.25}
    assert "NetSuite Currency Total" in event_of(placed)
    assert event_of(ordered)["ItemPrice"] == event_of(placed)["Items"][0]["ItemPrice"]


@pytest.mark.parametrize(
    "mapping",
    [
        SourceMapping(columns={"custbody_web": ColumnRule(property="OrderId")}),
        SourceMapping(columns={"custbody_web": ColumnRule(property="Items")}),
        SourceMapping(columns={"custcol_sku2": ColumnRule(property="SKU")}),
        SourceMapping(columns={"custcol_brand": ColumnRule(property="ProductBrand")}),
        SourceMapping(constants={"ItemNames": "none"}),
    ],
)
def test_a_name_that_klaviyos_events_have_is_not_given_twice(mapping: SourceMapping) -> None:
    orders = ORDERS.sources[0]
    with pytest.raises(MendError, match=r"gives the name '(\w+)', which 'properties\.\1' has already\."):
        check_mapping(orders, mapping, "here")
    left_out = dict.fromkeys(("OrderId", "Items", "SKU", "ProductBrand", "ItemNames"))
    check_mapping(orders, replace(mapping, properties=left_out), "here")


def test_a_property_of_an_event_is_not_called_as_one_of_klaviyos() -> None:
    orders = ORDERS.sources[0]
    named = {"NetSuite ID": "OrderId", "NetSuite Type": "Kind"}
    with pytest.raises(MendError, match=r"gives a name twice: look at OrderId\."):
        check_mapping(orders, SourceMapping(properties=named), "here")
    check_mapping(orders, SourceMapping(properties=named | {"OrderId": None}), "here")


@pytest.mark.parametrize("name", ["id", "link", "title"])
def test_nothing_in_a_feed_is_called_as_what_klaviyo_needs(name: str) -> None:
    source = feed_domain().sources[0]
    mapping = SourceMapping(columns={"custitem_color": ColumnRule(property=name)})
    with pytest.raises(MendError, match=f"gives the name '{name}', which Klaviyo itself has already"):
        check_mapping(source, mapping, "here")
    with pytest.raises(MendError, match=f"gives a name twice: look at {name}"):
        check_mapping(source, SourceMapping(properties={"sku": name}), "here")


def test_the_website_is_still_told_without_extra_columns() -> None:
    case = Case(ORDERS, ORDERS.sources[0])
    placed, _ = payloads(case, SourceMapping(extra=False))
    assert event_of(placed)["NetSuite Website ID"] == 4


def test_a_column_of_the_line_stays_on_the_line_under_another_name() -> None:
    case = Case(ORDERS, ORDERS.sources[0])
    mapping = SourceMapping(
        columns={
            "custcol_engraving": ColumnRule(property="Engraving"),
            "custbody_gift": ColumnRule(property="custcol of old"),
        }
    )
    placed, ordered = map(event_of, payloads(case, mapping))
    assert (ordered["Engraving"], "Engraving" in placed) == ("Ann", False)
    assert (placed["custcol of old"], "custcol of old" in ordered) == ("yes", False)


def test_what_rows_are_rejected_for_cannot_be_filled_by_another_column() -> None:
    mapping = SourceMapping(columns={"custbody_gift": ColumnRule(to="createdfrom")})
    with pytest.raises(MendError, match=r"would fill Created From \(createdfrom\), whose values are checked"):
        check_mapping(ORDERS.sources[0], mapping, "here")
