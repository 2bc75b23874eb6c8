"""Personal values as people may see them by default: what kind of value it is, but not whose."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from netsuite_connector.column_type import TEXT_SUFFIX

HIDDEN = "•••"

_EMAIL = re.compile(r"[^\s@<>,;:\"'()]+@[^\s@<>,;:\"'()]+")
_PHONE = re.compile(r"(?<![\w.-])(?!\d{4}-\d\d-\d\d(?!\d))\+?\d[\d ().-]{6,}\d(?![\w-])")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ][\d:.+Z-]+)?")
# Columns whose texts say nothing of a person: codes, kinds, states and the words of the catalog. They are
# NetSuite's own, also of a joined record ("item.type"), or the connector's; one that only ends so is neither.
_HARMLESS = re.compile(
    r"(.+\.)?(type|recordtype|status|stage|statusref|currency|isinactive|internalid|lineuniquekey|itemid"
    r"|item|sku|tranid|taxitem|website|subsidiary|pricelevel|units?|class|department|location|id|metric"
    r"|displayname|storedisplayname|urlcomponent|itemtype|globalsubscriptionstatus|name_of_metric"
    r"|productname|producturl|imageurl|itemnames|categories|brands?|orderid|subscriptionstatus(id)?"
    r"|external_id|unique_id|value_currency|catalog_type|integration_type)"
)
# Fields that an account made for itself, on its records or on joined ones, and formulas may hold anything; so
# may phones that are kept as numbers.
_OWN = re.compile(r"(^|\.)(cust(entity|body|item|col|record|event)|cseg|formula)|phone|fax")
# So may what is sent under names that a store chose. Those below and "NetSuite …" are the connector's.
_NAMED_BY_STORES = frozenset({"properties", "custom_metadata"})
_CONNECTORS = frozenset(
    {
        *("OrderId", "Currency", "DiscountValue", "Tax", "Shipping", "RefundedTotal", "OrderTotal"),
        *("ShipDate", "Probability", "CloseDate", "ExpectedCloseDate", "ExpirationDate"),
        *("ItemNames", "Brands", "Categories", "ProductName", "SKU", "Quantity", "ItemPrice", "RowTotal"),
        *("ProductURL", "ImageURL", "Brand", "ProductBrand", "sku", "type", "quantity_available"),
    }
)
# Shorter than any phone or document, than a day of birth and than a place on the map.
_SHORT_DIGITS = 5


def masked_text(text: str) -> str:
    """A sentence without the addresses and phone numbers in it."""
    return _PHONE.sub(_masked_phone, _EMAIL.sub(_masked_email, text))


def masked(value: Any, name: str = "") -> Any:
    """A row's value, or what was sent of it, without what is personal in it. Numbers, dates, yes and no stay,
    and so do texts of columns that say nothing of a person; of any other text its first letter and its length
    remain. Of fields that an account made for itself only yes, no and short numbers stay.
    """
    return _masked(value, name, named_by_store=False)


def _masked(value: Any, name: str, *, named_by_store: bool) -> Any:
    if isinstance(value, dict):
        return {
            # What an event is called says nothing of whose it is.
            key: each
            if key == "metric" and not named_by_store
            else _masked(
                each,
                key if key not in {"text", "id"} else name,
                named_by_store=named_by_store or key in _NAMED_BY_STORES,
            )
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_masked(each, name, named_by_store=named_by_store) for each in value]
    column = _column(name)
    chosen = named_by_store and name not in _CONNECTORS and not name.startswith("NetSuite ")
    if chosen or _OWN.search(column):
        return value if _says_little(value) else _masked_word(str(value))
    if not isinstance(value, str) or not value or _MOMENT.fullmatch(value):
        return value
    return masked_text(value) if _HARMLESS.fullmatch(column) else _masked_word(value)


def _column(name: str) -> str:
    """The column behind a property, or behind a select's text: *NetSuite Price Level* is pricelevel."""
    return name.removesuffix(TEXT_SUFFIX).lower().removeprefix("netsuite ").replace(" ", "")


def _says_little(value: Any) -> bool:
    if isinstance(value, (int, float, Decimal)):  # yes and no are 1 and 0
        return sum(map(str.isdigit, f"{value:f}".rstrip("0"))) <= _SHORT_DIGITS
    return value is None or value == ""


def _masked_word(text: str) -> str:
    if _EMAIL.fullmatch(text):
        return _EMAIL.sub(_masked_email, text)
    return f"{text[0]}{HIDDEN} ({len(text)} characters)"


def _masked_email(match: re.Match[str]) -> str:
    return f"{match.group()[0]}{HIDDEN}@{HIDDEN}"


def _masked_phone(match: re.Match[str]) -> str:
    # Eight digits may be a date or an id; with a plus or separators between them they are a phone number.
    return f"{HIDDEN}{match.group()[-2:]}"
