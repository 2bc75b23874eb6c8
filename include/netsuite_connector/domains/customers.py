"""Customers, leads, prospects and contacts, individuals and companies: each becomes a Klaviyo profile known
by its e-mail address.

Nothing here subscribes anybody: the NetSuite subscription status travels as a property, and Klaviyo's
consents stay as they are.

A profile's ``external_id`` is the NetSuite id where that is safe: where no other record has the address or
had it before, and the record never had another. Elsewhere it could make Klaviyo take two people for one, or
one for two, since it plays no part in merging profiles (Klaviyo's guide to profiles).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.columns import extra_columns, known_columns, sent, texts, told, values
from netsuite_connector.domains.emails import email_field
from netsuite_connector.domains.model import Domain, Field, Kind, Merge, Records, Site, Source
from netsuite_connector.domains.objects import encode, object_of
from netsuite_connector.domains.phones import e164

PHONE_PROPERTY = "NetSuite Phone"
PHONE_DROPPED = "Phone left out: not a valid number"

# With an address book the search gives a row for each address; NetSuite shows the default billing address as
# the customer's own.
_OF_AN_ADDRESS = (
    Field("isdefaultbilling", "Default Billing Address", ColumnType.BOOLEAN),
    Field("isdefaultshipping", "Default Shipping Address", ColumnType.BOOLEAN),
    Field("addressinternalid", "Address Internal ID"),
)

_NAMES = (
    Field("entityid", "Name", mandatory=True),
    email_field(),
    Field("firstname", "First Name"),
    Field("lastname", "Last Name", mandatory=True),
    Field("phone", "Phone", mandatory=True),
    Field("mobilephone", "Mobile Phone", mandatory=True),
    # 1 soft opt-in, 2 soft opt-out, 3 confirmed opt-in, 4 confirmed opt-out (SuiteCommerce developers'
    # reference, section 4655046988)
    Field(
        "globalsubscriptionstatus",
        "Global Subscription Status",
        ColumnType.SELECT,
        mandatory=True,
        one_of=("1", "2", "3", "4"),
        hint="is not one of NetSuite's four states",
    ),
    Field("isinactive", "Inactive", ColumnType.BOOLEAN),
    Field("subsidiary", "Subsidiary", ColumnType.SELECT),
    Field("title", "Job Title"),
    Field("category", "Category", ColumnType.SELECT),
    Field("address1", "Address 1"),
    Field("address2", "Address 2"),
    Field("city", "City"),
    Field("state", "State/Province"),
    Field("zipcode", "Zip"),
    Field("countrycode", "Country Code"),
    *_OF_AN_ADDRESS,
)
_ADDRESS_FIRST = tuple(field.name for field in _OF_AN_ADDRESS)

Reader = Callable[[pa.RecordBatch, frozenset[str]], list[Any]]


@dataclass(frozen=True, slots=True)
class _Column:
    """Reads a column; a ``select`` as its text, or as its id where the store says so."""

    name: str
    select: bool = False

    def __call__(self, batch: pa.RecordBatch, as_id: frozenset[str]) -> list[Any]:
        return sent(batch, self.name, as_id) if self.select else values(batch, self.name)


_value = _Column
_select = partial(_Column, select=True)


# What the connector itself says of a record, by the name of the property.
_SHARED: dict[str, Reader] = {
    "NetSuite ID": lambda batch, _: [str(id_) for id_ in batch.column("internalid").to_pylist()],
    "NetSuite Name": _value("entityid"),
    "NetSuite Subscription Status": lambda batch, _: texts(batch, "globalsubscriptionstatus"),
    "NetSuite Subscription Status ID": _value("globalsubscriptionstatus"),
    "NetSuite Category": _select("category"),
    "NetSuite Subsidiary": _select("subsidiary"),
    "NetSuite Inactive": _value("isinactive"),
    "NetSuite Created": _value("datecreated"),
}
_OF_CUSTOMERS: dict[str, Reader] = _SHARED | {
    "NetSuite Stage": _value("stage"),
    "NetSuite Individual": _value("isperson"),
    "NetSuite Price Level": _select("pricelevel"),
    "NetSuite Sales Rep": _select("salesrep"),
    "NetSuite Territory": _select("territory"),
    "NetSuite Source Website": _select("sourcesite"),
    "NetSuite Language": _select("language"),
    "NetSuite Customer First Order Date": _value("firstorderdate"),
    "NetSuite Customer Last Order Date": _value("lastorderdate"),
}
_OF_CONTACTS: dict[str, Reader] = _SHARED | {
    "NetSuite Stage": lambda batch, _: ["CONTACT"] * batch.num_rows,
}


def _made_of(own: Mapping[str, Reader]) -> dict[str, str]:
    return {name: read.name for name, read in own.items() if isinstance(read, _Column)}


_EXTERNAL_ID = "external_id"
_ATTRIBUTE_NAMES = (
    "first_name",
    "last_name",
    "organization",
    "title",
    "phone_number",
    "location",
    _EXTERNAL_ID,
)

CUSTOMERS = Source(
    name="customers",
    search="customsearch_nsk_customers",
    record_type="customer",
    kind=Kind.PROFILE,
    deleted_types=("customer", "lead", "prospect"),
    fields=(
        *_NAMES,
        Field("companyname", "Company Name"),
        Field("pricelevel", "Price Level", ColumnType.SELECT, mandatory=True),
        Field("isperson", "Is Individual", ColumnType.BOOLEAN),
        Field("stage", "Stage", ColumnType.SELECT),
        Field("salesrep", "Sales Rep", ColumnType.SELECT),
        Field("territory", "Territory", ColumnType.SELECT),
        Field("sourcesite", "Source Web Site", ColumnType.SELECT),
        Field("language", "Language", ColumnType.SELECT),
        Field("firstorderdate", "First Order Date", ColumnType.DATE),
        Field("lastorderdate", "Last Order Date", ColumnType.DATE),
    ),
    several=True,
    prefer=_ADDRESS_FIRST,
    properties=tuple(_OF_CUSTOMERS),
    attributes=_ATTRIBUTE_NAMES,
    made_of=_made_of(_OF_CUSTOMERS),
)

# A contact has no price level of its own in NetSuite's search catalogue; it is mandatory for customers only.
CONTACTS = Source(
    name="contacts",
    search="customsearch_nsk_contacts",
    record_type="contact",
    kind=Kind.PROFILE,
    deleted_types=("contact",),
    fields=(*_NAMES, Field("company", "Company", ColumnType.SELECT)),
    several=True,
    prefer=_ADDRESS_FIRST,
    properties=tuple(_OF_CONTACTS),
    attributes=_ATTRIBUTE_NAMES,
    made_of=_made_of(_OF_CONTACTS),
)

# Which record speaks for an address that several share: the one furthest on its way to being a customer.
_STAGES = ("CUSTOMER", "PROSPECT", "LEAD")
_CUSTOMER = 0
_CONTACT = len(_STAGES)
_ID_BITS, _STAGE_BITS = 48, 2  # internal ids are far below 2^48, so a rank holds all three in 64 bits

ALONE = "-alone"
"""The column that tells which records have their address to themselves; no column of NetSuite's is so
called.
"""

# A save that changes nothing else is no change of the profile.
_KNOWN = known_columns((CUSTOMERS, CONTACTS), "internalid", "datecreated", "lastmodifieddate", ALONE)


def _keys(batch: pa.RecordBatch) -> list[str]:
    keys: list[str] = pc.utf8_lower(batch.column("email")).to_pylist()
    return keys


def _ranks(source: Source, batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Active before inactive; then customers before prospects, leads and contacts; then the oldest record
    (lowest internal id).
    """
    names = batch.schema.names
    stages = np.full(batch.num_rows, _CONTACT if source is CONTACTS else _CUSTOMER, dtype=np.int64)
    if "stage" in names and source is not CONTACTS:
        known = pc.index_in(pc.utf8_upper(batch.column("stage")), pa.array(_STAGES))
        stages = known.fill_null(_CUSTOMER).to_numpy(zero_copy_only=False).astype(np.int64)
    ranks: npt.NDArray[np.int64] = (stages << _ID_BITS) | batch.column("internalid").to_numpy()
    if "isinactive" in names:
        inactive = batch.column("isinactive").fill_null(False).to_numpy(zero_copy_only=False)  # noqa: FBT003
        ranks |= inactive.astype(np.int64) << (_ID_BITS + _STAGE_BITS)
    return ranks


_PROFILE = object_of("type", "attributes")
_ATTRIBUTES = object_of("email", *_ATTRIBUTE_NAMES, "properties")
_LOCATION = object_of("address1", "address2", "city", "region", "zip", "country")
_PLACE = ("address1", "address2", "city", "state", "zipcode", "countrycode")


class ProfileShaper:
    """Rows to ``profile`` elements of a profile bulk import job."""

    def __init__(self, source: Source, site: Site, columns: Collection[str]) -> None:
        self.warnings: Counter[str] = Counter()
        self._site = site
        own = _OF_CONTACTS if source is CONTACTS else _OF_CUSTOMERS
        named = [(site.named(name), read) for name, read in own.items()]
        extra = extra_columns(columns, _KNOWN)
        self._readers = [read for name, read in named if name is not None] + [_select(name) for name in extra]
        self._properties = object_of(*(name for name, _ in named if name is not None), *extra)
        organization = _select("company") if source is CONTACTS else _value("companyname")
        attributes: dict[str, Reader] = {
            "first_name": _value("firstname"),
            "last_name": _value("lastname"),
            "organization": organization,
            "title": _value("title"),
            "phone_number": self._numbers,
            "location": self._locations,
            _EXTERNAL_ID: _external_ids,
        }
        self._attributes = [
            read if site.named(name) is not None else _nothing for name, read in attributes.items()
        ]

    def feed(self, batch: pa.RecordBatch) -> Records:
        """One record a row."""
        ids = batch.column("internalid").to_pylist()
        emails = _keys(batch)
        # A phone's country is read whether it is sent or not.
        batch = told(batch, self._site, "countrycode")
        properties = [read(batch, self._site.as_id) for read in self._readers]
        attributes = map(
            _ATTRIBUTES,
            emails,
            *(read(batch, self._site.as_id) for read in self._attributes),
            map(self._properties, *properties) if properties else [None] * len(ids),
        )
        payloads = [encode(_PROFILE("profile", row)) for row in attributes]
        return Records(ids, [0] * len(ids), emails, [1] * len(ids), payloads)

    def finish(self) -> Records:
        """Nothing waits: a row is a record."""
        return Records()

    def _numbers(self, batch: pa.RecordBatch, _: frozenset[str]) -> list[str | None]:
        phones = (values(batch, name) for name in ("mobilephone", "phone", "countrycode"))
        return list(map(self._number, *phones))

    def _locations(self, batch: pa.RecordBatch, _: frozenset[str]) -> list[Any]:
        batch = told(batch, self._site)
        places = zip(*(values(batch, name) for name in _PLACE), strict=True)
        return [_LOCATION(*place) if any(place) else None for place in places]

    def _number(self, mobile: str | None, phone: str | None, country: str | None) -> str | None:
        """The mobile phone in E.164, or else the other one."""
        for text in (mobile, phone):
            if text is not None:
                number = e164(text, country or self._site.country)
                if number is not None:
                    return number
                self.warnings[PHONE_DROPPED] += 1
        return None


def _external_ids(batch: pa.RecordBatch, _: frozenset[str]) -> list[str | None]:
    ids = batch.column("internalid").to_pylist()
    return [str(id_) if alone else None for id_, alone in zip(ids, values(batch, ALONE), strict=True)]


def _nothing(batch: pa.RecordBatch, _: frozenset[str]) -> list[None]:
    return [None] * batch.num_rows


def without_phone(payload: bytes) -> bytes:
    """The profile with its phone as a mere property: Klaviyo gives a number to one profile, and refuses some
    altogether.
    """
    profile = json.loads(payload)
    attributes = profile["attributes"]
    if "phone_number" not in attributes:
        return payload
    attributes.setdefault("properties", {})[PHONE_PROPERTY] = attributes.pop("phone_number")
    return json.dumps(profile, separators=(",", ":")).encode()


def without_external_id(payload: bytes) -> bytes:
    """The profile without its external id, which another profile has."""
    profile = json.loads(payload)
    if profile["attributes"].pop(_EXTERNAL_ID, None) is None:
        return payload
    return json.dumps(profile, separators=(",", ":")).encode()


DOMAIN = Domain(
    flow="customers",
    title="Customers",
    description=__doc__ or "",
    sources=(CUSTOMERS, CONTACTS),
    shaper=ProfileShaper,
    merge=Merge(columns=("internalid", "email", "stage", "isinactive"), key=_keys, rank=_ranks, alone=ALONE),
    without_phone=without_phone,
    without_external_id=without_external_id,
)
