"""Which items are in which categories, and which variants an item has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from netsuite_connector.sandbox.klaviyo.account import Account, Answer, Call, Handler
from netsuite_connector.sandbox.klaviyo.catalog import (
    CATEGORY,
    ITEM,
    VARIANT,
    Kind,
    find,
    listed,
    missing,
    refuse_beside_feed,
    shelve,
)
from netsuite_connector.sandbox.klaviyo.database import Database, as_list
from netsuite_connector.sandbox.klaviyo.problems import Refusal
from netsuite_connector.sandbox.klaviyo.query import Where, page, where

_MEMBERS: Final = {
    ("item", "category"): "id IN (SELECT category FROM shelves WHERE item = ?)",
    ("category", "item"): "id IN (SELECT item FROM shelves WHERE category = ?)",
    ("item", "variant"): "parent = ?",
}


@dataclass(frozen=True, slots=True)
class Relation:
    """One direction of a relation: ``kind`` is the one whose others are meant."""

    kind: Kind
    other: Kind

    @property
    def columns(self) -> tuple[str, str]:
        """Their columns of the table ``shelves``."""
        return self.kind.type.removeprefix("catalog-"), self.other.type.removeprefix("catalog-")

    def read(self, account: Account, call: Call) -> Answer:
        """Answers with the related resources."""
        return listed(account, call, self.other, self._conditions(account.database, call))

    def read_ids(self, account: Account, call: Call) -> Answer:
        """Answers with the ids of the related resources."""
        conditions = self._conditions(account.database, call)
        conditions.add("kind = ?", self.other.type)
        found = page(account.database, "SELECT seq, id FROM catalog", conditions, call)
        data = [{"type": self.other.type, "id": row["id"]} for row in found.rows]
        return Answer(200, {"data": data, "links": found.links})

    def add(self, account: Account, call: Call) -> Answer:
        """Relates the resources that were sent too."""
        others = self._sent(account.database, call)
        own, other = self.columns
        account.database.change_many(
            f"INSERT OR IGNORE INTO shelves ({own}, {other}) VALUES (?,?)",  # noqa: S608
            ((call.id, one) for one in others),
        )
        return Answer(204)

    def replace(self, account: Account, call: Call) -> Answer:
        """Relates the resources that were sent and no others."""
        shelve(account.database, self.kind, call.id, self._sent(account.database, call))
        return Answer(204)

    def remove(self, account: Account, call: Call) -> Answer:
        """Parts from the resources that were sent."""
        others = self._sent(account.database, call)
        own, other = self.columns
        account.database.change(
            f"DELETE FROM shelves WHERE {own} = ? AND {other} IN (SELECT value FROM json_each(?))",  # noqa: S608
            (call.id, as_list(others)),
        )
        return Answer(204)

    def _conditions(self, database: Database, call: Call) -> Where:
        if find(database, self.kind, call.id) is None:
            raise Refusal(missing(self.kind, call.id, "/data/id"))
        conditions = where(call, self.other.filters)
        conditions.add(_MEMBERS[self.columns], call.id)
        return conditions

    def _sent(self, database: Database, call: Call) -> list[str]:
        refuse_beside_feed(database)
        if find(database, self.kind, call.id) is None:
            raise Refusal(missing(self.kind, call.id, "/data/id"))
        others = [str(one["id"]) for one in call.body["data"]]
        problems = [
            missing(self.other, one, f"/data/{number}/id")
            for number, one in enumerate(others)
            if find(database, self.other, one) is None
        ]
        if problems:
            raise Refusal(*problems)
        return others


_ITEMS: Final = Relation(CATEGORY, ITEM)
_CATEGORIES: Final = Relation(ITEM, CATEGORY)
_VARIANTS: Final = Relation(ITEM, VARIANT)
HANDLERS: Final[dict[str, Handler]] = {
    "get_items_for_catalog_category": _ITEMS.read,
    "get_item_ids_for_catalog_category": _ITEMS.read_ids,
    "add_items_to_catalog_category": _ITEMS.add,
    "update_items_for_catalog_category": _ITEMS.replace,
    "remove_items_from_catalog_category": _ITEMS.remove,
    "get_categories_for_catalog_item": _CATEGORIES.read,
    "get_category_ids_for_catalog_item": _CATEGORIES.read_ids,
    "add_categories_to_catalog_item": _CATEGORIES.add,
    "update_categories_for_catalog_item": _CATEGORIES.replace,
    "remove_categories_from_catalog_item": _CATEGORIES.remove,
    "get_variants_for_catalog_item": _VARIANTS.read,
    "get_variant_ids_for_catalog_item": _VARIANTS.read_ids,
}
