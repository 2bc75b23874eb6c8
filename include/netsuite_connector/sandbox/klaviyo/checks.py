"""What Klaviyo refuses a whole request for, beyond the schema: bad identifiers, sizes, counts, moments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jsonschema_rs
import orjson

from netsuite_connector.sandbox.klaviyo.clock import parse_moment
from netsuite_connector.sandbox.klaviyo.identifiers import LONGEST_NAME, email_fault, phone_fault
from netsuite_connector.sandbox.klaviyo.people import PLAIN_FIELDS, identity_of
from netsuite_connector.sandbox.klaviyo.problems import Problem, Refusal, invalid

LARGEST_PROFILE: Final = 100_000  # bytes; the specification says 100 KB
LARGEST_EVENT_PROFILE: Final = 95_000
LARGEST_STRING: Final = 100_000
MOST_PROPERTIES: Final = 400
MOST_ENTRIES: Final = 4_000
MOST_LEVELS: Final = 10
LONGEST_UNIQUE_ID: Final = 255
LONGEST_METRIC: Final = 127  # "less than 128 characters"
EARLIEST: Final = datetime(1991, 1, 1, tzinfo=UTC)  # "after the year 1990"
FURTHEST: Final = timedelta(days=366)  # "up to 1 year in the future"


def check_count(rows: list[Any], most: int, what: str, pointer: str) -> None:
    """Raises a Refusal unless a request brings between one and ``most`` rows."""
    if not rows:
        raise Refusal(invalid(f"At least one {what} is required.", pointer))
    if len(rows) > most:
        raise Refusal(
            invalid(f"At most {most} {what}s are allowed in one request, but {len(rows)} were sent.", pointer)
        )


def profile_problems(resource: Mapping[str, Any], pointer: str, *, largest: int | None) -> Iterator[Problem]:
    """What is wrong with a profile. ``largest`` is the most bytes it may have; None when the request is
    smaller anyhow.
    """
    attributes = resource["attributes"]
    email, phone = attributes.get("email"), attributes.get("phone_number")
    # "" is no address either; only null and absence mean that there is none.
    if email is not None and (fault := email_fault(email)):
        yield invalid(fault, f"{pointer}/attributes/email")
    if phone is not None and (fault := phone_fault(phone)):
        yield invalid(fault, f"{pointer}/attributes/phone_number")
    external = attributes.get("external_id")
    if external is not None and not 0 < len(external) <= LONGEST_NAME:
        yield invalid(f"Must be 1 to {LONGEST_NAME} characters long.", f"{pointer}/attributes/external_id")
    for name in PLAIN_FIELDS:
        value = attributes.get(name)
        if value is not None and len(value) > LONGEST_NAME and name != "image":
            yield invalid(f"Must be at most {LONGEST_NAME} characters long.", f"{pointer}/attributes/{name}")
    if largest and len(orjson.dumps(resource)) > largest:
        yield invalid(f"A profile must be at most {largest // 1000} KB.", pointer)


def address_problems(rows: list[dict[str, Any]], pointer: str) -> Iterator[Problem]:
    """What is wrong with the profiles of a consent request, each of which needs an address."""
    for number, row in enumerate(rows):
        yield from profile_problems(row, f"{pointer}/{number}", largest=None)
        if identity_of(row).empty:
            yield invalid("An email or phone_number is required.", f"{pointer}/{number}/attributes")


def _small_value(level: int) -> dict[str, Any]:
    """A schema of values that are within the limits for sure, at the given level and below."""
    if level > MOST_LEVELS:
        return {"type": ["string", "number", "boolean", "null"], "maxLength": LARGEST_STRING // 4}
    inner = {"$ref": f"#/$defs/{level + 1}"}
    return {
        "maxLength": LARGEST_STRING // 4,  # characters, each of which has at most four bytes
        "minimum": -(2**63),
        "maximum": 2**63 - 1,
        "maxItems": MOST_ENTRIES,
        "items": inner,
        "additionalProperties": inner,
    }


_SMALL_VALUES: Final = jsonschema_rs.validator_for(
    {
        "items": {"$ref": "#/$defs/1", "maxProperties": MOST_PROPERTIES},
        "$defs": {str(level): _small_value(level) for level in range(1, MOST_LEVELS + 2)},
    }
)


def all_small(properties: list[Mapping[str, Any]]) -> bool:
    """Whether the properties of all events are within the limits for sure: quick, and nearly always true."""
    return _SMALL_VALUES.is_valid(properties)


def event_problems(
    attributes: Mapping[str, Any], pointer: str, now: float, *, small: bool
) -> Iterator[Problem]:
    """What is wrong with an event's attributes.

    ``now`` is the account's present in seconds; ``small`` says that the properties need no closer look.
    """
    moment = attributes.get("time")
    if moment is not None:
        parsed = parse_moment(moment)
        if parsed is None:
            yield invalid("Not a valid ISO 8601 date-time.", f"{pointer}/time")
        elif not EARLIEST <= parsed <= datetime.fromtimestamp(now, UTC) + FURTHEST:
            yield invalid(
                "Must be after the year 1990 and at most one year in the future.", f"{pointer}/time"
            )
    unique = attributes.get("unique_id")
    if unique is not None and not 0 < len(unique) <= LONGEST_UNIQUE_ID:
        yield invalid(f"Must be 1 to {LONGEST_UNIQUE_ID} characters long.", f"{pointer}/unique_id")
    currency = attributes.get("value_currency")
    if currency is not None and not (len(currency) == 3 and currency.isascii() and currency.isupper()):
        yield invalid("Must be an ISO 4217 currency code.", f"{pointer}/value_currency")
    name = attributes["metric"]["data"]["attributes"]["name"]
    if not 0 < len(name) <= LONGEST_METRIC:
        yield invalid(
            f"Must be 1 to {LONGEST_METRIC} characters long.", f"{pointer}/metric/data/attributes/name"
        )
    if small:
        return
    properties = attributes["properties"]
    if len(properties) > MOST_PROPERTIES:
        yield invalid(f"At most {MOST_PROPERTIES} properties are allowed.", f"{pointer}/properties")
    fault = _value_fault(properties, 1)
    if fault:
        yield invalid(fault, f"{pointer}/properties")


def _value_fault(value: Any, level: int) -> str | None:
    """What is wrong with a property's value, anywhere inside it."""
    if isinstance(value, str):
        # A character takes at least a byte, so only long strings are worth encoding.
        too_long = len(value) * 4 > LARGEST_STRING and len(value.encode()) > LARGEST_STRING
        return f"A string must be at most {LARGEST_STRING // 1000} KB." if too_long else None
    if isinstance(value, dict | list):
        if level > MOST_LEVELS:
            return f"At most {MOST_LEVELS} levels are allowed."
        if isinstance(value, list) and len(value) > MOST_ENTRIES:
            return f"An array must have at most {MOST_ENTRIES} entries."
        for inner in value.values() if isinstance(value, dict) else value:
            fault = _value_fault(inner, level + 1) if isinstance(inner, str | dict | list | int) else None
            if fault:
                return fault
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "A whole number must fit into 64 bits."
    return None
