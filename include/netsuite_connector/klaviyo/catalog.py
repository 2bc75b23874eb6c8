"""Reads Klaviyo's catalog: what is there, and what it looks like."""

from __future__ import annotations

import typing
from collections.abc import Collection, Iterable, Iterator, Mapping

from netsuite_connector.klaviyo.endpoints import COMPOUND, MEMBERS, CatalogKind
from netsuite_connector.klaviyo.reading import PAGE, portions
from netsuite_connector.klaviyo.transport import Transport


class Catalog:
    """The custom catalog of one account. Ids are external ids here; Klaviyo's compound ones stay inside."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def ids(self, kind: CatalogKind) -> Iterator[str]:
        """The external ids of all categories, items or variants, a page at a time.

        Collect them before anything is deleted: what comes or goes meanwhile may or may not be among them.
        """
        query = {f"fields[{kind}]": "external_id", "page[size]": str(PAGE)}
        for resource in self._transport.get_all(kind.listing, query):
            yield str(resource["attributes"]["external_id"])

    def existing(self, kind: CatalogKind, ids: Iterable[str]) -> set[str]:
        """Those of the external ids that are in the catalog."""
        return {str(resource["attributes"]["external_id"]) for resource in self.read(kind, ids)}

    def read(
        self, kind: CatalogKind, ids: Iterable[str], fields: Collection[str] = ()
    ) -> Iterator[dict[str, typing.Any]]:
        """The resources with these external ids, ``{"id", "attributes"}`` each, in no order; none for an id
        that is not there. ``attributes`` has ``external_id`` and the fields that are asked for. Variants come
        with their item, see :func:`item_of`.
        """
        query = {
            f"fields[{kind}]": ",".join(dict.fromkeys(("external_id", *fields))),
            "page[size]": str(PAGE),
        }
        for portion in portions(COMPOUND + identifier for identifier in ids if identifier):
            query["filter"] = f"any(ids,[{','.join(portion)}])"
            yield from self._transport.get_all(kind.listing, query)

    def members(self, category: str) -> Iterator[str]:
        """The external ids of the items in a category, 100 a request. An item does not show its categories,
        and asking each for them would take a request an item.
        """
        query = {"page[size]": str(PAGE)}
        for resource in self._transport.get_all(MEMBERS, query, job_id=COMPOUND + category):
            yield str(resource["id"]).removeprefix(COMPOUND)


def item_of(variant: Mapping[str, typing.Any]) -> str | None:
    """The external id of the item that a variant, as Klaviyo shows it, belongs to; None where it names
    none.
    """
    item = ((variant.get("relationships") or {}).get("item") or {}).get("data")
    return None if item is None else str(item["id"]).removeprefix(COMPOUND)
