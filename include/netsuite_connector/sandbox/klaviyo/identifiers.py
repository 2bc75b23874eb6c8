"""The account's ids, and what an e-mail address, a phone number and an external id must look like."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

import phonenumbers

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32, as in Klaviyo's own profile ids
PROFILE_PREFIX: Final = "01SB"
PROFILE_LENGTH: Final = 26

LONGEST_EMAIL: Final = 100  # Klaviyo's developer guide
LONGEST_NAME: Final = 255  # also of an external id

# The domains whose events Klaviyo takes and then drops, while profiles there are kept.
TEST_DOMAINS: Final = ("example.com", "test.com")

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_EMAIL = re.compile(rf"{_LOCAL}@(?:{_LABEL}\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]")
_E164 = re.compile(r"\+[1-9]\d{6,14}")


def encode(prefix: str, number: int, length: int) -> str:
    """An id of the given length that says nothing to a caller, made from a row's number."""
    digits = ""
    while number:
        number, digit = divmod(number, 32)
        digits = ALPHABET[digit] + digits
    return prefix + digits.rjust(length - len(prefix), "0")


def decode(prefix: str, identifier: str) -> int | None:
    """The row's number in an id made by :func:`encode`; None when it is none of ours."""
    digits = identifier.removeprefix(prefix)
    if digits == identifier or not digits or any(digit not in ALPHABET for digit in digits):
        return None
    number = 0
    for digit in digits:
        number = number * 32 + ALPHABET.index(digit)
    return number if number < 2**63 else None


def profile_id(number: int) -> str:
    """The id of a profile by its row number."""
    return encode(PROFILE_PREFIX, number, PROFILE_LENGTH)


def email_fault(email: str) -> str | None:
    """What is wrong with an e-mail address, or None."""
    if len(email) > LONGEST_EMAIL:
        return f"Email addresses must be at most {LONGEST_EMAIL} characters long."
    if not _EMAIL.fullmatch(email) or email.index("@") > 64:
        return "Invalid email address"
    return None


def phone_fault(phone: str) -> str | None:
    """What is wrong with a phone number, or None: it must be E.164 and of a length that its country has."""
    if not _E164.fullmatch(phone):
        return "Invalid phone number format (Must use E.164 format, for example +12345678901)."
    for digits in (1, 2, 3):
        lengths = _national_lengths(int(phone[1 : 1 + digits]))
        if lengths:
            return None if len(phone) - 1 - digits in lengths else "Invalid phone number: it does not exist."
    return "Invalid phone number: no such country calling code."


def is_test_domain(email: str | None) -> bool:
    """Whether Klaviyo drops the events of this address."""
    return email is not None and email.endswith(TEST_DOMAINS) and email.rpartition("@")[2] in TEST_DOMAINS


@cache
def _national_lengths(calling_code: int) -> frozenset[int]:
    """Lengths that national numbers of a calling code can have; empty when nobody has the code."""
    lengths: set[int] = set()
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(calling_code, ()):
        metadata = (
            phonenumbers.PhoneMetadata.metadata_for_nongeo_region(calling_code, None)
            if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY
            else phonenumbers.PhoneMetadata.metadata_for_region(region, None)
        )
        if metadata is not None and metadata.general_desc is not None:
            lengths.update(metadata.general_desc.possible_length)
    return frozenset(lengths)
