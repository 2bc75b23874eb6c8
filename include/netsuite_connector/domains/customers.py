"""Customers, leads, prospects and contacts, individuals and companies: each becomes a Klaviyo profile known
by its e-mail address.

Nothing here subscribes anybody: the NetSuite subscription status travels as a property, and Klaviyo's
consents stay as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

import orjson
import pyarrow as pa

from netsuite_connector.domains.columns import extra_columns, extra_properties, present, texts, values
from netsuite_connector.domains.emails import email_field
from netsuite_connector.domains.model import Domain, Field, FieldType, Kind, Merge, Records, Site, Source
from netsuite_connector.domains.phones import e164

PHONE_DROPPED = "Phone left out: not a valid number"

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
        FieldType.SELECT,
        mandatory=True,
        one_of=("1", "2", "3", "4"),
        hint="is not one of NetSuite's four states",
    ),
    Field("isinactive", "Inactive", FieldType.BOOLEAN),
    Field("subsidiary", "Subsidiary", FieldType.SELECT),
)

CUSTOMERS = Source(
    name="customers",
    search="customsearch_nsk_customers",
    record_type="customer",
    fields=(
        *_NAMES,
        Field("companyname", "Company Name"),
        Field("pricelevel", "Price Level", FieldType.SELECT, mandatory=True),
        Field("isperson", "Is Individual", FieldType.BOOLEAN),
        Field("stage", "Stage", FieldType.SELECT),
        Field("salesrep", "Sales Rep", FieldType.SELECT),
        Field("city", "City"),
        Field("state", "State/Province"),
        Field("zipcode", "Zip"),
        Field("countrycode", "Country Code"),
    ),
)

# A contact has no price level of its own in NetSuite's search catalogue; it is mandatory for customers only.
CONTACTS = Source(
    name="contacts",
    search="customsearch_nsk_contacts",
    record_type="contact",
    fields=(*_NAMES, Field("company", "Company", FieldType.SELECT), Field("title", "Job Title")),
)

# Which record speaks for an address that several share: the one furthest on its way to being a customer.
_STAGES = {"CUSTOMER": 0, "PROSPECT": 1, "LEAD": 2}
_CONTACT = 3
_ID_BITS = 48  # internal ids are far below 2^48, so a rank holds class, activity and id in 64 bits

_KNOWN = frozenset(
    name
    for source in (CUSTOMERS, CONTACTS)
    for field in source.fields
    for name in (field.name, f"{field.name}__text")
) | {
    "internalid",
    "datecreated",
    "lastmodifieddate",
}  # a save that changes nothing else is no change of the profile


def _keys(batch: pa.RecordBatch) -> list[str]:
    return [email.lower() for email in values(batch, "email")]


def _ranks(source: Source, batch: pa.RecordBatch) -> list[int]:
    """Customers before prospects, leads and contacts; then active before inactive; then the oldest record
    (lowest internal id).
    """
    ids = values(batch, "internalid")
    inactive = values(batch, "isinactive")
    if source is CONTACTS:
        stages = [_CONTACT] * len(ids)
    else:
        stages = [_STAGES.get((stage or "CUSTOMER").upper(), 0) for stage in values(batch, "stage")]
    return [
        (stage << (_ID_BITS + 1)) | (bool(gone) << _ID_BITS) | id_
        for stage, gone, id_ in zip(stages, inactive, ids, strict=True)
    ]


class ProfileShaper:
    """Rows to ``profile`` elements of a profile bulk import job."""

    def __init__(self, source: Source, site: Site, columns: Collection[str]) -> None:
        self.warnings: Counter[str] = Counter()
        self._contacts = source is CONTACTS
        self._region = site.country
        self._extra = extra_columns(columns, _KNOWN)

    def feed(self, batch: pa.RecordBatch) -> Records:
        """One record a row."""
        records = Records()
        ids = values(batch, "internalid")
        columns = zip(
            values(batch, "email"),
            values(batch, "firstname"),
            values(batch, "lastname"),
            texts(batch, "company") if self._contacts else values(batch, "companyname"),
            values(batch, "title"),
            values(batch, "mobilephone"),
            values(batch, "phone"),
            values(batch, "city"),
            values(batch, "state"),
            values(batch, "zipcode"),
            values(batch, "countrycode"),
            strict=True,
        )
        properties = zip(
            values(batch, "entityid"),
            ["CONTACT"] * len(ids) if self._contacts else values(batch, "stage"),
            values(batch, "isperson"),
            texts(batch, "globalsubscriptionstatus"),
            values(batch, "globalsubscriptionstatus"),
            texts(batch, "pricelevel"),
            texts(batch, "subsidiary"),
            texts(batch, "salesrep"),
            values(batch, "isinactive"),
            values(batch, "datecreated"),
            strict=True,
        )
        for id_, row, known, extra in zip(
            ids, columns, properties, extra_properties(batch, self._extra), strict=True
        ):
            key, attributes = self._attributes(row)
            attributes["properties"] = _properties(id_, known) | extra
            records.add(id_, 0, key, 1, orjson.dumps({"type": "profile", "attributes": attributes}))
        return records

    def finish(self) -> Records:
        """Nothing waits: a row is a record."""
        return Records()

    def _attributes(self, row: tuple[Any, ...]) -> tuple[str, dict[str, Any]]:
        email, first, last, organization, title, mobile, phone, city, region, zipcode, country = row
        key = email.lower()
        attributes: dict[str, Any] = {"email": key} | present(
            (("first_name", first), ("last_name", last), ("organization", organization), ("title", title))
        )
        number = self._phone(mobile, country) or self._phone(phone, country)
        if number:
            attributes["phone_number"] = number
        location = present((("city", city), ("region", region), ("zip", zipcode), ("country", country)))
        if location:
            attributes["location"] = location
        return key, attributes

    def _phone(self, text: str | None, country: str | None) -> str | None:
        if text is None:
            return None
        number = e164(text, country or self._region)
        if number is None:
            self.warnings[PHONE_DROPPED] += 1
        return number


_PROPERTY_NAMES = (
    "NetSuite Name",
    "NetSuite Stage",
    "NetSuite Individual",
    "NetSuite Subscription Status",
    "NetSuite Subscription Status ID",
    "NetSuite Price Level",
    "NetSuite Subsidiary",
    "NetSuite Sales Rep",
    "NetSuite Inactive",
    "NetSuite Created",
)


def _properties(id_: int, known: tuple[Any, ...]) -> dict[str, Any]:
    return {"NetSuite ID": str(id_)} | present(zip(_PROPERTY_NAMES, known, strict=True))


DOMAIN = Domain(
    flow="customers",
    title="Customers",
    description=__doc__ or "",
    sources=(CUSTOMERS, CONTACTS),
    kinds=(Kind.PROFILE, Kind.PROFILE),
    shaper=ProfileShaper,
    merge=Merge(columns=("internalid", "email", "stage", "isinactive"), key=_keys, rank=_ranks),
)
