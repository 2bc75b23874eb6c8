"""Compares what the sandbox Klaviyo account holds with what NetSuite's raw records call for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import requests

from netsuite_connector.demo import expectation, expected_orders
from netsuite_connector.demo.expectation import Holding, Record
from netsuite_connector.demo.options import DemoError

SHOWN = 5
_PAGE = 5000


@dataclass(frozen=True, slots=True)
class Finding:
    """What came out for one kind of thing that Klaviyo holds: a sentence, and one for each difference."""

    what: str
    sentence: str
    differences: list[str]


def verify(netsuite_url: str, klaviyo_url: str) -> list[Finding]:
    """Reads both accounts, past the flows' own paths, and compares them. Raises DemoError when one does not
    answer.
    """
    with requests.Session() as session:
        session.trust_env = False
        try:
            records = {
                kind: list(netsuite_records(session, netsuite_url, kind))
                for kind in ("customer", "contact", "item", "transaction")
            }
            held = {
                kind: list(dump(session, klaviyo_url, kind))
                for kind in ("profiles", "events", "categories", "items", "variants")
            }
        except requests.RequestException as error:
            raise DemoError(f"A sandbox account does not let itself be read: {error}") from error
    orders = records["transaction"], records["customer"]
    wanted = expected_orders.events(*orders)
    found = held_events(held["events"])
    metrics = sorted({event["metric"] for event in [*wanted.values(), *found.values()]})
    return [
        compare(
            "profiles",
            with_orders(
                expectation.profiles(records["customer"], records["contact"]),
                expected_orders.storefronts(*orders),
            ),
            held_profiles(held["profiles"]),
        ),
        compare("categories", expectation.categories(records["item"]), held_categories(held["categories"])),
        compare("catalog items", expectation.items(records["item"]), held_catalog(held["items"])),
        compare("variants", expectation.variants(records["item"]), held_catalog(held["variants"])),
        *(compare(metric, _of(metric, wanted), _of(metric, found)) for metric in metrics),
    ]


def netsuite_records(session: requests.Session, url: str, kind: str) -> Iterator[Record]:
    """All raw records of a type, with their NetSuite field ids."""
    after: int | None = 0
    while after is not None:
        answer = session.get(
            f"{url}/sandbox/records/{kind}", params={"after": after, "limit": _PAGE}, timeout=120
        )
        answer.raise_for_status()
        page = orjson.loads(answer.content)
        yield from page["records"]
        after = page["next"]


def dump(session: requests.Session, url: str, kind: str) -> Iterator[Record]:
    """All that the sandbox Klaviyo account holds of a kind."""
    with session.get(f"{url}/sandbox/{kind}", stream=True, timeout=120) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            yield orjson.loads(line)


def held_profiles(rows: list[Record]) -> Holding:
    """Profiles by address, as ``expectation.profiles`` has them."""
    return {
        row["email"]: {
            "NetSuite ID": (row.get("properties") or {}).get("NetSuite ID"),
            "first name": row.get("first_name") or None,
            "last name": row.get("last_name") or None,
            **_orders_of(row.get("properties") or {}),
        }
        for row in rows
    }


def _orders_of(properties: Record) -> dict[str, Any]:
    """What a profile tells of its orders, as ``expected_orders.storefronts`` has it."""
    days = {name: properties.get(f"NetSuite {name.title()} Date") for name in ("first order", "last order")}
    return {
        "original website": properties.get("NetSuite Original Website ID"),
        "websites": properties.get("NetSuite Website IDs") or [],
        **{name: day and expectation.minute(day) for name, day in days.items()},
    }


def with_orders(profiles: Holding, orders: Holding) -> Holding:
    """The profiles with what their orders tell; a customer without orders has nothing of it."""
    return {email: profile | (orders.get(email) or _orders_of({})) for email, profile in profiles.items()}


def held_events(rows: list[Record]) -> Holding:
    """Events by metric and ``unique_id``, as ``expected_orders.events`` has them."""
    return {
        f"{row['metric']} {row['unique_id']}": {
            "metric": row["metric"],
            "value": None if row["value"] is None else round(row["value"], 2),
            "email": row["email"],
            "time": expectation.minute(row["datetime"]),
            "website": (row.get("properties") or {}).get("NetSuite Website ID"),
        }
        for row in rows
    }


def held_catalog(rows: list[Record]) -> Holding:
    """Items or variants that are published, by compound id, as ``expectation.items`` and
    ``expectation.variants`` have them.
    """
    return {
        row["id"]: {"title": row["title"], "description": row["description"], "price": round(row["price"], 2)}
        | ({"stock": row["inventory_quantity"], "item": row["item"]} if "item" in row else {})
        for row in rows
        if row["published"]
    }


def held_categories(rows: list[Record]) -> Holding:
    """Categories by compound id, as ``expectation.categories`` has them."""
    return {row["id"]: {"name": row["name"]} for row in rows}


def compare(what: str, wanted: Holding, found: Holding) -> Finding:
    """The differences, one sentence each, by identity. Values are not shown: they may be personal."""
    differences = [f"{_name(key, wanted[key])} is missing" for key in wanted if key not in found]
    differences += [f"{_name(key, found[key])} should not be there" for key in found if key not in wanted]
    for key in wanted.keys() & found.keys():
        fields = [name for name, value in wanted[key].items() if found[key].get(name) != value]
        if fields:
            differences.append(f"{_name(key, wanted[key])} differs in {', '.join(fields)}")
    values = [record["value"] for record in found.values() if record.get("value") is not None]
    worth = f" worth {sum(values):,.2f}" if values else ""
    agrees = f"{len(differences):,} of them differ" if differences else "agrees"
    return Finding(what, f"{len(found):,}{worth}: {agrees}", differences)


def _of(metric: str, events: Holding) -> Holding:
    return {key: event for key, event in events.items() if event["metric"] == metric}


def _name(key: str, record: dict[str, Any]) -> str:
    """What a record is called in a message; an address is not."""
    if "@" not in key:
        return key
    return (
        f"the profile of NetSuite record {record['NetSuite ID']}"
        if record["NetSuite ID"]
        else "a profile of no NetSuite record"
    )
