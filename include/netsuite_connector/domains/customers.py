"""Customers, leads, prospects and contacts, individuals and companies: each becomes a Klaviyo profile known
by its e-mail address.

Nothing here subscribes anybody: the NetSuite subscription status travels as a property, and Klaviyo's
consents stay as they are.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.columns import extra_columns, known_columns, sent, texts, values
from netsuite_connector.domains.emails import email_field
from netsuite_connector.domains.model import Domain, Field, Kind, Merge, Records, Site, Source
from netsuite_connector.domains.objects import encode, object_of
from netsuite_connector.domains.phones import e164

PHONE_PROPERTY = "NetSuite Phone"
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
        ColumnType.SELECT,
        mandatory=True,
        one_of=("1", "2", "3", "4"),
        hint="is not one of NetSuite's four states",
    ),
    Field("isinactive", "Inactive", ColumnType.BOOLEAN),
    Field("subsidiary", "Subsidiary", ColumnType.SELECT),
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
    kind=Kind.PROFILE,
    deleted_types=("contact",),
    fields=(*_NAMES, Field("company", "Company", ColumnType.SELECT), Field("title", "Job Title")),
)

# Which record speaks for an address that several share: the one furthest on its way to being a customer.
_STAGES = ("CUSTOMER", "PROSPECT", "LEAD")
_CUSTOMER = 0
_CONTACT = len(_STAGES)
_ID_BITS = 48  # internal ids are far below 2^48, so a rank holds class, activity and id in 64 bits

# A save that changes nothing else is no change of the profile.
_KNOWN = known_columns((CUSTOMERS, CONTACTS), "internalid", "datecreated", "lastmodifieddate")


def _keys(batch: pa.RecordBatch) -> list[str]:
    keys: list[str] = pc.utf8_lower(batch.column("email")).to_pylist()
    return keys


def _ranks(source: Source, batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Customers before prospects, leads and contacts; then active before inactive; then the oldest record
    (lowest
    internal id).
    """
    names = batch.schema.names
    stages = np.full(batch.num_rows, _CONTACT if source is CONTACTS else _CUSTOMER, dtype=np.int64)
    if "stage" in names and source is not CONTACTS:
        known = pc.index_in(pc.utf8_upper(batch.column("stage")), pa.array(_STAGES))
        stages = known.fill_null(_CUSTOMER).to_numpy(zero_copy_only=False).astype(np.int64)
    ranks: npt.NDArray[np.int64] = (stages << (_ID_BITS + 1)) | batch.column("internalid").to_numpy()
    if "isinactive" in names:
        inactive = batch.column("isinactive").fill_null(False).to_numpy(zero_copy_only=False)  # noqa: FBT003
        ranks |= inactive.astype(np.int64) << _ID_BITS
    return ranks


_PROPERTIES = (
    "NetSuite ID",
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


_PROFILE = object_of("type", "attributes")
_ATTRIBUTES = object_of(
    "email", "first_name", "last_name", "organization", "title", "phone_number", "location", "properties"
)
_LOCATION = object_of("city", "region", "zip", "country")


class ProfileShaper:
    """Rows to ``profile`` elements of a profile bulk import job."""

    def __init__(self, source: Source, site: Site, columns: Collection[str]) -> None:
        self.warnings: Counter[str] = Counter()
        self._contacts = source is CONTACTS
        self._region = site.country
        self._as_id = site.as_id
        self._extra = extra_columns(columns, _KNOWN)
        self._properties = object_of(*_PROPERTIES, *self._extra)

    def feed(self, batch: pa.RecordBatch) -> Records:
        """One record a row."""
        ids = batch.column("internalid").to_pylist()
        emails = _keys(batch)
        country = values(batch, "countrycode")
        places = zip(
            values(batch, "city"), values(batch, "state"), values(batch, "zipcode"), country, strict=True
        )
        properties = (
            [str(id_) for id_ in ids],
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
            *(sent(batch, name, self._as_id) for name in self._extra),
        )
        attributes = map(
            _ATTRIBUTES,
            emails,
            values(batch, "firstname"),
            values(batch, "lastname"),
            texts(batch, "company") if self._contacts else values(batch, "companyname"),
            values(batch, "title"),
            map(self._number, values(batch, "mobilephone"), values(batch, "phone"), country),
            [_LOCATION(*place) if any(place) else None for place in places],
            map(self._properties, *properties),
        )
        payloads = [encode(_PROFILE("profile", row)) for row in attributes]
        return Records(ids, [0] * len(ids), emails, [1] * len(ids), payloads)

    def finish(self) -> Records:
        """Nothing waits: a row is a record."""
        return Records()

    def _number(self, mobile: str | None, phone: str | None, country: str | None) -> str | None:
        """The mobile phone in E.164, or else the other one."""
        for text in (mobile, phone):
            if text is not None:
                number = e164(text, country or self._region)
                if number is not None:
                    return number
                self.warnings[PHONE_DROPPED] += 1
        return None


def without_phone(payload: bytes) -> bytes:
    """The profile with its phone as a mere property: Klaviyo gives a number to one profile, and refuses some
    altogether.
    """
    profile = json.loads(payload)
    attributes = profile["attributes"]
    if "phone_number" in attributes:
        attributes["properties"][PHONE_PROPERTY] = attributes.pop("phone_number")
    return json.dumps(profile, separators=(",", ":")).encode()


DOMAIN = Domain(
    flow="customers",
    title="Customers",
    description=__doc__ or "",
    sources=(CUSTOMERS, CONTACTS),
    shaper=ProfileShaper,
    merge=Merge(columns=("internalid", "email", "stage", "isinactive"), key=_keys, rank=_ranks),
    without_phone=without_phone,
)
