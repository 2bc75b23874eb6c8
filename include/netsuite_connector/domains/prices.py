"""The price of an item, by price level and currency."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from netsuite_connector.column_type import ColumnType
from netsuite_connector.domains.along import Along, Ints
from netsuite_connector.domains.model import Field, Source
from netsuite_connector.errors import MendError

BASE_LEVEL = "1"
"""The internal id of NetSuite's base price level, the same in every account."""

_SEARCH = "customsearch_nsk_item_prices"


def price_source(level: str | None, currency: str | None) -> Source:
    """The lookup of prices of one price level (without one, of base prices) and one currency (without one,
    of whatever the account has).
    """
    only = {"pricing.pricelevel": (level or BASE_LEVEL,)} | (
        {"pricing.currency": (currency,)} if currency else {}
    )
    return Source(
        name="item_prices",
        search=_SEARCH,
        record_type="item",
        fields=(
            Field("pricing.pricelevel", "Pricing : Price Level", ColumnType.SELECT, mandatory=True),
            Field("pricing.unitprice", "Pricing : Unit Price", ColumnType.NUMBER, mandatory=True),
            Field("pricing.currency", "Pricing : Currency", ColumnType.SELECT, mandatory=True),
            Field("pricing.customer", "Pricing : Customer", ColumnType.SELECT),
            Field("pricing.minimumquantity", "Pricing : Minimum Quantity", ColumnType.NUMBER, mandatory=True),
        ),
        only=only,
    )


def prices(ids: Ints, lookup: Along) -> pa.Array:
    """The price of each item, null where it has none: of the lowest quantity, and nobody's own. Where that
    quantity has no price, the item has none: one for more of it is another.

    Raises MendError where the lookup has prices of several currencies: one can't be told from another.
    """
    table = lookup.rows(ids)
    found: npt.NDArray[np.float64] = np.full(len(ids), np.nan)
    if table is not None:
        if "pricing.customer" in table.column_names:
            table = table.filter(pc.is_null(table["pricing.customer"]))
        priced = table.filter(pc.is_valid(table["pricing.unitprice"]))
        currencies = pc.unique(priced["pricing.currency"])
        if len(currencies) > 1:
            raise MendError(
                f"Saved search {_SEARCH} gives prices in several currencies: set 'catalog.currency' in the "
                "store's YAML file to the internal id of the one to send."
            )
        table = table.filter(pc.is_in(table["pricing.currency"], currencies))
        quantity = pc.fill_null(table["pricing.minimumquantity"], 0.0).to_numpy()
        price = table["pricing.unitprice"].to_numpy()
        owner = table["internalid"].to_numpy()
        order = np.lexsort((np.isnan(price), quantity, owner))
        owners, first = np.unique(owner[order], return_index=True)
        found[np.searchsorted(ids, owners)] = price[order][first]
    return pa.array(found, pa.float64(), from_pandas=True)
