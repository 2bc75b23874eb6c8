"""A saved search without a mandatory column stops the run, by name."""

from __future__ import annotations

import pytest

from netsuite_connector.domains.model import Field, Source
from netsuite_connector.errors import MendError
from netsuite_connector.quality.columns import check_columns

SOURCE = Source(
    "customers",
    "customsearch_default",
    "customer",
    (
        Field("email", "Email", mandatory=True),
        Field("pricelevel", "Price Level", mandatory=True),
        Field("phone", "Phone"),
    ),
)


def test_every_missing_column_is_named_with_its_label_and_the_search() -> None:
    with pytest.raises(MendError) as caught:
        check_columns(SOURCE, ["internalid", "phone"], "customsearch_mine")
    assert "Saved search customsearch_mine lacks 2 mandatory columns" in str(caught.value)
    assert "Email (email), Price Level (pricelevel)" in str(caught.value)
    with pytest.raises(MendError, match=r"lacks a mandatory column: Price Level \(pricelevel\)\. Add"):
        check_columns(SOURCE, {"email": "string"}, "customsearch_mine")


def test_optional_columns_may_be_missing_and_others_may_be_there() -> None:
    check_columns(SOURCE, ["pricelevel", "email", "custentity_x"], "customsearch_mine")
