"""Phone numbers as Klaviyo wants them: E.164."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers


@lru_cache(maxsize=65_536)
def e164(text: str, region: str) -> str | None:
    """``text`` as E.164, read as a number of ``region`` (ISO 3166, two letters) where it has no country code;
    None when it is no valid number.
    """
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
