"""Rows of a saved search of one's own to events or profiles."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.custom import event_domain, profile_domain
from netsuite_connector.domains.mapping import ColumnRule, Mapper, SourceMapping
from netsuite_connector.domains.mapping_rules import check_mapped_columns, check_mapping
from netsuite_connector.domains.model import Domain, Site
from netsuite_connector.errors import MendError

SITE = Site(
    store="demo",
    url="https://shop.example",
    item_url="{url}/{urlcomponent}",
    image_url="{url}/{image}",
    country="US",
    currency="EUR",
    live_from="2026-01-01T00:00:00Z",
    as_id=frozenset({"status"}),
)
CASE: dict[str, Any] = {
    "internalid": 7,
    "casenumber": "C-7",
    "email": "Jane@shop.example",
    "startdate": datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
    "cost": 12.5,
    "status": "2",
    "status__text": "In Progress",
    "priority": "1",
    "priority__text": "High",
    "custevent_note": None,
}
CASES = event_domain(
    "cases",
    "customsearch_nsk_cases",
    metric="Support Case",
    email="email",
    time="startdate",
    value="cost",
    mandatory=["casenumber", "email"],
)
VIPS = profile_domain("vips", "customsearch_vips", email="email", mandatory=[])


def shaped(
    domain: Domain, rows: Iterable[dict[str, Any]], mapper: Mapper | None = None
) -> list[dict[str, Any]]:
    batch = pa.Table.from_pylist(list(rows)).to_batches(None)[0]
    batch = batch if mapper is None else mapper.batch(batch)
    shaper = domain.shaper(domain.sources[0], SITE, batch.schema.names)
    records = shaper.feed(batch)
    return [json.loads(payload) for payload in records.payload]


def event_of(element: dict[str, Any]) -> dict[str, Any]:
    event: dict[str, Any] = element["attributes"]["events"]["data"][0]["attributes"]
    return event


def test_a_row_is_an_event_with_its_other_columns_as_properties() -> None:
    (element,) = shaped(CASES, [CASE])
    event = event_of(element)
    assert element["attributes"]["profile"]["data"]["attributes"] == {"email": "jane@shop.example"}
    assert event["metric"]["data"]["attributes"]["name"] == "Support Case"
    assert (event["time"], event["value"], event["value_currency"]) == ("2026-03-01T09:30:00Z", 12.5, "EUR")
    assert event["unique_id"] == "netsuite-cases-7"
    assert event["properties"] == {
        "NetSuite ID": "7",
        "casenumber": "C-7",
        "status": "2",  # as its id, as the store wants it
        "priority": "High",
    }


def test_a_line_has_an_identity_of_its_own() -> None:
    rows = [CASE | {"lineuniquekey": key} for key in (31, 32)]
    assert [event_of(element)["unique_id"] for element in shaped(CASES, rows)] == [
        "netsuite-cases-7-31",
        "netsuite-cases-7-32",
    ]


def test_what_is_old_is_history() -> None:
    old = CASE | {"startdate": datetime(2025, 12, 31, tzinfo=UTC)}
    assert [event_of(element).get("backfill") for element in shaped(CASES, [old, CASE])] == [True, None]


def test_a_date_is_a_moment_too_and_a_text_is_none() -> None:
    (element,) = shaped(CASES, [CASE | {"startdate": date(2026, 3, 1)}])
    assert event_of(element)["time"] == "2026-03-01T00:00:00Z"
    with pytest.raises(MendError, match=r"The column startdate of saved search customsearch_nsk_cases is no"):
        shaped(CASES, [CASE | {"startdate": "yesterday"}])


@pytest.mark.parametrize("cost", ["12.5", True, date(2026, 3, 1)])
def test_an_amount_is_a_number(cost: Any) -> None:
    with pytest.raises(MendError, match=r"The column cost of .* holds no numbers: name another column"):
        shaped(CASES, [CASE | {"cost": cost}])


def test_a_mapping_reads_a_text_as_the_amount() -> None:
    (source,) = CASES.sources
    mapping = SourceMapping(columns={"cost": ColumnRule(to="cost")})
    check_mapping(source, mapping, "flows.cases.mapping.cases")
    given = {"cost": ColumnType.TEXT}
    check_mapped_columns(source, mapping, given, source.search, "flows.cases.mapping.cases")
    mapper = Mapper(source, mapping, SITE)
    events = shaped(CASES, [CASE | {"cost": "12.50"}, CASE | {"cost": "n/a"}], mapper)
    assert [event_of(element).get("value") for element in events] == [12.5, None]
    assert mapper.warnings.total() == 1


def test_its_columns_are_asked_for() -> None:
    (source,) = CASES.sources
    assert {field.name for field in source.mandatory} == {"email", "startdate", "cost", "casenumber"}
    assert [field.name for field in source.fields if field.required] == ["email", "startdate"]


def test_a_row_is_a_profile_and_subscribes_nobody() -> None:
    rows = [{"internalid": 3, "email": "A@shop.example", "custentity_rfm": "545", "points": None}]
    assert shaped(VIPS, rows) == [
        {
            "type": "profile",
            "attributes": {"email": "a@shop.example", "properties": {"custentity_rfm": "545"}},
        }
    ]


def test_the_newest_record_of_an_address_speaks() -> None:
    assert VIPS.merge is not None
    batch = pa.RecordBatch.from_pydict({"internalid": [3, 9], "email": ["A@b.example", "a@b.example"]})
    assert VIPS.merge.key(batch) == ["a@b.example", "a@b.example"]
    ranks = VIPS.merge.rank(VIPS.sources[0], batch)
    assert ranks[1] < ranks[0]
