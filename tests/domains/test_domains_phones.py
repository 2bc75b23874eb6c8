"""Phones become E.164, or nothing."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsuite_connector.domains.phones import e164


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("(415) 555-2671", "US", "+14155552671"),
        ("+44 20 7946 0958", "US", "+442079460958"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("0049 (0)30 901820", "DE", "+4930901820"),
        ("415-555-2671 x12", "US", "+14155552671"),
        ("604 555 0123", "US", "+16045550123"),
        ("555-2671", "US", None),
        ("call me", "US", None),
        ("+", "US", None),
        ("12345678901234567890", "US", None),
        ("(415) 555-2671", "XX", None),
    ],
)
def test_a_number_is_read_by_its_country(text: str, region: str, number: str | None) -> None:
    assert e164(text, region) == number


@settings(max_examples=300)
@given(st.text("0123456789+ ().-x", max_size=18), st.sampled_from(["US", "GB", "DE", "ES", "AR"]))
def test_it_is_what_the_library_says(text: str, region: str) -> None:
    try:
        number = phonenumbers.parse(text, region)
        valid = phonenumbers.is_valid_number(number)
    except phonenumbers.NumberParseException:
        valid = False
    expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if valid else None
    assert e164(text, region) == expected
