"""What a store says of names, in every flow: each property of the connector's own can be left out or called
otherwise, columns that nothing is said of stay behind where they should, and what belongs to a line stays
there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from netsuite_connector.column_type import TEXT_SUFFIX, ColumnType
from netsuite_connector.domains.catalog_feed import feed_domain
from netsuite_connector.domains.custom import event_domain, profile_domain
from netsuite_connector.domains.events import WEBSITE_TAG
from netsuite_connector.domains.mapping import ColumnRule, Mapper, SourceMapping
from netsuite_connector.domains.mapping_rules import check_mapping
from netsuite_connector.domains.model import Domain, Site, Source
from netsuite_connector.domains.order_flow import DOMAIN as ORDERS
from netsuite_connector.domains.registry import DOMAINS
from netsuite_connector.errors import MendError

SITE = Site("demo", "https://shop.example", "{url}/{urlcomponent}", "{url}/{image}", "US", "USD", "2026")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAMPLES: dict[ColumnType, Any] = {
    ColumnType.TEXT: "some text",
    ColumnType.SELECT: "1",
    ColumnType.MULTISELECT: "1",
    ColumnType.NUMBER: 2.0,
    ColumnType.INTEGER: 2,
    ColumnType.BOOLEAN: True,
    ColumnType.DATE: date(2026, 3, 1),
    ColumnType.DATETIME: NOON,
}
# What a shaper must find, whatever its field's type.
SPECIAL: dict[str, Any] = {
    "email": "jane@shop.example",
    "customermain.email": "jane@shop.example",
    "phone": "4155552671",
    "mobilephone": "4155552671",
    "countrycode": "US",
    "exchangerate": 1.25,
    "categories": ["5"],
}
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


def rows_of(source: Source) -> pa.RecordBatch:
    row = {field.name: SPECIAL.get(field.name, SAMPLES[field.type]) for field in source.fields}
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


def test_the_website_is_still_told_without_extra_columns() -> None:
    case = Case(ORDERS, ORDERS.sources[0])
    placed, _ = payloads(case, SourceMapping(extra=False))
    (event,) = placed["attributes"]["events"]["data"]
    assert event["attributes"]["properties"]["NetSuite Website ID"] == 4


def test_a_column_of_the_line_stays_on_the_line_under_another_name() -> None:
    case = Case(ORDERS, ORDERS.sources[0])
    mapping = SourceMapping(
        columns={
            "custcol_engraving": ColumnRule(property="Engraving"),
            "custbody_gift": ColumnRule(property="custcol of old"),
        }
    )
    placed, ordered = (
        payload["attributes"]["events"]["data"][0]["attributes"]["properties"]
        for payload in payloads(case, mapping)
    )
    assert (ordered["Engraving"], "Engraving" in placed) == ("Ann", False)
    assert (placed["custcol of old"], "custcol of old" in ordered) == ("yes", False)


def test_what_rows_are_rejected_for_cannot_be_filled_by_another_column() -> None:
    mapping = SourceMapping(columns={"custbody_gift": ColumnRule(to="createdfrom")})
    with pytest.raises(MendError, match=r"would fill Created From \(createdfrom\), whose values are checked"):
        check_mapping(ORDERS.sources[0], mapping, "here")
