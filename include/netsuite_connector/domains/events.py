"""What all events of transactions have in common: the columns they read, how their properties are called,
their addresses and storefront, and the frame in which Klaviyo takes them.

The saved searches give a row a line, with the transaction's own fields repeated on each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa

from netsuite_connector.column_type import TEXT_SUFFIX, ColumnType
from netsuite_connector.domains.columns import extra_columns, known_columns, sent, texts, values
from netsuite_connector.domains.emails import email_field
from netsuite_connector.domains.model import Field, Site, Source
from netsuite_connector.domains.objects import as_json, encode, object_of

# Klaviyo's parts of an address, and what NetSuite calls them behind "ship" and "bill".
_ADDRESS_PARTS = {
    "Address1": "address1",
    "Address2": "address2",
    "City": "city",
    "RegionCode": "state",
    "CountryCode": "countrycode",
    "Zip": "zip",
    "Phone": "phone",
}
_PART_LABELS = {
    "address1": "Address 1",
    "address2": "Address 2",
    "city": "City",
    "state": "State/Province",
    "countrycode": "Country Code",
    "zip": "Zip",
    "phone": "Phone",
}

HEADER_FIELDS = (
    Field("tranid", "Document Number", mandatory=True, required=True),
    Field("type", "Type", ColumnType.SELECT, mandatory=True),
    Field("datecreated", "Date Created", ColumnType.DATETIME, mandatory=True, required=True),
    email_field("customermain.email", "Customer : Email", events=True),
    Field("entity", "Name", ColumnType.SELECT),
    Field("trandate", "Date", ColumnType.DATE),
    Field("statusref", "Status", ColumnType.SELECT),
    Field("currency", "Currency", ColumnType.SELECT),
    Field("exchangerate", "Exchange Rate", ColumnType.NUMBER),
    Field("website", "Web Site"),
    Field("subsidiary", "Subsidiary", ColumnType.SELECT),
    Field("source", "Source", ColumnType.SELECT),
    Field("salesrep", "Sales Rep", ColumnType.SELECT),
    Field("shipmethod", "Ship Via", ColumnType.SELECT),
    *(
        Field(f"{place}{part}", f"{title} : {label}")
        for place, title in (("ship", "Shipping"), ("bill", "Billing"))
        for part, label in {"addressee": "Addressee", **_PART_LABELS}.items()
    ),
)
ITEM_FIELDS = (
    Field("fxamount", "Amount (Foreign Currency)", ColumnType.NUMBER),
    Field("pricelevel", "Price Level", ColumnType.SELECT),
    Field("memo", "Memo"),
    Field("item.displayname", "Item : Display Name"),
    Field("item.salesdescription", "Item : Description"),
    Field("item.type", "Item : Type", ColumnType.SELECT),
    Field("item.quantityavailable", "Item : Available", ColumnType.NUMBER),
    Field("item.parent", "Item : Parent", ColumnType.SELECT),
    Field("item.baseprice", "Item : Base Price", ColumnType.NUMBER),
    Field("item.urlcomponent", "Item : URL Component"),
    Field("item.imageurl", "Item : Image URL"),
    Field("item.storedisplayimage", "Item : Store Display Image", ColumnType.SELECT),
    Field("item.manufacturer", "Item : Manufacturer"),
    Field("item.category", "Item : Category"),
)
# Columns that say nothing to a marketer, or nothing that another does not say: read or not, they are never
# sent under their own names.
_LEFT_OUT = (
    *("internalid", "lineuniquekey", "line", "lastmodifieddate", "email", "mainname", "mainline", "closed"),
    *("createdfrom", "createdfrom.tranid", "createdfrom.type", "createdfrom.statusref", "otherrefnum"),
    *("quantityshiprecv", "signedamount", "opportunity", "location", "forecasttype"),
    *("customermain.firstname", "customermain.lastname"),
)
# Columns that are sent under names of their own belong to the line when NetSuite keeps them there; all others
# describe the transaction.
_LINE_PREFIXES = ("custcol", "item.")
_LINE_COLUMNS = {
    *("options", "grossamount", "netamount", "taxamount", "taxcode", "units", "quantitybilled"),
    *("linesequencenumber", "effectiverate", "item", "quantity", "rate", "amount", "fxamount", "pricelevel"),
    *("memo", "quantityshiprecv"),
}

# The shipped searches have a text formula that begins so and ends with the website's internal id, which has
# no column of its own. It is found by what it says, as NetSuite numbers formulas by where they stand.
WEBSITE_TAG = "NSK website "
_FORMULA = "formulatext"
TAGGED = (_FORMULA, WEBSITE_TAG.strip())
"""How :attr:`Source.tagged` says that."""

# An element of an event bulk create job, around the profile's address and the event's attributes.
BEFORE_EMAIL = (
    b'{"type":"event-bulk-create","attributes":{"profile":{"data":{"type":"profile","attributes":{"email":'
)
BEFORE_EVENT = b'}}},"events":{"data":[{"type":"event","attributes":'
AFTER_EVENT = b"}]}}}"
_EVENT = object_of("properties", "time", "value", "value_currency", "unique_id", "metric", "backfill")


def metric(name: str) -> msgspec.Raw:
    """The metric of an event, encoded."""
    return as_json({"data": {"type": "metric", "attributes": {"name": name}}})


def event_element(  # noqa: PLR0913, PLR0917 - an event's parts
    site: Site,
    email: str,
    properties: Any,
    moment: str,
    value: float | None,
    key: str,
    name: msgspec.Raw,
) -> bytes:
    """One event of one profile. What happened before the store went live is history: Klaviyo records it, but
    no flow e-mails anybody about it.
    """
    history = True if moment < site.live_from else None
    currency = None if value is None else site.currency
    event = _EVENT(properties, moment, value, currency, key, name, history)
    return b"".join((BEFORE_EMAIL, encode(email.lower()), BEFORE_EVENT, encode(event), AFTER_EVENT))


# ---- names ------------------------------------------------------------------------------------------------

SOLD_NAMES = (
    "ProductID",
    "VariantID",
    "SKU",
    "ProductName",
    "Quantity",
    "ItemPrice",
    "RowTotal",
    "ProductURL",
)
ITEM_NAMES = (
    *SOLD_NAMES,
    *("ImageURL", "Brand", "Categories", "NetSuite Currency Amount", "NetSuite Price Level"),
)

# Property -> the column of which it is made, in all events.
_MADE_OF = {
    "NetSuite Type": "type",
    "NetSuite Status": "statusref",
    "Currency": "currency",
    "NetSuite Ship Via": "shipmethod",
    "NetSuite Website ID": "website",
    "NetSuite Website": "website",
    "NetSuite Subsidiary ID": "subsidiary",
    "NetSuite Subsidiary": "subsidiary",
    "NetSuite Currency Amount": "fxamount",
    "NetSuite Price Level": "pricelevel",
}
# Properties that Klaviyo knows by these names: a store may leave them out, but not call them otherwise.
_KLAVIYOS = {
    *("OrderId", "ItemNames", "Brands", "Categories", "Items", "DiscountCode", "DiscountValue", "Reason"),
    *("BillingAddress", "ShippingAddress", "ProductID", "SKU", "ProductName", "Quantity", "ItemPrice"),
    *("RowTotal", "ProductURL", "ImageURL", "Brand", "ProductBrand"),
}


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a source's properties, as :class:`Source` has them: the connector's own, and Klaviyo's."""

    properties: tuple[str, ...]
    attributes: tuple[str, ...]
    made_of: Mapping[str, str]


def named(known: Mapping[str, str], *more: str) -> Names:
    """The names that all events have, and these; ``known`` is property -> the transaction's column."""
    every = dict.fromkeys((*_COMMON_NAMES, *STOREFRONT, *ITEM_NAMES, *known, *more))
    made_of = {**_MADE_OF, **known}
    return Names(
        tuple(name for name in every if name not in _KLAVIYOS),
        tuple(name for name in every if name in _KLAVIYOS),
        {name: column for name, column in made_of.items() if name not in _KLAVIYOS},
    )


# ---- columns ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Extra:
    """The columns that an administrator added, by what they belong to."""

    header: list[str]
    line: list[str]


def extra_of(source: Source, site: Site, columns: Collection[str], *used: str) -> Extra:
    """What the search of ``source`` has beside the columns that its events know. What belongs to a line does
    so under whatever name the store gives it.
    """
    left_out = {name for each in (*_LEFT_OUT, *used) for name in (each, each + TEXT_SUFFIX)}
    extra = extra_columns(columns, known_columns((source,), *left_out))
    line = [name for name in extra if _is_of_line(site.column_of(name))]
    return Extra([name for name in extra if name not in line], line)


def _is_of_line(column: str) -> bool:
    return column.startswith(_LINE_PREFIXES) or column in _LINE_COLUMNS


def extra_values(batch: pa.RecordBatch, names: Iterable[str], site: Site) -> list[list[Any]]:
    """What is sent of added columns, without the one that tells the website."""
    tagged = _website_formula(batch)
    return [[None] * batch.num_rows if name == tagged else sent(batch, name, site.as_id) for name in names]


@dataclass(frozen=True, slots=True)
class Properties:
    """Properties that are read from a column each; those whose columns the search lacks cost nothing."""

    names: tuple[str, ...]
    columns: tuple[str, ...]

    @classmethod
    def of(cls, known: Mapping[str, str], columns: Collection[str]) -> Properties:
        """``known`` is property -> column."""
        there = {name: column for name, column in known.items() if column in columns}
        return cls(tuple(there), tuple(there.values()))

    def values(self, batch: pa.RecordBatch, site: Site) -> list[list[Any]]:
        """A list of values for each property."""
        return [sent(batch, column, site.as_id) for column in self.columns]


def nothing() -> Iterator[pa.RecordBatch]:
    """What a lookup gives that is not there, as when a single row is shown to a person."""
    return iter(())


# ---- storefront -------------------------------------------------------------------------------------------

STOREFRONT = ("NetSuite Website ID", "NetSuite Website", "NetSuite Subsidiary ID", "NetSuite Subsidiary")
_COMMON_NAMES = (
    *("NetSuite ID", "NetSuite Type", "NetSuite Status", "Currency", "NetSuite Ship Via"),
    *("BillingAddress", "ShippingAddress", "ItemNames", "Brands", "Categories", "Items"),
)


def _website_formula(batch: pa.RecordBatch) -> str | None:
    for name in batch.schema.names:
        if name.startswith(_FORMULA) and pa.types.is_string(batch.schema.field(name).type):
            column = batch.column(name)
            first = next((text for text in column[:100].to_pylist() if text), "")
            if first.startswith(WEBSITE_TAG.strip()):
                return str(name)
    return None


def _number(text: Any) -> int | None:
    return int(text) if text is not None and str(text).isdigit() else None


def website_ids(batch: pa.RecordBatch) -> list[int | None]:
    """The internal id of each row's website; None where there is none, or the search does not tell."""
    if "website" + TEXT_SUFFIX in batch.schema.names:
        return [_number(id_) for id_ in values(batch, "website")]
    formula = _website_formula(batch)
    if formula is None:
        return [None] * batch.num_rows
    return [_number((text or "").removeprefix(WEBSITE_TAG)) for text in values(batch, formula)]


def storefronts(batch: pa.RecordBatch) -> list[list[Any]]:
    """The values of the properties ``STOREFRONT``: the website, or the subsidiary where there is none."""
    names = texts(batch, "website")
    subsidiaries = zip(values(batch, "subsidiary"), texts(batch, "subsidiary"), strict=True)
    rows = [
        (id_, name, None, None) if name or id_ else (None, None, _number(subsidiary), text)
        for id_, name, (subsidiary, text) in zip(website_ids(batch), names, subsidiaries, strict=True)
    ]
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[], [], [], []]


# ---- addresses --------------------------------------------------------------------------------------------


class Addresses:
    """A transaction's shipping or billing address, of the columns that the search has."""

    def __init__(self, place: str, columns: Collection[str]) -> None:
        parts = {name: f"{place}{part}" for name, part in _ADDRESS_PARTS.items()}
        self._columns = [column for column in parts.values() if column in columns]
        self._addressee = f"{place}addressee" if f"{place}addressee" in columns else None
        names = [name for name, column in parts.items() if column in columns]
        self._address = object_of(*(("FirstName", "LastName") if self._addressee else ()), *names)
        self.there = bool(names or self._addressee)

    def of(self, batch: pa.RecordBatch) -> list[Any]:
        """An object for each row; None for one without an address."""
        if not self.there:
            return [None] * batch.num_rows
        columns = [values(batch, column) for column in self._columns]
        if self._addressee:
            names = [_two_names(addressee) for addressee in values(batch, self._addressee)]
            columns = [*(list(each) for each in zip(*names, strict=True)), *columns]
        return [self._address(*row) if any(row) else None for row in zip(*columns, strict=True)]


def _two_names(addressee: str | None) -> tuple[str | None, str | None]:
    """The first word of an addressee, and the rest."""
    first, _, rest = (addressee or "").partition(" ")
    return first or None, rest or None
