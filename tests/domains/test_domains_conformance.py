"""What every domain must hold."""

from __future__ import annotations

import pytest

from netsuite_connector.domains.model import Domain, Field
from netsuite_connector.domains.registry import DOMAINS

# The columns that the connector that this one replaces calls mandatory, as search columns of each source.
MANDATORY = {
    "customers": {
        "entityid",
        "email",
        "lastname",
        "phone",
        "mobilephone",
        "globalsubscriptionstatus",
        "pricelevel",
    },
    "contacts": {"entityid", "email", "lastname", "phone", "mobilephone", "globalsubscriptionstatus"},
    "items": {
        "itemid",
        "salesdescription",
        "type",
        "quantityavailable",
        "baseprice",
        "urlcomponent",
        "parent",
    },
    "variants": {
        "itemid",
        "salesdescription",
        "type",
        "quantityavailable",
        "baseprice",
        "urlcomponent",
        "parent",
        "parent.type",
    },
    "orders": {
        "item",
        "item.displayname",
        "item.salesdescription",
        "item.type",
        "item.quantityavailable",
        "item.parent",
        "item.baseprice",
    },
}
domains = pytest.mark.parametrize("domain", DOMAINS.values(), ids=list(DOMAINS))


@domains
def test_the_mandatory_columns_are_those_of_the_product_it_replaces(domain: Domain) -> None:
    for source in domain.sources:
        assert {field.name for field in source.mandatory} >= MANDATORY.get(source.name, set()), source.name


@domains
def test_a_required_value_has_a_mandatory_column(domain: Domain) -> None:
    for source in domain.sources:
        required = {field.name for field in source.fields if field.required and not field.added}
        assert required <= {field.name for field in source.mandatory}


@domains
def test_names_are_told_apart_and_rules_have_words(domain: Domain) -> None:
    assert len({source.name for source in domain.sources}) == len(domain.sources)
    for source in domain.sources:
        names = [field.name for field in source.fields]
        assert len(names) == len(set(names))
        assert all(_has_words(field) for field in source.fields)


def _has_words(field: Field) -> bool:
    ruled = field.pattern is not None or field.one_of is not None or field.minimum is not None
    return bool(field.label) and (field.hint is not None or not ruled)
