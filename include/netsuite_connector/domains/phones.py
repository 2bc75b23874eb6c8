"""Phone numbers as Klaviyo wants them: E.164."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

# Text of nothing but ASCII digits and the marks people put between them, and those marks.
_PLAIN = re.compile(r"\+?[0-9 ().\-]+")
_MARKS = re.compile(r"[ ().\-]+")


@lru_cache(maxsize=65_536)
def e164(text: str, region: str) -> str | None:
    """``text`` as E.164, read by ``region`` (ISO 3166, two letters) where it has no country code; None
    when it is no valid number.
    """
    if _PLAIN.fullmatch(text):
        # The library would drop the marks too, but looks at every character on its own.
        text = _MARKS.sub("", text)
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    # Nearly all numbers are of the region at hand, which is asked for in half the time.
    if phonenumbers.is_valid_number_for_region(number, region) or phonenumbers.is_valid_number(number):
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return None
